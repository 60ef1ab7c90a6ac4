/**
 * One visitor's conversation as this tab knows it. Nothing is lost: a line has its UUID before it is sent, is kept until
 * the server has acknowledged it, and is sent again after every break. Nothing is doubled: lines are held by number.
 * Knows no network, no clock and no screen; they are given (`Ports`).
 */
import type { Ack, Conversation, Failure, FileView, Line, LineMessage, Open, Typing, Welcome } from '../wire'
import { Outbox, type Pending } from './outbox'
import type { Box } from './storage'
import { Transcript } from './transcript'

export interface Ports {
  /** Ask the server; rejects when no answer came. */
  ask(name: string, body: object): Promise<unknown>
  box: Box
  /** Milliseconds. */
  now(): number
  newId(): string
  later(milliseconds: number, run: () => void): () => void
}

export type LinkState = 'off' | 'connecting' | 'on' | 'reconnecting'

/** Milliseconds that a missing number may still be on its way, before it is fetched. */
const GAP_PATIENCE = 200
const RETRY = 1_500
const TYPING_EVERY = 3_000
/** Codes that a later try may overcome. */
const PASSING = new Set(['unavailable', 'too_many'])

export type Listener = (news: News) => void
export type News =
  | { what: 'changed' }
  | { what: 'line'; line: Line }
  | { what: 'conversation'; conversation: Conversation; before: Conversation | null }

export class Session {
  link: LinkState = 'off'
  conversation: Conversation | null = null
  /** What the server refused last, to be said near the composer. */
  failure: Failure | null = null
  /** Server time minus ours, in milliseconds. */
  skew = 0
  read = 0
  private transcript = new Transcript()
  private readonly outbox: Outbox
  private typingUntil = 0
  private typingName: string | null = null
  private toldTyping = 0
  private flushing = false
  private filling = false
  private forgetTyping = (): void => {}
  private readonly listeners = new Set<Listener>()

  constructor(private readonly ports: Ports) {
    this.outbox = new Outbox(ports.box)
  }

  // --- what there is to see ---------------------------------------------------------------------------

  get lines(): readonly Line[] {
    return this.transcript.lines
  }

  /** Own lines that the server has not confirmed. */
  get pending(): Pending[] {
    return this.outbox.all.filter((one) => !this.transcript.has(one.id))
  }

  /** A conversation was asked for, and the server has not answered yet. */
  get opening(): boolean {
    return this.ports.box.get('opening') !== null
  }

  get typing(): { name: string | null } | null {
    return this.ports.now() + this.skew < this.typingUntil ? { name: this.typingName } : null
  }

  get unread(): number {
    return this.lines.filter((line) => line.number > this.read && line.by === 'agent').length
  }

  /** Whether a connection is worth having when a page is loaded. */
  get worthConnecting(): boolean {
    return this.opening || this.outbox.all.length > 0 || this.ports.box.get('conversation') !== null
  }

  /** The number after which lines are wanted, for the connection's greeting. */
  get after(): number {
    return this.transcript.complete
  }

  listen(listener: Listener): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  // --- what the visitor does ----------------------------------------------------------------------------

  /** Begin a conversation; kept and asked again until it is answered. */
  open(how: Omit<Open, 'id'>): void {
    this.failure = null
    if (!this.opening) this.ports.box.set('opening', { id: this.ports.newId(), ...how })
    this.changed()
    void this.flush()
  }

  say(text: string, file?: FileView): void {
    const mine = this.outbox.all
    this.outbox.put({
      id: this.ports.newId(),
      text,
      ...(file ? { file } : {}),
      at: Math.max(this.ports.now(), mine.at(-1)?.at ?? 0),
      conversation: this.opening ? null : (this.talking?.id ?? null),
    })
    this.toldTyping = 0
    this.failure = null
    this.changed()
    void this.flush()
  }

  /** Try a refused line again, in the conversation that there is now. */
  again(id: string): void {
    const one = this.outbox.get(id)
    if (!one) return
    const { failure: _, ...rest } = one
    this.outbox.keep({ ...rest, conversation: this.talking?.id ?? null })
    this.changed()
    void this.flush()
  }

  discard(id: string): void {
    this.outbox.drop(id)
    this.changed()
  }

  isTyping(on: boolean): void {
    const now = this.ports.now()
    if (!this.talking || this.link !== 'on' || (on && now - this.toldTyping < TYPING_EVERY)) return
    if (!on && this.toldTyping === 0) return
    this.toldTyping = on ? now : 0
    this.ports.ask('typing', { on }).catch(() => {})
  }

