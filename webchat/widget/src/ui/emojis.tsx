/** A small choice of emojis, one stop of the Tab key; arrows move in it. */
import { useEffect, useRef } from 'preact/hooks'
import { useModel } from './model'

const OFFERED = [...'😀😄😂🙂😉😊😍😘🤔😐😕🙁😢😭😡😱👍👎👏🙏👋💪🎉🌹💡✅❌⭐🔥💰📦🚚📱💻📷🎁⏰📍☕🌞']
const COLUMNS = 8

export function Emojis({ choose, close }: { choose(emoji: string): void; close(): void }) {
  const { say, speech } = useModel()
  const grid = useRef<HTMLDivElement>(null)
  useEffect(() => grid.current?.querySelector('button')?.focus(), [])
  const move = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.stopPropagation()
      return close()
    }
    const forward = speech.direction === 'rtl' ? -1 : 1
    const steps: Record<string, number> = {
      ArrowRight: forward,
      ArrowLeft: -forward,
      ArrowDown: COLUMNS,
      ArrowUp: -COLUMNS,
    }
    const step = steps[event.key]
    if (!step) return
    event.preventDefault()
    const buttons = [...(grid.current?.querySelectorAll('button') ?? [])]
    const at = buttons.indexOf(event.target as HTMLButtonElement)
    buttons[Math.min(buttons.length - 1, Math.max(0, at + step))]?.focus()
  }
  return (
    <div class="emojis" role="group" aria-label={say('emojis')} ref={grid} onKeyDown={move} data-test="emojis">
      {OFFERED.map((emoji, index) => (
        <button type="button" key={emoji} tabIndex={index ? -1 : 0} onClick={() => choose(emoji)}>
          {emoji}
        </button>
      ))}
    </div>
  )
}
