import type { LocationQueryRaw, RouteLocationRaw } from 'vue-router'
import { api } from '@/api/http'
import { phone } from '@/format/phone'
import type { IconName } from '@/shell/icons'
import type { Found, FoundPage } from './types'

export interface Asked {
  q: string
  kinds: string[]
  /** RFC 3339. */
  from: string | null
  to: string | null
  queue: string
  agent: string
  channel: string
}

export const nothing = (): Asked => ({ q: '', kinds: [], from: null, to: null, queue: '', agent: '', channel: '' })

/** Whether there is anything to look for. */
export const asks = (asked: Asked): boolean =>
  Boolean(asked.q.trim() || asked.kinds.length || asked.queue || asked.agent || asked.channel)

export function pathOf(asked: Asked, limit: number, cursor: string | null): string {
  const query = new URLSearchParams()
  const { kinds, ...others } = asked
  for (const [key, value] of Object.entries({ ...others, cursor })) if (value) query.set(key, value)
  for (const kind of kinds) query.append('kind', kind)
  query.set('limit', String(limit))
  return `/api/search?${query}`
}

/** So often a search that stopped in time goes on by itself; then people are asked. */
const ROUNDS = 20

/** While an index is being filled it is asked again so often: that takes seconds for a demo, minutes for a company. */
export const AGAIN_MS = 2000

/** A page, or what was found when it took too long: the server answers soon and says how far back it looked. */
export async function find(
  asked: Asked,
  limit: number,
  cursor: string | null,
  signal?: AbortSignal,
): Promise<FoundPage> {
  const items: Found[] = []
  let page: FoundPage = { items, next: cursor, reached: null, filling: false }
  for (let round = 0; round < ROUNDS; round++) {
    page = await api<FoundPage>('GET', pathOf(asked, limit - items.length, page.next), { signal })
    items.push(...page.items)
    if (page.reached === null || items.length >= limit) break
  }
  return { ...page, items }
}

/** The kinds of which customers' pages have a panel. */
const PANELS: Record<string, string> = { case: 'cases', task: 'tasks' }

/** Where a result leads: to the customer, at the right place; nowhere for what belongs to nobody. */
export function target(found: Found): RouteLocationRaw | null {
  if (found.kind === 'customer') return { name: 'customer', params: { id: found.ref } }
  if (found.kind === 'article') return { path: `/knowledge/${encodeURIComponent(found.ref)}` }
  if (!found.customer_id) return null
  const panel = PANELS[found.kind] ?? 'timeline'
  const query: LocationQueryRaw = { panel, ref: found.ref, at: String(found.at) }
  return { name: 'customer', params: { id: found.customer_id }, query }
}

const ICONS: Record<string, IconName> = {
  customer: 'user',
  interaction: 'phone',
  voice: 'phone',
  chat: 'chat',
  case: 'case',
  task: 'clock',
  article: 'list',
}
export const iconOf = (kind: string): IconName => ICONS[kind] ?? 'note'

/** What stands in the first line: a title that is a number as one reads it, where nothing in it is marked. */
export const titleOf = (found: Found): string =>
  found.title_marks.length || !found.title.startsWith('+') ? found.title : phone(found.title)
