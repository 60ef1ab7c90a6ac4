"""An attended transfer by the action ``Atxfer``: the customer hears music, a colleague is rung and asked, and then the
colleague has the customer, all three talk, or the customer is back.

The colleague is rung through a Local channel, as a real Asterisk does it, which is optimised away when nobody is asked
any more. What is told is what a real one told (``tests/contract/test_simulator.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from cti_gateway.simulator.clock import Timer
from cti_gateway.simulator.direct_call import DirectCall
from cti_gateway.simulator.parts import RINGING, UP, Bridge, Channel, Headers
from cti_gateway.simulator.pbx import Call, Pbx
from cti_gateway.simulator.together import Together

Stage = Literal["ringing", "asking", "three", "done", "over"]
RING_SECONDS = 15.0
"""``atxfernoanswertimeout`` as Asterisk has it."""
OPTIMISED_SECONDS = 0.45
"""From the end of the asking to the end of the Local channel: it waits for sound from both sides."""
_NORMAL = ("Cause", "16")


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
        pbx.tell("Hold", agent)
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
        self._named(far, self.agent)
        near.connect(self.agent)
        lines = [*near.headers("LocalOne"), *far.headers("LocalTwo")]
        more = [("Context", "from-internal"), ("Exten", exten), ("LocalOptimization", "No")]
        self.pbx.emit("LocalBridge", "call", [*lines, *more])
        return near, far

    def _named(self, half: Channel, other: Channel) -> None:
        """A half of the Local channel bears the number of who is behind it."""
        half.number, half.caller_name = other.number, other.caller_name
        self.pbx.tell("NewCallerid", half, ("CID-CallingPres", "0 (Presentation Allowed, Not Screened)"))

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
        pbx.state(self.near, RINGING)
        self._named(self.near, target)

    # ---- The colleague -------------------------------------------------------------------------------------------
    def answer(self, channel: Channel) -> bool:
        """The colleague lifts: the agent asks, or (who left already) the customer is there."""
        if channel is not self.target or channel.state != RINGING:
            return False
        self._timer.cancel()
        self.pbx.state(channel, UP)
        if self._alone:
            self._named(self.far, self.customer)
        self.pbx.tell_pair("DialEnd", self.far, channel, ("DialStatus", "ANSWER"))
        self.pbx.device_changed(channel.endpoint)
        for half in (self.far, self.near):
            self.pbx.state(half, UP)
        self.pbx.tell_pair("DialEnd", None, self.near, ("DialStatus", "ANSWER"))
        channel.exten = ""
        self.pbx.bridge(channel, self.far)
        self.stage = "done" if self._alone else "asking"
        if self._alone:
            self._optimise()
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
        if self._alone:
            self._named(self.far, self.customer)
        self._drop_target(self.near, (17, "486") if status == "BUSY" else (0, ""))
        if not self._alone:
            self._back()
            return
        self.stage = "over"  # who sent the customer is rung again
        back = DirectCall(self.pbx, self.customer, self.agent.endpoint, comes_back=True)
        self.pbx.calls[self.customer] = back

    def _drop_target(self, asked: Channel, cause: tuple[int, str] = (16, "")) -> None:
        """The colleague's telephone and the way to it are gone.

        ``asked``: the half that the other one tells; ``cause``: of the telephone's end, with that of SIP.
        """
        pbx = self.pbx
        if self.far.alive:
            pbx.tell("HangupRequest", asked, _NORMAL)
            pbx.leave(self.near, self.far)
            pbx.tell("SoftHangupRequest", self.far, _NORMAL)
            pbx.hang_up(self.near)
            pbx.hang_up(self.far)
        if self.target.alive:
            pbx.leave(self.target)
            pbx.hang_up(self.target, *cause)

    def _optimise(self) -> None:
        """The two halves are needed no longer: the colleague comes to where the customer is."""
        pbx = self.pbx
        if not (self.far.alive and self.target.alive and self.customer.alive):
            return
        pbx.leave(self.target)
        pbx.leave(self.near)
        pbx.enter(self.customer, self.target, self.near)
        if self.stage == "done" and not self._alone:
            self._named(self.far, self.customer)
        pbx.leave(self.far)
        pbx.tell("HangupRequest", self.far, _NORMAL)
        pbx.hang_up(self.near)
        pbx.tell("SoftHangupRequest", self.far, _NORMAL)
        pbx.hang_up(self.far)

    def _optimise_soon(self) -> None:
        if self.target.state == UP:
            self.pbx.clock.later(OPTIMISED_SECONDS, self._optimise)

    # ---- What the agent does -------------------------------------------------------------------------------------
    def cancel(self) -> bool:
        """``CancelAtxfer``: back to the customer."""
        if self.stage not in ("ringing", "asking") or self._alone:
            return False
        self._timer.cancel()
        if self.stage == "ringing":
            self.pbx.tell_pair("DialEnd", self.far, self.target, ("DialStatus", "CANCEL"))
        self._drop_target(self.far)
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
        pbx, with_customer, asking = self.pbx, self.agent.bridge is self.customer.bridge, self.near.bridge
        for one in (self.near,) if with_customer else (self.agent, self.near):
            pbx.leave(one)
            pbx.enter(self.customer, one)
        pbx.tell("MusicOnHoldStop", self.customer)
        self._tell_transfer("Threeway", asking)
        self.stage = "three"
        self._optimise_soon()

    def _swap(self) -> None:
        pbx, to_customer = self.pbx, self.agent.bridge is not self.customer.bridge
        here, there = (self.customer, self.near) if to_customer else (self.near, self.customer)
        pbx.tell("Hold", self.agent)
        pbx.leave(self.agent)
        pbx.enter(here, self.agent)
        pbx.tell("MusicOnHoldStop", here)
        pbx.tell("MusicOnHoldStart", there, ("Class", "default"))
        pbx.tell("Unhold", self.agent)

    # ---- The end -------------------------------------------------------------------------------------------------
    def hang_up(self, channel: Channel, *, by_action: bool = False, cause: int = 16) -> None:
        """Somebody puts the receiver down."""
        if not by_action:
            cause_told = (_NORMAL,) if channel is self.target else ()
            self.pbx.tell("HangupRequest", channel, *cause_told)
        if channel is self.agent:
            self._agent_leaves(by_action)
        elif channel is self.customer:
            self._customer_leaves()
        elif self.stage == "ringing":
            self._not_taken("BUSY")
        elif self.stage == "asking":
            self._drop_target(self.near)
            self._back()
        elif self.stage == "three":
            self._drop_target(self.near)
            self._settle(self._before, self.agent)
        else:
            self._drop_target(self.near)
            self._end_customer()

    def _agent_leaves(self, by_action: bool) -> None:
        """While it rings or is asked: the customer is the colleague's.

        The queue learns of it in another thread than the telephone's, so either may be told first; here as recorded.
        """
        pbx, was, asking = self.pbx, self.stage, self.near.bridge
        pbx.leave(self.agent)
        if was != "three":
            pbx.tell("MusicOnHoldStop", self.customer)
            pbx.leave(self.near)
            pbx.enter(self.customer, self.near)
        if was != "three":
            self._tell_transfer("Bridge", asking, not (was == "ringing" and by_action))
        self._alone = was == "ringing"
        self.stage = "ringing" if was == "ringing" else "done"
        if was == "asking" and not by_action:
            pbx.hang_up(self.agent)
            self._left()
        else:
            self._left()
            pbx.hang_up(self.agent)
        if was == "asking":
            self._optimise_soon()

    def _customer_leaves(self) -> None:
        self._timer.cancel()
        others = [one for one in (self.target, self.far, self.near, self.agent) if one.alive]
        if self.stage == "three":  # the other two go on
            self.pbx.leave(self.customer)
            self._left()
            self.stage = "over"
            self.pbx.hang_up(self.customer)
            self.pbx.processed += 1
            self._settle(Together(self.pbx, others), *others)
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

    def _tell_transfer(self, kind: str, asking: Bridge | None, target: bool = True) -> None:
        """``asking``: where the colleague was asked. ``target``: he is named; not where an action ended the agent's
        channel while it still rang (as recorded)."""
        here = self.customer.bridge
        lines: Headers = [("Result", "Success")]
        for prefix, bridge in (("Orig", here), ("Second", asking)):
            lines += [*self.agent.headers(f"{prefix}Transferer"), *(bridge.headers(prefix) if bridge else [])]
        lines += self.customer.headers("Transferee")
        lines += [*(self.near.headers("TransferTarget") if target else []), ("IsExternal", "No")]
        more = [("DestType", kind), ("DestBridgeUniqueid", here.id if here is not None else "")]
        if kind == "Threeway":
            more.append(("DestTransfererChannel", self.agent.name))
        self.pbx.emit("AttendedTransfer", "call", [*lines, *more])

    # ---- What is not offered meanwhile -----------------------------------------------------------------------------
    def toggle_hold(self, channel: Channel) -> bool:
        """Not offered here."""
        return False

    def redirect(self, channel: Channel, context: str, exten: str) -> bool:
        """Not offered here."""
        return False
