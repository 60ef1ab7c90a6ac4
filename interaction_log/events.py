"""The event vocabulary: everything that can stand in the log, in the past tense.

Pure (standard library only). An event is a frozen value; it is numbered when it is appended
(:class:`Recorded`), and its class name is its public type name. Times are Unix seconds as a float,
UTC, as the PBX stamped them (``Timestamp:`` with ``timestampevents=yes``), else as we received them;
``None`` only in a replay of a recording without timestamps.

Agents appear twice: as a *device* (``PJSIP/1001``) in what the PBX tells, and as an *agent id*
(the user name) in what people do.
"""

from __future__ import annotations

from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from interaction_log.values import dataclass


SCHEMA_VERSION: Final = 1

Channel = Literal["voice", "chat", "email", "callback"]
"""``callback``: somebody waits in line to be called; the call itself is a contact of its own."""
Direction = Literal["inbound", "outbound", "internal"]
Outcome = Literal[
    "answered", "abandoned", "timeout", "no_agent", "busy", "no_answer", "failed", "cancelled", "voicemail", "pbx_lost"
]
EndedBy = Literal["customer", "agent", "system"]
OfferResult = Literal["answered", "no_answer", "declined", "cancelled", "failed"]
OfferSource = Literal["queue", "direct", "transfer"]
TransferKind = Literal["blind", "attended", "redirect"]
QueueResult = Literal["answered", "abandoned", "timeout", "no_agent", "left", "pbx_lost"]
AgentState = Literal["LOGGED_OUT", "READY", "OFFERED", "BUSY", "WRAP_UP", "NOT_READY"]
MatchStrength = Literal["known", "maybe", "candidates", "unknown"]
PauseCause = Literal["card_data", "agent", "pbx"]
Consent = Literal["announced", "asked"]
DeviceState = Literal[
    "UNKNOWN", "NOT_INUSE", "INUSE", "BUSY", "INVALID", "UNAVAILABLE", "RINGING", "RINGINUSE", "ONHOLD"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. ``inferred``: concluded from a snapshot or a rule, not told by the PBX."""

    at: float | None
    inferred: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionEvent(Event):
    """Something that happened to one interaction (its id is a UUIDv8 in canonical text form)."""

    interaction_id: str


# --- the life of an interaction ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionStarted(InteractionEvent):
    """A contact began. ``customer_address`` is E.164 where the number is a valid one, else as presented."""

    pbx: str
    channel: Channel
    direction: Direction
    customer_address: str | None
    customer_name: str | None
    dialled: str | None
    unique_id: str
    linked_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionAmended(InteractionEvent):
    """What we said of the interaction before was incomplete or wrong; fields that are ``None`` stay as they were."""

    direction: Direction | None = None
    customer_address: str | None = None
    customer_name: str | None = None
    dialled: str | None = None
    started_at: float | None = None
    answered_at: float | None = None
    queue_entered_at: float | None = None
    outcome: Outcome | None = None
    ended_by: EndedBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAttached(InteractionEvent):
    """One more channel of the PBX belongs to this interaction."""

    unique_id: str
    linked_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntered(InteractionEvent):
    """The caller began to wait in ``queue`` at ``position`` (from 1)."""

    queue: str
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLeft(InteractionEvent):
    """The caller no longer waits in ``queue``; ``left`` means by key, by transfer or by withdrawal."""

    queue: str
    result: QueueResult


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionOffered(InteractionEvent):
    """One agent's device began to ring for this interaction."""

    offer_id: str
    device: str
    source: OfferSource
    queue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEnded(InteractionEvent):
    """The ringing of one device ended. ``ring_seconds`` is measured between the two events, 0 or more."""

    offer_id: str
    device: str
    result: OfferResult
    ring_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChosen(InteractionEvent):
    """The distributor decided whom to ask (``None``: nobody can take it now), and why. ``line``: in which it stood.

    ``because``: what decided (``routing.acd.model.Because``); ``others``: ``{agent, reasons: [{code, params}]}`` of
    those who were not asked, not all of them where they are many.
    """

    offer_id: str | None
    agent: str | None
    line: str
    because: dict[str, Any] = field(default_factory=dict)
    others: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferDeclined(InteractionEvent):
    """The agent said why she does not take it (``OfferEnded`` says that she does not)."""

    offer_id: str
    agent: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConnected(InteractionEvent):
    """Agent and customer hear each other: a segment begins."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDisconnected(InteractionEvent):
    """The agent no longer has the customer: the segment ends (``at`` may lie before earlier events)."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeld(InteractionEvent):
    """The phone of ``device`` put the customer on hold."""

    device: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResumed(InteractionEvent):
    """The hold of ``device`` ended, by the phone or by the end of the segment.

    ``discard``: it was no hold of the phone, but the PBX's music while feature keys were pressed.
    """

    device: str
    discard: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferStarted(InteractionEvent):
    """The customer was sent on. ``target``: a device, ``queue:NAME`` or ``exten:NUMBER``."""

    transfer_id: str
    kind: TransferKind
    device: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferRedirected(InteractionEvent):
    """Where a transfer really went is known now (the extension dialled a device or a queue), or of what kind it was."""

    transfer_id: str
    target: str
    kind: TransferKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferCompleted(InteractionEvent):
    """The target (of a queue: its agent) talks to the customer."""

    transfer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParked(InteractionEvent):
    """The customer waits in a parking space."""

    space: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRetrieved(InteractionEvent):
    """The customer left the parking space."""

    space: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceJoined(InteractionEvent):
    """The customer is in a conference of three or more."""

    conference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(InteractionEvent):
    """The PBX writes the audio of the channel ``unique_id`` to a file. ``recording_id`` is opaque and random.

    ``device``: whose channel that is; ``by``: the agent who asked for it, ``None``: the dialplan or a queue.
    """

    recording_id: str
    unique_id: str
    device: str = ""
    file: str = ""
    by: str | None = None
    consent: Consent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingNamed(InteractionEvent):
    """The file of a recording, as the PBX gives its name. ``consent``: what the dialplan says it played before."""

    recording_id: str
    file: str
    consent: Consent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPaused(InteractionEvent):
    """Silence is written from here on. ``resume_at``: when it goes on by itself (Unix seconds)."""

    recording_id: str
    reason: PauseCause = "pbx"
    by: str | None = None
    resume_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingResumed(InteractionEvent):
    """The audio is written again. ``automatic``: the time of the pause ran out."""

    recording_id: str
    by: str | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStopped(InteractionEvent):
    """The file is finished: somebody stopped it, or its channel was hung up."""

    recording_id: str
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDeleted(InteractionEvent):
    """The file is gone for good; that there was one stays on record."""

    recording_id: str
    reason: Literal["retention", "missing"] = "retention"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLeft(InteractionEvent):
    """The caller on ``channel`` (the PBX's name of it) left a message in ``mailbox`` (``500@default``)."""

    message_id: str
    mailbox: str
    channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFiled(InteractionEvent):
    """The message was looked for. ``file``: its name below the voicemail folder, without suffix; ``None``: not found.

    ``pbx_id``: what the PBX calls it, wherever it is moved to; ``queue``: who works the mailbox.
    """

    message_id: str
    file: str | None = None
    pbx_id: str | None = None
    seconds: float | None = None
    queue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionEnded(InteractionEvent):
    """The customer's end of the contact."""

    outcome: Outcome
    ended_by: EndedBy | None


# --- what people and lookups add -----------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerFound(InteractionEvent):
    """The answer to ``FindCaller``. ``customer`` and ``candidates`` are public customer objects (DESIGN 6.2).

    ``also``: ids of records that were merged into ``customer``.
    """

    strength: MatchStrength
    customer: dict[str, Any] | None = None
    candidates: list[dict[str, Any]] = field(default_factory=list)
    timeline: list[dict[str, Any]] = field(default_factory=list)
    open_cases: list[dict[str, Any]] = field(default_factory=list)
    also: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerIdentified(InteractionEvent):
    """The interaction belongs to this customer: by the caller's number, or because ``agent`` chose.

    ``None``: to nobody, what identified him was not worth it after all.
    """

    customer_id: str | None
    agent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignNamed(InteractionEvent):
    """The contact belongs to this campaign: ``agent`` called for it, or (``None``) its number was dialled."""

    campaign: str
    agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteWritten(InteractionEvent):
    """The notes of the interaction are now ``text`` (whole, not a difference)."""

    agent: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractionWrappedUp(InteractionEvent):
    """The agent chose a disposition (``None``: wrap-up ran out) and finished the work after the call."""

    agent: str
    disposition: str | None
    notes: str | None


# --- callbacks (``interaction_log.callback``) ----------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRequested(Event):
    """Somebody wants to be called back and keeps the place of ``since``; ``requested_in``: the interaction."""

    callback_id: str
    pbx: str
    queue: str
    address: str
    since: float
    expires_at: float
    requested_in: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackAttempted(Event):
    """Its turn came: an agent is asked for, and then the customer is called. ``attempt`` counts from 1."""

    callback_id: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackClosed(Event):
    """It is over: done, failed or expired. ``result`` says how (``answered``, ``called_again``, ``busy`` …)."""

    callback_id: str
    state: Literal["done", "failed", "expired"]
    result: str | None = None
    closed_by: str | None = None
    """The interaction that did it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributorTold(Event):
    """What the distributor of chats, mails and callbacks heard, in its order: with it a period can be replayed.

    ``what``: the method of ``routing.acd.engine``; ``said``: its arguments beside contact, agent and the time.
    """

    what: str
    contact: str | None = None
    agent: str | None = None
    said: dict[str, Any] = field(default_factory=dict)


# --- agents --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSignedIn(Event):
    """A person took her place at these devices; ``wrap_up_seconds`` is her default."""

    agent: str
    name: str
    devices: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChosen(Event):
    """A person asked for a state at the console (``command_id``: the client's id)."""

    agent: str
    state: AgentState
    reason: str | None = None
    command_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStateChanged(Event):
    """The agent's state as everyone shall see it. ``until`` is set in WRAP_UP only.

    ``to_wrap``: interactions whose wrap-up is still to come or runs beside other work; its change alone is told too.
    """

    agent: str
    state: AgentState
    reason: str | None = None
    until: float | None = None
    interaction_id: str | None = None
    to_wrap: list[str] = field(default_factory=list)


PauseHolder = Literal["agent", "supervisor"]
"""Who may hold a pause in one queue; each lets go of her own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePaused(Event):
    """An agent takes no calls of this queue, whatever she does in others. ``by``: whose wish it was."""

    agent: str
    pbx: str
    queue: str
    holder: PauseHolder
    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueResumed(Event):
    """A holder of such a pause let go. ``by`` empty: somebody ended it at the PBX."""

    agent: str
    pbx: str
    queue: str
    holder: PauseHolder
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(Event):
    """A timer that a ``StartTimer`` command set ran out."""

    key: str


# --- the PBX -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChanged(Event):
    """A queue member as the PBX has it now. ``device`` is the phone behind ``interface``."""

    pbx: str
    queue: str
    interface: str
    device: str
    member_name: str
    paused: bool
    paused_reason: str
    penalty: int
    removed: bool = False
    ringinuse: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStateChanged(Event):
    """What the PBX says of a phone."""

    pbx: str
    device: str
    state: DeviceState


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSeen(Event):
    """A queue exists on the PBX."""

    pbx: str
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLost(Event):
    """The event connection to the PBX broke; what the consoles show of it is old from ``at`` on."""

    pbx: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRestored(Event):
    """The link is up and resynchronised. The gap itself is this record: what happened in it is inferred."""

    pbx: str
    gap_seconds: float | None
    restarted: bool
    closed: int
    opened: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspiciousBlockSeen(Event):
    """An AMI block that did not fit what we know was not believed (AMI-FACTS 6.23)."""

    pbx: str
    event: str
    why: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event with its place in the log. ``seq`` grows without reuse over the life of the installation."""

    seq: int
    event: Event


TYPES: Final[dict[str, type[Event]]] = {
    name: cls
    for name, cls in list(globals().items())
    if isinstance(cls, type) and issubclass(cls, Event) and cls not in (Event, InteractionEvent)
}
_FIELDS: Final = {cls: tuple(f.name for f in fields(cls)) for cls in TYPES.values()}


def to_payload(event: Event) -> dict[str, Any]:
    """The event's fields as JSON-ready values; its type is ``type(event).__name__``."""
    return {name: getattr(event, name) for name in _FIELDS[type(event)]}


def from_payload(type_name: str, payload: dict[str, Any]) -> Event:
    """The event again. Unknown fields are ignored; raises ``KeyError`` for an unknown type."""
    cls = TYPES[type_name]
    known = _FIELDS[cls]
    return cls(**{k: v for k, v in payload.items() if k in known})
