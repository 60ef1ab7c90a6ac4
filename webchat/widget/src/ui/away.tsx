/** When nobody is there: a message for later, or a call. */
import { useRef, useState } from 'preact/hooks'
import { uuid } from '../core/client'
import { windows } from '../core/windows'
import type { Failure } from '../wire'
import { useAsked } from './asked'
import { Field, fault, focusFirstFault } from './field'
import { useModel } from './model'

export type Way = 'message' | 'callback' | 'chat'

/** What there is instead of a chat. */
export function Away({ choose }: { choose(way: Way): void }) {
  const { client, speech, say } = useModel()
  const view = client.view
  if (!view) return null
  const when = view.opens_at && `${speech.day(view.opens_at)} ${speech.time(view.opens_at)}`
  return (
    <div class="pad">
      <p class="greeting">{view.open ? say('unstaffed') : when ? say('closed_until', { when }) : say('closed')}</p>
      <Offers choose={choose} chat={view.open} />
    </div>
  )
}

/** The ways besides a chat that the site offers. */
export function Offers({ choose, chat = false }: { choose(way: Way): void; chat?: boolean }) {
  const { client, say } = useModel()
  const view = client.view
  return (
    <div class="column">
      {view?.message && (
        <button type="button" data-test="offer-message" onClick={() => choose('message')}>
          {say('message_offer')}
        </button>
      )}
      {view?.callback && (
        <button type="button" data-test="offer-callback" onClick={() => choose('callback')}>
          {say('callback_offer')}
        </button>
      )}
      {chat && (
        <button type="button" data-test="offer-chat" onClick={() => choose('chat')}>
          {say('chat_offer')}
        </button>
      )}
    </div>
  )
}

/** Sends a command with one id however often it is tried; says what went wrong. */
function useAsk(name: string, done: () => void) {
  const { client } = useModel()
  const id = useRef(uuid())
  const [failure, setFailure] = useState<Failure | null>(null)
  const [busy, setBusy] = useState(false)
  const ask = async (body: object): Promise<void> => {
    setBusy(true)
    setFailure(null)
    await client.ready()
    const ack = await client.command(name, { id: id.current, ...body })
    setBusy(false)
    if (ack.ok) done()
    else setFailure(ack.error ?? { code: 'failed', message: '' })
  }
  return { ask, failure, busy }
}

function Wrong({ failure }: { failure: Failure | null }) {
  const { speech, say } = useModel()
  if (!failure) return null
  return (
    <p class="error" role="alert">
      {speech.sayCode('error.', failure.code, failure.message || say('error.failed'))}
    </p>
  )
}

export function LeaveMessage({ back }: { back(): void }) {
  const { say } = useModel()
  const [text, setText] = useState('')
  const [mail, setMail] = useState('')
  const [tried, setTried] = useState(false)
  const { ask, failure, busy } = useAsk('leave_message', back)
  const asked = useAsked(failure, ['message'])
  const mailed = asked.has('email')
  const error = (kind: 'long' | 'email', required: boolean, value: string): string | null => {
    const found = fault(kind, required, value)
    return tried && found ? say(found) : null
  }
  const submit = (event: Event): void => {
    event.preventDefault()
    setTried(true)
    if (asked.lacks() || fault('long', true, text) || (!mailed && fault('email', false, mail)))
      return focusFirstFault(event.target as HTMLFormElement)
    const reply = (mailed ? asked.value('email') : mail).trim()
    void ask({ ...asked.told(), text: text.trim(), reply_to: reply || null })
  }
  return (
    <form class="pad" noValidate onSubmit={submit}>
      <h3>{say('message_offer')}</h3>
      <Field
        code="message"
        kind="long"
        label={say('message_text')}
        required
        value={text}
        change={setText}
        error={error('long', true, text)}
      />
      {!mailed && (
        <Field
          code="email"
          kind="email"
          label={say('message_reply')}
          required={false}
          value={mail}
          change={setMail}
          error={error('email', false, mail)}
        />
      )}
      {asked.shown}
      <Wrong failure={failure} />
      <Buttons label={say('message_send')} busy={busy} back={back} />
    </form>
  )
}

export function RequestCallback({ back }: { back(): void }) {
  const { client, speech, say } = useModel()
  const [phone, setPhone] = useState('')
  const [when, setWhen] = useState('')
  const [tried, setTried] = useState(false)
  const { ask, failure, busy } = useAsk('request_callback', back)
  const asked = useAsked(failure, ['phone', 'when'])
  const found = fault('phone', true, phone)
  const refused = failure?.field === 'phone' ? speech.sayCode('error.', failure.code, failure.message) : null
  const offered = client.view?.call_times ?? windows(Date.now(), (client.view?.opens_at ?? 0) * 1000)
  const submit = (event: Event): void => {
    event.preventDefault()
    setTried(true)
    if (asked.lacks() || found) return focusFirstFault(event.target as HTMLFormElement)
    const chosen = offered.find((one) => String(one.from) === when)
    const more: Record<string, string> = asked.has('phone') ? { phone: phone.trim() } : {}
    void ask({ ...asked.told(more), phone: phone.trim(), since: chosen?.from ?? null, until: chosen?.to ?? null })
  }
  return (
    <form class="pad" noValidate onSubmit={submit}>
      <h3>{say('callback_offer')}</h3>
      <Field
        code="phone"
        kind="phone"
        label={say('callback_phone')}
        required
        value={phone}
        change={setPhone}
        error={tried && found ? say(found) : refused}
      />
      <Field
        code="when"
        kind="choice"
        label={say('callback_when')}
        required
        value={when}
        change={setWhen}
        error={null}
        choices={[
          { value: '', label: say('callback_now') },
          ...offered.map((one) => ({
            value: String(one.from),
            label: say('callback_window', {
              day: speech.day(one.from),
              from: speech.time(one.from),
              to: speech.time(one.to),
            }),
          })),
        ]}
      />
      {asked.shown}
      {failure?.field !== 'phone' && <Wrong failure={failure} />}
      <Buttons label={say('callback_send')} busy={busy} back={back} />
    </form>
  )
}

function Buttons({ label, busy, back }: { label: string; busy: boolean; back(): void }) {
  const { say } = useModel()
  return (
    <div class="row">
      <button class="main" type="submit" aria-disabled={busy} data-test="submit">
        {label}
      </button>
      <button type="button" onClick={back}>
        {say('back')}
      </button>
    </div>
  )
}

/** How the call stands that the visitor asked for. */
export function CallbackState() {
  const { client, session, speech, say } = useModel()
  const call = session.conversation?.callback
  if (!call) return null
  const { phone, from, to, state } = call
  const window =
    from !== null && to !== null
      ? say('callback_window', { day: speech.day(from), from: speech.time(from), to: speech.time(to) })
      : null
  const text =
    state === 'waiting' && window
      ? say('callback_waiting_window', { phone, window })
      : say(`callback_${state}`, { phone })
  return (
    <div class="card" role="status" data-test="callback-state" data-state={state}>
      <p>{text}</p>
      {state === 'waiting' && (
        <button type="button" onClick={() => void client.command('cancel_callback')}>
          {say('callback_cancel')}
        </button>
      )}
    </div>
  )
}
