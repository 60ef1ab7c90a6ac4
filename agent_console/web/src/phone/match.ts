/** Which of the telephone's calls belongs to which card of the desk. */
export interface Line {
  id: string
  number: string
  incoming: boolean
  ringing: boolean
}

export interface Card {
  id: string
  ringing: boolean
  /** The customer's number, or what was dialled. */
  numbers: (string | null | undefined)[]
}

const SIGNIFICANT = 7
const tail = (number: string | null | undefined) => (number ?? '').replace(/\D/g, '').slice(-SIGNIFICANT)

/** Whether two ways to write a number can mean the same telephone (`013800138000`, `+8613800138000`). */
export function sameNumber(one: string | null | undefined, other: string | null | undefined): boolean {
  const a = tail(one)
  return a !== '' && a === tail(other)
}

/** Call by card. First what was matched before and still is there, then equal numbers, then the only ones left. */
export function match(cards: Card[], lines: Line[], before: Record<string, string>): Record<string, string> {
  const found: Record<string, string> = {}
  const free = new Set(lines.map((line) => line.id))
  const take = (card: Card, line: Line | undefined) => {
    if (!line) return
    found[card.id] = line.id
    free.delete(line.id)
  }
  const open = () => cards.filter((card) => !(card.id in found))
  const left = () => lines.filter((line) => free.has(line.id))
  for (const card of cards)
    take(
      card,
      left().find((line) => line.id === before[card.id]),
    )
  for (const card of open())
    take(
      card,
      left().find((line) => card.numbers.some((number) => sameNumber(number, line.number))),
    )
  for (const ringing of [true, false]) {
    const [card, ...others] = open().filter((one) => one.ringing === ringing)
    const [line, ...more] = left().filter((one) => one.ringing === ringing)
    if (card && line && !others.length && !more.length) take(card, line)
  }
  return found
}
