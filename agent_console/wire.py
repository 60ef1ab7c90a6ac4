"""What goes over the console's Socket.IO, declared once.

Server to client are ``TypedDict``s (built on the fast path, never validated there); client to server are
pydantic models (validated, unknown fields ignored). ``web/src/wire.ts`` and ``docs/events.md`` are made
from this file by ``python -m agent_console.wire_types``. Times are Unix seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from pydantic import BaseModel, ConfigDict, Field

# --- things ----------------------------------------------------------------------------------------


class CustomerView(TypedDict):
    """A customer as the API gives it (DESIGN 6.2)."""

    id: str
    name: str
    phones: list[str]
    emails: list[str]
    organisation: str | None
    language: str | None
    vip: bool
    notes: str | None
    agent: NotRequired[str | None]
    """The user who looks after this customer."""
    kind: NotRequired[Literal["person", "organisation"]]
    channel: NotRequired[Literal["voice", "chat", "email"] | None]
    """The channel that he prefers."""
    value: NotRequired[float | None]
    """What he is worth to the site, in its currency."""
    fields: NotRequired[dict[str, str | float | bool]]
    """What the site keeps beside, by the field's code (``/api/custom-fields``)."""


class CandidateView(CustomerView):
    """A customer whom the caller may be."""

    why: NotRequired[list[Literal["number", "shared", "similar", "chosen"]]]
    """``number``: the record has it; ``shared``: several use it; ``similar``: only the national number is the same;
    ``chosen``: an agent chose this person for it before."""


class TimelineItem(TypedDict):
    """One line of a customer's history, newest first."""

    interaction_id: str
    at: float
    channel: str
    direction: str
    queue: str | None
    agent: str | None
    outcome: str | None
    talk_seconds: float
    disposition: str | None
    notes: str | None
    recorded: NotRequired[bool]
    """There is a recording of it still."""


class OpenCase(TypedDict):
    """A case of a customer that is not closed; its type and state are codes of ``/api/case-types``."""

    id: str
    number: int
    type: str
    state: str
    phase: str
    title: str
    owner: str | None
    due_at: float | None
    opened_at: float


class OfferView(TypedDict):
    """One ringing of one agent."""

    agent: str
    at: float | None
    result: str | None
    ring_seconds: float | None


class SegmentView(TypedDict("SegmentView", {"from": float | None, "to": float | None})):
    """A stretch in which an agent had the customer."""

    agent: str


class TransferView(TypedDict("TransferView", {"from": str, "to": str})):
    """The customer was sent on."""

    kind: str
    completed: bool


class HoldView(TypedDict):
    """One hold by an agent's phone."""

    by: str
    seconds: float


class RecordingGap(TypedDict("RecordingGap", {"from": float | None, "to": float | None})):
    """A stretch of silence. ``until``: when it ends by itself; ``automatic``: it did."""

    reason: Literal["card_data", "agent", "pbx"]
    until: float | None
    automatic: bool


class RecordingView(TypedDict("RecordingView", {"from": float | None, "to": float | None})):
    """A recording; ``/api/recordings/{id}`` has the audio. ``by``: who started it (``null``: the PBX)."""

    id: str
    file: str
    state: Literal["on", "paused", "ended"]
    device: str
    by: str | None
    stopped_by: str | None
    consent: Literal["announced", "asked"] | None
    paused_seconds: float
    gaps: list[RecordingGap]
    deleted_at: float | None


class MessageView(TypedDict):
    """A message in voicemail; ``/api/voicemail/{id}/audio`` has the sound. ``seconds``: as the PBX says."""

    id: str
    at: float | None
    mailbox: str
    seconds: float | None


class QueueVisitView(TypedDict):
    """One stay in one queue."""

    queue: str
    entered_at: float | None
    left_at: float | None
    wait_seconds: float | None
    result: str | None


InteractionStateName = Literal["started", "waiting", "ringing", "talking", "held", "parked", "ended"]


