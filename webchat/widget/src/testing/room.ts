/** A conversation at a server that keeps lines as ours does, behind a line that cuts, and a clock that tests turn. */
import { box, MemoryStorage, type Box } from '../core/storage'
import { Session } from '../core/session'
import type { Ack, Conversation, Fetch, Line, Open, Say } from '../wire'

export class Clock {
  now = 1_800_000_000_000
  private jobs: { at: number; run: () => void }[] = []

  later(milliseconds: number, run: () => void): () => void {
    const job = { at: this.now + milliseconds, run }
    this.jobs.push(job)
    return () => {
      this.jobs = this.jobs.filter((one) => one !== job)
    }
  }

  /** Let time pass, and all that was to happen by then. */
  async pass(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds
    for (;;) {
      await settle()
      const next = this.jobs.filter((job) => job.at <= end).sort((one, other) => one.at - other.at)[0]
      if (!next) break
      this.jobs = this.jobs.filter((job) => job !== next)
      this.now = Math.max(this.now, next.at)
      next.run()
    }
    this.now = end
    await settle()
  }
}

/** Let all promises that can be kept be kept. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

export class Room {
  conversation: Conversation | null = null
  lines: Line[] = []
  readonly tabs = new Set<Tab>()
  /** Every command that arrived, also those whose answer was lost. */
  readonly asked: string[] = []
  refuse: ((name: string, body: object) => Ack['error']) | null = null
  private opened = new Map<string, Conversation>()

  constructor(readonly clock: Clock) {}

  answer(name: string, body: object): Ack {
    this.asked.push(name)
    const error = this.refuse?.(name, body)
    if (error) return { ok: false, error }
    if (name === 'open') return this.open(body as Open)
    if (name === 'say') return this.say(body as Say)
    if (name === 'fetch') {
      const { after = 0 } = body as Fetch
      return { ok: true, lines: this.lines.filter((line) => line.number > after).slice(0, 200) }
    }
    return { ok: true }
  }

  /** Somebody of ours writes. */
  agentSays(text: string): Line {
    return this.write({ id: `agent-${this.lines.length + 1}`, by: 'agent', name: 'Anna', text })
  }

  end(): void {
    if (this.conversation) this.conversation = { ...this.conversation, state: 'ended', ended_by: 'agent' }
    this.tell('conversation', this.conversation)
  }

  tell(name: string, body: unknown): void {
    for (const tab of this.tabs) tab.receive(name, body)
  }

  private open(wanted: Open): Ack {
    const known = this.opened.get(wanted.id)
    if (known) return { ok: true, conversation: known }
    this.conversation = {
      id: `conversation-${this.opened.size + 1}`,
      state: 'talking',
      queue: wanted.queue ?? '',
      agent: 'Anna',
      position: null,
      estimate: null,
      last: 0,
      seen: 0,
      ended_by: null,
      rating: null,
      callback: null,
      cobrowse: 'off',
    }
    this.lines = []
    this.opened.set(wanted.id, this.conversation)
    this.tell('conversation', this.conversation)
    return { ok: true, conversation: this.conversation }
  }

  private say(wanted: Say): Ack {
    const known = this.lines.find((line) => line.id === wanted.id)
    if (known) return { ok: true, number: known.number, at: known.at }
    if (this.conversation?.state !== 'talking') return { ok: false, error: { code: 'ended', message: 'Over.' } }
    const line = this.write({ id: wanted.id, by: 'visitor', name: null, text: wanted.text ?? '' })
    return { ok: true, number: line.number, at: line.at }
  }

  private write(one: Pick<Line, 'id' | 'by' | 'name' | 'text'>): Line {
    const line: Line = { ...one, number: this.lines.length + 1, at: this.clock.now / 1000, kind: 'text' }
    this.lines.push(line)
    if (this.conversation) this.conversation.last = line.number
    this.tell('line', { conversation: this.conversation?.id, line })
    return line
  }
}

/** A browser's storage that tells the other tabs. */
export class Browser {
  readonly storage = new MemoryStorage()
  readonly tabs: Tab[] = []
}

let made = 0

export class Tab {
  readonly session: Session
  readonly box: Box
  online = false
  /** What happens to the answer of a command: `lose` breaks the line after the server has done it. */
  fate: (name: string) => 'deliver' | 'lose' | 'never' = () => 'deliver'
  /** What happens to a message of the server. */
  drops: (name: string) => boolean = () => false

  constructor(
    readonly room: Room,
    browser: Browser = new Browser(),
  ) {
    const kept = box(browser.storage, 'callweave:shop:')
    this.box = {
      ...kept,
      set: (name, value) => {
        kept.set(name, value)
        this.others(browser)
      },
      drop: (name) => {
        kept.drop(name)
        this.others(browser)
      },
    }
    browser.tabs.push(this)
    room.tabs.add(this)
    this.session = new Session({
      ask: (name, body) => this.ask(name, body),
      box: this.box,
      now: () => room.clock.now,
      newId: () => `00000000-0000-4000-8000-${String(++made).padStart(12, '0')}`,
      later: (milliseconds, run) => room.clock.later(milliseconds, run),
    })
  }

  async connect(): Promise<void> {
    this.session.connecting()
    this.online = true
    const { after } = this.session
    this.receive('welcome', {
      visitor: 'v1',
      server_time: this.room.clock.now / 1000,
      conversation: this.room.conversation,
      lines: this.room.lines.filter((line) => line.number > after).slice(0, 200),
    })
    await settle()
  }

  cut(): void {
    this.online = false
    this.session.disconnected()
  }

  receive(name: string, body: unknown): void {
    if (this.online && !this.drops(name)) this.session.heard(name, structuredClone(body))
  }

  get texts(): string[] {
    return this.session.lines.map((line) => line.text)
  }

  private others(browser: Browser): void {
    for (const tab of browser.tabs) if (tab !== this) queueMicrotask(() => tab.session.stored())
  }

  private async ask(name: string, body: object): Promise<unknown> {
    if (!this.online) throw new Error('offline')
    await Promise.resolve()
    const fate = this.fate(name)
    if (fate === 'never') {
      this.cut()
      throw new Error('cut before it arrived')
    }
    const ack = structuredClone(this.room.answer(name, body))
    await Promise.resolve()
    if (fate === 'lose' || !this.online) {
      if (this.online) this.cut()
      throw new Error('cut before the answer')
    }
    return ack
  }
}
