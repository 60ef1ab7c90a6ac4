import type { Interaction } from '@/api/types'
import { isWritten, writtenIcon } from '@/chat/written'
import type { IconName } from '@/shell/icons'

const DAY_MS = 86_400_000

function today(): number {
  return new Date().setHours(0, 0, 0, 0)
}

/** Ranges that people ask for, in milliseconds as the date picker takes them. */
export const ranges: Record<'today' | 'yesterday' | 'week', () => [number, number]> = {
  today: () => [today(), today() + DAY_MS],
  yesterday: () => [today() - DAY_MS, today()],
  week: () => [today() - 6 * DAY_MS, today() + DAY_MS],
}

/** Who had the customer, in order, each once. */
export function agentsOf(item: Interaction): string[] {
  return [...new Set(item.segments.map((segment) => segment.agent))]
}

export function iconOf(item: Interaction): IconName {
  if (isWritten(item.channel)) return writtenIcon(item.channel)
  if (item.direction === 'outbound') return 'out'
  if (item.direction === 'internal') return 'internal'
  return item.outcome === 'answered' || !item.outcome ? 'in' : 'missed'
}

export type Step =
  | { at: number | null; kind: 'started' | 'answered' }
  | { at: number | null; kind: 'ended'; by: string | null }
  | { at: number | null; kind: 'entered'; queue: string }
  | { at: number | null; kind: 'left'; queue: string; result: string | null }
  | { at: number | null; kind: 'offered'; agent: string; result: string | null; seconds: number | null }
  | { at: number | null; kind: 'talked'; agent: string; seconds: number | null }
  | { at: number | null; kind: 'recorded'; seconds: number | null }
  | { at: number | null; kind: 'recordingPaused'; reason: string; seconds: number | null }
  | { at: null; kind: 'held'; agent: string; seconds: number }
  | { at: null; kind: 'transferred'; agent: string; to: string; completed: boolean }

const span = (from: number | null, to: number | null) => (from === null || to === null ? null : to - from)

/** The way of an interaction in order of time; what has no time of its own comes last. */
export function stepsOf(item: Interaction): Step[] {
  const steps: Step[] = [
    { at: item.started_at, kind: 'started' },
    ...item.queue_visits.flatMap<Step>((visit) => [
      { at: visit.entered_at, kind: 'entered', queue: visit.queue },
      ...(visit.left_at === null
        ? []
        : [{ at: visit.left_at, kind: 'left' as const, queue: visit.queue, result: visit.result }]),
    ]),
    ...item.offers.map<Step>((offer) => ({
      at: offer.at,
      kind: 'offered',
      agent: offer.agent,
      result: offer.result,
      seconds: offer.ring_seconds,
    })),
    ...item.segments.map<Step>((one) => ({
      at: one.from,
      kind: 'talked',
      agent: one.agent,
      seconds: span(one.from, one.to),
    })),
    ...item.recordings.flatMap<Step>((one) => [
      { at: one.from, kind: 'recorded', seconds: span(one.from, one.to) },
      ...one.gaps.map((gap) => ({
        at: gap.from,
        kind: 'recordingPaused' as const,
        reason: gap.reason,
        seconds: span(gap.from, gap.to),
      })),
    ]),
    ...(item.ended_at === null ? [] : [{ at: item.ended_at, kind: 'ended' as const, by: item.ended_by }]),
  ]
  const timed = steps.filter((step) => step.at !== null).sort((a, b) => a.at! - b.at!)
  return [
    ...timed,
    ...item.holds.map<Step>((hold) => ({ at: null, kind: 'held', agent: hold.by, seconds: hold.seconds })),
    ...item.transfers.map<Step>((one) => ({
      at: null,
      kind: 'transferred',
      agent: one.from,
      to: one.to,
      completed: one.completed,
    })),
  ]
}
