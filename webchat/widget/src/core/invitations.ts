/** A visitor who stays on a page is asked by rule, once per rule, and never twice at a time. */
import type { Invitation } from '../wire'
import type { Client } from './client'

/** Whether a path fits a glob: `*` is any characters. */
export function fits(glob: string, path: string): boolean {
  const parts = glob.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`).test(path)
}

export class Invitations {
  private timers: ReturnType<typeof setTimeout>[] = []

  constructor(
    private readonly client: Client,
    /** Show the text; `false`: not now (it may come on another page). */
    private readonly show: (text: string) => boolean,
    private readonly choose: (texts: Record<string, string>) => string,
  ) {}

  /** Begin the clocks of the rules that fit this page. */
  start(): void {
    const { view, box } = this.client
    if (!view?.open || !view.staffed) return
    for (const rule of view.invitations) {
      if (!fits(rule.path, location.pathname) || this.shown.includes(this.name(rule))) continue
      this.timers.push(
        setTimeout(() => {
          if (this.show(this.choose(rule.text))) box.set('invited', [...this.shown, this.name(rule)])
        }, rule.after * 1000),
      )
    }
  }

  stop(): void {
    this.timers.forEach(clearTimeout)
  }

  private get shown(): string[] {
    return this.client.box.get<string[]>('invited') ?? []
  }

  private name(rule: Invitation): string {
    return `${rule.path} ${rule.after}`
  }
}
