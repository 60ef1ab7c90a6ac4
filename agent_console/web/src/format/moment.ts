const DAY = 86_400

function startOfDay(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime() / 1000
}

/** English has many ways to write a date: the reader's own, where the browser tells it. */
function regional(locale: string): string {
  if (locale !== 'en') return locale
  return globalThis.navigator?.languages?.find((language) => language.startsWith('en')) ?? locale
}

const formats = new Map<string, Intl.DateTimeFormat>()

function format(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options)
  let found = formats.get(key)
  if (!found) formats.set(key, (found = new Intl.DateTimeFormat(regional(locale), options)))
  return found
}

const TIME: Intl.DateTimeFormatOptions = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }

/** As short as it stays clear: the time today, "yesterday", the date in this year, else the full date. */
export function moment(at: number | null, now: number, locale: string): string {
  if (at == null) return '–'
  const then = new Date(at * 1000)
  const today = startOfDay(new Date(now * 1000))
  const time = format(locale, TIME).format(then)
  if (at >= today && at < today + DAY) return time
  if (at >= today - DAY && at < today) {
    const yesterday = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-1, 'day')
    return `${yesterday} ${time}`
  }
  if (then.getFullYear() === new Date(now * 1000).getFullYear())
    return format(locale, { month: 'short', day: 'numeric', ...TIME }).format(then)
  return format(locale, { year: 'numeric', month: 'short', day: 'numeric' }).format(then)
}

/** Date and time to the second, for tables and details. */
export function precise(at: number | null, locale: string): string {
  if (at == null) return '–'
  return format(locale, { year: 'numeric', month: '2-digit', day: '2-digit', ...TIME, second: '2-digit' }).format(
    new Date(at * 1000),
  )
}

/** Time of day to the second. */
export function timeOfDay(at: number | null, locale: string): string {
  return at == null ? '–' : format(locale, { ...TIME, second: '2-digit' }).format(new Date(at * 1000))
}
