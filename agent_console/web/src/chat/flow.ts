import type { ChatLineView } from '@/wire'
import type { OwnLine } from './outgoing'

/** What stands in the transcript: a day, a line of the conversation, or one of one's own that is on its way. */
export type Item =
  | { kind: 'day'; key: string; at: number }
  | { kind: 'line'; key: string; line: ChatLineView; mine: boolean; first: boolean }
  | { kind: 'own'; key: string; own: OwnLine; first: boolean }

/** Lines of one person within this time stand together under one name. */
const TOGETHER_SECONDS = 180

const day = (at: number) => new Date(at * 1000).toDateString()
const together = (a: ChatLineView, b: ChatLineView) =>
  a.by === b.by &&
  a.name === b.name &&
  a.kind !== 'event' &&
  b.kind !== 'event' &&
  Boolean(a.private) === Boolean(b.private) &&
  b.at - a.at <= TOGETHER_SECONDS

/** All that is to be shown, in order: numbered lines first, then one's own that have no number yet. */
export function flow(lines: ChatLineView[], own: OwnLine[], me: string): Item[] {
  const items: Item[] = []
  let before: ChatLineView | undefined
  for (const line of lines) {
    const newDay = !before || day(before.at) !== day(line.at)
    if (newDay) items.push({ kind: 'day', key: `day ${day(line.at)}`, at: line.at })
    const first = newDay || !before || !together(before, line)
    items.push({ kind: 'line', key: line.id, line, mine: line.by === 'agent' && line.name === me, first })
    before = line
  }
  const there = new Set(lines.map((line) => line.id))
  let previous: OwnLine | undefined
  for (const one of own) {
    if (there.has(one.id)) continue
    const afterMine = before?.by === 'agent' && before.name === me && Boolean(before.private) === one.private
    const first = previous ? previous.private !== one.private : !afterMine
    // The same key as the line that takes its place: the bubble stays where it is.
    items.push({ kind: 'own', key: one.id, own: one, first })
    previous = one
  }
  return items
}
