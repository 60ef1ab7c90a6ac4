import { describe, expect, it } from 'vitest'
import { ago } from '@/format/ago'
import type { MissedCall } from './types'
import { mayCall } from './work'

const entry: MissedCall = {
  id: 'm1',
  number: '+8613800138000',
  pbx: 'main',
  queue: 'support',
  name: null,
  customer_id: null,
  customer_name: null,
  first_at: 1,
  last_at: 1,
  waited_seconds: 12,
  outcome: 'abandoned',
  tries: 1,
  state: 'open',
  worked_by: null,
  changed_at: null,
  result: null,
  note: null,
  resolved_by: null,
  call_id: null,
  call_outcome: null,
  called_at: null,
  version: 1,
  kind: 'call',
  messages: [],
  callback: null,
}

describe('who may call back', () => {
  const calling = { ...entry, state: 'calling', worked_by: 'ben', changed_at: 1000 } as const
  it.each([
    [entry, 1000, true],
    [{ ...entry, number: null }, 1000, false],
    [{ ...entry, state: 'done' } as const, 1000, false],
    [calling, 1599, false],
    [calling, 1600, true],
    [{ ...calling, worked_by: 'anna' }, 1001, true],
  ])('%#', (one, now, may) => expect(mayCall(one, 'anna', now)).toBe(may))
})

describe('how long ago', () => {
  it.each([
    [0, 'now', '现在'],
    [59, 'now', '现在'],
    [60, '1 minute ago', '1分钟前'],
    [3599, '59 minutes ago', '59分钟前'],
    [7200, '2 hours ago', '2小时前'],
    [86_400, 'yesterday', '昨天'],
    [-5, 'now', '现在'],
  ])('%d seconds', (seconds, english, chinese) => {
    expect(ago(1000 - seconds, 1000, 'en')).toBe(english)
    expect(ago(1000 - seconds, 1000, 'zh-CN')).toBe(chinese)
  })
})
