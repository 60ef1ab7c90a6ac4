import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

it('has no date or time field of the browser, which would speak the browser’s language', () => {
  const pages = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.vue'))
  expect(pages.length).toBeGreaterThan(100)
  const native = /<input[^>]*\btype="(date|time|datetime-local|month|week)"/
  expect(pages.filter((name) => native.test(readFileSync(`src/${name}`, 'utf8')))).toEqual([])
})
