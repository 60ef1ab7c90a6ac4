"""What an agent is doing, as one table. Pure.

The state that everyone sees is made of three things: what the agent chose (ready, not ready, logged out), what her
telephones do (ring, talk), and the work after a call. :data:`TABLE` says what each trigger does in each state; a
trigger that a state does not name changes nothing. ``REST`` stands for the state that she chose, or that the PBX
imposes by a pause which is not ours: a choice made in mid-call waits there until the call and its wrap-up are over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from interaction_log.events import AgentState, Channel, PauseHolder

Trigger = Literal[
    "signed_in",  # took her place
    "chose",  # asked for a state, at the console
    "pbx_changed",  # a pause that is not ours began or ended
    "rang",
    "offers_over",  # nothing rings any more
    "connected",
    "released",  # the last call ended and leaves no work
    "released_to_wrap_up",  # the last call or a chat ended, wrap-up begins
    "wrap_up_over",
]
Target = AgentState | Literal["REST"]
Place = tuple[str, str]
"""PBX and queue."""

PAUSE_PREFIX: Final = "callweave:"
"""What the reasons of our own pauses begin with (DESIGN 4)."""
SIGNED_IN: Final = "signed_in"
"""The reason of NOT_READY between signing in and the first choice."""
PBX_PREFIX: Final = "pbx:"
"""What the reason of NOT_READY begins with when somebody paused her at the PBX."""

_RESTING: Final[dict[Trigger, Target]] = {
    "signed_in": "REST",
    "chose": "REST",
    "pbx_changed": "REST",
    "rang": "OFFERED",
    "connected": "BUSY",
    "released_to_wrap_up": "WRAP_UP",  # a chat ended
}

TABLE: Final[dict[AgentState, dict[Trigger, Target]]] = {
    # A telephone of somebody who is logged out may ring and talk; that is no work of hers.
    "LOGGED_OUT": {"signed_in": "REST", "chose": "REST"},
    "READY": _RESTING,
    "NOT_READY": _RESTING,
    "OFFERED": {"offers_over": "REST", "connected": "BUSY"},
    "BUSY": {"released": "REST", "released_to_wrap_up": "WRAP_UP"},
    # Choosing a state ends the wrap-up: the notes can still be written.
    "WRAP_UP": {"wrap_up_over": "REST", "chose": "REST", "connected": "BUSY"},
}


HOLDERS: Final[tuple[PauseHolder, ...]] = ("supervisor", "agent")


@dataclass(frozen=True, slots=True)
class QueuePause:
    """A pause in one queue. ``by``: the user who asked for it; ``since``: Unix seconds."""

    reason: str
    by: str
    since: float


@dataclass(slots=True)
class Agent:
    """A person at her place. ``since`` and ``until`` are Unix seconds; ``until`` is set in WRAP_UP only."""

    name: str
    display_name: str
    devices: list[str] = field(default_factory=list)
    state: AgentState = "LOGGED_OUT"
    reason: str | None = None
    since: float = 0.0
    until: float | None = None
    chosen: AgentState = "LOGGED_OUT"
    chosen_reason: str | None = None
    pbx_reason: str | None = None
    """The reason of a pause that somebody set at the PBX (may be empty); ``None`` without one."""
    offers: dict[str, str] = field(default_factory=dict)
    """Offer id → interaction id of all that rings at her devices."""
    answering: str | None = None
    """The interaction that she has lifted the phone for and that the PBX has not connected yet."""
    talking: dict[tuple[str, str], bool] = field(default_factory=dict)
    """(interaction id, device) of her running segments → whether wrap-up will follow."""
    in_hand: dict[str, Channel] = field(default_factory=dict)
    """Her chats and mails, by interaction; those that she is asked to take are among them."""
    queue_pauses: dict[Place, dict[PauseHolder, QueuePause]] = field(default_factory=dict)
    """Her pauses in single queues: each stays until all who hold it have let go."""
    room_for_a_call: bool = True
    """Whether her chats and mails leave room for one (``routing.capacity``)."""
    wrapping: str | None = None
    """The interaction whose wrap-up runs."""
    to_wrap: dict[str, Channel] = field(default_factory=dict)
    """Chats and mails whose wrap-up is still to come (she is in a call, or wraps another up), or runs beside her other
    work (``routing.capacity``: ``wrap_up``). Each keeps its weight until its wrap-up is over."""
    wrapping_channel: Channel | None = None
    """Of ``wrapping``, where it is no call: it keeps its weight too."""

    @property
    def signed_in(self) -> bool:
        """Whether she is at her place."""
        return self.state != "LOGGED_OUT"

    def after_work(self) -> list[Channel]:
        """What the wrap-ups of her chats and mails are of: the one that runs, and those that follow."""
        running = [self.wrapping_channel] if self.wrapping is not None and self.wrapping_channel is not None else []
        return [*running, *self.to_wrap.values()]

    def told(self) -> tuple[object, ...]:
        """What the log has of her: where it changes, it is told anew."""
        return (self.state, self.reason, self.current(), self.until, *self.to_wrap)

    def rest(self) -> AgentState:
        """The state in which she is when she has no call and no wrap-up."""
        if self.chosen == "LOGGED_OUT":
            return "LOGGED_OUT"
        if self.offers or self.answering is not None:
            return "OFFERED"
        return "NOT_READY" if self.pbx_reason is not None else self.chosen

    def next_state(self, trigger: Trigger) -> AgentState:
        """The state after ``trigger``, by the table."""
        target = TABLE[self.state].get(trigger)
        if target is None:
            return self.state
        return self.rest() if target == "REST" else target

    def reason_of(self, state: AgentState) -> str | None:
        """What is shown beside NOT_READY."""
        if state != "NOT_READY":
            return None
        return self.chosen_reason if self.pbx_reason is None else PBX_PREFIX + self.pbx_reason

    def current(self) -> str | None:
        """The interaction that her state is about."""
        if self.talking:
            return next(iter(self.talking))[0]
        if self.state == "WRAP_UP":
            return self.wrapping
        return self.answering or next(iter(self.offers.values()), None) if self.state == "OFFERED" else None

    def held_in(self, place: Place) -> tuple[PauseHolder, QueuePause] | None:
        """Who holds her pause in this one queue; the supervisor's word stands before her own."""
        holds = self.queue_pauses.get(place)
        return next(((one, holds[one]) for one in HOLDERS if one in holds), None) if holds else None

    def held_queues(self) -> dict[Place, str]:
        """The reasons of ours for which her devices shall be paused in one queue, whatever holds in all."""
        held = {place: self.held_in(place) for place in self.queue_pauses}
        return {place: PAUSE_PREFIX + one[1].reason for place, one in held.items() if one is not None}

    def pause_holders(self) -> list[str]:
        """The reasons of ours for which her devices shall be paused; she gets calls again when none is left."""
        holders = []
        if self.state == "WRAP_UP" or (self.signed_in and any(self.talking.values())):
            holders.append(f"{PAUSE_PREFIX}wrapup")
        if self.chosen == "LOGGED_OUT":
            holders.append(f"{PAUSE_PREFIX}logged_out")
        if self.chosen == "NOT_READY":
            holders.append(f"{PAUSE_PREFIX}{self.chosen_reason or 'not_ready'}")
        if self.signed_in and not self.room_for_a_call:
            holders.append(f"{PAUSE_PREFIX}capacity")
        return holders
