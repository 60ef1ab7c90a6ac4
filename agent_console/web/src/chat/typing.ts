const AGAIN_MS = 3_000
const QUIET_MS = 5_000

/** Tells that somebody writes: at the first letter, now and then while she goes on, and when she stops. */
export class TypingTeller {
  #told = 0
  #quiet: ReturnType<typeof setTimeout> | undefined

  constructor(
    private tell: (on: boolean) => void,
    private now: () => number = () => Date.now(),
  ) {}

  /** A letter was written. */
  wrote(): void {
    if (!this.#told || this.now() - this.#told >= AGAIN_MS) {
      this.#told = this.now()
      this.tell(true)
    }
    clearTimeout(this.#quiet)
    this.#quiet = setTimeout(() => this.stopped(), QUIET_MS)
  }

  /** Sent, emptied, left, or quiet for a while. */
  stopped(): void {
    clearTimeout(this.#quiet)
    if (this.#told) this.tell(false)
    this.#told = 0
  }

  /** What was sent says it already. */
  sent(): void {
    clearTimeout(this.#quiet)
    this.#told = 0
  }
}
