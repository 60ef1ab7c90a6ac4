/** This browser's time zone, in which people here mean times. */
export const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone

const two = (n: number) => String(n).padStart(2, '0')

/** The time on this wall, as an input of date and time has it (`2026-11-27T10:00`). */
export function toWall(at: number | null): string {
  if (at === null) return ''
  const d = new Date(at * 1000)
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}`
}

/** The times that are mostly wanted: in an hour, tomorrow morning, in a week. `now`: Unix seconds. */
export function proposals(now: number): { key: 'hour' | 'tomorrow' | 'week'; wall: string }[] {
  const morning = (days: number) => {
    const d = new Date(now * 1000)
    return new Date(d.getFullYear(), d.getMonth(), d.getDate() + days, 9).getTime() / 1000
  }
  return [
    { key: 'hour', wall: toWall(Math.ceil(now / 300) * 300 + 3600) },
    { key: 'tomorrow', wall: toWall(morning(1)) },
    { key: 'week', wall: toWall(morning(7)) },
  ]
}
