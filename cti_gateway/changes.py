"""What an administrator changed while we run, and what decisions need from the store at the start."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from agent_console.ports import Topic
from routing import commands as c

if TYPE_CHECKING:
    from cti_gateway.hub import Hub


class Changes:
    """Reads again what somebody changed, and tells who must know."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._topics: dict[Topic, Callable[[str], Coroutine[Any, Any, None]]] = {
            "users": self._user,
            "queues": self._queue,
            "pause_reasons": self._reasons,
            "dispositions": self._nothing,
            "skills": self._nothing,
            "campaigns": self._campaigns,
            "customers": hub.lookups.customer_changed,
        }

    async def load(self) -> None:
        """Read what decisions need from the store."""
        hub = self._hub
        hub.people = {user.name: user for user in await hub.users.all()}
        await self._read_queues()
        await hub.memberships.read()
        await self._reasons("")
        await self._campaigns("")

    def changed(self, topic: Topic, key: str) -> None:
        """See ``ports.Live``."""
        self._hub.spawn(self._topics[topic](key))

    async def _read_queues(self) -> None:
        queues = await self._hub.catalogue.queues()
        self._hub.distributor.settings.queues = {(q.pbx, q.name): q for q in queues}

    async def _user(self, name: str) -> None:
        hub = self._hub
        hub.people = {user.name: user for user in await hub.users.all()}
        if name == "*":  # a role or a team
            await self._teams()
        hub.desk.seat_changed(name)
        hub.skilled.agent_changed(name)
        hub.dispatch.changed(name)
        if name in hub.distributor.agents:
            hub.showing.show_agent(c.ShowAgent(name))

    async def _teams(self) -> None:
        await self._hub.memberships.read()
        for agent in self._hub.distributor.agents:
            self._hub.showing.show_agent(c.ShowAgent(agent))

    async def _queue(self, _: str) -> None:
        await self._read_queues()
        self._hub.skilled.queues_changed()
        self._hub.dispatch.queues_changed()
        await self._hub.live.queues_changed()

    async def _reasons(self, _: str) -> None:
        reasons = await self._hub.catalogue.pause_reasons()
        self._hub.pause_reasons = {choice.code for choice in reasons if not choice.retired}

    async def _campaigns(self, _: str) -> None:
        self._hub.campaigns.set(await self._hub.catalogue.campaigns())

    async def _nothing(self, _: str) -> None:
        """Dispositions are read when they are shown."""
