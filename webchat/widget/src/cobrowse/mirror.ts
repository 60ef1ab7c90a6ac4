/** Watches the page and tells what changed, not more often than `PACE`. */
import { attributeOf, isAbsent, isHollow, mirror, Numbers, sheets, textOf, valueOf, type Mirrored } from './nodes'

export type Change =
  | ['children', number, (number | Mirrored)[]]
  | ['attr', number, string, string | null]
  | ['text', number, string]
  | ['value', number, string]

export type Message =
  | { t: 'page'; url: string; title: string; w: number; h: number; x: number; y: number; css: string[]; root: Mirrored }
  | { t: 'change'; ops: Change[] }
  | { t: 'css'; css: string[] }
  | { t: 'view'; w: number; h: number; x: number; y: number }
  | { t: 'too_big' }
  | { t: 'end' }

/** Milliseconds between two messages. */
export const PACE = 300
const MOST_NODES = 20_000
/** Characters of style sheets, and changes after which the whole page is cheaper. */
const MOST_CSS = 300_000
const MOST_CHANGES = 1_500

export class Mirror {
  private numbers = new Numbers()
  private readonly observer = new MutationObserver((records) => this.note(records))
  private records: MutationRecord[] = []
  private inputs = new Set<Element>()
  private moved = false
  private styled = false
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly tell: (message: Message) => void) {}

  start(): void {
    this.observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
    document.addEventListener('input', this.typed, true)
    addEventListener('scroll', this.scrolled, { passive: true })
    addEventListener('resize', this.scrolled)
    this.whole()
  }

  stop(): void {
    this.observer.disconnect()
    document.removeEventListener('input', this.typed, true)
    removeEventListener('scroll', this.scrolled)
    removeEventListener('resize', this.scrolled)
    clearTimeout(this.timer)
    this.timer = undefined
  }

  /** The page as it is now, from which the changes go on. */
  whole(): void {
    this.observer.takeRecords()
    this.records = []
    this.inputs.clear()
    this.numbers = new Numbers()
    const budget = { nodes: MOST_NODES }
    const root = mirror(document.body, this.numbers, budget)
    if (!root || budget.nodes < 0) return this.tell({ t: 'too_big' })
    const { title } = document
    const url = location.origin + location.pathname
    this.tell({ t: 'page', url, title, ...this.view(), css: sheets(MOST_CSS), root })
  }

  private readonly typed = (event: Event): void => {
    const [target] = event.composedPath()
    if (target instanceof Element) this.inputs.add(target)
    this.soon()
  }

  private readonly scrolled = (): void => {
    this.moved = true
    this.soon()
  }

  private note(records: MutationRecord[]): void {
    this.records.push(...records)
    this.soon()
  }

  private soon(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      this.flush()
    }, PACE)
  }

  private flush(): void {
    const records = this.records.concat(this.observer.takeRecords())
    this.records = []
    if (records.length > MOST_CHANGES) return this.whole()
    const ops = this.changes(records)
    if (ops.length) this.tell({ t: 'change', ops })
    if (this.styled) this.tell({ t: 'css', css: sheets(MOST_CSS) })
    this.styled = false
    if (this.moved) this.tell({ t: 'view', ...this.view() })
    this.moved = false
  }

  private view(): { w: number; h: number; x: number; y: number } {
    return { w: innerWidth, h: innerHeight, x: Math.round(scrollX), y: Math.round(scrollY) }
  }

  private changes(records: MutationRecord[]): Change[] {
    const ops: Change[] = []
    const rebuilt = new Set<Element>()
    for (const record of records) {
      if (record.type === 'childList') this.left(record)
      if (isAbsent(record.target)) continue
      const id = this.numbers.known(record.target)
      if (id === undefined) continue
      if (record.type === 'childList') rebuilt.add(record.target as Element)
      else if (record.type === 'characterData') ops.push(['text', id, textOf(record.target)])
      else ops.push(...this.attribute(record, id))
    }
    for (const parent of rebuilt) if (parent.isConnected && !isHollow(parent)) ops.push(this.children(parent))
    for (const input of this.inputs) {
      const id = this.numbers.known(input)
      if (id !== undefined) ops.push(['value', id, valueOf(input)])
    }
    this.inputs.clear()
    return ops
  }

  /** What left its parent is told anew where it appears again; a style sheet that came or went changes all. */
  private left(record: MutationRecord): void {
    for (const node of record.removedNodes) this.numbers.parents.delete(node)
    const style = (node: Node): boolean => node.nodeName === 'STYLE' || node.nodeName === 'LINK'
    if (style(record.target) || [...record.addedNodes, ...record.removedNodes].some(style)) this.styled = true
  }

  private attribute(record: MutationRecord, id: number): Change[] {
    const element = record.target as Element
    const name = record.attributeName ?? ''
    // A mask that came or went changes all that is within.
    if (name === 'data-callweave-mask' || name === 'contenteditable')
      return element.isConnected ? this.anew(element) : []
    const value = attributeOf(element, name)
    return value !== null || !element.hasAttribute(name) ? [['attr', id, name, value]] : []
  }

  private anew(element: Element): Change[] {
    this.numbers.parents.delete(element)
    const parent = element.parentElement
    return parent ? [this.children(parent)] : []
  }

  /** The children as they are now: those that are shown there already by number, others whole. */
  private children(parent: Element): Change {
    const budget = { nodes: MOST_NODES }
    const now: (number | Mirrored)[] = []
    for (const child of parent.childNodes) {
      const known = this.numbers.parents.get(child) === parent ? this.numbers.known(child) : undefined
      const told = known ?? mirror(child, this.numbers, budget)
      if (told !== null) now.push(told)
    }
    return ['children', this.numbers.of(parent), now]
  }
}
