import { defineStore } from 'pinia'
import { reactive, ref } from 'vue'
import { serverNow, setServerTime } from '@/composables/useClock'
import { Connection, type LinkState, type ServerEventName } from '@/socket/connection'
import { type CommandName, Outbox, type Outcome, type Payload } from '@/socket/outbox'
import type { AgentView, AlarmView, InteractionView, QueueView, SERVER_EVENTS, StaffMessageView, TapView } from '@/wire'

/** Something that wants a supervisor's eye, and is not kept: who comes later is not told. */
export interface Told {
  id: number
  at: number
  code: string
  params: Record<string, string>
}

/** What alarms do beside standing in the list. */
export interface AlarmHeard {
  raised(alarm: AlarmView): void
  cleared(alarm: AlarmView): void
}

const NOTICES = 6
const MESSAGES = 50
/** Notices that everybody gets and that the shell shows; and limits, which are alarms. */
const SHOWN_ELSEWHERE = /^((pbx|log)_.*|stuck_offered|stuck_wrap_up|pause_too_long|agent_not_responding|dead_call)$/

/** Everybody, every queue and every call now, for those who oversee. Open only while its page is open. */
export const useLive = defineStore('live', () => {
  const ready = ref(false)
  const link = ref<LinkState>('connecting')
  const agents = ref<AgentView[]>([])
  const queues = ref<QueueView[]>([])
  const interactions = ref<InteractionView[]>([])
  const taps = ref<TapView[]>([])
  const alarms = ref<AlarmView[]>([])
  const notices = ref<Told[]>([])
  const messages = ref<StaffMessageView[]>([])
  /** The time zone in which a day begins. */
  const zone = ref('UTC')
  /** Until when what is shown was true (the server's Unix seconds), while the link is lost. */
  const heardAt = ref(0)
  let heard: AlarmHeard = { raised() {}, cleared() {} }
  const busy = reactive(new Set<CommandName>())
  let connection: Connection | null = null
  let count = 0

  const outbox = new Outbox(
    {
      connected: () => connection?.connected() ?? false,
      emit: (...args) => connection?.emit(...args),
    },
    { now: () => Date.now(), after: (ms, call) => void setTimeout(call, ms) },
    () => crypto.randomUUID(),
  )

  function put<T>(list: T[], same: (one: T) => boolean, value: T): T[] {
    const at = list.findIndex(same)
    return at < 0 ? [...list, value] : list.with(at, value)
  }

  function received<N extends ServerEventName>(name: N, message: SERVER_EVENTS[N]): void {
    if (name === 'snapshot') {
      const all = message as SERVER_EVENTS['snapshot']
      setServerTime(all.server_time)
      agents.value = all.agents ?? []
      queues.value = all.queues ?? []
      interactions.value = all.interactions ?? []
      taps.value = all.taps ?? []
      alarms.value = all.alarms ?? []
      messages.value = all.messages ?? []
      zone.value = all.zone ?? 'UTC'
      heardAt.value = serverNow()
      ready.value = true
    } else if (name === 'agent_state') {
      const { agent } = message as SERVER_EVENTS['agent_state']
      agents.value = put(agents.value, (one) => one.agent === agent.agent, agent)
    } else if (name === 'queues') queues.value = (message as SERVER_EVENTS['queues']).queues
    else if (name === 'interaction') changed((message as SERVER_EVENTS['interaction']).interaction)
    else if (name === 'taps') taps.value = (message as SERVER_EVENTS['taps']).taps
    else if (name === 'alarms') alarmed(message as SERVER_EVENTS['alarms'])
    else if (name === 'staff_message') written((message as SERVER_EVENTS['staff_message']).message)
    else if (name === 'notice') noticed(message as SERVER_EVENTS['notice'])
    else if (name === 'command_result') outbox.resolved(message as SERVER_EVENTS['command_result'])
  }

  function changed(interaction: InteractionView): void {
    if (interaction.state === 'ended')
      interactions.value = interactions.value.filter((one) => one.id !== interaction.id)
    else interactions.value = put(interactions.value, (one) => one.id === interaction.id, interaction)
  }

  function alarmed(message: SERVER_EVENTS['alarms']): void {
    alarms.value = message.alarms
    for (const one of message.alarms) if (message.raised?.includes(one.id)) heard.raised(one)
    for (const one of message.cleared ?? []) heard.cleared(one)
  }

  function written(message: StaffMessageView): void {
    messages.value = put(messages.value, (one) => one.id === message.id, message).slice(-MESSAGES)
  }

  function noticed({ code, params }: SERVER_EVENTS['notice']): void {
    if (SHOWN_ELSEWHERE.test(code)) return
    notices.value = [{ id: ++count, at: serverNow(), code, params }, ...notices.value].slice(0, NOTICES)
  }

  function dismiss(id: number): void {
    notices.value = notices.value.filter((one) => one.id !== id)
  }

  /** What a supervisor does; resolves with the observed outcome. */
  async function command<N extends CommandName>(name: N, payload: Payload<N>): Promise<Outcome> {
    busy.add(name)
    const outcome = await outbox.submit(name, payload)
    busy.delete(name)
    return outcome
  }

  const isBusy = (name: CommandName) => busy.has(name)
  const queueLabel = (queue: string | null | undefined) =>
    queues.value.find((known) => known.queue === queue)?.label || queue || ''

  function linked(next: LinkState): void {
    if (link.value === 'live' && next !== 'live') heardAt.value = serverNow()
    link.value = next
  }

  function open(listening?: AlarmHeard): void {
    if (listening) heard = listening
    connection ??= new Connection(
      { message: received, state: linked, linked: () => outbox.reconnected() },
      '/supervisor',
    )
    connection.open()
  }

  function close(): void {
    connection?.close()
    connection = null
    outbox.clear()
    ready.value = false
  }

  return {
    ready,
    link,
    agents,
    queues,
    interactions,
    taps,
    alarms,
    notices,
    messages,
    zone,
    heardAt,
    dismiss,
    command,
    isBusy,
    queueLabel,
    open,
    close,
  }
})
