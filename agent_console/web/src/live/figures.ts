import type { AlarmView, ChannelView, QueueView, WindowView } from '@/wire'

export type WindowName = 'half_hour' | 'hour' | 'today'
export const WINDOWS: WindowName[] = ['half_hour', 'hour', 'today']

const NOTHING: WindowView = {
  offered: 0,
  answered: 0,
  abandoned: 0,
  abandoned_short: 0,
  other: 0,
  answered_in: 0,
  counted: 0,
  service_level: null,
  abandon_rate: null,
}

/** Percent with one digit; null: of nothing. */
export const percent = (part: number, whole: number): number | null =>
  whole > 0 ? Math.round((1_000 * part) / whole) / 10 : null

/** Several channels or queues as one: rates are those of the sums, never means of rates. */
export function added(views: WindowView[]): WindowView {
  const sum = { ...NOTHING }
  for (const one of views) {
    sum.offered += one.offered
    sum.answered += one.answered
    sum.abandoned += one.abandoned
    sum.abandoned_short += one.abandoned_short
    sum.other += one.other
    sum.answered_in += one.answered_in
    sum.counted += one.counted
  }
  return {
    ...sum,
    service_level: percent(sum.answered_in, sum.counted),
    abandon_rate: percent(sum.abandoned, sum.counted),
  }
}

/** One line of the table: a queue with all its channels, or one channel of it. */
export interface Line {
  key: string
  queue: QueueView
  /** null: all channels of the queue. */
  channel: ChannelView['channel'] | null
  waiting: number
  since: number | null
  talking: number
  figures: WindowView
  today: WindowView
}

const lineOf = (queue: QueueView, channels: ChannelView[], window: WindowName) => ({
  queue,
  talking: channels.reduce((sum, one) => sum + one.talking, 0),
  figures: added(channels.map((one) => one[window])),
  today: added(channels.map((one) => one.today)),
})

/** Queues by name; one that has several channels is followed by each of them. */
export function linesOf(queues: QueueView[], window: WindowName): Line[] {
  const named = queues.toSorted(
    (a, b) => (a.label || a.queue).localeCompare(b.label || b.queue) || a.pbx.localeCompare(b.pbx),
  )
  return named.flatMap((queue) => {
    const channels = queue.channels ?? []
    const key = `${queue.pbx} ${queue.queue}`
    const whole: Line = {
      ...lineOf(queue, channels, window),
      key,
      channel: channels.length === 1 ? channels[0]!.channel : null,
      waiting: queue.waiting,
      since: queue.longest_wait_since,
    }
    if (channels.length < 2) return [whole]
    const parts = channels.map((one): Line => ({
      ...lineOf(queue, [one], window),
      key: `${key} ${one.channel}`,
      channel: one.channel,
      waiting: one.waiting,
      since: one.longest_wait_since,
    }))
    return [whole, ...parts]
  })
}

/** The alarms about a queue, the gravest first. */
export function alarmsOf(alarms: AlarmView[], queue: QueueView): AlarmView[] {
  const mine = alarms.filter((one) => one.queue === queue.queue && (one.pbx === null || one.pbx === queue.pbx))
  return mine.toSorted((a, b) => Number(b.level === 'critical') - Number(a.level === 'critical'))
}

/** How a service level looks: as wished, short of it, or far from it. Without a target of its own: 80 and 60. */
export function toneOf(level: number | null): 'none' | 'good' | 'low' | 'bad' {
  if (level === null) return 'none'
  return level >= 80 ? 'good' : level >= 60 ? 'low' : 'bad'
}
