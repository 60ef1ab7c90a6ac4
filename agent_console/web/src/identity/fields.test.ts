import { expect, it } from 'vitest'
import { taken, useFieldText } from './fields'

it('names the fields of the merged record that were chosen', () => {
  expect(taken({ name: 'kept', notes: 'merged', 'fields.colour': 'merged' })).toEqual(['notes', 'fields.colour'])
})

it('shows values as people read them, and fields of the site by their code', () => {
  const texts: Record<string, string> = { 'identity.yes': 'yes', 'identity.no': 'no', 'identity.field.name': 'Name' }
  const { field, value } = useFieldText(
    (key) => texts[key] ?? key,
    (key) => key in texts,
  )
  expect([field('name'), field('fields.colour')]).toEqual(['Name', 'colour'])
  expect([value(null), value(''), value(true), value(false), value(0), value('x')]).toEqual([
    '–',
    '–',
    'yes',
    'no',
    '0',
    'x',
  ])
})
