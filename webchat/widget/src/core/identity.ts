/** Who the visitor is: a token of the server, kept by the browser; or the site's own signed word for its user. */
import type { Failure, SiteView, TokenView } from '../wire'
import { work } from './proof'
import type { Box } from './storage'

/** Seconds before its end at which a token is fetched anew. */
const MARGIN = 60

export class Refused extends Error {
  constructor(
    readonly failure: Failure,
    readonly status: number,
  ) {
    super(failure.message)
  }
}

/** A request to `/chat/api`; raises {@link Refused} for what the server does not do. */
export async function request<T>(url: string, how: RequestInit = {}): Promise<T> {
  const answer = await fetch(url, { credentials: 'omit', ...how })
  const body = (await answer.json().catch(() => ({}))) as Record<string, unknown>
  if (!answer.ok) {
    const failure = (body.error ?? body) as Partial<Failure> & { detail?: string }
    throw new Refused(
      { ...failure, code: failure.code ?? 'failed', message: failure.message ?? failure.detail ?? '' },
      answer.status,
    )
  }
  return body as T
}

export class Identity {
  constructor(
    private readonly api: string,
    private readonly site: string,
    private readonly box: Box,
    private readonly now: () => number,
  ) {}

  get known(): TokenView | null {
    return this.box.get<TokenView>('token')
  }

  forget(): void {
    this.box.drop('token')
  }

  /** A token that is good for a while; asks the server when there is none, or `anew`. */
  async token(view: SiteView | null, anew = false): Promise<TokenView> {
    const known = this.known
    if (known && !anew && known.expires_at - this.now() / 1000 > MARGIN) return known
    return this.ask({}, (view?.proof_bits ?? 0) > 0 && !known)
  }

  /** The site's signed word for its user: used at once, kept nowhere. */
  vouched(userToken: string, view: SiteView | null): Promise<TokenView> {
    return this.ask({ user_token: userToken }, (view?.proof_bits ?? 0) > 0)
  }

  private async ask(more: object, proof: boolean): Promise<TokenView> {
    const body = { site: this.site, token: this.known?.token, ...more, ...(proof ? { proof: await this.proof() } : {}) }
    try {
      const token = await request<TokenView>(`${this.api}/visitor`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      })
      this.box.set('token', token)
      return token
    } catch (error) {
      // Many came since the site was asked, and now work is wanted.
      if (!proof && error instanceof Refused && error.failure.code === 'proof') return this.ask(more, true)
      throw error
    }
  }

  private async proof(): Promise<object> {
    const { challenge, bits } = await request<{ challenge: string; bits: number }>(
      `${this.api}/challenge?site=${encodeURIComponent(this.site)}`,
    )
    return { challenge, answer: await work(challenge, bits) }
  }
}
