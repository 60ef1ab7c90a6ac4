import type { Leg } from '@/search/types'
import type { QueueVisitView, RecordingView, TransferView } from '@/wire'

/** What a contact has beside its line. */
export interface Contact {
  direction: string
  queue: string | null
  outcome: string | null
  talk_seconds: number
  wait_seconds: number | null
  hold_seconds: number
  disposition: string | null
  address: string | null
  ended_at: number | null
  legs: Leg[]
  transfers: TransferView[]
  recordings: RecordingView[]
  queue_visits: QueueVisitView[]
}

/** An entry of `/api/customers/{id}/history`: a contact (`kind` is its channel), or something else that happened. */
export interface HistoryEntry {
  kind: string
  ref: string
  customer_id: string
  at: number
  title: string
  text: string
  actor: string | null
  public: Record<string, unknown>
  contact: Contact | null
}

/** The kinds that have a filter of their own, in the order of the screen. */
export const KINDS = ['voice', 'chat', 'email', 'note', 'case', 'task', 'survey', 'order'] as const

export function pathOf(customer: string, kind: string, before: number | null, limit: number, cursor: string | null) {
  const query = new URLSearchParams({ limit: String(limit) })
  if (kind) query.set('kind', kind)
  if (cursor) query.set('cursor', cursor)
  else if (before !== null) query.set('before', new Date(Math.ceil(before) * 1000).toISOString())
  return `/api/customers/${encodeURIComponent(customer)}/history?${query}`
}
