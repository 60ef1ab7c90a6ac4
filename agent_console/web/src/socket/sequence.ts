import type { Numbered } from '@/wire'

export type Verdict = 'apply' | 'duplicate' | 'gap'

/** Where this console stands in its numbered stream. `last` is null until a snapshot has come. */
export class Sequence {
  #last: number | null = null

  get last(): number | null {
    return this.#last
  }

  /** A snapshot stands for everything up to its number. */
  restart(seq: number): void {
    this.#last = seq
  }

  /** What we know is worth nothing any more: the next message that counts is a snapshot. */
  forget(): void {
    this.#last = null
  }

  /** Whether a message is the next one. Only `apply` moves the position. */
  judge(message: Numbered): Verdict {
    if (this.#last === null) return 'gap'
    if (message.seq <= this.#last) return 'duplicate'
    if (message.prev !== this.#last) return 'gap'
    this.#last = message.seq
    return 'apply'
  }
}
