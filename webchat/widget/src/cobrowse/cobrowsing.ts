/** The visitor shows his page: only after he agreed, in the tab in which he did, until either side ends it. */
import type { Client } from '../core/client'
import type { Ack, CobrowseFrame } from '../wire'
import { cut, LARGEST } from './frames'
import { Mirror, type Message } from './mirror'

const KEPT = 'callweave:cobrowse'
/** Milliseconds: a fresh whole page now and then, for an agent who came later; and after a frame was refused. */
const WHOLE_EVERY = 20_000
const PAUSE = 1_000
/** Frames at once, and milliseconds for each one more: below what the server lets through. */
const BURST = 30
const EACH = 125

export class Cobrowsing {
  showing = false
  private mirror: Mirror | null = null
  private waiting: string[] = []
  private sending = false
  private number = 0
  private left = BURST
  private since = Date.now()
  private again: ReturnType<typeof setInterval> | undefined
  private readonly listeners = new Set<() => void>()

  constructor(private readonly client: Client) {
    client.session.listen((news) => {
      if (news.what === 'conversation') this.follow(news.conversation.id, news.conversation.cobrowse)
      else if (news.what === 'changed' && this.mirror && client.session.link !== 'on') this.pause()
    })
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  /** The visitor agreed. */
  async show(): Promise<void> {
    const ack = await this.client.command('cobrowse', { on: true })
    if (!ack.ok) return this.client.session.refused(ack.error)
    keep(this.client.session.conversation?.id ?? null)
    this.begin()
  }

  /** He does not (any more). */
  async stop(): Promise<void> {
    this.end()
    await this.client.command('cobrowse', { on: false })
  }

  /** After a connection or on another page of the site: this tab goes on if it was the one that showed. */
  private follow(conversation: string, state: 'off' | 'asked' | 'on'): void {
    const ours = kept() === conversation
    if (state === 'on' && ours) this.begin()
    else if (state !== 'on' && this.showing) this.end()
  }

  private begin(): void {
    this.showing = true
    if (!this.mirror) {
      this.mirror = new Mirror((message) => this.tell(message))
      this.mirror.start()
      this.again = setInterval(() => {
        if (!document.hidden && !this.sending) this.mirror?.whole()
      }, WHOLE_EVERY)
    }
    this.changed()
  }

  private end(): void {
    if (this.mirror) this.tell({ t: 'end' })
    this.pause()
    this.showing = false
    keep(null)
    this.changed()
  }

  private pause(): void {
    this.mirror?.stop()
    this.mirror = null
    this.waiting = []
    clearInterval(this.again)
  }

  private tell(message: Message): void {
    const text = JSON.stringify(message)
    const small = text.length <= LARGEST ? text : JSON.stringify({ t: 'too_big' })
    if (message.t === 'page') this.waiting = []
    this.waiting.push(...cut(small.toWellFormed?.() ?? small))
    void this.send()
  }

  /** One frame at a time; a refused one spoils what follows, so the whole page comes again. */
  private async send(): Promise<void> {
    if (this.sending) return
    this.sending = true
    try {
      for (let data = this.waiting.shift(); data !== undefined; data = this.waiting.shift()) {
        await this.turn()
        const frame: CobrowseFrame = { n: ++this.number, data }
        const ack = (await this.client.ask('cobrowse_frame', frame)) as Ack
        if (ack.ok) continue
        this.waiting = []
        setTimeout(() => this.mirror?.whole(), Math.max(PAUSE, (ack.error?.wait ?? 0) * 1000))
      }
    } catch {
      this.waiting = [] // the next welcome begins anew
    } finally {
      this.sending = false
    }
  }

  private async turn(): Promise<void> {
    const now = Date.now()
    this.left = Math.min(BURST, this.left + (now - this.since) / EACH) - 1
    this.since = now
    if (this.left < 0) await new Promise((resolve) => setTimeout(resolve, -this.left * EACH))
  }

  private changed(): void {
    for (const listener of this.listeners) listener()
  }
}

function kept(): string | null {
  try {
    return sessionStorage.getItem(KEPT)
  } catch {
    return null
  }
}

function keep(conversation: string | null): void {
  try {
    if (conversation) sessionStorage.setItem(KEPT, conversation)
    else sessionStorage.removeItem(KEPT)
  } catch {
    // It ends with this page.
  }
}
