/** After the chat: a rating, the transcript by mail, a new chat. */
import { useState } from 'preact/hooks'
import type { Failure } from '../wire'
import { CallbackState } from './away'
import { Field, fault } from './field'
import { Icon } from './icons'
import { useModel } from './model'

export function Ended() {
  const { client, session, say } = useModel()
  const talk = session.conversation
  if (!talk) return null
  const talked = talk.ended_by !== 'message' && talk.ended_by !== 'callback'
  const anew = (): void => {
    session.forget()
    void client.look()
  }
  return (
    <div class="after pad" data-test="ended">
      {talk.ended_by === 'message' ? (
        <p role="status">{say('message_sent')}</p>
      ) : (
        talked && <p role="status">{say(talk.ended_by === 'mail' ? 'ended_mail' : 'ended')}</p>
      )}
      <CallbackState />
      {talked && <Rating />}
      {talked && client.view?.mail && <Transcript />}
      <button type="button" class="main" onClick={anew} data-test="new-chat">
        {say('new_chat')}
      </button>
    </div>
  )
}

function Rating() {
  const { client, session, say } = useModel()
  const [score, setScore] = useState(0)
  const [comment, setComment] = useState('')
  if (session.conversation?.rating) return <p role="status">{say('rated')}</p>
  const send = (event: Event): void => {
    event.preventDefault()
    if (score) void client.command('rate', { score, comment: comment.trim() || null })
  }
  return (
    <form onSubmit={send} data-test="rating">
      <fieldset>
        <legend>{say('rate')}</legend>
        <div class="stars">
          {[1, 2, 3, 4, 5].map((n) => (
            <label key={n} class={n <= score ? 'star on' : 'star'}>
              <input
                type="radio"
                name="score"
                value={n}
                checked={score === n}
                aria-label={say('rate_score', { n })}
                onChange={() => setScore(n)}
              />
              <Icon name="star" />
            </label>
          ))}
        </div>
      </fieldset>
      {score > 0 && (
        <>
          <Field
            code="comment"
            kind="text"
            label={say('rate_comment')}
            required={false}
            value={comment}
            change={setComment}
            error={null}
          />
          <button type="submit" data-test="rate">
            {say('rate_send')}
          </button>
        </>
      )}
    </form>
  )
}

/** The transcript by mail: a line that opens into a form. `done`: while one talks, and may go on by mail later. */
export function Transcript({ open = false, done }: { open?: boolean; done?(): void }) {
  const { client, speech, say, announce } = useModel()
  const [shown, setShown] = useState(open)
  const [address, setAddress] = useState('')
  const [onward, setOnward] = useState(false)
  const [tried, setTried] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const [sent, setSent] = useState(false)
  if (sent) return <p role="status">{say('mail_sent', { address })}</p>
  if (!shown)
    return (
      <button type="button" onClick={() => setShown(true)} data-test="mail">
        {say('mail')}
      </button>
    )
  const found = fault('email', true, address)
  const send = async (event: Event): Promise<void> => {
    event.preventDefault()
    setTried(true)
    if (found) return
    const ack = await client.command('mail_transcript', { address: address.trim(), go_on: onward })
    if (!ack.ok) return setFailure(ack.error ?? { code: 'failed', message: '' })
    setSent(true)
    announce(say('mail_sent', { address }))
    done?.()
  }
  const error = tried && found ? say(found) : failure && speech.sayCode('error.', failure.code, failure.message)
  return (
    <form noValidate onSubmit={(event) => void send(event)}>
      <Field
        code="mail"
        kind="email"
        label={say('mail_address')}
        required
        value={address}
        change={setAddress}
        error={error}
      />
      {done && (
        <label class="check">
          <input type="checkbox" name="onward" checked={onward} onChange={() => setOnward(!onward)} />
          <span>{say('mail_go_on')}</span>
        </label>
      )}
      <div class="row">
        <button type="submit" data-test="mail-send">
          {say('mail_send')}
        </button>
        <button type="button" onClick={() => (done ? done() : setShown(false))}>
          {say('back')}
        </button>
      </div>
    </form>
  )
}
