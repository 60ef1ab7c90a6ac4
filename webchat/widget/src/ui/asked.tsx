/** What a visitor is asked before a chat, a message or a call: the form of the queue, and his consent. */
import { useEffect, useState } from 'preact/hooks'
import type { Failure } from '../wire'
import { Field, fault } from './field'
import { Links } from './links'
import { useModel } from './model'

export interface Asked {
  /** What goes with the command; `more` answers fields that are asked elsewhere on the page. */
  told(more?: Record<string, string>): object
  /** Whether something is missing; shows it from now on. */
  lacks(): boolean
  has(code: string): boolean
  value(code: string): string
  shown: preact.ComponentChildren
}

/** `but`: codes of fields that are asked elsewhere on the page. Who waits in a conversation was asked before it. */
export function useAsked(refused: Failure | null, but: readonly string[] = []): Asked {
  const { client, session, speech, say } = useModel()
  const [answers, setAnswers] = useState<Record<string, string>>({})
  const [agreed, setAgreed] = useState(false)
  const [tried, setTried] = useState(false)
  const changed = refused?.code === 'consent' || refused?.code === 'form'
  useEffect(() => {
    // The site asks for something else since this page was loaded: what was agreed to was another text.
    if (!changed) return
    setAgreed(false)
    setTried(true)
    void client.look()
  }, [refused])
  const waits = session.conversation !== null && session.conversation.state !== 'ended'
  const view = waits ? null : client.view
  const form = view?.form ?? []
  const fields = form.filter((one) => !but.includes(one.code))
  const consent = view?.consent ?? null
  const error = (code: string, found: ReturnType<typeof fault>): string | null => {
    if (tried && found) return say(found)
    return refused?.field === code ? speech.sayCode('error.', refused.code, refused.message) : null
  }
  const missing = tried && !agreed
  return {
    told: (more = {}) => {
      const given = Object.entries({ ...answers, ...more }).filter(([, value]) => value.trim())
      const queue = view ? { queue: view.queue } : {}
      return { ...queue, form: Object.fromEntries(given), consent: consent?.version ?? null, language: speech.language }
    },
    lacks: () => {
      setTried(true)
      return fields.some((one) => fault(one.kind, one.required, answers[one.code] ?? '')) || (!!consent && !agreed)
    },
    has: (code) => form.some((one) => one.code === code),
    value: (code) => answers[code] ?? '',
    shown: (
      <>
        {fields.map((field) => (
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
        {consent && (
          <div class="field">
            <label class="check">
              <input
                type="checkbox"
                name="consent"
                checked={agreed}
                aria-required="true"
                aria-invalid={missing}
                aria-describedby={missing ? 'consent-error' : undefined}
                onChange={() => setAgreed(!agreed)}
              />
              <span>
                <Links text={speech.choose(consent.text)} />
              </span>
            </label>
            {missing && (
              <p class="error" id="consent-error">
                {say('consent_needed')}
              </p>
            )}
          </div>
        )}
      </>
    ),
  }
}
