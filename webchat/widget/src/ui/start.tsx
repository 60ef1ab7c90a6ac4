/** Before the chat: the form of the queue, what the visitor agrees to, and the start. */
import { useState } from 'preact/hooks'
import { useAsked } from './asked'
import { focusFirstFault } from './field'
import { useModel } from './model'

export function Start() {
  const { client, session, speech, say } = useModel()
  const view = client.view
  const [trail, setTrail] = useState(client.box.get('trail') === true)
  const refused = session.failure
  const asked = useAsked(refused)
  if (!view) return null
  const begin = (event: Event): void => {
    event.preventDefault()
    if (asked.lacks()) return focusFirstFault(event.target as HTMLFormElement)
    const mayTell = view.trail && trail
    client.box.set('trail', mayTell)
    session.open({ ...asked.told(), page: mayTell ? location.href.slice(0, 2_000) : null })
    void client.connect()
  }
  return (
    <form class="pad" noValidate onSubmit={begin}>
      <p class="greeting">{say('greeting')}</p>
      {view.estimate !== null && (
        <p class="muted" data-test="estimate">
          {say('wait_now', { time: speech.wait(view.estimate) })}
        </p>
      )}
      {view.form.length > 0 && <p class="muted">{say('greeting_form')}</p>}
      {asked.shown}
      {view.trail && (
        <label class="check">
          <input type="checkbox" name="trail" checked={trail} onChange={() => setTrail(!trail)} />
          <span>{say('trail')}</span>
        </label>
      )}
      {refused && !refused.field && (
        <p class="error" role="alert">
          {speech.sayCode('error.', refused.code, refused.message)}
        </p>
      )}
      <button class="main" type="submit" aria-disabled={session.opening} data-test="start">
        {say(session.opening ? 'opening' : 'start')}
      </button>
    </form>
  )
}
