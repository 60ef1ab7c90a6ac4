import type { ChatLineView, ChatView } from '@/wire'

/** Values for tests: a visitor's line, and a conversation of anna's. */
export const line = (number: number, fields: Partial<ChatLineView> = {}): ChatLineView => ({
  number,
  id: `line-${number}`,
  by: 'visitor',
  name: null,
  at: 100 + number,
  kind: 'text',
  text: `line ${number}`,
  ...fields,
})

export const chat = (fields: Partial<ChatView> = {}): ChatView => ({
  interaction_id: 'c1',
  state: 'talking',
  queue: 'support',
  visitor: { name: 'Vera', verified: false, language: 'en', online: true, page: null, trail: [], form: {} },
  last: fields.lines?.at(-1)?.number ?? 0,
  seen: 0,
  read: 0,
  members: ['anna'],
  joined: [],
  idle_at: null,
  cobrowse: 'off',
  lines: [],
  ...fields,
})
