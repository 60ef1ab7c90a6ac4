import { expect, it } from 'vitest'
import { proposals, toWall } from './due'

it('shows an instant as the clock on the wall does', () => {
  const at = new Date(2026, 10, 27, 10, 5).getTime() / 1000
  expect(toWall(at)).toBe('2026-11-27T10:05')
  expect(toWall(null)).toBe('')
})

it('proposes the next hour, tomorrow and next week in the morning', () => {
  const now = new Date(2026, 10, 30, 16, 2).getTime() / 1000
  expect(proposals(now).map((one) => one.wall)).toEqual(['2026-11-30T17:05', '2026-12-01T09:00', '2026-12-07T09:00'])
})
