import { computed, watch } from 'vue'
import { createI18n } from 'vue-i18n'
import { useStored } from '@/composables/useStored'
import { messages } from './catalogue'
import { sayer } from './said'

export const LOCALES = ['en', 'zh-CN'] as const
export type Locale = (typeof LOCALES)[number]
/** Each language in its own words. */
export const LOCALE_NAMES: Record<Locale, string> = { en: 'English', 'zh-CN': '简体中文' }

const wish: Locale = navigator.language.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
const stored = useStored<Locale>('language', wish)

export const i18n = createI18n({
  legacy: false,
  locale: stored.value,
  fallbackLocale: 'en',
  messages,
})

watch(
  stored,
  (locale) => {
    i18n.global.locale.value = locale
    document.documentElement.lang = locale
  },
  { immediate: true },
)

/** The language of the page, kept in this browser. */
export const useLocale = () => stored

/** A sentence of the server in our language; one without a text of ours stays as it is. */
export const said = sayer(i18n.global.t, i18n.global.te)

/** A text that the server keeps by language (`{en, zh-CN}`), in ours, else in any. */
export function useLabel() {
  const locale = computed(() => stored.value)
  return (labels: Record<string, string> | undefined, fallback = ''): string =>
    labels?.[locale.value] || labels?.en || Object.values(labels ?? {})[0] || fallback
}
