import { defineStore } from 'pinia'
import { reactive } from 'vue'
import { api, ApiError } from '@/api/http'
import type { CustomerView, InteractionView } from '@/wire'

const AT_ONCE = 4

/** Names of customers by id: lists that know only the id ask here, and each customer is read once. */
export const useNames = defineStore('names', () => {
  const names = reactive(new Map<string, string>())
  const waiting: string[] = []
  const asked = new Set<string>()
  let running = 0

  async function read(id: string): Promise<void> {
    running += 1
    try {
      names.set(id, (await api<CustomerView>('GET', `/api/customers/${encodeURIComponent(id)}`)).name)
    } catch (error) {
      // A customer who was deleted has no name any more.
      if (!(error instanceof ApiError)) throw error
    } finally {
      running -= 1
      next()
    }
  }

  function next(): void {
    while (running < AT_ONCE && waiting.length) void read(waiting.shift()!)
  }

  /** The customer's name, or '' while (or because) it is not known. */
  function nameOf(item: Pick<InteractionView, 'customer_id' | 'customer_name_known'>): string {
    const { customer_id: id, customer_name_known: known } = item
    if (known || !id) return known ?? ''
    if (!asked.has(id)) {
      asked.add(id)
      waiting.push(id)
      queueMicrotask(next)
    }
    return names.get(id) ?? ''
  }

  return { nameOf }
})
