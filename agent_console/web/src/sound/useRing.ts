import { ref, watch } from 'vue'
import { useStored } from '@/composables/useStored'
import { Ringer } from './ringer'
import { beTheOne } from './tabLock'

const ringer = new Ringer()
const volume = useStored('ring-volume', 0.6)
const muted = useStored('ring-muted', false)
const lines = useStored('chime-lines', true)
/** The browser lets this page sound. */
const unlocked = ref(false)
/** This tab is the one that sounds. */
const chosen = ref(false)
const ringing = ref(false)
let asked = false

async function unlock(): Promise<void> {
  unlocked.value = await ringer.unlock()
  if (unlocked.value && !asked) {
    asked = true
    beTheOne('callweave-ring', () => (chosen.value = true))
  }
}

watch(volume, (value) => (ringer.volume = value), { immediate: true })
watch([ringing, muted, chosen, unlocked], () => {
  if (ringing.value && !muted.value && chosen.value && unlocked.value) ringer.start()
  else ringer.stop()
})

let listening = false
function unlockAtFirstGesture(): void {
  if (listening) return
  listening = true
  const gesture = () => {
    void unlock().then(() => {
      if (!unlocked.value) return
      for (const name of ['pointerdown', 'keydown']) window.removeEventListener(name, gesture)
    })
  }
  for (const name of ['pointerdown', 'keydown']) window.addEventListener(name, gesture)
  if (navigator.userActivation?.hasBeenActive) void unlock()
}

/** The ring sound: in one tab only, as loud as this person wants it. */
export function useRing() {
  unlockAtFirstGesture()
  return {
    volume,
    muted,
    unlocked,
    ringing,
    /** Whether new lines in chats sound. */
    lines,
    chime() {
      if (lines.value && !muted.value && chosen.value && unlocked.value && !ringing.value) ringer.chime()
    },
    async test() {
      await unlock()
      ringer.stop()
      ringer.start(false)
    },
  }
}
