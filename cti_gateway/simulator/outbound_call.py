"""Click-to-call: the agent's telephone rings first, then the customer's over the trunk."""

from __future__ import annotations

from collections.abc import Callable

from cti_gateway.simulator.clock import Timer
from cti_gateway.simulator.direct_call import DirectCall
from cti_gateway.simulator.parts import RINGING, UNKNOWN, UP, Channel, Headers
from cti_gateway.simulator.pbx import TRUNK, Pbx

OUR_NUMBER = "+862150001000"
OUR_NAME = "Callweave"
TRUNK_RING_SECONDS = 20.0
"""How long the customer's telephone rings."""

REASON_FAILED, REASON_NOT_LIFTED, REASON_ANSWERED = "0", "3", "4"
"""``Reason`` of ``OriginateResponse``."""


class OutboundCall:
    """An originated call. `ringing` is called when the customer's telephone rings; it decides what he does."""

    def __init__(
        self,
        pbx: Pbx,
        line: str,
        exten: str,
        number: str,
        *,
        action_id: str = "",
        timeout: float = 30.0,
        ringing: Callable[[OutboundCall], None] | None = None,
    ) -> None:
        self.pbx = pbx
        self.line, self.exten, self.number = line, exten, number
        self._action_id = action_id
        self._ringing = ringing
        self._timer: Timer | None = None
        self.customer: Channel | None = None
        self.agent: Channel | None = None
        if line in pbx.lines:
            self._ring_agent(timeout)
        else:  # not registered: nothing is told but the outcome
            self._tell_outcome(REASON_FAILED)

    # ---- The agent -----------------------------------------------------------------------------------------------
    def _ring_agent(self, timeout: float) -> None:
        pbx, own = self.pbx, self.line.partition("/")[2]
        self.agent = agent = pbx.channel(
            self, self.line, state=0, number=own, name=pbx.lines[self.line], context="from-internal", exten="s"
        )
        agent.application, agent.data = "AppDial2", "(Outgoing Line)"
        agent.number = self.number
        self._new_callerid(agent)
        agent.connected_number = self.number
        pbx.tell("NewConnectedLine", agent)
        pbx.tell_pair("DialBegin", None, agent, ("DialString", own))
        pbx.state(agent, RINGING)
        pbx.tell_pair("DialState", None, agent, ("DialStatus", "RINGING"))
        pbx.device_changed(self.line)
        self._timer = pbx.clock.later(timeout, self._not_lifted)

    def _new_callerid(self, channel: Channel) -> None:
        self.pbx.tell("NewCallerid", channel, ("CID-CallingPres", "0 (Presentation Allowed, Not Screened)"))

    def _tell_outcome(self, reason: str) -> None:
        lifted = reason == REASON_ANSWERED and self.agent is not None
        self.pbx.emit(
            "OriginateResponse",
            "call",
            [
                *([("ActionID", self._action_id)] if self._action_id else []),
                ("Response", "Success" if lifted else "Failure"),
                ("Channel", self.agent.name if lifted and self.agent else self.line),
                *self._place(),
                ("Reason", reason),
                ("Uniqueid", self.agent.unique_id if lifted and self.agent else UNKNOWN),
                ("CallerIDNum", self.number or UNKNOWN),
                ("CallerIDName", UNKNOWN),
            ],
        )

    def _place(self) -> Headers:
        """Where it goes on when it is lifted."""
        return [("Context", "from-internal"), ("Exten", self.exten)]

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _not_lifted(self) -> None:
        assert self.agent is not None
        self._tell_outcome(REASON_NOT_LIFTED)
        self.pbx.hang_up(self.agent, 19, "0")

    def answer(self, channel: Channel) -> bool:
        """The agent lifts; the customer is dialled."""
        if channel is not self.agent or channel.state != RINGING:
            return False
        self._stop()
        self.pbx.state(channel, UP)
        self.pbx.tell_pair("DialEnd", None, channel, ("DialStatus", "ANSWER"))
        self._tell_outcome(REASON_ANSWERED)
        self.pbx.device_changed(channel.endpoint)
        self._dial_customer(channel)
        return True

    def decline(self, channel: Channel) -> bool:
        """The agent presses reject (603), or the customer does (486)."""
        if channel is self.customer:
            self.customer_busy()
            return True
        if channel is not self.agent or channel.state != RINGING:
            return False
        self._stop()
        self.pbx.tell("HangupRequest", channel, ("Cause", "21"), ("TechCause", "603"))
        self.pbx.tell_pair("DialEnd", None, channel, ("DialStatus", "NOANSWER"))
        self.pbx.hang_up(channel, 21, "603")
        self._tell_outcome(REASON_FAILED)
        return True

    # ---- The customer --------------------------------------------------------------------------------------------
    def _dial_customer(self, agent: Channel) -> None:
        pbx = self.pbx
        if f"PJSIP/{self.exten}" in pbx.lines:
            agent.exten = self.exten
            pbx.calls[agent] = DirectCall(pbx, agent, f"PJSIP/{self.exten}")
            return
        agent.number, agent.caller_name, agent.exten = OUR_NUMBER, OUR_NAME, self.exten
        self._new_callerid(agent)
        agent.priority, agent.application, agent.data = 2, "Dial", f"PJSIP/{self.exten}@pstn,60,tT"
        self.customer = customer = pbx.channel(
            self, TRUNK, state=0, number=UNKNOWN, name=UNKNOWN, context="from-pstn", exten="s", linked=agent
        )
        customer.application, customer.data = "AppDial", "(Outgoing Line)"
        customer.number, customer.exten = self.exten, self.exten
        customer.connect(agent)
        self._new_callerid(customer)
        pbx.tell("NewConnectedLine", customer)
        pbx.tell_pair("DialBegin", agent, customer, ("DialString", f"{self.exten}@pstn"))
        agent.connected_number, agent.connected_name = customer.number, customer.caller_name
        pbx.tell("NewConnectedLine", agent)
        pbx.state(customer, RINGING)
        pbx.tell_pair("DialState", agent, customer, ("DialStatus", "RINGING"))
        pbx.device_changed(TRUNK)
        self._timer = pbx.clock.later(TRUNK_RING_SECONDS, self.customer_no_answer)
        if self._ringing is not None:
            self._ringing(self)

    def _pair(self) -> tuple[Channel, Channel] | None:
        """Agent and customer while the customer's telephone rings."""
        if self.agent and self.customer and self.customer.alive and self.customer.state == RINGING:
            self._stop()
            return self.agent, self.customer
        return None

    def customer_answers(self) -> None:
        """The customer lifts."""
        if pair := self._pair():
            agent, customer = pair
            self.pbx.state(customer, UP)
            self.pbx.device_changed(TRUNK)
            self._dial_end("ANSWER")
            customer.exten = ""
            self.pbx.bridge(customer, agent)

    def customer_busy(self) -> None:
        """The customer rejects, or talks to somebody else (486)."""
        if pair := self._pair():
            agent, customer = pair
            self.pbx.tell("HangupRequest", customer, ("Cause", "17"), ("TechCause", "486"))
            self._dial_end("BUSY")
            self._end_undialled(agent, customer, 17, "486")

    def customer_no_answer(self) -> None:
        """The customer's telephone rang in vain."""
        if pair := self._pair():
            self._dial_end("NOANSWER")
            self._end_undialled(*pair, 0, "")

    def _end_undialled(self, agent: Channel, customer: Channel, cause: int, tech_cause: str) -> None:
        self.pbx.hang_up(customer, cause, tech_cause)
        agent.priority = 3
        self.pbx.tell("SoftHangupRequest", agent, ("Cause", "16"))
        self.pbx.hang_up(agent, cause or 16, tech_cause)
        self.pbx.processed += 1

    def _dial_end(self, status: str) -> None:
        assert self.customer is not None
        self.pbx.tell_pair("DialEnd", self.agent, self.customer, ("DialStatus", status))

    # ---- Both ----------------------------------------------------------------------------------------------------
    def toggle_hold(self, channel: Channel) -> bool:
        """The agent presses hold, or presses it again."""
        if channel is not self.agent or channel.bridge is None or self.customer is None:
            return False
        channel.on_hold = not channel.on_hold
        if channel.on_hold:
            self.pbx.tell("Hold", channel, ("MusicClass", "default"))
            self.pbx.tell("MusicOnHoldStart", self.customer, ("Class", "default"))
        else:
            self.pbx.tell("Unhold", channel)
            self.pbx.tell("MusicOnHoldStop", self.customer)
        self.pbx.device_changed(channel.endpoint)
        return True

    def redirect(self, channel: Channel, context: str, exten: str) -> bool:
        """Not offered here."""
        return False

    def hang_up(self, channel: Channel, *, by_action: bool = False, cause: int = 16) -> None:
        """One side puts the receiver down, at any time."""
        self._stop()
        agent, customer = self.agent, self.customer
        if agent is None or (customer is None and agent.state == RINGING):
            self.decline(channel)
        elif customer is not None and customer.state == UP:
            self._end_talk(channel, agent, customer, by_action)
        elif customer is not None:
            if not by_action:
                self.pbx.tell("HangupRequest", channel)
            self._dial_end("CANCEL")
            self.pbx.tell("SoftHangupRequest", agent, ("Cause", "16"))
            self.pbx.hang_up(customer, 16)
            self.pbx.hang_up(agent, 0)

    def _end_talk(self, by: Channel, agent: Channel, customer: Channel, by_action: bool) -> None:
        if not by_action:
            self.pbx.tell("HangupRequest", by, ("Cause", "16"))
        self.pbx.leave(by, agent if by is customer else customer)
        self.pbx.tell("SoftHangupRequest", agent, ("Cause", "16"))
        self.pbx.hang_up(customer)
        self.pbx.hang_up(agent)
        self.pbx.processed += 1
