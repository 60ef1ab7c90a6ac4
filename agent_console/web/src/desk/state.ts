import { putLines, putRoom, type Rooms } from '@/chat/rooms'
import { sitsAt } from '@/format/seat'
import type {
  AgentView,
  CrmPage,
  CampaignView,
  Disposition,
  InteractionView,
  PauseReason,
  PbxView,
  QueueView,
  RecentView,
  RecordingPolicies,
  ScreenPop,
  SERVER_EVENTS,
  Skill,
  Snapshot,
  StaffMessageView,
  TransferStatus,
} from '@/wire'

export type Phase = 'ringing' | 'asked' | 'dialling' | 'talking' | 'held' | 'parked' | 'wrap_up'

/** All that a console knows, as a projection of the messages it was sent. */
export interface DeskState {
  ready: boolean
  role: string
  me: AgentView | null
  interactions: Record<string, InteractionView>
  pops: Record<string, ScreenPop>
  ringing: string[]
  /** Answered by this agent; the interaction that says so is still on its way. The card must not blink meanwhile. */
  answered: string[]
  /** Arrival order: cards keep their place. */
  order: string[]
  recent: RecentView[]
  queues: QueueView[]
  agents: AgentView[]
  pbx: PbxView[]
  pauseReasons: PauseReason[]
  dispositions: Disposition[]
  campaigns: CampaignView[]
  skills: Skill[]
  /** Pages of the site's own CRM; the first that fits a call counts. */
  crm: CrmPage[]
  /** What holds for recordings; null: an older server that knows none. */
  recording: RecordingPolicies | null
  /** The latest transfer of each call, by interaction. */
  transfers: Record<string, TransferStatus>
  /** Calls in which the telephone system mutes this agent's phone. */
  muted: string[]
  /** Conversations of this agent, by interaction. */
  chats: Rooms
  /** What supervisors wrote and this agent has not read, oldest first. */
  messages: StaffMessageView[]
  /** The log cannot write to its database since this time. */
  logDegraded: boolean
}

const RECENT = 30

export function emptyDesk(): DeskState {
  return {
    ready: false,
    role: 'agent',
    me: null,
    interactions: {},
    pops: {},
    ringing: [],
    answered: [],
    order: [],
    recent: [],
    queues: [],
    agents: [],
    pbx: [],
    pauseReasons: [],
    dispositions: [],
    campaigns: [],
    skills: [],
    transfers: {},
    muted: [],
    crm: [],
    recording: null,
    chats: {},
    messages: [],
    logDegraded: false,
  }
}

/** Where chats and mails are offered to somebody: at the console itself. */
const AT_CONSOLE = 'Console/'

/** Whether `agent` of a segment or an offer is this person: by device, or by name where no device is known. */
export function isMe(me: AgentView | null, agent: string, pbx: string): boolean {
  return me !== null && (me.agent === agent || agent === AT_CONSOLE + me.agent || sitsAt(me.devices, agent, pbx))
}

const has = (interaction: InteractionView, me: AgentView | null) =>
  interaction.segments.some((segment) => segment.to === null && isMe(me, segment.agent, interaction.pbx))

/** Whether she had it, seen from where she sits now. */
const had = (interaction: InteractionView, me: AgentView | null) =>
  interaction.segments.some((segment) => isMe(me, segment.agent, interaction.pbx))

/** What an interaction is to this agent now; null: no concern of hers any more. */
export function phaseOf(state: DeskState, id: string): Phase | null {
  const interaction = state.interactions[id]
  if (!interaction) return null
  const { me } = state
  if (interaction.channel !== 'voice') return writtenPhase(state, interaction)
  // BUSY: the call is over, the agent's new state is still on its way.
  if (interaction.state === 'ended')
    return (me?.state === 'WRAP_UP' || me?.state === 'BUSY') && me.interaction_id === id ? 'wrap_up' : null
  const owned = has(interaction, me) || (me?.interaction_id === id && me.state === 'BUSY')
  if (owned && interaction.state === 'held') return 'held'
  if (owned && interaction.state === 'parked') return 'parked'
  if (owned && interaction.state === 'talking') return 'talking'
  if (state.ringing.includes(id)) return state.pops[id]?.consultation ? 'asked' : 'ringing'
  if (state.answered.includes(id)) return 'talking'
  if (me?.state === 'WRAP_UP' && me.interaction_id === id) return 'wrap_up'
  const last = interaction.segments.at(-1)
  if (interaction.state === 'parked' && last && isMe(me, last.agent, interaction.pbx)) return 'parked'
  if (interaction.direction === 'outbound' && interaction.answered_at === null) return 'dialling'
  return null
}

