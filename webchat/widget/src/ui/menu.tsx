/** What one rarely needs: sound, transcript, showing one's page, the end. */
import { useRef, useState } from 'preact/hooks'
import { Icon } from './icons'
import { useModel } from './model'

export function Menu({ talking, mail }: { talking: boolean; mail(): void }) {
  const { client, sound, toggleSound, say } = useModel()
  const [open, setOpen] = useState(false)
  const [sure, setSure] = useState(false)
  const opener = useRef<HTMLButtonElement>(null)
  const shut = (): void => {
    setOpen(false)
    setSure(false)
    opener.current?.focus()
  }
  const then = (run: () => void) => (): void => {
    shut()
    run()
  }
  const keys = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !open) return
    event.stopPropagation()
    shut()
  }
  return (
    <div class="menu" onKeyDown={keys}>
      <button
        type="button"
        class="icon-button"
        ref={opener}
        aria-label={say('menu')}
        title={say('menu')}
        aria-expanded={open}
        onClick={() => (open ? shut() : setOpen(true))}
        data-test="menu"
      >
        <Icon name="more" />
      </button>
      {open && (
        <div class="items" data-test="items">
          {sure ? (
            <>
              <p>{say('leave_sure')}</p>
              <button type="button" onClick={then(() => void client.command('leave'))} data-test="leave-yes">
                {say('leave_yes')}
              </button>
              <button type="button" onClick={shut}>
                {say('leave_no')}
              </button>
            </>
          ) : (
            <>
              <button type="button" onClick={then(toggleSound)} data-test="sound">
                {say(sound ? 'sound_off' : 'sound_on')}
              </button>
              {talking && client.view?.mail && (
                <button type="button" onClick={then(mail)} data-test="menu-mail">
                  {say('mail')}
                </button>
              )}
              {talking && (
                <button type="button" onClick={() => setSure(true)} data-test="leave">
                  {say('leave')}
                </button>
              )}
            </>
          )}
        </div>
      )}
    </div>
  )
}
