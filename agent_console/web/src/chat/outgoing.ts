import { reactive } from 'vue'
import type { Shelf } from '@/desk/notes'
import type { Outcome } from '@/socket/outbox'
import type { ChatFile, ChatLineView } from '@/wire'

/** A line of one's own that the server has not shown yet. `sent`: it is committed, and on its way back. */
export interface OwnLine {
  id: string
  text: string
  private: boolean
  /** When it was written: the server's Unix seconds. */
  at: number
  state: 'sending' | 'sent' | 'failed'
  error: string
  file?: ChatFile
}

export type Send = (chat: string, line: OwnLine) => Promise<Outcome>
/** No word about the line itself: it goes again under its id. */
const AGAIN = new Set(['no_answer_from_server', 'no_result', 'expired', 'slow', 'timeout', 'unavailable', 'not_kept'])
const FIRST_RETRY_MS = 1_000
const LAST_RETRY_MS = 15_000

/**
 * Own lines on their way: shown at once, sent one after the other in each chat, again and again under the same id until
 * the server has them, and kept in this browser until then. Nothing is lost by a reload, nothing is sent twice.
 */
export class Outgoing {
  readonly rooms = reactive<Record<string, OwnLine[]>>({})
  #busy = new Set<string>()
  #waits = new Map<string, number>()

  constructor(
    private send: Send,
    private shelf: Shelf,
    /** Lines belong to who wrote them: on a shared computer nobody sends another one's. */
    private whose: () => string,
    private newId: () => string,
    private now: () => number,
    private after: (ms: number, call: () => void) => void = (ms, call) => void setTimeout(call, ms),
  ) {}

  /** What was not sent when this page was left. */
  restore(chat: string): void {
    if (this.rooms[chat]) return
    const kept = this.#kept(chat).map((line) => ({ ...line, state: 'sending' as const, error: '' }))
    this.rooms[chat] = kept
    void this.#next(chat)
  }

  say(chat: string, text: string, secret = false): OwnLine {
    return this.#add(chat, { text, private: secret })
  }

  /** A file that the server has already: it becomes a line now. */
  give(chat: string, file: ChatFile): OwnLine {
    return this.#add(chat, { text: '', private: false, file })
  }

  /** These lines are in the conversation now. */
  told(chat: string, lines: ChatLineView[]): void {
    const mine = this.rooms[chat]
    if (!mine?.length) return
    const there = new Set(lines.map((line) => line.id))
    if (mine.some((line) => there.has(line.id)))
      this.#set(
        chat,
        mine.filter((line) => !there.has(line.id)),
      )
  }

  /** Try a line that was refused once more: it goes last, as it would if it were written now. */
  retry(chat: string, id: string): void {
    const line = this.rooms[chat]?.find((one) => one.id === id)
    if (!line || line.state !== 'failed') return
    Object.assign(line, { state: 'sending', error: '' })
    this.#keep(chat)
    void this.#next(chat)
  }

  drop(chat: string, id: string): void {
    this.#set(
      chat,
      (this.rooms[chat] ?? []).filter((line) => line.id !== id),
    )
  }

  /** The chat is no more on this desk; returns what was never sent. */
  leave(chat: string): OwnLine[] {
    const lost = (this.rooms[chat] ?? []).filter((line) => line.state !== 'sent')
    delete this.rooms[chat]
    this.#waits.delete(chat)
    this.shelf.removeItem(this.#key(chat))
    return lost
  }

  /** Sign-out: what is on the shelf stays there for the same person. */
  clear(): void {
    for (const chat of Object.keys(this.rooms)) delete this.rooms[chat]
    this.#waits.clear()
  }

  #add(chat: string, fields: Pick<OwnLine, 'text' | 'private' | 'file'>): OwnLine {
    const line: OwnLine = { ...fields, id: this.newId(), at: this.now(), state: 'sending', error: '' }
    this.#set(chat, [...(this.rooms[chat] ?? []), line])
    void this.#next(chat)
    return line
  }

  async #next(chat: string): Promise<void> {
    const line = this.rooms[chat]?.find((one) => one.state === 'sending')
    if (!line || this.#busy.has(chat)) return
    this.#busy.add(chat)
    const outcome = await this.send(chat, { ...line })
    this.#busy.delete(chat)
    if (!outcome.ok && outcome.error.code === 'signed_out') return
    const still = this.rooms[chat]?.find((one) => one.id === line.id)
    if (outcome.ok || !AGAIN.has(outcome.error.code)) this.#waits.delete(chat)
    else return this.#later(chat)
    if (still) {
      Object.assign(still, outcome.ok ? { state: 'sent' } : { state: 'failed', error: outcome.error.code })
      this.#keep(chat)
    }
    return this.#next(chat)
  }

  #later(chat: string): void {
    const wait = this.#waits.get(chat) ?? FIRST_RETRY_MS
    this.#waits.set(chat, Math.min(LAST_RETRY_MS, wait * 2))
    this.after(wait, () => void this.#next(chat))
  }

  #set(chat: string, lines: OwnLine[]): void {
    this.rooms[chat] = lines
    this.#keep(chat)
  }

  #key = (chat: string) => `callweave.chat.sending.${this.whose()}.${chat}`

  #keep(chat: string): void {
    // What was refused stays until its writer decides; what is committed need not be sent again.
    const open = (this.rooms[chat] ?? []).filter((line) => line.state !== 'sent')
    try {
      if (open.length) this.shelf.setItem(this.#key(chat), JSON.stringify(open))
      else this.shelf.removeItem(this.#key(chat))
    } catch {
      // A full storage only costs the second copy.
    }
  }

  #kept(chat: string): OwnLine[] {
    try {
      return JSON.parse(this.shelf.getItem(this.#key(chat)) ?? '[]')
    } catch {
      return []
    }
  }
}
