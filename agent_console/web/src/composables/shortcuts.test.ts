import { beforeAll, expect, it, vi } from 'vitest'

let isKey: typeof import('./useShortcuts').isKey

beforeAll(async () => {
  vi.stubGlobal('window', { addEventListener() {} })
  ;({ isKey } = await import('./useShortcuts'))
})

it.each([
  ['KeyA', { key: 'a', code: 'KeyA' }, true],
  ['KeyA', { key: 'A', code: 'KeyA' }, true],
  ['KeyA', { key: 'a', code: 'KeyQ' }, true], // French
  ['KeyA', { key: 'q', code: 'KeyA' }, false], // French
  ['KeyA', { key: 'å', code: 'KeyA' }, true], // Alt on a Mac
  ['KeyR', { key: 'Process', code: 'KeyR' }, true], // a Chinese input method
  ['Digit2', { key: '2', code: 'Numpad2' }, true],
  ['Digit2', { key: 'é', code: 'Digit2' }, true], // French without Shift
  ['?', { key: '?', code: 'Minus' }, true], // German
  ['Enter', { key: 'Enter', code: 'NumpadEnter' }, true],
  ['KeyD', { key: 'f', code: 'KeyF' }, false],
])('%s by %o: %s', (code, event, expected) => expect(isKey(code, event)).toBe(expected))
