// Made from agent_console/wire.py by `python -m agent_console.wire_types`; do not edit.
// Times are Unix seconds.

/** A customer as the API gives it (DESIGN 6.2). */
export interface CustomerView {
  id: string;
  name: string;
  phones: string[];
  emails: string[];
  organisation: string | null;
  language: string | null;
  vip: boolean;
  notes: string | null;
  agent?: string | null;
  kind?: "person" | "organisation";
  channel?: "voice" | "chat" | "email" | null;
  value?: number | null;
  fields?: Record<string, string | number | boolean>;
}

/** A customer whom the caller may be. */
export interface CandidateView {
  id: string;
  name: string;
  phones: string[];
  emails: string[];
  organisation: string | null;
  language: string | null;
  vip: boolean;
  notes: string | null;
  agent?: string | null;
  kind?: "person" | "organisation";
  channel?: "voice" | "chat" | "email" | null;
  value?: number | null;
  fields?: Record<string, string | number | boolean>;
  why?: ("number" | "shared" | "similar" | "chosen")[];
}

/** One line of a customer's history, newest first. */
export interface TimelineItem {
  interaction_id: string;
  at: number;
  channel: string;
  direction: string;
  queue: string | null;
  agent: string | null;
  outcome: string | null;
  talk_seconds: number;
  disposition: string | null;
  notes: string | null;
  recorded?: boolean;
}

/** A case of a customer that is not closed; its type and state are codes of `/api/case-types`. */
export interface OpenCase {
  id: string;
  number: number;
  type: string;
  state: string;
  phase: string;
  title: string;
  owner: string | null;
  due_at: number | null;
  opened_at: number;
}

/** One ringing of one agent. */
export interface OfferView {
  agent: string;
  at: number | null;
  result: string | null;
  ring_seconds: number | null;
}

/** A stretch in which an agent had the customer. */
export interface SegmentView {
  from: number | null;
  to: number | null;
  agent: string;
}

/** The customer was sent on. */
export interface TransferView {
  from: string;
  to: string;
  kind: string;
  completed: boolean;
}

/** One hold by an agent's phone. */
export interface HoldView {
  by: string;
  seconds: number;
}

/** A stretch of silence. `until`: when it ends by itself; `automatic`: it did. */
export interface RecordingGap {
  from: number | null;
  to: number | null;
  reason: "card_data" | "agent" | "pbx";
  until: number | null;
  automatic: boolean;
}

/** A recording; `/api/recordings/{id}` has the audio. `by`: who started it (`null`: the PBX). */
export interface RecordingView {
  from: number | null;
  to: number | null;
  id: string;
  file: string;
  state: "on" | "paused" | "ended";
  device: string;
  by: string | null;
  stopped_by: string | null;
  consent: "announced" | "asked" | null;
  paused_seconds: number;
  gaps: RecordingGap[];
  deleted_at: number | null;
}

/** A message in voicemail; `/api/voicemail/{id}/audio` has the sound. `seconds`: as the PBX says. */
export interface MessageView {
  id: string;
  at: number | null;
  mailbox: string;
  seconds: number | null;
}

/** One stay in one queue. */
export interface QueueVisitView {
  queue: string;
  entered_at: number | null;
  left_at: number | null;
  wait_seconds: number | null;
  result: string | null;
}

/** The interaction of DESIGN 6.1 and 6.2, with the live `state` since `state_since`. */
export interface InteractionView {
  id: string;
  pbx: string;
  customer_id: string | null;
  customer_name_known: string | null;
  disposition: string | null;
  notes: string | null;
  state: "started" | "waiting" | "ringing" | "talking" | "held" | "parked" | "ended";
  channel: string;
  direction: string;
  customer_address: string | null;
  customer_name: string | null;
  dialled: string | null;
  queue: string | null;
  outcome: string | null;
  started_at: number | null;
  answered_at: number | null;
  ended_at: number | null;
  ended_by: string | null;
  wait_seconds: number | null;
  talk_seconds: number;
  hold_seconds: number;
  linked_ids: string[];
  unique_ids: string[];
  offers: OfferView[];
  segments: SegmentView[];
  transfers: TransferView[];
  holds: HoldView[];
  recordings: RecordingView[];
  messages?: MessageView[];
  conference: boolean;
  parked: boolean;
  inferred: boolean;
  queues: string[];
  queue_visits: QueueVisitView[];
  campaign?: string;
}

