import { expect, it } from 'vitest'
import { asked, type CannedReply, filled, fitting, textFor } from './canned'

const reply = (shortcut: string, fields: Partial<CannedReply> = {}): CannedReply => ({
  id: shortcut,
  shortcut,
  texts: { en: `Hello from ${shortcut}`, 'zh-CN': '您好' },
  queues: [],
  teams: [],
  retired: false,
  version: 1,
  ...fields,
})

it('is asked for by a slash at the beginning or after a space', () => {
  expect(asked('/he', 3)).toEqual({ from: 0, words: 'he' })
  expect(asked('well /', 6)).toEqual({ from: 5, words: '' })
  expect(asked('and/or', 6)).toBeNull()
  expect(asked('https://a', 9)).toBeNull()
  expect(asked('/he llo', 7)).toBeNull()
})

it('finds by shortcut first, then by words, and only those of the queue', () => {
  const all = [
    reply('thanks'),
    reply('hello'),
    reply('other', { queues: ['sales'] }),
    reply('hey', { retired: true }),
    reply('back', { texts: { en: 'Back to you: hello again' } }),
  ]
  expect(fitting(all, 'support', 'hel').map((one) => one.shortcut)).toEqual(['hello', 'back', 'thanks'])
  expect(fitting(all, 'sales', 'oth').map((one) => one.shortcut)).toEqual(['other'])
  expect(fitting(all, 'support', '').length).toBe(3)
})

it('speaks the visitor’s language', () => {
  expect(textFor(reply('a'), 'zh-TW', 'en')).toBe('您好')
  expect(textFor(reply('a'), 'fr', 'en')).toBe('Hello from a')
  expect(textFor(reply('a', { texts: { de: 'Hallo' } }), 'fr', 'en')).toBe('Hallo')
})

it('fills placeholders, and leaves what is not known to be seen', () => {
  const filling = { visitor: '', agent: 'Anna', queue: 'Support' }
  expect(filled('Hello {visitor}, {agent} of {queue} {order}', filling)).toBe(
    'Hello {visitor}, Anna of Support {order}',
  )
})
