/** A piece of a line: plain text, or a link that was written out. */
export type Piece = { text: string } | { text: string; to: string; host: string; disguised: boolean }

const URL_IN_TEXT = /\b(?:https?:\/\/|www\.)[^\s<>"'`\u3000-\u303f\uff00-\uffef]+/gi
const TRAILING = /[.,;:!?…]+$/

/** Punctuation after a link, and a bracket that was opened before it, are no part of it. */
function trimmed(found: string): string {
  let text = found.replace(TRAILING, '')
  for (const [open, close] of [
    ['(', ')'],
    ['[', ']'],
    ['{', '}'],
  ] as const)
    while (text.endsWith(close) && !text.slice(0, -1).includes(open)) text = text.slice(0, -1).replace(TRAILING, '')
  return text
}

function parsed(text: string): URL | null {
  try {
    return new URL(/^www\./i.test(text) ? `https://${text}` : text)
  } catch {
    return null
  }
}

/**
 * A line with its links. Only http and https; `host` is where it truly goes, `disguised` where what is written may
 * make one believe in another place (`https://bank.example@evil.example`, letters that look like others).
 */
export function pieces(line: string): Piece[] {
  const all: Piece[] = []
  let from = 0
  for (const found of line.matchAll(URL_IN_TEXT)) {
    const text = trimmed(found[0])
    const url = parsed(text)
    if (!url || !url.hostname.includes('.')) continue
    if (found.index > from) all.push({ text: line.slice(from, found.index) })
    const disguised = url.username !== '' || url.password !== '' || /(^|\.)xn--/.test(url.hostname)
    all.push({ text, to: url.href, host: url.host, disguised })
    from = found.index + text.length
  }
  if (from < line.length) all.push({ text: line.slice(from) })
  return all
}

/** Whether a line is nothing but a few emoji: those are shown larger. */
export const onlyEmoji = (text: string): boolean =>
  text.length <= 24 &&
  /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\ufe0f|\u200d\p{Extended_Pictographic})*\s*){1,4}$/u.test(text)
