"""An attended transfer by the action ``Atxfer``: the customer hears music, a colleague is rung and asked, and then the
colleague has the customer, all three talk, or the customer is back.

The colleague is rung through a Local channel, as a real Asterisk does it; that one is optimised away there when the
transfer is complete, and stays here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from cti_gateway.simulator.clock import Timer
from cti_gateway.simulator.direct_call import DirectCall
from cti_gateway.simulator.parts import RINGING, UP, Channel, Headers
from cti_gateway.simulator.pbx import Call, Pbx

Stage = Literal["ringing", "asking", "three", "done", "over"]
RING_SECONDS = 15.0
"""``atxfernoanswertimeout`` as Asterisk has it."""


class Consultation:
    """`agent` asks the telephone `line` about `customer`; `before` is their call, and has them again when this fails.

    `left` is called when the agent has left the call for good: the queue learns that its member is free.
    """

    def __init__(
        self, pbx: Pbx, before: Call, agent: Channel, customer: Channel, line: str, left: Callable[[], None]
    ) -> None:
        self.pbx, self.agent, self.customer = pbx, agent, customer
        self.stage: Stage = "ringing"
        self._before, self._left, self._keys, self._alone = before, left, "", False
        pbx.tell("Hold", agent, ("MusicClass", "default"))
        pbx.tell("MusicOnHoldStart", customer, ("Class", "default"))
        for one in (agent, customer):
            pbx.calls[one] = self
        exten = line.partition("/")[2]
        self.near, self.far = self._local(exten)
        self.target = pbx.channel(
            self, line, state=0, number=exten, name=pbx.lines[line], context="from-internal", exten=exten, linked=agent
        )
        self._timer: Timer = pbx.clock.later(RING_SECONDS, self._not_taken)
        self._ring(exten)

    def _local(self, exten: str) -> tuple[Channel, Channel]:
        """The halves of the Local channel: the one that agent or customer hear, and the one that dials."""
        near, far = self.pbx.local(self, exten, self.agent)
        lines = [*near.headers("LocalOne"), *far.headers("LocalTwo")]
        more = [("Context", "from-internal"), ("Exten", exten), ("LocalOptimization", "No")]
        self.pbx.emit("LocalBridge", "call", [*lines, *more])
        return near, far

    def _ring(self, exten: str) -> None:
        pbx, agent, target = self.pbx, self.agent, self.target
        target.application, target.data = "AppDial", "(Outgoing Line)"
        target.connect(agent)
        pbx.tell("NewConnectedLine", target)
        pbx.bridge(self.near)
        pbx.tell_pair("DialBegin", self.far, target, ("DialString", exten))
        pbx.leave(agent)
        pbx.enter(self.near, agent)
        pbx.state(target, RINGING)
        pbx.tell_pair("DialState", self.far, target, ("DialStatus", "RINGING"))
        pbx.device_changed(target.endpoint)

    # ---- The colleague -------------------------------------------------------------------------------------------
    def answer(self, channel: Channel) -> bool:
        """The colleague lifts: the agent asks, or (who left already) the customer is there."""
        if channel is not self.target or channel.state != RINGING:
            return False
        self._timer.cancel()
        self.pbx.state(channel, UP)
        self.pbx.tell_pair("DialEnd", self.far, channel, ("DialStatus", "ANSWER"))
        self.pbx.device_changed(channel.endpoint)
        for half in (self.far, self.near):
            self.pbx.state(half, UP)
        self.pbx.bridge(channel, self.far)
        self.stage = "done" if self._alone else "asking"
        return True

    def decline(self, channel: Channel) -> bool:
        """The colleague rejects (486)."""
        if channel is not self.target or channel.state != RINGING:
            return False
        self.pbx.tell("HangupRequest", channel, ("Cause", "17"), ("TechCause", "486"))
        self._not_taken("BUSY")
        return True

    def _not_taken(self, status: str = "NOANSWER") -> None:
        self._timer.cancel()
        self.pbx.tell_pair("DialEnd", self.far, self.target, ("DialStatus", status))
        self._drop_target()
        if not self._alone:
            self._back()
            return
        self.stage = "over"  # the customer is brought back to who sent him
        self.pbx.leave(self.customer)
        self.pbx.calls[self.customer] = DirectCall(self.pbx, self.customer, self.agent.endpoint)

    def _drop_target(self) -> None:
        """The colleague's telephone and the way to it are gone."""
        for one in (self.target, self.far, self.near):
            if one.alive:
                self.pbx.leave(one)
                self.pbx.hang_up(one)

    # ---- What the agent does -------------------------------------------------------------------------------------
    def cancel(self) -> bool:
        """``CancelAtxfer``: back to the customer."""
        if self.stage not in ("ringing", "asking") or self._alone:
            return False
        self._timer.cancel()
        if self.stage == "ringing":
            self.pbx.tell_pair("DialEnd", self.far, self.target, ("DialStatus", "CANCEL"))
        self._drop_target()
        self._back()
        return True

    def _back(self) -> None:
        pbx = self.pbx
        pbx.leave(self.agent)
        pbx.enter(self.customer, self.agent)
        pbx.tell("MusicOnHoldStop", self.customer)
        pbx.tell("Unhold", self.agent)
        self.stage = "over"
        for one in (self.agent, self.customer):
            pbx.calls[one] = self._before

    def key(self, digit: str) -> None:
        """A key of the agent's telephone: ``*3`` brings all three together, ``*4`` swaps."""
        self._keys = (self._keys + digit)[-2:]
        if self._keys == "*3" and self.stage == "asking":
            self._join()
        elif self._keys == "*4" and self.stage == "asking":
            self._swap()

    def _join(self) -> None:
        pbx, with_customer = self.pbx, self.agent.bridge is self.customer.bridge
        for one in (self.near,) if with_customer else (self.agent, self.near):
            pbx.leave(one)
            pbx.enter(self.customer, one)
        pbx.tell("MusicOnHoldStop", self.customer)
        pbx.tell("Unhold", self.agent)
        self._tell_transfer("Threeway")
        self.stage = "three"

    def _swap(self) -> None:
        pbx, to_customer = self.pbx, self.agent.bridge is not self.customer.bridge
        here, there = (self.customer, self.near) if to_customer else (self.near, self.customer)
        pbx.leave(self.agent)
        pbx.enter(here, self.agent)
        pbx.tell("MusicOnHoldStop", here)
        pbx.tell("MusicOnHoldStart", there, ("Class", "default"))

    # ---- The end -------------------------------------------------------------------------------------------------
    def hang_up(self, channel: Channel, *, by_action: bool = False, cause: int = 16) -> None:
        """Somebody puts the receiver down."""
        if not by_action:
            self.pbx.tell("HangupRequest", channel, ("Cause", "16"))
        if channel is self.agent:
            self._agent_leaves()
        elif channel is self.customer:
            self._customer_leaves()
        elif self.stage == "ringing":
            self._not_taken("BUSY")
        elif self.stage == "asking":
            self._drop_target()
            self._back()
        elif self.stage == "three":
            self._drop_target()
            self._settle(self._before, self.agent)
        else:
            self._drop_target()
            self._end_customer()

    def _agent_leaves(self) -> None:
        """While it rings or is asked: the customer is the colleague's."""
        pbx, was = self.pbx, self.stage
        pbx.leave(self.agent)
        if was != "three":
            pbx.tell("MusicOnHoldStop", self.customer)
            pbx.leave(self.near)
            pbx.enter(self.customer, self.near)
        if was != "three":
            self._tell_transfer("Bridge")
        self._alone = was == "ringing"
        pbx.hang_up(self.agent)
        self.stage = "ringing" if was == "ringing" else "done"
        self._left()

    def _customer_leaves(self) -> None:
        self._timer.cancel()
        others = [one for one in (self.target, self.far, self.near, self.agent) if one.alive]
        if self.stage == "three":  # the other two go on
            self.pbx.leave(self.customer)
            self._left()
            self.stage = "over"
            self.pbx.hang_up(self.customer)
            self.pbx.processed += 1
            self._settle(_Together(self.pbx, others), *others)
            return
        if self.stage == "ringing":
            self.pbx.tell_pair("DialEnd", self.far, self.target, ("DialStatus", "CANCEL"))
        for one in others:
            self.pbx.leave(one)
            self.pbx.hang_up(one)
        if self.stage != "done" and not self._alone:
            self._left()
        self._end_customer()

    def _end_customer(self) -> None:
        self.stage = "over"
        self.pbx.leave(self.customer)
        self.pbx.tell("SoftHangupRequest", self.customer, ("Cause", "16"))
        self.pbx.hang_up(self.customer)
        self.pbx.processed += 1

    def _settle(self, call: Call, *channels: Channel) -> None:
        self.stage = "over"
        for one in (*channels, self.customer):
            if one.alive:
                self.pbx.calls[one] = call

    def _tell_transfer(self, kind: str) -> None:
        parts: list[tuple[str, Channel]] = [
            ("OrigTransferer", self.agent),
            ("SecondTransferer", self.agent),
            ("Transferee", self.customer),
            ("TransferTarget", self.near),
        ]
        lines: Headers = [("Result", "Success")]
        for prefix, channel in parts:
            lines += channel.headers(prefix)
        bridge = self.customer.bridge.id if self.customer.bridge is not None else ""
        self.pbx.emit("AttendedTransfer", "call", [*lines, ("DestType", kind), ("DestBridgeUniqueid", bridge)])

    # ---- What is not offered meanwhile -----------------------------------------------------------------------------
    def toggle_hold(self, channel: Channel) -> bool:
        """Not offered here."""
        return False

    def redirect(self, channel: Channel, context: str, exten: str) -> bool:
        """Not offered here."""
        return False


class _Together:
    """Who talks on after the customer has left a conference."""

    def __init__(self, pbx: Pbx, channels: list[Channel]) -> None:
        self._pbx, self._channels = pbx, channels

    def hang_up(self, channel: Channel, *, by_action: bool = False, cause: int = 16) -> None:
        """One goes, and the other hears it."""
        for one in self._channels:
            if one.alive:
                self._pbx.leave(one)
                self._pbx.hang_up(one)

    def answer(self, channel: Channel) -> bool:
        """Nothing rings."""
        return False

    def decline(self, channel: Channel) -> bool:
        """Nothing rings."""
        return False

    def toggle_hold(self, channel: Channel) -> bool:
        """Not offered here."""
        return False

    def redirect(self, channel: Channel, context: str, exten: str) -> bool:
        """Not offered here."""
        return False
