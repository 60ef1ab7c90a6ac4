"""Supervisors at agents' calls: a tap rings the supervisor's phone, hears the agent, and follows the customer.

ChanSpy ends with the channel that it hears. When the customer goes on to another agent the supervisor's phone is rung
again for that one's channel; with the call the tap ends. Who hung up is told by what is left: if the agent still has
the customer, it was the supervisor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from agent_console.wire import TapView
from cti_gateway.ami import actions
from cti_gateway.ami.encode import EncodeError
from cti_gateway.ami.spying import Mode, spied, spy
from cti_gateway.pbx import Outcome, Pbx
from cti_gateway.tracking.channels import Channel
from interaction_log import events as e
from interaction_log.devices import split
from interaction_log.rights import has

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

RING_SECONDS: Final = 25.0
SETTLE_SECONDS: Final = 0.5
"""How long the events of one moment may take: the tap's end comes before or after that of the agent's leg."""
NO_CALL: Final = Outcome(False, "agent_not_in_call", "The agent is in no call now.")


@dataclass(slots=True)
class Tap:
    """One supervisor at one call. ``channel``: of her phone, while it hears; ``heard``: the agent's device."""

    supervisor: str
    device: str
    agent: str
    heard: str
    pbx: str
    interaction_id: str
    mode: Mode
    since: float
    state: Literal["calling", "up", "following"] = "calling"
    channel: str | None = None
    over: bool = False


