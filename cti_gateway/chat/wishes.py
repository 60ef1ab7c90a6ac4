"""A visitor's wish to be called: where it stands in line, and what may be wished. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from cti_gateway.chat.call_times import is_called_in
from cti_gateway.chat.opening import refused
from interaction_log.callback import Callback
from routing.hours import Hours
from webchat import wire
from webchat.wire import Ack

LONGEST_SECONDS: Final = 8 * 3600.0
"""A wish without a window is given up after a working day."""
FURTHEST_SECONDS: Final = 14 * 86_400.0
"""A window may begin within two weeks."""


class CallbackLine(Protocol):
    """Where callbacks stand in line (``cti_gateway.callbacks``)."""

    @property
    def all(self) -> Mapping[str, Callback]:
        """Those that are not over, by id."""
        ...

    def may_call(self, address: str) -> bool:
        """Whether this is a number that a visitor may have us dial."""
        ...

    def find(self, pbx: str, queue: str, address: str) -> Callback | None:
        """The open one of this number for this queue."""
        ...

    async def promise(self, wanted: Callback) -> bool:
        """Take it in; on disk when it returns, and in the log."""
        ...

    async def cancel(self, callback_id: str) -> Callback:
        """Raises ``NotFound``, or ``Conflict`` while it is being called."""
        ...


def window_fault(wanted: wire.RequestCallback, hours: Hours | None, now: float) -> Ack | None:
    """A window that is over, too far away, or one in which nobody calls."""
    if wanted.since is not None and not now - 3600 <= wanted.since <= now + FURTHEST_SECONDS:
        return refused("invalid_time", "This time cannot be chosen.", "since")
    if wanted.until is None:
        return None
    begins = max(now, wanted.since or now)
    if not begins < wanted.until <= now + 2 * FURTHEST_SECONDS:
        return refused("invalid_time", "This time cannot be chosen.", "until")
    if hours is not None and not is_called_in(hours, begins, wanted.until):
        return refused("invalid_time", "Nobody calls at this time.", "since")
    return None


def wish_of(
    wanted: wire.RequestCallback,
    place: tuple[str, str],
    address: str,
    name: str,
    *,
    since: float,
    requested_in: str,
    now: float,
    opens: float,
) -> Callback:
    """The wish as it stands in line. ``place``: PBX and queue; ``address``: E.164; ``since``: its place; ``opens``:
    when somebody calls next, so that a wish at night lasts into the day."""
    begins = wanted.since if wanted.since is not None and wanted.since > now else 0.0
    return Callback(
        id=wanted.id,
        pbx=place[0],
        queue=place[1],
        address=address,
        name=name[:80],
        since=since,
        requested_at=now,
        not_before=begins,
        expires_at=wanted.until or max(now, begins, opens) + LONGEST_SECONDS,
        requested_in=requested_in,
    )


def callback_view(kept: Mapping[str, Any]) -> Any:
    """``webchat.wire.CallbackView``."""
    return {name: kept.get(name) for name in ("phone", "from", "to", "state")}
