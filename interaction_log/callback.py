"""A callback: a promise to call somebody back who keeps the place in the line. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

CallbackState = Literal["waiting", "dialling", "done", "failed", "expired"]
CallbackWay = Literal["queue", "console"]
"""``queue``: something stands in for the caller in the PBX's queue; ``console``: an agent is asked at her console."""
OPEN: Final[frozenset[CallbackState]] = frozenset({"waiting", "dialling"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One promise. Times are Unix seconds; ``since``: when the caller entered the queue, the place in the line."""

    id: str
    pbx: str
    queue: str
    address: str
    name: str
    since: float
    requested_at: float
    expires_at: float
    state: CallbackState = "waiting"
    attempts: int = 0
    not_before: float = 0.0
    """After a try that reached nobody: not again before."""
    requested_in: str | None = None
    """The interaction in which it was asked for."""
    result: str | None = None
    way: CallbackWay = "queue"

    @property
    def open(self) -> bool:
        """Whether it still is to be done."""
        return self.state in OPEN
