import { describe, expect, it } from 'vitest'
import type { CustomerView } from '@/wire'
import { digits, isNumber, offers } from './dialling'

const customer = (id: string, name: string, phones: string[]): CustomerView => ({
  id,
  name,
  phones,
  emails: [],
  organisation: null,
  language: null,
  vip: false,
  notes: null,
})

describe('what is typed into the dial field', () => {
  it('is a number with the signs that people put into numbers', () => {
    for (const text of ['1001', '+86 138 0013-8000', '(030) 12/34', '*81001', '#1']) expect(isNumber(text)).toBe(true)
    for (const text of ['Emily', '王小明', '4 Sisters Ltd', 'a1001', '']) expect(isNumber(text)).toBe(false)
    expect(digits('+86 138 0013-8000')).toBe('+8613800138000')
  })

  it('finds customers, and offers each of their numbers', () => {
    const found = [customer('a', 'Emily', ['+1', '+2']), customer('b', '王小明', []), customer('c', 'Li', ['+3'])]
    expect(offers(found).map(({ name, number }) => `${name} ${number}`)).toEqual(['Emily +1', 'Emily +2', 'Li +3'])
  })
})