class InteractionView(TypedDict):
    """The interaction of DESIGN 6.1 and 6.2, with the live ``state`` since ``state_since``."""

    id: str
    pbx: str
    customer_id: str | None
    customer_name_known: str | None
    disposition: str | None
    notes: str | None
    state: InteractionStateName
    channel: str
    direction: str
    customer_address: str | None
    customer_name: str | None
    dialled: str | None
    queue: str | None
    outcome: str | None
    started_at: float | None
    answered_at: float | None
    ended_at: float | None
    ended_by: str | None
    wait_seconds: float | None
    talk_seconds: float
    hold_seconds: float
    linked_ids: list[str]
    unique_ids: list[str]
    offers: list[OfferView]
    segments: list[SegmentView]
    transfers: list[TransferView]
    holds: list[HoldView]
    recordings: list[RecordingView]
    messages: NotRequired[list[MessageView]]
    conference: bool
    parked: bool
    inferred: bool
    queues: list[str]
    queue_visits: list[QueueVisitView]
    campaign: NotRequired[str]


class RecentView(InteractionView):
    """One of the agent's last interactions. ``mine``: she had it herself, at whatever telephone she sat then; a segment
    names a telephone only, and people change their seats."""

    mine: bool


class QueuePauseView(TypedDict):
    """A pause in one queue. ``holder``: who must let go of it, the agent, a supervisor, or whoever set it at the PBX
    (then ``by`` and ``since`` are not known)."""

    holder: Literal["agent", "supervisor", "pbx"]
    reason: str
    by: str | None
    since: float | None


class AgentQueueView(TypedDict):
    """One queue of an agent: she is in it (``member``), or may join and leave it herself (``own``)."""

    pbx: str
    queue: str
    member: bool
    own: bool
    pauses: list[QueuePauseView]


class AgentView(TypedDict):
    """An agent as everyone may see her."""

    agent: str
    name: str
    state: str
    reason: str | None
    since: float
    until: float | None
    interaction_id: str | None
    devices: list[str]
    queues: list[str]
    skills: NotRequired[dict[str, int]]
    """Her levels, 1 to 5, by the skill's code."""
    penalties: NotRequired[dict[str, int]]
    """Her penalty in each queue that has one; 0 is left out."""
    places: NotRequired[list[AgentQueueView]]
    """Her queues one by one."""
    in_hand: NotRequired[dict[str, int]]
    """How many contacts she has, by channel; a channel without one is left out."""


class WindowView(TypedDict):
    """Contacts of a queue and channel whose waiting began in a stretch of time (docs/metrics.md). ``counted``: offered
    − abandoned_short − still waiting; ``service_level``: percent of ``answered_in`` ÷ ``counted``; ``abandon_rate``:
    percent of ``abandoned`` ÷ ``counted``; ``null``: of nothing. ``other``: what ended in any other way."""

    offered: int
    answered: int
    abandoned: int
    abandoned_short: int
    other: int
    answered_in: int
    counted: int
    service_level: float | None
    abandon_rate: float | None


class ChannelView(TypedDict):
    """One channel of a queue now. ``talking``: contacts with an agent; ``today`` begins at the site's midnight."""

    channel: Literal["voice", "chat", "email", "callback"]
    waiting: int
    longest_wait_since: float | None
    talking: int
    today: WindowView
    hour: WindowView
    half_hour: WindowView


class QueueView(TypedDict):
    """A queue's figures now, of all channels together."""

    pbx: str
    queue: str
    label: str
    waiting: int
    longest_wait_since: float | None
    ready: int
    busy: int
    not_ready: int
    channels: NotRequired[list[ChannelView]]
    """By channel; to supervisors only."""
    level_seconds: NotRequired[float]
    """Within so many seconds the queue wants to answer; to supervisors only."""


AlarmMeasure = Literal["waiting", "longest_wait", "service_level", "abandon_rate", "nobody_ready"]


