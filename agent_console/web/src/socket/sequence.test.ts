import { describe, expect, it } from 'vitest'
import { Sequence } from './sequence'

describe('Sequence', () => {
  it('takes nothing before a snapshot', () => {
    expect(new Sequence().judge({ seq: 5, prev: 0 })).toBe('gap')
  })

  it('follows the chain over the numbers of others', () => {
    const sequence = new Sequence()
    sequence.restart(10)
    expect(sequence.judge({ seq: 14, prev: 10 })).toBe('apply')
    expect(sequence.judge({ seq: 15, prev: 14 })).toBe('apply')
    expect(sequence.last).toBe(15)
  })

  it('ignores what it has seen', () => {
    const sequence = new Sequence()
    sequence.restart(10)
    expect(sequence.judge({ seq: 10, prev: 7 })).toBe('duplicate')
    expect(sequence.judge({ seq: 9, prev: 7 })).toBe('duplicate')
    expect(sequence.last).toBe(10)
  })

  it('finds a hole and does not step over it', () => {
    const sequence = new Sequence()
    sequence.restart(10)
    expect(sequence.judge({ seq: 20, prev: 15 })).toBe('gap')
    expect(sequence.last).toBe(10)
    expect(sequence.judge({ seq: 15, prev: 10 })).toBe('apply')
    expect(sequence.judge({ seq: 20, prev: 15 })).toBe('apply')
  })

  it('starts again with a snapshot after it forgot', () => {
    const sequence = new Sequence()
    sequence.restart(10)
    sequence.forget()
    expect(sequence.last).toBeNull()
    expect(sequence.judge({ seq: 11, prev: 10 })).toBe('gap')
    sequence.restart(3)
    expect(sequence.judge({ seq: 4, prev: 3 })).toBe('apply')
  })
})
