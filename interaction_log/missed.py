"""Calls that nobody took, as a list that people work: one entry for each number until somebody reached it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from interaction_log.interaction import Interaction
from interaction_log.messages import StoredMessage

MissedState = Literal["open", "calling", "done"]
"""Nobody works on it; somebody calls back now; reached, or closed by hand."""
MISSED: Final = frozenset({"abandoned", "timeout", "no_answer", "busy", "voicemail", "no_agent", "pbx_lost"})
"""Outcomes of inbound calls (DESIGN 6.1) after which somebody should call back."""
CALLING_SECONDS: Final = 600.0
"""So long somebody has the entry to herself; a browser that died must not keep a customer from being called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedCall:
    """One entry. Its id is that of the first missed interaction, and stays when the same number tries again.

    Times are Unix seconds. ``last_at``: when the last try began; ``waited_seconds``, ``outcome``, ``queue`` and
    ``pbx`` are the last try's. ``worked_by``: the user who calls or called back. ``call_id``, ``call_outcome``,
    ``called_at``: the last call to the number that ended without reaching it. ``resolved_by``: the interaction that
    reached it. ``version`` grows with each change; a change must name the one that it was made from.
    """

    id: str
    number: str | None
    pbx: str
    queue: str | None
    name: str | None
    customer_id: str | None
    customer_name: str | None = None
    first_at: float
    last_at: float
    waited_seconds: float | None
    outcome: str
    tries: int = 1
    state: MissedState = "open"
    worked_by: str | None = None
    changed_at: float | None = None
    result: str | None = None
    note: str | None = None
    resolved_by: str | None = None
    call_id: str | None = None
    call_outcome: str | None = None
    called_at: float | None = None
    version: int = 1
    messages: list[StoredMessage] = field(default_factory=list)
    """What the callers of this entry left in voicemail, oldest first."""


@dataclass(frozen=True, slots=True)
class MissedPage:
    """A page of entries, newest first; how many are open and being called now, whatever the page."""

    items: list[MissedCall]
    next: str | None
    open: int
    calling: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What somebody did with an entry. ``oversees``: may also change what a colleague has."""

    by: str
    at: float
    state: MissedState
    version: int
    result: str | None = None
    note: str | None = None
    oversees: bool = False


def is_message(one: Interaction) -> bool:
    """Whether a visitor of a web site left a message instead of a chat: somebody is to write to him."""
    return one.ended and one.channel == "chat" and one.outcome == "voicemail"


def is_missed(one: Interaction) -> bool:
    """Whether somebody called and reached nobody, or left a message (also after he had been put through)."""
    if is_message(one):
        return True
    inbound = one.ended and one.channel == "voice" and one.direction == "inbound"
    return inbound and (one.outcome in MISSED or bool(one.messages))


def reached_at(one: Interaction) -> float | None:
    """When the person at the other end and an agent were connected; ``None``: never, or a message followed."""
    at = one.answered_at if one.channel == "voice" and one.direction != "internal" else None
    return None if at is not None and any((m.at or at) >= at for m in one.messages) else at


def is_failed_call(one: Interaction) -> bool:
    """Whether we called and reached nobody."""
    return one.ended and one.channel == "voice" and one.direction == "outbound" and one.answered_at is None


def refusal(entry: MissedCall, work: Work) -> str | None:
    """Why this may not be done, in plain words: two people must not call the same customer."""
    if entry.version != work.version:
        return "This entry was changed meanwhile."
    fresh = work.at - (entry.changed_at or 0.0) < CALLING_SECONDS
    if entry.state == "calling" and entry.worked_by != work.by and fresh and not work.oversees:
        return f"{entry.worked_by} is calling back already."
    if entry.state == "done" and work.state == "calling":
        return "This entry is done."
    return None
