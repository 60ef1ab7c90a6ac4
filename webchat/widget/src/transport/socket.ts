/**
 * Socket.IO protocol 5 for one namespace: events both ways, acknowledgements, and a connection that comes back.
 * Nothing is kept for later here: `core/session.ts` knows what must be sent again.
 */
import { engine, type Engine, type Way } from './engine'

export interface SocketEvents {
  /** Connected to the namespace: the server knows who we are. */
  connected(): void
  event(name: string, body: unknown): void
  /** `refused`: why the server does not let us in; it is not tried again until `open`. */
  disconnected(refused?: Refusal): void
}

export interface Refusal {
  code: string
  /** Seconds until it may be tried again. */
  wait?: number
}

/** Milliseconds until an acknowledgement is given up; what was asked may have been done. */
const PATIENCE = 15_000
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 30_000

/** The connection broke, or the answer did not come: it may have arrived or not. */
export class Unanswered extends Error {}

interface Waiting {
  resolve(body: unknown): void
  reject(error: Error): void
  timer: ReturnType<typeof setTimeout>
}

export class Socket {
  connected = false
  private line: Engine | null = null
  private wanted = false
  private tries = 0
  private way: Way = 'websocket'
  private again: ReturnType<typeof setTimeout> | undefined
  private lastId = 0
  private early: [string, unknown][] = []
  private refused: Refusal | undefined
  private readonly waiting = new Map<number, Waiting>()

  constructor(
    private readonly url: string,
    private readonly namespace: string,
    private readonly auth: () => object,
    private readonly events: SocketEvents,
  ) {}

  open(): void {
    this.wanted = true
    if (!this.line) this.dial()
  }

  close(): void {
    this.wanted = false
    clearTimeout(this.again)
    this.line?.close()
  }

  /** The network is gone: what is asked now would only wait. */
  drop(): void {
    this.line?.close()
  }

  /** The network is back, or the computer woke: do not wait for the pause to end. */
  hurry(): void {
    if (!this.wanted) return
    if (this.line?.stale) this.line.close()
    this.tries = 0
    if (!this.line) this.dial()
  }

  /** Ask; resolves with the acknowledgement, rejects with {@link Unanswered}. */
  ask(name: string, body: object): Promise<unknown> {
    if (!this.connected || !this.line) return Promise.reject(new Unanswered())
    const id = ++this.lastId
    const answer = new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(() => this.settle(id, new Unanswered()), PATIENCE)
      this.waiting.set(id, { resolve, reject, timer })
    })
    this.line.send(`2${this.namespace},${id}${JSON.stringify([name, body])}`)
    return answer
  }

  private dial(): void {
    clearTimeout(this.again)
    let opened = false
    const line: Engine = engine(this.way, this.url, {
      opened: () => {
        opened = true
        line.send(`0${this.namespace},${JSON.stringify(this.auth())}`)
      },
      message: (text) => this.take(text),
      closed: () => this.lost(opened),
    })
    this.line = line
  }

  private lost(opened: boolean): void {
    const refused = this.refused
    this.refused = undefined
    // A handshake that failed may be a proxy that knows no WebSocket: the other way next time.
    if (!opened) this.way = this.way === 'websocket' ? 'polling' : 'websocket'
    this.line = null
    this.connected = false
    this.early = []
    for (const id of [...this.waiting.keys()]) this.settle(id, new Unanswered())
    if (this.wanted) {
      const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.tries++, 10))
      this.again = setTimeout(() => this.dial(), pause * (0.5 + Math.random()))
    }
    this.events.disconnected(refused)
  }

  private take(text: string): void {
    const head = /^([0-4])([^,[{]*,)?(\d*)/.exec(text)
    if (!head || (head[2] ?? '/,') !== `${this.namespace},`) return
    const rest = text.slice(head[0].length)
    const body: unknown = rest ? JSON.parse(rest) : undefined
    if (head[1] === '0') {
      this.connected = true
      this.tries = 0
      this.events.connected()
      for (const [name, data] of this.early.splice(0)) this.events.event(name, data)
    } else if (head[1] === '1') this.line?.close()
    else if (head[1] === '2') {
      const [name, data] = body as [string, unknown]
      // What a server says while it still greets us is heard when we can answer.
      if (this.connected) this.events.event(name, data)
      else this.early.push([name, data])
    } else if (head[1] === '3') this.settle(Number(head[3]), (body as unknown[])[0])
    else if (head[1] === '4') this.refuse(body)
  }

  private refuse(body: unknown): void {
    const { message, data } = (body ?? {}) as { message?: unknown; data?: unknown }
    const said = [data, message, body].find((one) => typeof (one as Refusal | null)?.code === 'string')
    this.wanted = false
    this.refused = (said as Refusal | undefined) ?? { code: String(message) }
    this.line?.close()
  }

  private settle(id: number, outcome: unknown): void {
    const one = this.waiting.get(id)
    if (!one) return
    this.waiting.delete(id)
    clearTimeout(one.timer)
    if (outcome instanceof Error) one.reject(outcome)
    else one.resolve(outcome)
  }
}
