import { api, list } from '@/api/http'

export interface KnowledgeText {
  title: string
  body: string
}
export interface Way {
  labels: Record<string, string>
  to: string | null
}
export interface Step {
  id: string
  texts: Record<string, KnowledgeText>
  fields: string[]
  next: Way[]
}
export interface Version {
  n: number
  state: 'draft' | 'published' | 'old'
  by: string
  at: number
  published_by: string | null
  published_at: number | null
}
/** An article or a call script in one of its versions (`rest_knowledge.py`). */
export interface Knowledge {
  id: string
  kind: 'article' | 'script'
  queues: string[]
  campaigns: string[]
  position: number
  published: number | null
  newest: number
  retired: boolean
  version: Version
  texts: Record<string, KnowledgeText>
  steps: Step[]
}
export type Draft = Pick<Knowledge, 'kind' | 'texts' | 'steps' | 'queues' | 'campaigns' | 'position'>

const PATH = '/api/knowledge'
export const knowledge = {
  all: (drafts: boolean) => list<Knowledge>(PATH, { drafts }),
  forCall: (queue: string | null) => list<Knowledge>(PATH, { desk: true, queue }),
  get: (id: string, version?: number | null) => api<Knowledge>('GET', `${PATH}/${id}`, { query: { version } }),
  versions: (id: string) => list<Version>(`${PATH}/${id}/versions`),
  write: (id: string | null, draft: Draft, based_on: number | null) =>
    id
      ? api<Knowledge>('PUT', `${PATH}/${id}`, { body: { ...draft, based_on } })
      : api<Knowledge>('POST', PATH, { body: draft }),
  publish: (id: string, version: number) => api<Knowledge>('POST', `${PATH}/${id}/publish`, { body: { version } }),
  retire: (id: string) => api<Knowledge>('POST', `${PATH}/${id}/retire`, { body: {} }),
}

/** The text to be shown: in the reader's language, one like it, English, or any. */
export function inLanguage<T>(texts: Record<string, T>, locale: string): T | undefined {
  const first = locale.split('-')[0]
  const alike = Object.keys(texts).find((one) => one.split('-')[0] === first)
  return texts[locale] ?? (alike ? texts[alike] : undefined) ?? texts.en ?? Object.values(texts)[0]
}
