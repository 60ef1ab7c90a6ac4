/** Which pages the visitor looks at, told only while he talks with us and has agreed. */
import type { Client } from './client'

export class Trail {
  private told = ''

  constructor(private readonly client: Client) {
    client.session.listen((news) => {
      if (news.what === 'conversation') this.tell()
    })
    const moved = (): void => void setTimeout(() => this.tell(), 100)
    addEventListener('popstate', moved)
    addEventListener('hashchange', moved)
    ;(window as { navigation?: EventTarget }).navigation?.addEventListener('navigatesuccess', moved)
  }

  private tell(): void {
    const { session, box, view } = this.client
    const talk = session.conversation
    const url = location.href.slice(0, 2_000)
    if (!talk || talk.state === 'ended' || session.link !== 'on' || !view?.trail || box.get('trail') !== true) return
    if (url === this.told) return
    this.told = url
    this.client.ask('page', { url, title: document.title.slice(0, 200) }).catch(() => {
      this.told = ''
    })
  }
}
