import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { messages } from './catalogue'

const SOURCE = fileURLToPath(new URL('..', import.meta.url))

function flat(value: unknown, prefix = ''): Map<string, string> {
  if (typeof value === 'string') return new Map([[prefix, value]])
  return new Map(
    Object.entries(value as object).flatMap(([key, child]) => [...flat(child, prefix ? `${prefix}.${key}` : key)]),
  )
}

const english = flat(messages.en)
const chinese = flat(messages['zh-CN'])
const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter(
  (name) => /\.(vue|ts)$/.test(name) && !name.endsWith('.test.ts'),
)
const code = files.map((name) => readFileSync(join(SOURCE, name), 'utf8')).join('\n')

const used = new Set([...code.matchAll(/\bte?\(\s*'([\w.-]+)'/g)].map((found) => found[1]!))
// What comes after a condition: t(known ? 'a.b' : 'c.d').
for (const found of code.matchAll(/[?:]\s*t\('([\w.-]+)'/g)) used.add(found[1]!)
const prefixes = [...code.matchAll(/\bte?\(\s*`([\w.-]+\.)\$\{/g)].map((found) => found[1]!)
// said('direction', …) makes a key of its group.
for (const found of code.matchAll(/\bsaid\('([\w]+)'/g)) prefixes.push(`${found[1]}.`)

it('has the same keys in both languages', () => {
  expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort())
})

it('has the same placeholders in both languages', () => {
  const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((found) => found[1]).sort()
  // English may have a form for one and a form for several; Chinese has one form.
  for (const [key, text] of english)
    for (const form of text.split(' | '))
      expect([key, ...placeholders(chinese.get(key) ?? '')]).toEqual([key, ...placeholders(form)])
})

it('has every text that the code asks for', () => {
  expect([...used].filter((key) => !english.has(key))).toEqual([])
  expect(prefixes.filter((prefix) => ![...english.keys()].some((key) => key.startsWith(prefix)))).toEqual([])
})

it('has no text that the code never asks for', () => {
  const asked = (key: string) => used.has(key) || prefixes.some((prefix) => key.startsWith(prefix))
  expect([...english.keys()].filter((key) => !asked(key))).toEqual([])
})

it('has nothing that was left in English by mistake', () => {
  const same = [...english].filter(([key, text]) => /[a-z]{3}/i.test(text) && chinese.get(key) === text)
  expect(same).toEqual([])
})