/** Of a chat: several may be on the desk, so the agent's own state says nothing about one of them. */
function writtenPhase(state: DeskState, interaction: InteractionView): Phase | null {
  const { id } = interaction
  const room = state.chats[id]
  const mine = had(interaction, state.me)
  // Which of the two messages of an end comes first does not matter: the card must not blink meanwhile.
  if (interaction.state === 'ended' || room?.facts.state === 'ended')
    return mine && room && !room.gone ? 'wrap_up' : null
  if (state.ringing.includes(id)) return 'ringing'
  if (room && !room.gone && room.facts.members.includes(state.me?.agent ?? '')) return 'talking'
  return !room && (has(interaction, state.me) || state.answered.includes(id)) ? 'talking' : null
}

/** The cards on the desk, oldest first. */
export function cardsOf(state: DeskState): { id: string; phase: Phase }[] {
  return state.order.flatMap((id) => {
    const phase = phaseOf(state, id)
    return phase ? [{ id, phase }] : []
  })
}

/** Since when (Unix seconds) the phase of a card lasts, for its clock. */
export function phaseSince(state: DeskState, id: string, phase: Phase): number | null {
  const interaction = state.interactions[id]
  if (!interaction) return null
  if (state.answered.includes(id)) return state.me?.since ?? null
  if (phase === 'wrap_up') return interaction.ended_at ?? state.me?.since ?? null
  if (phase === 'talking' || phase === 'held' || phase === 'parked') {
    const mine = interaction.segments.findLast((segment) => isMe(state.me, segment.agent, interaction.pbx))
    return mine?.from ?? interaction.answered_at ?? interaction.started_at
  }
  return waitingSince(interaction, state.pops[id])
}

/** Since when the caller waits: entry into the queue where she is, or the start of the call. */
export function waitingSince(interaction: InteractionView, pop?: ScreenPop): number | null {
  const visit = interaction.queue_visits.findLast((candidate) => candidate.left_at === null)
  if (visit?.entered_at != null) return visit.entered_at
  if (pop?.waited_seconds != null) return pop.emitted_at - pop.waited_seconds
  return interaction.started_at
}

const without = (ids: string[], gone: string) => ids.filter((id) => id !== gone)

function enter(state: DeskState, interaction: InteractionView): void {
  state.interactions[interaction.id] = interaction
  if (!state.order.includes(interaction.id)) state.order.push(interaction.id)
  if (interaction.state === 'ended') remember(state, interaction)
}

function remember(state: DeskState, interaction: InteractionView): void {
  const at = state.recent.findIndex((known) => known.id === interaction.id)
  // Whoever had it keeps it, also when she has moved to another telephone since.
  const mine = state.recent[at]?.mine || had(interaction, state.me)
  if (at >= 0) state.recent[at] = { ...interaction, mine }
  else state.recent = [{ ...interaction, mine }, ...state.recent].slice(0, RECENT)
}

/** Drop what is no card any more, so that a long shift does not fill the memory. */
function tidy(state: DeskState): void {
  const gone = state.order.filter((id) => phaseOf(state, id) === null && state.interactions[id]?.state === 'ended')
  for (const id of gone.slice(0, Math.max(0, gone.length - 5))) {
    state.order = state.order.filter((known) => known !== id)
    delete state.interactions[id]
    delete state.pops[id]
    delete state.transfers[id]
    delete state.chats[id]
  }
}

function putPop(state: DeskState, pop: ScreenPop): void {
  state.pops[pop.interaction.id] = pop
  enter(state, pop.interaction)
}

/** What there is to choose from. */
function choices(
  state: DeskState,
  message: Pick<Snapshot, 'pause_reasons' | 'dispositions' | 'skills' | 'campaigns'>,
): void {
  state.pauseReasons = message.pause_reasons
  state.dispositions = message.dispositions
  state.skills = message.skills ?? []
  state.campaigns = message.campaigns ?? []
}

