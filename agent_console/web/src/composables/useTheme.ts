import { computed, ref, watchEffect } from 'vue'
import { useStored } from './useStored'

export type ThemeChoice = 'system' | 'light' | 'dark'

const dark = window.matchMedia('(prefers-color-scheme: dark)')
const systemDark = ref(dark.matches)
dark.addEventListener('change', (event) => (systemDark.value = event.matches))

const choice = useStored<ThemeChoice>('theme', 'system')
const isDark = computed(() => (choice.value === 'system' ? systemDark.value : choice.value === 'dark'))

watchEffect(() => {
  document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light'
})

/** Light or dark: the system's wish, unless this person chose. */
export function useTheme() {
  return { choice, isDark }
}
