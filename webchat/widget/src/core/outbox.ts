/**
 * Lines that were written and are not acknowledged yet. Each is an entry of its own in the storage, so that two tabs
 * never write over each other; the UUID makes it harmless that both send the same line.
 */
import type { Failure, FileView } from '../wire'
import type { Box } from './storage'

export interface Pending {
  id: string
  text: string
  file?: FileView
  /** Milliseconds, and a count within this tab: the order. */
  at: number
  turn: number
  /** The conversation that it was written into; `null`: one that is being opened. */
  conversation: string | null
  /** Why the server does not take it. */
  failure?: Failure
}

const PREFIX = 'out:'

export class Outbox {
  private readonly kept = new Map<string, Pending>()
  private turn = 0

  constructor(private readonly box: Box) {
    this.reload()
  }

  /** Read again what the other tabs wrote. */
  reload(): void {
    this.kept.clear()
    for (const name of this.box.names(PREFIX)) {
      const one = this.box.get<Pending>(name)
      if (one && typeof one.id === 'string') this.kept.set(one.id, one)
    }
  }

  put(one: Omit<Pending, 'turn'>): Pending {
    const pending = { ...one, turn: ++this.turn }
    this.keep(pending)
    return pending
  }

  keep(one: Pending): void {
    this.kept.set(one.id, one)
    this.box.set(PREFIX + one.id, one)
  }

  drop(id: string): void {
    this.kept.delete(id)
    this.box.drop(PREFIX + id)
  }

  get(id: string): Pending | undefined {
    return this.kept.get(id)
  }

  /** In the order in which they were written. */
  get all(): Pending[] {
    return [...this.kept.values()].sort((one, other) => one.at - other.at || one.turn - other.turn)
  }
}
