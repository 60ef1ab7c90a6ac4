import { api } from '@/api/http'
import type { Callback } from './types'

/** Call a promise off; rejects with 409 while its turn is now. */
export function cancelCallback(one: Pick<Callback, 'id'>): Promise<Callback> {
  return api<Callback>('POST', `/api/callbacks/${encodeURIComponent(one.id)}/cancel`)
}