class AlarmView(TypedDict):
    """An alarm that is raised, or was. ``code``: ``threshold`` (of ``rule``, with what was measured), or a limit of
    the program (``stuck_offered`` …, with ``params``). ``queue`` and ``channel`` ``null``: all together."""

    id: str
    code: str
    rule: str | None
    name: str
    level: Literal["warning", "critical"]
    sound: bool
    measure: AlarmMeasure | None
    pbx: str | None
    queue: str | None
    channel: str | None
    value: float | None
    limit: float | None
    params: dict[str, str]
    raised_at: float
    cleared_at: float | None
    acknowledged_by: str | None
    acknowledged_at: float | None


class MessageReader(TypedDict):
    """Who got a message; ``read_at`` ``null``: not read yet."""

    agent: str
    name: str
    read_at: float | None


class StaffMessageView(TypedDict):
    """A message of a supervisor to agents, or an agent's (``reply_to``: an answer). ``to``: a user, ``queue:NAME``,
    ``all``, or ``supervisors``. ``readers``: to supervisors only."""

    id: str
    at: float
    by: str
    by_name: str
    to: str
    text: str
    urgent: bool
    reply_to: str | None
    readers: NotRequired[list[MessageReader]]


class PbxView(TypedDict):
    """The state of one link, as the consoles show it."""

    pbx: str
    state: Literal["up", "connecting", "lost", "refused"]
    since: float
    reason: str | None
    can_hold: NotRequired[bool]
    """Whether desk phones can be told to hold (a second manager user)."""
    cannot: NotRequired[list[str]]
    """What the PBX or our manager user there does not allow: ``park``, ``transfer``, ``conference``, ``keypad`` …"""
    can_record: NotRequired[bool]
    """Whether agents can start recordings (a second manager user)."""


class RecordingRule(TypedDict):
    """Whether calls of a queue are recorded. ``pbx`` and ``queue`` ``null``: calls that came through none."""

    pbx: str | None
    queue: str | None
    policy: Literal["always", "on_demand", "never"]
    consent: bool


class RecordingPolicies(TypedDict):
    """What holds for recordings. A queue that is not in ``rules`` is ``on_demand`` without an announcement."""

    configured: bool
    card_pause_seconds: float
    may_listen: bool
    rules: list[RecordingRule]


class PauseReason(TypedDict):
    """Why an agent may be not ready. ``labels``: text by language."""

    code: str
    labels: dict[str, str]


class CampaignView(TypedDict):
    """What calls can be made for. ``queues`` empty: by everybody."""

    code: str
    labels: dict[str, str]
    queues: list[str]


class Disposition(TypedDict):
    """What came of a contact. ``queues`` empty: for all."""

    code: str
    labels: dict[str, str]
    queues: list[str]


class Skill(TypedDict):
    """Something that agents can do, more or less well."""

    code: str
    labels: dict[str, str]


class WhyFinding(TypedDict):
    """One thing between the callers and an agent. ``at``: the moment that it is about; ``code``: a text's name."""

    code: str
    weight: Literal["blocks", "limits", "info"]
    params: dict[str, str]
    at: float | None


class WhyView(TypedDict):
    """Why an agent gets no calls, the most important first."""

    agent: str
    at: float
    findings: list[WhyFinding]


class TapView(TypedDict):
    """A supervisor at an agent's call. ``since``: her phone was lifted; ``following``: waits for the next agent."""

    supervisor: str
    agent: str
    interaction_id: str
    mode: Literal["listen", "whisper", "barge"]
    state: Literal["calling", "up", "following"]
    since: float


class CrmPage(TypedDict):
    """The site's own page of a customer. The first of several whose ``queue`` and ``pbx`` fit (null: any) counts.

    ``url`` has placeholders in braces, as ``{e164}``, whose values must be percent-encoded.
    """

    queue: str | None
    pbx: str | None
    url: str
    open_on: Literal["ring", "answer", "click"]


# --- server to agent (each message also has seq and prev) ------------------------------------------


class Numbered(TypedDict):
    """``seq`` is global; ``prev`` is the seq of this agent's previous message (0: none)."""

    seq: int
    prev: int


