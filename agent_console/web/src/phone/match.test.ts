import { expect, it } from 'vitest'
import { type Card, type Line, match, sameNumber } from './match'

const line = (id: string, number: string, ringing = true): Line => ({ id, number, ringing, incoming: true })
const card = (id: string, number: string, ringing = true): Card => ({ id, ringing, numbers: [number] })

it('knows one number by its end, and nothing by an empty one', () => {
  expect(sameNumber('013800138000', '+8613800138000')).toBe(true)
  expect(sameNumber('13800138000', '+8613800138001')).toBe(false)
  expect(sameNumber('', null)).toBe(false)
})

it('gives each of two calls its card by its number', () => {
  const cards = [card('a', '+8613800138000'), card('b', '+8613911112222')]
  expect(match(cards, [line('2', '13911112222'), line('1', '13800138000')], {})).toEqual({ a: '1', b: '2' })
})

it('takes the only one left where the caller hides his number', () => {
  expect(match([card('a', '')], [line('1', 'anonymous')], {})).toEqual({ a: '1' })
})

it('does not guess between two', () => {
  expect(match([card('a', '')], [line('1', 'anonymous'), line('2', 'x')], {})).toEqual({})
  expect(match([card('a', '', false)], [line('1', '1102', true)], {})).toEqual({})
})

it('keeps what belonged together when the number changes', () => {
  const held = card('a', '+8613800138000', false)
  expect(match([held], [line('2', '13800138000', true), line('1', '800', false)], { a: '1' })).toEqual({ a: '1' })
})

it('leaves a call without a card alone', () => {
  expect(match([], [line('1', '1101')], { a: '1' })).toEqual({})
})
