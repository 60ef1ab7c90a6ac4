"""Waiting to lead: several processes with one database, of which one works and the others stand by.

Who leads is a lease in the database (``interaction_log.store.lease``). A process that stands by looks at it four times
a second, has read its program already, and opens the log as soon as the lease is free.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from interaction_log.store import EventLog, LeaseHeld
from interaction_log.store.lease import Leader

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.25
NEEDED: Final = (
    "agent_console.app",
    "cti_gateway.gateway",
    "cti_gateway.entry_setup",
    "cti_gateway.service",
    "interaction_log.store.imports_runner",
    "alembic.command",
)
"""Read beforehand: a start on a small machine takes longer to read the program than to do its work."""


@dataclass(slots=True)
class Standing:
    """What a follower knows. ``looked_at``: Unix seconds of the last look that worked; ``trouble``: why one did not."""

    leader: Leader | None = None
    looked_at: float | None = None
    trouble: str | None = None


class Standby:
    """One wait for the lead. ``look`` and ``open_log`` block; they run in threads."""

    def __init__(
        self, look: Callable[[], Leader | None], open_log: Callable[[], EventLog], wall: Callable[[], float]
    ) -> None:
        self._look, self._open_log, self._wall = look, open_log, wall
        self.standing = Standing()
        self.news = asyncio.Event()
        """Set by whoever heard that the leader is gone: look now."""
        self.live: Callable[[], dict[str, Any] | None] = lambda: None
        """What the leader told of its figures last (``bus``)."""

    def view(self) -> dict[str, Any]:
        """For ``/readyz``: who leads, since when, and how old that knowledge is."""
        one, now = self.standing, self._wall()
        leader = one.leader
        age = None if one.looked_at is None else round(max(0.0, now - one.looked_at), 3)
        known = {"host": leader.host.partition(" ")[0], "pid": leader.pid, "since": leader.since} if leader else None
        live = self.live()
        return {"leader": known, "age_seconds": age, "trouble": one.trouble} | ({"live": live} if live else {})

    async def lead(self, stop: asyncio.Event) -> EventLog | None:
        """The opened log, once this process leads; ``None`` when it shall end before."""
        ready = asyncio.create_task(asyncio.to_thread(_read_program))
        try:
            while not stop.is_set():
                found = await self._try()
                if found is not None:
                    await ready
                    return found
                await self._wait(stop)
        finally:
            await asyncio.shield(ready)
        return None

    async def _try(self) -> EventLog | None:
        try:
            leader = await asyncio.to_thread(self._look)
        except Exception as error:  # the database is away: whoever leads has the same trouble
            self._trouble(type(error).__name__)
            return None
        self._note(leader)
        if leader is not None and not leader.free:
            return None
        try:
            return await asyncio.to_thread(self._open_log)
        except LeaseHeld as held:  # another one was faster, or the journal here is still locked
            self._trouble(str(held))
            return None

    async def _wait(self, stop: asyncio.Event) -> None:
        waits = [asyncio.create_task(one.wait()) for one in (stop, self.news)]
        await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()
        self.news.clear()

    def _note(self, leader: Leader | None) -> None:
        before, self.standing.leader = self.standing.leader, leader
        self.standing.looked_at, self.standing.trouble = self._wall(), None
        if leader is not None and (before is None or (before.host, before.pid) != (leader.host, leader.pid)):
            since = datetime.fromtimestamp(leader.since, UTC)
            text = "process %d on %s leads since %s UTC: this one follows"
            log.info(text, leader.pid, leader.host.partition(" ")[0], f"{since:%Y-%m-%d %H:%M:%S}")

    def _trouble(self, text: str) -> None:
        if text != self.standing.trouble:
            log.warning("this follower could not look or lead: %s", text)
        self.standing.trouble = text


def _read_program() -> None:
    for name in NEEDED:
        importlib.import_module(name)