class ScreenPop(Numbered):
    """Somebody rings this agent."""

    interaction: InteractionView
    customer: CustomerView | None
    candidates: list[CandidateView]
    strength: Literal["known", "maybe", "candidates", "unknown"]
    looking_up: bool
    timeline: list[TimelineItem]
    open_cases: list[OpenCase]
    queue: str | None
    waited_seconds: float | None
    pbx_received_at: float | None
    emitted_at: float
    until: NotRequired[float]
    """When an offered chat or mail goes to somebody else."""
    consultation: NotRequired[bool]
    """A colleague asks about this customer; the call is not this agent's (yet)."""


class ScreenPopClosed(Numbered):
    """The ringing is over."""

    interaction_id: str
    reason: str


class Snapshot(Numbered):
    """Everything a console needs to draw itself; what came before does not matter any more."""

    agent: AgentView
    role: str
    server_time: float
    interactions: list[InteractionView]
    offers: list[ScreenPop]
    pops: list[ScreenPop]
    recent: list[RecentView]
    queues: list[QueueView]
    agents: list[AgentView]
    pbx: list[PbxView]
    transfers: NotRequired[list[TransferStatus]]
    muted: NotRequired[list[str]]
    taps: NotRequired[list[TapView]]
    pause_reasons: list[PauseReason]
    dispositions: list[Disposition]
    skills: NotRequired[list[Skill]]
    campaigns: NotRequired[list[CampaignView]]
    crm: NotRequired[list[CrmPage]]
    recording: NotRequired[RecordingPolicies]
    chats: NotRequired[list[ChatView]]
    messages: NotRequired[list[StaffMessageView]]
    """To an agent: those that she has not read; to supervisors: the last ones, with who read them."""
    alarms: NotRequired[list[AlarmView]]
    """To supervisors: those that are raised now."""
    zone: NotRequired[str]
    """To supervisors: the IANA name of the time zone in which a day begins."""


class CatalogueMessage(Numbered):
    """An administrator changed what there is to choose from. (Queues come with their figures.)"""

    pause_reasons: list[PauseReason]
    dispositions: list[Disposition]
    skills: list[Skill]
    campaigns: NotRequired[list[CampaignView]]


class InteractionMessage(Numbered):
    """An interaction of this agent changed."""

    interaction: InteractionView


class AgentStateMessage(Numbered):
    """The agent's state changed."""

    agent: AgentView


class QueuesMessage(Numbered):
    """Queue figures that changed, at most once a second. An agent is told of the queues that she serves (of all, if
    she serves none), and only what is new: what is not named stays as it is. A supervisor is told of all queues."""

    queues: list[QueueView]


class Notice(Numbered):
    """Something to tell. ``code`` names a text of the console's catalogue, ``params`` fill it."""

    level: Literal["info", "warning", "error"]
    code: str
    params: dict[str, str]
    pbx: NotRequired[list[PbxView]]


class AlarmsMessage(Numbered):
    """The alarms that are raised now (to supervisors only), and which one just was raised or cleared."""

    alarms: list[AlarmView]
    raised: NotRequired[list[str]]
    cleared: NotRequired[list[AlarmView]]


class StaffMessageMessage(Numbered):
    """A message for this agent; to supervisors: one that was sent, read or answered."""

    message: StaffMessageView


class TapsMessage(Numbered):
    """Who listens to whom now (to supervisors only)."""

    taps: list[TapView]


class Sentence(TypedDict):
    """What was said, as a code of ``agent_console.sentences`` with its arguments, for other languages."""

    code: str
    params: dict[str, str]


class WireError(TypedDict):
    """Why something was refused, in plain words; ``field`` names the input at fault."""

    code: str
    message: str
    field: NotRequired[str]
    said: NotRequired[Sentence]


TransferState = Literal["starting", "ringing", "consulting", "completed", "cancelled", "failed", "returned"]


