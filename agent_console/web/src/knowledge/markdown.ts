/** A part of Markdown as a tree: headings, paragraphs, lists, quotes, code, rules; strong, emphasis, code, links.
 * There is no HTML in it: what looks like HTML is text. */
export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong' | 'em'; parts: Inline[] }
  | { kind: 'link'; to: string; parts: Inline[] }

export type Block =
  | { kind: 'heading'; level: number; parts: Inline[] }
  | { kind: 'paragraph' | 'quote'; parts: Inline[] }
  | { kind: 'list'; ordered: boolean; items: Inline[][] }
  | { kind: 'code'; text: string }
  | { kind: 'rule' }

const ITEM = /^\s{0,3}(?:[-*+]|(\d{1,9})[.)])\s+(.*)$/
const DEPTH = 6

/** Only these go anywhere; everything else (javascript:, data:, …) stays text. */
export function safeLink(to: string): string | null {
  const plain = to.trim()
  if (/^\/(?![/\\])[^\s\\]*$/.test(plain)) return plain
  return /^(https?:\/\/|mailto:|tel:)[^\s<>"'\\]+$/i.test(plain) ? plain : null
}

export function inlines(text: string, depth = 0): Inline[] {
  const found: Inline[] = []
  const plain = (part: string) => {
    const last = found.at(-1)
    if (!part) return
    if (last?.kind === 'text') last.text += part
    else found.push({ kind: 'text', text: part })
  }
  const inner = (part: string) => (depth < DEPTH ? inlines(part, depth + 1) : [{ kind: 'text', text: part } as Inline])
  let rest = text
  while (rest) {
    const at = rest.search(/[`*[\\]/)
    if (at < 0) {
      plain(rest)
      break
    }
    plain(rest.slice(0, at))
    rest = rest.slice(at)
    const escaped = /^\\([\\`*_[\]()#>+.!-])/.exec(rest)
    const code = /^`([^`\n]+)`/.exec(rest)
    const strong = /^\*\*(?=\S)([^\n]*?\S)\*\*/.exec(rest)
    const em = /^\*(?=[^\s*])([^*\n]*?[^\s*])\*/.exec(rest)
    const link = /^\[([^\]\n]{1,300})\]\(([^()\s]{1,1000})\)/.exec(rest)
    const to = link ? safeLink(link[2]!) : null
    if (escaped) plain(escaped[1]!)
    else if (code) found.push({ kind: 'code', text: code[1]! })
    else if (strong) found.push({ kind: 'strong', parts: inner(strong[1]!) })
    else if (em) found.push({ kind: 'em', parts: inner(em[1]!) })
    else if (link && to) found.push({ kind: 'link', to, parts: inner(link[1]!) })
    else plain(rest[0]!)
    const taken = escaped ?? code ?? strong ?? em ?? (to ? link : null)
    rest = rest.slice(taken ? taken[0].length : 1)
  }
  return found
}

export function blocks(text: string): Block[] {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const found: Block[] = []
  let at = 0
  const gather = (more: (line: string) => boolean): string[] => {
    const from = at
    while (at < lines.length && more(lines[at]!)) at++
    return lines.slice(from, at)
  }
  while (at < lines.length) {
    const line = lines[at]!
    const heading = /^(#{1,4})\s+(.*?)\s*#*$/.exec(line)
    const item = ITEM.exec(line)
    if (!line.trim()) at++
    else if (/^```/.test(line)) {
      at++
      found.push({ kind: 'code', text: gather((one) => !/^```/.test(one)).join('\n') })
      at++
    } else if (heading) {
      found.push({ kind: 'heading', level: heading[1]!.length, parts: inlines(heading[2]!) })
      at++
    } else if (/^\s{0,3}(-{3,}|\*{3,}|_{3,})\s*$/.test(line)) {
      found.push({ kind: 'rule' })
      at++
    } else if (item) {
      const ordered = item[1] !== undefined
      const some = gather((one) => {
        const other = ITEM.exec(one)
        return other !== null && (other[1] !== undefined) === ordered
      })
      found.push({ kind: 'list', ordered, items: some.map((one) => inlines(ITEM.exec(one)![2]!)) })
    } else if (/^>\s?/.test(line)) {
      const some = gather((one) => /^>\s?/.test(one)).map((one) => one.replace(/^>\s?/, ''))
      found.push({ kind: 'quote', parts: inlines(some.join(' ')) })
    } else {
      const some = gather((one) => Boolean(one.trim()) && !/^(#{1,4}\s|```|>\s?)/.test(one) && !ITEM.test(one))
      found.push({ kind: 'paragraph', parts: inlines(some.join('\n')) })
    }
  }
  return found
}

const words = (parts: Inline[]): string =>
  parts
    .map((part) => {
      if (part.kind === 'text' || part.kind === 'code') return part.text
      const inner = words(part.parts)
      return part.kind === 'link' && inner !== part.to ? `${inner} (${part.to})` : inner
    })
    .join('')

/** The same without marks, for a place that shows plain text, as a chat. */
export function plainText(text: string): string {
  const shown = (block: Block): string => {
    if (block.kind === 'rule') return ''
    if (block.kind === 'code') return block.text
    if (block.kind !== 'list') return words(block.parts)
    return block.items.map((item, at) => `${block.ordered ? `${at + 1}.` : '•'} ${words(item)}`).join('\n')
  }
  return blocks(text).map(shown).filter(Boolean).join('\n\n')
}
