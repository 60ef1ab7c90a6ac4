/**
 * The visitor's page as data, and its copy in a frame. The format is the widget's (`webchat/widget/src/cobrowse`): a
 * message is cut into frames `part/parts:piece`; a `page` begins, `change`, `css` and `view` follow.
 *
 * What comes from a visitor's browser is not trusted: only elements and attributes of the lists below are made, by the
 * DOM's own functions, in a frame without scripts, and nothing in it has an address.
 */

export type Mirrored =
  { i: number; x: string } | { i: number; n: string; s?: 1; a: Record<string, string>; c: Mirrored[] }
export type Change =
  | ['children', number, (number | Mirrored)[]]
  | ['attr', number, string, string | null]
  | ['text', number, string]
  | ['value', number, string]
export interface View {
  w: number
  h: number
  x: number
  y: number
}
export type Message =
  | ({ t: 'page'; url: string; title: string; css: string[]; root: Mirrored } & View)
  | { t: 'change'; ops: Change[] }
  | { t: 'css'; css: string[] }
  | ({ t: 'view' } & View)
  | { t: 'too_big' }
  | { t: 'end' }

const MOST_PARTS = 400
const PART = /^(\d{1,4})\/(\d{1,4}):([\s\S]*)$/

/** Puts the pieces of messages together. A piece that is missing spoils its message, and what follows until a new page. */
export class Joined {
  #pieces: string[] = []
  #parts = 0
  #last = 0

  /** The message that a frame completes; null: not yet, or nothing usable. `broken`: wait for a whole page. */
  take(n: number, data: string): { message: Message | null; broken: boolean } {
    const found = PART.exec(data)
    const inRow = this.#last === 0 || n === this.#last + 1
    this.#last = n
    if (!found) return this.#bad()
    const [part, parts] = [Number(found[1]), Number(found[2])]
    if (parts < 1 || parts > MOST_PARTS || part < 1 || part > parts) return this.#bad()
    if (part === 1) {
      this.#pieces = []
      this.#parts = parts
    } else if (!inRow || parts !== this.#parts || part !== this.#pieces.length + 1) return this.#bad()
    this.#pieces.push(found[3]!)
    const broken = part === 1 && !inRow
    if (part < parts) return { message: null, broken }
    return { message: parsed(this.#pieces.join('')), broken }
  }

  #bad(): { message: null; broken: true } {
    this.#pieces = []
    this.#parts = 0
    return { message: null, broken: true }
  }
}

function parsed(text: string): Message | null {
  try {
    const message = JSON.parse(text) as Message
    return typeof message === 'object' && message !== null && typeof message.t === 'string' ? message : null
  } catch {
    return null
  }
}

const ELEMENTS = new Set(
  (
    'a abbr address article aside b bdi bdo blockquote body br button caption cite code col colgroup data dd del ' +
    'details dfn dialog div dl dt em fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr i input ' +
    'ins kbd label legend li main mark menu meter nav ol optgroup option output p pre progress q rp rt ruby s samp ' +
    'search section select slot small span strong sub summary sup table tbody td textarea tfoot th thead time tr u ul ' +
    'var wbr'
  ).split(' '),
)
const DRAWN = new Set(
  'svg g path circle ellipse line polyline polygon rect text tspan defs clippath mask title desc'.split(' '),
)
const ATTRIBUTES = new Set(
  (
    'class id style dir lang title alt role type placeholder colspan rowspan width height disabled rows cols for open ' +
    'viewbox d fill stroke stroke-width stroke-linecap stroke-linejoin fill-rule x y cx cy r rx ry x1 x2 y1 y2 points ' +
    'transform hidden size start reversed scope label value'
  ).split(' '),
)
const INPUTS = new Set(
  'text search tel email number date time checkbox radio range button submit reset color'.split(' '),
)
const SVG = 'http://www.w3.org/2000/svg'
const MOST_NODES = 20_000

// Letters may be written as escapes, and so be hidden from what looks for words.
const LETTER = (plain: string, low: string, high: string) => `(?:${plain}|\\\\0{0,4}(?:${low}|${high})\\s?)`
const URL_WORD = LETTER('u', '55', '75') + LETTER('r', '52', '72') + LETTER('l', '4c', '6c')
const ADDRESS = new RegExp(String.raw`${URL_WORD}\s*\((?:"[^"]*"|'[^']*'|[^)"'])*\)?`, 'gi')

/** Without addresses. The frame's own policy loads nothing anyway; this leaves nothing to be refused. */
export function withoutAddresses(css: string): string {
  return css
    .replace(/@(?:import|namespace)[^;]*;?/gi, '')
    .replace(/@font-face\s*\{[^}]*\}/gi, '')
    .replace(ADDRESS, 'none')
    .replace(/(?:-webkit-)?image-set\([^)]*\)/gi, 'none')
}

/** Whether an element may be made, and as what: what is not known becomes a plain box. */
export function elementFor(name: unknown, drawn: boolean): string {
  const low = String(name).toLowerCase()
  if (drawn) return DRAWN.has(low) ? String(name) : 'g'
  return ELEMENTS.has(low) ? low : low === 'img' || low === 'video' || low === 'iframe' ? 'span' : 'div'
}