class TransferStatus(TypedDict("TransferStatus", {"from": str, "to": str})):
    """A transfer under way. ``from``: who sends; ``to``: user name, queue or number; ``error``: why not or why back."""

    id: str
    interaction_id: str
    from_name: str
    to_name: str
    kind: Literal["blind", "attended", "conference"]
    state: TransferState
    since: float
    error: NotRequired[WireError]


class TransferMessage(Numbered):
    """A transfer went on; told to who sends and to the colleague who is asked."""

    transfer: TransferStatus


class MutedMessage(Numbered):
    """The PBX mutes the agent's phone in this call, or does no more."""

    interaction_id: str
    muted: bool


class CommandResult(Numbered):
    """The observed outcome of the command with this client id."""

    id: str
    ok: bool
    error: NotRequired[WireError]


class Ack(TypedDict):
    """The immediate answer: accepted or refused."""

    ok: bool
    error: NotRequired[WireError]
    cards: NotRequired[int]
    """So many payment card numbers in the text were hidden before it was kept."""


# --- chats (the visitor's side is webchat/wire.py) ---------------------------------------------------


class ChatFile(TypedDict):
    """A file in a chat, at ``/api/chats/files/{id}``. ``size`` in bytes."""

    id: str
    name: str
    type: str
    size: int


class ChatLineMail(TypedDict):
    """A line came by mail: from this address, about this. ``cut``: the letter said more, which ``GET
    /api/chats/{id}/lines`` has as ``whole``: mostly what it quoted."""

    address: str
    subject: str
    cut: bool
    whole: NotRequired[str]


class ChatLineView(TypedDict):
    """One line; ``number`` counts from 1 without gaps. ``private``: for agents and supervisors, never shown to him."""

    number: int
    id: str
    by: Literal["visitor", "agent", "system"]
    name: str | None
    at: float
    kind: Literal["text", "file", "event"]
    text: str
    file: NotRequired[ChatFile]
    private: NotRequired[bool]
    mail: NotRequired[ChatLineMail]


class VisitedPage(TypedDict):
    """A page of the site that the visitor looked at, told with his consent."""

    at: float
    url: str
    title: str


class VisitorView(TypedDict):
    """Who writes. ``verified``: the site vouches for him; ``form``: what he typed before (proves nothing)."""

    name: str | None
    verified: bool
    language: str
    online: bool
    page: str | None
    trail: list[VisitedPage]
    form: dict[str, str]


class ChatView(TypedDict):
    """A conversation as its agents see it. ``last``: its highest number; ``seen``: the highest that the visitor saw;
    ``read``: the highest that this agent saw; ``members``: agents in it; ``joined``: supervisors; ``idle_at``: when it
    closes by itself; ``by_mail``: what is written goes out as mails; ``lines``: the newest when it is shown first,
    none in a later ``chat`` message (all by ``GET /api/chats/{id}/lines?after=&before=&limit=``)."""

    interaction_id: str
    state: Literal["waiting", "offered", "talking", "ended"]
    queue: str
    visitor: VisitorView
    last: int
    seen: int
    read: int
    members: list[str]
    joined: list[str]
    idle_at: float | None
    cobrowse: Literal["off", "asked", "on"]
    by_mail: NotRequired[bool]
    lines: list[ChatLineView]


class ChatMessage(Numbered):
    """A chat of this agent began, changed or is no longer hers (``gone``)."""

    chat: ChatView
    gone: NotRequired[bool]


class ChatLineMessage(Numbered):
    """A line was written in a chat of this agent, by whomever."""

    interaction_id: str
    line: ChatLineView


class ChatTypingMessage(Numbered):
    """Somebody else writes in a chat; good until ``until``. ``draft`` is never sent."""

    interaction_id: str
    name: str | None
    by: Literal["visitor", "agent"]
    until: float


class ChatFrameMessage(Numbered):
    """A piece of the page that the visitor shows (``webchat`` co-browsing); read-only, inputs masked."""

    interaction_id: str
    n: int
    data: str


