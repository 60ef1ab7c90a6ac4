import type { Group } from '../filter'

/** A saved filter. */
export interface Segment {
  id: string
  name: string
  filter: Group
  created_by: string
  changed_at: number
  version: number
}
