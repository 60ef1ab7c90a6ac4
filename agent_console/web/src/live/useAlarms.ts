import { useI18n } from 'vue-i18n'
import { useReason } from '@/desk/useReason'
import { clock } from '@/format/duration'
import { percent } from '@/format/percent'
import { useRing } from '@/sound/useRing'
import { useLive, type AlarmHeard } from '@/stores/live'
import { useToasts } from '@/stores/toasts'
import type { AlarmView } from '@/wire'
import { isRate } from './rules'

/** What an alarm says, and what happens when one begins or ends. */
export function useAlarms() {
  const { t, te, locale } = useI18n()
  const live = useLive()
  const toasts = useToasts()
  const reasonOf = useReason()
  const ring = useRing()

  const measured = (alarm: AlarmView, value: number | null): string => {
    if (value === null) return '–'
    if (alarm.measure === 'longest_wait') return clock(value)
    return alarm.measure && isRate(alarm.measure) ? percent(value, locale.value) : String(Math.round(value))
  }

  /** Where: queue and channel, or everything together. */
  const where = (alarm: AlarmView): string => {
    const queue = alarm.queue ? live.queueLabel(alarm.queue) : t('alarm.everywhere')
    return alarm.channel ? `${queue} · ${t(`channel.${alarm.channel}`)}` : queue
  }

  function words(alarm: AlarmView): string {
    if (alarm.code !== 'threshold') {
      const params = { ...alarm.params, reason: reasonOf(alarm.params.reason) }
      return te(`notice.${alarm.code}`) ? t(`notice.${alarm.code}`, params) : alarm.code
    }
    const value = measured(alarm, alarm.value)
    return t(`alarm.says.${alarm.measure}`, { value, limit: measured(alarm, alarm.limit) })
  }

  const heard: AlarmHeard = {
    raised(alarm) {
      toasts.tell(
        alarm.level === 'critical' ? 'error' : 'warning',
        t('alarm.told', { what: title(alarm), words: words(alarm) }),
      )
      if (alarm.sound) ring.chime()
    },
    cleared(alarm) {
      toasts.tell('info', t('alarm.over', { what: title(alarm) }))
    },
  }
  const title = (alarm: AlarmView): string =>
    alarm.code === 'threshold'
      ? `${where(alarm)}, ${alarm.name}`
      : alarm.params.name || alarm.params.agent || words(alarm)

  /** On a wall: the sound alone, nothing over the figures. */
  const sounded: AlarmHeard = {
    raised(alarm) {
      if (alarm.sound) ring.chime()
    },
    cleared() {},
  }

  return { words, where, title, heard, sounded }
}
