/** Calls that only this telephone still has: the PBX's word that they are over was lost with a cut connection. */
export interface Sign {
  id: string
  ringing: boolean
  /** Packets of audio that came so far. */
  received: number
}

/** The PBX's own word comes within this time, and a call that lives brings audio in it (50 packets each second). */
export const GRACE_MS = 2_000

interface Course {
  /** The card that it belongs to, or did. */
  card: string
  /** The connection was cut since it began. */
  cut: boolean
  /** Since when nothing spoke for its life. */
  silent: number
  received: number
}

/**
 * The desk knows from the PBX's events which calls are over. A call of the telephone whose card is over is dead when no
 * audio comes any more; one that rings has none, and is dead where the connection was cut since it began. A call that
 * never had a card is not judged.
 */
export class Dead {
  #courses = new Map<string, Course>()

  /** Which call belongs to which card now. */
  belongs(byCard: Record<string, string>, now: number): void {
    for (const [card, id] of Object.entries(byCard)) {
      const known = this.#courses.get(id)
      if (known) known.card = card
      else this.#courses.set(id, { card, cut: false, silent: now, received: -1 })
    }
  }

  cut(): void {
    for (const course of this.#courses.values()) course.cut = true
  }

  forget(id: string): void {
    this.#courses.delete(id)
  }

  /** Calls that had a card, and it is none of these any more; only they are worth a look. */
  suspects(cards: string[]): Set<string> {
    const found = [...this.#courses].filter(([, course]) => !cards.includes(course.card))
    return new Set(found.map(([id]) => id))
  }

  /** The calls to end. `now` in milliseconds; call it about every half of the grace. */
  look(cards: string[], signs: Sign[], now: number): string[] {
    const suspects = this.suspects(cards)
    for (const [id, course] of this.#courses) if (!suspects.has(id)) course.silent = now
    return signs.filter((sign) => suspects.has(sign.id) && this.#silent(sign, now)).map(({ id }) => id)
  }

  #silent({ id, ringing, received }: Sign, now: number): boolean {
    const course = this.#courses.get(id)!
    if (received !== course.received || (ringing && !course.cut)) course.silent = now
    course.received = received
    return now - course.silent >= GRACE_MS
  }
}
