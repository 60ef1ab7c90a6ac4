import { describe, expect, it } from 'vitest'
import { interaction } from '@/desk/examples'
import { agentsOf, iconOf, stepsOf } from './show'

const call = interaction({
  state: 'ended',
  outcome: 'answered',
  started_at: 100,
  ended_at: 150,
  ended_by: 'customer',
  queue_visits: [{ queue: 'support', entered_at: 101, left_at: 112, wait_seconds: 11, result: 'answered' }],
  offers: [
    { agent: 'PJSIP/1002', at: 102, result: 'no_answer', ring_seconds: 5 },
    { agent: 'PJSIP/1001', at: 108, result: 'answered', ring_seconds: 4 },
  ],
  segments: [{ agent: 'PJSIP/1001', from: 112, to: 150 }],
  holds: [{ by: 'PJSIP/1001', seconds: 3 }],
})

describe('the way of an interaction', () => {
  it('is in order of time, with what has no time at the end', () => {
    expect(stepsOf(call).map((step) => step.kind)).toEqual([
      'started',
      'entered',
      'offered',
      'offered',
      'left',
      'talked',
      'ended',
      'held',
    ])
  })
  it('names each agent once', () => {
    expect(agentsOf({ ...call, segments: [...call.segments, ...call.segments] })).toEqual(['PJSIP/1001'])
  })
  it('has an icon for what became of it', () => {
    expect(iconOf(call)).toBe('in')
    expect(iconOf({ ...call, outcome: 'abandoned' })).toBe('missed')
    expect(iconOf({ ...call, direction: 'outbound' })).toBe('out')
    expect(iconOf({ ...call, direction: 'internal' })).toBe('internal')
  })
})
