/** Where this browser's telephone is. `elsewhere`: another tab or another computer has it. */
export type LineState = 'off' | 'claiming' | 'connecting' | 'ready' | 'lost' | 'refused' | 'elsewhere'
export type LineEvent = 'start' | 'got' | 'registered' | 'cut' | 'refused' | 'taken' | 'stop'

/** A call as this telephone has it. `connecting`: lifted, the audio is on its way. */
export type CallState = 'ringing' | 'dialling' | 'connecting' | 'talking' | 'held' | 'ended'
export type CallEvent = 'answered' | 'confirmed' | 'held' | 'resumed' | 'over'

type Table<S extends string, E extends string> = Record<S, Partial<Record<E, S>>>

const LINE: Table<LineState, LineEvent> = {
  off: { start: 'claiming' },
  claiming: { got: 'connecting', taken: 'elsewhere', stop: 'off' },
  connecting: { registered: 'ready', cut: 'lost', refused: 'refused', taken: 'elsewhere', stop: 'off' },
  ready: { cut: 'lost', refused: 'refused', taken: 'elsewhere', stop: 'off' },
  lost: { registered: 'ready', refused: 'refused', taken: 'elsewhere', stop: 'off' },
  refused: { registered: 'ready', cut: 'lost', taken: 'elsewhere', stop: 'off' },
  elsewhere: { start: 'claiming', got: 'connecting', stop: 'off' },
}

const CALL: Table<CallState, CallEvent> = {
  ringing: { answered: 'connecting', confirmed: 'talking', over: 'ended' },
  dialling: { answered: 'connecting', confirmed: 'talking', over: 'ended' },
  connecting: { confirmed: 'talking', over: 'ended' },
  talking: { held: 'held', over: 'ended' },
  held: { resumed: 'talking', over: 'ended' },
  ended: {},
}

/** What follows; an event that means nothing in a state changes nothing. */
export const nextLine = (state: LineState, event: LineEvent): LineState => LINE[state][event] ?? state
export const nextCall = (state: CallState, event: CallEvent): CallState => CALL[state][event] ?? state

export const LINE_TABLE = LINE
export const CALL_TABLE = CALL
