"""Queues of an agent: joining, leaving, and pauses in one queue, as she or a supervisor asks for them.

An agent joins and leaves the queues that an administrator gave her: those of her teams, and those whose skills she
has. The outcome is what the PBX shows. What others change at the PBX is seen as any other change (``members``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from operator import is_not
from typing import TYPE_CHECKING, Any, Final

from agent_console import wire
from agent_console.access import may_command
from agent_console.wire import Ack
from cti_gateway.ami import actions
from cti_gateway.desk import OK, OWN_REASONS, Answer, no
from cti_gateway.pbx import Outcome, Pbx
from cti_gateway.skilled import pause_for
from interaction_log import events as e
from interaction_log.records import User
from interaction_log.rights import Team
from routing.agents import Agent, Place
from routing.pauses import is_ours
from routing.skills import penalty_for

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

SEEN_SECONDS: Final = 3.0
"""How long a change of a membership may take to be seen."""
LOOK_SECONDS: Final = 0.02

Own = wire.OwnQueue | wire.PauseOwnQueue
Work = Coroutine[Any, Any, Outcome]


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a membership is changed: an agent's telephones at one PBX, and a queue there."""

    pbx: Pbx
    agent: Agent
    devices: list[str]
    queue: str

    @property
    def place(self) -> Place:
        """PBX and queue."""
        return self.pbx.name, self.queue

    def members(self) -> list[e.MemberChanged]:
        """Her memberships of this queue, as the PBX shows them."""
        return [m for d in self.devices for m in self.pbx.members.of_device(d) if m.queue == self.queue]

    def holders(self) -> list[e.PauseHolder]:
        """Who holds her pause in this queue."""
        return list(self.agent.queue_pauses.get(self.place, ()))


