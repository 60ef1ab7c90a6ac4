"""What people choose from (reasons, dispositions, skills, campaigns), read once for all, told when it changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from agent_console.deps import ConsoleDeps
from agent_console.views import disposition_view, offered, pause_reason_view

T = TypeVar("T")
LOG = logging.getLogger(__name__)
DATABASE_SECONDS: Final = 1.0  # a console does not wait longer for what is only nice to have
FRESH_SECONDS: Final = 2.0


class Choices:
    """Kept for 2 s, because after a restart all consoles come at once. ``now`` is always the newest that was read."""

    def __init__(self, deps: ConsoleDeps):
        self._deps = deps
        self._read_at: float | None = None
        self._lock = asyncio.Lock()
        self.now: dict[str, Any] = {"pause_reasons": [], "dispositions": [], "skills": [], "campaigns": []}

    async def refresh(self) -> None:
        """Read again what is older than 2 s. Never raises: a console comes up without what the database has."""
        async with self._lock:
            if self._read_at is None or self._deps.now() - self._read_at > FRESH_SECONDS:
                await self._read()

    async def changed(self) -> None:
        """Somebody edited them: every console has the new ones at once."""
        async with self._lock:
            if await self._read():
                self._deps.consoles.publish_all("catalogue", self.now)

    async def _read(self) -> bool:
        catalogue = self._deps.catalogue
        reasons = await soon(catalogue.pause_reasons())
        outcomes = await soon(catalogue.dispositions())
        skills = await soon(catalogue.skills())
        campaigns = await soon(catalogue.campaigns())
        self._read_at = self._deps.now()  # also after a failure: nobody waits twice for a dead database
        if reasons is None or outcomes is None or skills is None or campaigns is None:
            return False
        self.now = {
            "pause_reasons": [pause_reason_view(c) for c in offered(reasons)],
            "dispositions": [disposition_view(c) for c in offered(outcomes)],
            "skills": [pause_reason_view(c) for c in offered(skills)],
            "campaigns": [disposition_view(c) for c in offered(campaigns)],
        }
        return True


async def soon(reading: Awaitable[T]) -> T | None:
    """What is read, or ``None`` where it fails or takes too long."""
    try:
        async with asyncio.timeout(DATABASE_SECONDS):
            return await reading
    except Exception as error:
        LOG.warning("a console goes without what the database has: %s", type(error).__name__)
        return None
