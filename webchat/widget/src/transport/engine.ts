/**
 * Engine.IO protocol 4 as far as a chat needs it: text packets over one WebSocket, or over long polling where a network
 * lets no WebSocket through. No upgrade from one to the other: the next connection tries the WebSocket again.
 */

const SEPARATOR = '\x1e'
/** Milliseconds for the handshake, before the other way is tried. */
const HANDSHAKE = 8_000

export interface EngineEvents {
  opened(): void
  message(text: string): void
  closed(reason: string): void
}

export type Way = 'websocket' | 'polling'

interface Handshake {
  sid: string
  pingInterval: number
  pingTimeout: number
}

abstract class Engine {
  private watch: ReturnType<typeof setTimeout>
  private silence = HANDSHAKE
  private over = false
  /** When the last packet came (milliseconds); a computer that slept sees by it that the line is dead. */
  heard = Date.now()

  constructor(private readonly events: EngineEvents) {
    this.watch = setTimeout(() => this.end('timeout'), HANDSHAKE)
  }

  abstract send(text: string): void
  protected abstract pong(): void
  protected abstract hangUp(): void
  protected shook(_: Handshake): void {}

  /** Whether the server ought to have said something since. */
  get stale(): boolean {
    return Date.now() - this.heard > this.silence
  }

  close(): void {
    this.end('closed')
  }

  protected get ended(): boolean {
    return this.over
  }

  protected end(reason: string): void {
    if (this.over) return
    this.over = true
    clearTimeout(this.watch)
    this.hangUp()
    this.events.closed(reason)
  }

  protected take(packet: string): void {
    if (this.over) return
    this.heard = Date.now()
    clearTimeout(this.watch)
    this.watch = setTimeout(() => this.end('timeout'), this.silence)
    const kind = packet[0]
    if (kind === '0') this.open(packet.slice(1))
    else if (kind === '1') this.end('closed')
    else if (kind === '2') this.pong()
    else if (kind === '4') this.events.message(packet.slice(1))
  }

  private open(text: string): void {
    const handshake = JSON.parse(text) as Handshake
    this.silence = handshake.pingInterval + handshake.pingTimeout
    this.shook(handshake)
    this.events.opened()
  }
}

class OverWebSocket extends Engine {
  private readonly socket: WebSocket

  constructor(url: string, events: EngineEvents) {
    super(events)
    this.socket = new WebSocket(`${url.replace(/^http/, 'ws')}?EIO=4&transport=websocket`)
    this.socket.onmessage = (message) => this.take(String(message.data))
    this.socket.onclose = () => this.end('closed')
    this.socket.onerror = () => this.end('error')
  }

  send(text: string): void {
    if (this.socket.readyState === 1) this.socket.send(`4${text}`)
  }

  protected pong(): void {
    this.socket.send('3')
  }

  protected hangUp(): void {
    this.socket.close()
  }
}

class OverPolling extends Engine {
  private readonly stop = new AbortController()
  private readonly url: string
  private sid = ''
  private backlog: string[] = []
  private posting = false

  constructor(url: string, events: EngineEvents) {
    super(events)
    this.url = `${url}?EIO=4&transport=polling`
    void this.poll()
  }

  send(text: string): void {
    this.push(`4${text}`)
  }

  protected pong(): void {
    this.push('3')
  }

  protected override shook(handshake: Handshake): void {
    this.sid = `&sid=${encodeURIComponent(handshake.sid)}`
  }

  protected hangUp(): void {
    if (this.sid)
      void fetch(this.url + this.sid, { method: 'POST', body: '1', keepalive: true, credentials: 'omit' }).catch(
        () => {},
      )
    this.stop.abort()
  }

  private push(packet: string): void {
    this.backlog.push(packet)
    if (!this.posting) void this.post()
  }

  private async post(): Promise<void> {
    this.posting = true
    while (this.backlog.length && !this.ended) {
      const body = this.backlog.splice(0).join(SEPARATOR)
      if ((await this.request({ method: 'POST', body })) === null) return
    }
    this.posting = false
  }

  private async poll(): Promise<void> {
    while (!this.ended) {
      const text = await this.request({})
      if (text === null) return
      for (const packet of text.split(SEPARATOR)) this.take(packet)
    }
  }

  private async request(how: RequestInit): Promise<string | null> {
    try {
      const answer = await fetch(this.url + this.sid, {
        ...how,
        signal: this.stop.signal,
        credentials: 'omit',
        cache: 'no-store',
      })
      if (answer.ok) return await answer.text()
    } catch {
      // ended below
    }
    this.end('error')
    return null
  }
}

export type { Engine }

/** Begin a connection; what becomes of it is told by `events`. */
export function engine(way: Way, url: string, events: EngineEvents): Engine {
  return way === 'websocket' ? new OverWebSocket(url, events) : new OverPolling(url, events)
}
