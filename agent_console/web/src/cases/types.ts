import type { Labels } from '@/customers/site'

export type Phase = 'open' | 'waiting' | 'closed'

/** A row of a type's table of states; `next`: those that may follow. */
export interface CaseState {
  code: string
  labels: Labels
  phase: Phase
  next: string[]
}

export interface CaseType {
  code: string
  labels: Labels
  states: CaseState[]
  due_minutes: number | null
  calendar: string | null
  position: number
  retired: boolean
}

export interface CaseRow {
  id: string
  number: number
  type: string
  state: string
  phase: Phase
  title: string
  text: string | null
  owner: string | null
  customer_id: string | null
  customer_name: string | null
  due_at: number | null
  left_seconds: number | null
  opened_at: number
  opened_by: string
  changed_at: number
  closed_at: number | null
  version: number
}

export interface CaseStep {
  at: number
  by: string
  what: 'opened' | 'changed' | 'linked' | 'unlinked' | 'noted'
  details: Record<string, unknown>
}

export interface CaseContact {
  interaction_id: string
  linked_at: number
  channel: string | null
  direction: string | null
  started_at: number | null
  outcome: string | null
  notes: string | null
}

/** A case with all that is in it. */
export interface CaseWhole extends CaseRow {
  history: CaseStep[]
  interactions: CaseContact[]
}

/** With what a new case begins. */
export interface CaseStart {
  customer_id?: string | null
  customer_name?: string | null
  interaction_id?: string | null
}
