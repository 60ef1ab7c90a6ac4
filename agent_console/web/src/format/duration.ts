/** Whole seconds as `m:ss` or `h:mm:ss`; never negative. The same in every language, so digits do not jump. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const pad = (value: number) => String(value).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes}:${pad(whole % 60)}`
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}`
}

/** Seconds since `since` (Unix seconds) at the server's `now`. */
export function elapsed(since: number | null | undefined, now: number): string {
  return since == null ? '–' : clock(now - since)
}

/** Whole seconds left until `until`. The page's clock steps once a second, so this is at most one second behind. */
export function remaining(until: number | null | undefined, now: number): string {
  return until == null ? '–' : clock(until - now)
}
