import { ref } from 'vue'
import { list } from '@/api/http'
import type { Choice } from '@/api/types'
import { useLabel } from '@/i18n'

/** The skills that can be given, with those that somebody has already (`used`), retired or not. */
export function useSkills() {
  const all = ref<Choice[]>([])
  const label = useLabel()

  async function read(): Promise<void> {
    all.value = await list<Choice>('/api/skills').catch(() => [])
  }

  const shown = (used: object) => all.value.filter((skill) => !skill.retired || skill.code in used)
  const nameOf = (code: string) => label(all.value.find((skill) => skill.code === code)?.labels, code)
  return { all, read, shown, nameOf }
}