class Memberships:
    """What agents do to their own queues, and what supervisors do to those of agents."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.teams: Callable[[], Awaitable[Sequence[Team]]] | None = None
        """Where teams and their queues are read; ``None``: there are none."""
        self._given: dict[str, frozenset[str]] = {}
        """The queues of each team, by its code."""
        self._kept: dict[str, tuple[tuple[object, ...], int, list[Place]]] = {}
        """What is given to each user, with what that was made from: it is asked at each change of a state."""
        self.methods: dict[str, Callable[[str, Any], Answer]] = {
            "join_queue": self._join_own,
            "leave_queue": self._leave_own,
            "pause_queue": self._pause_own,
            "resume_queue": self._resume_own,
        }

    async def read(self) -> None:
        """Read which queues belong to which team."""
        teams = await self.teams() if self.teams is not None else ()
        self._given = {team.code: frozenset(team.queues) for team in teams}

    # --- what is allowed -----------------------------------------------------------------------------

    def given(self, user: User | None) -> list[Place]:
        """The queues that an administrator gave her to join and leave herself, by PBX and name."""
        if user is None:
            return []
        live = self._hub.distributor
        about, size = (user, live.settings.queues, self._given), len(live.queues_seen)
        kept = self._kept.get(user.name)
        if kept is None or kept[1] != size or any(map(is_not, kept[0], about)):
            may = may_command(user, "/agent", "join_queue")
            found = sorted(place for place in live.queues_seen if may and self._is_given(user, place))
            kept = self._kept[user.name] = (about, size, found)
        return kept[2]

    def _is_given(self, user: User, place: Place) -> bool:
        if any(place[1] in self._given.get(code, ()) for code in user.teams):
            return True
        queue = self._hub.distributor.settings.queues.get(place)
        return queue is not None and bool(queue.skills) and penalty_for(user.skills, queue) is not None

    # --- where ---------------------------------------------------------------------------------------

    def seat(self, name: str, queue: str, pbx: str | None, *, own: bool = False) -> Seat | Ack:
        """Her telephones where this queue is, or why that cannot be. ``own``: she asks for herself."""
        her = self._hub.distributor.agents.get(name)
        if her is None or (own and not her.signed_in):
            return no("not_signed_in", "The agent was not here yet.", None if own else "agent")
        if pbx is not None and pbx not in self._hub.pbxs:
            return no("unknown_pbx", "There is no such PBX.", "pbx")
        names = [p for p, q in self._hub.distributor.queues_seen if q == queue and pbx in (None, p)]
        if not names:
            return no("unknown_queue", "There is no such queue.", "queue")
        phones = [(p, self._hub.distributor.devices_of(her, p)) for p in names]
        found, devices = next((one for one in phones if one[1]), phones[0])
        if self._hub.pbxs[found].ready_since is None:
            return no("pbx_lost", "There is no link to the PBX.")
        if not devices:
            return no("no_phone", "There is no phone of this person at that PBX.", None if own else "agent")
        return Seat(self._hub.pbxs[found], her, devices, queue)

    # --- an agent at her own desk --------------------------------------------------------------------

    def _join_own(self, agent: str, command: wire.OwnQueue) -> Answer:
        seat = self._own_choice(agent, command)
        if isinstance(seat, dict):
            return seat
        if seat.members():
            return no("in_queue_already", "You are in this queue already.", "queue")
        user = self._hub.people[agent]
        queue = self._hub.distributor.settings.queues.get(seat.place)
        skilled = penalty_for(user.skills, queue) if queue is not None and queue.skills else None
        self._hub.skilled.decided_by_hand(agent, *seat.place, lasting=skilled is None)
        return self._observed(agent, "join_queue", command, seat, self.join(seat, skilled or 0))

    def _leave_own(self, agent: str, command: wire.OwnQueue) -> Answer:
        seat = self._own_choice(agent, command)
        if isinstance(seat, dict):
            return seat
        if not seat.members():
            return no("not_your_queue", "You are not in this queue.", "queue")
        self._hub.skilled.decided_by_hand(agent, *seat.place)
        return self._observed(agent, "leave_queue", command, seat, self.leave(seat, agent))

    def _own_choice(self, agent: str, command: wire.OwnQueue) -> Seat | Ack:
        seat = self.seat(agent, command.queue, command.pbx, own=True)
        if not isinstance(seat, dict) and seat.place not in self.given(self._hub.people.get(agent)):
            return no("queue_not_given", "This queue is not one that you may join and leave yourself.", "queue")
        return seat

    def _pause_own(self, agent: str, command: wire.PauseOwnQueue) -> Answer:
        seat = self._in_queue(agent, command)
        if isinstance(seat, dict):
            return seat
        if not self.knows_reason(command.reason):
            return no("unknown_reason", "Choose one of the reasons that there are.", "reason")
        return self._observed(agent, "pause_queue", command, seat, self.pause(seat, command.reason, "agent", agent))

    def _resume_own(self, agent: str, command: wire.OwnQueue) -> Answer:
        seat = self._in_queue(agent, command)
        if isinstance(seat, dict):
            return seat
        if "agent" not in seat.holders():
            held = "supervisor" in seat.holders()
            text = "Your supervisor paused you in this queue." if held else "You are not paused in this queue."
            return no("held_by_supervisor" if held else "not_paused_there", text, "queue")
        return self._observed(agent, "resume_queue", command, seat, self.resume(seat, ["agent"], agent))

    def _in_queue(self, agent: str, command: Own) -> Seat | Ack:
        seat = self.seat(agent, command.queue, command.pbx, own=True)
        if not isinstance(seat, dict) and not seat.members():
            return no("not_your_queue", "You are not in this queue.", "queue")
        return seat

    def _observed(self, agent: str, name: str, command: Own, seat: Seat, work: Work) -> Ack:
        """Accepted; the outcome follows, and goes into the audit trail."""
        self._hub.spawn(self._report(agent, name, command, seat, work))
        return OK

    async def _report(self, agent: str, name: str, command: Own, seat: Seat, work: Work) -> None:
        outcome = Outcome(False, "failed", "This did not work; the cause is in the log.")
        try:
            outcome = await work
        finally:
            self._hub.desk.tell(agent, command.id, outcome)
            details = {"queue": seat.queue, "pbx": seat.pbx.name} | ({"code": outcome.code} if outcome.code else {})
            if isinstance(command, wire.PauseOwnQueue):
                details["reason"] = command.reason
            self._hub.supervision.note(agent, name, agent, details, "done" if outcome.ok else "failed")

    # --- what is done --------------------------------------------------------------------------------

    def knows_reason(self, reason: str) -> bool:
        """Whether it is one that an administrator set up; any, where there is none."""
        known = self._hub.pause_reasons
        return reason in known - OWN_REASONS if known else True

    async def join(self, seat: Seat, penalty: int) -> Outcome:
        """Make her phone a member, with her pause in the same action, or change its penalty."""
        members, known = seat.members(), seat.pbx.members.members
        interface = members[0].interface if members else seat.devices[0]
        if members:
            outcome = await seat.pbx.do(actions.queue_penalty(interface, penalty, seat.queue))
        else:
            reason = pause_for(seat.agent, seat.place)
            outcome = await seat.pbx.add_member(
                seat.queue, interface, reason=reason, penalty=penalty, member_name=seat.agent.display_name
            )
        key = (seat.queue, interface)
        return await seen(lambda: key in known and known[key].penalty == penalty) if outcome.ok else outcome

    async def leave(self, seat: Seat, by: str) -> Outcome:
        """Take her phones out of the queue; her pauses there are over with that."""
        for member in seat.members():
            outcome = await seat.pbx.do(actions.queue_remove(member.queue, member.interface))
            if not outcome.ok and "not dynamic" in (outcome.message or "").lower():
                text = "This membership stands in the PBX's queues.conf and cannot be ended from here."
                return Outcome(False, "static_member", text)
            if not outcome.ok:
                return outcome
        outcome = await seen(lambda: not seat.members())
        if outcome.ok:
            await self._let_go(seat, seat.holders(), by)
        return outcome

    async def pause(self, seat: Seat, reason: str, holder: e.PauseHolder, by: str) -> Outcome:
        """Pause her in this queue; done when the PBX shows it and the log has it."""
        name, (pbx, queue) = seat.agent.name, seat.place
        paused = e.QueuePaused(
            at=self._hub.wall(), agent=name, pbx=pbx, queue=queue, holder=holder, reason=reason, by=by
        )
        number = self._hub.take([paused])
        outcome = await seen(lambda: all(member.paused for member in seat.members()))
        await self._hub.log.durable(number)
        return outcome

    async def resume(self, seat: Seat, holders: Sequence[e.PauseHolder], by: str) -> Outcome:
        """These holders let go; done when the PBX shows what is left."""
        await self._let_go(seat, holders, by)
        free = seat.agent.held_in(seat.place) is None and not seat.agent.pause_holders()
        if not free:
            return Outcome(True, "still_paused")
        outcome = await seen(lambda: not any(is_ours(member) for member in seat.members()))
        if outcome.ok and any(member.paused for member in seat.members()):
            return Outcome(False, "paused_at_pbx", "Somebody paused the phone at the PBX; that pause stays.")
        return outcome

    async def _let_go(self, seat: Seat, holders: Sequence[e.PauseHolder], by: str) -> None:
        at, name, (pbx, queue) = self._hub.wall(), seat.agent.name, seat.place
        ended = [e.QueueResumed(at=at, agent=name, pbx=pbx, queue=queue, holder=one, by=by) for one in holders]
        await self._hub.log.durable(self._hub.take(ended))


async def seen(test: Callable[[], bool]) -> Outcome:
    """Wait until the PBX shows it."""
    loop = asyncio.get_running_loop()
    until = loop.time() + SEEN_SECONDS
    while not test():
        if loop.time() > until:
            return Outcome(False, "no_outcome", "The PBX did not show the change in time.")
        await asyncio.sleep(LOOK_SECONDS)
    return Outcome(True)
