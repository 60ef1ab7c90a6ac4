import { ref, watch, type Ref } from 'vue'
import { api, ApiError, type Page } from '@/api/http'
import type { CustomerView } from '@/wire'

const PAUSE_MS = 200
const SHORTEST = 2

/** Looks customers up while somebody types. `null`: not asked yet, or too short a text. */
export function useCustomerSearch(text: Ref<string>, asked: (text: string) => boolean = () => true) {
  const found = ref<CustomerView[] | null>(null)
  const error = ref('')
  let running: AbortController | null = null
  let pause: ReturnType<typeof setTimeout> | undefined

  async function search(q: string): Promise<void> {
    running = new AbortController()
    error.value = ''
    try {
      const query = { q, limit: 6 }
      const page = await api<Page<CustomerView>>('GET', '/api/customers', { query, signal: running.signal })
      found.value = page.items
    } catch (caught) {
      if (caught instanceof ApiError) error.value = caught.message
    }
  }

  watch(text, (now) => {
    clearTimeout(pause)
    running?.abort()
    const q = now.trim()
    if (q.length < SHORTEST || !asked(q)) return (found.value = null)
    pause = setTimeout(() => void search(q), PAUSE_MS)
  })
  return { found, error }
}
