import { computed } from 'vue'
import { useI18n } from 'vue-i18n'
import { useDesk } from '@/stores/desk'

/** Who writes and where he came in, as it is shown: what the records know, what the site says, what he typed. */
export function useVisitor(id: () => string) {
  const { t } = useI18n()
  const desk = useDesk()
  return computed(() => {
    const room = desk.state.chats[id()]
    const pop = desk.state.pops[id()]
    const interaction = desk.state.interactions[id()]
    const known = pop?.strength === 'known' ? pop.customer?.name : interaction?.customer_name_known
    return {
      name: known || room?.facts.visitor.name || interaction?.customer_name || t('chat.visitor'),
      queue: desk.queueLabel(room?.facts.queue ?? interaction?.queue ?? pop?.queue),
    }
  })
}
