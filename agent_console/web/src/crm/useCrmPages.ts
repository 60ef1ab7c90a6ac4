import { computed, reactive, watch } from 'vue'
import type { DeskState, Phase } from '@/desk/state'
import { beTheOne } from '@/sound/tabLock'
import { useDesk } from '@/stores/desk'
import { addressOf, ruleFor } from './page'

const KEPT = 50
const OPENED = 'callweave.crm.opened'
const OPENS: Record<string, Phase[]> = { ring: ['ringing', 'talking', 'held'], answer: ['talking', 'held'], click: [] }

/** Calls whose page the browser refused to open by itself. */
const blocked = reactive(new Set<string>())
/** This tab opens the pages; the others show the button only. */
const leading = reactive({ here: false })
let asked = false

/** Shared by all tabs, so that neither a reload nor the next leader opens a page again. */
function openedBefore(id: string): boolean {
  try {
    const known = JSON.parse(localStorage.getItem(OPENED) ?? '[]') as unknown
    const ids = Array.isArray(known) ? known.filter((one) => typeof one === 'string') : []
    if (ids.includes(id)) return true
    localStorage.setItem(OPENED, JSON.stringify([...ids, id].slice(-KEPT)))
  } catch {
    // Without storage a reload may open it once more.
  }
  return false
}

/** With `noopener` in the features the browser would not say whether it opened anything: the link is cut by hand. */
function openApart(address: string): boolean {
  const tab = window.open('about:blank', '_blank')
  if (!tab) return false
  tab.opener = null
  tab.location.replace(address)
  return true
}

function pageOf(state: DeskState, id: string) {
  const call = state.interactions[id]
  const rule = call && call.direction !== 'internal' ? ruleFor(state.crm, call) : undefined
  const address = call && rule ? addressOf(rule.url, call, state.me?.agent ?? '') : null
  return rule && address ? { address, openOn: rule.open_on } : null
}

/** The page of a call, and whether the browser refused to open it by itself. */
export function useCrmPage(id: () => string) {
  const desk = useDesk()
  const page = computed(() => pageOf(desk.state, id()))
  return { page, blocked: computed(() => blocked.has(id())), opened: () => blocked.delete(id()) }
}

/** Open the pages of this desk's calls when they are due: on ring or on answer, once, in one tab. */
export function useCrmPages(): void {
  const desk = useDesk()
  if (!asked) {
    asked = true
    beTheOne('callweave-crm', () => (leading.here = true))
  }
  const due = computed(() =>
    !leading.here || !desk.state.crm.length
      ? []
      : desk.cards.flatMap(({ id, phase }) => {
          const page = pageOf(desk.state, id)
          const searching = phase === 'ringing' && desk.state.pops[id]?.looking_up
          return page && !searching && OPENS[page.openOn]?.includes(phase) ? [{ id, address: page.address }] : []
        }),
  )
  watch(due, (pages) => {
    for (const { id, address } of pages) if (!openedBefore(id) && !openApart(address)) blocked.add(id)
  })
}
