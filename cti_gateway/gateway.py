"""The running program: parts put together, started in order, ended in the opposite order.

``composition`` makes the parts from the configuration; nothing here reads it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from copy import deepcopy
from typing import Any, Final, Protocol

from agent_console.server import Server
from cti_gateway.hub import Hub
from interaction_log.interaction import Interaction
from interaction_log.records import QueueSettings, User
from interaction_log.store import EventLog, Store
from interaction_log.store.seats import LastState
from routing.agents import Agent, QueuePause
from routing.distributor import chosen_from

log = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 2.0
STORE_SECONDS: Final = 3.0


class Extra(Protocol):
    """Something of its own that starts and stops with the program: the demo's simulator."""

    async def stop(self) -> None:
        """End it."""
        ...


class Gateway:
    """Owns the parts of one process."""

    def __init__(self, event_log: EventLog, store: Store, hub: Hub) -> None:
        self.log, self.store, self.hub = event_log, store, hub
        self.server: Server | None = None
        self.extras: list[Extra] = []
        self.seeded = False
        """The log holds what the demo brought, just now: no PBX has spoken yet."""
        self.shop = False
        """The demo's shop is there."""
        self.farewells: list[Callable[[], Awaitable[None]]] = []
        """Said when the lease is given back."""
        store.follow(event_log.shown)
        hub.find_at_once = store.customers.find_at_once

    async def restore(self, states: Sequence[LastState], last_word: float | None, *, absent: bool) -> None:
        """Take over what was. ``last_word``: when a PBX told us something last, by its clock.

        ``absent``: who was never here counts as logged out (the demo's colleagues).
        """
        interactions: list[Interaction] = self.log.open_interactions()
        wrapped = await to_be_wrapped_up(self.log, states)
        agents = [agent_of(state, self.hub.people) for state in states]
        if absent:
            known = {agent.name for agent in agents}
            agents += [absent_agent(u) for u in self.hub.people.values() if u.devices and u.name not in known]
        for pbx in self.hub.pbxs.values():
            calls = [one for one in interactions if one.pbx == pbx.name and one.channel == "voice"]
            pbx.restore(deepcopy(calls), last_word)
        await self.hub.restore(interactions + wrapped, agents)
        for agent in agents:
            self.hub.desk.seat_changed(agent.name)  # an administrator may have given her other phones meanwhile

    def start_links(self) -> None:
        """Begin to connect to the PBXs."""
        for pbx in self.hub.pbxs.values():
            pbx.start()

    async def stop(self, *, deposed: bool = False) -> None:
        """No new events; our mutes and pauses are released, consoles closed, the stores last; within 10 s.

        ``deposed``: another process leads, and mutes and pauses are his now.
        """
        pbxs = list(self.hub.pbxs.values())
        for pbx in pbxs:
            pbx.hush()
        if not deposed:
            await _each("the mutes", [self.hub.control.mutes.release()])
            await _each("the pauses", [pbx.release_ours() for pbx in pbxs])
        await _each("the links", [pbx.stop() for pbx in pbxs])
        await self.hub.drain(DRAIN_SECONDS)
        if self.server is not None:
            await _each("the consoles", [self.server.stop()])
        await _each("the simulator", [extra.stop() for extra in self.extras])
        await self._close_stores()
        await _each("the farewells", [] if deposed else [say() for say in self.farewells])

    async def _close_stores(self) -> None:
        loop = asyncio.get_running_loop()
        closing: list[Callable[[], None]] = [self.log.close, self.store.close]
        for close in closing:
            try:
                await asyncio.wait_for(loop.run_in_executor(None, close), STORE_SECONDS)
            except Exception:
                log.exception("a store did not close in time")


async def _each(what: str, work: Sequence[Awaitable[Any]]) -> None:
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            log.error("%s could not be ended", what, exc_info=result)


async def to_be_wrapped_up(event_log: EventLog, states: Sequence[LastState]) -> list[Interaction]:
    """What ended and somebody had still to wrap up when the process before ours ended."""
    still = {one.id for one in event_log.open_interactions()}
    return await event_log.interactions_of(sorted({of for state in states for of in state.wraps_up} - still))


def agent_of(last: LastState, people: dict[str, User]) -> Agent:
    """An agent as she was last."""
    user = people.get(last.agent)
    gone = user is None or user.disabled
    agent = Agent(last.agent, user.display_name if user is not None else last.agent, list(last.devices))
    agent.state = "LOGGED_OUT" if gone else last.state
    agent.chosen, agent.chosen_reason = chosen_from(agent.state, last.reason)
    agent.reason, agent.since = (None if gone else last.reason), last.since
    for one in last.queue_pauses:
        held = QueuePause(one.reason, one.by, one.at or 0.0)
        agent.queue_pauses.setdefault((one.pbx, one.queue), {})[one.holder] = held
    agent.to_wrap = dict.fromkeys(last.to_wrap, "chat")  # of which channel each is, ``restore`` tells
    if agent.state == "WRAP_UP":
        agent.until, agent.wrapping = last.until, last.interaction_id
    return agent


def absent_agent(user: User) -> Agent:
    """Somebody who is not at her place: her phone shall not ring."""
    return Agent(user.name, user.display_name, list(user.devices))


async def seed_queues(store: Store, queues: Sequence[QueueSettings]) -> None:
    """Queues that the configuration names and the catalogue does not; what an administrator changed stays."""
    known = {(one.pbx, one.name) for one in await store.catalogue.queues()}
    for queue in queues:
        if (queue.pbx, queue.name) not in known:
            await store.catalogue.put_queue(queue)
