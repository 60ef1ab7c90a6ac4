import { defineStore } from 'pinia'
import { ref } from 'vue'
import { api, ApiError } from '@/api/http'
import { useSession } from '@/stores/session'
import type { TaskPage } from './types'

/** How many of my tasks are due, for the badge. */
export const useDueTasks = defineStore('due-tasks', () => {
  const due = ref(0)
  const session = useSession()

  async function ask(): Promise<void> {
    if (!session.user) return
    try {
      due.value = (await api<TaskPage>('GET', '/api/tasks', { query: { owner: session.user.name, limit: 1 } })).due
    } catch (error) {
      // The number of before stays: the status bar says that the server cannot be reached.
      if (!(error instanceof ApiError)) throw error
    }
  }
  return { due, ask }
})
