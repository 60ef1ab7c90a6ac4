import type { CustomerView } from '@/wire'

export type Kind = 'phone' | 'email' | 'login'
export type Strength = 'known' | 'maybe' | 'never'

/** An address that speaks for a customer: where it was seen, and how much it says. */
export interface Claim {
  id: string
  customer_id: string
  kind: Kind
  value: string
  source: 'network' | 'mail' | 'site' | 'typed' | 'record' | 'agent' | 'confirmed'
  strength: Strength
  rule: string
  first_at: number
  last_at: number
  details: Record<string, string | boolean>
  interaction_id: string | null
  by: string | null
  shared: boolean
}

export interface Merge {
  id: string
  kept: string
  merged: string
  at: number
  by: string | null
  rule: string | null
  taken: string[]
  undone_at: number | null
  undone_by: string | null
  kept_name: string | null
  merged_name: string | null
}

export interface Merges {
  members: CustomerView[]
  items: Merge[]
}

export interface Difference {
  field: string
  kept: unknown
  merged: unknown
  conflict: boolean
  take: boolean
}

export interface Preview {
  kept: CustomerView
  merged: CustomerView
  differences: Difference[]
  phones: string[]
  emails: string[]
  interactions: [number, number]
}

export interface Suggestion {
  one: CustomerView
  other: CustomerView
  score: number
  reasons: { code: string; value: string }[]
  at: number
}

export interface SharedAddress {
  value: string
  kind: Kind
  note: string | null
  at: number
  by: string
  people: number
}

export interface SharedHint {
  value: string
  kind: Kind
  people: number
  organisation: string | null
}

export const customerPath = (id: string) => `/api/customers/${encodeURIComponent(id)}`
export const sharedPath = (value: string) => `/api/customers/shared-numbers/${encodeURIComponent(value)}`
