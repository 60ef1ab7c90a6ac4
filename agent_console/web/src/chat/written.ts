import type { IconName } from '@/shell/icons'

/** Channels on which one writes: they are worked on one kind of card. */
export const isWritten = (channel: string | null | undefined): boolean => channel === 'chat' || channel === 'email'

/** Its sign. */
export const writtenIcon = (channel: string | null | undefined): IconName => (channel === 'email' ? 'mail' : 'chat')
