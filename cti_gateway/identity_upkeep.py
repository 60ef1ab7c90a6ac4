"""Looks for records that may be one person, daily and when asked; merges by a rule only where a site says so."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, Literal

from interaction_log.records import AuditEntry, Conflict, NotFound, Refused
from interaction_log.store.identity_records import StoredIdentity
from routing.ports import Audit

log = logging.getLogger(__name__)

FIRST_SECONDS: Final = 300.0
"""After a start there is more urgent work."""
DAY_SECONDS: Final = 86_400.0
PAUSE_SECONDS: Final = 0.02
"""Between two steps, so that a walk takes no more than a part of one processor."""

MergeRule = Literal["same_number_and_name", "same_mail_and_name"]
RULES: Final[Mapping[MergeRule, frozenset[str]]] = {
    "same_number_and_name": frozenset({"same_number", "same_name"}),
    "same_mail_and_name": frozenset({"same_mail", "same_name"}),
}
"""Which reasons a pair must have. A pair that people dismissed or parted again is never merged by a rule."""
MERGE_PAUSE_SECONDS: Final = 0.2
"""After each merge by a rule: a merge writes for some milliseconds, the calls write the rest of the time."""
MOST_AT_ONCE: Final = 1_000
"""Merges by rules in one walk; the rest waits for the next one."""


class IdentityUpkeep:
    """``rules``: those that the site switched on. ``changed(id)``: called for records that were merged.
    ``pause(seconds)`` is awaited between two steps, and longer between two merges."""

    def __init__(
        self,
        stored: StoredIdentity,
        audit: Audit,
        wall: Callable[[], float],
        rules: Collection[MergeRule] = (),
        changed: Callable[[str], None] = lambda customer_id: None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._stored, self._audit, self._wall, self._changed = stored, audit, wall, changed
        self.rules = tuple(rules)
        self._pause = pause
        self._walk: asyncio.Task[int] | None = None
        self._daily: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look some minutes from now, and daily."""
        self._daily = asyncio.get_running_loop().create_task(self._every_day())

    async def stop(self) -> None:
        """Look no more."""
        for task in (self._daily, self._walk):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def refresh(self) -> int:
        """Look through all records; how many pairs are open. While a look runs, its result is waited for."""
        if self._walk is None or self._walk.done():
            self._walk = asyncio.get_running_loop().create_task(self._look())
        return await asyncio.shield(self._walk)

    async def _every_day(self) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                await self.refresh()
            except Exception:
                log.exception("merge suggestions could not be made; tried again tomorrow")
            await asyncio.sleep(DAY_SECONDS)

    async def _look(self) -> int:
        pairs = await self._stored.suggestions.refresh(self._wall(), lambda: self._pause(PAUSE_SECONDS))
        merged = 0
        for (one, other), reasons in pairs.items():
            rule = rule_for(reasons, self.rules)
            if rule is not None and merged < MOST_AT_ONCE:
                merged += await self._merge(one, other, rule, reasons)
                await self._pause(MERGE_PAUSE_SECONDS)
        return len(pairs) - merged

    async def _merge(self, one: str, other: str, rule: MergeRule, reasons: Sequence[str]) -> bool:
        """The record with more interactions is kept; gaps are filled, nothing is replaced."""
        merges, now = self._stored.merges, self._wall()
        try:
            preview = await merges.preview(one, other)
            kept, merged = (one, other) if preview.interactions[0] >= preview.interactions[1] else (other, one)
            done = await merges.merge(kept, merged, at=now, by=None, reasons=reasons, rule=rule)
        except (NotFound, Refused, Conflict):  # changed since it was found
            return False
        details = {"merged": done.merged, "merge": done.id, "rule": rule}
        await self._audit.append(
            AuditEntry(at=now, actor="callweave", action="merge_customers", subject=done.kept, details=details)
        )
        self._changed(done.kept)
        self._changed(done.merged)
        return True


def rule_for(reasons: Collection[str], rules: Sequence[MergeRule]) -> MergeRule | None:
    """The first switched-on rule whose reasons are all there."""
    return next((rule for rule in rules if RULES[rule] <= set(reasons)), None)