/** One of the agent's last interactions. `mine`: she had it herself, at whatever telephone she sat then; a segment names a telephone only, and people change their seats. */
export interface RecentView {
  id: string;
  pbx: string;
  customer_id: string | null;
  customer_name_known: string | null;
  disposition: string | null;
  notes: string | null;
  state: "started" | "waiting" | "ringing" | "talking" | "held" | "parked" | "ended";
  channel: string;
  direction: string;
  customer_address: string | null;
  customer_name: string | null;
  dialled: string | null;
  queue: string | null;
  outcome: string | null;
  started_at: number | null;
  answered_at: number | null;
  ended_at: number | null;
  ended_by: string | null;
  wait_seconds: number | null;
  talk_seconds: number;
  hold_seconds: number;
  linked_ids: string[];
  unique_ids: string[];
  offers: OfferView[];
  segments: SegmentView[];
  transfers: TransferView[];
  holds: HoldView[];
  recordings: RecordingView[];
  messages?: MessageView[];
  conference: boolean;
  parked: boolean;
  inferred: boolean;
  queues: string[];
  queue_visits: QueueVisitView[];
  campaign?: string;
  mine: boolean;
}

/** A pause in one queue. `holder`: who must let go of it, the agent, a supervisor, or whoever set it at the PBX (then `by` and `since` are not known). */
export interface QueuePauseView {
  holder: "agent" | "supervisor" | "pbx";
  reason: string;
  by: string | null;
  since: number | null;
}

/** One queue of an agent: she is in it (`member`), or may join and leave it herself (`own`). */
export interface AgentQueueView {
  pbx: string;
  queue: string;
  member: boolean;
  own: boolean;
  pauses: QueuePauseView[];
}

/** An agent as everyone may see her. */
export interface AgentView {
  agent: string;
  name: string;
  state: string;
  reason: string | null;
  since: number;
  until: number | null;
  interaction_id: string | null;
  devices: string[];
  queues: string[];
  skills?: Record<string, number>;
  penalties?: Record<string, number>;
  places?: AgentQueueView[];
  in_hand?: Record<string, number>;
}

/** Contacts of a queue and channel whose waiting began in a stretch of time (docs/metrics.md). `counted`: offered − abandoned_short − still waiting; `service_level`: percent of `answered_in` ÷ `counted`; `abandon_rate`: percent of `abandoned` ÷ `counted`; `null`: of nothing. `other`: what ended in any other way. */
export interface WindowView {
  offered: number;
  answered: number;
  abandoned: number;
  abandoned_short: number;
  other: number;
  answered_in: number;
  counted: number;
  service_level: number | null;
  abandon_rate: number | null;
}

/** One channel of a queue now. `talking`: contacts with an agent; `today` begins at the site's midnight. */
export interface ChannelView {
  channel: "voice" | "chat" | "email" | "callback";
  waiting: number;
  longest_wait_since: number | null;
  talking: number;
  today: WindowView;
  hour: WindowView;
  half_hour: WindowView;
}

/** A queue's figures now, of all channels together. */
export interface QueueView {
  pbx: string;
  queue: string;
  label: string;
  waiting: number;
  longest_wait_since: number | null;
  ready: number;
  busy: number;
  not_ready: number;
  channels?: ChannelView[];
  level_seconds?: number;
}

/** An alarm that is raised, or was. `code`: `threshold` (of `rule`, with what was measured), or a limit of the program (`stuck_offered` …, with `params`). `queue` and `channel` `null`: all together. */
export interface AlarmView {
  id: string;
  code: string;
  rule: string | null;
  name: string;
  level: "warning" | "critical";
  sound: boolean;
  measure: "waiting" | "longest_wait" | "service_level" | "abandon_rate" | "nobody_ready" | null;
  pbx: string | null;
  queue: string | null;
  channel: string | null;
  value: number | null;
  limit: number | null;
  params: Record<string, string>;
  raised_at: number;
  cleared_at: number | null;
  acknowledged_by: string | null;
  acknowledged_at: number | null;
}

