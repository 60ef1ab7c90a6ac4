import { cardsMasked, type Said } from '@/api/http'
import type { CLIENT_COMMANDS, SUPERVISOR_COMMANDS } from '@/wire'

type Of<Table, N> = N extends keyof Table ? Omit<Table[N], 'id'> : never
export type CommandName = keyof CLIENT_COMMANDS | keyof SUPERVISOR_COMMANDS
/** Some names are commands of agents and, about an agent, of supervisors. */
export type Payload<N extends CommandName> = Of<CLIENT_COMMANDS, N> | Of<SUPERVISOR_COMMANDS, N>

/** Why something was refused. `message` is plain English of the server, or empty. */
export interface Fault {
  code: string
  message: string
  field?: string
  said?: Said
}
/** The server's immediate answer, and the shape of its later result. */
export interface Reply {
  ok: boolean
  error?: Fault
  /** So many card numbers were hidden in what was sent. */
  cards?: number
}
export type Outcome = { ok: true } | { ok: false; error: Fault }

/** The way out. `emit` calls back with the server's answer, or with null if none came in time. */
export interface Link {
  connected(): boolean
  emit(name: string, payload: object, timeoutMs: number, answered: (reply: Reply | null) => void): void
}

export interface Timers {
  now(): number
  after(ms: number, call: () => void): void
}

interface Pending {
  id: string
  name: CommandName
  payload: object
  tries: number
  goodUntil: number
  inFlight: boolean
  accepted: boolean
  settle: (outcome: Outcome) => void
}

const ACK_TIMEOUT_MS = 2_000
const TRIES = 3
const FOREVER = Number.POSITIVE_INFINITY

/** How long a command may still be sent (ms): an `answer` of half a minute ago must not lift a phone. */
const GOOD_FOR: Partial<Record<CommandName, number>> = {
  answer: 8_000,
  hang_up: 8_000,
  dial: 8_000,
  set_state: 15_000,
  pop_shown: 8_000,
  chat_typing: 3_000,
  decline: 8_000,
}
/** What has no later outcome: the answer is all. */
const ANSWER_IS_ALL = new Set<CommandName>(['pop_shown', 'chat_typing', 'chat_seen'])

/** How long the outcome may take once the server has accepted (ms). A dialled phone rings a while. */
const RESULT_WITHIN: Partial<Record<CommandName, number>> = { dial: 90_000, answer: 20_000 }
const RESULT_DEFAULT_MS = 10_000

const failed = (code: string): Outcome => ({ ok: false, error: { code, message: '' } })

/** Commands on their way: each has one id for all its tries, and ends exactly once with an outcome. */
export class Outbox {
  #pending = new Map<string, Pending>()

  constructor(
    private link: Link,
    private timers: Timers,
    private newId: () => string,
  ) {}

  get size(): number {
    return this.#pending.size
  }

  /** Send a command now, or as soon as there is a link. `id`: of what is sent once more. */
  submit<N extends CommandName>(name: N, payload: Payload<N>, id = this.newId()): Promise<Outcome> {
    return new Promise((settle) => {
      const goodFor = GOOD_FOR[name] ?? FOREVER
      const item: Pending = {
        id,
        name,
        payload: { ...payload, id },
        tries: 0,
        goodUntil: this.timers.now() + goodFor,
        inFlight: false,
        accepted: false,
        settle,
      }
      this.#pending.set(id, item)
      if (goodFor !== FOREVER) this.timers.after(goodFor, () => this.#expire(id))
      this.#send(item)
    })
  }

  /** The link is back: what has no outcome yet goes again, under its old id. */
  reconnected(): void {
    for (const item of this.#pending.values()) {
      item.tries = 0
      item.inFlight = false
      this.#send(item)
    }
  }

  /** The observed outcome. Results for other tabs' commands are none of ours. */
  resolved(result: Reply & { id: string }): void {
    this.#settle(
      result.id,
      result.ok ? { ok: true } : { ok: false, error: result.error ?? { code: 'failed', message: '' } },
    )
  }

  /** Sign-out: nothing of this person may be sent later. */
  clear(): void {
    for (const id of this.#pending.keys()) this.#settle(id, failed('signed_out'))
  }

  #send(item: Pending): void {
    if (item.inFlight || !this.link.connected()) return
    if (!item.accepted && item.goodUntil < this.timers.now()) return this.#settle(item.id, failed('expired'))
    item.tries += 1
    item.inFlight = true
    this.link.emit(item.name, item.payload, ACK_TIMEOUT_MS, (reply) => this.#answered(item, reply))
  }

  #answered(item: Pending, reply: Reply | null): void {
    if (this.#pending.get(item.id) !== item) return
    item.inFlight = false
    if (reply === null) return this.#unanswered(item)
    // `slow`: taken, only not done within the second in which it is answered.
    if (!reply.ok && reply.error?.code !== 'slow')
      return this.#settle(item.id, { ok: false, error: reply.error ?? { code: 'refused', message: '' } })
    if (reply.cards) cardsMasked()
    item.accepted = true
    if (ANSWER_IS_ALL.has(item.name)) return this.#settle(item.id, { ok: true })
    this.timers.after(RESULT_WITHIN[item.name] ?? RESULT_DEFAULT_MS, () => this.#settle(item.id, failed('no_result')))
  }

  #unanswered(item: Pending): void {
    if (!this.link.connected()) return
    if (item.tries < TRIES) this.#send(item)
    else this.#settle(item.id, failed('no_answer_from_server'))
  }

  #expire(id: string): void {
    if (!this.#pending.get(id)?.accepted) this.#settle(id, failed('expired'))
  }

  #settle(id: string, outcome: Outcome): void {
    const item = this.#pending.get(id)
    if (!item) return
    this.#pending.delete(id)
    item.settle(outcome)
  }
}
