import { expect, it } from 'vitest'
import type { RecordingPolicies, RecordingView } from '@/wire'
import { interaction as example } from '../examples'
import { buttonsFor, ruleOf, running, secondsLeft, whyNot } from './recording'

const policies = (policy: 'always' | 'on_demand' | 'never', configured = true): RecordingPolicies => ({
  configured,
  card_pause_seconds: 120,
  may_listen: false,
  rules: [
    { pbx: 'main', queue: 'support', policy, consent: true },
    { pbx: null, queue: null, policy: 'never', consent: false },
  ],
})
const recording = (state: RecordingView['state'], until: number | null = null): RecordingView => ({
  id: 'r',
  file: 'r.wav',
  state,
  from: 100,
  to: null,
  device: 'PJSIP/pstn',
  by: null,
  stopped_by: null,
  consent: null,
  paused_seconds: 0,
  gaps: state === 'paused' ? [{ from: 110, to: null, reason: 'card_data', until, automatic: false }] : [],
  deleted_at: null,
})
const call = (...recordings: RecordingView[]) => example({ pbx: 'main', queue: 'support', recordings })
const situation = (policy: 'always' | 'on_demand' | 'never', more = {}) => ({
  live: true,
  policies: policies(policy),
  interaction: call(),
  pbx: { pbx: 'main', state: 'up' as const, since: 1, reason: null, can_record: true },
  ...more,
})

it('knows the rule of a queue, of direct calls, and of a queue that nobody named', () => {
  expect(ruleOf(policies('always'), call()).policy).toBe('always')
  expect(ruleOf(policies('always'), { pbx: 'main', queue: null }).policy).toBe('never')
  expect(ruleOf(policies('always'), { pbx: 'other', queue: 'support' }).policy).toBe('on_demand')
  expect(ruleOf(null, call()).policy).toBe('on_demand')
})

it('offers what makes sense', () => {
  expect(buttonsFor(undefined)).toEqual(['start'])
  expect(buttonsFor(recording('on'))).toEqual(['pause', 'stop'])
  expect(buttonsFor(recording('paused'))).toEqual(['resume', 'stop'])
  expect(running(call(recording('ended'), recording('on')))?.state).toBe('on')
  expect(running(call(recording('ended')))).toBeUndefined()
  expect(running(call(recording('paused'), recording('on')))?.state).toBe('on')
})

it('says why a button cannot work', () => {
  expect(whyNot('start', situation('on_demand'))).toBeNull()
  expect(whyNot('start', situation('never'))).toBe('never')
  expect(whyNot('start', situation('on_demand', { policies: policies('on_demand', false) }))).toBe('off')
  expect(whyNot('start', situation('on_demand', { pbx: { ...situation('always').pbx, can_record: false } }))).toBe(
    'user',
  )
  expect(whyNot('stop', situation('always'))).toBe('always')
  expect(whyNot('stop', situation('on_demand'))).toBeNull()
  expect(whyNot('pause', situation('always'))).toBeNull()
  expect(whyNot('pause', situation('always', { live: false }))).toBe('offline')
})

it('counts down to the end of a pause', () => {
  expect(secondsLeft(recording('paused', 142), 100.4)).toBe(41)
  expect(secondsLeft(recording('paused', 142), 150)).toBe(0)
  expect(secondsLeft(recording('paused'), 100)).toBeNull()
  expect(secondsLeft(recording('on'), 100)).toBeNull()
})
