export type TaskState = 'open' | 'done' | 'cancelled'

export interface Task {
  id: string
  title: string
  owner: string
  state: TaskState
  created_by: string
  created_at: number
  notes: string | null
  customer_id: string | null
  customer_name: string | null
  case_id: string | null
  interaction_id: string | null
  due_at: number | null
  zone: string | null
  closed_at: number | null
  rule_id: string | null
  version: number
}

export interface TaskPage {
  items: Task[]
  next: string | null
  /** How many of one's own are due now. */
  due: number
}

/** With what a new task begins. */
export interface TaskStart {
  customer_id?: string | null
  customer_name?: string | null
  interaction_id?: string | null
  case_id?: string | null
  title?: string
}

export interface TaskRule {
  id: string
  segment_id: string
  title: string
  owner: string | null
  at_minute: number
  zone: string
  most: number
  disabled: boolean
  version: number
}
