import { expect, it } from 'vitest'
import { blocks, inlines, plainText, safeLink } from './markdown'

it('knows headings, lists, quotes, code, rules and paragraphs', () => {
  const text = '# One\n\ntwo **bold** and *thin*\nsame\n\n- a\n- b\n1. c\n> said\n> so\n---\n```\n<b>\n```'
  expect(blocks(text).map((one) => one.kind)).toEqual(['heading', 'paragraph', 'list', 'list', 'quote', 'rule', 'code'])
})

it('keeps what looks like HTML as text', () => {
  expect(blocks('<script>alert(1)</script>')).toEqual([
    { kind: 'paragraph', parts: [{ kind: 'text', text: '<script>alert(1)</script>' }] },
  ])
})

it.each([
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'data:text/html,x',
  '//evil.example',
  '/\\evil.example',
  'vbscript:x',
])('does not go to %s', (to) => {
  expect(safeLink(to)).toBeNull()
  expect(inlines(`[x](${to})`).some((one) => one.kind === 'link')).toBe(false)
})

it('goes to pages, mails and numbers', () => {
  for (const to of ['https://example.com/a?b=c', '/knowledge/1', 'mailto:a@example.com', 'tel:+8610'])
    expect(inlines(`[x](${to})`)).toEqual([{ kind: 'link', to, parts: [{ kind: 'text', text: 'x' }] }])
})

it('ends on everything, and quickly', () => {
  const began = performance.now()
  for (const text of [
    '*'.repeat(20_000),
    '['.repeat(20_000),
    '`'.repeat(20_000),
    '**a'.repeat(5_000),
    '> '.repeat(9_000),
  ])
    blocks(text)
  expect(performance.now() - began).toBeLessThan(4_000)
})

it('says a sign that is escaped', () => {
  expect(inlines('\\*not thin\\*')).toEqual([{ kind: 'text', text: '*not thin*' }])
})

it('is plain text where only that is shown', () => {
  const text =
    '# Returns\n\nWithin **30 days**, see [the form](https://shop.example/r).\n\n1. pack\n2. send\n\n- or `bring`'
  expect(plainText(text)).toBe(
    'Returns\n\nWithin 30 days, see the form (https://shop.example/r).\n\n1. pack\n2. send\n\n• or bring',
  )
})
