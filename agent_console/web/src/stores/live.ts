import { defineStore } from 'pinia'
import { ref } from 'vue'
import { setServerTime } from '@/composables/useClock'
import { Connection, type LinkState, type ServerEventName } from '@/socket/connection'
import type { AgentView, InteractionView, QueueView, SERVER_EVENTS } from '@/wire'

/** Everybody and every queue now, for those who oversee. Open only while its page is open. */
export const useLive = defineStore('live', () => {
  const ready = ref(false)
  const link = ref<LinkState>('connecting')
  const agents = ref<AgentView[]>([])
  const queues = ref<QueueView[]>([])
  const interactions = ref<InteractionView[]>([])
  let connection: Connection | null = null

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
      ready.value = true
    } else if (name === 'agent_state') {
      const { agent } = message as SERVER_EVENTS['agent_state']
      agents.value = put(agents.value, (one) => one.agent === agent.agent, agent)
    } else if (name === 'queues') queues.value = (message as SERVER_EVENTS['queues']).queues
    else if (name === 'interaction') changed((message as SERVER_EVENTS['interaction']).interaction)
  }

  function changed(interaction: InteractionView): void {
    if (interaction.state === 'ended')
      interactions.value = interactions.value.filter((one) => one.id !== interaction.id)
    else interactions.value = put(interactions.value, (one) => one.id === interaction.id, interaction)
  }

  function open(): void {
    connection ??= new Connection(
      { message: received, state: (next) => (link.value = next), linked() {} },
      '/supervisor',
    )
    connection.open()
  }

  function close(): void {
    connection?.close()
    connection = null
    ready.value = false
  }

  return { ready, link, agents, queues, interactions, open, close }
})
