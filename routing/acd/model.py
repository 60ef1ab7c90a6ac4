"""What is distributed, to whom, and by which rules. Pure values; times are Unix seconds, lengths seconds.

Who comes first is one number: the moment at which a contact became due, less its head start. A head start of 60 is as
good as having waited a minute longer, so importance ages by itself: whoever waits long enough is ahead of everybody
who comes later with whatever head start, and nobody starves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from interaction_log.events import Channel
from routing.hours import Hours

Order = Literal["longest_idle", "least_occupied", "most_skilled"]
"""Who of several free agents is asked first; ties go to who is idle longest."""

PATIENT: Final[frozenset[Channel]] = frozenset({"email", "callback"})
"""What can wait until it opens; a visitor in a chat does not."""
OFFER_SECONDS: Final = 20.0
AGAIN_SECONDS: Final = 60.0
"""For so long a contact is not offered again to an agent who declined it or let it pass."""
PATIENCE_SECONDS: Final = 30.0
"""For so long a contact waits for its own agent before others are asked."""


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """A skill by its code and the least level, 1 to 5."""

    skill: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Ring:
    """From ``after`` seconds of waiting on: who may take it (``needs``), and who had better (``preferred``)."""

    after: float = 0.0
    needs: tuple[Need, ...] = ()
    preferred: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Overflow:
    """After so long the contact also stands in the line of another queue, in the place that its waiting gives it."""

    after: float
    queue: str


OwnAgent = Literal["customer", "last"]
"""``customer``: who looks after him; ``last``: who had the last contact with him."""
Following = Literal["message", "callback", "voicemail", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRule:
    """One queue. ``teams`` empty: every team. ``longest_wait``: after it ``then`` follows; ``None``: never.

    ``own_agent``: who counts as a contact's own. ``hours``: outside them a chat is diverted at once, and what can wait
    (a mail, a callback) is not offered before it opens; ``None``: always open.
    """

    name: str
    head_start: float = 0.0
    vip_head_start: float = 0.0
    rings: tuple[Ring, ...] = (Ring(),)
    order: Order = "longest_idle"
    teams: frozenset[str] = frozenset()
    offer_seconds: float = OFFER_SECONDS
    again_seconds: float = AGAIN_SECONDS
    own_agent: tuple[OwnAgent, ...] = ("customer", "last")
    patience: float = PATIENCE_SECONDS
    overflow: tuple[Overflow, ...] = ()
    longest_wait: float | None = None
    then: Following = "message"
    hours: Hours | None = None
    callback_hours: Hours | None = None
    """Where ``hours`` says nothing: within these callbacks are made."""

    def __post_init__(self) -> None:
        if not self.rings or self.rings[0].after != 0.0:
            raise ValueError("rings: the first begins at 0")
        if [ring.after for ring in self.rings] != sorted({ring.after for ring in self.rings}):
            raise ValueError("rings: each begins later than the one before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What waits. ``due_at`` stays with it from queue to queue and from medium to medium: so does its place.

    ``since``: when it came into this line, where that is later (it was in somebody's hands before): patience and the
    longest wait count from there. ``needs``: what this one asks for beside its queue; ``own``: the agent who shall
    have it if she is there.
    """

    id: str
    queue: str
    channel: Channel
    due_at: float
    head_start: float = 0.0
    needs: tuple[Need, ...] = ()
    own: str | None = None
    since: float | None = None

    @property
    def stands_since(self) -> float:
        """When it came into this line."""
        return self.due_at if self.since is None else self.since


@dataclass(slots=True)
class Seat:
    """An agent as the distributor sees her. ``in_hand``: her contacts with their channels, offers among them.

    ``beside``: what else takes its part of her: calls that ring at her phone or that she talks in, and chats and mails
    that are over and not wrapped up.
    """

    name: str
    ready: bool = False
    queues: frozenset[str] = frozenset()
    skills: Mapping[str, int] = field(default_factory=dict)
    teams: frozenset[str] = frozenset()
    idle_since: float = 0.0
    in_hand: dict[str, Channel] = field(default_factory=dict)
    beside: tuple[Channel, ...] = ()
    cannot: frozenset[Channel] = frozenset()
    """What she is not equipped for: who has no telephone calls nobody back."""
    offered: str | None = None
    """What she is asked to take now: one at a time."""
    unsure: bool = False
    """An offer to her is over, and she is given nothing before she is told of anew (``Engine.agent``)."""
    version: int = 0
    """Another with each change: what was noted of an older one does not count."""

    def has(self, needs: tuple[Need, ...]) -> bool:
        """Whether her skills suffice."""
        return all(self.skills.get(need.skill, 0) >= need.level for need in needs)


# --- what follows --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Because:
    """Why this agent: kept with the decision. ``waited`` and ``idle`` in seconds, ``load`` in percent of the budget."""

    queue: str
    waited: float
    ring: int
    order: Order
    own: bool
    idle: float
    load: int
    sent: bool = False
    """A colleague chose her."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Ask this agent; unanswered it comes back after ``seconds``."""

    contact: str
    agent: str
    seconds: float
    because: Because


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take the offer back: time is over, the customer left, she cannot take it any more, or another was chosen."""

    contact: str
    agent: str
    reason: Literal["timeout", "left", "agent_gone", "sent_on"]


@dataclass(frozen=True, slots=True)
class Divert:
    """It waited as long as its queue allows: this follows."""

    contact: str
    queue: str
    then: Following


Command = Offer | Withdraw | Divert
