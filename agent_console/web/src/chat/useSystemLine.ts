import { useI18n } from 'vue-i18n'
import { useDesk } from '@/stores/desk'
import type { ChatLineView } from '@/wire'

/** What happened, in words: a line of kind `event` has a code and whom or what it is about. */
export function useSystemLine() {
  const { t, te } = useI18n()
  const desk = useDesk()
  return (line: ChatLineView): string => {
    const name = line.name ? desk.queueLabel(line.name) : ''
    const key = `chat.event.${line.text}`
    if (!te(key)) return [line.text, name].filter(Boolean).join(' · ')
    return t(key, { name: name || t('chat.visitor') })
  }
}
