import { defineStore } from 'pinia'
import { computed, onBeforeUnmount, onMounted, ref } from 'vue'
import { api, ApiError } from '@/api/http'
import type { MissedPage } from './types'

/** Missed calls end and begin all over the company; a question each quarter of a minute is cheap and never wrong. */
export const POLL_SECONDS = 15

/** How many missed calls are to be done, for the badge. */
export const useMissedCount = defineStore('missed', () => {
  const open = ref(0)
  const calling = ref(0)

  function told(page: Pick<MissedPage, 'open' | 'calling'>): void {
    open.value = page.open
    calling.value = page.calling
  }

  async function ask(): Promise<void> {
    try {
      told(await api<MissedPage>('GET', '/api/missed', { query: { limit: 1 } }))
    } catch (error) {
      // The number of before stays: the status bar says that the server cannot be reached.
      if (!(error instanceof ApiError)) throw error
    }
  }
  return { open, calling, todo: computed(() => open.value + calling.value), told, ask }
})

/** Do it now, every quarter of a minute, and when the page is seen again; not while nobody can see it. */
export function usePolling(ask: () => unknown): void {
  let timer: number | undefined
  const look = () => {
    if (!document.hidden) void ask()
  }
  onMounted(() => {
    look()
    timer = window.setInterval(look, POLL_SECONDS * 1000)
    document.addEventListener('visibilitychange', look)
  })
  onBeforeUnmount(() => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', look)
  })
}
