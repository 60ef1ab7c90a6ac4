/** Our client against the server of Socket.IO's own authors. */
import { createServer, type Server as HttpServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Socket, Unanswered, type Refusal } from './socket'

// Node.js 20 has none of its own.
globalThis.WebSocket ??= (createRequire(import.meta.url)('ws') as { WebSocket: typeof WebSocket }).WebSocket

let http: HttpServer
let io: Server
let url: string
const open: Socket[] = []
/** As long as a busy machine may need. */
const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 20_000 })

async function serve(options: object = {}): Promise<void> {
  http = createServer()
  io = new Server(http, { path: '/chat/socket.io', ...options })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/chat/socket.io/`
  io.of('/chat').on('connection', (socket) => {
    socket.emit('welcome', { auth: socket.handshake.auth, way: socket.conn.transport.name })
    socket.on('echo', (body: unknown, ack: (answer: unknown) => void) => ack({ ok: true, body }))
    socket.on('silence', () => {})
    socket.on('kick', () => socket.disconnect(true))
    socket.on('burst', (count: number) => {
      for (let index = 0; index < count; index++) socket.emit('line', { index, text: '中文 ✓ [{"2/chat,' })
    })
  })
}

interface Heard {
  socket: Socket
  events: [string, unknown][]
  refused: (Refusal | undefined)[]
}

function connect(auth: object = { token: 't' }): Heard {
  const events: [string, unknown][] = []
  const refused: (Refusal | undefined)[] = []
  const socket = new Socket(url, '/chat', () => auth, {
    connected: () => {},
    event: (name, body) => events.push([name, body]),
    disconnected: (why) => refused.push(why),
  })
  open.push(socket)
  socket.open()
  return { socket, events, refused }
}

const of = (heard: Heard, name: string): unknown[] =>
  heard.events.filter(([one]) => one === name).map(([, body]) => body)

beforeEach(() => serve())
afterEach(async () => {
  open.splice(0).forEach((socket) => socket.close())
  await io.close()
})

it('connects with its auth and is answered', async () => {
  const heard = connect({ token: 'abc', after: 7 })
  await until(() => expect(of(heard, 'welcome')).toEqual([{ auth: { token: 'abc', after: 7 }, way: 'websocket' }]))
  expect(await heard.socket.ask('echo', { text: 'schön ☎ 你好', list: [1, [2]] })).toEqual({
    ok: true,
    body: { text: 'schön ☎ 你好', list: [1, [2]] },
  })
})

it('takes many messages in order, and lives through heartbeats', async () => {
  await io.close()
  await serve({ pingInterval: 50, pingTimeout: 10_000 })
  const heard = connect()
  await until(() => expect(heard.socket.connected).toBe(true))
  void heard.socket.ask('burst', 500 as never).catch(() => {})
  await until(() => expect(of(heard, 'line')).toHaveLength(500))
  expect(of(heard, 'line').map((body) => (body as { index: number }).index)).toEqual([...Array(500).keys()])
  const beats = [...io.of('/chat').sockets.values()].map((socket) => {
    let count = 0
    socket.conn.on('packet', ({ type }: { type: string }) => (count += type === 'pong' ? 1 : 0))
    return () => count
  })
  await until(() => expect(beats[0]?.()).toBeGreaterThan(5))
  expect(heard.socket.connected).toBe(true)
  expect(heard.refused).toEqual([])
})

it('goes over long polling where a WebSocket is not let through', async () => {
  await io.close()
  await serve({ transports: ['polling'] })
  const heard = connect()
  await until(() => expect(of(heard, 'welcome')).toEqual([{ auth: { token: 't' }, way: 'polling' }]))
  const answers = await Promise.all([...Array(30).keys()].map((index) => heard.socket.ask('echo', { index })))
  expect(answers.map((answer) => (answer as { body: { index: number } }).body.index)).toEqual([...Array(30).keys()])
  void heard.socket.ask('burst', 100 as never).catch(() => {})
  await until(() => expect(of(heard, 'line')).toHaveLength(100))
})

it('comes back after the server has cut it, and says that an answer is missing', async () => {
  const heard = connect()
  await until(() => expect(of(heard, 'welcome')).toHaveLength(1))
  const silent = heard.socket.ask('silence', {})
  void heard.socket.ask('kick', {}).catch(() => {})
  await expect(silent).rejects.toBeInstanceOf(Unanswered)
  await until(() => expect(of(heard, 'welcome')).toHaveLength(2))
  expect(await heard.socket.ask('echo', {})).toEqual({ ok: true, body: {} })
})

it('notices a server that went silent', async () => {
  await io.close()
  await serve({ pingInterval: 300, pingTimeout: 700 })
  const heard = connect()
  await until(() => expect(heard.socket.connected).toBe(true))
  for (const socket of io.of('/chat').sockets.values()) {
    // No heartbeat any more, and no word that it ended.
    const engine = socket.conn as unknown as { pingIntervalTimer: NodeJS.Timeout; pingTimeoutTimer: NodeJS.Timeout }
    clearTimeout(engine.pingIntervalTimer)
    clearTimeout(engine.pingTimeoutTimer)
  }
  await until(() => expect(heard.refused.length).toBeGreaterThan(0))
  await until(() => expect(heard.socket.connected).toBe(true))
})

it('is told why it is refused, and does not insist', async () => {
  io.of('/chat').use((_, next) => next(Object.assign(new Error('No.'), { data: { code: 'banned', wait: 3 } })))
  const heard = connect()
  await until(() => expect(heard.refused).toEqual([{ code: 'banned', wait: 3 }]))
  expect(heard.socket.connected).toBe(false)
})

it('asks nothing over a line that is not there', async () => {
  await io.close()
  const heard = connect()
  await expect(heard.socket.ask('echo', {})).rejects.toBeInstanceOf(Unanswered)
})

it('hears what the server said before it let us in', async () => {
  io.of('/chat').use((socket, next) => {
    // python-socketio sends what its connect handler emits before the answer to CONNECT.
    const engine = socket.conn as unknown as { write(packet: string): void }
    engine.write('2/chat,["welcome",{"early":true}]')
    setTimeout(next, 20)
  })
  const answers: unknown[] = []
  const socket: Socket = new Socket(url, '/chat', () => ({}), {
    connected: () => {},
    event: (_, body) => {
      if ((body as { early?: boolean }).early) void socket.ask('echo', {}).then((answer) => answers.push(answer))
    },
    disconnected: () => {},
  })
  open.push(socket)
  socket.open()
  await until(() => expect(answers).toEqual([{ ok: true, body: {} }]))
})
