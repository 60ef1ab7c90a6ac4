/** A sentence of the server: its words, and where it is known, the code of our own text for it. */
export interface Said {
  code?: string
  params?: Record<string, string>
}

let said: (message: string, of: Said) => string = (message) => message
/** How the server's sentences are put into the reader's language. */
export function whenSaid(translate: typeof said): void {
  said = translate
}
/** A sentence of the server for the reader. */
export const inWords = (message: string, of: Said): string => said(message, of)

/** A problem document (RFC 9457) of the server, or one made here where the server could not be reached. */
export interface Problem extends Said {
  type: string
  title: string
  status: number
  detail?: string
  errors?: ({ field: string; message: string } & Said)[]
}

export class ApiError extends Error {
  constructor(readonly problem: Problem) {
    super(inWords(problem.detail || problem.title, problem))
  }

  /** Message by field, for a form. */
  get fields(): Record<string, string> {
    return Object.fromEntries((this.problem.errors ?? []).map((error) => [error.field, inWords(error.message, error)]))
  }
}

let unauthorised: () => void = () => {}
/** What happens when the server says that nobody is signed in. */
export function whenUnauthorised(call: () => void): void {
  unauthorised = call
}

let masked: () => void = () => {}
/** What happens when card numbers in what was sent were hidden before it was kept. */
export function whenMasked(call: () => void): void {
  masked = call
}
/** Tell that card numbers were hidden. */
export const cardsMasked = (): void => masked()

async function problemOf(response: Response): Promise<Problem> {
  const fallback: Problem = { type: 'about:blank', title: response.statusText, status: response.status }
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>) }
  } catch {
    return fallback
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { credentials: 'same-origin', ...init })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError({ type: 'about:unreachable', title: 'unreachable', status: 0 })
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>

function withQuery(path: string, query?: Query): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== null && value !== undefined && value !== '')
  const text = new URLSearchParams(pairs.map(([key, value]) => [key, String(value)])).toString()
  return text ? `${path}?${text}` : path
}

interface Options {
  body?: unknown
  query?: Query
  signal?: AbortSignal
}

/** One request. Resolves with the JSON (or undefined for 204), rejects with `ApiError`. */
export async function api<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const { body, query, signal } = options
  const form = body instanceof FormData
  const init: RequestInit = { method, signal, headers: { accept: 'application/json' } }
  if (body !== undefined) {
    init.body = form ? body : JSON.stringify(body)
    if (!form) init.headers = { ...init.headers, 'content-type': 'application/json' }
  }
  const response = await send(withQuery(path, query), init)
  if (!response.ok) {
    if (response.status === 401 && !path.startsWith('/api/session')) unauthorised()
    throw new ApiError(await problemOf(response))
  }
  if (response.headers.get('x-callweave-masked')) masked()
  return (response.status === 204 ? undefined : await response.json()) as T
}

/** A list, whether the server gives it bare or as `{items}`. */
export async function list<T>(path: string, query?: Query): Promise<T[]> {
  const answer = await api<T[] | { items: T[] }>('GET', path, { query })
  return Array.isArray(answer) ? answer : answer.items
}

export interface Page<T> {
  items: T[]
  next: string | null
}
