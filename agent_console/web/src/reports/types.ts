import type { Interaction } from '@/api/types'

export type ReportName = 'queues' | 'contacts' | 'agents'
export type Unit = 'count' | 'seconds' | 'percent' | 'score'

/** One number, as the server defines it. `listed`: it opens a list of interactions. */
export interface Metric {
  name: string
  unit: Unit
  formula: string
  source: string
  reports: ReportName[]
  listed: boolean
}

export interface Definitions {
  /** Whether this person sees everybody's contacts. */
  everybody: boolean
  metrics: Metric[]
  reports: Record<ReportName, { groups: string[] }>
  steps: string[]
  queues: string[]
  agents: string[]
  /** Whether there is a mail server, so that schedules are sent. */
  mail: boolean
}

export type Numbers = Record<string, number | null>

export interface Period {
  from: number
  to: number
  label: string
  until: string
}

export interface ReportTable {
  report: ReportName
  group: string
  step: string
  tz: string
  metrics: { name: string; unit: Unit; listed: boolean }[]
  periods: Period[]
  keys: (string | null)[]
  rows: (Numbers & { key: string | null; period: number })[]
  of_keys: (Numbers & { key: string | null })[]
  of_periods: (Numbers & { period: number })[]
  total: Numbers
}

export interface Behind {
  items: Interaction[]
  next: string | null
  count: number
}

export interface Check {
  holds: boolean
  hours: number
  offered: number
  outcomes: Record<string, number>
  unbalanced: {
    queue: string
    at: number
    offered: number
    outcomes: Record<string, number>
    difference: number
    interactions: string[]
  }[]
  agents: number
  signed_in_seconds: number
  state_seconds: number
  faults: { agent: string; at: number | null; seconds: number; kind: string }[]
}

export interface CustomerView {
  view: string
  currency: string | null
  other_currencies: number
  notes: string[]
  tables: { name: string; columns: string[]; rows: (string | number | null)[][] }[]
}

export interface Schedule {
  id: string
  name: string
  report: ReportName
  step: string
  group: string | null
  queue: string | null
  agent: string | null
  channel: string | null
  every: 'day' | 'week' | 'month'
  at_minute: number
  zone: string
  recipients: string[]
  format: 'csv' | 'xlsx'
  language: string
  enabled: boolean
  created_by: string
  created_at: number
  version: number
}

export interface Run {
  schedule_id: string
  due_at: number
  state: string
  attempts: number
  changed_at: number
  error: string | null
}

/** What is asked of a report; days of the time zone `tz`, the last one included. */
export interface Asked {
  report: ReportName
  first: string
  last: string
  step: string
  tz: string
  group: string
  queue: string
  agent: string
  channel: string
}
