/** Before the chat: the form of the queue, what the visitor agrees to, and the start. */
import { useState } from 'preact/hooks'
import { Field, fault, focusFirstFault } from './field'
import { useModel } from './model'
import { Links } from './links'

export function Start() {
  const { client, session, speech, say } = useModel()
  const view = client.view
  const [answers, setAnswers] = useState<Record<string, string>>({})
  const [agreed, setAgreed] = useState(false)
  const [trail, setTrail] = useState(client.box.get('trail') === true)
  const [tried, setTried] = useState(false)
  if (!view) return null
  const refused = session.failure
  const error = (code: string, found: ReturnType<typeof fault>): string | null => {
    if (tried && found) return say(found)
    return refused?.field === code ? speech.sayCode('error.', refused.code, refused.message) : null
  }
  const begin = (event: Event): void => {
    event.preventDefault()
    setTried(true)
    const faulty = view.form.some((field) => fault(field.kind, field.required, answers[field.code] ?? ''))
    if (faulty || (view.consent && !agreed)) return focusFirstFault(event.target as HTMLFormElement)
    const mayTell = view.trail && trail
    client.box.set('trail', mayTell)
    session.open({
      queue: view.queue,
      form: Object.fromEntries(Object.entries(answers).filter(([, value]) => value.trim())),
      consent: view.consent?.version ?? null,
      language: speech.language,
      page: mayTell ? location.href.slice(0, 2_000) : null,
    })
    void client.connect()
  }
  return (
    <form class="pad" noValidate onSubmit={begin}>
      <p class="greeting">{say('greeting')}</p>
      {view.form.length > 0 && <p class="muted">{say('greeting_form')}</p>}
      {view.form.map((field) => (
        <Field
          key={field.code}
          code={field.code}
          label={speech.choose(field.label)}
          kind={field.kind}
          required={field.required}
          choices={['', ...(field.choices ?? [])].map((value) => ({ value, label: value || say('choose') }))}
          value={answers[field.code] ?? ''}
          error={error(field.code, fault(field.kind, field.required, answers[field.code] ?? ''))}
          change={(value) => setAnswers({ ...answers, [field.code]: value })}
        />
      ))}
      {view.consent && (
        <div class="field">
          <label class="check">
            <input
              type="checkbox"
              name="consent"
              checked={agreed}
              aria-required="true"
              aria-invalid={tried && !agreed}
              aria-describedby={tried && !agreed ? 'consent-error' : undefined}
              onChange={() => setAgreed(!agreed)}
            />
            <span>
              <Links text={speech.choose(view.consent.text)} />
            </span>
          </label>
          {tried && !agreed && (
            <p class="error" id="consent-error">
              {say('consent_needed')}
            </p>
          )}
        </div>
      )}
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
