import { computed, onBeforeUnmount, watch, watchEffect } from 'vue'
import { useI18n } from 'vue-i18n'
import { isWritten } from '@/chat/written'
import { useNotification } from '@/composables/useNotification'
import { phone } from '@/format/phone'
import { usePhone } from '@/phone/usePhone'
import { useRing } from '@/sound/useRing'
import { useChatAlerts } from '@/chat/useChatAlerts'
import { useDesk } from '@/stores/desk'

/** Ring, notification and page title while somebody rings; returns the text for a screen reader. */
export function useAlerting() {
  const { t } = useI18n()
  const desk = useDesk()
  const telephone = usePhone()
  const { ringing } = useRing()
  const notification = useNotification()
  const chats = useChatAlerts()
  const shown = new Map<string, () => void>()

  const callers = computed(() =>
    desk.ringing.map(({ id }) => {
      const pop = desk.state.pops[id]
      const interaction = desk.state.interactions[id]
      const known = pop?.strength === 'known' ? pop.customer?.name : undefined
      const chat = isWritten(interaction?.channel)
      const nobody = t(chat ? 'chat.visitor' : 'who.unknown')
      const who = known || interaction?.customer_name || phone(interaction?.customer_address) || nobody
      return { id, who, chat, queue: desk.queueLabel(pop?.queue ?? interaction?.queue) }
    }),
  )

  watchEffect(
    () => (ringing.value = callers.value.length > 0 || telephone.loose.some((call) => call.state === 'ringing')),
  )
  watchEffect(() => {
    const first = callers.value[0]
    const ringing = first && `${first.chat ? '✉' : '☎'} ${first.who}`
    const words = ringing ?? chats.title.value
    document.title = words ? `${words} – Callweave` : 'Callweave'
  })
  watch(callers, (now) => {
    const ids = new Set(now.map((caller) => caller.id))
    for (const [id, remove] of shown)
      if (!ids.has(id)) {
        remove()
        shown.delete(id)
      }
    for (const { id, who, queue, chat } of now)
      if (!shown.has(id))
        shown.set(id, notification.show(id, chat ? t('chat.incoming', { who }) : t('pop.incoming', { who }), queue))
  })
  onBeforeUnmount(() => {
    ringing.value = false
    document.title = 'Callweave'
    for (const remove of shown.values()) remove()
  })

  const rings = computed(() =>
    callers.value.map(({ who, queue, chat }) =>
      chat ? t('chat.announce', { who, queue }) : t('pop.announce', { who, queue }),
    ),
  )
  return computed(() => (rings.value.length ? rings.value.join('. ') : chats.announcement.value))
}
