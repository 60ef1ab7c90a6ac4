/**
 * `<script src="https://HOST/chat/widget.js" data-site="KEY" data-queue="…" data-language="…" async></script>`
 * puts the chat on a page. `window.Callweave` is its API (see README).
 */
import { h, render } from 'preact'
import { Cobrowsing } from './cobrowse/cobrowsing'
import { Client } from './core/client'
import { Trail } from './core/trail'
import { ownTexts, speech } from './texts/speak'
import { App, type Doors } from './ui/app'
import css from './ui/style.css?inline'
import { paint, scheme } from './ui/theme'

type Listener = (body?: unknown) => void

interface Api {
  open(): void
  close(): void
  identify(userToken: string): Promise<void>
  on(event: string, listener: Listener): () => void
}

declare global {
  interface Window {
    Callweave?: Api
    CallweaveQueue?: ((api: Api) => void)[]
  }
}

/** The script's own element: also where the page put it in by a script of its own. */
function ownElement(): HTMLScriptElement | null {
  const current = document.currentScript as HTMLScriptElement | null
  return current ?? document.querySelector<HTMLScriptElement>('script[src*="/chat/widget.js"][data-site]')
}

async function begin(script: HTMLScriptElement): Promise<void> {
  const { site = '', queue = '', language = '', texts, theme = 'auto' } = script.dataset
  const listeners = new Map<string, Set<Listener>>()
  const told = (event: string, body?: unknown): void => listeners.get(event)?.forEach((listener) => listener(body))
  const doors: Doors = { open: () => {}, close: () => {} }
  const spoken = language || document.documentElement.lang || navigator.language
  const client = new Client({ server: new URL('.', script.src).href.replace(/\/$/, ''), site, queue, language: spoken })
  const api: Api = {
    open: () => doors.open(),
    close: () => doors.close(),
    identify: (userToken) => client.identify(userToken),
    on(event, listener) {
      if (!listeners.has(event)) listeners.set(event, new Set())
      listeners.get(event)?.add(listener)
      return () => listeners.get(event)?.delete(listener)
    },
  }
  window.Callweave = api
  const [own] = await Promise.all([texts ? ownTexts(new URL(texts, location.href).href) : {}, client.look()])
  if (client.absent) return console.warn('Callweave: there is no such site or queue')
  const host = document.body.appendChild(document.createElement('callweave-chat'))
  // Open: a closed one keeps nobody out (a page can patch attachShadow), but assistive tools and tests.
  const root = host.attachShadow({ mode: 'open' })
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(css)
  root.adoptedStyleSheets = [sheet]
  paint(host, { ...client.view?.theme, ...(script.dataset.accent ? { accent: script.dataset.accent } : {}) })
  const cobrowsing = new Cobrowsing(client)
  new Trail(client)
  client.session.listen((news) => {
    if (news.what === 'conversation' && news.before?.state !== news.conversation.state)
      told(news.conversation.state, news.conversation.id)
  })
  const draw = (dark: boolean): void =>
    render(h(App, { client, speech: speech(spoken, own), cobrowsing, doors, dark, told }), root)
  scheme(theme, draw)
  if (client.session.worthConnecting) void client.connect()
  for (const run of window.CallweaveQueue ?? []) run(api)
  window.CallweaveQueue = { push: (run: (api: Api) => void) => (run(api), 0) } as never
  told('ready')
  document.dispatchEvent(new CustomEvent('callweave:ready'))
}

const script = ownElement()
if (script?.dataset.site && !window.Callweave) {
  if (document.body) void begin(script)
  else addEventListener('DOMContentLoaded', () => void begin(script))
}
