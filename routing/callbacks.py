"""Callbacks that keep their place in the line, as one table. Pure.

A callback waits with the moment at which its caller entered the queue. When it is near the head of the line, something
takes its place in the PBX's own queue, so that the PBX gives it the next agent and nobody who came later overtakes.
A try that reaches nobody gives the place back, until the tries are used up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from interaction_log.callback import OPEN, Callback, CallbackState

__all__ = ["OPEN", "TABLE", "Callback", "CallbackRules", "CallbackState", "Trigger", "expired", "moved", "turns"]

Trigger = Literal[
    "turn_came",  # it is near the head of the line: its place in the PBX's queue is taken
    "reached",  # agent and customer talk, by our call or because the customer called again
    "not_reached",  # the customer did not answer, was busy, or the network refused
    "not_tried",  # no agent took it, or the PBX did not do it: the customer's phone never rang
    "gave_up",  # the last try reached nobody
    "withdrawn",  # the customer or an agent called it off
    "time_over",
]
AGAIN_SECONDS: Final = 15.0
"""After a try that was none: not at once again, or a queue that takes nobody would be asked all the time."""

TABLE: Final[dict[CallbackState, dict[Trigger, CallbackState]]] = {
    "waiting": {"turn_came": "dialling", "reached": "done", "withdrawn": "failed", "time_over": "expired"},
    # A call that runs is not cut off by the clock; what it led to decides.
    "dialling": {"reached": "done", "not_reached": "waiting", "not_tried": "waiting", "gave_up": "failed"},
    "done": {},
    "failed": {},
    "expired": {},
}


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
        return replace(changed, attempts=one.attempts + 1, not_before=now)
    if trigger == "not_tried":  # it was no try
        return replace(changed, attempts=max(0, one.attempts - 1), not_before=now + AGAIN_SECONDS)
    return replace(changed, not_before=now + rules.retry_seconds) if trigger == "not_reached" else changed


def expired(callbacks: Iterable[Callback], now: float) -> list[Callback]:
    """Those that waited too long."""
    return [one for one in callbacks if one.state == "waiting" and now >= one.expires_at]


def turns(callbacks: Sequence[Callback], entered: Sequence[float], agents: int, now: float) -> list[Callback]:
    """Whose turn it is: of all who wait in one queue, callers and callbacks, the first ``agents`` by their time.

    ``entered``: when each waiting caller entered. ``agents``: how many may take the next calls; at least the first in
    line always gets its place. One that is being dialled stands in the line too.
    """
    line: list[tuple[float, int, Callback | None]] = [(at, 0, None) for at in entered]
    line += [(one.since, 1, one) for one in callbacks if one.state == "dialling" or _due(one, now)]
    line.sort(key=lambda place: place[:2])
    return [one for _, _, one in line[: max(1, agents)] if one is not None and one.state == "waiting"]


def _due(one: Callback, now: float) -> bool:
    return one.state == "waiting" and one.not_before <= now < one.expires_at
