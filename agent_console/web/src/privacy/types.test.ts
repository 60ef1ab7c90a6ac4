import { expect, test } from 'vitest'
import { dayAsTime, rowsOf, type Erasure } from './types'

test('a day is a time of the reader’s zone, no day is none', () => {
  expect(dayAsTime('', false)).toBeNull()
  const begin = new Date(dayAsTime('2026-03-01', false)!)
  const end = new Date(dayAsTime('2026-03-01', true)!)
  expect([begin.getHours(), begin.getDate()]).toEqual([0, 1])
  expect(end.getTime() - begin.getTime()).toBe(86_399_000)
})

test('rows and files are counted together', () => {
  expect(rowsOf({ done: { customers: 1, events: 7, 'recording files deleted': 2 } } as unknown as Erasure)).toBe(10)
})
