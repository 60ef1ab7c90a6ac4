import { expect, it } from 'vitest'
import { decidedBy, queueOf } from './decisions'

it('names what decided', () => {
  expect(decidedBy({ sent: true, own: true, order: 'most_skilled' })).toBe('sent')
  expect(decidedBy({ own: true, order: 'most_skilled' })).toBe('own')
  expect(decidedBy({ order: 'least_occupied' })).toBe('least_occupied')
  expect(decidedBy({})).toBe('longest_idle')
})

it('knows the queue of a line', () => {
  expect(queueOf('main:support')).toBe('support')
  expect(queueOf('web')).toBe('web')
})
