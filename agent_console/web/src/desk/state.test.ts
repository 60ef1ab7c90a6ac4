import { beforeEach, describe, expect, it } from 'vitest'
import { agent, interaction, pop, snapshot } from './examples'
import { apply, cardsOf, type DeskState, emptyDesk, phaseSince, waitingSince } from './state'

let desk: DeskState
const number = { seq: 9, prev: 8 }
const mine = { agent: 'PJSIP/1001', from: 110, to: null }

beforeEach(() => {
  desk = emptyDesk()
  apply(desk, 'snapshot', snapshot())
})

describe('the way of a call over the desk', () => {
  it('rings, talks, is held, is wrapped up and goes', () => {
    apply(desk, 'screen_pop', pop())
    expect(cardsOf(desk)).toEqual([{ id: 'i1', phase: 'ringing' }])
    apply(desk, 'interaction', {
      ...number,
      interaction: interaction({ state: 'talking', answered_at: 110, segments: [mine] }),
    })
    apply(desk, 'screen_pop_closed', { ...number, interaction_id: 'i1', reason: 'answered' })
    expect(cardsOf(desk)).toEqual([{ id: 'i1', phase: 'talking' }])
    expect(phaseSince(desk, 'i1', 'talking')).toBe(110)
    apply(desk, 'interaction', {
      ...number,
      interaction: interaction({ state: 'held', answered_at: 110, segments: [mine] }),
    })
    expect(cardsOf(desk)).toEqual([{ id: 'i1', phase: 'held' }])
    apply(desk, 'agent_state', { ...number, agent: agent({ state: 'WRAP_UP', interaction_id: 'i1', until: 150 }) })
    apply(desk, 'interaction', {
      ...number,
      interaction: interaction({ state: 'ended', ended_at: 130, segments: [{ ...mine, to: 130 }] }),
    })
    expect(cardsOf(desk)).toEqual([{ id: 'i1', phase: 'wrap_up' }])
    apply(desk, 'agent_state', { ...number, agent: agent({ state: 'READY' }) })
    expect(cardsOf(desk)).toEqual([])
    expect(desk.recent.map((known) => known.id)).toEqual(['i1'])
  })

  it('does not blink between the messages of an answer and of an end', () => {
    apply(desk, 'screen_pop', pop())
    apply(desk, 'agent_state', { ...number, agent: agent({ state: 'OFFERED', interaction_id: 'i1' }) })
    apply(desk, 'screen_pop_closed', { ...number, interaction_id: 'i1', reason: 'answered' })
    expect(cardsOf(desk)).toEqual([{ id: 'i1', phase: 'talking' }])
    apply(desk, 'agent_state', { ...number, agent: agent({ state: 'READY' }) })
    expect(cardsOf(desk)).toEqual([{ id: 'i1', phase: 'talking' }])
    apply(desk, 'agent_state', { ...number, agent: agent({ state: 'BUSY', interaction_id: 'i1' }) })
    apply(desk, 'interaction', { ...number, interaction: interaction({ state: 'talking', segments: [mine] }) })
    expect(desk.answered).toEqual([])
    apply(desk, 'interaction', {
      ...number,
      interaction: interaction({ state: 'ended', segments: [{ ...mine, to: 130 }] }),
    })
    expect(cardsOf(desk)).toEqual([{ id: 'i1', phase: 'wrap_up' }])
    apply(desk, 'agent_state', { ...number, agent: agent({ state: 'WRAP_UP', interaction_id: 'i1', until: 150 }) })
    expect(cardsOf(desk)).toEqual([{ id: 'i1', phase: 'wrap_up' }])
  })

  it('forgets a ringing that a colleague answered', () => {
    apply(desk, 'screen_pop', pop())
    apply(desk, 'screen_pop_closed', { ...number, interaction_id: 'i1', reason: 'cancelled' })
    apply(desk, 'interaction', {
      ...number,
      interaction: interaction({ state: 'talking', segments: [{ ...mine, agent: 'PJSIP/1002' }] }),
    })
    expect(cardsOf(desk)).toEqual([])
  })

  it('keeps two calls apart, in the order of their arrival', () => {
    apply(desk, 'interaction', { ...number, interaction: interaction({ state: 'talking', segments: [mine] }) })
    apply(desk, 'screen_pop', pop({ interaction: interaction({ id: 'i2' }) }))
    apply(desk, 'interaction', { ...number, interaction: interaction({ state: 'held', segments: [mine] }) })
    expect(cardsOf(desk)).toEqual([
      { id: 'i1', phase: 'held' },
      { id: 'i2', phase: 'ringing' },
    ])
  })

  it('shows a call that the agent dials before anybody answers', () => {
    apply(desk, 'interaction', { ...number, interaction: interaction({ direction: 'outbound', state: 'started' }) })
    expect(cardsOf(desk)).toEqual([{ id: 'i1', phase: 'dialling' }])
  })

  it('lets go of a call that was transferred away', () => {
    apply(desk, 'interaction', { ...number, interaction: interaction({ state: 'talking', segments: [mine] }) })
    apply(desk, 'interaction', {
      ...number,
      interaction: interaction({
        state: 'talking',
        segments: [
          { ...mine, to: 120 },
          { agent: 'PJSIP/1002', from: 120, to: null },
        ],
      }),
    })
    expect(cardsOf(desk)).toEqual([])
  })
})

