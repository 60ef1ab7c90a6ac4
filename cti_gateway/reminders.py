"""Tells owners of tasks that are due, each once, and runs the rules that make tasks.

The due times are in the database, so a restart forgets none; whose console is not open is told when it is. A reminder
is claimed before it is told: two processes, or a start in between, never tell of it twice. (Who loses power in that
moment still sees the task among those that are due.)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import date
from typing import Final, Protocol

from interaction_log.records import NotFound, Refused
from interaction_log.store.tasks import StoredTasks
from interaction_log.tasks import Task, TaskRule, due_day

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0
"""How often at least it is looked: an owner who was away has opened her console, another program wrote a task."""
RULES_SECONDS: Final = 60.0


class Consoles(Protocol):
    """Who can be told something (``agent_console.ports.Screens``)."""

    def audience(self) -> list[str]:
        """The users who have a console open, or had one lately."""
        ...

    def connected(self, agent: str) -> int:
        """How many consoles this user has open."""
        ...


class Reminders:
    """``wall``: Unix seconds. ``tell(owner, task)`` shows the notice; it never waits."""

    def __init__(
        self,
        tasks: StoredTasks,
        consoles: Consoles,
        wall: Callable[[], float],
        tell: Callable[[str, Task], None],
    ) -> None:
        self._tasks, self._consoles, self._wall, self._tell = tasks, consoles, wall, tell
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._failed: set[tuple[str, int]] = set()
        tasks.changed = self._wake.set

    def start(self) -> None:
        """Look now, and whenever something comes due."""
        self._loop = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Tell of nothing more."""
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop

    async def _run(self) -> None:
        rules_at = 0.0
        clock = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            wait = LOOK_SECONDS
            try:
                if clock() >= rules_at:
                    rules_at = clock() + RULES_SECONDS
                    await self.run_rules()
                wait = await self.look()
            except Exception:
                log.exception("reminders could not be looked up; tried again soon")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    async def look(self) -> float:
        """Tell of all that is due to those who are here; the seconds after which it is to be looked again."""
        now = self._wall()
        here = [name for name in self._consoles.audience() if self._consoles.connected(name)]
        for task in await self._tasks.to_remind(now, here):
            if self._consoles.connected(task.owner) and await self._tasks.claim(task.id, now):
                self._tell(task.owner, task)
        following = await self._tasks.next_due(now)
        return LOOK_SECONDS if following is None else max(0.0, min(LOOK_SECONDS, following - self._wall()))

    async def run_rules(self) -> int:
        """Run the rules whose time of the day has come; how many tasks were made."""
        made = 0
        now = self._wall()
        for rule in await self._tasks.rules():
            day = due_day(rule, now)
            if day is not None:
                made += await self._run_rule(rule, day, now)
        return made

    async def _run_rule(self, rule: TaskRule, day: date, now: float) -> int:
        try:
            made = await self._tasks.run_rule(rule, day, now)
        except (Refused, NotFound) as error:  # the segment asks for a field that is not there any more
            if (rule.id, rule.version) not in self._failed:
                self._failed.add((rule.id, rule.version))
                log.warning("the rule %s makes no tasks: %s", rule.id, error)
            return 0
        if made:
            log.info("the rule %s made %d tasks", rule.id, made)
        return made


def told(task: Task) -> dict[str, str]:
    """What the notice says of a task."""
    return {"task": task.id, "title": task.title, "customer": task.customer_name or ""}
