import { api, list } from '@/api/http'
import type { AlarmView } from '@/wire'

export type AlarmMeasure = NonNullable<AlarmView['measure']>

/** A threshold, as `/api/alarm-rules` has it. */
export interface AlarmRule {
  id: string
  name: string
  measure: AlarmMeasure
  limit: number
  clear_at: number | null
  pbx: string | null
  queue: string | null
  channel: string | null
  combined: boolean
  window: 'half_hour' | 'hour' | 'today'
  least: number
  raise_after: number
  clear_after: number
  quiet: { from: string; until: string } | null
  level: 'warning' | 'critical'
  sound: boolean
  enabled: boolean
  version: number
}

export const MEASURES: AlarmMeasure[] = ['waiting', 'longest_wait', 'service_level', 'abandon_rate', 'nobody_ready']
export const isRate = (measure: AlarmMeasure): boolean => measure === 'service_level' || measure === 'abandon_rate'
/** What a new rule begins with. */
export const USUAL: Record<AlarmMeasure, number> = {
  waiting: 5,
  longest_wait: 120,
  service_level: 80,
  abandon_rate: 10,
  nobody_ready: 1,
}

export const readRules = () => list<AlarmRule>('/api/alarm-rules')

export function fresh(): AlarmRule {
  return {
    id: '',
    name: '',
    measure: 'waiting',
    limit: USUAL.waiting,
    clear_at: null,
    pbx: null,
    queue: null,
    channel: null,
    combined: false,
    window: 'half_hour',
    least: 5,
    raise_after: 0,
    clear_after: 10,
    quiet: null,
    level: 'warning',
    sound: false,
    enabled: true,
    version: 1,
  }
}

/** Make it, or change it where it has an id. */
export function saveRule({ id, version, ...body }: AlarmRule): Promise<AlarmRule> {
  return id
    ? api('PUT', `/api/alarm-rules/${encodeURIComponent(id)}`, { body: { ...body, version } })
    : api('POST', '/api/alarm-rules', { body })
}

export const removeRule = (id: string) => api<void>('DELETE', `/api/alarm-rules/${encodeURIComponent(id)}`)
