import { ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { ApiError } from '@/api/http'
import { useFault } from '@/desk/useFault'
import { useChats } from '@/stores/chats'
import { useDesk } from '@/stores/desk'
import { upload } from './upload'

/** A file on its way into a chat. `share`: 0 to 1. */
export interface Sending {
  key: number
  name: string
  share: number
  error: string
  stop: () => void
}

/** What an agent does in one chat, and what came of it. */
export function useChatWork(id: () => string) {
  const { t } = useI18n()
  const desk = useDesk()
  const chats = useChats()
  const fault = useFault()
  const error = ref('')
  const sending = ref<Sending[]>([])
  let count = 0

  async function run(name: 'chat_close' | 'decline'): Promise<void> {
    if (desk.isBusy(name, id())) return
    error.value = fault.of(await desk.command(name, { interaction_id: id() }))
  }

  async function cobrowse(on: boolean): Promise<void> {
    error.value = fault.of(await desk.command('chat_cobrowse', { interaction_id: id(), on }))
  }

  async function finish(): Promise<void> {
    if (desk.isBusy('wrap_up', id())) return
    const draft = desk.drafts[id()]
    const work = { interaction_id: id(), disposition: draft?.disposition ?? null, notes: draft?.text ?? null }
    const outcome = await desk.command('wrap_up', work)
    error.value = fault.of(outcome)
    if (!outcome.ok) return
    desk.notes.drop(id())
    chats.finished(id())
  }

  async function send(file: File): Promise<void> {
    const chat = id()
    const control = new AbortController()
    const key = ++count
    sending.value.push({ key, name: file.name, share: 0, error: '', stop: () => control.abort() })
    const mine = () => sending.value.find((one) => one.key === key)
    const forget = () => (sending.value = sending.value.filter((one) => one.key !== key))
    try {
      const there = await upload(chat, file, (share) => mine() && (mine()!.share = share), control.signal)
      forget()
      chats.outgoing.give(chat, there)
    } catch (caught) {
      if (!(caught instanceof ApiError)) throw caught
      if (caught.problem.type === 'about:aborted') return void forget()
      const one = mine()
      if (one) Object.assign(one, { error: caught.message || t('chat.fileFailed'), stop: forget })
    }
  }

  return { error, sending, close: () => run('chat_close'), cobrowse, finish, send }
}
