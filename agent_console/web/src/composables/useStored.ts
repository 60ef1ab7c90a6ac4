import { type Ref, ref, watch } from 'vue'

/** A setting of this browser: kept in localStorage, the same in all tabs. */
export function useStored<T>(key: string, initial: T): Ref<T> {
  const name = `callweave.${key}`
  const value = ref(read(name, initial)) as Ref<T>
  watch(value, (now) => write(name, now), { deep: true })
  window.addEventListener('storage', (event) => {
    if (event.key === name) value.value = read(name, initial)
  })
  return value
}

function read<T>(name: string, initial: T): T {
  try {
    const stored = localStorage.getItem(name)
    return stored === null ? initial : (JSON.parse(stored) as T)
  } catch {
    return initial
  }
}

function write(name: string, value: unknown): void {
  try {
    localStorage.setItem(name, JSON.stringify(value))
  } catch {
    // A full or forbidden storage costs the setting at the next visit, nothing else.
  }
}
