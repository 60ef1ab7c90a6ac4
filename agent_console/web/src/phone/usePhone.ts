import { defineStore } from 'pinia'
import { computed, reactive, ref, shallowReactive, watch } from 'vue'
import { api } from '@/api/http'
import { useStored } from '@/composables/useStored'
import { useDesk } from '@/stores/desk'
import { useSession } from '@/stores/session'
import { Dead } from './dead'
import { type CallState, type LineEvent, type LineState, nextLine } from './machine'
import { match, sameNumber } from './match'
import { Meter } from './meter'
import { Microphone, type MicState, usable } from './microphone'
import type { Account, Call, Phone } from './phone'
import { Place, type Word } from './place'
import { type Sample, type Trouble, troubleBetween } from './quality'

export interface CallView {
  id: string
  number: string
  name: string
  incoming: boolean
  state: CallState
  muted: boolean
  /** The call that this one is a consultation for. */
  about: string | null
  trouble: Trouble | null
}

type Answer = ({ kind: 'browser' } & Account) | { kind: 'desk' }

/** A call that we asked the server for comes to us first; it is lifted by itself if it comes this soon. */
const OWN_CALL_MS = 20_000
const QUALITY_MS = 2_000
const LEVEL_MS = 100
/** How often calls are looked for that ended while nobody could tell this telephone. */
const DEAD_MS = 500
/** Trouble is shown when it lasts so many looks. */
const LOOKS = 2
/** The reason under which an agent is not ready when her telephone does not work. */
export const BROKEN = 'telephone'

