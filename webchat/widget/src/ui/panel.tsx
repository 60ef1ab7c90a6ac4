/** The open chat: its head, what happens now, the lines, the composer. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { Away, CallbackState, LeaveMessage, Offers, RequestCallback, type Way } from './away'
import { Banner, Question } from './cobrowse'
import { Composer } from './composer'
import { Ended, Transcript } from './ended'
import { Icon } from './icons'
import { Menu } from './menu'
import { useModel } from './model'
import { Start } from './start'
import { Thread } from './thread'
import { UploadList, useUploads } from './uploads'

export function Panel({ close, phone }: { close(): void; phone: boolean }) {
  const { client, session, say } = useModel()
  const panel = useRef<HTMLElement>(null)
  const [way, choose] = useState<Way | null>(null)
  const [mailing, setMailing] = useState(false)
  const [over, setOver] = useState(false)
  const uploads = useUploads()
  const talk = session.conversation
  const talking = talk !== null && talk.state !== 'ended'
  const aside = talking && (way === 'message' || way === 'callback')

  useEffect(() => {
    const first = talking && !matchMedia('(pointer: coarse)').matches ? '#write' : '#title'
    panel.current?.querySelector<HTMLElement>(first)?.focus()
  }, [])

  const keys = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') {
      event.stopPropagation()
      close()
    } else if (event.key === 'Tab' && phone) keepFocus(event, panel.current)
  }
  const mayDrop = talking && client.view?.files === true
  const dropped = (event: DragEvent): void => {
    setOver(false)
    if (!mayDrop) return
    event.preventDefault()
    uploads.add([...(event.dataTransfer?.files ?? [])])
  }
  const dragged = (event: DragEvent): void => {
    if (!mayDrop || !event.dataTransfer?.types.includes('Files')) return
    event.preventDefault()
    setOver(true)
  }
  return (
    <section
      class={over ? 'panel over' : 'panel'}
      role="dialog"
      aria-modal={phone}
      aria-labelledby="title"
      ref={panel}
      onKeyDown={keys}
      onDragOver={dragged}
      onDragLeave={() => setOver(false)}
      onDrop={dropped}
      data-test="panel"
    >
      {phone && <Banner />}
      <header>
        <div class="heading">
          <h2 id="title" tabIndex={-1}>
            {say('title')}
          </h2>
          {talk?.agent && talking && <p data-test="agent">{say('with', { name: talk.agent })}</p>}
        </div>
        <Menu talking={talking} mail={() => setMailing(true)} />
        <button type="button" class="icon-button" aria-label={say('close')} onClick={close} data-test="close">
          <Icon name="close" />
        </button>
      </header>
      <LinkState />
      <Question />
      {talk === null ? <Before way={way} choose={choose} /> : null}
      {aside ? <Before way={way} choose={choose} /> : null}
      {talk !== null && !aside && (
        <>
          {talking && <Waiting choose={choose} />}
          {mailing && talking && (
            <div class="card">
              <Transcript open done={() => setMailing(false)} />
            </div>
          )}
          {(talking || session.lines.length > 0 || session.pending.length > 0) && <Thread />}
          {!talking && <Ended />}
          {talking && <UploadList uploads={uploads} />}
          {talking && <Refusal />}
          {talking && <Composer uploads={uploads} />}
        </>
      )}
      {over && <p class="drop">{say('drop')}</p>}
    </section>
  )
}

/** Milliseconds after which it is asked again whether somebody is there, while one looks at that nobody is. */
const LOOK_AGAIN = 30_000

/** What there is before a conversation (or instead of waiting): the form, a message, a call. */
function Before({ way, choose }: { way: Way | null; choose(way: Way | null): void }) {
  const { client, session, speech, say } = useModel()
  const back = (): void => choose(null)
  const nobody = way === null && client.view !== null && !(client.view.open && client.view.staffed)
  useEffect(() => {
    if (!nobody) return
    const timer = setInterval(() => {
      if (!document.hidden) void client.look()
    }, LOOK_AGAIN)
    return () => clearInterval(timer)
  }, [nobody])
  if (way === 'message') return <LeaveMessage back={back} />
  if (way === 'callback') return <RequestCallback back={back} />
  const view = client.view
  if (!view || client.shut)
    return (
      <p class="pad" role="status">
        {client.shut ? speech.sayCode('error.', client.shut, say('no_chat')) : say('no_chat')}
      </p>
    )
  if ((view.open && view.staffed) || way === 'chat' || session.opening) return <Start />
  if (view.open && !view.message && !view.callback) return <Start />
  return <Away choose={choose} />
}

/** Where the visitor stands in the line. */
function Waiting({ choose }: { choose(way: Way): void }) {
  const { session, speech, say } = useModel()
  const talk = session.conversation
  if (!talk || talk.state === 'talking') return <CallbackState />
  return (
    <div class="card" data-test="waiting">
      <div role="status">
        <p>{say('waiting')}</p>
        <p>
          {talk.position !== null && (
            <strong data-test="position">
              {talk.position === 1 ? say('waiting_first') : say('waiting_place', { n: talk.position })}
            </strong>
          )}{' '}
          {talk.estimate !== null && (
            <span data-test="estimate">{say('waiting_about', { time: speech.wait(talk.estimate) })}</span>
          )}
        </p>
        <p class="muted">{say('waiting_write')}</p>
      </div>
      {talk.callback ? <CallbackState /> : <Offers choose={choose} />}
    </div>
  )
}

function LinkState() {
  const { client, session, speech, say } = useModel()
  const text = client.shut
    ? session.conversation && speech.sayCode('error.', client.shut, say('no_chat'))
    : session.link === 'reconnecting'
      ? say('reconnecting')
      : session.link === 'connecting'
        ? say(session.opening ? 'opening' : 'connecting')
        : ''
  return (
    <p class={text ? 'link-state' : 'hidden'} role="status" data-test="link" data-link={session.link}>
      {text}
    </p>
  )
}

/** What the server did not want to do just now, when a line was not to blame. */
function Refusal() {
  const { session, speech } = useModel()
  const { failure, pending } = session
  if (!failure || pending.some((one) => one.failure)) return null
  return (
    <p class="error pad" role="alert">
      {speech.sayCode('error.', failure.code, failure.message)}
    </p>
  )
}

/** On a phone the chat covers the page: the Tab key stays in it. */
function keepFocus(event: KeyboardEvent, panel: HTMLElement | null): void {
  const inside = [
    ...(panel?.querySelectorAll<HTMLElement>('button, a[href], input, textarea, select, [tabindex="0"]') ?? []),
  ].filter((one) => one.tabIndex >= 0 && one.offsetParent !== null)
  const [first, last] = [inside[0], inside.at(-1)]
  const at = (panel?.getRootNode() as ShadowRoot | undefined)?.activeElement
  if (event.shiftKey ? at === first || !inside.includes(at as HTMLElement) : at === last) {
    event.preventDefault()
    ;(event.shiftKey ? last : first)?.focus()
  }
}
