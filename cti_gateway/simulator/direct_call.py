"""A channel that dials one telephone: a call straight to an agent, or one that was sent there."""

from __future__ import annotations

from collections.abc import Callable

from cti_gateway.simulator.clock import Timer
from cti_gateway.simulator.parts import RINGING, UP, Channel
from cti_gateway.simulator.pbx import Pbx

RING_SECONDS = 20.0
"""How long the telephone rings."""


class DirectCall:
    """`caller` rings `line` (``PJSIP/1003``). `ended` is called once, before the caller's ``Hangup``.

    `comes_back`: the PBX itself rings the one who sent the caller away in vain, and the caller waits in his bridge.
    """

    def __init__(
        self,
        pbx: Pbx,
        caller: Channel,
        line: str,
        *,
        ring_seconds: float = RING_SECONDS,
        ended: Callable[[], None] | None = None,
        comes_back: bool = False,
    ) -> None:
        self.pbx = pbx
        self.caller = caller
        self._ended = ended
        self._dials = None if comes_back else caller
        exten = line.partition("/")[2]
        if not comes_back:
            caller.application, caller.data = "Dial", f"{line},{ring_seconds:.0f},tT"
        self.target = target = pbx.channel(
            self,
            line,
            state=0,
            number=exten,
            name=pbx.lines[line],
            context="from-internal",
            exten="s",
            linked=caller,
        )
        target.application, target.data = "AppDial", "(Outgoing Line)"
        target.connect(caller)
        target.exten = exten
        pbx.tell("NewConnectedLine", target)
        pbx.tell_pair("DialBegin", self._dials, target, ("DialString", exten))
        caller.connect(target)
        pbx.tell("NewConnectedLine", caller)
        pbx.state(target, RINGING)
        pbx.device_changed(line)
        pbx.tell_pair("DialState", self._dials, target, ("DialStatus", "RINGING"))
        self._timer: Timer = pbx.clock.later(ring_seconds, lambda: self._fail("NOANSWER", 0))

    def _dial_end(self, status: str) -> None:
        self._timer.cancel()
        self.pbx.tell_pair("DialEnd", self._dials, self.target, ("DialStatus", status))

    def answer(self, channel: Channel) -> bool:
        """The telephone is lifted."""
        if channel is not self.target or channel.state != RINGING:
            return False
        self.pbx.state(channel, UP)
        self._dial_end("ANSWER")
        self.pbx.device_changed(channel.endpoint)
        channel.exten = ""
        if self.caller.bridge is not None:
            self.pbx.enter(self.caller, channel)
        else:
            self.pbx.bridge(channel, self.caller)
        return True

    def decline(self, channel: Channel) -> bool:
        """The telephone is rejected (486): busy for the caller."""
        if channel is not self.target or channel.state != RINGING:
            return False
        self.pbx.tell("HangupRequest", channel, ("Cause", "17"), ("TechCause", "486"))
        self._fail("BUSY", 17, "486")
        return True

    def toggle_hold(self, channel: Channel) -> bool:
        """Hold or take back."""
        if channel.bridge is None:
            return False
        other = self.caller if channel is self.target else self.target
        channel.on_hold = not channel.on_hold
        if channel.on_hold:
            self.pbx.tell("Hold", channel, ("MusicClass", "default"))
            self.pbx.tell("MusicOnHoldStart", other, ("Class", "default"))
        else:
            self.pbx.tell("Unhold", channel)
            self.pbx.tell("MusicOnHoldStop", other)
        self.pbx.device_changed(channel.endpoint)
        return True

    def redirect(self, channel: Channel, context: str, exten: str) -> bool:
        """Not offered here."""
        return False

    def hang_up(self, channel: Channel, *, by_action: bool = False, cause: int = 16) -> None:
        """One side puts the receiver down."""
        if self.target.state == RINGING:
            if channel is self.target:
                self.decline(channel)
            else:
                self.pbx.tell("HangupRequest", channel)
                self._fail("CANCEL", 16, cause=0)
            return
        if not by_action:
            self.pbx.tell("HangupRequest", channel, *([("Cause", "16")] if self._dials is not None else []))
        if self._ended is not None:
            self._ended()
        self.pbx.leave(channel, self.caller if channel is self.target else self.target)
        self.pbx.tell("SoftHangupRequest", self.caller, ("Cause", "16"))
        self.pbx.hang_up(self.target)
        self._gone(16)

    def _fail(self, status: str, target_cause: int, tech_cause: str = "", *, cause: int | None = None) -> None:
        self._dial_end(status)
        self.pbx.hang_up(self.target, target_cause, tech_cause)
        if self._ended is not None:
            self._ended()
        self.pbx.tell("SoftHangupRequest", self.caller, ("Cause", "16"))
        self._gone((target_cause or 16) if cause is None else cause)

    def _gone(self, cause: int) -> None:
        self.pbx.leave(self.caller)
        self.pbx.hang_up(self.caller, cause)
        self.pbx.processed += 1
