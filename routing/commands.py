"""What the distributor asks the rest of the program to do, in the imperative. Pure values.

The hub carries them out in order. A command never waits: what comes of it is an event again.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal

from interaction_log import events as e

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    from interaction_log.values import dataclass


CloseReason = Literal["answered", "answered_by_other", "caller_gone", "no_answer", "declined", "ended"]
NoticeLevel = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Record:
    """Append this event, which the distributor concluded, to the log; the hub hands it back as any other."""

    event: e.Event


@dataclass(frozen=True, slots=True)
class FindCaller:
    """Look a caller up; the answer is the event ``CallerFound``."""

    interaction_id: str
    address: str


@dataclass(frozen=True, slots=True)
class PopScreen:
    """Show an agent who calls. ``match`` is ``None`` while the lookup runs (``looking_up``)."""

    agent: str
    interaction_id: str
    match: e.CallerFound | None


@dataclass(frozen=True, slots=True)
class UpdatePop:
    """The lookup came back after the pop, or the customer was chosen."""

    agent: str
    interaction_id: str
    match: e.CallerFound


@dataclass(frozen=True, slots=True)
class ClosePop:
    """The ringing at this agent is over."""

    agent: str
    interaction_id: str
    reason: CloseReason


@dataclass(frozen=True, slots=True)
class ShowInteraction:
    """Send the interaction as it is now to this agent's consoles."""

    agent: str
    interaction_id: str


@dataclass(frozen=True, slots=True)
class ShowAgent:
    """Send the agent's state as it is now to the agent's consoles (and to supervisors)."""

    agent: str


@dataclass(frozen=True, slots=True)
class ShowQueues:
    """Queue figures changed: send them to everybody (the console thins them out to one message a second)."""


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell an agent (``None``: everybody) something. ``code`` names a text of the console's catalogue."""

    agent: str | None
    level: NoticeLevel
    code: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotifySupervisors:
    """Tell those who oversee something. ``code`` names a text of the console's catalogue."""

    level: NoticeLevel
    code: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportOutcome:
    """The observed outcome of a console's command."""

    agent: str
    command_id: str
    ok: bool
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class PauseMember:
    """Pause a device in all queues of its PBX. ``reason`` begins with ``callweave:``."""

    pbx: str
    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class ReleaseMember:
    """End our pause of a device in all queues of its PBX but those of ``still``, where it is paused with the reason
    that stands there: (queue, reason), in order of the queues."""

    pbx: str
    device: str
    still: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Deliver ``TimerFired(key)`` after ``seconds`` on a monotonic clock; the same key again replaces it."""

    key: str
    seconds: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Forget the timer; unknown keys are fine."""

    key: str


Command = (
    Record
    | FindCaller
    | PopScreen
    | UpdatePop
    | ClosePop
    | ShowInteraction
    | ShowAgent
    | ShowQueues
    | Notify
    | NotifySupervisors
    | ReportOutcome
    | PauseMember
    | ReleaseMember
    | StartTimer
    | CancelTimer
)
