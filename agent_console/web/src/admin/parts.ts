import { api } from '@/api/http'

/** One part of the program, as the page shows it. `age`: seconds for which the state is known, or null. */
export interface PartLine {
  name: string
  level: 'good' | 'warn' | 'bad'
  state: string
  age: number | null
  detail: string
}

interface RawPart {
  name?: string
  part?: string
  ok?: boolean
  required?: boolean
  state: string
  age_seconds?: number | null
  since?: number | null
  detail?: string | null
}

interface RawHealth {
  version?: string
  consoles?: number
  parts?: RawPart[]
}

function level(part: RawPart): PartLine['level'] {
  if (part.ok ?? part.state === 'ok') return 'good'
  return part.required === false || part.state === 'degraded' ? 'warn' : 'bad'
}

/** `GET /api/health`. */
export async function readHealth(): Promise<{ version: string; consoles: number | null; parts: PartLine[] }> {
  const answer = await api<RawHealth | RawPart[]>('GET', '/api/health')
  const health: RawHealth = Array.isArray(answer) ? { parts: answer } : answer
  return {
    version: health.version ?? '',
    consoles: health.consoles ?? null,
    parts: (health.parts ?? []).map((part) => ({
      name: part.name ?? part.part ?? '',
      level: level(part),
      state: part.state,
      age: part.age_seconds ?? (part.since ? Date.now() / 1000 - part.since : null),
      detail: part.detail ?? '',
    })),
  }
}

/** One line of the links' history. */
export interface GapLine {
  key: string
  at: number | null
  pbx: string
  lost: boolean
  seconds: number | null
  detail: string
}

interface RawGap {
  seq?: number
  type?: string
  at?: number | null
  from?: number | null
  to?: number | null
  pbx: string
  reason?: string | null
  gap_seconds?: number | null
  restarted?: boolean
  closed?: number
  opened?: number
}

/** Link events, newest first: what was lost and what came back. */
export function gapLine(gap: RawGap, index: number): GapLine {
  const lost = gap.type ? gap.type.includes('ost') && !gap.type.includes('estored') : gap.to == null
  return {
    key: String(gap.seq ?? index),
    at: gap.at ?? gap.from ?? null,
    pbx: gap.pbx,
    lost,
    seconds: gap.gap_seconds ?? (gap.from != null && gap.to != null ? gap.to - gap.from : null),
    detail: gap.reason ?? '',
  }
}
