import { api, list } from '@/api/http'

/** A text that is written often (`rest_chats.py`). `shortcut`: what is typed after `/`; `texts` by language; `queues`
 * and `teams` empty: for all; `version`: as it was read, so that nobody overwrites another one's change. */
export interface CannedReply {
  id: string
  shortcut: string
  texts: Record<string, string>
  queues: string[]
  teams: string[]
  retired: boolean
  version: number
}

const PATH = '/api/canned-replies'
export const cannedReplies = {
  mine: () => list<CannedReply>(PATH),
  all: () => list<CannedReply>(PATH, { all: true }),
  write: (id: string | null, body: Omit<CannedReply, 'id'>) =>
    id ? api<CannedReply>('PUT', `${PATH}/${id}`, { body }) : api<CannedReply>('POST', PATH, { body }),
}

/** What placeholders of a reply become. */
export interface Filling {
  visitor: string
  agent: string
  queue: string
}

/** Words before the caret that ask for a reply: `/` and what follows, at the beginning or after a space. */
export function asked(text: string, caret: number): { from: number; words: string } | null {
  const found = /(?:^|\s)\/([^\s/]{0,40})$/.exec(text.slice(0, caret))
  return found ? { from: caret - found[1]!.length - 1, words: found[1]! } : null
}

/** The text in the visitor's language, else in one like it, else in the reader's, else in any. */
export function textFor(reply: CannedReply, ...languages: string[]): string {
  for (const language of languages) {
    const exact = reply.texts[language]
    if (exact) return exact
    const first = language.split('-')[0]
    const like = Object.keys(reply.texts).find((one) => one.split('-')[0] === first)
    if (like && reply.texts[like]) return reply.texts[like]
  }
  return Object.values(reply.texts).find(Boolean) ?? ''
}

/** A reply with its placeholders filled; what is not known stays to be seen and filled in by hand. */
export function filled(text: string, filling: Filling): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name === 'visitor' || name === 'agent' || name === 'queue' ? filling[name] || whole : whole,
  )
}

/** Those for this queue that fit the words: by shortcut first, then by what they say. */
export function fitting(all: CannedReply[], queue: string, words: string): CannedReply[] {
  const sought = words.toLowerCase()
  const rank = (one: CannedReply) => {
    if (one.shortcut.toLowerCase().startsWith(sought)) return 0
    if (one.shortcut.toLowerCase().includes(sought)) return 1
    return Object.values(one.texts).some((text) => text.toLowerCase().includes(sought)) ? 2 : 3
  }
  return all
    .filter((one) => !one.retired && (!one.queues.length || one.queues.includes(queue)) && rank(one) < 3)
    .sort((a, b) => rank(a) - rank(b) || a.shortcut.localeCompare(b.shortcut))
}
