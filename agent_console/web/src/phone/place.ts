/** The telephone is in one tab of a browser. The others ask it to give way; while it talks it does not. */
export type Word = 'give' | 'busy' | { press: 'answer' | 'hangUp'; card: string }

const STEAL_AFTER_MS = 1_500

export class Place {
  #name: string
  #channel: BroadcastChannel
  #release: (() => void) | null = null
  #waiting: AbortController | null = null

  /** `lost`: somebody took the place by force. `heard`: what another tab says; only who has the place acts. */
  constructor(
    agent: string,
    private lost: () => void,
    private heard: (word: Word) => void,
  ) {
    this.#name = `phone:${agent}`
    this.#channel = new BroadcastChannel(this.#name)
    this.#channel.onmessage = ({ data }: MessageEvent<Word>) => this.heard(data)
  }

  get mine(): boolean {
    return this.#release !== null
  }

  /** Whether the place was free and is ours now. */
  claim(): Promise<boolean> {
    return this.#request({ ifAvailable: true })
  }

  /** Ask the tab that has it; one that does not answer (it hangs) loses it. */
  async take(): Promise<void> {
    this.tell('give')
    this.#waiting = new AbortController()
    const timer = setTimeout(() => this.#waiting?.abort(), STEAL_AFTER_MS)
    const given = await this.#request({ signal: this.#waiting.signal }).catch(() => false)
    clearTimeout(timer)
    if (!given && this.#waiting) await this.#request({ steal: true })
    this.#waiting = null
  }

  /** The other tab is in a call: do not take it. */
  giveUp(): void {
    const waiting = this.#waiting
    this.#waiting = null
    waiting?.abort()
  }

  tell(word: Word): void {
    this.#channel.postMessage(word)
  }

  release(): void {
    this.#release?.()
    this.#release = null
  }

  close(): void {
    this.release()
    this.#channel.close()
  }

  #request(options: LockOptions): Promise<boolean> {
    if (!('locks' in navigator)) return Promise.resolve(true)
    return new Promise((got, refused) => {
      const held = navigator.locks.request(this.#name, options, (lock) => {
        if (!lock) return got(false)
        got(true)
        return new Promise<void>((release) => (this.#release = release))
      })
      held.catch((error: unknown) => {
        refused(error)
        if (this.#release === null) return
        this.#release = null
        this.lost()
      })
    })
  }
}
