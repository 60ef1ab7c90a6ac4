import { watch } from 'vue'
import { api, ApiError, list, type Page } from '@/api/http'
import { useDesk } from '@/stores/desk'
import type { CustomerView, InteractionView, ScreenPop, TimelineItem } from '@/wire'

const CANDIDATES = 6

function blank(interaction: InteractionView): ScreenPop {
  return {
    seq: 0,
    prev: 0,
    interaction,
    customer: null,
    candidates: [],
    strength: 'unknown',
    looking_up: false,
    timeline: [],
    open_cases: [],
    queue: interaction.queue,
    waited_seconds: null,
    pbx_received_at: null,
    emitted_at: 0,
  }
}

async function known(id: string): Promise<Partial<ScreenPop>> {
  const path = `/api/customers/${encodeURIComponent(id)}`
  const [customer, timeline] = await Promise.all([
    api<CustomerView>('GET', path),
    list<TimelineItem>(`${path}/timeline`, { limit: 6 }),
  ])
  return { customer, timeline, candidates: [], strength: 'known' }
}

async function guessed(address: string | null): Promise<Partial<ScreenPop>> {
  if (!address || !/^[+\d]/.test(address)) return {}
  const q = address.split(';')[0]
  const { items } = await api<Page<CustomerView>>('GET', '/api/customers', { query: { q, limit: CANDIDATES } })
  return items.length ? { candidates: items, strength: 'candidates' } : {}
}

/**
 * Who the caller of a running call is, where no pop says so: after a reload in mid-call, or when somebody chose a
 * customer while talking.
 */
export function useCaller(id: () => string): void {
  const desk = useDesk()
  const missing = () => {
    const interaction = desk.state.interactions[id()]
    const pop = desk.state.pops[id()]
    if (!interaction || pop?.looking_up) return null
    if (interaction.customer_id && pop?.customer?.id !== interaction.customer_id) return interaction.customer_id
    return pop ? null : ''
  }

  watch(
    missing,
    async (customerId) => {
      const interaction = desk.state.interactions[id()]
      if (customerId === null || !interaction) return
      try {
        const found = customerId ? await known(customerId) : await guessed(interaction.customer_address)
        if (missing() !== customerId) return
        const recent = found.timeline?.filter((item) => item.interaction_id !== interaction.id)
        desk.state.pops[id()] = {
          ...(desk.state.pops[id()] ?? blank(interaction)),
          ...found,
          ...(recent && { timeline: recent }),
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
      }
    },
    { immediate: true },
  )
}