  /** All lines were on the screen. */
  seen(): void {
    const last = this.transcript.last
    if (last <= this.read || !this.conversation) return
    this.read = last
    this.ports.box.set('read', { conversation: this.conversation.id, number: last })
    this.tellSeen()
    this.changed()
  }

  /** A command that is not repeated by itself: the visitor sees whether it worked. Idempotent by its id where it has one. */
  async command(name: string, body: object = {}): Promise<Ack> {
    try {
      const ack = (await this.ports.ask(name, body)) as Ack
      // Also one that was put away, when it is this that the answer is about.
      if (ack.conversation?.id === this.ports.box.get('done')) this.ports.box.drop('done')
      if (ack.conversation) this.take(ack.conversation)
      return ack
    } catch {
      return { ok: false, error: { code: 'no_answer', message: 'No answer from the server.' } }
    }
  }

  /** The server did not do what was asked: to be said near the composer. */
  refused(failure: Failure | undefined): void {
    this.failure = failure ?? null
    this.changed()
  }

  /** Away with an ended conversation: the next one may begin. What could not be sent goes back to the composer. */
  forget(): void {
    const unsent = this.pending.filter((one) => !one.file).map((one) => one.text)
    if (unsent.length) this.ports.box.set('draft', unsent.join('\n'))
    for (const one of this.outbox.all) this.outbox.drop(one.id)
    for (const name of ['conversation', 'opening', 'read']) this.ports.box.drop(name)
    this.ports.box.set('done', this.conversation?.id ?? null)
    this.failure = null
    this.begin(null)
    this.changed()
  }

  // --- what the connection tells --------------------------------------------------------------------------

  connecting(): void {
    this.link = this.link === 'off' ? 'connecting' : 'reconnecting'
    this.changed()
  }

  disconnected(final = false): void {
    this.link = final ? 'off' : this.link === 'connecting' ? 'connecting' : 'reconnecting'
    this.toldTyping = 0
    this.changed()
  }

  heard(name: string, body: unknown): void {
    if (name === 'welcome') this.welcome(body as Welcome)
    else if (name === 'conversation') this.take(body as Conversation)
    else if (name === 'line') this.line(body as LineMessage)
    else if (name === 'typing') this.otherTypes(body as Typing)
  }

  /** Another tab changed what is stored. */
  stored(): void {
    const before = new Map(this.outbox.all.map((one) => [one.id, one]))
    this.outbox.reload()
    for (const one of this.outbox.all) before.delete(one.id)
    const read = this.ports.box.get<{ conversation: string; number: number }>('read')
    if (read && read.conversation === this.conversation?.id) this.read = Math.max(this.read, read.number)
    if (this.conversation && this.ports.box.get('done') === this.conversation.id) this.begin(null)
    // What another tab got acknowledged comes as a line, or is fetched.
    if (before.size) this.ports.later(GAP_PATIENCE, () => void this.fill())
    if (this.outbox.all.some((one) => !one.failure)) this.ports.later(RETRY, () => void this.flush())
    this.changed()
  }

  // --- within ----------------------------------------------------------------------------------------------

  private get talking(): Conversation | null {
    return this.conversation && this.conversation.state !== 'ended' ? this.conversation : null
  }

  private welcome(message: Welcome): void {
    this.link = 'on'
    this.skew = message.server_time * 1000 - this.ports.now()
    this.failure = null
    if (message.conversation) this.take(message.conversation)
    else if (this.conversation || this.ports.box.get('conversation') !== null) this.begin(null)
    if (this.conversation) for (const line of message.lines) this.put(line, false)
    this.tellSeen()
    this.changed()
    void this.flush()
    void this.fill()
  }

  private take(conversation: Conversation): void {
    if (this.ports.box.get('done') === conversation.id) return
    const before = this.conversation
    if (before?.id !== conversation.id) this.begin(conversation)
    else this.conversation = conversation
    this.ports.box.drop('opening')
    this.tell({ what: 'conversation', conversation, before })
    if (conversation.state === 'ended') this.typingUntil = 0
    if (conversation.last > this.transcript.complete) this.ports.later(GAP_PATIENCE, () => void this.fill())
    this.changed()
  }

  /** Another conversation, or none. */
  private begin(conversation: Conversation | null): void {
    this.conversation = conversation
    this.transcript = new Transcript()
    this.typingUntil = 0
    const read = this.ports.box.get<{ conversation: string; number: number }>('read')
    this.read = conversation && read?.conversation === conversation.id ? read.number : 0
    if (conversation) this.ports.box.set('conversation', conversation.id)
    else this.ports.box.drop('conversation')
  }

