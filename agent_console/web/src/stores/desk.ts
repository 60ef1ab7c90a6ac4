import { defineStore } from 'pinia'
import { computed, markRaw, reactive, ref } from 'vue'
import { serverNow, setServerTime } from '@/composables/useClock'
import { Notes } from '@/desk/notes'
import { apply, cardsOf, type DeskState, emptyDesk, isMe } from '@/desk/state'
import { Connection, type LinkState, type ServerEventName } from '@/socket/connection'
import { type CommandName, Outbox, type Outcome, type Payload } from '@/socket/outbox'
import type { Notice, ScreenPop, ScreenPopClosed, SERVER_EVENTS } from '@/wire'
import { useSession } from './session'

export interface Heard {
  notice(notice: Notice): void
  missed(pop: ScreenPop | undefined, closed: ScreenPopClosed): void
}
/** Who wants each message after the state has it. */
type Listener = <N extends ServerEventName>(name: N, message: SERVER_EVENTS[N]) => void

/** The live state of this agent's desk and the way to change it. */
export const useDesk = defineStore('desk', () => {
  const session = useSession()
  const state = reactive(emptyDesk()) as DeskState
  const link = ref<LinkState>('connecting')
  /** Since when the link is as it is (server's Unix seconds). */
  const linkSince = ref(serverNow())
  /** Commands on their way, by name and interaction: their buttons wait. */
  const busy = reactive(new Set<string>())
  const shown = new Set<string>()
  const listeners = new Set<Listener>()
  let connection: Connection | null = null
  let heard: Heard = { notice() {}, missed() {} }

  const outbox = new Outbox(
    {
      connected: () => connection?.connected() ?? false,
      emit: (...args) => connection?.emit(...args),
    },
    { now: () => Date.now(), after: (ms, call) => void setTimeout(call, ms) },
    () => crypto.randomUUID(),
  )
  const notes = markRaw(new Notes((id, text) => outbox.submit('note', { interaction_id: id, text }), localStorage))

  const cards = computed(() => cardsOf(state))
  const ringing = computed(() => cards.value.filter((card) => card.phase === 'ringing'))
  const live = computed(() => link.value === 'live')
  const inCall = computed(() => cards.value.some((card) => card.phase !== 'ringing' && card.phase !== 'wrap_up'))

  function setLink(next: LinkState): void {
    // "Lost since" counts from the cut, not from the latest failed try.
    const stillDown = next !== 'live' && link.value === 'lost'
    if (next === 'unauthorised') return session.lose()
    if (next === link.value || (stillDown && next !== 'forbidden')) return
    link.value = next
    linkSince.value = serverNow()
  }

  function received<N extends ServerEventName>(name: N, message: SERVER_EVENTS[N]): void {
    if (name === 'snapshot') {
      const { server_time, agent } = message as SERVER_EVENTS['snapshot']
      // Somebody else signed in with this browser meanwhile: nothing of the old page may stay.
      if (agent.agent !== session.user?.name) return location.reload()
      setServerTime(server_time)
    }
    if (name === 'command_result') outbox.resolved(message as SERVER_EVENTS['command_result'])
    if (name === 'screen_pop_closed') closed(message as ScreenPopClosed)
    apply(state, name, message)
    if (name === 'notice') heard.notice(message as Notice)
    syncNotes()
    for (const listener of listeners) listener(name, message)
  }

  /** Hear every message; returns how to hear no more. */
  function listen(listener: Listener): () => void {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }

  function closed(message: ScreenPopClosed): void {
    const pop = state.pops[message.interaction_id]
    const interaction = state.interactions[message.interaction_id]
    const mine = interaction?.segments.some((segment) => isMe(state.me, segment.agent, interaction.pbx))
    if (!mine && message.reason !== 'answered' && !pop?.consultation) heard.missed(pop, message)
  }

  /** Drafts for the cards, and none for what is gone. */
  function syncNotes(): void {
    const open = new Set(cards.value.map((card) => card.id))
    for (const id of open) {
      const interaction = state.interactions[id]
      if (!interaction) continue
      if (notes.drafts[id]) notes.told(id, interaction.notes)
      else notes.open(id, interaction.notes, interaction.disposition)
    }
    for (const id of Object.keys(notes.drafts)) {
      const draft = notes.drafts[id]!
      if (!open.has(id) && (draft.state === 'saved' || draft.state === 'empty' || draft.state === 'refused'))
        notes.drop(id)
    }
  }

  function open(listener: Heard): void {
    if (connection) return
    heard = listener
    link.value = 'connecting'
    linkSince.value = serverNow()
    connection = new Connection({
      message: received,
      state: (next) => setLink(next),
      linked: () => {
        if (link.value === 'lost') link.value = 'loading'
        outbox.reconnected()
      },
    })
    connection.open()
  }

  function close(): void {
    connection?.close()
    connection = null
    outbox.clear()
    for (const id of Object.keys(notes.drafts)) if (notes.drafts[id]!.text === notes.drafts[id]!.saved) notes.drop(id)
    Object.assign(state, emptyDesk())
    shown.clear()
    link.value = 'connecting'
  }

  /** Send a command; `key` marks its button busy until the outcome is there. */
  async function command<N extends CommandName>(name: N, payload: Payload<N>): Promise<Outcome> {
    const key = busyKey(name, 'interaction_id' in payload ? String(payload.interaction_id) : '')
    busy.add(key)
    const outcome = await outbox.submit(name, payload)
    busy.delete(key)
    return outcome
  }

  /** Send a command that no button waits for; `id`: the same one once more. */
  const send = <N extends CommandName>(name: N, payload: Payload<N>, id?: string) => outbox.submit(name, payload, id)

  const busyKey = (name: CommandName, id = '') => `${name} ${id}`
  const isBusy = (name: CommandName, id = '') => busy.has(busyKey(name, id))

  /** The pop has been drawn: told once for each. */
  function popShown(pop: ScreenPop): void {
    const key = `${pop.interaction.id} ${pop.emitted_at}`
    if (shown.has(key)) return
    shown.add(key)
    void outbox.submit('pop_shown', { interaction_id: pop.interaction.id, emitted_at: pop.emitted_at })
  }

  const queueLabel = (queue: string | null | undefined) =>
    state.queues.find((known) => known.queue === queue)?.label || queue || ''

  return {
    state,
    link,
    linkSince,
    live,
    cards,
    ringing,
    inCall,
    drafts: notes.drafts,
    notes,
    open,
    close,
    command,
    send,
    listen,
    isBusy,
    popShown,
    queueLabel,
  }
})
