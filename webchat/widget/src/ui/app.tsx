/** The whole widget: launcher, invitation, the open chat, and what is said to who does not look. */
import { useEffect, useReducer, useRef, useState } from 'preact/hooks'
import type { Cobrowsing } from '../cobrowse/cobrowsing'
import type { Client } from '../core/client'
import { Invitations } from '../core/invitations'
import type { Speech } from '../texts/speak'
import type { Line } from '../wire'
import { Banner, Question } from './cobrowse'
import { Icon } from './icons'
import { ModelContext, type Model } from './model'
import { Panel } from './panel'
import { chime } from './sound'
import { useFit } from './fit'

export interface Doors {
  /** Filled by the widget: open and close it from outside. */
  open(): void
  close(): void
}

export interface AppProps {
  client: Client
  speech: Speech
  cobrowsing: Cobrowsing
  doors: Doors
  dark: boolean
  told(event: 'open' | 'close' | 'line', body?: unknown): void
}

const OPEN = 'callweave:open'

function remembered(): boolean {
  try {
    return sessionStorage.getItem(OPEN) === '1'
  } catch {
    return false
  }
}

function remember(open: boolean): void {
  try {
    sessionStorage.setItem(OPEN, open ? '1' : '0')
  } catch {
    // It begins closed on the next page.
  }
}

export function App(props: AppProps) {
  const { client, speech, cobrowsing, doors } = props
  const { session } = client
  const [, draw] = useReducer<number, void>((count) => count + 1, 0)
  const [open, setOpen] = useState(remembered)
  const [sound, setSound] = useState(client.box.get('sound') !== false)
  const [said, announce] = useState('')
  const [invited, setInvited] = useState<string | null>(null)
  const launcher = useRef<HTMLButtonElement>(null)
  const root = useRef<HTMLDivElement>(null)
  const phone = useFit(root, open)
  const now = useRef({ open, sound })
  now.current = { open, sound }

  const turn = (to: boolean): void => {
    if (now.current.open === to) return
    setOpen(to)
    remember(to)
    setInvited(null)
    props.told(to ? 'open' : 'close')
    if (to) void client.look()
    else requestAnimationFrame(() => launcher.current?.focus())
  }
  doors.open = () => turn(true)
  doors.close = () => turn(false)

  useEffect(() => {
    const heard = (line: Line): void => {
      props.told('line', line)
      if (line.by !== 'agent') return
      const quiet = now.current.open && !document.hidden
      if (now.current.sound && !quiet && client.box.get('chimed') !== line.id) chime()
      client.box.set('chimed', line.id) // one tab is enough
      if (!now.current.open) announce(speech.say('new_line', { name: line.name ?? speech.say('agent') }))
    }
    const stop = session.listen((news) => (news.what === 'line' ? heard(news.line) : draw()))
    const stopCobrowsing = cobrowsing.listen(() => draw())
    const invite = (text: string): boolean => {
      if (now.current.open || session.conversation) return false
      setInvited(text)
      announce(text)
      return true
    }
    const invitations = new Invitations(client, invite, speech.choose)
    invitations.start()
    draw()
    return () => {
      stop()
      stopCobrowsing()
      invitations.stop()
    }
  }, [])

  const model: Model = {
    client,
    session,
    speech,
    cobrowsing,
    sound,
    say: speech.say,
    announce,
    toggleSound() {
      client.box.set('sound', !sound)
      setSound(!sound)
    },
  }
  const unread = open ? 0 : session.unread
  return (
    <ModelContext.Provider value={model}>
      <div
        ref={root}
        class="root"
        lang={speech.language}
        dir={speech.direction}
        data-theme={props.dark ? 'dark' : 'light'}
        data-open={open}
        data-showing={cobrowsing.showing}
      >
        <p class="hidden" role="status" aria-live="polite">
          {said}
        </p>
        {!(open && phone) && <Banner />}
        {open && <Panel close={() => turn(false)} phone={phone} />}
        {!open && <Question open={() => turn(true)} />}
        {invited !== null && !open && (
          <section class="invitation" aria-label={speech.say('invite')} data-test="invitation">
            <p dir="auto">{invited}</p>
            <div class="row">
              <button type="button" class="main" onClick={() => turn(true)} data-test="invitation-open">
                {speech.say('start')}
              </button>
              <button type="button" onClick={() => setInvited(null)} data-test="invitation-dismiss">
                {speech.say('dismiss')}
              </button>
            </div>
          </section>
        )}
        {!(open && phone) && (
          <button
            type="button"
            class="launcher"
            ref={launcher}
            aria-expanded={open}
            aria-label={[
              speech.say(open ? 'close' : 'open'),
              unread ? speech.say(unread === 1 ? 'unread_one' : 'unread', { n: unread }) : '',
            ]
              .filter(Boolean)
              .join('. ')}
            onClick={() => turn(!open)}
            data-test="launcher"
          >
            <Icon name={open ? 'down' : 'chat'} />
            {unread > 0 && (
              <span class="badge" aria-hidden="true" data-test="badge">
                {unread > 99 ? '99+' : unread}
              </span>
            )}
          </button>
        )}
      </div>
    </ModelContext.Provider>
  )
}
