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
  private path = ''
  private readonly moved = (): void => void setTimeout(() => this.look(), 100)

  constructor(
    private readonly client: Client,
    /** Show the text; `false`: not now (it may come on another page). */
    private readonly show: (text: string) => boolean,
    private readonly choose: (texts: Record<string, string>) => string,
  ) {}

  /** From now on, also where the site goes from page to page by itself. */
  start(): void {
    addEventListener('popstate', this.moved)
    ;(window as { navigation?: EventTarget }).navigation?.addEventListener('navigatesuccess', this.moved)
    this.look()
  }

  stop(): void {
    removeEventListener('popstate', this.moved)
    ;(window as { navigation?: EventTarget }).navigation?.removeEventListener('navigatesuccess', this.moved)
    this.timers.forEach(clearTimeout)
  }

  /** Begin the clocks of the rules that fit this page; those of the page before are over. */
  private look(): void {
    if (this.path === location.pathname) return
    this.path = location.pathname
    this.timers.forEach(clearTimeout)
    this.timers = (this.client.view?.invitations ?? [])
      .filter((rule) => fits(rule.path, this.path) && !this.shown.includes(this.name(rule)))
      .map((rule) => setTimeout(() => void this.invite(rule), rule.after * 1000))
  }

  /** Only while somebody is there to answer. */
  private async invite(rule: Invitation): Promise<void> {
    const path = this.path
    const view = await this.client.look()
    if (!view?.open || !view.staffed || path !== location.pathname || this.shown.includes(this.name(rule))) return
    if (this.show(this.choose(rule.text))) this.client.box.set('invited', [...this.shown, this.name(rule)])
  }

  private get shown(): string[] {
    return this.client.box.get<string[]>('invited') ?? []
  }

  private name(rule: Invitation): string {
    return `${rule.path} ${rule.after}`
  }
}
