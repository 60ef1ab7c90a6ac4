/** The session with a real connection under it: token, socket, and what the browser tells of network, sleep and tabs. */
import { Socket, type Refusal } from '../transport/socket'
import type { Ack, FileView, SiteView } from '../wire'
import { Identity, Refused, request } from './identity'
import { Session } from './session'
import { box, usable, type Box } from './storage'

/** Milliseconds until the site's view, the token or a refused connection is tried again. */
const RETRY = 5_000
/** Asking again would not help. */
const FINAL = new Set(['banned', 'origin', 'unknown_site'])

export interface Place {
  /** Where the widget came from: `https://HOST/chat`. */
  server: string
  site: string
  queue: string
  language: string
}

/** A UUID (version 4); `crypto.randomUUID` is absent on pages without TLS. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  bytes[6] = (bytes[6]! & 15) | 64
  bytes[8] = (bytes[8]! & 63) | 128
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

export class Client {
  readonly box: Box
  readonly session: Session
  readonly identity: Identity
  view: SiteView | null = null
  /** Why the server has nothing to do with us; `null`: nothing wrong. */
  shut: string | null = null
  /** There is no such site or queue: the widget shows nothing. */
  absent = false
  private readonly socket: Socket
  private started = false

  constructor(readonly place: Place) {
    this.box = box(
      usable(() => localStorage),
      `callweave:${place.site}:`,
    )
    this.identity = new Identity(`${place.server}/api`, place.site, this.box, () => Date.now())
    this.session = new Session({
      ask: (name, body) => this.socket.ask(name, body),
      box: this.box,
      now: () => Date.now(),
      newId: uuid,
      later: (milliseconds, run) => {
        const timer = setTimeout(run, milliseconds)
        return () => clearTimeout(timer)
      },
    })
    this.socket = new Socket(
      `${place.server}/socket.io/`,
      '/chat',
      () => ({ token: this.identity.known?.token, after: this.session.after }),
      {
        connected: () => {},
        event: (name, body) => this.session.heard(name, body),
        disconnected: (refused) => this.disconnected(refused),
      },
    )
    this.watch()
  }

  /** What the site offers now; `null`: no such site, or no answer. */
  async look(): Promise<SiteView | null> {
    const { server, site, queue } = this.place
    const query = new URLSearchParams({ site, ...(queue ? { queue } : {}) })
    try {
      this.shut = null
      this.view = await request<SiteView>(`${server}/api/site?${query.toString()}`)
    } catch (error) {
      if (error instanceof Refused) {
        this.shut = error.failure.code
        this.absent = error.status === 404
      }
    }
    this.session.changed()
    return this.view
  }

  /** Connect, and stay connected. */
  async connect(): Promise<void> {
    if (this.started) return
    this.started = true
    this.session.connecting()
    await this.dial(false)
  }

  /** Connect; resolves when the server has greeted us, or after a while without it. */
  async ready(): Promise<void> {
    void this.connect()
    for (let left = 100; left > 0 && this.session.link !== 'on'; left--)
      await new Promise((resolve) => setTimeout(resolve, 100))
  }

  /** The site vouches for its user: from now on he is the visitor. */
  async identify(userToken: string): Promise<void> {
    const before = this.identity.known?.token
    const { token } = await this.identity.vouched(userToken, this.view)
    if (!this.started || token === before) return
    this.socket.close()
    this.socket.open()
  }

  /** Upload a file; `progress` from 0 to 1. Resolves with what `say` takes. */
  upload(file: File, progress: (share: number) => void, stop: AbortSignal): Promise<FileView> {
    return new Promise((resolve, reject) => {
      const upload = new XMLHttpRequest()
      upload.open('POST', `${this.place.server}/api/files?name=${encodeURIComponent(file.name)}`)
      upload.setRequestHeader('Authorization', `Bearer ${this.identity.known?.token ?? ''}`)
      upload.setRequestHeader('Content-Type', file.type || 'application/octet-stream')
      upload.responseType = 'json'
      upload.upload.onprogress = (event) => progress(event.loaded / (event.total || 1))
      upload.onload = () => {
        if (upload.status < 300) resolve(upload.response as FileView)
        else reject(new Error((upload.response as { code?: string } | null)?.code ?? 'failed'))
      }
      upload.onerror = upload.onabort = () => reject(new Error('failed'))
      stop.addEventListener('abort', () => upload.abort())
      upload.send(file)
    })
  }

  /** The content of a file of the conversation. */
  async file(id: string): Promise<Blob> {
    const answer = await fetch(`${this.place.server}/api/files/${encodeURIComponent(id)}`, {
      credentials: 'omit',
      headers: { Authorization: `Bearer ${this.identity.known?.token ?? ''}` },
    })
    if (!answer.ok) throw new Error(String(answer.status))
    return answer.blob()
  }

  command(name: string, body: object = {}): Promise<Ack> {
    return this.session.command(name, body)
  }

  /** Ask what need not be answered; raises when it was not. */
  ask(name: string, body: object): Promise<unknown> {
    return this.socket.ask(name, body)
  }

  private async dial(anew: boolean): Promise<void> {
    try {
      await this.identity.token(this.view, anew)
      this.shut = null
      this.socket.open()
    } catch (error) {
      const refused = error instanceof Refused ? error.failure : null
      if (refused && FINAL.has(refused.code)) return this.give(refused.code)
      setTimeout(() => void this.dial(false), Math.max(RETRY, (refused?.wait ?? 0) * 1000))
    }
  }

  private disconnected(refused: Refusal | undefined): void {
    if (refused && FINAL.has(refused.code)) return this.give(refused.code)
    this.session.disconnected()
    if (refused?.code === 'unauthorized') void this.dial(true)
    else if (refused) setTimeout(() => this.socket.open(), Math.max(RETRY, (refused.wait ?? 0) * 1000))
  }

  private give(why: string): void {
    this.shut = why
    this.session.disconnected(true)
  }

  private watch(): void {
    const hurry = (): void => this.socket.hurry()
    addEventListener('online', hurry)
    addEventListener('offline', () => this.socket.drop())
    addEventListener('pageshow', hurry)
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') hurry()
    })
    addEventListener('storage', (event) => {
      if (event.key === null || event.key.startsWith(`callweave:${this.place.site}:`)) this.storedElsewhere()
    })
  }

  private storedElsewhere(): void {
    this.session.stored()
    // Another tab began a conversation: this one takes part.
    if (this.session.worthConnecting) void this.connect()
  }
}
