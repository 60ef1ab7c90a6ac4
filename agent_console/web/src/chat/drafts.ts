import { reactive } from 'vue'
import type { Shelf } from '@/desk/notes'

export interface ChatDraft {
  text: string
  /** Written for colleagues, not for the visitor. */
  private: boolean
}

/** What is being written in each chat, kept in this browser over a reload. */
export class Drafts {
  readonly of = reactive<Record<string, ChatDraft>>({})

  constructor(
    private shelf: Shelf,
    private whose: () => string,
  ) {}

  open(chat: string): ChatDraft {
    return (this.of[chat] ??= this.#kept(chat))
  }

  write(chat: string, text: string): void {
    this.open(chat).text = text
    this.#keep(chat)
  }

  turn(chat: string, secret: boolean): void {
    this.open(chat).private = secret
    this.#keep(chat)
  }

  leave(chat: string): void {
    delete this.of[chat]
    this.shelf.removeItem(this.#key(chat))
  }

  clear(): void {
    for (const chat of Object.keys(this.of)) delete this.of[chat]
  }

  #key = (chat: string) => `callweave.chat.draft.${this.whose()}.${chat}`

  #keep(chat: string): void {
    const draft = this.of[chat]
    try {
      if (draft?.text || draft?.private) this.shelf.setItem(this.#key(chat), JSON.stringify(draft))
      else this.shelf.removeItem(this.#key(chat))
    } catch {
      // A full storage only costs the second copy.
    }
  }

  #kept(chat: string): ChatDraft {
    const empty = { text: '', private: false }
    try {
      return { ...empty, ...JSON.parse(this.shelf.getItem(this.#key(chat)) ?? '{}') }
    } catch {
      return empty
    }
  }
}
