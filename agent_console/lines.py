"""Who waits: callers in the agents' queues, and those whom we promised to call back. What the console server asks for.

Called on the one event loop. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypedDict


class WaitingView(TypedDict):
    """A caller who waits now, and whom this agent may pick up. ``since``: when he entered the queue."""

    interaction_id: str
    pbx: str
    queue: str
    number: str | None
    name: str | None
    customer_name: str | None
    since: float | None
    ringing: bool


class CallbackView(TypedDict):
    """A promise to call somebody back. ``since``: when he entered the queue; ``place``: in the line, from 1."""

    id: str
    pbx: str
    queue: str
    number: str
    name: str
    since: float
    requested_at: float
    expires_at: float
    state: str
    attempts: int
    not_before: float
    requested_in: str | None
    result: str | None
    place: int | None


class Lines(Protocol):
    """``cti_gateway.lines`` fulfils it."""

    def waiting(self, agent: str) -> list[WaitingView]:
        """The callers in this agent's queues, the longest first."""
        ...

    def promised(self) -> list[CallbackView]:
        """The callbacks that are not over, in order of their places."""
        ...

    async def promise(self, number: str, pbx: str, queue: str, name: str, not_before: float | None) -> CallbackView:
        """Somebody is to be called: it stands in the line of the queue's chats. Raises ``Refused``, ``Conflict``."""
        ...

    async def past(self, limit: int) -> Sequence[CallbackView]:
        """Those that are over, the last ones by the time at which they were asked for, newest first."""
        ...

    async def cancel(self, callback_id: str, by: str) -> CallbackView:
        """Call it off. Raises ``NotFound``, or ``Conflict`` while it is being called."""
        ...
