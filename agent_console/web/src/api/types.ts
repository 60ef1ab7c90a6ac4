import type { CustomerView, InteractionView } from '@/wire'

export type Role = 'agent' | 'supervisor' | 'admin'

export interface User {
  name: string
  display_name: string
  role: Role
  devices: string[]
  language: string | null
  disabled: boolean
  version: number
  skills: Record<string, number>
  own_role: string | null
  teams: string[]
  rights: string[]
}

export interface QueueSettings {
  name: string
  pbx: string
  label: string
  service_level_seconds: number
  wrap_up_seconds: number
  /** Penalty by level (`0`: has it not), by skill. */
  skills: Record<string, Record<string, number>>
  skill_members: boolean
}

export type ChoiceKind = 'pause-reasons' | 'dispositions' | 'skills' | 'campaigns'

export interface Choice {
  code: string
  labels: Record<string, string>
  queues: string[]
  position: number
  retired: boolean
  /** Of campaigns only. */
  caller_id?: string
  numbers?: string[]
}

export interface Device {
  pbx: string
  device: string
  state: string
  agents?: string[]
  agent?: string | null
  queues?: string[]
}

export interface Part {
  part: string
  state: string
  since?: number | null
  age_seconds?: number | null
  detail: string | null
}

export interface Gap {
  pbx: string
  from?: number | null
  to?: number | null
  reason?: string | null
  [key: string]: unknown
}

export type Customer = CustomerView
export type Interaction = InteractionView
