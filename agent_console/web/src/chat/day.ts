const DAY_MS = 86_400_000
const midnight = (ms: number) => new Date(ms).setHours(0, 0, 0, 0)

/** The day of a moment as people say it: today, yesterday, else its date. Times are Unix seconds. */
export function dayName(at: number, now: number, locale: string): string {
  const days = Math.round((midnight(now * 1000) - midnight(at * 1000)) / DAY_MS)
  if (days === 0 || days === 1) {
    const words = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-days, 'day')
    return words.charAt(0).toLocaleUpperCase(locale) + words.slice(1)
  }
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full' }).format(at * 1000)
}

const times = new Map<string, Intl.DateTimeFormat>()

/** Hours and minutes of a moment (Unix seconds). */
export function minute(at: number, locale: string): string {
  let format = times.get(locale)
  if (!format)
    times.set(
      locale,
      (format = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })),
    )
  return format.format(at * 1000)
}
