import { computed, onBeforeUnmount, ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { useNotification } from '@/composables/useNotification'
import { useRing } from '@/sound/useRing'
import { useChats } from '@/stores/chats'
import { useDesk } from '@/stores/desk'
import type { ChatLineView } from '@/wire'

const LONG = 120

/** A new line of a visitor: a sound and words where nobody looks at it, and the page's title until it is read. */
export function useChatAlerts() {
  const { t } = useI18n()
  const desk = useDesk()
  const chats = useChats()
  const { chime } = useRing()
  const notification = useNotification()
  const shown = new Map<string, () => void>()
  const announcement = ref('')

  const nameOf = (chat: string) => desk.state.chats[chat]?.facts.visitor.name || t('chat.visitor')
  const words = (line: ChatLineView) => (line.file?.name ?? line.text).slice(0, LONG)
  const looked = (chat: string) => chats.shown?.id === chat && !document.hidden && document.hasFocus()

  const stop = chats.onLine(({ chat, line }) => {
    if (line.by !== 'visitor' || line.kind === 'event' || !chats.cards.some((card) => card.id === chat)) return
    const who = nameOf(chat)
    // The transcript that one looks at reads its lines itself.
    if (looked(chat)) return
    chime()
    announcement.value = t('chat.announceLine', { who, text: words(line) })
    shown.get(chat)?.()
    shown.set(chat, notification.show(`chat ${chat}`, t('chat.newLine', { who }), words(line)))
  })
  watch(
    () => chats.cards.filter((card) => chats.unreadOf(card.id) > 0).map((card) => card.id),
    (unread) => {
      for (const [chat, remove] of shown)
        if (!unread.includes(chat)) {
          remove()
          shown.delete(chat)
        }
    },
  )
  onBeforeUnmount(() => {
    stop()
    for (const remove of shown.values()) remove()
  })

  const title = computed(() => {
    const waiting = chats.cards.find((card) => chats.unreadOf(card.id) > 0)
    return waiting ? t('chat.title', { count: chats.unreadCount, who: nameOf(waiting.id) }) : ''
  })
  return { title, announcement }
}
