/** What an erasure would do (`GET /api/privacy/customers/{id}`). */
export interface Preview {
  customer_ids: string[]
  parts: { table: string; rows: number; how: 'delete' | 'blank'; columns: string[] }[]
  files: Record<string, number>
  shared: { kind: 'phone' | 'email'; value: string }[]
  obstacles: { kind: 'open' | 'hold'; ref: string; reason: string }[]
}

export interface Erasure {
  id: string
  pseudonym: string
  state: 'waiting' | 'running' | 'done' | 'refused'
  requested_by: string
  requested_at: number
  /** Rows by table, and files. */
  done: Record<string, number>
  why: string | null
  finished_at: number | null
  receipt: boolean
}

export const HOLD_KINDS = ['customer', 'interaction', 'period'] as const
export interface Hold {
  id: string
  kind: (typeof HOLD_KINDS)[number]
  subject: string | null
  from_at: number | null
  to_at: number | null
  reason: string
  set_by: string
  set_at: number
  lifted_by: string | null
  lifted_at: number | null
}

export interface Retention {
  rules: { what: string; days: number; channel: string | null; queue: string | null }[]
  due: Record<string, number>
}

/** Rows and files of an erasure, together. */
export const rowsOf = (one: Erasure): number => Object.values(one.done).reduce((sum, n) => sum + n, 0)

/** The end of a day that was chosen, or its beginning, in the reader's zone, as RFC 3339; nothing for no day. */
export function dayAsTime(day: string, end: boolean): string | null {
  return day ? new Date(`${day}T${end ? '23:59:59' : '00:00:00'}`).toISOString() : null
}
