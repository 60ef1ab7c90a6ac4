import { io, type Socket } from 'socket.io-client'
import { SERVER_EVENT_NAMES, type SERVER_EVENTS } from '@/wire'
import type { Link, Reply } from './outbox'
import { Sequence } from './sequence'

export type ServerEventName = keyof SERVER_EVENTS
/** `loading`: linked, the snapshot is on its way. `unauthorised`: sign in again. */
export type LinkState = 'connecting' | 'loading' | 'live' | 'lost' | 'unauthorised' | 'forbidden'

export interface Listener {
  message<N extends ServerEventName>(name: N, message: SERVER_EVENTS[N]): void
  state(state: LinkState, reason: string): void
  linked(): void
}

const NOT_SIGNED_IN = new Set(['unauthorized', 'unauthorised'])
const RETRY_REFUSED_MS = 3_000
const RESYNC_AT_MOST_EVERY_MS = 1_000

/** The numbered stream of one agent: resumes after a cut, asks for a snapshot when a number is missing. */
export class Connection implements Link {
  #socket: Socket
  #sequence = new Sequence()
  #closed = false
  #resyncing = false
  #lastResync = 0

  constructor(
    private listener: Listener,
    namespace: '/agent' | '/supervisor' = '/agent',
    origin = '',
  ) {
    this.#socket = io(origin + namespace, {
      autoConnect: false,
      withCredentials: true,
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      reconnectionDelay: 250,
      reconnectionDelayMax: 1_500,
      timeout: 5_000,
      auth: (give) => give(this.#sequence.last === null ? {} : { after: this.#sequence.last }),
    })
    this.#listen()
  }

  open(): void {
    this.listener.state('connecting', '')
    this.#socket.connect()
  }

  close(): void {
    this.#closed = true
    this.#socket.removeAllListeners()
    this.#socket.disconnect()
  }

  connected(): boolean {
    return this.#socket.connected
  }

  emit(name: string, payload: object, timeoutMs: number, answered: (reply: Reply | null) => void): void {
    this.#socket.timeout(timeoutMs).emit(name, payload, (error: Error | null, reply?: Reply) => {
      answered(error ? null : (reply ?? { ok: true }))
    })
  }

  #listen(): void {
    this.#socket.on('connect', () => this.#connected())
    this.#socket.on('disconnect', (reason) => this.#disconnected(reason))
    this.#socket.on('connect_error', (error) => this.#refused(error as Error & { data?: { code?: string } }))
    for (const name of SERVER_EVENT_NAMES) this.#socket.on(name, (message) => this.#received(name, message))
  }

  #connected(): void {
    this.listener.state(this.#sequence.last === null ? 'loading' : 'live', '')
    this.listener.linked()
  }

  #disconnected(reason: string): void {
    if (this.#closed) return
    if (this.#resyncing) return
    this.listener.state('lost', reason)
    if (reason === 'io server disconnect') setTimeout(() => this.#again(), RETRY_REFUSED_MS / 3)
  }

  #refused(error: Error & { data?: { code?: string } }): void {
    if (this.#closed) return
    const code = error.data?.code ?? error.message
    if (NOT_SIGNED_IN.has(code)) return this.listener.state('unauthorised', code)
    this.listener.state(code === 'forbidden' ? 'forbidden' : 'lost', error.message)
    if (!this.#socket.active && code !== 'forbidden') setTimeout(() => this.#again(), RETRY_REFUSED_MS)
  }

  #again(): void {
    if (!this.#closed && !this.#socket.connected) this.#socket.connect()
  }

  #received<N extends ServerEventName>(name: N, message: SERVER_EVENTS[N]): void {
    if (name === 'snapshot') {
      this.#sequence.restart(message.seq)
      this.listener.message(name, message)
      return this.listener.state('live', '')
    }
    const verdict = this.#sequence.judge(message)
    if (verdict === 'apply') this.listener.message(name, message)
    else if (verdict === 'gap' && this.#sequence.last !== null) this.#resync()
  }

  /** A number is missing: connect again without `after`, which brings a snapshot. */
  #resync(): void {
    this.#sequence.forget()
    const wait = Math.max(0, this.#lastResync + RESYNC_AT_MOST_EVERY_MS - Date.now())
    this.listener.state('loading', 'gap')
    setTimeout(() => {
      if (this.#closed) return
      this.#lastResync = Date.now()
      this.#resyncing = true
      this.#socket.disconnect()
      this.#resyncing = false
      this.#socket.connect()
    }, wait)
  }
}