function snapshot(state: DeskState, message: Snapshot): void {
  const degraded = state.logDegraded
  const { chats } = state
  Object.assign(state, emptyDesk(), { order: state.order })
  state.ready = true
  state.logDegraded = degraded
  state.me = message.agent
  state.role = message.role
  // The running call is a card, not yet something of the past.
  state.recent = message.recent.filter((one) => one.ended_at !== null)
  state.queues = message.queues
  state.agents = message.agents
  state.pbx = message.pbx
  choices(state, message)
  for (const transfer of message.transfers ?? []) state.transfers[transfer.interaction_id] = transfer
  state.muted = message.muted ?? []
  state.messages = message.messages ?? []
  state.crm = message.crm ?? []
  state.recording = message.recording ?? null
  for (const pop of [...message.pops, ...message.offers]) putPop(state, pop)
  // Lines that were read before stay: only what is missing is fetched.
  for (const view of message.chats ?? []) putRoom(chats, view)
  for (const view of message.chats ?? []) state.chats[view.interaction_id] = chats[view.interaction_id]!
  for (const interaction of message.interactions) enter(state, interaction)
  state.ringing = message.offers.map((pop) => pop.interaction.id)
  state.order = state.order.filter((id) => id in state.interactions)
}

function agentState(state: DeskState, agent: AgentView): void {
  if (state.me?.agent === agent.agent) state.me = agent
  const at = state.agents.findIndex((known) => known.agent === agent.agent)
  if (at >= 0) state.agents[at] = agent
}

type Apply = { [N in keyof SERVER_EVENTS]: (state: DeskState, message: SERVER_EVENTS[N]) => void }

const APPLY: Apply = {
  snapshot,
  screen_pop(state, pop) {
    putPop(state, pop)
    const { id } = pop.interaction
    if (!state.ringing.includes(id)) state.ringing.push(id)
  },
  screen_pop_updated: putPop,
  screen_pop_closed(state, { interaction_id, reason }) {
    const waits = reason === 'answered' && phaseOf(state, interaction_id) === 'ringing'
    state.ringing = without(state.ringing, interaction_id)
    if (waits) state.answered.push(interaction_id)
  },
  interaction(state, { interaction }) {
    enter(state, interaction)
    if (has(interaction, state.me) || interaction.state === 'ended')
      state.answered = without(state.answered, interaction.id)
    if (interaction.state === 'ended') state.ringing = without(state.ringing, interaction.id)
    tidy(state)
  },
  agent_state(state, { agent }) {
    agentState(state, agent)
    tidy(state)
  },
  /** What is not named stays as it is. */
  queues(state, { queues }) {
    const key = (queue: QueueView) => `${queue.pbx} ${queue.queue}`
    const news = new Map(queues.map((queue) => [key(queue), queue]))
    state.queues = state.queues.map((known) => news.get(key(known)) ?? known)
    const known = new Set(state.queues.map(key))
    state.queues.push(...queues.filter((queue) => !known.has(key(queue))))
  },
  notice(state, notice) {
    if (notice.pbx) state.pbx = notice.pbx
    if (notice.code === 'log_degraded') state.logDegraded = true
    if (notice.code === 'log_ok') state.logDegraded = false
  },
  command_result() {},
  taps() {},
  alarms() {},
  staff_message(state, { message }) {
    state.messages = [...state.messages.filter((one) => one.id !== message.id), message]
  },
  catalogue: choices,
  chat(state, { chat, gone }) {
    putRoom(state.chats, chat, gone ?? false)
    tidy(state)
  },
  chat_line(state, { interaction_id, line }) {
    const room = state.chats[interaction_id]
    if (room) putLines(room, [line])
  },
  chat_typing(state, { interaction_id, name, by, until }) {
    const room = state.chats[interaction_id]
    if (room) room.typing = { name, by, until }
  },
  // The mirror of a page is no state: whoever looks at it listens.
  chat_frame() {},
  transfer(state, { transfer }) {
    state.transfers[transfer.interaction_id] = transfer
  },
  muted(state, { interaction_id, muted }) {
    state.muted = [...without(state.muted, interaction_id), ...(muted ? [interaction_id] : [])]
  },
}

/** Take one message in. */
export function apply<N extends keyof SERVER_EVENTS>(state: DeskState, name: N, message: SERVER_EVENTS[N]): void {
  APPLY[name](state, message)
}
