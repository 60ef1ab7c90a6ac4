// A stand-in for the console server, for work on the pages alone: `npm run build && npm run fake`.
// It plays a story: a call rings a few seconds after the agent is ready. POST /fake/<name> plays the rest.
import { randomUUID } from 'node:crypto'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Server } from 'socket.io'
import { seedData } from './fake-data.mjs'

const PORT = Number(process.env.PORT ?? 8090)
const DIST = fileURLToPath(new URL('../dist/', import.meta.url))
const CSP = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:"
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }

const now = () => Date.now() / 1000
const data = seedData(now())
const sessions = new Map()
const accepted = new Set()
let seq = 100

const http = createServer((request, response) => void route(request, response).catch((error) => fail(response, error)))
const io = new Server(http, { serveClient: false })
const agents = io.of('/agent')

// --- the desk --------------------------------------------------------------------------------------

const desks = new Map()
function desk(name) {
  if (!desks.has(name)) {
    const user = data.users.find((known) => known.name === name)
    desks.set(name, {
      last: 0,
      role: user.role,
      offers: [],
      pops: [],
      interactions: [],
      recent: data.interactions
        .filter((one) => one.segments.some((s) => user.devices.includes(s.agent)))
        .slice(0, 14)
        .map((one) => ({ ...one, mine: true })),
      agent: {
        agent: name,
        name: user.display_name,
        state: 'NOT_READY',
        reason: 'training',
        since: now() - 71,
        until: null,
        interaction_id: null,
        devices: user.devices,
        queues: user.devices.length ? ['support', 'sales', 'vip'] : [],
      },
    })
  }
  return desks.get(name)
}

function send(name, event, payload) {
  const mine = desk(name)
  const message = { ...payload, seq: ++seq, prev: mine.last }
  mine.last = message.seq
  agents.to(name).emit(event, message)
}

function snapshot(name) {
  const { agent, role, interactions, offers, pops, recent, last } = desk(name)
  return {
    seq: (desk(name).last = last || ++seq),
    prev: 0,
    agent,
    role,
    server_time: now(),
    interactions,
    offers,
    pops,
    recent,
    queues: data.queueViews(now()),
    agents: [agent, ...data.colleagues(now())],
    pbx: data.pbx,
    pause_reasons: data.pauseReasons,
    dispositions: data.dispositions,
  }
}

function setState(name, state, more = {}) {
  const mine = desk(name)
  mine.agent = { ...mine.agent, state, reason: null, since: now(), until: null, interaction_id: null, ...more }
  send(name, 'agent_state', { agent: mine.agent })
}

function change(name, id, fields) {
  const mine = desk(name)
  mine.interactions = mine.interactions.map((one) => (one.id === id ? { ...one, ...fields } : one))
  const changed = mine.interactions.find((one) => one.id === id)
  mine.pops = mine.pops.map((pop) => (pop.interaction.id === id ? { ...pop, interaction: changed } : pop))
  send(name, 'interaction', { interaction: changed })
  return changed
}

function ring(name, kind = 'known') {
  const mine = desk(name)
  const pop = { ...data.pop(kind, now(), mine.agent.devices[0]), seq: 0, prev: 0 }
  const full = { ...pop }
  if (kind === 'slow') Object.assign(pop, { customer: null, timeline: [], looking_up: true, strength: 'unknown' })
  mine.interactions.push(pop.interaction)
  mine.pops.push(full)
  mine.offers.push(pop)
  send(name, 'screen_pop', pop)
  if (mine.agent.state === 'READY') setState(name, 'OFFERED', { interaction_id: pop.interaction.id })
  if (kind === 'slow') setTimeout(() => send(name, 'screen_pop_updated', { ...full, looking_up: false }), 1500)
  return pop.interaction.id
}

function closeOffer(name, id, reason) {
  const mine = desk(name)
  mine.offers = mine.offers.filter((pop) => pop.interaction.id !== id)
  send(name, 'screen_pop_closed', { interaction_id: id, reason })
}