/** An attribute as it may be shown; null: not at all. */
export function attributeFor(element: string, name: string, value: unknown): string | null {
  const low = name.toLowerCase()
  const text = String(value ?? '').slice(0, 2_000)
  if (!ATTRIBUTES.has(low) && !/^aria-[a-z]+$/.test(low)) return null
  if (low === 'style') return withoutAddresses(text)
  if ((low === 'fill' || low === 'stroke') && /url/i.test(text)) return null
  if (low === 'type' && element === 'input') return INPUTS.has(text.toLowerCase()) ? text : 'text'
  return text
}

/** The frame's own page: whatever is put into it, nothing is loaded and nothing runs. */
export const EMPTY_PAGE =
  '<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src ' +
  "'none'; style-src 'unsafe-inline'\"></head><body></body></html>"

/** The copy of a page in the document of a frame that runs no scripts. */
export class Copy {
  #nodes = new Map<number, Node>()
  #numbers = new WeakMap<Node, number>()
  #budget = 0
  /** A page is there; what changes before it means nothing. */
  ready = false

  constructor(private document: Document) {}

  /** Take a message in; whether something may be shown. */
  take(message: Message): boolean {
    if (message.t === 'page') return this.#page(message)
    if (!this.ready) return false
    if (message.t === 'css') this.#css(message.css)
    else if (message.t === 'change') for (const op of message.ops) this.#change(op)
    else if (message.t === 'too_big' || message.t === 'end') this.ready = false
    return this.ready
  }

  /** What came does not fit what is there: wait for a whole page. */
  broken(): void {
    this.ready = false
  }

  #page(message: Extract<Message, { t: 'page' }>): boolean {
    this.#nodes.clear()
    this.#budget = MOST_NODES
    const root = this.#made(message.root)
    if (!(root instanceof (this.document.defaultView?.HTMLElement ?? HTMLElement))) return (this.ready = false)
    this.document.body.replaceWith(root)
    this.#css(message.css)
    return (this.ready = true)
  }

  #css(sheets: unknown): void {
    for (const old of this.document.head.querySelectorAll('style')) old.remove()
    if (!Array.isArray(sheets)) return
    for (const sheet of sheets) {
      const style = this.document.createElement('style')
      style.textContent = withoutAddresses(String(sheet))
      this.document.head.append(style)
    }
  }

  #made(from: Mirrored): Node {
    if (--this.#budget < 0) return this.document.createTextNode('')
    const node = 'x' in from ? this.document.createTextNode(String(from.x)) : this.#element(from)
    this.#nodes.set(Number(from.i), node)
    this.#numbers.set(node, Number(from.i))
    return node
  }

  #element(from: Extract<Mirrored, { n: string }>): Element {
    const name = elementFor(from.n, from.s === 1)
    const element = from.s === 1 ? this.document.createElementNS(SVG, name) : this.document.createElement(name)
    for (const [attribute, value] of Object.entries(from.a ?? {})) this.#attribute(element, attribute, value)
    const hollow =
      !from.s && /^(img|picture|video|audio|iframe|frame|canvas|object|embed|portal)$/i.test(String(from.n))
    if (hollow) this.#place(element as HTMLElement, from.a ?? {})
    for (const child of from.c ?? []) element.append(this.#made(child))
    return element
  }

  /** Where a picture or a film stands. */
  #place(element: HTMLElement, { width, height, alt }: Record<string, string>): void {
    element.dataset.place = ''
    element.style.cssText += `;display:inline-block;width:${Number(width) || 0}px;height:${Number(height) || 0}px;`
    if (alt) element.textContent = String(alt)
  }

  #attribute(element: Element, name: string, value: unknown): void {
    if (value === null) return element.removeAttribute(name)
    const shown = attributeFor(element.localName, name, value)
    if (shown === null) return
    if (name.toLowerCase() === 'value') return this.#value(element, shown)
    element.setAttribute(name.toLowerCase() === 'viewbox' ? 'viewBox' : name, shown)
  }

  #value(element: Element, value: string): void {
    if (element.localName === 'textarea') element.textContent = value
    else element.setAttribute('value', value)
  }

  #change(op: Change): void {
    const node = this.#nodes.get(Number(op[1]))
    if (!node) return
    if (op[0] === 'text') node.nodeValue = String(op[2])
    else if (!('setAttribute' in node)) return
    else if (op[0] === 'attr') this.#attribute(node as Element, String(op[2]), op[3])
    else if (op[0] === 'value') this.#value(node as Element, String(op[2]))
    else if (op[0] === 'children' && Array.isArray(op[2])) this.#children(node as Element, op[2])
  }

  #children(parent: Element, told: (number | Mirrored)[]): void {
    this.#budget = MOST_NODES
    const now = told.flatMap((one) => {
      const node = typeof one === 'number' ? this.#nodes.get(one) : this.#made(one)
      return node && !node.contains(parent) ? [node] : []
    })
    parent.replaceChildren(...now)
  }
}
