/** How the distributor decided about a contact: `GET /api/interactions/{id}/decisions`. */
export interface Reason {
  code: string
  params: Record<string, string>
}

export interface Because {
  queue: string
  waited: number
  ring: number
  order: 'longest_idle' | 'least_occupied' | 'most_skilled'
  own: boolean
  idle: number
  load: number
  sent: boolean
}

export interface Decision {
  at: number | null
  /** `null`: nobody could take it. */
  agent: string | null
  line: string
  because: Partial<Because>
  others: { agent: string; reasons: Reason[] }[]
  result: string | null
  reason: string | null
  ended_at: number | null
}

/** Which of the reasons is the one that decided. */
export function decidedBy(because: Partial<Because>): 'sent' | 'own' | Because['order'] {
  if (because.sent) return 'sent'
  return because.own ? 'own' : (because.order ?? 'longest_idle')
}

/** The queue of a line: `main:support` is `support` of the PBX `main`. */
export const queueOf = (line: string) => line.slice(line.indexOf(':') + 1)
