import { defineStore } from 'pinia'
import { computed, markRaw, reactive, ref, watch } from 'vue'
import { ApiError, list } from '@/api/http'
import { Drafts } from '@/chat/drafts'
import { Outgoing } from '@/chat/outgoing'
import { isWritten } from '@/chat/written'
import { type Gap, gapOf, hasEarlier, putLines, type Room, unread } from '@/chat/rooms'
import { serverNow } from '@/composables/useClock'
import type { ChatFrameMessage, ChatLineView } from '@/wire'
import { useDesk } from './desk'
import { useSession } from './session'

const PAGE = 100
const AGAIN_MS = 3_000

/** Lines of a conversation: the first after `after`, or the last before `before`. */
export const fetchLines = (chat: string, wanted: Partial<Gap>) =>
  list<ChatLineView>(`/api/chats/${encodeURIComponent(chat)}/lines`, { ...wanted, limit: PAGE })

export interface NewLine {
  chat: string
  line: ChatLineView
}

/** The chats on this desk: which one is looked at, own lines on their way, drafts, gaps, what was read. */
export const useChats = defineStore('chats', () => {
  const desk = useDesk()
  const session = useSession()
  const whose = () => session.user?.name ?? ''
  /** The card that is looked at, where there are several. */
  const selected = ref<string | null>(null)
  const fetching = reactive(new Set<string>())
  const outgoing = markRaw(
    new Outgoing(
      (chat, { id, text, private: secret, file }) =>
        file
          ? desk.send('chat_send_file', { interaction_id: chat, file: file.id }, id)
          : desk.send('chat_send', { interaction_id: chat, text, private: secret }, id),
      localStorage,
      whose,
      () => crypto.randomUUID(),
      serverNow,
    ),
  )
  const drafts = markRaw(new Drafts(localStorage, whose))
  const frames = new Map<string, (frame: ChatFrameMessage) => void>()
  const arrived = new Set<(news: NewLine) => void>()
  let lost: (chat: string, texts: string[]) => void = () => {}

  const isChat = (id: string) => isWritten(desk.state.interactions[id]?.channel)
  const cards = computed(() => desk.cards.filter((card) => isChat(card.id)))
  /** Several things on the desk at once, of which one is looked at. */
  const strip = computed(() => cards.value.length > 0)
  const unreadOf = (id: string) => (desk.state.chats[id] ? unread(desk.state.chats[id]) : 0)
  const unreadCount = computed(() => cards.value.reduce((sum, card) => sum + unreadOf(card.id), 0))

  /** A card that is worked on; what only rings is answered first. */
  const workable = computed(() => desk.cards.filter((card) => card.phase !== 'ringing'))
  const shown = computed(() => {
    const chosen = desk.cards.find((card) => card.id === selected.value)
    return chosen ?? workable.value[0] ?? desk.cards[0]
  })
  const select = (id: string | null) => (selected.value = id)

  const open = new Set<string>()
  watch(
    () => (desk.state.ready ? cards.value.map((card) => card.id) : null),
    (ids) => {
      if (!ids) return
      for (const id of ids)
        if (!open.has(id)) {
          open.add(id)
          outgoing.restore(id)
          drafts.open(id)
          told(id)
        }
      for (const id of open) if (!ids.includes(id)) leave(id)
    },
    { immediate: true },
  )
  // What was taken is looked at: a chat that was accepted here, and a call by whatever phone it was answered.
  watch(
    () => workable.value.map((card) => card.id),
    (now, before = []) => {
      const fresh = now.find((id) => !before.includes(id))
      if (fresh && before.length && (taken.delete(fresh) || !isChat(fresh))) selected.value = fresh
    },
  )
  /** Offers that were accepted on this page. */
  const taken = new Set<string>()
  const take = (id: string) => void taken.add(id)

  function leave(id: string): void {
    open.delete(id)
    drafts.leave(id)
    const unsent = outgoing.leave(id).filter((line) => line.text)
    if (unsent.length)
      lost(
        id,
        unsent.map((line) => line.text),
      )
    if (selected.value === id) selected.value = null
  }

  /** The server's lines replace one's own; holes are filled. */
  function told(id: string): void {
    const room = desk.state.chats[id]
    if (!room) return
    outgoing.told(id, room.lines)
    void fill(id)
  }

  async function fill(id: string): Promise<void> {
    const room = desk.state.chats[id]
    const gap = room && gapOf(room)
    if (!gap || fetching.has(id)) return
    fetching.add(id)
    let again = 0
    try {
      const lines = await fetchLines(id, gap)
      // A line that cannot be had now would be asked for again and again.
      if (!lines.length) again = AGAIN_MS
      take_in(id, lines)
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      if (error.problem.status >= 400 && error.problem.status < 500 && error.problem.status !== 429) return
      again = AGAIN_MS
    } finally {
      fetching.delete(id)
    }
    if (again) setTimeout(() => void fill(id), again)
    else await fill(id)
  }

  function take_in(id: string, lines: ChatLineView[]): void {
    const room = desk.state.chats[id]
    if (!room) return
    putLines(room, lines)
    outgoing.told(id, lines)
  }

  /** Older lines, where there are any. */
  async function earlier(id: string): Promise<void> {
    const room = desk.state.chats[id]
    if (!room || !hasEarlier(room)) return
    take_in(id, await fetchLines(id, { before: room.lines[0]!.number }))
  }

  /** The agent has seen everything that is there. */
  function read(id: string): void {
    const room = desk.state.chats[id]
    const newest = room?.lines.at(-1)?.number ?? 0
    if (!room || newest <= room.facts.read || room.facts.state === 'ended') return
    room.facts.read = newest
    void desk.send('chat_seen', { interaction_id: id, number: newest })
  }

  desk.listen((name, message) => {
    if (name === 'snapshot') for (const id of Object.keys(desk.state.chats)) told(id)
    if ('chat' in message) told(message.chat.interaction_id)
    if ('line' in message) {
      told(message.interaction_id)
      for (const hear of arrived) hear({ chat: message.interaction_id, line: message.line })
    }
    if (name === 'chat_frame') {
      const frame = message as ChatFrameMessage
      frames.get(frame.interaction_id)?.(frame)
    }
  })

  /** Hear lines as they come; returns how to hear no more. */
  function onLine(hear: (news: NewLine) => void): () => void {
    arrived.add(hear)
    return () => void arrived.delete(hear)
  }

  /** Look at the visitor's page; returns how to look no more. */
  function mirror(chat: string, show: (frame: ChatFrameMessage) => void): () => void {
    frames.set(chat, show)
    return () => void frames.delete(chat)
  }

  /** The work after a chat is done. */
  function finished(id: string): void {
    const room: Room | undefined = desk.state.chats[id]
    if (room) room.gone = true
  }

  /** Sign-out: what was written stays in this browser for the same person, and is shown to nobody else. */
  function clear(): void {
    open.clear()
    taken.clear()
    drafts.clear()
    outgoing.clear()
    selected.value = null
  }

  return {
    clear,
    selected,
    select,
    shown,
    strip,
    cards,
    take,
    unreadOf,
    unreadCount,
    outgoing,
    own: outgoing.rooms,
    drafts,
    draftOf: drafts.of,
    fetching,
    earlier,
    read,
    onLine,
    onLost: (call: typeof lost) => (lost = call),
    mirror,
    finished,
  }
})
