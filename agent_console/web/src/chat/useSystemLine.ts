import { useI18n } from 'vue-i18n'
import { useDesk } from '@/stores/desk'
import type { ChatLineView } from '@/wire'

/** What happened, in words: a line of kind `event` has a code and whom or what it is about. */
export function useSystemLine() {
  const { t, te } = useI18n()
  const desk = useDesk()
  return (line: ChatLineView): string => {
    const name = line.name ? desk.queueLabel(line.name) : ''
    const code = line.text
    if (!te(`chat.event.${code}`)) return [line.text, name].filter(Boolean).join(' · ')
    return t(`chat.event.${code}`, { name: name || t('chat.visitor') })
  }
}
