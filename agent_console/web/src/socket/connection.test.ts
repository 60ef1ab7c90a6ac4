import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type Socket } from 'socket.io'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { snapshot } from '@/desk/examples'
import { Connection, type LinkState } from './connection'

let http: HttpServer
let server: Server
let connection: Connection
let auths: Record<string, unknown>[]
let sockets: Socket[]
let states: LinkState[]
let heard: string[]
let refuse: string | null

beforeEach(async () => {
  auths = []
  sockets = []
  states = []
  heard = []
  refuse = null
  http = createServer()
  server = new Server(http)
  const space = server.of('/agent')
  space.use((socket, next) => {
    auths.push(socket.handshake.auth)
    next(refuse ? Object.assign(new Error('refused'), { data: { code: refuse } }) : undefined)
  })
  space.on('connection', (socket) => {
    sockets.push(socket)
    if (socket.handshake.auth.after === undefined) socket.emit('snapshot', snapshot({ seq: 10 }))
  })
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done))
  connection = new Connection(
    {
      message: (name, message) => void heard.push(`${name} ${(message as { seq: number }).seq}`),
      state: (state) => void states.push(state),
      linked() {},
    },
    '/agent',
    `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
  )
  connection.open()
})

afterEach(async () => {
  connection.close()
  await server.close()
})

const queues = (seq: number, prev: number) => sockets.at(-1)!.emit('queues', { seq, prev, queues: [] })
const until = (check: () => boolean) => vi.waitUntil(check, { timeout: 5_000, interval: 5 })

it('resumes after the last number when the link was cut', async () => {
  await until(() => states.at(-1) === 'live')
  queues(12, 10)
  queues(12, 10)
  await until(() => heard.length === 2)
  sockets[0]!.conn.close()
  await until(() => sockets.length === 2)
  expect(auths).toEqual([{}, { after: 12 }])
  queues(15, 12)
  await until(() => heard.length === 3)
  expect(heard).toEqual(['snapshot 10', 'queues 12', 'queues 15'])
  expect(states).toEqual(['connecting', 'loading', 'live', 'lost', 'live'])
})

it('asks for a snapshot when a number is missing', async () => {
  await until(() => states.at(-1) === 'live')
  queues(20, 15)
  await until(() => sockets.length === 2)
  expect(auths).toEqual([{}, {}])
  await until(() => heard.length === 2)
  expect(heard).toEqual(['snapshot 10', 'snapshot 10'])
})

it('says that nobody is signed in any more', async () => {
  await until(() => states.at(-1) === 'live')
  refuse = 'unauthorized'
  sockets[0]!.conn.close()
  await until(() => states.at(-1) === 'unauthorised')
})
