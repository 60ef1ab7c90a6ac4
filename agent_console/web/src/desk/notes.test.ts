import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Outcome } from '@/socket/outbox'
import { Notes, type Shelf } from './notes'

class MapShelf implements Shelf {
  items = new Map<string, string>()
  getItem = (key: string) => this.items.get(key) ?? null
  setItem = (key: string, value: string) => void this.items.set(key, value)
  removeItem = (key: string) => void this.items.delete(key)
}

let shelf: MapShelf
let sent: { text: string; done: (outcome: Outcome) => void }[]
let notes: Notes

beforeEach(() => {
  vi.useFakeTimers()
  shelf = new MapShelf()
  sent = []
  notes = make()
})
afterEach(() => vi.useRealTimers())

const make = () => new Notes((_, text) => new Promise((done) => sent.push({ text, done })), shelf)
const settle = () => vi.advanceTimersByTimeAsync(0)

describe('Notes', () => {
  it('saves once after a pause in writing, and says saved only then', async () => {
    const draft = notes.open('i', null, null)
    notes.edit('i', 'h')
    notes.edit('i', 'hello')
    expect(draft.state).toBe('unsaved')
    await vi.advanceTimersByTimeAsync(700)
    expect(sent.map((one) => one.text)).toEqual(['hello'])
    expect(draft.state).toBe('saving')
    sent[0]!.done({ ok: true })
    await settle()
    expect(draft.state).toBe('saved')
    expect(shelf.items.size).toBe(0)
  })

  it('does not call saved what was written meanwhile', async () => {
    const draft = notes.open('i', null, null)
    notes.edit('i', 'a')
    await vi.advanceTimersByTimeAsync(700)
    notes.edit('i', 'ab')
    sent[0]!.done({ ok: true })
    await settle()
    expect(draft.state).toBe('unsaved')
    await vi.advanceTimersByTimeAsync(700)
    expect(sent[1]!.text).toBe('ab')
  })

  it('has the text again after a reload that came too early', async () => {
    notes.open('i', 'old', null)
    notes.edit('i', 'old and new')
    const reloaded = make()
    expect(reloaded.open('i', 'old', null).text).toBe('old and new')
    await vi.advanceTimersByTimeAsync(700)
    expect(sent.some((one) => one.text === 'old and new')).toBe(true)
  })

  it('tries again where the server did not answer', async () => {
    const draft = notes.open('i', null, null)
    notes.edit('i', 'a')
    await vi.advanceTimersByTimeAsync(700)
    sent[0]!.done({ ok: false, error: { code: 'no_answer_from_server', message: '' } })
    await settle()
    expect(draft.state).toBe('unsaved')
    await vi.advanceTimersByTimeAsync(3_000)
    expect(sent).toHaveLength(2)
  })

  it('says why it was refused', async () => {
    const draft = notes.open('i', null, null)
    notes.edit('i', 'a')
    await vi.advanceTimersByTimeAsync(700)
    sent[0]!.done({ ok: false, error: { code: 'too_long', message: 'Too long.' } })
    await settle()
    expect(draft).toMatchObject({ state: 'refused', error: 'Too long.' })
  })

  it('takes over what another tab wrote, but never over own words', () => {
    const draft = notes.open('i', 'a', null)
    notes.told('i', 'b')
    expect(draft.text).toBe('b')
    notes.edit('i', 'mine')
    notes.told('i', 'c')
    expect(draft.text).toBe('mine')
    expect(draft.state).toBe('unsaved')
  })

  it('keeps the disposition over a reload and nothing after the end', () => {
    notes.open('i', null, null)
    notes.choose('i', 'sale')
    expect(make().open('i', null, null).disposition).toBe('sale')
    notes.drop('i')
    expect(shelf.items.size).toBe(0)
  })
})
