/** A caller of `GET /api/waiting`. */
export interface WaitingCaller {
  interaction_id: string
  pbx: string
  queue: string
  number: string | null
  name: string | null
  customer_name: string | null
  since: number | null
  ringing: boolean
}

/** Whether nothing changed that is shown: rows that are drawn anew lose the focus. */
export function sameLine(before: readonly WaitingCaller[], after: readonly WaitingCaller[]): boolean {
  return JSON.stringify(before) === JSON.stringify(after)
}
