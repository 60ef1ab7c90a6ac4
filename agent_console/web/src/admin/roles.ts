import { api, list } from '@/api/http'
import type { Role } from '@/api/types'

/** A role: one of the three that are always there, or one of the site's own. */
export interface RoleView {
  code: string
  labels: Record<string, string>
  base: Role
  rights: string[]
  version: number
  built_in: boolean
}

export interface TeamView {
  code: string
  label: string
  members: string[]
  queues: string[]
  version: number
}

export const readRoles = (): Promise<{ items: RoleView[]; rights: string[] }> => api('GET', '/api/roles')
export const readTeams = (): Promise<TeamView[]> => list<TeamView>('/api/teams')

/** Rights by what they are about, in the server's order: `customers` → `customers.read`, … */
export function grouped(rights: string[]): [string, string[]][] {
  const groups = new Map<string, string[]>()
  for (const right of rights) {
    const about = right.split('.')[0]!
    groups.set(about, [...(groups.get(about) ?? []), right])
  }
  return [...groups]
}
