import { clock } from '@/format/duration'
import { percent } from '@/format/percent'
import type { Asked, ReportName, Unit } from './types'

const pad = (value: number) => String(value).padStart(2, '0')
export const isoDay = (at: Date) => `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`

/** The day after; days are compared as text, so no clock is involved. */
export function dayAfter(day: string): string {
  const [year, month, date] = day.split('-').map(Number)
  const next = new Date(Date.UTC(year!, month! - 1, date! + 1))
  return next.toISOString().slice(0, 10)
}

export type Quick = 'today' | 'yesterday' | 'week' | 'month' | 'lastMonth'
export const QUICK: Quick[] = ['today', 'yesterday', 'week', 'month', 'lastMonth']

/** First and last day of a usual time, seen from `now`. */
export function quick(name: Quick, now: Date): [string, string] {
  const day = (offset: number) => isoDay(new Date(now.getFullYear(), now.getMonth(), now.getDate() + offset))
  const first = (offset: number) => isoDay(new Date(now.getFullYear(), now.getMonth() + offset, 1))
  const spans: Record<Quick, [string, string]> = {
    today: [day(0), day(0)],
    yesterday: [day(-1), day(-1)],
    week: [day(-6), day(0)],
    month: [first(0), day(0)],
    lastMonth: [first(-1), isoDay(new Date(now.getFullYear(), now.getMonth(), 0))],
  }
  return spans[name]
}

/** The query of a request. */
export function queryOf(asked: Asked): Record<string, string> {
  const { report, first, last, step, tz, group, queue, agent, channel } = asked
  return { report, from: first, to: dayAfter(last), step, tz, group, queue, agent, channel }
}

/** What is shown first of each report. */
export const SHOWN: Record<ReportName, string[]> = {
  queues: [
    'offered',
    'answered',
    'abandoned',
    'abandoned_short',
    'timed_out',
    'overflowed',
    'service_level',
    'asa',
    'aht',
  ],
  contacts: ['offered', 'answered', 'abandoned', 'asa', 'aht', 'fcr', 'repeat_rate', 'csat', 'nps'],
  agents: [
    'offers',
    'offers_answered',
    'offers_missed',
    'handled',
    'aht',
    'acw',
    'occupancy',
    'adherence',
    'availability',
    'signed_in',
  ],
}

/** A number for people: durations as a clock, shares with their sign, what is not known as a dash. */
export function shown(value: number | null | undefined, unit: Unit, locale: string): string {
  if (value === null || value === undefined) return '–'
  if (unit === 'seconds') return clock(value)
  if (unit === 'percent') return percent(value, locale, 1)
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 2 }).format(value)
}

/** When a period begins, as short as its step allows: from its own local time, not the browser's. */
export function periodName(label: string, step: string, locale: string): string {
  const at = new Date(label.slice(0, 19) + 'Z')
  const options: Intl.DateTimeFormatOptions =
    step === 'month' ? { year: 'numeric', month: 'short' } : { month: 'short', day: 'numeric', weekday: 'short' }
  const day = new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' }).format(at)
  return ['15min', '30min', 'hour'].includes(step) ? `${day} ${label.slice(11, 16)}` : day
}

export function zones(): string[] {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone
  const all = 'supportedValuesOf' in Intl ? Intl.supportedValuesOf('timeZone') : []
  return [...new Set([here, 'UTC', ...all])]
}
