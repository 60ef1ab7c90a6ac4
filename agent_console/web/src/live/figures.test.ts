import { describe, expect, it } from 'vitest'
import type { AlarmView, ChannelView, QueueView, WindowView } from '@/wire'
import { added, alarmsOf, linesOf, percent, toneOf } from './figures'

const view = (some: Partial<WindowView> = {}): WindowView => ({ ...added([]), ...some })
const channel = (name: ChannelView['channel'], some: Partial<ChannelView> = {}): ChannelView => ({
  channel: name,
  waiting: 0,
  longest_wait_since: null,
  talking: 0,
  today: view(),
  hour: view(),
  half_hour: view(),
  ...some,
})
const queue = (name: string, channels: ChannelView[] = []): QueueView => ({
  pbx: 'main',
  queue: name,
  label: name,
  waiting: channels.reduce((sum, one) => sum + one.waiting, 0),
  longest_wait_since: null,
  ready: 0,
  busy: 0,
  not_ready: 0,
  channels,
})

describe('figures of several channels', () => {
  it('are rates of sums, not means of rates', () => {
    const sum = added([view({ answered_in: 9, counted: 10, abandoned: 1 }), view({ answered_in: 0, counted: 90 })])
    expect(sum.service_level).toBe(9)
    expect(sum.abandon_rate).toBe(1)
  })
  it('of nothing are nothing', () => {
    expect(added([]).service_level).toBeNull()
    expect(percent(0, 0)).toBeNull()
    expect(toneOf(null)).toBe('none')
  })
})

describe('the lines of the table', () => {
  it('have a line for each channel only where there are several', () => {
    const both = queue('support', [channel('voice', { waiting: 2 }), channel('chat', { waiting: 1 })])
    const lines = linesOf([both, queue('sales', [channel('voice')]), queue('empty')], 'hour')
    expect(lines.map((one) => [one.queue.queue, one.channel, one.waiting])).toEqual([
      ['empty', null, 0],
      ['sales', 'voice', 0],
      ['support', null, 3],
      ['support', 'voice', 2],
      ['support', 'chat', 1],
    ])
  })
  it('keep their order, whatever happens in them', () => {
    const calm = linesOf([queue('b'), queue('a')], 'today').map((one) => one.key)
    const busy = linesOf([queue('a'), queue('b', [channel('voice', { waiting: 9 })])], 'today')
    expect(busy.map((one) => one.key)).toEqual(calm)
  })
})

describe('alarms of a queue', () => {
  it('are those of all its channels, critical ones first', () => {
    const alarm = (id: string, some: Partial<AlarmView>) => ({ id, pbx: null, level: 'warning', ...some }) as AlarmView
    const all = [
      alarm('1', { queue: 'a' }),
      alarm('2', { queue: 'a', pbx: 'main', level: 'critical' }),
      alarm('3', { queue: 'a', pbx: 'other' }),
      alarm('4', { queue: null }),
    ]
    expect(alarmsOf(all, queue('a')).map((one) => one.id)).toEqual(['2', '1'])
  })
})
