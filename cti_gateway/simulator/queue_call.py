"""A caller from outside in a queue: waits, rings members one after the other, talks, ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from cti_gateway.simulator.clock import Timer
from cti_gateway.simulator.direct_call import DirectCall
from cti_gateway.simulator.parts import RING, RINGING, UNKNOWN, UP, Channel, Headers, Member, Queue
from cti_gateway.simulator.pbx import TRUNK, Pbx

Stage = Literal["waiting", "ringing", "talking", "ended"]

FIRST_RING_SECONDS = 0.0003
"""From joining to the first member's ring: near the least of the recordings (0.1 ms; half take 1.4 and more)."""
GOODBYE_SECONDS = 0.88
"""How long the words last that a caller hears when the queue gives up."""


class QueueCall:
    """One caller, from the first ring of the trunk to the last hang-up. `ended` is called once, at the end.

    `caller`: somebody who is connected already and was sent here.
    """

    def __init__(
        self,
        pbx: Pbx,
        queue: Queue,
        number: str,
        name: str = "",
        *,
        caller: Channel | None = None,
        ended: Callable[[QueueCall], None] | None = None,
    ) -> None:
        self.pbx = pbx
        self.queue = queue
        self.stage: Stage = "waiting"
        self.member: Member | None = None
        self.agent: Channel | None = None
        self.on_stage: list[Callable[[QueueCall], None]] = []
        """Called after each change of `stage`."""
        self._ended = ended
        self._timers: dict[str, Timer] = {}
        self._tried: list[Member] = []
        self._rang_at = self._answered_at = 0.0
        self._held = 0
        self._callers = pbx.waiting[queue.name]
        self.caller = caller or pbx.channel(
            self,
            TRUNK,
            state=RING,
            number=number,
            name=name or UNKNOWN,
            context="from-pstn",
            exten=queue.exten,
        )
        self._join()

    # ---- Waiting -----------------------------------------------------------------------------------------------
    def _join(self) -> None:
        caller, pbx = self.caller, self.pbx
        if caller.state != UP:
            caller.priority = 2
            pbx.state(caller, UP)
            pbx.device_changed(TRUNK)
        caller.priority, caller.application, caller.data = 3, "Queue", f"{self.queue.name},tT"
        self.joined = pbx.clock.now()
        self._callers.append(self)
        self.original_position = self.position
        if self.position == 1:
            self._tell_queue_device("RINGING")
        count = str(len(self._callers))
        pbx.tell("QueueCallerJoin", caller, *self._place(), ("Count", count), kind="agent")
        pbx.tell("MusicOnHoldStart", caller, ("Class", "default"))
        pbx.on_change.append(self._look)
        if self.queue.give_up_seconds is not None:
            self._later("give_up", self.queue.give_up_seconds, self.give_up)
        self._later("look", FIRST_RING_SECONDS, self._look)

    @property
    def position(self) -> int:
        """Place among those who wait, from 1."""
        return self._callers.index(self) + 1

    def _place(self) -> Headers:
        return [("Queue", self.queue.name), ("Position", str(self.position))]

    def _tell_queue_device(self, state: str) -> None:
        self.pbx.emit("DeviceStateChange", "call", [("Device", f"Queue:{self.queue.name}"), ("State", state)])

    def _later(self, name: str, seconds: float, call: Callable[[], object]) -> None:
        self._stop(name)
        self._timers[name] = self.pbx.clock.later(seconds, call)

    def _stop(self, *names: str) -> None:
        for name in names or tuple(self._timers):
            if name in self._timers:
                self._timers.pop(name).cancel()

    def _look(self) -> None:
        """Ring the next free member, unless a caller before us is still to be served."""
        if self.stage != "waiting" or "retry" in self._timers:
            return
        if any(isinstance(one, QueueCall) and one.stage == "waiting" for one in self._callers[: self.position - 1]):
            return
        free = [one for one in self.queue.members if self.pbx.is_free(one)]
        untried = [one for one in free if one not in self._tried]
        if free and not untried:
            self._tried.clear()
        if chosen := sorted(untried or free, key=lambda one: one.penalty)[:1]:
            self._ring(chosen[0])

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        for call in list(self.on_stage):
            call(self)

    # ---- Ringing -----------------------------------------------------------------------------------------------
    def _ring(self, member: Member) -> None:
        pbx, caller = self.pbx, self.caller
        self.member = member
        self._tried.append(member)
        exten = member.interface.partition("/")[2]
        self.agent = agent = pbx.channel(
            self,
            member.interface,
            state=0,
            number=exten,
            name=pbx.lines.get(member.interface, member.name),
            context="from-internal",
            exten="s",
            linked=caller,
        )
        before = agent.headers("Dest")
        agent.connect(caller)
        agent.exten = caller.exten
        pbx.tell_pair("AgentCalled", caller, agent, *self._who(), kind="agent")
        pbx.tell_pair("DialBegin", caller, before, ("DialString", member.interface))
        caller.connect(agent)
        pbx.tell("NewConnectedLine", caller)
        pbx.state(agent, RINGING)
        pbx.tell("NewConnectedLine", agent)
        self._rang_at = pbx.clock.now()
        self.stage = "ringing"  # before the device's change lets others look
        pbx.device_changed(agent.endpoint)
        pbx.tell_pair("DialState", caller, agent, ("DialStatus", "RINGING"))
        self._later("ring", self.queue.ring_seconds, self.no_answer)
        self._enter("ringing")

    def _who(self) -> Headers:
        assert self.member is not None
        return [("Queue", self.queue.name), ("Interface", self.member.interface), ("MemberName", self.member.name)]

    def _dial_end(self, status: str) -> None:
        assert self.agent is not None
        self.pbx.tell_pair("DialEnd", self.caller, self.agent, ("DialStatus", status))

    def _tell_missed(self) -> None:
        assert self.agent is not None
        milliseconds = round((self.pbx.clock.now() - self._rang_at) * 1000)
        more = [*self._who(), ("RingTime", str(milliseconds))]
        self.pbx.tell_pair("AgentRingNoAnswer", self.caller, self.agent, *more, kind="agent")

    def no_answer(self) -> None:
        """The member's telephone rang in vain; after a pause the next one rings."""
        if self.stage != "ringing" or self.agent is None:
            return
        self._stop("ring")
        self._tell_missed()
        self._dial_end("NOANSWER")
        self._dial_end("CANCEL")
        self._later("retry", self.queue.retry_seconds, self._retry)
        self._stop_ringing(0)

    def _retry(self) -> None:
        self._timers.pop("retry", None)
        self._look()

    def _stop_ringing(self, cause: int, tech_cause: str = "") -> None:
        agent, self.agent = self.agent, None
        assert agent is not None
        self.stage = "waiting"
        self.pbx.hang_up(agent, cause, tech_cause)
        if self.stage == "waiting":  # nobody was free at once
            self._enter("waiting")

    def decline(self, channel: Channel) -> bool:
        """The member presses reject (486); the next one rings at once."""
        if self.stage != "ringing" or channel is not self.agent:
            return False
        self._stop("ring")
        self.pbx.tell("HangupRequest", channel, ("Cause", "17"), ("TechCause", "486"))
        self._dial_end("NOANSWER")
        self._tell_missed()
        self._stop_ringing(17, "486")
        self._look()
        return True

    def answer(self, channel: Channel) -> bool:
        """The member lifts."""
        if self.stage != "ringing" or channel is not self.agent or self.member is None:
            return False
        self._stop()
        pbx, caller = self.pbx, self.caller
        self.member.in_call = True
        pbx.state(channel, UP)
        pbx.device_changed(channel.endpoint)
        self._dial_end("ANSWER")
        pbx.tell("MusicOnHoldStop", caller)
        self._leave_queue()
        now = int(pbx.clock.now())
        self._held = now - int(self.joined)
        times = [("HoldTime", str(self._held)), ("RingTime", str(now - int(self._rang_at)))]
        pbx.tell_pair("AgentConnect", caller, channel, *self._who(), *times, kind="agent")
        self._answered_at = pbx.clock.now()
        pbx.bridge(channel, caller)
        self._enter("talking")
        return True

    def _leave_queue(self) -> None:
        place = self._place()
        self._callers.remove(self)
        if not self._callers:
            self._tell_queue_device("NOT_INUSE")
        self.pbx.tell("QueueCallerLeave", self.caller, *place, ("Count", str(len(self._callers))), kind="agent")
        if self._look in self.pbx.on_change:
            self.pbx.on_change.remove(self._look)

    # ---- Talking -----------------------------------------------------------------------------------------------
    def toggle_hold(self, channel: Channel) -> bool:
        """The agent presses hold, or presses it again."""
        if self.stage != "talking" or channel is not self.agent:
            return False
        channel.on_hold = not channel.on_hold
        if channel.on_hold:
            self.pbx.tell("Hold", channel, ("MusicClass", "default"))
            self.pbx.device_changed(channel.endpoint)
            self.pbx.tell("MusicOnHoldStart", self.caller, ("Class", "default"))
        else:
            self.pbx.tell("Unhold", channel)
            self.pbx.device_changed(channel.endpoint)
            self.pbx.tell("MusicOnHoldStop", self.caller)
        return True

    # ---- The end -------------------------------------------------------------------------------------------------
    def hang_up(self, channel: Channel, *, by_action: bool = False, cause: int = 16) -> None:
        """The caller or the agent puts the receiver down, or the action ``Hangup`` does it."""
        if self.stage == "ringing" and channel is self.agent:
            self.decline(channel)
        elif self.stage in ("waiting", "ringing"):
            self._abandon(asked=not by_action)
        elif self.stage == "talking":
            self._end_talk(channel, by_action)

    def _abandon(self, *, asked: bool) -> None:
        pbx, caller = self.pbx, self.caller
        self._stop()
        if asked:
            pbx.tell("HangupRequest", caller)
        pbx.tell("MusicOnHoldStop", caller)
        agent, self.agent = self.agent, None
        if agent is not None:
            for _ in range(2):  # a real one tells it twice
                pbx.tell_pair("DialEnd", caller, agent, ("DialStatus", "CANCEL"))
        self._tell_abandon()
        if agent is not None:
            pbx.hang_up(agent, 0)
        self._leave_queue()
        pbx.tell("SoftHangupRequest", caller, ("Cause", "16"))
        self._gone(0)

    def _tell_abandon(self) -> None:
        now = int(self.pbx.clock.now())
        self.stage = "ended"  # nobody is rung for this caller any more
        more = [("OriginalPosition", str(self.original_position)), ("HoldTime", str(now - int(self.joined)))]
        self.pbx.tell("QueueCallerAbandon", self.caller, *self._place(), *more, kind="agent")
        self.queue.abandoned += 1

    def give_up(self) -> None:
        """The queue's time is over: the caller hears good-bye and is hung up."""
        if self.stage not in ("waiting", "ringing"):
            return
        pbx, caller = self.pbx, self.caller
        self._stop()
        agent = self.agent
        if agent is not None:
            self._tell_missed()
            self._dial_end("NOANSWER")
            self._dial_end("CANCEL")
        self._tell_abandon()
        pbx.tell("MusicOnHoldStop", caller)
        self._leave_queue()
        self.agent = None
        if agent is not None:
            pbx.hang_up(agent, 0)
        caller.priority = 4
        self._later("goodbye", GOODBYE_SECONDS, self._after_goodbye)

    def _after_goodbye(self) -> None:
        self.caller.priority = 5
        self.pbx.tell("SoftHangupRequest", self.caller, ("Cause", "16"))
        self._gone(16)

    def _tell_complete(self, reason: str, agent: Channel | None) -> None:
        now = int(self.pbx.clock.now())
        talked = now - int(self._answered_at)
        assert self.member is not None
        more = [*self._who(), ("HoldTime", str(self._held)), ("TalkTime", str(talked)), ("Reason", reason)]
        self.pbx.tell_pair("AgentComplete", self.caller, agent or [], *more, kind="agent")
        self.member.calls_taken += 1
        self.member.last_call = now
        self.member.in_call = False
        self.queue.completed += 1
        self.queue.talk_seconds = talked
        self.queue.hold_seconds = self._held

    def _end_talk(self, by: Channel, by_action: bool) -> None:
        pbx, caller, agent = self.pbx, self.caller, self.agent
        assert agent is not None
        self.stage = "ended"
        other = agent if by is caller else caller
        if by_action:
            # As recorded: no HangupRequest, and AgentComplete comes late, without the agent, and blames the caller.
            pbx.leave(by, other)
            pbx.hang_up(agent)
            pbx.tell("SoftHangupRequest", caller, ("Cause", "16"))
            self._tell_complete("caller", None)
        else:
            pbx.tell("HangupRequest", by)
            self._tell_complete("caller" if by is caller else "agent", agent)
            pbx.leave(by, other)
            pbx.tell("SoftHangupRequest", caller, ("Cause", "16"))
            pbx.hang_up(agent)
        self._gone(16)

    def _gone(self, cause: int) -> None:
        self.stage = "ended"
        self._stop()
        self.pbx.hang_up(self.caller, cause)
        self.pbx.processed += 1
        self._enter("ended")
        if self._ended is not None:
            self._ended(self)

    def redirect(self, channel: Channel, context: str, exten: str) -> bool:
        """Send the caller to another telephone or queue by ``Redirect``; the agent is free."""
        return self._send_on(channel, context, exten, transferred=False)

    def blind_transfer(self, channel: Channel, context: str, exten: str) -> bool:
        """The same by ``BlindTransfer``: the queue learns of it at once."""
        return self._send_on(channel, context, exten, transferred=True)

    def _send_on(self, channel: Channel, context: str, exten: str, *, transferred: bool) -> bool:
        target = next((one for one in self.pbx.queues.values() if one.exten == exten), None)
        line = f"PJSIP/{exten}"
        if channel is not self.caller or self.stage != "talking" or (target is None and line not in self.pbx.lines):
            return False
        agent = self.agent
        assert agent is not None
        self.stage = "ended"
        if transferred:
            self._tell_transfer(agent, context, exten)
        channel.context, channel.exten, channel.priority = context, exten, 1
        self.pbx.leave(channel, agent)
        if transferred:
            self._tell_complete("transfer", agent)
        self.pbx.hang_up(agent)
        if target is None:
            ended = self._done_with if transferred else self._redirected_ended
            self.pbx.calls[channel] = DirectCall(self.pbx, channel, line, ended=ended)
        else:
            if not transferred:
                self._tell_complete("caller", None)
            self.pbx.calls[channel] = QueueCall(self.pbx, target, "", caller=channel, ended=self._ended)
        self._enter("ended")
        return True

    def _tell_transfer(self, agent: Channel, context: str, exten: str) -> None:
        """``Unhold``, whether there was a hold or not, and ``BlindTransfer``."""
        self.pbx.tell("Unhold", agent)
        lines = [("Result", "Success"), *agent.headers("Transferer"), *self.caller.headers("Transferee")]
        bridge = agent.bridge.headers() if agent.bridge is not None else []
        more = [("IsExternal", "Yes"), ("Context", context), ("Extension", exten)]
        self.pbx.emit("BlindTransfer", "call", [*lines, *bridge, *more])

    @property
    def in_line(self) -> bool:
        """Whether the caller is in the queue and nobody has him."""
        return self.stage in ("waiting", "ringing")

    def brought(self) -> None:
        """Somebody took the caller out of the line (``Bridge``): as recorded, only the music ends."""
        self._stop()
        self.stage = "ended"
        agent, self.agent = self.agent, None
        if agent is not None:  # a member's telephone rings for him meanwhile
            self.pbx.tell_pair("DialEnd", self.caller, agent, ("DialStatus", "CANCEL"))
            self.pbx.hang_up(agent, 0)
        self.pbx.tell("MusicOnHoldStop", self.caller)
        self._callers.remove(self)
        if not self._callers:
            self._tell_queue_device("NOT_INUSE")
        if self._look in self.pbx.on_change:
            self.pbx.on_change.remove(self._look)
        self._enter("ended")

    def brought_ended(self) -> None:
        """That call is over."""
        if self._ended is not None:
            self._ended(self)

    def agent_left(self) -> None:
        """The agent handed the caller over to a colleague, and is free."""
        self.stage = "ended"
        self._tell_complete("agent", self.agent if self.agent is not None and self.agent.alive else None)
        self._enter("ended")
        if self._ended is not None:
            self._ended(self)

    def _redirected_ended(self) -> None:
        """The queue learns only at the caller's end that its call is over, and names no agent."""
        self._tell_complete("caller", None)
        self._done_with()

    def _done_with(self) -> None:
        if self._ended is not None:
            self._ended(self)
