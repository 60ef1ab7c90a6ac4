import { beforeEach, describe, expect, it } from 'vitest'
import type { Shelf } from '@/desk/notes'
import type { Outcome } from '@/socket/outbox'
import { line } from './examples'
import { Outgoing, type OwnLine } from './outgoing'

class FakeShelf implements Shelf {
  values = new Map<string, string>()
  getItem = (key: string) => this.values.get(key) ?? null
  setItem = (key: string, value: string) => void this.values.set(key, value)
  removeItem = (key: string) => void this.values.delete(key)
}

let shelf: FakeShelf
let sent: { line: OwnLine; answer: (outcome: Outcome) => void }[]
let waiting: { ms: number; call: () => void }[]
let ids: number
let who: string

const make = () =>
  new Outgoing(
    (_chat, line) => new Promise((answer) => sent.push({ line, answer })),
    shelf,
    () => who,
    () => `id-${++ids}`,
    () => 100,
    (ms, call) => waiting.push({ ms, call }),
  )
const settle = () => new Promise((done) => setImmediate(done))
const no = (code: string): Outcome => ({ ok: false, error: { code, message: '' } })
const states = (out: Outgoing) => out.rooms.c1?.map((one) => `${one.id} ${one.state}`)
let out: Outgoing

beforeEach(() => {
  shelf = new FakeShelf()
  sent = []
  waiting = []
  ids = 0
  who = 'anna'
  out = make()
})

describe('own lines', () => {
  it('are shown at once and go one after the other', async () => {
    out.say('c1', 'a')
    out.say('c1', 'b')
    expect(states(out)).toEqual(['id-1 sending', 'id-2 sending'])
    expect(sent.map((one) => one.line.id)).toEqual(['id-1'])
    sent[0]!.answer({ ok: true })
    await settle()
    expect(sent.map((one) => one.line.id)).toEqual(['id-1', 'id-2'])
    expect(states(out)).toEqual(['id-1 sent', 'id-2 sending'])
  })

  it('of two chats do not wait for each other', () => {
    out.say('c1', 'a')
    out.say('c2', 'b')
    expect(sent.map((one) => one.line.text)).toEqual(['a', 'b'])
  })

  it('go again under the same id until the server has them, later and later', async () => {
    out.say('c1', 'a')
    out.say('c1', 'b')
    for (let at = 0; at < 3; at++) {
      sent[at]!.answer(no('no_answer_from_server'))
      await settle()
      waiting[at]!.call()
    }
    expect(waiting.map((one) => one.ms)).toEqual([1_000, 2_000, 4_000])
    expect(sent.map((one) => one.line.id)).toEqual(['id-1', 'id-1', 'id-1', 'id-1'])
    sent[3]!.answer({ ok: true })
    await settle()
    expect(sent.at(-1)!.line.id).toBe('id-2')
  })

  it('give way to the line of the server, whichever of answer and line comes first', async () => {
    out.say('c1', 'a')
    out.told('c1', [line(7, { id: 'id-1' })])
    expect(states(out)).toEqual([])
    sent[0]!.answer({ ok: true })
    await settle()
    expect(states(out)).toEqual([])
    out.say('c1', 'b')
    sent[1]!.answer({ ok: true })
    await settle()
    out.told('c1', [line(8, { id: 'id-2' })])
    expect(states(out)).toEqual([])
    expect(shelf.values.size).toBe(0)
  })

  it('survive a reload and keep their ids and order', async () => {
    out.say('c1', 'a')
    out.say('c1', 'b', true)
    const again = make()
    again.restore('c1')
    expect(states(again)).toEqual(['id-1 sending', 'id-2 sending'])
    expect(sent.at(-1)!.line).toMatchObject({ id: 'id-1', text: 'a' })
    again.told('c1', [line(1, { id: 'id-1' })])
    sent.at(-1)!.answer({ ok: true })
    await settle()
    expect(sent.at(-1)!.line).toMatchObject({ id: 'id-2', text: 'b', private: true })
  })

  it('are never sent by somebody else at the same computer', () => {
    out.say('c1', 'a')
    who = 'ben'
    const other = make()
    other.restore('c1')
    expect(states(other)).toEqual([])
    expect(sent.length).toBe(1)
  })

  it('that are refused say so, hold up nothing, and go again when told', async () => {
    out.say('c1', 'a')
    out.say('c1', 'b')
    sent[0]!.answer(no('too_long'))
    await settle()
    expect(states(out)).toEqual(['id-1 failed', 'id-2 sending'])
    sent[1]!.answer({ ok: true })
    await settle()
    out.retry('c1', 'id-1')
    expect(sent.at(-1)!.line.id).toBe('id-1')
    sent.at(-1)!.answer(no('too_long'))
    await settle()
    out.drop('c1', 'id-1')
    expect(states(out)).toEqual(['id-2 sent'])
  })

  it('that were never sent are told when the chat leaves the desk', async () => {
    out.say('c1', 'a')
    out.say('c1', 'b')
    sent[0]!.answer({ ok: true })
    await settle()
    expect(out.leave('c1').map((one) => one.text)).toEqual(['b'])
    expect(shelf.values.size).toBe(0)
  })
})