/** Who got a message; `read_at` `null`: not read yet. */
export interface MessageReader {
  agent: string;
  name: string;
  read_at: number | null;
}

/** A message of a supervisor to agents, or an agent's (`reply_to`: an answer). `to`: a user, `queue:NAME`, `all`, or `supervisors`. `readers`: to supervisors only. */
export interface StaffMessageView {
  id: string;
  at: number;
  by: string;
  by_name: string;
  to: string;
  text: string;
  urgent: boolean;
  reply_to: string | null;
  readers?: MessageReader[];
}

/** The state of one link, as the consoles show it. */
export interface PbxView {
  pbx: string;
  state: "up" | "connecting" | "lost" | "refused";
  since: number;
  reason: string | null;
  can_hold?: boolean;
  cannot?: string[];
  can_record?: boolean;
}

/** Whether calls of a queue are recorded. `pbx` and `queue` `null`: calls that came through none. */
export interface RecordingRule {
  pbx: string | null;
  queue: string | null;
  policy: "always" | "on_demand" | "never";
  consent: boolean;
}

/** What holds for recordings. A queue that is not in `rules` is `on_demand` without an announcement. */
export interface RecordingPolicies {
  configured: boolean;
  card_pause_seconds: number;
  may_listen: boolean;
  rules: RecordingRule[];
}

/** Why an agent may be not ready. `labels`: text by language. */
export interface PauseReason {
  code: string;
  labels: Record<string, string>;
}

/** What calls can be made for. `queues` empty: by everybody. */
export interface CampaignView {
  code: string;
  labels: Record<string, string>;
  queues: string[];
}

/** What came of a contact. `queues` empty: for all. */
export interface Disposition {
  code: string;
  labels: Record<string, string>;
  queues: string[];
}

/** Something that agents can do, more or less well. */
export interface Skill {
  code: string;
  labels: Record<string, string>;
}

/** One thing between the callers and an agent. `at`: the moment that it is about; `code`: a text's name. */
export interface WhyFinding {
  code: string;
  weight: "blocks" | "limits" | "info";
  params: Record<string, string>;
  at: number | null;
}

/** Why an agent gets no calls, the most important first. */
export interface WhyView {
  agent: string;
  at: number;
  findings: WhyFinding[];
}

/** A supervisor at an agent's call. `since`: her phone was lifted; `following`: waits for the next agent. */
export interface TapView {
  supervisor: string;
  agent: string;
  interaction_id: string;
  mode: "listen" | "whisper" | "barge";
  state: "calling" | "up" | "following";
  since: number;
}

/** The site's own page of a customer. The first of several whose `queue` and `pbx` fit (null: any) counts. `url` has placeholders in braces, as `{e164}`, whose values must be percent-encoded. */
export interface CrmPage {
  queue: string | null;
  pbx: string | null;
  url: string;
  open_on: "ring" | "answer" | "click";
}

/** `seq` is global; `prev` is the seq of this agent's previous message (0: none). */
export interface Numbered {
  seq: number;
  prev: number;
}

/** Somebody rings this agent. */
export interface ScreenPop extends Numbered {
  interaction: InteractionView;
  customer: CustomerView | null;
  candidates: CandidateView[];
  strength: "known" | "maybe" | "candidates" | "unknown";
  looking_up: boolean;
  timeline: TimelineItem[];
  open_cases: OpenCase[];
  queue: string | null;
  waited_seconds: number | null;
  pbx_received_at: number | null;
  emitted_at: number;
  until?: number;
  consultation?: boolean;
}

/** The ringing is over. */
export interface ScreenPopClosed extends Numbered {
  interaction_id: string;
  reason: string;
}

/** Everything a console needs to draw itself; what came before does not matter any more. */
export interface Snapshot extends Numbered {
  agent: AgentView;
  role: string;
  server_time: number;
  interactions: InteractionView[];
  offers: ScreenPop[];
  pops: ScreenPop[];
  recent: RecentView[];
  queues: QueueView[];
  agents: AgentView[];
  pbx: PbxView[];
  transfers?: TransferStatus[];
  muted?: string[];
  taps?: TapView[];
  pause_reasons: PauseReason[];
  dispositions: Disposition[];
  skills?: Skill[];
  campaigns?: CampaignView[];
  crm?: CrmPage[];
  recording?: RecordingPolicies;
  chats?: ChatView[];
  messages?: StaffMessageView[];
  alarms?: AlarmView[];
  zone?: string;
}

