import { ref } from 'vue'

type Permission = 'default' | 'granted' | 'denied' | 'unsupported'
const permission = ref<Permission>('Notification' in window ? Notification.permission : 'unsupported')

/** Desktop notifications: asked for by a button, shown only while nobody looks at the page. */
export function useNotification() {
  return {
    permission,
    async ask() {
      if (permission.value !== 'unsupported') permission.value = await Notification.requestPermission()
    },
    /** One per `tag` over all tabs; returns how to take it away. */
    show(tag: string, title: string, body: string): () => void {
      if (permission.value !== 'granted' || document.visibilityState === 'visible') return () => {}
      const notification = new Notification(title, { tag, body, icon: '/favicon.svg', requireInteraction: true })
      notification.onclick = () => {
        window.focus()
        notification.close()
      }
      return () => notification.close()
    },
  }
}
