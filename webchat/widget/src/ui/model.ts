/** What all parts of the screen share. */
import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Cobrowsing } from '../cobrowse/cobrowsing'
import type { Client } from '../core/client'
import type { Session } from '../core/session'
import type { Speech } from '../texts/speak'

export interface Model {
  client: Client
  session: Session
  speech: Speech
  say: Speech['say']
  cobrowsing: Cobrowsing
  sound: boolean
  toggleSound(): void
  /** Say it to who does not look: a polite live region. */
  announce(text: string): void
}

export const ModelContext = createContext<Model | null>(null)

export function useModel(): Model {
  const model = useContext(ModelContext)
  if (!model) throw new Error('outside of the widget')
  return model
}