describe('my last interactions', () => {
  const talked = interaction({ state: 'ended', ended_at: 130, segments: [{ ...mine, to: 130 }] })
  const seat = (device: string) => apply(desk, 'agent_state', { ...number, agent: agent({ devices: [device] }) })
  const ended = (item = talked) => apply(desk, 'interaction', { ...number, interaction: item })

  it('stay mine when I have moved to another telephone', () => {
    ended()
    seat('PJSIP/1009')
    ended({ ...talked, notes: 'later' })
    expect(desk.recent.map(({ mine, notes }) => [mine, notes])).toEqual([[true, 'later']])
  })

  it('are mine when the server says so, wherever I took them', () => {
    const elsewhere = { ...talked, segments: [{ ...mine, agent: 'PJSIP/1009' }], mine: true }
    apply(desk, 'snapshot', snapshot({ recent: [elsewhere] }))
    ended({ ...elsewhere, notes: 'later' })
    expect(desk.recent.map(({ mine, notes }) => [mine, notes])).toEqual([[true, 'later']])
  })

  it('say which a colleague took', () => {
    ended({ ...talked, segments: [{ ...mine, agent: 'PJSIP/1002', to: 130 }] })
    expect(desk.recent.map((known) => known.mine)).toEqual([false])
  })
})

describe('a snapshot', () => {
  it('brings a running call back with its customer and its place', () => {
    const running = interaction({ state: 'talking', segments: [mine] })
    const second = interaction({ id: 'i2' })
    apply(desk, 'interaction', { ...number, interaction: running })
    apply(desk, 'screen_pop', pop({ interaction: second }))
    apply(
      desk,
      'snapshot',
      snapshot({
        interactions: [running],
        pops: [pop({ interaction: running })],
        offers: [pop({ interaction: second })],
      }),
    )
    expect(cardsOf(desk).map((card) => card.phase)).toEqual(['talking', 'ringing'])
    expect(desk.pops.i1).toBeDefined()
  })

  it('removes what is over', () => {
    apply(desk, 'screen_pop', pop())
    apply(desk, 'snapshot', snapshot())
    expect(cardsOf(desk)).toEqual([])
    expect(desk.order).toEqual([])
  })
})

describe('waiting', () => {
  it('counts from the queue where the caller is', () => {
    const visits = [
      { queue: 'a', entered_at: 90, left_at: 95, wait_seconds: 5, result: 'timeout' },
      { queue: 'b', entered_at: 96, left_at: null, wait_seconds: null, result: null },
    ]
    expect(waitingSince(interaction({ queue_visits: visits }))).toBe(96)
  })
  it('takes the pop’s figure, else the start', () => {
    expect(waitingSince(interaction(), pop({ waited_seconds: 4, emitted_at: 110 }))).toBe(106)
    expect(waitingSince(interaction())).toBe(100)
  })
})

describe('notices', () => {
  it('change the links and the log’s state', () => {
    const lost = [{ pbx: 'pbx', state: 'lost' as const, since: 5, reason: null }]
    apply(desk, 'notice', { ...number, level: 'error', code: 'pbx_lost', params: {}, pbx: lost })
    expect(desk.pbx).toEqual(lost)
    apply(desk, 'notice', { ...number, level: 'error', code: 'log_degraded', params: {}, pbx: [] })
    expect(desk.logDegraded).toBe(true)
    apply(desk, 'notice', { ...number, level: 'info', code: 'log_ok', params: {}, pbx: [] })
    expect(desk.logDegraded).toBe(false)
  })
})

describe('memory', () => {
  it('keeps a shift’s calls in bounds', () => {
    for (let i = 0; i < 200; i++)
      apply(desk, 'interaction', { ...number, interaction: interaction({ id: `c${i}`, state: 'ended' }) })
    expect(Object.keys(desk.interactions).length).toBeLessThan(10)
    expect(desk.recent.length).toBe(30)
  })
})
