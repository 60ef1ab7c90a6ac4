"""The audit trail's head in the program's own log, at the start, once a day and at the end.

Whoever can change the database can cut entries off the end of the trail and mend its own record of the head; the log
is elsewhere, and ``cti audit verify --head`` compares.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from interaction_log.trail import Head

log = logging.getLogger(__name__)
DAY_SECONDS: Final = 86_400.0


class HeadLog:
    """``head`` reads it; ``stop`` writes it a last time."""

    def __init__(self, head: Callable[[], Awaitable[Head]], seconds: float = DAY_SECONDS):
        self._head = head
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """For the last time."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._tell()

    async def _run(self) -> None:
        while True:
            await self._tell()
            await asyncio.sleep(self._seconds)

    async def _tell(self) -> None:
        try:
            head = await self._head()
        except Exception as error:  # the database is away; that is said elsewhere
            log.warning("the audit trail's head cannot be read: %s", type(error).__name__)
            return
        log.info("the audit trail's head is %d:%s", head.n, head.hash)
