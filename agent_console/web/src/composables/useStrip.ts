import { nextTick, onMounted, useTemplateRef, watch } from 'vue'
import { useRoute } from 'vue-router'

/** A row of links (the template's `ref="strip"`) that scrolls where it is too long: that of the page stays in sight. */
export function useStrip(): void {
  const strip = useTemplateRef<HTMLElement>('strip')
  const route = useRoute()
  const show = async () => {
    await nextTick()
    strip.value?.querySelector('.router-link-active')?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }
  onMounted(show)
  watch(() => route.name, show)
}