/** An administrator changed what there is to choose from. (Queues come with their figures.) */
export interface CatalogueMessage extends Numbered {
  pause_reasons: PauseReason[];
  dispositions: Disposition[];
  skills: Skill[];
  campaigns?: CampaignView[];
}

/** An interaction of this agent changed. */
export interface InteractionMessage extends Numbered {
  interaction: InteractionView;
}

/** The agent's state changed. */
export interface AgentStateMessage extends Numbered {
  agent: AgentView;
}

/** Queue figures that changed, at most once a second. An agent is told of the queues that she serves (of all, if she serves none), and only what is new: what is not named stays as it is. A supervisor is told of all queues. */
export interface QueuesMessage extends Numbered {
  queues: QueueView[];
}

/** Something to tell. `code` names a text of the console's catalogue, `params` fill it. */
export interface Notice extends Numbered {
  level: "info" | "warning" | "error";
  code: string;
  params: Record<string, string>;
  pbx?: PbxView[];
}

/** The alarms that are raised now (to supervisors only), and which one just was raised or cleared. */
export interface AlarmsMessage extends Numbered {
  alarms: AlarmView[];
  raised?: string[];
  cleared?: AlarmView[];
}

/** A message for this agent; to supervisors: one that was sent, read or answered. */
export interface StaffMessageMessage extends Numbered {
  message: StaffMessageView;
}

/** Who listens to whom now (to supervisors only). */
export interface TapsMessage extends Numbered {
  taps: TapView[];
}

/** What was said, as a code of `agent_console.sentences` with its arguments, for other languages. */
export interface Sentence {
  code: string;
  params: Record<string, string>;
}

/** Why something was refused, in plain words; `field` names the input at fault. */
export interface WireError {
  code: string;
  message: string;
  field?: string;
  said?: Sentence;
}

/** A transfer under way. `from`: who sends; `to`: user name, queue or number; `error`: why not or why back. */
export interface TransferStatus {
  from: string;
  to: string;
  id: string;
  interaction_id: string;
  from_name: string;
  to_name: string;
  kind: "blind" | "attended" | "conference";
  state: "starting" | "ringing" | "consulting" | "completed" | "cancelled" | "failed" | "returned";
  since: number;
  error?: WireError;
}

/** A transfer went on; told to who sends and to the colleague who is asked. */
export interface TransferMessage extends Numbered {
  transfer: TransferStatus;
}

/** The PBX mutes the agent's phone in this call, or does no more. */
export interface MutedMessage extends Numbered {
  interaction_id: string;
  muted: boolean;
}

/** The observed outcome of the command with this client id. */
export interface CommandResult extends Numbered {
  id: string;
  ok: boolean;
  error?: WireError;
}

/** The immediate answer: accepted or refused. */
export interface Ack {
  ok: boolean;
  error?: WireError;
  cards?: number;
}

/** A file in a chat, at `/api/chats/files/{id}`. `size` in bytes. */
export interface ChatFile {
  id: string;
  name: string;
  type: string;
  size: number;
}

/** A line came by mail: from this address, about this. `cut`: the letter said more, which `GET /api/chats/{id}/lines` has as `whole`: mostly what it quoted. */
export interface ChatLineMail {
  address: string;
  subject: string;
  cut: boolean;
  whole?: string;
}

/** One line; `number` counts from 1 without gaps. `private`: for agents and supervisors, never shown to him. */
export interface ChatLineView {
  number: number;
  id: string;
  by: "visitor" | "agent" | "system";
  name: string | null;
  at: number;
  kind: "text" | "file" | "event";
  text: string;
  file?: ChatFile;
  private?: boolean;
  mail?: ChatLineMail;
}

/** A page of the site that the visitor looked at, told with his consent. */
export interface VisitedPage {
  at: number;
  url: string;
  title: string;
}

/** Who writes. `verified`: the site vouches for him; `form`: what he typed before (proves nothing). */
export interface VisitorView {
  name: string | null;
  verified: boolean;
  language: string;
  online: boolean;
  page: string | null;
  trail: VisitedPage[];
  form: Record<string, string>;
}

