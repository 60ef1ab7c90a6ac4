/** An entry of `GET /api/missed`; times are Unix seconds. */
export interface MissedCall {
  id: string
  number: string | null
  pbx: string
  queue: string | null
  name: string | null
  customer_id: string | null
  customer_name: string | null
  first_at: number
  last_at: number
  waited_seconds: number | null
  outcome: string
  tries: number
  state: 'open' | 'calling' | 'done'
  worked_by: string | null
  changed_at: number | null
  result: string | null
  note: string | null
  resolved_by: string | null
  call_id: string | null
  call_outcome: string | null
  called_at: number | null
  version: number
}

export interface MissedPage {
  items: MissedCall[]
  next: string | null
  open: number
  calling: number
}