  private line(message: LineMessage): void {
    if (message.conversation !== this.conversation?.id) return
    this.put(message.line, true)
    if (this.transcript.complete < this.transcript.last) this.ports.later(GAP_PATIENCE, () => void this.fill())
    this.changed()
  }

  private put(line: Line, news: boolean): void {
    if (!this.transcript.add(line)) return
    if (line.by === 'visitor') this.outbox.drop(line.id)
    else this.typingUntil = 0
    if (news) this.tell({ what: 'line', line })
  }

  private otherTypes(message: Typing): void {
    if (message.conversation !== this.conversation?.id) return
    this.typingUntil = message.until * 1000
    this.typingName = message.name
    this.forgetTyping()
    const left = this.typingUntil - this.ports.now() - this.skew
    this.forgetTyping = this.ports.later(Math.max(0, left) + 50, () => this.changed())
    this.changed()
  }

  private tellSeen(): void {
    if (this.read > 0 && this.link === 'on' && this.conversation)
      this.ports.ask('seen', { number: this.read }).catch(() => {})
  }

  /** Fetch the numbers that are missing. */
  private async fill(): Promise<void> {
    if (this.filling || this.link !== 'on') return
    this.filling = true
    try {
      for (;;) {
        const { id, last } = this.conversation ?? { id: '', last: 0 }
        const after = this.transcript.complete
        if (Math.max(last, this.transcript.last) <= after) return
        const ack = (await this.ports.ask('fetch', { after })) as Ack
        if (this.conversation?.id !== id) continue
        for (const line of ack.lines ?? []) this.put(line, true)
        this.changed()
        if (this.transcript.complete === after) return // the server does not have them (yet): a later line asks again
      }
    } catch {
      // The next welcome asks again.
    } finally {
      this.filling = false
    }
  }

  /** Send what waits, one at a time: so the order is that of writing. */
  private async flush(): Promise<void> {
    if (this.flushing || this.link !== 'on') return
    this.flushing = true
    try {
      while (this.link === 'on' && (await this.sendNext())) this.changed()
    } finally {
      this.flushing = false
      this.changed()
    }
  }

  /** Whether there may be more to send at once. */
  private async sendNext(): Promise<boolean> {
    const opening = this.ports.box.get<Open>('opening')
    const line = this.outbox.all.find((one) => !one.failure && !this.transcript.has(one.id))
    const talking = this.talking
    if (opening) return this.settle(await this.attempt('open', opening), () => this.ports.box.drop('opening'))
    if (!line) return false
    if (!talking || (line.conversation !== null && line.conversation !== talking.id)) {
      this.outbox.keep({ ...line, failure: { code: 'ended', message: 'The conversation is over.' } })
      return true
    }
    const body = { id: line.id, text: line.text, ...(line.file ? { file: line.file.id } : {}) }
    const ack = await this.attempt('say', body)
    if (ack?.ok && ack.number !== undefined && this.conversation?.id === talking.id) this.confirmed(line, ack)
    return this.settle(ack, (failure) => this.outbox.keep({ ...line, failure }))
  }

  private confirmed(line: Pending, ack: Ack): void {
    this.put(
      {
        number: ack.number ?? 0,
        id: line.id,
        by: 'visitor',
        name: null,
        at: ack.at ?? this.ports.now() / 1000,
        kind: line.file ? 'file' : 'text',
        text: line.text,
        ...(line.file ? { file: line.file } : {}),
      },
      false,
    )
    this.ports.later(GAP_PATIENCE, () => void this.fill())
  }

  private async attempt(name: string, body: object): Promise<Ack | null> {
    try {
      const ack = (await this.ports.ask(name, body)) as Ack
      if (ack.conversation) this.take(ack.conversation)
      return ack
    } catch {
      return null
    }
  }

  private settle(ack: Ack | null, refused: (failure: Failure) => void): boolean {
    if (ack?.ok) return true
    const failure = ack?.error
    if (!failure || failure.wait !== undefined || PASSING.has(failure.code)) {
      this.ports.later(Math.max(RETRY, (failure?.wait ?? 0) * 1000), () => void this.flush())
      this.failure = failure ?? null
      return false
    }
    refused(failure)
    this.failure = failure
    return true
  }

  /** Let the screen look again. */
  changed(): void {
    this.tell({ what: 'changed' })
  }

  private tell(news: News): void {
    for (const listener of this.listeners) listener(news)
  }
}
