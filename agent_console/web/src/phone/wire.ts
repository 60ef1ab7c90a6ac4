import type { Socket } from 'jssip'

/** JsSIP's socket, with an address that is asked anew at each connection. */
export class Wire implements Socket {
  via_transport = location.protocol === 'https:' ? 'WSS' : 'WS'
  readonly url = location.origin
  readonly sip_uri = `sip:${location.host};transport=ws`
  /** These three are JsSIP's. */
  onconnect = (): void => {}
  ondisconnect = (_error: boolean, _code?: number, _reason?: string): void => {}
  ondata = <T>(_data: T): void => {}
  #ws: WebSocket | null = null

  constructor(private address: () => string) {}

  connect(): void {
    if (this.isConnected() || this.isConnecting()) return
    const ws = (this.#ws = new WebSocket(this.address(), 'sip'))
    ws.onopen = () => this.onconnect()
    ws.onmessage = (event) => this.ondata(event.data)
    ws.onclose = (event) => ws === this.#ws && this.ondisconnect(!event.wasClean, event.code, event.reason)
  }

  disconnect(): void {
    if (!this.#ws) return
    this.#ws.onopen = this.#ws.onmessage = this.#ws.onclose = null
    this.#ws.close()
    this.#ws = null
  }

  send(message: string | ArrayBufferLike | Blob | ArrayBufferView): boolean {
    if (!this.isConnected()) return false
    this.#ws!.send(message as string)
    return true
  }

  isConnected(): boolean {
    return this.#ws?.readyState === WebSocket.OPEN
  }

  isConnecting(): boolean {
    return this.#ws?.readyState === WebSocket.CONNECTING
  }
}
