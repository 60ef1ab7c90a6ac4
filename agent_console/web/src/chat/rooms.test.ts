import { beforeEach, describe, expect, it } from 'vitest'
import { agent, interaction, pop, snapshot } from '@/desk/examples'
import { apply, cardsOf, type DeskState, emptyDesk } from '@/desk/state'
import { chat, line } from './examples'
import { gapOf, hasEarlier, merged, unread, waitsSince } from './rooms'

let desk: DeskState
const seq = { seq: 9, prev: 8 }
const numbers = () => desk.chats.c1!.lines.map((one) => one.number)
const told = (...lines: ReturnType<typeof line>[]) => {
  for (const one of lines) apply(desk, 'chat_line', { ...seq, interaction_id: 'c1', line: one })
}

beforeEach(() => {
  desk = emptyDesk()
  apply(desk, 'snapshot', snapshot({ agent: agent() }))
  apply(desk, 'chat', { ...seq, chat: chat({ last: 2, lines: [line(1), line(2)] }) })
})

describe('lines', () => {
  it('are in order and never doubled, whatever comes when', () => {
    told(line(5), line(3), line(4), line(3))
    expect(numbers()).toEqual([1, 2, 3, 4, 5])
    expect(desk.chats.c1!.facts.last).toBe(5)
  })

  it('that are missing in the middle or at the end are known', () => {
    expect(gapOf(desk.chats.c1!)).toBeNull()
    told(line(5))
    expect(gapOf(desk.chats.c1!)).toEqual({ after: 2, before: 5 })
    told(line(3), line(4))
    expect(gapOf(desk.chats.c1!)).toBeNull()
    apply(desk, 'chat', { ...seq, chat: chat({ last: 9, lines: [] }) })
    expect(gapOf(desk.chats.c1!)).toEqual({ after: 5, before: null })
  })

  it('survive a snapshot, which brings only the newest', () => {
    told(line(3))
    apply(desk, 'snapshot', snapshot({ chats: [chat({ last: 7, lines: [line(6), line(7)] })] }))
    expect(numbers()).toEqual([1, 2, 3, 6, 7])
    expect(gapOf(desk.chats.c1!)).toEqual({ after: 3, before: 6 })
  })

  it('before the first that is known are history, no hole', () => {
    apply(desk, 'chat', { ...seq, chat: chat({ interaction_id: 'c2', last: 8, lines: [line(7), line(8)] }) })
    expect(gapOf(desk.chats.c2!)).toBeNull()
    expect(hasEarlier(desk.chats.c2!)).toBe(true)
    expect(hasEarlier(desk.chats.c1!)).toBe(false)
  })

  it('come later in a message that was made earlier: what is known does not go back', () => {
    told(line(3))
    apply(desk, 'chat', { ...seq, chat: chat({ last: 2, seen: 0, lines: [] }) })
    expect(desk.chats.c1!.facts.last).toBe(3)
    expect(numbers()).toEqual([1, 2, 3])
  })

  it('keep their newest version', () => {
    expect(merged([line(1)], [line(1, { text: 'masked' })]).map((one) => one.text)).toEqual(['masked'])
  })
})

describe('what the agent must know', () => {
  it('counts the visitor’s lines that nobody read', () => {
    told(line(3, { by: 'agent' }), line(4), line(5, { by: 'system', kind: 'event', text: 'joined' }))
    expect(unread(desk.chats.c1!)).toBe(3)
    desk.chats.c1!.facts.read = 2
    expect(unread(desk.chats.c1!)).toBe(1)
  })

  it('says since when the visitor waits', () => {
    expect(waitsSince(desk.chats.c1!)).toBe(101)
    told(line(3, { by: 'agent', private: true }))
    expect(waitsSince(desk.chats.c1!)).toBe(101)
    told(line(4, { by: 'agent' }))
    expect(waitsSince(desk.chats.c1!)).toBeNull()
    told(line(5), line(6))
    expect(waitsSince(desk.chats.c1!)).toBe(105)
  })

  it('takes a line for the end of typing', () => {
    apply(desk, 'chat_typing', { ...seq, interaction_id: 'c1', name: null, by: 'visitor', until: 200 })
    told(line(3, { by: 'agent' }))
    expect(desk.chats.c1!.typing).not.toBeNull()
    told(line(4))
    expect(desk.chats.c1!.typing).toBeNull()
  })
})

describe('the way of a chat over the desk', () => {
  const mine = { agent: 'Console/anna', from: 110, to: null }
  const talk = (fields = {}) => interaction({ id: 'c1', channel: 'chat', pbx: '', ...fields })

  it('is offered, talks, is wrapped up and goes', () => {
    desk.chats = {}
    apply(desk, 'screen_pop', pop({ interaction: talk() }))
    expect(cardsOf(desk)).toEqual([{ id: 'c1', phase: 'ringing' }])
    apply(desk, 'screen_pop_closed', { ...seq, interaction_id: 'c1', reason: 'answered' })
    expect(cardsOf(desk)).toEqual([{ id: 'c1', phase: 'talking' }])
    apply(desk, 'interaction', { ...seq, interaction: talk({ state: 'talking', segments: [mine] }) })
    apply(desk, 'chat', { ...seq, chat: chat() })
    expect(cardsOf(desk)).toEqual([{ id: 'c1', phase: 'talking' }])
    apply(desk, 'chat', { ...seq, chat: chat({ state: 'ended' }) })
    apply(desk, 'interaction', {
      ...seq,
      interaction: talk({ state: 'ended', ended_at: 130, segments: [{ ...mine, to: 130 }] }),
    })
    expect(cardsOf(desk)).toEqual([{ id: 'c1', phase: 'wrap_up' }])
    apply(desk, 'chat', { ...seq, chat: chat({ state: 'ended' }), gone: true })
    expect(cardsOf(desk)).toEqual([])
  })

  it('leaves the desk when a colleague has it', () => {
    apply(desk, 'interaction', { ...seq, interaction: talk({ state: 'talking', segments: [mine] }) })
    apply(desk, 'chat', { ...seq, chat: chat({ members: ['ben'] }), gone: true })
    expect(cardsOf(desk)).toEqual([])
  })

  it('stands beside a call and another chat', () => {
    apply(desk, 'interaction', { ...seq, interaction: talk({ state: 'talking', segments: [mine] }) })
    apply(desk, 'screen_pop', pop())
    apply(desk, 'interaction', { ...seq, interaction: talk({ id: 'c2', state: 'talking', segments: [mine] }) })
    apply(desk, 'chat', { ...seq, chat: chat({ interaction_id: 'c2' }) })
    expect(cardsOf(desk)).toEqual([
      { id: 'c1', phase: 'talking' },
      { id: 'i1', phase: 'ringing' },
      { id: 'c2', phase: 'talking' },
    ])
  })
})