SERVER_EVENTS: dict[str, type] = {
    "snapshot": Snapshot,
    "screen_pop": ScreenPop,
    "screen_pop_updated": ScreenPop,
    "screen_pop_closed": ScreenPopClosed,
    "interaction": InteractionMessage,
    "agent_state": AgentStateMessage,
    "queues": QueuesMessage,
    "notice": Notice,
    "muted": MutedMessage,
    "taps": TapsMessage,
    "alarms": AlarmsMessage,
    "staff_message": StaffMessageMessage,
    "catalogue": CatalogueMessage,
    "command_result": CommandResult,
    "transfer": TransferMessage,
    "chat": ChatMessage,
    "chat_line": ChatLineMessage,
    "chat_typing": ChatTypingMessage,
    "chat_frame": ChatFrameMessage,
}

# --- agent to server -------------------------------------------------------------------------------

CommandId = Annotated[str, Field(min_length=1, max_length=64)]
InteractionId = Annotated[str, Field(min_length=1, max_length=64)]
NoteText = Annotated[str, Field(max_length=20_000)]  # about four screens; a longer text belongs into a case


class ClientCommand(BaseModel):
    """Every command has a client id; the same id again does nothing twice."""

    model_config = ConfigDict(extra="ignore", strict=True)
    id: CommandId


class SetState(ClientCommand):
    """Ask for a state. ``reason`` is a pause reason's code, needed for NOT_READY."""

    state: Literal["READY", "NOT_READY", "LOGGED_OUT"]
    reason: Annotated[str, Field(max_length=64)] | None = None


QueueName = Annotated[str, Field(min_length=1, max_length=80)]
ReasonCode = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class OwnQueue(ClientCommand):
    """Join, leave, or take calls again of a queue of one's own. ``pbx``: may be left out with one."""

    queue: QueueName
    pbx: Annotated[str, Field(max_length=80)] | None = None


class PauseOwnQueue(OwnQueue):
    """Take no calls of this queue and stay ready in others. ``reason`` is a pause reason's code."""

    reason: ReasonCode


RecordId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""Of a customer or an interaction: looked up, and never sent to a PBX."""


class Dial(ClientCommand):
    """Call a number; the agent's phone rings first.

    Who is shown numbers masked sends ``to`` as it is shown, with the ``customer_id`` or the ``interaction_id`` that it
    was shown with: the server knows the number.
    """

    to: Annotated[str, Field(min_length=1, max_length=32)]
    customer_id: RecordId | None = None
    interaction_id: RecordId | None = None
    queue: Annotated[str, Field(max_length=80)] | None = None
    campaign: Annotated[str, Field(max_length=64)] | None = None
    """What the call is made for: its caller id is shown, and the contact belongs to it."""


class OnInteraction(ClientCommand):
    """A command on one call."""

    interaction_id: InteractionId


class Answer(OnInteraction):
    """Lift the phone, where the phone can be told to."""


class HangUp(OnInteraction):
    """End this agent's leg of the call."""


class Hold(OnInteraction):
    """Put the customer on hold, where the phone can be told to."""


class Resume(OnInteraction):
    """Take the customer back from hold."""


class Mute(OnInteraction):
    """Let the customer not hear one's own phone, by the PBX."""


class Unmute(OnInteraction):
    """Be heard again."""


class SendDtmf(OnInteraction):
    """Play tones to the customer's side."""

    digits: Annotated[str, Field(min_length=1, max_length=32)]


TransferTo = Annotated[str, Field(min_length=1, max_length=80)]


class Transfer(OnInteraction):
    """Send the customer to a colleague (user name), a queue, an extension or a number; ``attended``: ask first."""

    to: TransferTo
    kind: Literal["blind", "attended"]


class CompleteTransfer(OnInteraction):
    """Leave the customer with the one who was asked (or whose phone still rings)."""


class CancelTransfer(OnInteraction):
    """Back to the customer."""


class SwapTransfer(OnInteraction):
    """Talk to the other of the two."""


class Conference(OnInteraction):
    """Talk all three: with the one who is being asked, or (``to``) with somebody who is rung for it."""

    to: TransferTo | None = None


