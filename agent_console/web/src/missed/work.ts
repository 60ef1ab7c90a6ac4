import { api } from '@/api/http'
import type { MissedCall } from './types'

interface Change {
  state: MissedCall['state']
  result?: string
  note?: string
}

/** What came of it, before the site's own dispositions. */
export const RESULTS: readonly string[] = ['called_back', 'no_answer', 'not_needed']

/** Change an entry as it was last seen; rejects with 409 when a colleague was faster. */
export function work(entry: MissedCall, change: Change): Promise<MissedCall> {
  const body = { ...change, version: entry.version }
  return api<MissedCall>('POST', `/api/missed/${encodeURIComponent(entry.id)}`, { body })
}

/** A colleague has it until this long after she began (`interaction_log/missed.py`). */
const CALLING_SECONDS = 600

/** Whether this person may call back now. */
export function mayCall(entry: MissedCall, me: string | undefined, now: number): boolean {
  if (!entry.number || entry.state === 'done') return false
  const mine = entry.worked_by === me
  return entry.state === 'open' || mine || now - (entry.changed_at ?? 0) >= CALLING_SECONDS
}
