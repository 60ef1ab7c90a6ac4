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
  /** The site's signed word for its user. */
  userToken: string | null = null

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

  /** A token that is good for a while; asks the server when there is none. */
  async token(view: SiteView | null, anew = false): Promise<TokenView> {
    const known = this.known
    if (known && !anew && known.expires_at - this.now() / 1000 > MARGIN) return known
    const body: Record<string, unknown> = { site: this.site }
    if (this.userToken) body.user_token = this.userToken
    if (known) body.token = known.token
    if (view?.proof_bits) body.proof = await this.proof(view.proof_bits)
    const token = await request<TokenView>(`${this.api}/visitor`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    })
    this.box.set('token', token)
    return token
  }

  private async proof(bits: number): Promise<object> {
    const { challenge } = await request<{ challenge: string }>(
      `${this.api}/challenge?site=${encodeURIComponent(this.site)}`,
    )
    return { challenge, answer: await work(challenge, bits) }
  }
}
