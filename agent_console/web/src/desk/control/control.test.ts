import { describe, expect, it } from 'vitest'
import type { TransferStatus } from '@/wire'
import { choicesFor, isOver, type Situation, whyNot } from './control'

const transfer = (state: TransferStatus['state']): TransferStatus => ({
  id: 't',
  interaction_id: 'i1',
  kind: 'attended',
  from: 'anna',
  to: 'ben',
  from_name: 'Anna',
  to_name: 'Ben',
  state,
  since: 1,
})
const talking: Situation = { live: true, phase: 'talking', transfer: undefined, canHold: true }

describe('buttons', () => {
  it('work while two people talk', () => {
    for (const button of ['hold', 'keypad', 'transfer', 'conference', 'park'] as const)
      expect(whyNot(button, talking)).toBeNull()
  })

  it('say why they cannot', () => {
    expect(whyNot('park', { ...talking, live: false })).toBe('offline')
    expect(whyNot('park', { ...talking, cannot: ['park'] })).toBe('cannot')
    expect(whyNot('keypad', { ...talking, cannot: ['park'] })).toBeNull()
    expect(whyNot('park', { ...talking, transfer: transfer('consulting') })).toBe('transfer')
    expect(whyNot('hold', { ...talking, canHold: false })).toBe('hold')
    expect(whyNot('keypad', { ...talking, phase: 'held' })).toBe('held')
    expect(whyNot('hold', { ...talking, phase: 'held' })).toBeNull()
    expect(whyNot('transfer', { ...talking, phase: 'parked' })).toBe('parked')
  })

  it('work again after a transfer', () => {
    expect(isOver(undefined)).toBe(true)
    expect(isOver(transfer('ringing'))).toBe(false)
    expect(whyNot('transfer', { ...talking, transfer: transfer('failed') })).toBeNull()
  })
})

describe('choices', () => {
  const agents = [
    { agent: 'ben', name: 'Ben', state: 'BUSY' },
    { agent: 'chen', name: 'Chen', state: 'READY' },
  ]
  const queues = [{ queue: 'sales', label: 'Sales', waiting: 2 }]

  it('has who is ready first, then the others, then queues', () => {
    expect(choicesFor('', agents, queues).map((one) => one.to)).toEqual(['agent:chen', 'agent:ben', 'queue:sales'])
  })

  it('finds by name and takes a number', () => {
    expect(choicesFor('en', agents, queues).map((one) => one.name)).toEqual(['Chen', 'Ben'])
    expect(choicesFor('138 0013-8000', agents, queues)).toEqual([
      { to: 'number:13800138000', kind: 'number', name: '13800138000' },
    ])
    expect(choicesFor('1003; drop', agents, queues)).toEqual([])
  })
})
