/** A message in frames that fit the server's packets: `part/parts:piece`, numbered one after the other. */

/** Characters: three bytes each at the most (and a few escapes) stay below 64 KiB. */
const LONGEST = 15_000
/** Characters of one message; a page beyond it is not shown. */
export const LARGEST = 1_500_000

/** The pieces of a text; never cut within a pair of surrogates. */
export function cut(text: string, longest = LONGEST): string[] {
  const found: string[] = []
  for (let from = 0; from < text.length || found.length === 0;) {
    let to = Math.min(text.length, from + longest)
    if (to < text.length && (text.charCodeAt(to) & 0xfc00) === 0xdc00) to--
    found.push(text.slice(from, to))
    from = to
  }
  return found.map((piece, index) => `${index + 1}/${found.length}:${piece}`)
}
