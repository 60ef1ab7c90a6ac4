"""What a console gets when it begins: the hub's state of this moment, with what comes from the database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

from agent_console.choices import Choices, soon
from agent_console.consoles import SUPERVISORS
from agent_console.deps import ConsoleDeps
from agent_console.views import stored_view
from agent_console.wire import RecentView
from interaction_log.records import User

RECENT: Final = 10


class Snapshots:
    """Prepares snapshots."""

    def __init__(self, deps: ConsoleDeps, choices: Choices):
        self._deps = deps
        self._choices = choices

    async def prepare(self, user: User, namespace: str) -> Callable[[], Mapping[str, Any]]:
        """Read what is slow; what is returned takes the state of the moment, at once, when it is called."""
        live, wall = self._deps.live, self._deps.wall
        if namespace == SUPERVISORS:
            return lambda: {"role": user.role, "server_time": wall(), **live.supervisor_snapshot()}
        recent, _ = await asyncio.gather(self._recent(user), self._choices.refresh())
        return lambda: {
            "role": user.role,
            "server_time": wall(),
            "recent": recent,
            **self._choices.now,
            **({"crm": list(self._deps.crm)} if self._deps.crm else {}),
            **live.snapshot(user.name),
        }

    async def _recent(self, user: User) -> list[RecentView]:
        items = await soon(self._deps.interactions.recent_of_agent(user.devices, user.name, RECENT))
        return [{**stored_view(item), "mine": True} for item in items or []]
