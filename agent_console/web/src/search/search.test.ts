import { expect, it } from 'vitest'
import { asks, nothing, pathOf, target, titleOf } from './ask'
import { cut, excerpt } from './marks'
import type { Found } from './types'

const found: Found = {
  kind: 'interaction',
  ref: 'i1',
  at: 5,
  title: '+8613800138000',
  snippet: '',
  title_marks: [],
  marks: [],
  customer_id: 'c 1',
  customer_name: null,
  queue: null,
  agent: null,
  channel: 'voice',
}

it('cuts a text at its marks, by characters', () => {
  expect(cut('𠮷野家 ok', [[0, 2]])).toEqual([
    { text: '𠮷野', hit: true },
    { text: '家 ok', hit: false },
  ])
  expect(cut('abc', [])).toEqual([{ text: 'abc', hit: false }])
  expect(
    cut('abc', [
      [1, 2],
      [2, 3],
    ]).map((part) => part.text),
  ).toEqual(['a', 'b', 'c'])
  expect(cut('', [])).toEqual([])
})

it('asks only for what is given', () => {
  expect(asks(nothing())).toBe(false)
  const asked = { ...nothing(), q: '客户 & co', kinds: ['case', 'task'] }
  expect(asks(asked)).toBe(true)
  const path = new URL(pathOf(asked, 20, 'next'), 'http://x')
  expect(path.searchParams.getAll('kind')).toEqual(['case', 'task'])
  expect(Object.fromEntries(path.searchParams)).toMatchObject({ q: '客户 & co', limit: '20', cursor: 'next' })
  expect(path.searchParams.has('queue')).toBe(false)
})

it('leads to the customer, at the right place', () => {
  expect(target({ ...found, kind: 'customer', ref: 'c1' })).toEqual({ name: 'customer', params: { id: 'c1' } })
  expect(target(found)).toEqual({
    name: 'customer',
    params: { id: 'c 1' },
    query: { panel: 'timeline', ref: 'i1', at: '5' },
  })
  expect(target({ ...found, kind: 'case' })).toMatchObject({ query: { panel: 'cases' } })
  expect(target({ ...found, customer_id: null })).toBe(null)
})

it('shows a number as one reads it, unless a part of it is marked', () => {
  expect(titleOf(found)).not.toBe(found.title)
  expect(titleOf({ ...found, title_marks: [[3, 5]] })).toBe(found.title)
})

it('shows of several lines those that were found, and of a thing one name', () => {
  const text = '京华贸易\n+8613800138000\n合同客户，上午联系。\nComplaint · 投诉 · complaint'
  const at = text.indexOf('投诉')
  const words = (marks: [number, number][]) => excerpt(text, marks).map((part) => part.text)
  expect(words([])).toEqual(['京华贸易'])
  expect(words([[at, at + 2]])).toEqual(['投诉'])
  expect(words([[0, 2]])).toEqual(['京华', '贸易'])
  expect(excerpt(text, [[0, 2]], '京华贸易').map((part) => part.text)).toEqual(['+8613800138000'])
  expect(
    words([
      [0, 1],
      [5, 8],
      [at, at + 2],
    ]),
  ).toEqual(['京', '华贸易', '\n', '+86', '13800138000'])
})
