import { expect, it } from 'vitest'
import { dayAfter, periodName, queryOf, quick, shown } from './ask'

it('knows the usual times', () => {
  const now = new Date(2026, 2, 1, 9)
  expect(quick('today', now)).toEqual(['2026-03-01', '2026-03-01'])
  expect(quick('yesterday', now)).toEqual(['2026-02-28', '2026-02-28'])
  expect(quick('week', now)).toEqual(['2026-02-23', '2026-03-01'])
  expect(quick('month', now)).toEqual(['2026-03-01', '2026-03-01'])
  expect(quick('lastMonth', now)).toEqual(['2026-02-01', '2026-02-28'])
})

it('asks for whole days: the end is the day after the last', () => {
  expect(dayAfter('2026-10-25')).toBe('2026-10-26')
  expect(dayAfter('2026-12-31')).toBe('2027-01-01')
  const asked = { report: 'queues', first: '2026-10-01', last: '2026-10-31', step: 'day', tz: 'Europe/Berlin' } as const
  expect(queryOf({ ...asked, group: '', queue: '', agent: '', channel: '' }).to).toBe('2026-11-01')
})

it('shows numbers by their unit', () => {
  expect(shown(75.4, 'seconds', 'en')).toBe('1:15')
  expect(shown(81.25, 'percent', 'en')).toBe('81.3%')
  expect(shown(null, 'count', 'en')).toBe('–')
})

it('names a period by its own clock', () => {
  expect(periodName('2026-10-25T02:00:00+01:00', 'hour', 'en')).toBe('Sun, Oct 25 02:00')
  expect(periodName('2026-10-01T00:00:00+02:00', 'month', 'en')).toBe('Oct 2026')
})
