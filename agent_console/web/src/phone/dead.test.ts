import { describe, expect, it } from 'vitest'
import { Dead, GRACE_MS } from './dead'

const talk = (received: number) => [{ id: '1', ringing: false, received }]
const ring = [{ id: '1', ringing: true, received: 0 }]

/** The telephone's call `1` belonged to card `a` from 0 ms on. */
function calls(): Dead {
  const dead = new Dead()
  dead.belongs({ a: '1' }, 0)
  return dead
}

describe('a call whose card is over', () => {
  it('is dead when no audio comes for the grace', () => {
    const dead = calls()
    expect(dead.look([], talk(500), 1_000)).toEqual([])
    expect(dead.look([], talk(500), 1_000 + GRACE_MS - 1)).toEqual([])
    expect(dead.look([], talk(500), 1_000 + GRACE_MS)).toEqual(['1'])
  })

  it('lives while somebody is to be heard: colleagues who go on in a conference', () => {
    const dead = calls()
    for (let second = 1; second < 20; second++) expect(dead.look([], talk(second * 50), second * 1_000)).toEqual([])
  })

  it('is dead after a cut when it still rings, and else the PBX is believed', () => {
    const dead = calls()
    expect(dead.look([], ring, 0)).toEqual([])
    expect(dead.look([], ring, 60_000)).toEqual([])
    dead.cut()
    expect(dead.look([], ring, 61_000)).toEqual([])
    expect(dead.look([], ring, 60_000 + GRACE_MS)).toEqual(['1'])
  })

  it('counts the grace from the end of the card, however long it was silent before (on hold)', () => {
    const dead = calls()
    expect(dead.look(['a'], talk(500), 60_000)).toEqual([])
    expect(dead.look([], talk(500), 60_500)).toEqual([])
    expect(dead.look([], talk(500), 61_500)).toEqual([])
    expect(dead.look([], talk(500), 60_500 + GRACE_MS)).toEqual(['1'])
  })
})

describe('a call', () => {
  it('with a card that lives is never ended, silent or not', () => {
    const dead = calls()
    dead.cut()
    expect(dead.look(['a'], talk(500), 1_000)).toEqual([])
    expect(dead.look(['a'], talk(500), 3_600_000)).toEqual([])
  })

  it('that gets another card belongs to that one', () => {
    const dead = calls()
    dead.belongs({ b: '1' }, 5_000)
    expect(dead.look(['b'], talk(500), 9_000)).toEqual([])
    expect(dead.suspects(['a'])).toEqual(new Set(['1']))
  })

  it('that never had a card is not judged', () => {
    const dead = new Dead()
    dead.cut()
    expect(dead.look([], talk(500), 0)).toEqual([])
    expect(dead.look([], talk(500), 60_000)).toEqual([])
  })

  it('is forgotten with its end', () => {
    const dead = calls()
    dead.forget('1')
    expect(dead.suspects([]).size).toBe(0)
  })
})