class Taps:
    """At most one tap for each supervisor. ``changed`` is called whenever one begins, moves or ends."""

    def __init__(self, hub: Hub, changed: Callable[[], None], moved: Callable[[Tap], None]) -> None:
        self._hub, self._changed, self._moved = hub, changed, moved
        self._taps: dict[str, Tap] = {}

    def views(self) -> list[TapView]:
        """Who listens to whom."""
        return [
            {
                "supervisor": tap.supervisor,
                "agent": tap.agent,
                "interaction_id": tap.interaction_id,
                "mode": tap.mode,
                "state": tap.state,
                "since": tap.since,
            }
            for tap in self._taps.values()
        ]

    def of(self, supervisor: str) -> Tap | None:
        """This supervisor's tap."""
        return self._taps.get(supervisor)

    # --- begin and end -------------------------------------------------------------------------------

    async def begin(self, tap: Tap) -> Outcome:
        """Ring the supervisor's phone; done when it hears. One that ran before ends."""
        await self.end(tap.supervisor)
        self._taps[tap.supervisor] = tap
        self._changed()
        outcome = await self._attach(tap)
        if not outcome.ok:
            self._forget(tap)
        return outcome

    async def _attach(self, tap: Tap) -> Outcome:
        pbx = self._hub.pbxs[tap.pbx]
        channel = pbx.tracker.channel_of(tap.interaction_id, tap.heard)
        if channel is None:
            return NO_CALL
        tap.state, tap.channel = "calling", None
        try:
            action = spy(tap.device, channel, tap.mode, timeout=RING_SECONDS, name=f"{tap.mode} {tap.agent}")
        except EncodeError as error:
            return Outcome(False, "invalid", str(error))
        outcome, own = await pbx.lift(action)
        if outcome.ok and own is not None:
            return await self._lifted(pbx, tap, own)
        return outcome

    async def _lifted(self, pbx: Pbx, tap: Tap, own: str) -> Outcome:
        if tap.over or not self._exists(pbx, own):
            await pbx.do(actions.hangup(own))
            return Outcome(False, "ended", "The call ended before your phone was lifted.")
        tap.channel, tap.state, tap.since = own, "up", self._hub.wall()
        self._changed()
        return Outcome(True)

    @staticmethod
    def _exists(pbx: Pbx, channel: str) -> bool:
        return any(one.name == channel for one in pbx.tracker.topology.by_id.values())

    async def end(self, supervisor: str) -> Outcome:
        """Hang up the supervisor's phone; nothing to complain about where there is no tap."""
        tap = self._taps.get(supervisor)
        if tap is None:
            return Outcome(True)
        self._forget(tap)
        pbx = self._hub.pbxs[tap.pbx]
        channel = tap.channel or self._ringing(pbx, tap)
        if channel is not None and self._exists(pbx, channel):
            await pbx.do(actions.hangup(channel))
        return Outcome(True)

    @staticmethod
    def _ringing(pbx: Pbx, tap: Tap) -> str | None:
        """The channel of her phone that rings for the tap: nobody's call, and ours by its origin."""
        all_ = pbx.tracker.topology.by_id.values()
        lone = [one for one in all_ if one.device == tap.device and one.originated and one.contact is None]
        return lone[-1].name if lone and tap.state == "calling" else None

    def _forget(self, tap: Tap) -> None:
        tap.over = True
        if self._taps.get(tap.supervisor) is tap:
            del self._taps[tap.supervisor]
            self._changed()

    # --- what happens to the call --------------------------------------------------------------------

    HEARS: Final = (e.AgentConnected, e.AgentDisconnected, e.InteractionEnded, e.LinkRestored)

    def noted(self, event: e.Event) -> None:
        """One of these events, after it was taken in."""
        if isinstance(event, (e.AgentConnected, e.AgentDisconnected, e.InteractionEnded)):
            for tap in [t for t in self._taps.values() if t.interaction_id == event.interaction_id]:
                self._call_changed(tap, event)
        elif isinstance(event, e.LinkRestored):
            for tap in [t for t in self._taps.values() if t.pbx == event.pbx and t.channel is not None]:
                self.gone(event.pbx, tap.channel or "")
            self._adopt(self._hub.pbxs[event.pbx])

    def _adopt(self, pbx: Pbx) -> None:
        """Taps that go on from before our own restart: known again, or ended where nobody knows whom they hear."""
        known = {tap.channel for tap in self._taps.values()}
        spying = [one for one in pbx.tracker.topology.by_id.values() if one.application == "ChanSpy"]
        for channel in [one for one in spying if one.name not in known]:
            ours, supervisor = spied(channel.application_data), self._supervisor_at(channel.device, pbx.profile.name)
            if ours is None or supervisor is None:
                continue  # somebody else's
            tap = None if supervisor in self._taps else self._found(pbx, channel, supervisor, *ours)
            if tap is None:
                self._hub.spawn(self._end_found(pbx, channel.name))
                continue
            self._taps[supervisor] = tap
            self._moved(tap)
            self._changed()

    def _supervisor_at(self, device: str, pbx: str) -> str | None:
        """Whose phone this is, of those who may listen."""
        for user in self._hub.people.values():
            seats = [split(seat) for seat in user.devices]
            if has(user, "supervise.listen") and any(d == device and p in (None, pbx) for p, d in seats):
                return user.name
        return None

    def _found(self, pbx: Pbx, channel: Channel, supervisor: str, heard: str, mode: Mode) -> Tap | None:
        agents = pbx.tracker.topology.by_name.get(heard)
        contact = agents.contact if agents is not None else None
        if agents is None or contact is None or contact.interaction.ended:
            return None
        owner = self._hub.distributor.owner(agents.device, pbx.profile.name)
        name = owner.name if owner is not None else agents.device
        since = channel.created_at if channel.created_at is not None else self._hub.wall()
        return Tap(
            supervisor,
            channel.device,
            name,
            agents.device,
            pbx.profile.name,
            contact.id,
            mode,
            since,
            "up",
            channel.name,
        )

    @staticmethod
    async def _end_found(pbx: Pbx, channel: str) -> None:
        await pbx.do(actions.hangup(channel))

    def _call_changed(self, tap: Tap, event: e.Event) -> None:
        if isinstance(event, e.InteractionEnded):
            self._hub.spawn(self._finish(tap))
        elif not self._has_customer(tap):
            self._follow(tap)

    async def _finish(self, tap: Tap) -> None:
        if not tap.over:
            await self.end(tap.supervisor)

    def _has_customer(self, tap: Tap) -> bool:
        one = self._hub.distributor.interactions.get(tap.interaction_id)
        return one is not None and not one.ended and one.open_segment(tap.heard) is not None

    def _follow(self, tap: Tap) -> None:
        """The agent has the customer no more: wait for who has, or go there."""
        one = self._hub.distributor.interactions.get(tap.interaction_id)
        now = next((s.agent for s in one.segments if s.open and s.agent != tap.device), None) if one else None
        if now is None:
            tap.state = "following"
            self._changed()
            return
        owner = self._hub.distributor.owner(now, tap.pbx)
        tap.heard, tap.agent = now, owner.name if owner is not None else now
        tap.state = "calling"
        self._changed()
        self._hub.spawn(self._move(tap, now))

    async def _move(self, tap: Tap, heard: str) -> None:
        """Let go of the channel before, and ring for the new one."""
        pbx = self._hub.pbxs[tap.pbx]
        before, tap.channel = tap.channel, None
        if before is not None and self._exists(pbx, before):
            await pbx.do(actions.hangup(before))
        if tap.over or tap.heard != heard:
            return
        self._moved(tap)
        outcome = await self._attach(tap)
        if not outcome.ok and not tap.over and tap.heard == heard:
            self._forget(tap)

    def gone(self, pbx: str, channel: str) -> None:
        """A channel was hung up; perhaps a supervisor's."""
        for tap in self._taps.values():
            if tap.pbx == pbx and tap.channel == channel:
                self._hub.spawn(self._hung_up(tap, channel))
                return

    async def _hung_up(self, tap: Tap, channel: str) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        if tap.over or tap.channel != channel or self._exists(self._hub.pbxs[tap.pbx], channel):
            return
        if self._has_customer(tap):
            self._forget(tap)
        else:
            tap.channel = None  # it follows, or ends with the call
