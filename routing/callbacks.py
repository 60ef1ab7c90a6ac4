"""Callbacks that keep their place in the line, as one table. Pure.

A callback waits with the moment at which its caller entered the queue. Its turn comes when an agent is free for whom
nobody waits that came before. A try that reaches nobody gives the place back, until the tries are used up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

State = Literal["waiting", "dialling", "done", "failed", "expired"]
Trigger = Literal[
    "turn_came",  # an agent is free for it
    "reached",  # agent and customer talk, by our call or because the customer called again
    "not_reached",  # the customer did not answer, was busy, or the network refused
    "not_tried",  # no agent took it, or the PBX did not do it: the customer's phone never rang
    "gave_up",  # the last try reached nobody
    "withdrawn",  # the customer or an agent called it off
    "time_over",
]

TABLE: Final[dict[State, dict[Trigger, State]]] = {
    "waiting": {"turn_came": "dialling", "reached": "done", "withdrawn": "failed", "time_over": "expired"},
    # A call that runs is not cut off by the clock; what it led to decides.
    "dialling": {"reached": "done", "not_reached": "waiting", "not_tried": "waiting", "gave_up": "failed"},
    "done": {},
    "failed": {},
    "expired": {},
}
OPEN: Final[frozenset[State]] = frozenset({"waiting", "dialling"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One promise to call back. Times are Unix seconds; ``since``: when the caller entered the queue."""

    id: str
    pbx: str
    queue: str
    address: str
    name: str
    since: float
    requested_at: float
    expires_at: float
    state: State = "waiting"
    attempts: int = 0
    not_before: float = 0.0
    """After a try that reached nobody: not again before."""
    interaction_id: str | None = None
    """The call in which it was asked for."""
    result: str | None = None

    @property
    def open(self) -> bool:
        """Whether it still is to be done."""
        return self.state in OPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRules:
    """``max_attempts`` tries, ``retry_seconds`` between them, given up after ``expire_seconds``."""

    max_attempts: int = 3
    retry_seconds: float = 600.0
    expire_seconds: float = 8 * 3600.0


def moved(one: Callback, trigger: Trigger, now: float, rules: CallbackRules, result: str | None = None) -> Callback:
    """The callback after ``trigger``, by the table; the same object where the table says nothing."""
    if trigger == "not_reached" and one.attempts >= rules.max_attempts:
        trigger = "gave_up"
    state = TABLE[one.state].get(trigger)
    if state is None:
        return one
    changed = replace(one, state=state, result=result if state not in OPEN else one.result)
    if trigger == "turn_came":
        return replace(changed, attempts=one.attempts + 1)
    if trigger == "not_tried":  # it was no try
        return replace(changed, attempts=max(0, one.attempts - 1), not_before=now + 1.0)
    return replace(changed, not_before=now + rules.retry_seconds) if trigger == "not_reached" else changed


def expired(callbacks: Iterable[Callback], now: float) -> list[Callback]:
    """Those that waited too long."""
    return [one for one in callbacks if one.state == "waiting" and now >= one.expires_at]


def turns(callbacks: Sequence[Callback], entered: Sequence[float], free: int, now: float) -> list[Callback]:
    """Whose turn it is: of all who wait in one queue, callers and callbacks, the first ``free`` by their time.

    ``entered``: when each waiting caller entered. A callback that is being dialled has its agent already.
    """
    free -= sum(1 for one in callbacks if one.state == "dialling")
    due = [one for one in callbacks if one.state == "waiting" and one.not_before <= now < one.expires_at]
    line: list[tuple[float, int, Callback | None]] = [(at, 0, None) for at in entered]
    line += [(one.since, 1, one) for one in due]
    line.sort(key=lambda place: place[:2])
    return [one for _, _, one in line[: max(0, free)] if one is not None]
