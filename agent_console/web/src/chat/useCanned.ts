import { shallowRef } from 'vue'
import { type CannedReply, cannedReplies } from './canned'

const FRESH_MS = 60_000
const all = shallowRef<CannedReply[]>([])
let asked = 0

/** The site's canned replies, fetched when they are first wanted, and again when they may have changed. */
export function useCanned() {
  return {
    all,
    async load(): Promise<void> {
      if (Date.now() - asked < FRESH_MS) return
      asked = Date.now()
      try {
        all.value = await cannedReplies.mine()
      } catch {
        asked = 0
      }
    },
  }
}