const commands = {
  set_state(name, { state, reason }) {
    setState(name, state, { reason: reason ?? null })
    if (state === 'READY' && process.env.STORY !== 'off')
      setTimeout(() => desk(name).agent.state === 'READY' && ring(name), 3000)
  },
  answer(name, { interaction_id: id }) {
    const mine = desk(name)
    closeOffer(name, id, 'answered')
    change(name, id, {
      state: 'talking',
      answered_at: now(),
      wait_seconds: 14,
      segments: [{ agent: mine.agent.devices[0], from: now(), to: null }],
    })
    setState(name, 'BUSY', { interaction_id: id })
  },
  hang_up(name, { interaction_id: id }) {
    const one = desk(name).interactions.find((known) => known.id === id)
    const segments = one.segments.map((segment) => ({ ...segment, to: now() }))
    setState(name, 'WRAP_UP', { interaction_id: id, until: now() + 30 })
    change(name, id, {
      state: 'ended',
      ended_at: now(),
      outcome: 'answered',
      ended_by: 'agent',
      segments,
      talk_seconds: now() - (one.answered_at ?? now()),
    })
  },
  note: (name, { interaction_id: id, text }) => void change(name, id, { notes: text }),
  identify(name, { interaction_id: id, customer_id, create }) {
    const customer = customer_id
      ? data.customers.find((known) => known.id === customer_id)
      : {
          id: randomUUID(),
          emails: [],
          language: null,
          notes: null,
          vip: false,
          organisation: null,
          phones: [],
          ...create,
        }
    if (!customer_id) data.customers.push(customer)
    const mine = desk(name)
    mine.pops = mine.pops.map((pop) =>
      pop.interaction.id === id
        ? { ...pop, customer, strength: 'known', candidates: [], timeline: customer_id ? data.timeline(now()) : [] }
        : pop,
    )
    send(
      name,
      'screen_pop_updated',
      mine.pops.find((pop) => pop.interaction.id === id),
    )
    change(name, id, { customer_id: customer.id, customer_name_known: customer.name })
  },
  wrap_up(name, { interaction_id: id, disposition, notes }) {
    const mine = desk(name)
    const done = change(name, id, { disposition, notes })
    mine.recent.unshift({ ...done, mine: true })
    mine.interactions = mine.interactions.filter((one) => one.id !== id)
    mine.pops = mine.pops.filter((pop) => pop.interaction.id !== id)
    setState(name, 'READY')
  },
  dial: () => ({ code: 'not_supported', message: 'Not in the fake server.' }),
  pop_shown() {},
}

agents.use((socket, next) => {
  const user = userOf(socket.handshake.headers.cookie)
  if (user) return next(void (socket.data.user = user))
  next(Object.assign(new Error('unauthorised'), { data: { code: 'unauthorised' } }))
})
agents.on('connection', (socket) => {
  const name = socket.data.user.name
  void socket.join(name)
  if (socket.handshake.auth.after !== desk(name).last) socket.emit('snapshot', snapshot(name))
  for (const [command, run] of Object.entries(commands))
    socket.on(command, (payload, ack) => {
      ack({ ok: true })
      if (accepted.has(payload.id)) return
      accepted.add(payload.id)
      const error = run(name, payload)
      setTimeout(() => send(name, 'command_result', { id: payload.id, ok: !error, error: error ?? undefined }), 60)
    })
})
const supervisors = io.of('/supervisor')
supervisors.use((socket, next) => {
  const role = userOf(socket.handshake.headers.cookie)?.role
  if (role === 'supervisor' || role === 'admin') return next()
  next(Object.assign(new Error('forbidden'), { data: { code: 'forbidden' } }))
})
supervisors.on('connection', (socket) => {
  const everybody = [...[...desks.values()].map((mine) => mine.agent), ...data.colleagues(now())]
  const body = { agents: everybody, queues: data.queueViews(now()), interactions: [], pbx: data.pbx }
  socket.emit('snapshot', { seq: ++seq, prev: 0, role: 'supervisor', server_time: now(), ...body })
})
setInterval(() => {
  for (const name of desks.keys()) send(name, 'queues', { queues: data.queueViews(now()) })
}, 5000)

// --- what a test plays -----------------------------------------------------------------------------

const plays = {
  ring: (name, kind) => ring(name, kind),
  hold: (name) => change(name, desk(name).agent.interaction_id, { state: 'held' }),
  cancel: (name) => closeOffer(name, desk(name).offers.at(-1).interaction.id, 'caller_gone'),
  pbx(name, state) {
    data.pbx = data.pbx.map((one) => ({ ...one, state: state ?? 'lost', since: now() }))
    send(name, 'notice', {
      level: 'error',
      code: state === 'up' ? 'pbx_restored' : 'pbx_lost',
      params: { pbx: 'demo' },
      pbx: data.pbx,
    })
  },
  gap: (name) => ((desk(name).last = ++seq), send(name, 'queues', { queues: data.queueViews(now()) })),
  drop: () => void agents.disconnectSockets(true),
}

// --- HTTP ------------------------------------------------------------------------------------------

const userOf = (cookie) => sessions.get(/callweave=([\w-]+)/.exec(cookie ?? '')?.[1])
const json = (response, status, body, headers = {}) => {
  response.writeHead(status, {
    'content-type': status < 400 ? 'application/json' : 'application/problem+json',
    ...headers,
  })
  response.end(body === undefined ? '' : JSON.stringify(body))
}
const problem = (response, status, title, errors) =>
  json(response, status, { type: 'about:blank', title, status, detail: title, errors })
const fail = (response, error) => problem(response, 500, String(error))

async function bodyOf(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  return request.headers['content-type']?.includes('json') && text ? JSON.parse(text) : text
}

async function route(request, response) {
  const url = new URL(request.url, 'http://localhost')
  if (url.pathname.startsWith('/fake/')) return play(url, response)
  if (url.pathname.startsWith('/api/')) return rest(request, response, url, await bodyOf(request))
  file(url.pathname, response)
}

