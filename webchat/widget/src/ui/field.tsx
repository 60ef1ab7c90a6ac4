/** A labelled input with its error; and what makes an answer good. */
import type { FormField } from '../wire'
import type { Key } from '../texts/speak'
import { useModel } from './model'

export interface FieldProps {
  code: string
  label: string
  kind: FormField['kind']
  required: boolean
  choices?: { value: string; label: string }[]
  value: string
  error: string | null
  change(value: string): void
}

const AUTOCOMPLETE: Partial<Record<string, string>> = { name: 'name', email: 'email', phone: 'tel' }
const TYPES = { text: 'text', email: 'email', phone: 'tel' }
const LONGEST = { text: 1_000, email: 254, phone: 32, long: 4_000 }

/** Why an answer is not good enough to be sent; the server checks again. */
export function fault(kind: FormField['kind'], required: boolean, value: string): Key | null {
  const text = value.trim()
  if (!text) return required ? 'required' : null
  if (kind === 'email' && !/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text)) return 'bad_email'
  if (kind === 'phone' && !/^\+?[\d\s()./-]{3,32}$/.test(text)) return 'bad_phone'
  return null
}

export function Field(props: FieldProps) {
  const { say } = useModel()
  const id = `field-${props.code}`
  const shared = {
    id,
    name: props.code,
    value: props.value,
    'aria-required': props.required,
    'aria-invalid': props.error !== null,
    'aria-describedby': props.error ? `${id}-error` : undefined,
    autocomplete: AUTOCOMPLETE[props.code] ?? AUTOCOMPLETE[props.kind] ?? 'off',
    onInput: (event: Event) => props.change((event.target as HTMLInputElement).value),
  }
  return (
    <div class="field">
      <label for={id}>
        {props.label} {!props.required && <span class="muted">{say('optional')}</span>}
      </label>
      {props.kind === 'choice' ? (
        <select {...shared}>
          {props.choices?.map((choice) => (
            <option key={choice.value} value={choice.value}>
              {choice.label}
            </option>
          ))}
        </select>
      ) : props.kind === 'long' ? (
        <textarea {...shared} rows={4} maxLength={LONGEST.long} />
      ) : (
        <input {...shared} type={TYPES[props.kind]} maxLength={LONGEST[props.kind]} dir="auto" />
      )}
      {props.error && (
        <p class="error" id={`${id}-error`}>
          {props.error}
        </p>
      )}
    </div>
  )
}

/** The first faulty field gets the focus, so that nobody has to look for it. */
export function focusFirstFault(form: HTMLFormElement): void {
  requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus())
}