class DropParty(OnInteraction):
    """Take the one whom this agent added out of the conference."""


class Park(OnInteraction):
    """Put the customer into the parking lot."""


class Retrieve(OnInteraction):
    """Take a parked customer back: the agent's phone rings first."""


class PickUp(OnInteraction):
    """Take a chosen waiting caller: the agent's phone rings first, the caller waits in his place until then."""


class StartRecording(OnInteraction):
    """Record the call. ``consent``: the customer was asked and agreed (needed where the queue has an announcement)."""

    consent: bool = False


class StopRecording(OnInteraction):
    """End the recording, where the queue's policy lets the agent."""


class PauseRecording(OnInteraction):
    """Write silence while card data is spoken; it goes on by itself after ``card_pause_seconds``."""


class ResumeRecording(OnInteraction):
    """Write the audio again."""


class Identify(OnInteraction):
    """Choose the customer (``customer_id``), or create one."""

    customer_id: Annotated[str, Field(max_length=64)] | None = None
    create: dict[str, Any] | None = None


class Note(OnInteraction):
    """The notes are now this text."""

    text: NoteText


class WrapUp(OnInteraction):
    """Finish the work after the call."""

    disposition: Annotated[str, Field(max_length=64)] | None = None
    notes: NoteText | None = None


class PopShown(OnInteraction):
    """The browser has drawn the pop: the last stretch of the latency that we measure."""

    emitted_at: float


class Decline(OnInteraction):
    """Do not take an offered chat or mail; it goes to somebody else. (``answer`` takes it.)"""

    reason: Annotated[str, Field(max_length=64)] | None = None


ChatText = Annotated[str, Field(min_length=1, max_length=4_000)]


class ChatSend(OnInteraction):
    """Write a line; ``id`` is its UUID. ``private``: only agents and supervisors see it."""

    text: ChatText
    private: bool = False


class ChatSendFile(OnInteraction):
    """Send a file that was uploaded before (``POST /api/chats/{id}/files``)."""

    file: Annotated[str, Field(max_length=64)]


class ChatTyping(OnInteraction):
    """The agent writes (or stopped)."""

    on: bool = True


class ChatSeen(OnInteraction):
    """The agent has seen lines up to this number."""

    number: Annotated[int, Field(ge=0, le=2**31)]


class ChatClose(OnInteraction):
    """End the chat; wrap-up follows as with a call."""


class ChatCobrowse(OnInteraction):
    """Ask the visitor to show his page (``on``), or end that."""

    on: bool


MessageText = Annotated[str, Field(min_length=1, max_length=1_000, pattern=r"\S")]
MessageId = Annotated[str, Field(min_length=1, max_length=64)]


class ReadMessage(ClientCommand):
    """The agent has read this message of a supervisor."""

    message: MessageId


class TellSupervisors(ClientCommand):
    """Tell the supervisors something; ``reply_to``: an answer to a message, which counts as read with it."""

    text: MessageText
    reply_to: MessageId | None = None


CLIENT_COMMANDS: dict[str, type[ClientCommand]] = {
    "set_state": SetState,
    "join_queue": OwnQueue,
    "leave_queue": OwnQueue,
    "pause_queue": PauseOwnQueue,
    "resume_queue": OwnQueue,
    "dial": Dial,
    "answer": Answer,
    "hang_up": HangUp,
    "hold": Hold,
    "resume": Resume,
    "mute": Mute,
    "unmute": Unmute,
    "send_dtmf": SendDtmf,
    "transfer": Transfer,
    "complete_transfer": CompleteTransfer,
    "cancel_transfer": CancelTransfer,
    "swap_transfer": SwapTransfer,
    "conference": Conference,
    "drop_party": DropParty,
    "park": Park,
    "retrieve": Retrieve,
    "pick_up": PickUp,
    "start_recording": StartRecording,
    "stop_recording": StopRecording,
    "pause_recording": PauseRecording,
    "resume_recording": ResumeRecording,
    "identify": Identify,
    "note": Note,
    "wrap_up": WrapUp,
    "pop_shown": PopShown,
    "decline": Decline,
    "chat_send": ChatSend,
    "chat_send_file": ChatSendFile,
    "chat_typing": ChatTyping,
    "chat_seen": ChatSeen,
    "chat_close": ChatClose,
    "chat_cobrowse": ChatCobrowse,
    "read_message": ReadMessage,
    "send_message": TellSupervisors,
}