/** A conversation as its agents see it. `last`: its highest number; `seen`: the highest that the visitor saw; `read`: the highest that this agent saw; `members`: agents in it; `joined`: supervisors; `idle_at`: when it closes by itself; `by_mail`: what is written goes out as mails; `lines`: the newest when it is shown first, none in a later `chat` message (all by `GET /api/chats/{id}/lines?after=&before=&limit=`). */
export interface ChatView {
  interaction_id: string;
  state: "waiting" | "offered" | "talking" | "ended";
  queue: string;
  visitor: VisitorView;
  last: number;
  seen: number;
  read: number;
  members: string[];
  joined: string[];
  idle_at: number | null;
  cobrowse: "off" | "asked" | "on";
  by_mail?: boolean;
  lines: ChatLineView[];
}

/** A chat of this agent began, changed or is no longer hers (`gone`). */
export interface ChatMessage extends Numbered {
  chat: ChatView;
  gone?: boolean;
}

/** A line was written in a chat of this agent, by whomever. */
export interface ChatLineMessage extends Numbered {
  interaction_id: string;
  line: ChatLineView;
}

/** Somebody else writes in a chat; good until `until`. `draft` is never sent. */
export interface ChatTypingMessage extends Numbered {
  interaction_id: string;
  name: string | null;
  by: "visitor" | "agent";
  until: number;
}

/** A piece of the page that the visitor shows (`webchat` co-browsing); read-only, inputs masked. */
export interface ChatFrameMessage extends Numbered {
  interaction_id: string;
  n: number;
  data: string;
}

/** Every command has a client id; the same id again does nothing twice. */
export interface ClientCommand {
  id: string;
}

/** Ask for a state. `reason` is a pause reason's code, needed for NOT_READY. */
export interface SetState extends ClientCommand {
  state: "READY" | "NOT_READY" | "LOGGED_OUT";
  reason?: string | null;
}

/** Join, leave, or take calls again of a queue of one's own. `pbx`: may be left out with one. */
export interface OwnQueue extends ClientCommand {
  queue: string;
  pbx?: string | null;
}

/** Take no calls of this queue and stay ready in others. `reason` is a pause reason's code. */
export interface PauseOwnQueue extends OwnQueue {
  reason: string;
}

/** Call a number; the agent's phone rings first. Who is shown numbers masked sends `to` as it is shown, with the `customer_id` or the `interaction_id` that it was shown with: the server knows the number. */
export interface Dial extends ClientCommand {
  to: string;
  customer_id?: string | null;
  interaction_id?: string | null;
  queue?: string | null;
  campaign?: string | null;
}

/** A command on one call. */
export interface OnInteraction extends ClientCommand {
  interaction_id: string;
}

/** Lift the phone, where the phone can be told to. */
export interface Answer extends OnInteraction {
}

/** End this agent's leg of the call. */
export interface HangUp extends OnInteraction {
}

/** Put the customer on hold, where the phone can be told to. */
export interface Hold extends OnInteraction {
}

/** Take the customer back from hold. */
export interface Resume extends OnInteraction {
}

/** Let the customer not hear one's own phone, by the PBX. */
export interface Mute extends OnInteraction {
}

/** Be heard again. */
export interface Unmute extends OnInteraction {
}

/** Play tones to the customer's side. */
export interface SendDtmf extends OnInteraction {
  digits: string;
}

/** Send the customer to a colleague (user name), a queue, an extension or a number; `attended`: ask first. */
export interface Transfer extends OnInteraction {
  to: string;
  kind: "blind" | "attended";
}

/** Leave the customer with the one who was asked (or whose phone still rings). */
export interface CompleteTransfer extends OnInteraction {
}

/** Back to the customer. */
export interface CancelTransfer extends OnInteraction {
}

/** Talk to the other of the two. */
export interface SwapTransfer extends OnInteraction {
}

/** Talk all three: with the one who is being asked, or (`to`) with somebody who is rung for it. */
export interface Conference extends OnInteraction {
  to?: string | null;
}

/** Take the one whom this agent added out of the conference. */
export interface DropParty extends OnInteraction {
}

/** Put the customer into the parking lot. */
export interface Park extends OnInteraction {
}