/** This browser as a telephone. For people at a desk phone `kind` is `desk` and nothing of it is loaded. */
export const usePhone = defineStore('phone', () => {
  const desk = useDesk()
  const session = useSession()
  const kind = ref<'unknown' | 'desk' | 'browser'>('unknown')
  const line = ref<LineState>('off')
  const mic = ref<MicState>('unknown')
  const calls = reactive<Record<string, CallView>>({})
  const level = reactive({ mine: 0, theirs: 0 })
  const devices = reactive({ microphones: [] as MediaDeviceInfo[], speakers: [] as MediaDeviceInfo[] })
  const microphoneId = useStored('phone-microphone', '')
  const speakerId = useStored('phone-speaker', '')
  const clean = useStored('phone-clean', true)
  const busyElsewhere = ref(false)

  const tab = tabName()
  const running = shallowReactive(new Map<string, Call>())
  const microphone = new Microphone(() => void lostMicrophone())
  let account: Account | null = null
  let phone: Phone | null = null
  let place: Place | null = null
  let expected = { number: '', until: 0 }
  let timers: ReturnType<typeof setInterval>[] = []
  const looks = new Map<string, { sample: Sample; bad: number }>()
  const meters = new Map<string, Meter>()
  const completing = new Set<string>()
  const dead = new Dead()

  const mine = computed(() => kind.value === 'browser')
  const here = computed(() => mine.value && !['off', 'claiming', 'elsewhere'].includes(line.value))
  const talking = computed(() => Object.values(calls).some((call) => call.state !== 'ended'))
  const byCard = ref<Record<string, string>>({})
  const openCards = computed(() => desk.cards.filter((card) => card.phase !== 'wrap_up'))
  watch(
    [openCards, calls],
    () => {
      const cards = openCards.value.map(({ id, phase }) => {
        const one = desk.state.interactions[id]
        return { id, ringing: phase === 'ringing', numbers: [one?.customer_address, one?.dialled] }
      })
      const lines = Object.values(calls).filter((call) => call.about === null)
      byCard.value = match(
        cards,
        lines.map((call) => ({ ...call, ringing: call.state === 'ringing' })),
        byCard.value,
      )
      dead.belongs(byCard.value, Date.now())
    },
    { deep: true, immediate: true },
  )
  const callOf = (card: string): CallView | undefined => calls[byCard.value[card] ?? '']
  /** Calls that are nobody's card: a colleague asks something, or calls this extension directly. */
  const loose = computed(() => {
    const matched = new Set(Object.values(byCard.value))
    return Object.values(calls).filter((call) => call.about === null && !matched.has(call.id))
  })
  const consultOf = (call: string): CallView | undefined => Object.values(calls).find((one) => one.about === call)

  // ---- Coming and going ------------------------------------------------------------------------------
  async function open(): Promise<void> {
    const answer = await api<Answer>('GET', '/api/phone')
    kind.value = answer.kind
    if (answer.kind !== 'browser' || place) return
    account = answer
    place = new Place(session.user!.name, () => void leave(), heard)
    addEventListener('pagehide', hangUpAll)
    addEventListener('beforeunload', ask)
    navigator.mediaDevices?.addEventListener('devicechange', () => void lookForDevices())
    step('start')
    if (await place.claim()) await connect(false)
    else step('taken')
  }

  /** Make this tab the telephone; the other one gives way unless it is in a call. */
  async function takeHere(): Promise<void> {
    busyElsewhere.value = false
    step('start')
    if (place && !place.mine) await place.take()
    if (place?.mine) await connect(true)
    else step('taken')
  }

  async function connect(force: boolean): Promise<void> {
    const { Phone: Telephone } = await import('./phone')
    if (!account || !place) return
    step('got')
    // The line of one that gave way goes on closing: what it says then is not said of the one that follows it.
    const own: Phone = new Telephone(account, tab, force, {
      line: (event) => own === phone && lineChanged(event),
      call: callChanged,
    })
    phone = own
    own.start()
    timers = [
      setInterval(() => void watchQuality(), QUALITY_MS),
      setInterval(showLevels, LEVEL_MS),
      setInterval(() => void endDead(), DEAD_MS),
    ]
    if (await allowed()) await testMicrophone()
  }

  function lineChanged(event: LineEvent): void {
    step(event)
    if (event === 'cut') dead.cut()
    if (event === 'taken') leave()
  }

  /** Another place has the telephone now. */
  function leave(): void {
    stopPhone()
    place?.release()
    line.value = 'elsewhere'
  }

  function stopPhone(): void {
    for (const timer of timers) clearInterval(timer)
    timers = []
    phone?.stop()
    phone = null
    microphone.close()
    mic.value = 'unknown'
  }

  function close(): void {
    stopPhone()
    place?.close()
    place = account = null
    removeEventListener('pagehide', hangUpAll)
    removeEventListener('beforeunload', ask)
    kind.value = 'unknown'
    line.value = 'off'
  }

  const step = (event: LineEvent) => (line.value = nextLine(line.value, event))
  /** A reload or a closed tab frees the call at once; without this the PBX waits for the missing audio. */
  const hangUpAll = () => phone?.stop()
  const ask = (event: BeforeUnloadEvent) => talking.value && event.preventDefault()

  function heard(word: Word): void {
    if (word === 'busy') {
      busyElsewhere.value = true
      return place?.giveUp()
    }
    if (!place?.mine) return
    if (word === 'give') return talking.value ? place.tell('busy') : leave()
    if (word.press === 'answer') void answer(word.card)
    else hangUp(word.card)
  }

  // ---- The microphone ----------------------------------------------------------------------------------
  /** Whether asking for the microphone puts no question to the person. */
  async function allowed(): Promise<boolean> {
    try {
      const permission = await navigator.permissions.query({ name: 'microphone' as PermissionName })
      if (permission.state === 'denied') mic.value = 'denied'
      return permission.state === 'granted'
    } catch {
      return false
    }
  }

  async function testMicrophone(): Promise<MicState> {
    mic.value = 'asking'
    let found = await microphone.test({ device: microphoneId.value, clean: clean.value })
    // The one that was chosen is not plugged in today.
    if (found === 'missing' && microphoneId.value) found = await microphone.test({ device: '', clean: clean.value })
    mic.value = found
    if (usable(found))
      await Promise.all([lookForDevices(), ...[...running.values()].map((call) => call.speakWith(microphone.clone()))])
    return found
  }

  /** Before Ready: the state that keeps the agent from it, or null. */
  async function hindrance(): Promise<MicState | 'line' | null> {
    if (!mine.value || !here.value) return null
    if (!usable(mic.value) || !microphone.open) await testMicrophone()
    if (!usable(mic.value)) return mic.value
    return line.value === 'ready' ? null : 'line'
  }

  async function lostMicrophone(): Promise<void> {
    mic.value = 'gone'
    microphone.close()
    if (!usable(await testMicrophone())) notReady()
  }

  /** Nobody shall be sent to somebody who cannot talk: each offer would be refused at once, hundreds of times. */
  function notReady(): void {
    if (desk.state.me?.state === 'READY' || desk.state.me?.state === 'OFFERED')
      void desk.command('set_state', { state: 'NOT_READY', reason: BROKEN })
  }

  async function lookForDevices(): Promise<void> {
    const all = await navigator.mediaDevices.enumerateDevices()
    devices.microphones = all.filter((one) => one.kind === 'audioinput' && one.deviceId)
    devices.speakers = all.filter((one) => one.kind === 'audiooutput' && one.deviceId)
  }

  watch([microphoneId, clean], () => here.value && void testMicrophone())
  watch(speakerId, () => running.forEach((call) => void call.hearAt(speakerId.value).catch(() => {})))
  // She became ready elsewhere (another tab, a supervisor), or was when this page came: the same condition holds.
  watch(
    () => [desk.state.me?.state, mic.value, line.value],
    ([state, microphoneState]) => {
      if (
        state === 'READY' &&
        here.value &&
        ['denied', 'missing', 'busy', 'gone', 'insecure'].includes(microphoneState as string)
      )
        notReady()
    },
  )

  // ---- Calls -------------------------------------------------------------------------------------------
  function callChanged(call: Call): void {
    if (call.state === 'ended') return forget(call)
    const known = calls[call.id]
    running.set(call.id, call)
    calls[call.id] = {
      id: call.id,
      number: call.number,
      name: call.name,
      incoming: call.incoming,
      state: call.state,
      muted: call.muted,
      about: known?.about ?? null,
      trouble: known?.trouble ?? null,
    }
    if (!known && speakerId.value) void call.hearAt(speakerId.value).catch(() => {})
    if (!known && call.incoming && (call.autoAnswer || ours(call))) void lift(call)
    if (call.remote && !meters.has(call.id)) meters.set(call.id, new Meter(call.remote))
  }

  function forget(call: Call): void {
    const { about } = calls[call.id] ?? {}
    delete calls[call.id]
    running.delete(call.id)
    dead.forget(call.id)
    looks.delete(call.id)
    meters.get(call.id)?.close()
    meters.delete(call.id)
    for (const one of Object.values(calls)) if (one.about === call.id) one.about = null
    // The colleague who was asked is gone: back to the customer.
    if (about && !completing.has(about) && calls[about]?.state === 'held')
      void running
        .get(about)
        ?.unhold()
        .catch(() => {})
  }

  /** The server was asked to dial: its call to this telephone is lifted without a question. */
  function expect(number: string): void {
    expected = { number, until: Date.now() + OWN_CALL_MS }
  }

  function ours(call: Call): boolean {
    const yes =
      Date.now() < expected.until && (sameNumber(call.number, expected.number) || call.number === expected.number)
    if (yes) expected.until = 0
    return yes
  }

  async function lift(call: Call): Promise<boolean> {
    if (!microphone.open && !usable(await testMicrophone())) {
      notReady()
      return false
    }
    if (call.state === 'ringing') call.answer(microphone.clone())
    return true
  }

  const runningOf = (card: string) => running.get(byCard.value[card] ?? '')

  /** False: the microphone does not work. */
  async function answer(card: string): Promise<boolean> {
    const call = runningOf(card)
    if (call) return lift(call)
    if (line.value === 'elsewhere') place?.tell({ press: 'answer', card })
    return true
  }

  function hangUp(card: string): void {
    const call = runningOf(card)
    if (call) call.hangUp()
    else if (line.value === 'elsewhere') place?.tell({ press: 'hangUp', card })
  }

  const liftCall = async (id: string) => {
    const call = running.get(id)
    if (call) await lift(call)
  }
  const dropCall = (id: string) => running.get(id)?.hangUp()
  const hold = (id: string) => running.get(id)?.hold() ?? Promise.resolve()
  const unhold = (id: string) => running.get(id)?.unhold() ?? Promise.resolve()
  const mute = (id: string, on: boolean) => running.get(id)?.mute(on)
  const dtmf = (id: string, tones: string) => running.get(id)?.dtmf(tones)
  const transfer = (id: string, to: string) => running.get(id)?.transfer(to) ?? Promise.resolve()

  /** Hold, and ask a colleague first. */
  async function consult(id: string, to: string): Promise<void> {
    const call = running.get(id)
    if (!call || !phone || consultOf(id)) return
    if (call.state === 'talking') await call.hold()
    const second = phone.call(to, microphone.clone())
    const view = calls[second.id]
    if (view) view.about = id
  }

  async function complete(id: string): Promise<void> {
    const first = running.get(id)
    const second = running.get(consultOf(id)?.id ?? '')
    if (!first || !second) return
    completing.add(id)
    try {
      await first.transferTo(second)
    } finally {
      completing.delete(id)
    }
  }

  /** End the consultation; `forget` brings the customer back. */
  const cancel = (id: string) => running.get(consultOf(id)?.id ?? '')?.hangUp()

  /** Talk to the other one of the two. */
  async function swap(id: string): Promise<void> {
    const first = running.get(id)
    const second = running.get(consultOf(id)?.id ?? '')
    if (!first || !second) return
    const [to, from] = first.state === 'held' ? [first, second] : [second, first]
    await from.hold()
    await to.unhold()
  }

  /** The PBX's word that a call is over can be lost with a connection; the desk heard it from the gateway. */
  async function endDead(): Promise<void> {
    const cards = openCards.value.map((card) => card.id)
    const suspects = [...dead.suspects(cards)].flatMap((id) => running.get(id) ?? [])
    const look = async (call: Call) => ({
      id: call.id,
      ringing: call.state === 'ringing',
      received: (await call.sample()).received,
    })
    const signs = await Promise.all(desk.live ? suspects.map(look) : [])
    for (const id of dead.look(cards, signs, Date.now())) running.get(id)?.hangUp()
  }

  // ---- How well it goes --------------------------------------------------------------------------------
  async function watchQuality(): Promise<void> {
    for (const [id, call] of running) {
      const view = calls[id]
      if (!view || call.state !== 'talking') {
        looks.delete(id)
        if (view) view.trouble = null
        continue
      }
      const sample = await call.sample()
      const before = looks.get(id)
      const trouble = before ? troubleBetween(before.sample, sample) : null
      const bad = trouble ? (before?.bad ?? 0) + 1 : 0
      looks.set(id, { sample, bad })
      if (calls[id]) calls[id].trouble = bad >= LOOKS ? trouble : null
    }
  }

  function showLevels(): void {
    if (document.hidden) return
    level.mine = microphone.level()
    level.theirs = Math.max(0, ...[...meters.values()].map((meter) => meter.level()))
  }

  return {
    kind,
    line,
    mic,
    calls,
    level,
    devices,
    microphoneId,
    speakerId,
    clean,
    busyElsewhere,
    mine,
    here,
    talking,
    callOf,
    loose,
    liftCall,
    dropCall,
    consultOf,
    open,
    close,
    takeHere,
    testMicrophone,
    hindrance,
    expect,
    answer,
    hangUp,
    hold,
    unhold,
    mute,
    dtmf,
    transfer,
    consult,
    complete,
    cancel,
    swap,
  }
})

/** The same after a reload, another in each tab. */
function tabName(): string {
  const key = 'callweave.phone-tab'
  try {
    const name = sessionStorage.getItem(key) ?? crypto.randomUUID()
    sessionStorage.setItem(key, name)
    return name
  } catch {
    return String(Math.random())
  }
}
