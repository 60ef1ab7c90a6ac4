import { nextTick, ref, type Ref, watch } from 'vue'

/** A list that is walked with the arrow keys while one writes above it. */
export function useRows(count: Ref<number>, choose: (n: number) => void) {
  const active = ref(-1)
  watch(count, (now, before) => {
    if (now < before || active.value >= now) active.value = -1
  })

  function key(event: KeyboardEvent): void {
    if (event.isComposing) return // the keys belong to the input method
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step && count.value) {
      event.preventDefault()
      active.value = (active.value + step + count.value + (active.value < 0 && step < 0 ? 1 : 0)) % count.value
      void nextTick(() => document.querySelector('[data-active="true"]')?.scrollIntoView({ block: 'nearest' }))
    } else if (event.key === 'Enter' && active.value >= 0) {
      event.preventDefault()
      choose(active.value)
    }
  }
  return { active, key }
}
