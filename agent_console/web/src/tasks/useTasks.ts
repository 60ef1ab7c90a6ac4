import { api, ApiError } from '@/api/http'
import { usePages } from '@/composables/useLoad'
import { useToasts } from '@/stores/toasts'
import { useDueTasks } from './count'
import type { Task, TaskPage } from './types'

/** Tasks of a question, page by page, and "done" with one click. */
export function useTasks(query: () => Record<string, string | number | null | undefined>) {
  const due = useDueTasks()
  const toasts = useToasts()
  const pages = usePages<Task>(async (cursor, signal) => {
    const page = await api<TaskPage>('GET', '/api/tasks', { signal, query: { limit: 50, ...query(), cursor } })
    due.due = page.due
    return page
  })
  void pages.restart()

  async function finish(task: Task): Promise<void> {
    try {
      const body = { state: 'done', version: task.version }
      await api('PATCH', `/api/tasks/${encodeURIComponent(task.id)}`, { body })
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      toasts.tell('warning', error.message)
    }
    await pages.restart()
  }
  return { ...pages, finish }
}