# --- supervisor to server (namespace /supervisor) ---------------------------------------------------

Agent = Annotated[str, Field(min_length=1, max_length=64)]
Why = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*\S[^\x00-\x1f\x7f]*$")]


class OnAgent(ClientCommand):
    """What a supervisor does about an agent; ``why`` is kept in the audit trail."""

    agent: Agent
    why: Why


class Listen(OnAgent):
    """Hear an agent's call by one's own phone: silently, heard by the agent alone, or by both. Again: another mode."""

    mode: Literal["listen", "whisper", "barge"]


class StopListening(ClientCommand):
    """End one's own listening."""


class ForceState(OnAgent):
    """Set an agent's state. ``reason`` is a pause reason's code, needed for NOT_READY."""

    state: Literal["READY", "NOT_READY", "LOGGED_OUT"]
    reason: Annotated[str, Field(max_length=64)] | None = None


class OnQueueOfAgent(OnAgent):
    """What a supervisor does about an agent in one queue. ``pbx``: may be left out with one."""

    queue: QueueName
    pbx: Annotated[str, Field(max_length=80)] | None = None


class JoinQueue(OnQueueOfAgent):
    """Make an agent's phone a member of a queue, or change its penalty there."""

    penalty: Annotated[int, Field(ge=0, le=1_000)] = 0


class LeaveQueue(OnQueueOfAgent):
    """Take an agent's phone out of a queue."""


class PauseQueue(OnQueueOfAgent):
    """Let an agent get no calls of a queue. ``reason`` is a pause reason's code."""

    reason: ReasonCode


class ResumeQueue(OnQueueOfAgent):
    """End all our pauses of an agent in a queue, her own too."""


class TakeOver(OnAgent):
    """Send the agent's customer to the supervisor's own phone."""

    interaction_id: InteractionId


class Assign(OnAgent):
    """Give a waiting contact to an agent: her phone rings, or the chat is offered to her alone."""

    interaction_id: InteractionId


class SetSkill(OnAgent):
    """Set an agent's level (1 to 5) of a skill; 0: she has it no more. It counts at once."""

    skill: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
    level: Annotated[int, Field(ge=0, le=5)]


class SendMessage(ClientCommand):
    """Tell an agent (user name), those who serve a queue (``queue:NAME``) or ``all`` something; shown until read."""

    to: Annotated[str, Field(pattern=r"^(queue:[^\s\x00-\x1f]{1,80}|[a-z0-9][a-z0-9._-]{0,63})$")]
    text: MessageText
    urgent: bool = False


class AcknowledgeAlarm(ClientCommand):
    """Somebody looks after this alarm. It stays until what raised it is over."""

    alarm: Annotated[str, Field(min_length=1, max_length=64)]


class JoinChat(OnInteraction):
    """Read a chat and write in it. ``silent``: the visitor does not see it, and what one writes is for colleagues."""

    why: Why
    silent: bool = False


class LeaveChat(OnInteraction):
    """Out of a chat that one joined."""


SUPERVISOR_COMMANDS: dict[str, type[ClientCommand]] = {
    "listen": Listen,
    "stop_listening": StopListening,
    "force_state": ForceState,
    "join_queue": JoinQueue,
    "leave_queue": LeaveQueue,
    "pause_queue": PauseQueue,
    "resume_queue": ResumeQueue,
    "take_over": TakeOver,
    "join_chat": JoinChat,
    "leave_chat": LeaveChat,
    "chat_send": ChatSend,
    "assign": Assign,
    "set_skill": SetSkill,
    "send_message": SendMessage,
    "acknowledge_alarm": AcknowledgeAlarm,
}
