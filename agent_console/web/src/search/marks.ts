export interface Part {
  text: string
  hit: boolean
}

/** A text cut at its marks; they count characters as the server does (code points, not UTF-16 units). */
export function cut(text: string, marks: readonly (readonly [number, number])[]): Part[] {
  const characters = [...text]
  const parts: Part[] = []
  let at = 0
  const add = (end: number, hit: boolean) => {
    if (end > at) parts.push({ text: characters.slice(at, end).join(''), hit })
    at = Math.max(at, end)
  }
  for (const [start, end] of marks) {
    add(start, false)
    add(end, true)
  }
  add(characters.length, false)
  return parts
}

/** Lines longer than this are sentences; shorter ones may be a thing's names, one after the other. */
const NAMES = 80
const BETWEEN = ' · '

/**
 * Of a text of several lines those that were found, at most `most`, else the first; never what stands `beside` it. The index keeps all names of a
 * thing in one line (`Complaint · 投诉 · complaint`): of these the first that was found is enough.
 */
export function excerpt(
  text: string,
  marks: readonly (readonly [number, number])[],
  beside: string | null = null,
  most = 2,
): Part[] {
  const lines: Part[][] = [[]]
  for (const { text: words, hit } of cut(text, marks))
    words.split('\n').forEach((part, n) => {
      if (n) lines.push([])
      if (part) lines.at(-1)!.push({ text: part, hit })
    })
  const told = (line: Part[]) => line.map((part) => part.text).join('') === beside
  const found = lines.filter((line) => line.some((part) => part.hit) && !told(line))
  const words = (line: Part[]) => line.length && !told(line) && !line.some((part) => part.text.includes(BETWEEN))
  const kept = found.length ? found : lines.filter(words)
  return kept
    .slice(0, found.length ? most : 1)
    .flatMap((line, n) => [...(n ? [{ text: '\n', hit: false }] : []), ...named(line)])
}

function named(line: Part[]): Part[] {
  if (line.reduce((sum, part) => sum + part.text.length, 0) > NAMES) return line
  const names: Part[][] = [[]]
  for (const { text, hit } of line)
    text.split(BETWEEN).forEach((part, n) => {
      if (n) names.push([])
      if (part) names.at(-1)!.push({ text: part, hit })
    })
  return names.find((name) => name.some((part) => part.hit)) ?? line
}
