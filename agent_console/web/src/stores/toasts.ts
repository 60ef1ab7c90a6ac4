import { defineStore } from 'pinia'
import { ref } from 'vue'

export type ToastLevel = 'info' | 'success' | 'warning' | 'error'

export interface Toast {
  id: number
  level: ToastLevel
  text: string
}

const STAYS_MS: Record<ToastLevel, number> = { info: 6_000, success: 3_000, warning: 10_000, error: 12_000 }
const AT_MOST = 4

/** Short messages at the edge of the page; they take nothing's place and leave by themselves. */
export const useToasts = defineStore('toasts', () => {
  const toasts = ref<Toast[]>([])
  let count = 0

  function dismiss(id: number): void {
    toasts.value = toasts.value.filter((toast) => toast.id !== id)
  }

  function tell(level: ToastLevel, text: string): void {
    if (toasts.value.some((toast) => toast.text === text)) return
    const id = ++count
    toasts.value = [...toasts.value, { id, level, text }].slice(-AT_MOST)
    setTimeout(() => dismiss(id), STAYS_MS[level])
  }

  return { toasts, tell, dismiss }
})
