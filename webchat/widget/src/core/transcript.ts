/** The lines of one conversation, by number, each once. */
import type { Line } from '../wire'

export class Transcript {
  private readonly byNumber = new Map<number, Line>()
  private readonly ids = new Set<string>()
  private ordered: Line[] | null = []
  private whole = 0

  /** Whether it was new. */
  add(line: Line): boolean {
    if (this.byNumber.has(line.number)) return false
    this.byNumber.set(line.number, line)
    this.ids.add(line.id)
    this.ordered = null
    while (this.byNumber.has(this.whole + 1)) this.whole++
    return true
  }

  has(id: string): boolean {
    return this.ids.has(id)
  }

  /** The highest number up to which nothing is missing. */
  get complete(): number {
    return this.whole
  }

  /** The highest number that is known. */
  get last(): number {
    return this.lines.at(-1)?.number ?? 0
  }

  get lines(): readonly Line[] {
    this.ordered ??= [...this.byNumber.values()].sort((one, other) => one.number - other.number)
    return this.ordered
  }
}
