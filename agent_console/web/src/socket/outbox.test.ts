import { beforeEach, describe, expect, it } from 'vitest'
import { type Link, Outbox, type Outcome, type Reply, type Timers } from './outbox'

class FakeLink implements Link {
  up = true
  sent: { name: string; payload: Record<string, unknown>; answer: (reply: Reply | null) => void }[] = []
  connected() {
    return this.up
  }
  emit(name: string, payload: object, _ms: number, answer: (reply: Reply | null) => void) {
    this.sent.push({ name, payload: payload as Record<string, unknown>, answer })
  }
}

class FakeTimers implements Timers {
  time = 0
  waiting: { at: number; call: () => void }[] = []
  now() {
    return this.time
  }
  after(ms: number, call: () => void) {
    this.waiting.push({ at: this.time + ms, call })
  }
  advance(ms: number) {
    this.time += ms
    const due = this.waiting.filter((timer) => timer.at <= this.time)
    this.waiting = this.waiting.filter((timer) => timer.at > this.time)
    for (const timer of due) timer.call()
  }
}

let link: FakeLink
let timers: FakeTimers
let outbox: Outbox
let count: number

beforeEach(() => {
  link = new FakeLink()
  timers = new FakeTimers()
  count = 0
  outbox = new Outbox(link, timers, () => `id-${++count}`)
})

async function outcome(promise: Promise<Outcome>): Promise<Outcome | 'open'> {
  return Promise.race([promise, new Promise<'open'>((done) => setImmediate(() => done('open')))])
}

describe('Outbox', () => {
  it('is open until the result is there', async () => {
    const promise = outbox.submit('note', { interaction_id: 'i', text: 'x' })
    link.sent[0]!.answer({ ok: true })
    expect(await outcome(promise)).toBe('open')
    outbox.resolved({ id: 'id-1', ok: true })
    expect(await outcome(promise)).toEqual({ ok: true })
  })

  it('tries three times with the same id, then says so', async () => {
    const promise = outbox.submit('note', { interaction_id: 'i', text: 'x' })
    for (let i = 0; i < 3; i++) link.sent[i]!.answer(null)
    expect(link.sent.map((sent) => sent.payload.id)).toEqual(['id-1', 'id-1', 'id-1'])
    expect(await outcome(promise)).toMatchObject({ ok: false, error: { code: 'no_answer_from_server' } })
  })

  it('waits for the link and sends once', () => {
    link.up = false
    void outbox.submit('note', { interaction_id: 'i', text: 'x' })
    expect(link.sent).toHaveLength(0)
    link.up = true
    outbox.reconnected()
    expect(link.sent).toHaveLength(1)
  })

  it('sends what was in flight again after a reconnect, under its id', async () => {
    const promise = outbox.submit('wrap_up', { interaction_id: 'i', disposition: 'sale' })
    link.up = false
    link.sent[0]!.answer(null)
    expect(await outcome(promise)).toBe('open')
    link.up = true
    outbox.reconnected()
    expect(link.sent[1]!.payload.id).toBe('id-1')
  })

  it('never lifts a phone late', async () => {
    link.up = false
    const promise = outbox.submit('answer', { interaction_id: 'i' })
    timers.advance(8_001)
    expect(await outcome(promise)).toMatchObject({ ok: false, error: { code: 'expired' } })
    link.up = true
    outbox.reconnected()
    expect(link.sent).toHaveLength(0)
  })

  it('passes the refusal on', async () => {
    const promise = outbox.submit('dial', { to: '1' })
    link.sent[0]!.answer({ ok: false, error: { code: 'not_supported', message: 'No.' } })
    expect(await outcome(promise)).toEqual({ ok: false, error: { code: 'not_supported', message: 'No.' } })
  })

  it('does not wait for ever for a result', async () => {
    const promise = outbox.submit('set_state', { state: 'READY' })
    link.sent[0]!.answer({ ok: true })
    timers.advance(10_001)
    expect(await outcome(promise)).toMatchObject({ ok: false, error: { code: 'no_result' } })
    expect(outbox.size).toBe(0)
  })

  it('leaves nothing behind at sign-out', async () => {
    link.up = false
    const promise = outbox.submit('note', { interaction_id: 'i', text: 'x' })
    outbox.clear()
    expect(await outcome(promise)).toMatchObject({ ok: false })
  })
})
