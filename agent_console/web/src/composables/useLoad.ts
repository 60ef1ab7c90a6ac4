import { onBeforeUnmount, ref, shallowRef } from 'vue'
import { ApiError, type Page } from '@/api/http'

/** Something that is fetched: at once, and again with `reload`. A late answer never overwrites a newer one. */
export function useLoad<T>(fetch: () => Promise<T>) {
  const data = shallowRef<T | null>(null)
  const loading = ref(true)
  const error = ref('')
  let latest = 0

  async function reload(): Promise<void> {
    const mine = ++latest
    loading.value = true
    try {
      const answer = await fetch()
      if (mine !== latest) return
      data.value = answer
      error.value = ''
    } catch (caught) {
      if (mine !== latest) return
      if (!(caught instanceof ApiError)) throw caught
      error.value = caught.message
    } finally {
      if (mine === latest) loading.value = false
    }
  }
  void reload()
  return { data, loading, error, reload }
}

/** A list that is read page by page. `restart` begins again, `more` adds the next page. */
export function usePages<T>(fetch: (cursor: string | null, signal: AbortSignal) => Promise<Page<T>>) {
  const items = shallowRef<T[]>([])
  const next = ref<string | null>(null)
  const loading = ref(true)
  const error = ref('')
  let running: AbortController | null = null

  async function load(cursor: string | null): Promise<void> {
    running?.abort()
    const mine = (running = new AbortController())
    loading.value = true
    try {
      const page = await fetch(cursor, mine.signal)
      items.value = cursor === null ? page.items : [...items.value, ...page.items]
      next.value = page.next
      error.value = ''
    } catch (caught) {
      if (mine.signal.aborted) return
      if (!(caught instanceof ApiError)) throw caught
      error.value = caught.message
    } finally {
      if (running === mine) loading.value = false
    }
  }
  onBeforeUnmount(() => running?.abort())
  return { items, next, loading, error, restart: () => load(null), more: () => load(next.value) }
}
