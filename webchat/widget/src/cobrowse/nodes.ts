/**
 * A page as data, so that an agent can see it: elements, attributes and texts of an allow-list. What the visitor types,
 * what is marked with `data-callweave-mask`, scripts, frames, pictures and every address stay here.
 */

export type Mirrored =
  { i: number; x: string } | { i: number; n: string; s?: 1; a: Record<string, string>; c: Mirrored[] }

/** Elements that are left out, whatever is in them. */
const ABSENT = new Set(
  'SCRIPT NOSCRIPT LINK META BASE STYLE TEMPLATE TITLE HEAD CALLWEAVE-CHAT SOURCE TRACK PARAM'.split(' '),
)
/** Elements of which only the place is shown. */
const HOLLOW = new Set('IFRAME FRAME OBJECT EMBED CANVAS VIDEO AUDIO IMG PICTURE PORTAL'.split(' '))
const PLAIN = new Set(
  (
    'class id style dir lang title alt role type placeholder colspan rowspan width height disabled rows cols for open ' +
    'viewbox d fill stroke stroke-width stroke-linecap stroke-linejoin fill-rule x y cx cy r rx ry x1 x2 y1 y2 points ' +
    'transform hidden size start reversed scope label'
  ).split(' '),
)
export const MASKED = '•••••'
const MASK = '[data-callweave-mask], [contenteditable=""], [contenteditable="true"]'
const MARK = '•'

/** Without addresses: nothing is loaded where it is shown, and nothing is told to who would be asked. */
export function withoutAddresses(css: string): string {
  return css
    .replace(/@import[^;]*;?/gi, '')
    .replace(/url\((?:"[^"]*"|'[^']*'|[^)"'])*\)/gi, 'none')
    .replace(/(?:-webkit-)?image-set\([^)]*\)/gi, 'none')
}

export class Numbers {
  private readonly byNode = new WeakMap<Node, number>()
  private last = 0
  /** Under which parent a node was told. */
  readonly parents = new WeakMap<Node, Node | null>()

  of(node: Node): number {
    let found = this.byNode.get(node)
    if (found === undefined) this.byNode.set(node, (found = ++this.last))
    return found
  }

  known(node: Node): number | undefined {
    return this.byNode.get(node)
  }
}

/** Whether a node is not shown at all (or is within one that is not). */
export function isAbsent(node: Node): boolean {
  for (let one: Node | null = node; one; one = one.parentNode) {
    if (one instanceof Element && (ABSENT.has(one.tagName.toUpperCase()) || (one !== node && isHollow(one))))
      return true
  }
  return node.nodeType !== Node.TEXT_NODE && node.nodeType !== Node.ELEMENT_NODE
}

export function isHollow(element: Element): boolean {
  return HOLLOW.has(element.tagName.toUpperCase())
}

export function isMasked(node: Node): boolean {
  const element = node instanceof Element ? node : node.parentElement
  return element?.closest(MASK) != null || element?.tagName === 'TEXTAREA'
}

export function textOf(node: Node): string {
  const text = (node.nodeValue ?? '').slice(0, 20_000)
  return isMasked(node) ? text.replace(/\S/g, MARK) : text
}

/** The value of an attribute as it is shown; `null`: not at all. */
export function attributeOf(element: Element, name: string): string | null {
  const value = element.getAttribute(name)
  const low = name.toLowerCase()
  if (value === null) return null
  if (low === 'href') return element.tagName === 'A' ? '#' : null
  if (!PLAIN.has(low) && !low.startsWith('aria-')) return null
  if (isMasked(element) && !['class', 'style', 'type', 'dir', 'width', 'height'].includes(low)) return null
  return (low === 'style' ? withoutAddresses(value) : value).slice(0, 2_000)
}

/** What stands in an input: never what was typed. */
export function valueOf(element: Element): string {
  const { tagName } = element
  if (tagName === 'TEXTAREA') return (element as HTMLTextAreaElement).value ? MASKED : ''
  if (tagName !== 'INPUT') return ''
  const input = element as HTMLInputElement
  if (['button', 'submit', 'reset'].includes(input.type)) return input.value
  return !['checkbox', 'radio', 'hidden', 'file', 'image'].includes(input.type) && input.value ? MASKED : ''
}

function attributesOf(element: Element): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of element.getAttributeNames()) {
    const value = attributeOf(element, name)
    if (value !== null) found[name] = value
  }
  const value = valueOf(element)
  if (value) found.value = value
  if (isHollow(element)) {
    const { width, height } = element.getBoundingClientRect()
    found.width = String(Math.round(width))
    found.height = String(Math.round(height))
  }
  return found
}

/** A node and all within it; `null` where it is not to be seen, or the page is larger than `budget.nodes`. */
export function mirror(node: Node, numbers: Numbers, budget: { nodes: number }): Mirrored | null {
  if (--budget.nodes < 0) return null
  numbers.parents.set(node, node.parentNode)
  if (node.nodeType === Node.TEXT_NODE) return { i: numbers.of(node), x: textOf(node) }
  if (!(node instanceof Element) || ABSENT.has(node.tagName.toUpperCase())) return null
  const inside = isHollow(node) || node.tagName === 'TEXTAREA' ? [] : [...node.childNodes]
  const children = inside.map((child) => mirror(child, numbers, budget)).filter((one) => one !== null)
  const svg = node.namespaceURI === 'http://www.w3.org/2000/svg'
  return {
    i: numbers.of(node),
    n: node.localName,
    ...(svg ? { s: 1 as const } : {}),
    a: attributesOf(node),
    c: children,
  }
}

/** The page's own style sheets as text; those of other origins cannot be read. */
export function sheets(limit: number): string[] {
  const found: string[] = []
  let left = limit
  for (const sheet of [...document.styleSheets, ...document.adoptedStyleSheets]) {
    try {
      if (sheet.disabled) continue
      const text = withoutAddresses([...sheet.cssRules].map((rule) => rule.cssText).join('\n'))
      if ((left -= text.length) < 0) break
      found.push(text)
    } catch {
      // Another origin's.
    }
  }
  return found
}
