import { expect, it } from 'vitest'
import { outlook } from './outlook'

const counts = {
  waiting: 10,
  'waiting.same': 3,
  'waiting.other': 2,
  'waiting.several': 1,
  refused: 4,
  'refused.file': 1,
}

it('says what an import would do, by what was chosen for duplicates', () => {
  expect(outlook(counts, 'update', false)).toEqual({ create: 4, update: 3, skip: 0, refuse: 7 })
  expect(outlook(counts, 'update', true)).toEqual({ create: 4, update: 5, skip: 0, refuse: 5 })
  expect(outlook(counts, 'skip', false)).toEqual({ create: 4, update: 0, skip: 6, refuse: 4 })
  expect(outlook(counts, 'new', false)).toEqual({ create: 11, update: 0, skip: 0, refuse: 3 })
})

it('has nothing to say of an empty file', () => {
  expect(outlook({}, 'update', false)).toEqual({ create: 0, update: 0, skip: 0, refuse: 0 })
})
