import { useI18n } from 'vue-i18n'
import { inWords } from '@/api/http'
import type { Fault, Outcome } from '@/socket/outbox'

/** A refusal in the reader's language: our text for the code, else the server's own words. */
export function useFault() {
  const { t, te } = useI18n()
  const text = (fault: Fault): string =>
    fault.said
      ? inWords(fault.message, fault.said)
      : te(`fault.${fault.code}`)
        ? t(`fault.${fault.code}`)
        : fault.message || t('fault.unknown', { code: fault.code })
  return {
    text,
    of: (outcome: Outcome): string => (outcome.ok ? '' : text(outcome.error)),
  }
}