/** Take a parked customer back: the agent's phone rings first. */
export interface Retrieve extends OnInteraction {
}

/** Take a chosen waiting caller: the agent's phone rings first, the caller waits in his place until then. */
export interface PickUp extends OnInteraction {
}

/** Record the call. `consent`: the customer was asked and agreed (needed where the queue has an announcement). */
export interface StartRecording extends OnInteraction {
  consent?: boolean;
}

/** End the recording, where the queue's policy lets the agent. */
export interface StopRecording extends OnInteraction {
}

/** Write silence while card data is spoken; it goes on by itself after `card_pause_seconds`. */
export interface PauseRecording extends OnInteraction {
}

/** Write the audio again. */
export interface ResumeRecording extends OnInteraction {
}

/** Choose the customer (`customer_id`), or create one. */
export interface Identify extends OnInteraction {
  customer_id?: string | null;
  create?: Record<string, unknown> | null;
}

/** The notes are now this text. */
export interface Note extends OnInteraction {
  text: string;
}

/** Finish the work after the call. */
export interface WrapUp extends OnInteraction {
  disposition?: string | null;
  notes?: string | null;
}

/** The browser has drawn the pop: the last stretch of the latency that we measure. */
export interface PopShown extends OnInteraction {
  emitted_at: number;
}

/** Do not take an offered chat or mail; it goes to somebody else. (`answer` takes it.) */
export interface Decline extends OnInteraction {
  reason?: string | null;
}

/** Write a line; `id` is its UUID. `private`: only agents and supervisors see it. */
export interface ChatSend extends OnInteraction {
  text: string;
  private?: boolean;
}

/** Send a file that was uploaded before (`POST /api/chats/{id}/files`). */
export interface ChatSendFile extends OnInteraction {
  file: string;
}

/** The agent writes (or stopped). */
export interface ChatTyping extends OnInteraction {
  on?: boolean;
}

/** The agent has seen lines up to this number. */
export interface ChatSeen extends OnInteraction {
  number: number;
}

/** End the chat; wrap-up follows as with a call. */
export interface ChatClose extends OnInteraction {
}

/** Ask the visitor to show his page (`on`), or end that. */
export interface ChatCobrowse extends OnInteraction {
  on: boolean;
}

/** The agent has read this message of a supervisor. */
export interface ReadMessage extends ClientCommand {
  message: string;
}

/** Tell the supervisors something; `reply_to`: an answer to a message, which counts as read with it. */
export interface TellSupervisors extends ClientCommand {
  text: string;
  reply_to?: string | null;
}

/** What a supervisor does about an agent; `why` is kept in the audit trail. */
export interface OnAgent extends ClientCommand {
  agent: string;
  why: string;
}

/** Hear an agent's call by one's own phone: silently, heard by the agent alone, or by both. Again: another mode. */
export interface Listen extends OnAgent {
  mode: "listen" | "whisper" | "barge";
}

/** End one's own listening. */
export interface StopListening extends ClientCommand {
}

/** Set an agent's state. `reason` is a pause reason's code, needed for NOT_READY. */
export interface ForceState extends OnAgent {
  state: "READY" | "NOT_READY" | "LOGGED_OUT";
  reason?: string | null;
}

/** What a supervisor does about an agent in one queue. `pbx`: may be left out with one. */
export interface OnQueueOfAgent extends OnAgent {
  queue: string;
  pbx?: string | null;
}

/** Make an agent's phone a member of a queue, or change its penalty there. */
export interface JoinQueue extends OnQueueOfAgent {
  penalty?: number;
}

/** Take an agent's phone out of a queue. */
export interface LeaveQueue extends OnQueueOfAgent {
}

/** Let an agent get no calls of a queue. `reason` is a pause reason's code. */
export interface PauseQueue extends OnQueueOfAgent {
  reason: string;
}

/** End all our pauses of an agent in a queue, her own too. */
export interface ResumeQueue extends OnQueueOfAgent {
}

/** Send the agent's customer to the supervisor's own phone. */
export interface TakeOver extends OnAgent {
  interaction_id: string;
}

/** Give a waiting contact to an agent: her phone rings, or the chat is offered to her alone. */
export interface Assign extends OnAgent {
  interaction_id: string;
}