function play(url, response) {
  const [, , what, argument] = url.pathname.split('/')
  json(response, 200, { answer: plays[what]?.(url.searchParams.get('agent') ?? 'anna', argument) ?? null })
}

function file(path, response) {
  const wanted = join(DIST, normalize(path))
  const found =
    wanted.startsWith(DIST) && existsSync(wanted) && statSync(wanted).isFile() ? wanted : join(DIST, 'index.html')
  response.writeHead(200, {
    'content-type': TYPES[extname(found)] ?? 'application/octet-stream',
    'content-security-policy': CSP,
  })
  createReadStream(found).pipe(response)
}

const byKey = (key) => (list, value) => list.findIndex((one) => one[key] === value)
const put = (list, key, value, body) => {
  const at = byKey(key)(list, value)
  const made = { ...(at >= 0 ? list[at] : {}), ...body, [key]: value }
  if (at >= 0) list[at] = made
  else list.push(made)
  return made
}
const matching = (q) =>
  data.customers.filter((one) =>
    JSON.stringify(one)
      .toLowerCase()
      .includes((q ?? '').toLowerCase()),
  )

function session(request, response, body) {
  if (request.method === 'POST') {
    const user = data.users.find((known) => known.name === body.username)
    if (!user || body.password !== 'demo') return problem(response, 401, 'Wrong user name or password.')
    const token = randomUUID()
    sessions.set(token, user)
    return json(
      response,
      200,
      { token, user },
      { 'set-cookie': `callweave=${token}; HttpOnly; Path=/; SameSite=Strict` },
    )
  }
  const user = userOf(request.headers.cookie)
  if (request.method === 'DELETE')
    return json(response, 204, undefined, { 'set-cookie': 'callweave=; Max-Age=0; Path=/' })
  return user ? json(response, 200, { user }) : problem(response, 401, 'Not signed in.')
}

function rest(request, response, url, body) {
  const { method } = request
  const [, , resource, id, sub] = url.pathname.split('/').map(decodeURIComponent)
  if (resource === 'session') return session(request, response, body)
  if (!userOf(request.headers.cookie)) return problem(response, 401, 'Not signed in.')
  const key = `${method} ${resource}${id ? '/:id' : ''}${sub ? `/${sub}` : ''}`
  const q = url.searchParams
  const routes = {
    'GET phone': () => ({ kind: 'desk' }),
    'GET users': () => data.users,
    'POST users': () =>
      data.users.some((one) => one.name === body.name)
        ? { problem: [409, 'This name exists already.', [{ field: 'name', message: 'This name exists already.' }]] }
        : put(data.users, 'name', body.name, { disabled: false, version: 1, ...body, password: undefined }),
    'PATCH users/:id': () => put(data.users, 'name', id, body),
    'POST users/:id/password': () => undefined,
    'GET queues': () => data.queues,
    'PUT queues/:id': () => put(data.queues, 'name', id, body),
    'GET pause-reasons': () => data.pauseReasons,
    'PUT pause-reasons/:id': () => put(data.pauseReasons, 'code', id, body),
    'GET dispositions': () => data.dispositions,
    'PUT dispositions/:id': () => put(data.dispositions, 'code', id, body),
    'GET customers': () => {
      const from = Number(q.get('cursor') ?? 0)
      const limit = Number(q.get('limit') ?? 50)
      const found = matching(q.get('q'))
      return { items: found.slice(from, from + limit), next: found.length > from + limit ? String(from + limit) : null }
    },
    'POST customers': () =>
      put(data.customers, 'id', randomUUID(), { emails: [], notes: null, language: null, vip: false, ...body }),
    'GET customers/:id': () => data.customers.find((one) => one.id === id),
    'PATCH customers/:id': () => put(data.customers, 'id', id, body),
    'DELETE customers/:id': () => void data.customers.splice(byKey('id')(data.customers, id), 1),
    'GET customers/:id/timeline': () => data.timeline(now()),
    'POST customers/:id': () => data.importReport,
    'GET interactions': () => {
      const from = Number(q.get('cursor') ?? 0)
      const limit = Number(q.get('limit') ?? 50)
      const found = data.interactions.filter((one) => !q.get('queue') || one.queue === q.get('queue'))
      return { items: found.slice(from, from + limit), next: found.length > from + limit ? String(from + limit) : null }
    },
    'GET interactions/:id': () => data.interactions.find((one) => one.id === id),
    'GET devices': () => data.devices,
    'GET phone': () => ({ kind: 'desk' }),
    'GET health': () => data.health(now()),
    'GET gaps': () => data.gaps(now()),
    'GET agents': () => data.colleagues(now()),
  }
  if (!routes[key]) return problem(response, 404, `No ${key}.`)
  const answer = routes[key]()
  if (answer?.problem) return problem(response, ...answer.problem)
  json(response, answer === undefined ? 204 : 200, answer)
}

http.listen(PORT, '127.0.0.1', () =>
  console.log(`fake server on http://127.0.0.1:${PORT} (anna, ben, sofia, admin: demo)`),
)
