/** When a visitor may wish to be called: three hours each, in his own time, today and on the next two days. */

export interface Window {
  /** Unix seconds. */
  from: number
  to: number
}

const HOURS = [9, 12, 15]
const LENGTH = 3

/** Windows that have not begun to end at `now` (milliseconds), none before `opens` (milliseconds; 0: open). */
export function windows(now: number, opens: number): Window[] {
  const found: Window[] = []
  for (let day = 0; day < 3; day++) {
    for (const hour of HOURS) {
      const at = new Date(now)
      const from = at.setDate(at.getDate() + day) && at.setHours(hour, 0, 0, 0)
      const to = at.setHours(hour + LENGTH)
      if (to - 3_600_000 > Math.max(now, opens)) found.push({ from: from / 1000, to: to / 1000 })
    }
  }
  return found
}
