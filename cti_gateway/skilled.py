"""Skills at the PBX: keeps the penalties (and memberships, where a queue says so) as ``routing.skills`` wants them.

They are put right when an agent takes her place, when a PBX comes back, and at once when an administrator changes
something. A penalty that somebody else sets is put back; what a supervisor does by hand stays until she signs in
anew or an administrator changes her skills or the queue.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from cti_gateway.ami import actions
from cti_gateway.pbx import Outcome
from interaction_log import events as e
from routing import commands as c
from routing.agents import PAUSE_PREFIX, Agent, Place
from routing.skills import Change, changes

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)

PUT_BACK: Final = 3
PUT_BACK_SECONDS: Final = 60.0
"""So often in so long a penalty is put back; then somebody else wants it otherwise, and people must agree."""


class Skilled:
    """Asks for what differs, one action after the other for each PBX."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._by_hand: dict[str, set[Place]] = {}
        self._waiting: dict[str, dict[Change, str]] = {}
        self._working: set[str] = set()
        self._put_back: dict[tuple[str, str, str], list[float]] = {}

    # --- occasions -----------------------------------------------------------------------------------

    HEARS: Final = (e.AgentSignedIn, e.LinkRestored, e.MemberChanged)

    def noted(self, event: e.Event) -> None:
        """One of these events, after it was taken in."""
        if isinstance(event, e.AgentSignedIn):
            self.agent_changed(event.agent)
        elif isinstance(event, e.LinkRestored):
            self._all()
        elif isinstance(event, e.MemberChanged):
            self._member_seen(event)

    def agent_changed(self, name: str) -> None:
        """She came, or her skills were changed."""
        self._by_hand.pop(name, None)
        agent = self._hub.distributor.agents.get(name)
        if agent is not None and agent.signed_in:
            self._want(name, self._changes(agent))

    def queues_changed(self) -> None:
        """What queues ask for was changed."""
        self._by_hand.clear()
        self._all()

    def decided_by_hand(self, name: str, pbx: str, queue: str, *, lasting: bool = True) -> None:
        """A supervisor or the agent changes this membership herself; not ``lasting``: as her skills say."""
        decided = self._by_hand.setdefault(name, set())
        (decided.add if lasting else decided.discard)((pbx, queue))

    def _all(self) -> None:
        for agent in self._hub.distributor.agents.values():
            if agent.signed_in:
                self._want(agent.name, self._changes(agent))

    def _member_seen(self, member: e.MemberChanged) -> None:
        """A new member, or a penalty that somebody set. (A membership that somebody ended stays ended.)"""
        queue = self._hub.distributor.settings.queues.get((member.pbx, member.queue))
        agent = self._hub.distributor.owner(member.device, member.pbx)
        if agent is not None:
            self._hub.carry_out(c.ShowAgent(agent.name))  # her queues
        if agent is None or member.removed or queue is None or not queue.skills:
            return
        found = [one for one in self._changes(agent) if (one.pbx, one.queue) == (member.pbx, member.queue)]
        self._want(agent.name, [one for one in found if one.kind == "penalty" and not self._disputed(one)])

    def _disputed(self, change: Change) -> bool:
        if change in self._waiting.get(change.pbx, {}):
            return False
        now, key = asyncio.get_running_loop().time(), (change.pbx, change.queue, change.name)
        recent = [at for at in self._put_back.get(key, []) if now - at < PUT_BACK_SECONDS]
        self._put_back[key] = [*recent, now]
        if len(recent) == PUT_BACK:
            told = {"queue": change.queue, "device": change.name}
            self._hub.carry_out(c.NotifySupervisors("warning", "penalty_disputed", told))
        return len(recent) >= PUT_BACK

    # --- what is wanted ------------------------------------------------------------------------------

    def _changes(self, agent: Agent) -> list[Change]:
        hub = self._hub
        user = hub.people.get(agent.name)
        if user is None:
            return []
        up = [pbx for pbx in hub.pbxs.values() if pbx.ready_since is not None]
        phones = {pbx.name: hub.distributor.devices_of(agent, pbx.name) for pbx in up}
        members = [m for pbx in up for device in phones[pbx.name] for m in pbx.members.of_device(device)]
        queues = [q for key, q in hub.distributor.settings.queues.items() if key in hub.distributor.queues_seen]
        return changes(user.skills, queues, members, phones, self._by_hand.get(agent.name, ()))

    def _want(self, name: str, wanted: list[Change]) -> None:
        for change in wanted:
            self._waiting.setdefault(change.pbx, {})[change] = name
            if change.pbx not in self._working:
                self._working.add(change.pbx)
                self._hub.spawn(self._work(change.pbx))

    async def _work(self, pbx: str) -> None:
        waiting = self._waiting[pbx]
        try:
            while waiting:
                change = next(iter(waiting))
                await self._do(change, waiting.pop(change))
        finally:
            self._working.discard(pbx)

    async def _do(self, change: Change, name: str) -> None:
        agent = self._hub.distributor.agents.get(name)
        if agent is None or change not in self._changes(agent):
            return  # somebody was faster, or it is not wanted any more
        outcome = await self._carried_out(change, agent)
        if not outcome.ok:
            text = "the membership of %s in %s was not changed: %s"
            log.warning(text, change.name, change.queue, outcome.message)

    async def _carried_out(self, change: Change, agent: Agent) -> Outcome:
        pbx = self._hub.pbxs[change.pbx]
        if change.kind == "remove":
            return await pbx.do(actions.queue_remove(change.queue, change.name))
        if change.kind == "penalty":
            return await pbx.do(actions.queue_penalty(change.name, change.penalty, change.queue))
        reason = pause_for(agent, (change.pbx, change.queue))
        return await pbx.add_member(
            change.queue, change.name, reason=reason, penalty=change.penalty, member_name=agent.display_name
        )


def pause_for(agent: Agent, place: Place) -> str | None:
    """The pause with which she must come into a queue: with it, or no moment passes in which she could be rung."""
    holders = agent.pause_holders() or [reason for at, reason in agent.held_queues().items() if at == place]
    if holders:
        return holders[0]
    return agent.pbx_reason or f"{PAUSE_PREFIX}as_elsewhere" if agent.pbx_reason is not None else None
