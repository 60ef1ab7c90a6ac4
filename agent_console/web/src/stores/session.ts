import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { api, ApiError } from '@/api/http'
import type { User } from '@/api/types'

/** Who is signed in. The cookie is the only proof that is kept; no token in this browser's storage. */
export const useSession = defineStore('session', () => {
  const user = ref<User | null>(null)
  const restored = ref(false)
  /** Why the sign-in page is shown, if the person did not ask for it. */
  const expired = ref(false)

  const isAdmin = computed(() => user.value?.role === 'admin')
  const isSupervisor = computed(() => user.value?.role === 'supervisor' || isAdmin.value)
  const hasDesk = computed(() => user.value?.role === 'agent' || (user.value?.devices?.length ?? 0) > 0)

  /** Whether this person has one of these rights (the server asks again). */
  const can = (...rights: string[]): boolean => rights.some((right) => user.value?.rights?.includes(right))

  /** After a reload: the cookie may still be good. */
  async function restore(): Promise<void> {
    if (restored.value) return
    try {
      user.value = (await api<{ user: User }>('GET', '/api/session')).user
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
    }
    restored.value = true
  }

  async function signIn(username: string, password: string): Promise<void> {
    user.value = (await api<{ user: User }>('POST', '/api/session', { body: { username, password } })).user
    expired.value = false
  }

  async function signOut(): Promise<void> {
    try {
      await api('DELETE', '/api/session')
    } finally {
      user.value = null
    }
  }

  /** The server does not know us any more. */
  function lose(): void {
    if (user.value) expired.value = true
    user.value = null
  }

  return { user, restored, expired, isAdmin, isSupervisor, hasDesk, can, restore, signIn, signOut, lose }
})
