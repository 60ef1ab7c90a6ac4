import type { TransferStatus } from '@/wire'
import type { Phase } from '../state'

const OVER = ['completed', 'cancelled', 'failed', 'returned']

/** Whether nothing more can come of it. */
export const isOver = (transfer: TransferStatus | undefined): boolean => !transfer || OVER.includes(transfer.state)

export type Button = 'hold' | 'mute' | 'keypad' | 'transfer' | 'conference' | 'park'
/** Why a button cannot work now: a name under `control.why`; `null`: it can. */
export type Why = 'offline' | 'transfer' | 'hold' | 'mute' | 'parked' | 'held' | 'cannot' | null

export interface Situation {
  live: boolean
  phase: Phase
  transfer: TransferStatus | undefined
  /** Whether the telephone system has a user who may speak to phones and mute them. */
  canHold: boolean
  /** What this telephone system does not allow at all. */
  cannot?: string[]
}

/** Why this button cannot work in this situation. */
export function whyNot(button: Button, now: Situation): Why {
  if (!now.live) return 'offline'
  if (!isOver(now.transfer)) return 'transfer'
  if (now.phase === 'parked') return 'parked'
  if (now.cannot?.includes(button)) return 'cannot'
  if (button === 'hold' || button === 'mute') return now.canHold ? null : button
  return now.phase === 'held' ? 'held' : null
}

export interface Choice {
  to: string
  kind: 'agent' | 'queue' | 'number'
  name: string
  state?: string
  waiting?: number
}

/** What fits the words that were typed: colleagues, queues, and the number itself. */
export function choicesFor(
  text: string,
  agents: { agent: string; name: string; state: string }[],
  queues: { queue: string; label: string; waiting: number }[],
): Choice[] {
  const words = text.trim().toLowerCase()
  const fits = (...names: string[]) => names.some((name) => name.toLowerCase().includes(words))
  const number = text.replace(/[\s()./-]/g, '')
  const ready = (state: string) => (state === 'READY' ? 0 : 1)
  return [
    ...(/^\+?[0-9*#]{2,32}$/.test(number) ? [{ to: `number:${number}`, kind: 'number' as const, name: number }] : []),
    ...agents
      .filter((one) => fits(one.name, one.agent))
      .sort((a, b) => ready(a.state) - ready(b.state) || a.name.localeCompare(b.name))
      .map((one) => ({ to: `agent:${one.agent}`, kind: 'agent' as const, name: one.name, state: one.state })),
    ...queues
      .filter((one) => fits(one.label, one.queue))
      .map((one) => ({ to: `queue:${one.queue}`, kind: 'queue' as const, name: one.label, waiting: one.waiting })),
  ]
}
