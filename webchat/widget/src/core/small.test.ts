import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { cut } from '../cobrowse/frames'
import { withoutAddresses } from '../cobrowse/nodes'
import { en } from '../texts/en'
import { pieces } from '../texts/links'
import { speech } from '../texts/speak'
import { zhCN } from '../texts/zh-CN'
import { readableOn } from '../ui/theme'
import { uuid } from './client'
import { fits } from './invitations'
import { work, zeroBits } from './proof'
import { sha256 } from './sha256'
import { box, MemoryStorage, usable } from './storage'
import { windows } from './windows'

const hex = (words: number[]): string => words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')

describe('proof of work', () => {
  it('digests as everybody does', () => {
    for (const length of [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 1000]) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 37) & 255)
      expect(hex(sha256(bytes))).toBe(createHash('sha256').update(bytes).digest('hex'))
    }
  })

  it('finds an answer with so many zero bits', async () => {
    const answer = await work('a-challenge', 12)
    const digest = createHash('sha256').update(`a-challenge${answer}`).digest()
    expect(digest.readUInt16BE(0) >> 4).toBe(0)
    expect(zeroBits([0, 0x00ffffff | 0])).toBe(40)
  })
})

describe('addresses in a line', () => {
  it('become links with all of the address to be seen', () => {
    expect(pieces('See https://shop.example/a?b=1#c, please.')).toEqual([
      { text: 'See ' },
      { text: 'https://shop.example/a?b=1#c', href: 'https://shop.example/a?b=1#c' },
      { text: ', please.' },
    ])
    expect(pieces('请看https://example.com/路径。谢谢').map((one) => one.text)).toEqual([
      '请看',
      'https://example.com/路径',
      '。谢谢',
    ])
    expect(pieces('(https://example.com/a_(b))')[1]?.text).toBe('https://example.com/a_(b)')
  })

  it.each([
    'javascript:alert(1)',
    'data:text/html,<b>',
    'https://user:pass@example.com/',
    'ftp://example.com',
    '<a href="x">',
    'http://',
  ])('%s stays text', (text) => {
    expect(pieces(text).every((one) => one.href === undefined)).toBe(true)
  })

  it('loses no character', () => {
    for (const text of ['', 'http://a.b', 'x http://a.b) y https://c.d/e?f. z', '\n https://a.b\n'])
      expect(
        pieces(text)
          .map((one) => one.text)
          .join(''),
      ).toBe(text)
  })
})

describe('texts', () => {
  it('exist in both languages with the same places to fill', () => {
    const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort()
    for (const key of Object.keys(en) as (keyof typeof en)[]) expect(places(zhCN[key]), key).toEqual(places(en[key]))
  })

  it('use Chinese punctuation in Chinese', () => {
    for (const [key, text] of Object.entries(zhCN)) expect(text.replace(/\{\w+\}/g, ''), key).not.toMatch(/[,;:!?()]/)
  })

  it('of a site stand before ours; right to left by language', () => {
    const spoken = speech('ar-EG', { title: 'تحدث معنا' })
    expect(spoken.direction).toBe('rtl')
    expect(spoken.say('title')).toBe('تحدث معنا')
    expect(spoken.say('send')).toBe(en.send)
    expect(speech('zh-TW').say('send')).toBe(zhCN.send)
    expect(speech('not a language').say('send')).toBe(en.send)
    expect(speech('de').choose({ en: 'name', de: 'Name' })).toBe('Name')
  })
})

describe('the rest', () => {
  it('keeps what it can where storage is forbidden', () => {
    const kept = box(
      usable(() => {
        throw new Error('forbidden')
      }),
      'x:',
    )
    kept.set('a', { b: 1 })
    expect(kept.get('a')).toEqual({ b: 1 })
    expect(kept.names('')).toEqual(['a'])
  })

  it('reads nothing from what is no JSON', () => {
    const storage = new MemoryStorage()
    storage.setItem('x:a', '{')
    expect(box(storage, 'x:').get('a')).toBeNull()
  })

  it('makes UUIDs as the server wants them', () => {
    for (let turn = 0; turn < 100; turn++)
      expect(uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('offers windows that are still to come, none before opening', () => {
    const morning = new Date(2026, 10, 23, 8, 0).getTime()
    const found = windows(morning, 0)
    expect(found).toHaveLength(9)
    expect(found.every((one) => one.to - one.from === 3 * 3600)).toBe(true)
    const tomorrowNoon = new Date(2026, 10, 24, 12, 30).getTime()
    expect(windows(morning, tomorrowNoon)).toHaveLength(5)
    expect(windows(new Date(2026, 10, 23, 17, 30).getTime(), 0)).toHaveLength(6)
  })

  it('knows which pages a rule is for', () => {
    expect(fits('/shop/*', '/shop/kettle')).toBe(true)
    expect(fits('/shop/*', '/about')).toBe(false)
    expect(fits('*', '/')).toBe(true)
    expect(fits('/a.b', '/axb')).toBe(false)
  })

  it('writes black or white on a colour, whichever is readable', () => {
    expect(readableOn([29, 91, 214])).toBe('#fff')
    expect(readableOn([255, 210, 60])).toBe('#000')
  })

  it('cuts a page into frames that put together are the page', () => {
    const text = '路😀'.repeat(40)
    const parts = cut(text, 7)
    expect(parts.map((part) => part.slice(part.indexOf(':') + 1)).join('')).toBe(text)
    expect(parts.every((part) => part.isWellFormed())).toBe(true)
    expect(parts[0]).toMatch(new RegExp(`^1/${parts.length}:`))
    expect(cut('')).toEqual(['1/1:'])
  })

  it('takes every address out of a style', () => {
    const style = `a{background:url("http://x/(1).png") no-repeat;b:url(data:image/png;base64,aa)} @import 'http://y';`
    expect(withoutAddresses(style)).not.toMatch(/http|data:/)
  })
})
