import { beforeEach, describe, expect, it, vi } from 'vitest'
import { Drafts } from './drafts'
import { TypingTeller } from './typing'

const shelf = () => {
  const values = new Map<string, string>()
  return {
    values,
    getItem: (key: string) => values.get(key) ?? null,
    setItem: (key: string, value: string) => void values.set(key, value),
    removeItem: (key: string) => void values.delete(key),
  }
}

describe('a draft', () => {
  it('is kept for each chat and person, also over a reload', () => {
    const kept = shelf()
    let who = 'anna'
    const drafts = new Drafts(kept, () => who)
    drafts.write('c1', 'half a')
    drafts.turn('c2', true)
    expect(new Drafts(kept, () => who).open('c1')).toEqual({ text: 'half a', private: false })
    expect(new Drafts(kept, () => who).open('c2')).toEqual({ text: '', private: true })
    who = 'ben'
    expect(new Drafts(kept, () => who).open('c1').text).toBe('')
  })

  it('leaves nothing behind when it is sent or its chat is over', () => {
    const kept = shelf()
    const drafts = new Drafts(kept, () => 'anna')
    drafts.write('c1', 'x')
    drafts.write('c1', '')
    expect(kept.values.size).toBe(0)
    drafts.write('c1', 'y')
    drafts.leave('c1')
    expect(kept.values.size).toBe(0)
    expect(drafts.open('c1').text).toBe('')
  })

  it('of a broken storage is empty', () => {
    const kept = shelf()
    kept.values.set('callweave.chat.draft.anna.c1', '{')
    expect(new Drafts(kept, () => 'anna').open('c1')).toEqual({ text: '', private: false })
  })
})

describe('that somebody writes', () => {
  let told: boolean[]
  let now: number
  let teller: TypingTeller

  beforeEach(() => {
    vi.useFakeTimers()
    told = []
    now = 1_000
    teller = new TypingTeller(
      (on) => told.push(on),
      () => now,
    )
  })

  it('is told at the first letter and now and then, not at each', () => {
    teller.wrote()
    teller.wrote()
    expect(told).toEqual([true])
    now += 3_000
    teller.wrote()
    expect(told).toEqual([true, true])
  })

  it('ends after a while of quiet, and once', () => {
    teller.wrote()
    vi.advanceTimersByTime(6_000)
    teller.stopped()
    expect(told).toEqual([true, false])
  })

  it('needs no end when the line itself is sent', () => {
    teller.wrote()
    teller.sent()
    vi.advanceTimersByTime(6_000)
    expect(told).toEqual([true])
  })
})
