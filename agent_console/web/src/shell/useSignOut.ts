import { useI18n } from 'vue-i18n'
import { useDesk } from '@/stores/desk'
import { useSession } from '@/stores/session'
import { useToasts } from '@/stores/toasts'

const ENOUGH_MS = 2_500

/** Leave the queues, then the console. Not in the middle of a call. */
export function useSignOut(): () => Promise<void> {
  const { t } = useI18n()
  const desk = useDesk()
  const session = useSession()
  const toasts = useToasts()

  return async () => {
    if (desk.inCall) return toasts.tell('warning', t('shell.signOutInCall'))
    if (session.hasDesk && desk.live && desk.state.me?.state !== 'LOGGED_OUT')
      await Promise.race([
        desk.command('set_state', { state: 'LOGGED_OUT' }),
        new Promise((go) => setTimeout(go, ENOUGH_MS)),
      ])
    desk.close()
    await session.signOut().catch(() => session.lose())
  }
}
