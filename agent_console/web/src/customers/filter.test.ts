import { expect, it } from 'vitest'
import { isSimple, kindOf, toFilter, toRows } from './filter'
import type { CustomField } from './site'

const site = [{ code: 'seats', type: 'number' }] as CustomField[]

it('gives each value the type of its field, and back', () => {
  const rows = [
    { field: 'language', is: 'one_of', value: 'en, zh-CN，de' },
    { field: 'fields.seats', is: 'at_least', value: '12' },
    { field: 'last_contact', is: 'older', value: '60' },
    { field: 'vip', is: 'yes', value: '' },
  ]
  const filter = toFilter('all', rows, site)
  expect(filter.parts).toEqual([
    { field: 'language', is: 'one_of', value: ['en', 'zh-CN', 'de'] },
    { field: 'fields.seats', is: 'at_least', value: 12 },
    { field: 'last_contact', is: 'older', value: 60 },
    { field: 'vip', is: 'yes' },
  ])
  expect(toRows(filter).map((one) => one.value)).toEqual(['en, zh-CN, de', '12', '60', ''])
})

it('knows a filter that has groups, and the kind of a field of the site', () => {
  expect(isSimple({ match: 'all', parts: [{ match: 'any', parts: [] }] })).toBe(false)
  expect(isSimple({ match: 'any', parts: [{ field: 'vip', is: 'no' }] })).toBe(true)
  expect(kindOf('fields.seats', site)).toBe('number')
  expect(kindOf('vip', site)).toBe('flag')
})
