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
