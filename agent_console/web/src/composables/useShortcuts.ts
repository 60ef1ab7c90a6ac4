import { onBeforeUnmount, onMounted } from 'vue'
import { useStored } from './useStored'

/** Single letters can be switched off (WCAG 2.1.4); the forms with Alt and Ctrl always work. */
const singleKeys = useStored('single-keys', true)
export const useSingleKeys = () => singleKeys

export interface Shortcut {
  /** `KeyboardEvent.code` on an English keyboard: `KeyA`, `Digit1`, `Enter`, or a character: `?`. */
  code: string
  run: (event: KeyboardEvent) => void
  /** Works only with Ctrl (or ⌘), also while writing. */
  ctrl?: boolean
  /** `only`: works only with Alt, also while writing; `never`: only without. */
  alt?: 'only' | 'never'
}

const PRINTED = /^(?:Key|Digit)(.)$/

/**
 * Whether this is the key that carries the character. What is printed on the key counts (A is elsewhere in France); its
 * place only where the key gives another script or a sign with Alt.
 */
export function isKey(code: string, event: Pick<KeyboardEvent, 'key' | 'code'>): boolean {
  const printed = code.length === 1 ? code : PRINTED.exec(code)?.[1]?.toLowerCase()
  if (printed === undefined) return event.code === code || event.key === code
  if (event.key.toLowerCase() === printed) return true
  return event.code === code && !/^[a-z0-9]$/i.test(event.key)
}

/** Whether the keyboard writes text at this element. */
export function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'range', 'file'].includes(target.type)
}

function wanted(shortcut: Shortcut, event: KeyboardEvent): boolean {
  if (!isKey(shortcut.code, event)) return false
  const ctrl = event.ctrlKey || event.metaKey
  if (shortcut.ctrl) return ctrl && !event.altKey
  if (ctrl) return false
  if (event.altKey) return shortcut.alt !== 'never'
  if (shortcut.alt === 'only') return false
  return singleKeys.value && (!event.shiftKey || shortcut.code === '?') && !isWriting(event.target)
}

/** Keys of a part of the page, as long as it is there: the letter, or Alt + the letter while writing. */
export function useShortcuts(shortcuts: () => Shortcut[]): void {
  const pressed = (event: KeyboardEvent) => {
    if (event.repeat || event.defaultPrevented || document.querySelector('dialog[open]')) return
    const shortcut = shortcuts().find((candidate) => wanted(candidate, event))
    if (!shortcut) return
    event.preventDefault()
    shortcut.run(event)
  }
  onMounted(() => window.addEventListener('keydown', pressed))
  onBeforeUnmount(() => window.removeEventListener('keydown', pressed))
}
