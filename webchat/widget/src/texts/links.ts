/** Addresses in a line, found for what they are: http and https only, shown in full, never as markup. */

export interface Piece {
  text: string
  href?: string
}

const ADDRESS = /https?:\/\/[^\s<>"'“”‘’（）【】《》，。；：！？、]+/gi
const TRAILING = /[.,;:!?…)\]}]+$/

function trimmed(address: string): string {
  const tail = TRAILING.exec(address)?.[0] ?? ''
  let keep = address.slice(0, address.length - tail.length)
  for (const char of tail) {
    const opener = char === ')' ? '(' : char === ']' ? '[' : char === '}' ? '{' : ''
    if (!opener || keep.split(opener).length <= keep.split(char).length) break
    keep += char
  }
  return keep
}

function safe(address: string): string | undefined {
  try {
    const url = new URL(address)
    return (url.protocol === 'http:' || url.protocol === 'https:') && !url.username && !url.password
      ? url.href
      : undefined
  } catch {
    return undefined
  }
}

/** The text in pieces; the pieces put together are the text. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = []
  let from = 0
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0])
    const href = safe(address)
    if (!href) continue
    if (match.index > from) found.push({ text: text.slice(from, match.index) })
    found.push({ text: address, href })
    from = match.index + address.length
  }
  if (from < text.length) found.push({ text: text.slice(from) })
  return found
}
