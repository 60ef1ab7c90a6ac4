import { reactive } from 'vue'
import type { Outcome } from '@/socket/outbox'

export type NoteState = 'empty' | 'saved' | 'unsaved' | 'saving' | 'refused'

export interface Draft {
  text: string
  /** What the server has, as far as we know. */
  saved: string
  state: NoteState
  error: string
  disposition: string | null
}

export interface Shelf {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

const QUIET_MS = 700
const RETRY_MS = 3_000
const key = (id: string) => `callweave.draft.${id}`

/** Notes of the running calls: on the shelf (this browser) at once, at the server soon, and truthful about which. */
export class Notes {
  readonly drafts = reactive<Record<string, Draft>>({})
  #timers = new Map<string, ReturnType<typeof setTimeout>>()

  constructor(
    private save: (id: string, text: string) => Promise<Outcome>,
    private shelf: Shelf,
  ) {}

  /** The draft of an interaction whose notes at the server are `text`. */
  open(id: string, text: string | null, disposition: string | null): Draft {
    const known = this.drafts[id]
    if (known) return known
    const kept = this.#kept(id)
    const saved = text ?? ''
    const draft: Draft = {
      text: kept?.text ?? saved,
      saved,
      state: saved ? 'saved' : 'empty',
      error: '',
      disposition: kept?.disposition ?? disposition,
    }
    this.drafts[id] = draft
    if (draft.text !== saved) this.#later(id, 0)
    return this.drafts[id]
  }

  edit(id: string, text: string): void {
    const draft = this.drafts[id]
    if (!draft) return
    draft.text = text
    this.#keep(id)
    if (text === draft.saved && draft.state !== 'saving') this.#calm(id)
    else this.#later(id, QUIET_MS)
  }

  choose(id: string, disposition: string | null): void {
    const draft = this.drafts[id]
    if (!draft) return
    draft.disposition = disposition
    this.#keep(id)
  }

  /** The server tells the notes of an interaction: from this tab, another tab or a colleague. */
  told(id: string, text: string | null): void {
    const draft = this.drafts[id]
    if (!draft) return
    const clean = draft.text === draft.saved
    draft.saved = text ?? ''
    if (clean) draft.text = draft.saved
    if (draft.text === draft.saved) this.#calm(id)
  }

  /** The interaction is finished, with everything in it. */
  drop(id: string): void {
    clearTimeout(this.#timers.get(id))
    this.#timers.delete(id)
    this.shelf.removeItem(key(id))
    delete this.drafts[id]
  }

  #later(id: string, ms: number): void {
    const draft = this.drafts[id]
    if (!draft) return
    if (draft.state !== 'saving') draft.state = 'unsaved'
    clearTimeout(this.#timers.get(id))
    this.#timers.set(
      id,
      setTimeout(() => void this.#send(id), ms),
    )
  }

  async #send(id: string): Promise<void> {
    const draft = this.drafts[id]
    if (!draft || draft.state === 'saving' || draft.text === draft.saved) return
    const text = draft.text
    draft.state = 'saving'
    const outcome = await this.save(id, text)
    if (this.drafts[id] !== draft) return
    if (outcome.ok) {
      draft.saved = text
      draft.state = 'unsaved'
      if (draft.text === text) this.#calm(id)
      else this.#later(id, QUIET_MS)
    } else this.#failed(id, outcome.error.code, outcome.error.message)
  }

  #failed(id: string, code: string, message: string): void {
    const draft = this.drafts[id]
    if (!draft) return
    draft.state = 'unsaved'
    if (['no_answer_from_server', 'no_result', 'expired'].includes(code)) return this.#later(id, RETRY_MS)
    draft.state = 'refused'
    draft.error = message || code
  }

  #calm(id: string): void {
    const draft = this.drafts[id]
    if (!draft) return
    clearTimeout(this.#timers.get(id))
    draft.state = draft.saved ? 'saved' : 'empty'
    draft.error = ''
    this.#keep(id)
  }

  #keep(id: string): void {
    const { text, saved, disposition } = this.drafts[id]!
    try {
      if (text === saved && disposition === null) this.shelf.removeItem(key(id))
      else this.shelf.setItem(key(id), JSON.stringify(text === saved ? { disposition } : { text, disposition }))
    } catch {
      // A full storage only costs the second copy.
    }
  }

  #kept(id: string): { text?: string; disposition?: string | null } | null {
    try {
      return JSON.parse(this.shelf.getItem(key(id)) ?? 'null')
    } catch {
      return null
    }
  }
}
