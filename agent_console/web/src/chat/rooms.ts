import type { ChatLineView, ChatTypingMessage, ChatView } from '@/wire'

export type Facts = Omit<ChatView, 'lines'>
export type Typing = Pick<ChatTypingMessage, 'name' | 'by' | 'until'>

/** One conversation as this page knows it. */
export interface Room {
  facts: Facts
  /** By number, each once; there may be holes until they are fetched. */
  lines: ChatLineView[]
  typing: Typing | null
  /** The server's list has it no more: shown only as long as its work is not finished. */
  gone: boolean
}
export type Rooms = Record<string, Room>

/** A stretch of lines that is missing: those with `after` < number < `before` (null: up to the newest). */
export interface Gap {
  after: number
  before: number | null
}

/** Both lists in one, in order, nothing twice; what came later counts. */
export function merged(known: ChatLineView[], news: ChatLineView[]): ChatLineView[] {
  if (!news.length) return known
  const last = known.at(-1)
  const [first] = news
  if (news.length === 1 && first && (!last || last.number < first.number)) return [...known, first]
  const all = new Map([...known, ...news].map((line) => [line.number, line]))
  return [...all.values()].sort((a, b) => a.number - b.number)
}

/** The newest hole between the first known line and the last one that exists; null: none. What is older is history. */
export function gapOf(room: Room): Gap | null {
  const { lines, facts } = room
  const newest = lines.at(-1)?.number ?? 0
  if (newest < facts.last) return { after: newest, before: null }
  for (let at = lines.length - 1; at > 0; at--) {
    const [older, newer] = [lines[at - 1]!.number, lines[at]!.number]
    if (newer - older > 1) return { after: older, before: newer }
  }
  return null
}

/** Whether there are older lines than those that are known. */
export const hasEarlier = (room: Room): boolean => (room.lines[0]?.number ?? 1) > 1

/** Take in how a conversation is now. A `chat` message may be older than a line that came before it. */
export function putRoom(rooms: Rooms, view: ChatView, gone = false): Room {
  const { lines, ...facts } = view
  const known = rooms[view.interaction_id]
  const all = merged(known?.lines ?? [], lines)
  const room: Room = {
    facts: {
      ...facts,
      last: Math.max(facts.last, known?.facts.last ?? 0, all.at(-1)?.number ?? 0),
      seen: Math.max(facts.seen, known?.facts.seen ?? 0),
      read: Math.max(facts.read, known?.facts.read ?? 0),
    },
    lines: all,
    typing: known?.typing ?? null,
    gone,
  }
  rooms[view.interaction_id] = room
  return room
}

/** Take lines in: one that was written now, or some that were fetched. */
export function putLines(room: Room, lines: ChatLineView[]): void {
  room.lines = merged(room.lines, lines)
  room.facts.last = Math.max(room.facts.last, room.lines.at(-1)?.number ?? 0)
  // Who has written writes no more.
  if (room.typing && lines.some((line) => line.by === room.typing!.by)) room.typing = null
}

/** Lines that somebody else wrote for people to read. */
const counts = (line: ChatLineView) => line.by === 'visitor' && line.kind !== 'event'

/** How many lines of the visitor nobody here has read yet. */
export function unread(room: Room): number {
  return room.lines.filter((line) => counts(line) && line.number > room.facts.read).length
}

/** Since when (Unix seconds) the visitor waits for an answer; null: it is his turn, or he wrote nothing yet. */
export function waitsSince(room: Room): number | null {
  if (room.facts.state === 'ended') return null
  let since: number | null = null
  for (let at = room.lines.length - 1; at >= 0; at--) {
    const line = room.lines[at]!
    if (line.by === 'agent' && !line.private && line.kind !== 'event') break
    if (counts(line)) since = line.at
  }
  return since
}

/** What is told of the last line, beside a name. */
export function newest(room: Room): ChatLineView | undefined {
  return room.lines.findLast((line) => line.kind !== 'event')
}
