/** What `/api/search` finds. `marks` are ranges in `snippet`, `title_marks` in `title` (characters: start, end). */
export interface Found {
  kind: string
  ref: string
  at: number
  title: string
  snippet: string
  title_marks: [number, number][]
  marks: [number, number][]
  customer_id: string | null
  customer_name: string | null
  queue: string | null
  agent: string | null
  channel: string | null
}

/**
 * `reached`: the search stopped at this time because it took long; `next` goes on from there.
 * `filling`: a new index is still being filled, and older things may be missing.
 */
export interface FoundPage {
  items: Found[]
  next: string | null
  reached: number | null
  filling: boolean
}

/** One ringing (`offer`) or one talk (`segment`) of one agent. */
export interface Leg {
  kind: 'offer' | 'segment'
  agent: string
  device: string
  queue: string | null
  from: number | null
  to: number | null
  result: string | null
}