/** Set an agent's level (1 to 5) of a skill; 0: she has it no more. It counts at once. */
export interface SetSkill extends OnAgent {
  skill: string;
  level: number;
}

/** Tell an agent (user name), those who serve a queue (`queue:NAME`) or `all` something; shown until read. */
export interface SendMessage extends ClientCommand {
  to: string;
  text: string;
  urgent?: boolean;
}

/** Somebody looks after this alarm. It stays until what raised it is over. */
export interface AcknowledgeAlarm extends ClientCommand {
  alarm: string;
}

/** Read a chat and write in it. `silent`: the visitor does not see it, and what one writes is for colleagues. */
export interface JoinChat extends OnInteraction {
  why: string;
  silent?: boolean;
}

/** Out of a chat that one joined. */
export interface LeaveChat extends OnInteraction {
}

/** Server to console: event name to message. */
export interface SERVER_EVENTS {
  snapshot: Snapshot;
  screen_pop: ScreenPop;
  screen_pop_updated: ScreenPop;
  screen_pop_closed: ScreenPopClosed;
  interaction: InteractionMessage;
  agent_state: AgentStateMessage;
  queues: QueuesMessage;
  notice: Notice;
  muted: MutedMessage;
  taps: TapsMessage;
  alarms: AlarmsMessage;
  staff_message: StaffMessageMessage;
  catalogue: CatalogueMessage;
  command_result: CommandResult;
  transfer: TransferMessage;
  chat: ChatMessage;
  chat_line: ChatLineMessage;
  chat_typing: ChatTypingMessage;
  chat_frame: ChatFrameMessage;
}

/** Console to server: event name to command. */
export interface CLIENT_COMMANDS {
  set_state: SetState;
  join_queue: OwnQueue;
  leave_queue: OwnQueue;
  pause_queue: PauseOwnQueue;
  resume_queue: OwnQueue;
  dial: Dial;
  answer: Answer;
  hang_up: HangUp;
  hold: Hold;
  resume: Resume;
  mute: Mute;
  unmute: Unmute;
  send_dtmf: SendDtmf;
  transfer: Transfer;
  complete_transfer: CompleteTransfer;
  cancel_transfer: CancelTransfer;
  swap_transfer: SwapTransfer;
  conference: Conference;
  drop_party: DropParty;
  park: Park;
  retrieve: Retrieve;
  pick_up: PickUp;
  start_recording: StartRecording;
  stop_recording: StopRecording;
  pause_recording: PauseRecording;
  resume_recording: ResumeRecording;
  identify: Identify;
  note: Note;
  wrap_up: WrapUp;
  pop_shown: PopShown;
  decline: Decline;
  chat_send: ChatSend;
  chat_send_file: ChatSendFile;
  chat_typing: ChatTyping;
  chat_seen: ChatSeen;
  chat_close: ChatClose;
  chat_cobrowse: ChatCobrowse;
  read_message: ReadMessage;
  send_message: TellSupervisors;
}

/** Supervisor to server: event name to command. */
export interface SUPERVISOR_COMMANDS {
  listen: Listen;
  stop_listening: StopListening;
  force_state: ForceState;
  join_queue: JoinQueue;
  leave_queue: LeaveQueue;
  pause_queue: PauseQueue;
  resume_queue: ResumeQueue;
  take_over: TakeOver;
  join_chat: JoinChat;
  leave_chat: LeaveChat;
  chat_send: ChatSend;
  assign: Assign;
  set_skill: SetSkill;
  send_message: SendMessage;
  acknowledge_alarm: AcknowledgeAlarm;
}

/** For `Socket<ServerToClientEvents, …>`. */
export interface ServerToClientEvents {
  snapshot: (message: Snapshot) => void;
  screen_pop: (message: ScreenPop) => void;
  screen_pop_updated: (message: ScreenPop) => void;
  screen_pop_closed: (message: ScreenPopClosed) => void;
  interaction: (message: InteractionMessage) => void;
  agent_state: (message: AgentStateMessage) => void;
  queues: (message: QueuesMessage) => void;
  notice: (message: Notice) => void;
  muted: (message: MutedMessage) => void;
  taps: (message: TapsMessage) => void;
  alarms: (message: AlarmsMessage) => void;
  staff_message: (message: StaffMessageMessage) => void;
  catalogue: (message: CatalogueMessage) => void;
  command_result: (message: CommandResult) => void;
  transfer: (message: TransferMessage) => void;
  chat: (message: ChatMessage) => void;
  chat_line: (message: ChatLineMessage) => void;
  chat_typing: (message: ChatTypingMessage) => void;
  chat_frame: (message: ChatFrameMessage) => void;
}

