import { describe, expect, it } from 'vitest'
import {
  CALL_TABLE,
  type CallEvent,
  type CallState,
  LINE_TABLE,
  type LineEvent,
  type LineState,
  nextCall,
  nextLine,
} from './machine'

const follow = (from: LineState, ...events: LineEvent[]) => events.reduce(nextLine, from)
const live = (from: CallState, ...events: CallEvent[]) => events.reduce(nextCall, from)

describe('the telephone', () => {
  it('registers, is cut and comes back', () => {
    expect(follow('off', 'start', 'got', 'registered')).toBe('ready')
    expect(follow('ready', 'cut', 'cut', 'registered')).toBe('ready')
    expect(follow('connecting', 'refused', 'registered')).toBe('ready')
  })

  it('stays where another place has it until somebody asks for it', () => {
    expect(follow('off', 'start', 'taken')).toBe('elsewhere')
    expect(follow('elsewhere', 'registered', 'cut', 'refused')).toBe('elsewhere')
    expect(follow('elsewhere', 'start', 'got', 'registered')).toBe('ready')
  })

  it('can be switched off and driven away in every state where it runs', () => {
    for (const state of Object.keys(LINE_TABLE) as LineState[]) {
      expect(nextLine(state, 'stop')).toBe('off')
      if (state !== 'off') expect(nextLine(state, 'taken')).toBe('elsewhere')
    }
  })
})

describe('a call', () => {
  it('rings, is lifted, held, resumed', () => {
    expect(live('ringing', 'answered')).toBe('connecting')
    expect(live('ringing', 'answered', 'confirmed', 'held', 'resumed')).toBe('talking')
    expect(live('dialling', 'confirmed', 'held')).toBe('held')
  })

  it('ends from every state, and nothing comes after', () => {
    for (const state of Object.keys(CALL_TABLE) as CallState[]) expect(nextCall(state, 'over')).toBe('ended')
    expect(live('ended', 'answered', 'confirmed', 'held', 'resumed')).toBe('ended')
  })

  it('cannot be held before it is up', () => {
    expect(live('ringing', 'held')).toBe('ringing')
    expect(live('connecting', 'held', 'resumed')).toBe('connecting')
  })
})
