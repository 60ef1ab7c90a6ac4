import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { ApiError } from '@/api/http'
import { useToasts } from '@/stores/toasts'

/** Sending a form: its errors by field, a general one, and "saved" when it went well (`said` empty: nothing). */
export function useSave() {
  const { t } = useI18n()
  const toasts = useToasts()
  const busy = ref(false)
  const error = ref('')
  const fields = ref<Record<string, string>>({})

  async function save<T>(send: () => Promise<T>, said = t('action.saved')): Promise<T | null> {
    if (busy.value) return null
    busy.value = true
    error.value = ''
    fields.value = {}
    try {
      const answer = await send()
      if (said) toasts.tell('success', said)
      return answer ?? (true as T)
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught
      fields.value = caught.fields
      error.value = caught.problem.status === 409 ? caught.message || t('form.conflict') : caught.message
      return null
    } finally {
      busy.value = false
    }
  }

  /** The message for a field, or for a part of it (`phones.0`). */
  const of = (name: string) =>
    fields.value[name] ?? Object.entries(fields.value).find(([key]) => key.startsWith(`${name}.`))?.[1] ?? ''

  return { busy, error, fields, of, save }
}
