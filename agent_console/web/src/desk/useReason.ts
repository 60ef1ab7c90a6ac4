import { useI18n } from 'vue-i18n'
import { useLabel } from '@/i18n'
import { useDesk } from '@/stores/desk'

const AT_THE_PBX = 'pbx:'

/** Why somebody is not ready, in words: a reason that people choose, one of our own, or one set at the PBX. */
export function useReason() {
  const { t, te } = useI18n()
  const desk = useDesk()
  const label = useLabel()
  return (code: string | null | undefined): string => {
    if (!code) return ''
    if (code.startsWith(AT_THE_PBX)) return t('reason.pbx', { reason: code.slice(AT_THE_PBX.length) })
    const known = desk.state.pauseReasons.find((choice) => choice.code === code)
    if (known) return label(known.labels, code)
    return te(`reason.${code}`) ? t(`reason.${code}`) : code
  }
}
