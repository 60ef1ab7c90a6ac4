import { expect, test } from 'vitest'
import { subjectOf } from './subject'

test('a new letter says what it is about, an answer does not say it again', () => {
  expect(subjectOf({ subject: '订单 42 的发票' })).toBe('订单 42 的发票')
  expect(subjectOf({ subject: `Your conversation [chat-${'0'.repeat(32)}]` })).toBe('Your conversation')
  expect(subjectOf({ subject: 'Regarding my order' })).toBe('Regarding my order')
  for (const subject of ['Re: my order', 'AW: Rechnung', '回复：发票', '', `re : [chat-${'a'.repeat(32)}]`])
    expect(subjectOf({ subject })).toBe('')
  expect(subjectOf(undefined)).toBe('')
})
