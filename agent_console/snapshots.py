"""What a console gets when it begins: the hub's state of this moment, with what comes from the database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from agent_console.consoles import SUPERVISORS
from agent_console.deps import ConsoleDeps
from agent_console.views import disposition_view, offered, pause_reason_view, stored_view
from interaction_log.records import User

T = TypeVar("T")
LOG = logging.getLogger(__name__)
DATABASE_SECONDS: Final = 1.0  # a console does not wait longer for what is only nice to have
FRESH_SECONDS: Final = 2.0
RECENT: Final = 10


class Snapshots:
    """Prepares snapshots; the catalogue is kept for 2 s, because after a restart all consoles come at once."""

    def __init__(self, deps: ConsoleDeps):
        self._deps = deps
        self._catalogue: dict[str, Any] = {"pause_reasons": [], "dispositions": []}
        self._read_at: float | None = None
        self._lock = asyncio.Lock()

    async def prepare(self, user: User, namespace: str) -> Callable[[], Mapping[str, Any]]:
        """Read what is slow; what is returned takes the hub's state, at once, when it is called."""
        live, wall = self._deps.live, self._deps.wall
        if namespace == SUPERVISORS:
            return lambda: {"role": user.role, "server_time": wall(), **live.supervisor_snapshot()}
        recent, catalogue = await asyncio.gather(self._recent(user), self._choices())
        return lambda: {
            "role": user.role,
            "server_time": wall(),
            "recent": recent,
            **catalogue,
            **({"crm": list(self._deps.crm)} if self._deps.crm else {}),
            **live.snapshot(user.name),
        }

    async def _recent(self, user: User) -> list[Any]:
        items = await self._soon(self._deps.interactions.recent_of_agent(user.devices, user.name, RECENT))
        return [stored_view(item) for item in items or []]

    async def _choices(self) -> dict[str, Any]:
        async with self._lock:
            if self._read_at is None or self._deps.now() - self._read_at > FRESH_SECONDS:
                reasons = await self._soon(self._deps.catalogue.pause_reasons())
                dispositions = await self._soon(self._deps.catalogue.dispositions())
                if reasons is not None and dispositions is not None:
                    self._catalogue = {
                        "pause_reasons": [pause_reason_view(c) for c in offered(reasons)],
                        "dispositions": [disposition_view(c) for c in offered(dispositions)],
                    }
                self._read_at = self._deps.now()  # also after a failure: nobody waits twice for a dead database
        return self._catalogue

    async def _soon(self, reading: Awaitable[T]) -> T | None:
        try:
            async with asyncio.timeout(DATABASE_SECONDS):
                return await reading
        except Exception as error:
            LOG.warning("a snapshot goes out without what the database has: %s", type(error).__name__)
            return None