/** For `Socket<…, ClientToServerEvents>`. */
export interface ClientToServerEvents {
  set_state: (command: SetState, ack: (answer: Ack) => void) => void;
  join_queue: (command: OwnQueue, ack: (answer: Ack) => void) => void;
  leave_queue: (command: OwnQueue, ack: (answer: Ack) => void) => void;
  pause_queue: (command: PauseOwnQueue, ack: (answer: Ack) => void) => void;
  resume_queue: (command: OwnQueue, ack: (answer: Ack) => void) => void;
  dial: (command: Dial, ack: (answer: Ack) => void) => void;
  answer: (command: Answer, ack: (answer: Ack) => void) => void;
  hang_up: (command: HangUp, ack: (answer: Ack) => void) => void;
  hold: (command: Hold, ack: (answer: Ack) => void) => void;
  resume: (command: Resume, ack: (answer: Ack) => void) => void;
  mute: (command: Mute, ack: (answer: Ack) => void) => void;
  unmute: (command: Unmute, ack: (answer: Ack) => void) => void;
  send_dtmf: (command: SendDtmf, ack: (answer: Ack) => void) => void;
  transfer: (command: Transfer, ack: (answer: Ack) => void) => void;
  complete_transfer: (command: CompleteTransfer, ack: (answer: Ack) => void) => void;
  cancel_transfer: (command: CancelTransfer, ack: (answer: Ack) => void) => void;
  swap_transfer: (command: SwapTransfer, ack: (answer: Ack) => void) => void;
  conference: (command: Conference, ack: (answer: Ack) => void) => void;
  drop_party: (command: DropParty, ack: (answer: Ack) => void) => void;
  park: (command: Park, ack: (answer: Ack) => void) => void;
  retrieve: (command: Retrieve, ack: (answer: Ack) => void) => void;
  pick_up: (command: PickUp, ack: (answer: Ack) => void) => void;
  start_recording: (command: StartRecording, ack: (answer: Ack) => void) => void;
  stop_recording: (command: StopRecording, ack: (answer: Ack) => void) => void;
  pause_recording: (command: PauseRecording, ack: (answer: Ack) => void) => void;
  resume_recording: (command: ResumeRecording, ack: (answer: Ack) => void) => void;
  identify: (command: Identify, ack: (answer: Ack) => void) => void;
  note: (command: Note, ack: (answer: Ack) => void) => void;
  wrap_up: (command: WrapUp, ack: (answer: Ack) => void) => void;
  pop_shown: (command: PopShown, ack: (answer: Ack) => void) => void;
  decline: (command: Decline, ack: (answer: Ack) => void) => void;
  chat_send: (command: ChatSend, ack: (answer: Ack) => void) => void;
  chat_send_file: (command: ChatSendFile, ack: (answer: Ack) => void) => void;
  chat_typing: (command: ChatTyping, ack: (answer: Ack) => void) => void;
  chat_seen: (command: ChatSeen, ack: (answer: Ack) => void) => void;
  chat_close: (command: ChatClose, ack: (answer: Ack) => void) => void;
  chat_cobrowse: (command: ChatCobrowse, ack: (answer: Ack) => void) => void;
  read_message: (command: ReadMessage, ack: (answer: Ack) => void) => void;
  send_message: (command: TellSupervisors, ack: (answer: Ack) => void) => void;
}

export const SERVER_EVENT_NAMES = [
  "snapshot",
  "screen_pop",
  "screen_pop_updated",
  "screen_pop_closed",
  "interaction",
  "agent_state",
  "queues",
  "notice",
  "muted",
  "taps",
  "alarms",
  "staff_message",
  "catalogue",
  "command_result",
  "transfer",
  "chat",
  "chat_line",
  "chat_typing",
  "chat_frame",
] as const satisfies readonly (keyof SERVER_EVENTS)[];
