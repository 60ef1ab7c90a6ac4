import { onBeforeUnmount, onMounted } from 'vue'
import { useStored } from './useStored'

/** Single letters can be switched off (WCAG 2.1.4); the forms with Alt and Ctrl always work. */
const singleKeys = useStored('single-keys', true)
export const useSingleKeys = () => singleKeys

export interface Shortcut {
  /** `KeyboardEvent.code` without modifiers: `KeyA`, `Digit1`. Layout independent. */
  code: string
  run: (event: KeyboardEvent) => void
  /** Works only with Ctrl (or ⌘), also while writing. */
  ctrl?: boolean
  /** Needs Shift (for `?`). */
  shift?: boolean
}

/** Whether the keyboard writes text at this element. */
export function isWriting(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target.isContentEditable || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement)
    return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'button', 'range', 'file'].includes(target.type)
}

function wanted(shortcut: Shortcut, event: KeyboardEvent): boolean {
  if (event.code !== shortcut.code) return false
  const ctrl = event.ctrlKey || event.metaKey
  if (shortcut.ctrl) return ctrl && !event.altKey
  if (ctrl) return false
  if (event.altKey) return true
  return singleKeys.value && event.shiftKey === Boolean(shortcut.shift) && !isWriting(event.target)
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
