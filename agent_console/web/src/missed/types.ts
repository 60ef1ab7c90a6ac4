/** What a caller said in voicemail. `audio`: it can be heard here. */
export interface Message {
  id: string
  interaction_id: string
  mailbox: string
  at: number | null
  seconds: number | null
  audio: boolean
  heard_by: string | null
  heard_at: number | null
}

/** A promise to call somebody back, of `GET /api/callbacks`. `place`: in the line, from 1. */
export interface Callback {
  id: string
  pbx: string
  queue: string
  number: string
  name: string
  customer_name?: string | null
  since: number
  requested_at: number
  expires_at: number
  state: 'waiting' | 'dialling' | 'done' | 'failed' | 'expired'
  attempts: number
  not_before: number
  requested_in: string | null
  result: string | null
  place: number | null
}

export interface CallbackPage {
  items: Callback[]
  open: number
}

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
  kind: 'call' | 'voicemail' | 'chat'
  /** What a visitor of a web site wrote (`chat`), and the address that he typed. */
  text?: string
  reply_to?: string | null
  messages: Message[]
  /** The PBX calls this number back by itself. */
  callback: Callback | null
}

export interface MissedPage {
  items: MissedCall[]
  next: string | null
  open: number
  calling: number
}
