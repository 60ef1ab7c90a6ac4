import { expect, it } from 'vitest'
import { stateOfError, usable } from './microphone'
import { sampleOf, troubleBetween } from './quality'

const sample = (more: object = {}) => ({
  at: 0,
  received: 0,
  lost: 0,
  jitter: 0.01,
  roundTrip: 0.05,
  lostThere: 0,
  ...more,
})

it('reads what browsers report', () => {
  const stats = [
    { type: 'inbound-rtp', kind: 'audio', timestamp: 2000, packetsReceived: 100, packetsLost: 2, jitter: 0.003 },
    { type: 'remote-inbound-rtp', kind: 'audio', timestamp: 2000, roundTripTime: 0.02, fractionLost: 0.01 },
    { type: 'transport', timestamp: 2000 },
  ]
  expect(sampleOf(stats)).toEqual({ at: 2, received: 100, lost: 2, jitter: 0.003, roundTrip: 0.02, lostThere: 0.01 })
})

it('says what is wrong, the worst first', () => {
  expect(troubleBetween(sample(), sample({ received: 100 }))).toBe(null)
  expect(troubleBetween(sample({ received: 100 }), sample({ received: 100 }))).toBe('silence')
  expect(troubleBetween(sample(), sample({ received: 95, lost: 5 }))).toBe('loss')
  expect(troubleBetween(sample(), sample({ received: 100, lostThere: 0.1 }))).toBe('loss')
  expect(troubleBetween(sample(), sample({ received: 100, jitter: 0.09 }))).toBe('jitter')
  expect(troubleBetween(sample(), sample({ received: 100, roundTrip: 0.6 }))).toBe('delay')
  // Losses of before do not count, and a counter that goes back (late packets) is no loss.
  expect(troubleBetween(sample({ lost: 50 }), sample({ received: 100, lost: 49 }))).toBe(null)
})

it('tells a refused microphone from a missing and a busy one', () => {
  expect(['NotAllowedError', 'NotFoundError', 'OverconstrainedError', 'NotReadableError'].map(stateOfError)).toEqual([
    'denied',
    'missing',
    'missing',
    'busy',
  ])
  expect(usable('silent')).toBe(true)
  expect(usable('gone')).toBe(false)
})
