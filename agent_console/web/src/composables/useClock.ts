import { readonly, ref } from 'vue'

const ours = () => Date.now() / 1000
let offset = 0
let timer: number | undefined

const now = ref(ours())

function tick(): void {
  now.value = ours() + offset
  // On the server's full seconds, so that all clocks on the page step together.
  const untilNext = 1000 - ((now.value * 1000) % 1000)
  clearTimeout(timer)
  timer = window.setTimeout(tick, untilNext + 5)
}

/** The server said what time it is; all clocks follow it from here on. */
export function setServerTime(seconds: number): void {
  offset = seconds - ours()
  tick()
}

/** Unix seconds at the server, now. */
export const serverNow = (): number => ours() + offset

/** Unix seconds at the server, stepping once a second. */
export function useClock() {
  if (timer === undefined) {
    tick()
    document.addEventListener('visibilitychange', () => document.hidden || tick())
  }
  return readonly(now)
}
