import { useSite } from '@/customers/site'
import { listed } from '@/format/listed'
import { useLocale } from '@/i18n'
import { useDesk } from '@/stores/desk'

/** What the server calls by a short name, as people know it: colleagues and queues, one or several. */
export function useKnown() {
  const site = useSite()
  const desk = useDesk()
  const locale = useLocale()
  site.ensure()
  const person = (name: string | null) => site.personName(name)
  const queue = (name: string | null) => (name ? desk.queueLabel(name) : '')
  return {
    person,
    queue,
    people: (names: readonly string[]) => listed(names.map(person), locale.value),
    queues: (names: readonly string[]) => listed(names.map(queue), locale.value),
    listed: (names: readonly string[]) => listed(names, locale.value),
  }
}
