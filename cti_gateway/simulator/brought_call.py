"""A telephone that is rung for a caller who waits (``Originate`` of ``Wait``), and joined with him (``Bridge``)."""

from __future__ import annotations

from collections.abc import Callable

from cti_gateway.simulator.outbound_call import OutboundCall
from cti_gateway.simulator.parts import RINGING, UP, Channel, Headers


class BroughtCall(OutboundCall):
    """Rings the telephone; lifted, it waits for company. `ended` is called once, if there was any."""

    ended: Callable[[], None] | None = None

    def _place(self) -> Headers:
        return [("Application", "Wait"), ("Data", self.exten)]

    def _dial_customer(self, agent: Channel) -> None:
        """Nobody is dialled: it waits, for as many seconds as `exten` says."""
        agent.application, agent.data = "Wait", self.exten

    def join(self, caller: Channel, out_of_line: Callable[[], None]) -> None:
        """The caller comes out of his queue and to the telephone; as recorded, the queue tells nothing of it."""
        agent, pbx = self.agent, self.pbx
        if agent is None or agent.state != UP or agent.bridge is not None:
            return
        self.customer = caller
        agent.linked_id = caller.linked_id
        pbx.calls[caller] = self
        caller.priority += 1
        pbx.bridge(caller, agent, made=out_of_line)
        caller.connected_number = agent.number
        pbx.tell("NewConnectedLine", caller)

    def hang_up(self, channel: Channel, *, by_action: bool = False, cause: int = 16) -> None:
        """One side puts the receiver down; alone, the telephone does."""
        agent, caller = self.agent, self.customer
        if agent is None or agent.state == RINGING:
            self.decline(channel)
        elif caller is None:
            self._alone(agent, asked=not by_action)
        else:
            self._parted(channel, agent, caller, by_action)

    def _alone(self, agent: Channel, *, asked: bool) -> None:
        if asked:
            self.pbx.tell("HangupRequest", agent, ("Cause", "16"))
        self.pbx.tell("SoftHangupRequest", agent, ("Cause", "16"))
        self.pbx.hang_up(agent)

    def _parted(self, by: Channel, agent: Channel, caller: Channel, by_action: bool) -> None:
        other = agent if by is caller else caller
        if not by_action:
            self.pbx.tell("HangupRequest", by)
        self.pbx.leave(by, other)
        self.pbx.hang_up(by)
        self.pbx.tell("SoftHangupRequest", other, ("Cause", "16"))
        self.pbx.hang_up(other)
        self.pbx.processed += 1
        if self.ended is not None:
            self.ended()
