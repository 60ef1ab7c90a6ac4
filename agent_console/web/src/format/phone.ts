import { parsePhoneNumberFromString } from 'libphonenumber-js/min'

/** A number as people read it: E.164 is grouped, an extension kept, anything else is shown as it came. */
export function phone(address: string | null | undefined): string {
  if (!address) return ''
  const [number = '', extension] = address.split(';ext=')
  const parsed = number.startsWith('+') ? parsePhoneNumberFromString(number) : undefined
  const shown = parsed ? parsed.formatInternational() : number
  return extension ? `${shown} – ${extension}` : shown
}
