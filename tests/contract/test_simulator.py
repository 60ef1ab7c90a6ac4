"""The simulator earns its place: what it tells of a scenario is what a real Asterisk told when it was recorded.

Compared per channel (an event belongs to its ``Channel``; those without one, of an originated leg, are
compared by themselves): the sequence of event
names, and each event's header names in order. Three events come from other threads of Asterisk than those around them,
so that their place within a moment differs from one recording to the next; on both sides they are put first in it. The
halves of a Local channel live in two threads: of what is told of them in one moment the order is not compared.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cti_gateway.ami.codec import Codec, Message
from cti_gateway.simulator.clock import VirtualClock
from cti_gateway.simulator.outbound_call import OutboundCall
from cti_gateway.simulator.parts import Member, Queue
from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator

GOLDEN = Path(__file__).parents[1] / "golden"
MOMENT = 0.05
"""Seconds between two events of a channel that belong to one moment."""

FLOATING = frozenset({"AgentComplete", "OriginateResponse", "QueueCallerLeave"})

Shape = tuple[str, tuple[str, ...]]


class Stage:
    """A simulator on virtual time with a client that keeps what it is sent."""

    def __init__(self, give_up: float | None = None) -> None:
        self.clock = VirtualClock()
        members = [Member("PJSIP/1001", "Anna"), Member("PJSIP/1002", "Ben")]
        exten = "800" if give_up is None else "804"
        self.queue = Queue("support", exten, members, ring_seconds=4.0 if give_up is None else 8.0)
        self.queue.give_up_seconds = give_up
        lines = {"PJSIP/1001": "Anna", "PJSIP/1002": "Ben", "PJSIP/1003": "Chen"}
        self.simulator = Simulator(clock=self.clock, rng=random.Random(1), queues=[self.queue], lines=lines)
        self.pbx = self.simulator.pbx
        self.received = bytearray()
        self.client = self.simulator.converse(self.received.extend)
        self.client.receive(f"Action: Login\r\nUsername: {USERNAME}\r\nSecret: {SECRET}\r\n\r\n".encode())

    def nobody_free(self) -> None:
        """Pause everybody, before the recording."""
        for one in self.queue.members:
            self.pbx.pause(one.interface, True, "break")
        self.received.clear()

    def act(self, *lines: str) -> None:
        """Send an action."""
        self.client.receive(("\r\n".join(lines) + "\r\n\r\n").encode())

    def call(self, **more: object) -> QueueCall:
        """A customer calls the queue and rings."""
        call = QueueCall(self.pbx, self.queue, "13800138000", "Li Lei")
        self.clock.run(0.2)
        return call

    def lift(self, line: str) -> None:
        """Somebody lifts a ringing telephone."""
        channel = self.pbx.ringing_at(line)
        assert channel is not None
        assert self.pbx.calls[channel].answer(channel)
        self.clock.run(1.0)

    def reject(self, line: str) -> None:
        """Somebody presses reject."""
        channel = self.pbx.ringing_at(line)
        assert channel is not None
        assert self.pbx.calls[channel].decline(channel)
        self.clock.run(0.2)

    def hang_up(self, line: str) -> None:
        """Somebody puts the receiver down."""
        channel = self.pbx.talking_at(line)
        assert channel is not None
        self.pbx.calls[channel].hang_up(channel)
        self.clock.run(5)


def _answered(stage: Stage) -> None:
    call = stage.call()
    stage.lift("PJSIP/1001")
    call.hang_up(call.caller)


def _agent_hangs_up(stage: Stage) -> None:
    stage.call()
    stage.lift("PJSIP/1001")
    stage.hang_up("PJSIP/1001")


def _abandoned_waiting(stage: Stage) -> None:
    stage.nobody_free()
    call = stage.call()
    stage.clock.run(3)
    call.hang_up(call.caller)


def _abandoned_ringing(stage: Stage) -> None:
    call = stage.call()
    call.hang_up(call.caller)


def _ring_no_answer(stage: Stage) -> None:
    stage.call()
    stage.clock.run(6)
    stage.lift("PJSIP/1002")
    stage.hang_up("PJSIP/1002")


def _declined(stage: Stage) -> None:
    call = stage.call()
    stage.reject("PJSIP/1001")
    stage.lift("PJSIP/1002")
    call.hang_up(call.caller)


def _timeout(stage: Stage) -> None:
    stage.nobody_free()
    stage.call()
    stage.clock.run(8)


def _timeout_ringing(stage: Stage) -> None:
    stage.call()
    stage.clock.run(8)


def _hold(stage: Stage) -> None:
    call = stage.call()
    stage.lift("PJSIP/1001")
    for _ in range(4):
        stage.act("Action: PJSIPNotify", "Endpoint: 1001", "Variable: Event=hold")
        stage.clock.run(1)
    call.hang_up(call.caller)


def _redirect(stage: Stage) -> None:
    call = stage.call()
    stage.lift("PJSIP/1001")
    caller = call.caller
    stage.act("Action: Redirect", f"Channel: {caller.name}", "Context: from-internal", "Exten: 1003", "Priority: 1")
    stage.clock.run(1)
    stage.lift("PJSIP/1003")
    stage.pbx.calls[caller].hang_up(caller)


def _originate(stage: Stage, line: str = "PJSIP/1001") -> OutboundCall | None:
    calls: list[OutboundCall] = []
    stage.simulator.answers.customer = calls.append
    stage.act(
        "Action: Originate",
        "ActionID: 1",
        f"Channel: {line}",
        "Context: from-internal",
        "Exten: 913800138000",
        "Priority: 1",
        "Timeout: 8000",
        "CallerID: 13800138000",
        "Async: true",
    )
    stage.clock.run(0.5)
    if line in stage.pbx.lines and stage.pbx.ringing_at(line):
        return _Customer(calls)  # type: ignore[return-value]
    return None


class _Customer:
    """The customer's side, once his telephone rings."""

    def __init__(self, calls: list[OutboundCall]) -> None:
        self._calls = calls

    def __getattr__(self, name: str) -> object:
        return getattr(self._calls[0], name)


def _outbound(stage: Stage) -> None:
    customer = _originate(stage)
    stage.lift("PJSIP/1001")
    assert customer is not None
    customer.customer_answers()
    stage.clock.run(2)
    stage.hang_up("PJSIP/1001")


def _assigned(stage: Stage) -> None:
    stage.nobody_free()
    call = QueueCall(stage.pbx, stage.queue, "13800138077")
    stage.clock.run(1.2)
    bring = ("Channel: PJSIP/1001", "Application: Wait", "Data: 30", "Timeout: 8000", "Async: true")
    stage.act("Action: Originate", "ActionID: 1", "CallerID: 13800138077", *bring)
    stage.clock.run(0.9)
    stage.lift("PJSIP/1001")
    agent = stage.pbx.talking_at("PJSIP/1001")
    assert agent is not None
    stage.act("Action: Bridge", f"Channel1: {call.caller.name}", f"Channel2: {agent.name}")
    stage.clock.run(1.6)
    stage.pbx.calls[call.caller].hang_up(call.caller)


def _outbound_busy(stage: Stage) -> None:
    customer = _originate(stage)
    stage.lift("PJSIP/1001")
    assert customer is not None
    customer.customer_busy()


def _outbound_no_answer(stage: Stage) -> None:
    _originate(stage)
    stage.lift("PJSIP/1001")
    stage.clock.run(30)


def _outbound_cancelled(stage: Stage) -> None:
    _originate(stage)
    stage.lift("PJSIP/1001")
    stage.hang_up("PJSIP/1001")


def _outbound_declined(stage: Stage) -> None:
    _originate(stage)
    stage.reject("PJSIP/1001")


def _outbound_not_lifted(stage: Stage) -> None:
    _originate(stage)
    stage.clock.run(10)


def _outbound_unregistered(stage: Stage) -> None:
    _originate(stage, "PJSIP/1020")


def _asked(stage: Stage) -> tuple[QueueCall, str]:
    """Anna has a customer and asks Ben."""
    call = stage.call()
    stage.lift("PJSIP/1001")
    channel = stage.pbx.talking_at("PJSIP/1001")
    assert channel is not None
    stage.act("Action: Atxfer", f"Channel: {channel.name}", "Exten: 1002", "Context: from-internal")
    stage.clock.run(1)
    return call, channel.name


def _customer_leaves(stage: Stage, call: QueueCall) -> None:
    """Whoever has the customer now."""
    stage.pbx.calls[call.caller].hang_up(call.caller)
    stage.clock.run(5)


def _handed_over(stage: Stage) -> None:
    call, _ = _asked(stage)
    stage.lift("PJSIP/1002")
    stage.hang_up("PJSIP/1001")
    _customer_leaves(stage, call)


def _handed_over_ringing(stage: Stage) -> None:
    call, _ = _asked(stage)
    stage.hang_up("PJSIP/1001")
    stage.lift("PJSIP/1002")
    _customer_leaves(stage, call)


def _asking_cancelled(stage: Stage) -> None:
    _, agent = _asked(stage)
    stage.lift("PJSIP/1002")
    stage.act("Action: CancelAtxfer", f"Channel: {agent}")
    stage.clock.run(1)
    stage.hang_up("PJSIP/1001")


def _asking_cancelled_ringing(stage: Stage) -> None:
    call, agent = _asked(stage)
    stage.act("Action: CancelAtxfer", f"Channel: {agent}")
    stage.clock.run(1)
    _customer_leaves(stage, call)


def _asking_declined(stage: Stage) -> None:
    call, _ = _asked(stage)
    stage.reject("PJSIP/1002")
    stage.clock.run(1)
    _customer_leaves(stage, call)


def _press(stage: Stage, agent: str, keys: str) -> None:
    for key in keys:
        stage.act("Action: PlayDTMF", f"Channel: {agent}", f"Digit: {key}", "Receive: true")
    stage.clock.run(1)


def _swapped(stage: Stage) -> None:
    _, agent = _asked(stage)
    stage.lift("PJSIP/1002")
    _press(stage, agent, "*4")
    _press(stage, agent, "*4")
    stage.act("Action: Hangup", f"Channel: {agent}")
    stage.clock.run(1)
    stage.hang_up("PJSIP/1002")


def _threeway(stage: Stage) -> None:
    call, agent = _asked(stage)
    stage.lift("PJSIP/1002")
    _press(stage, agent, "*3")
    stage.hang_up("PJSIP/1001")
    _customer_leaves(stage, call)


def _threeway_then_dropped(stage: Stage) -> None:
    _, agent = _asked(stage)
    stage.lift("PJSIP/1002")
    _press(stage, agent, "*3")
    third = stage.pbx.talking_at("PJSIP/1002")
    assert third is not None
    stage.act("Action: Hangup", f"Channel: {third.name}")
    stage.clock.run(1)
    stage.hang_up("PJSIP/1001")


def _returned(stage: Stage) -> None:
    call, agent = _asked(stage)
    stage.act("Action: Hangup", f"Channel: {agent}")
    stage.clock.run(1)
    stage.reject("PJSIP/1002")
    stage.lift("PJSIP/1001")
    _customer_leaves(stage, call)


def _blind(stage: Stage) -> None:
    stage.call()
    stage.lift("PJSIP/1001")
    channel = stage.pbx.talking_at("PJSIP/1001")
    assert channel is not None
    stage.act("Action: BlindTransfer", f"Channel: {channel.name}", "Exten: 1002", "Context: from-internal")
    stage.clock.run(1)
    stage.lift("PJSIP/1002")
    stage.hang_up("PJSIP/1002")


SCENARIOS: dict[str, Callable[[Stage], None]] = {
    "answered": _answered,
    "answered-agent-hangs-up": _agent_hangs_up,
    "abandoned-waiting": _abandoned_waiting,
    "abandoned-ringing": _abandoned_ringing,
    "ring-no-answer-then-other": _ring_no_answer,
    "declined-then-other": _declined,
    "queue-timeout": _timeout,
    "queue-timeout-ringing": _timeout_ringing,
    "hold-and-resume": _hold,
    "redirect-action": _redirect,
    "originate-answered": _outbound,
    "assigned-waiting": _assigned,
    "originate-customer-busy": _outbound_busy,
    "originate-customer-no-answer": _outbound_no_answer,
    "originate-cancelled": _outbound_cancelled,
    "originate-declined": _outbound_declined,
    "originate-not-lifted": _outbound_not_lifted,
    "originate-unregistered": _outbound_unregistered,
    "attended-transfer-action": _handed_over,
    "attended-transfer-ringing": _handed_over_ringing,
    "attended-transfer-cancelled": _asking_cancelled,
    "attended-transfer-cancelled-ringing": _asking_cancelled_ringing,
    "attended-transfer-declined": _asking_declined,
    "attended-transfer-swapped": _swapped,
    "attended-transfer-threeway": _threeway,
    "threeway-then-dropped": _threeway_then_dropped,
    "transfer-returned": _returned,
    "blind-transfer-action": _blind,
}


def messages(data: bytes) -> Iterator[Message]:
    """The events of a stream."""
    codec = Codec()
    yield from (one for one in codec.feed(data) if one.kind == "event")
    assert codec.dropped_messages == 0


def shapes(data: bytes) -> list[list[Shape]]:
    """Per channel, in the order of their first event: names and headers of its events."""
    moments: dict[str, list[list[Shape]]] = defaultdict(list)
    last: dict[str, float] = {}
    for message in messages(data):
        channel = message.get("Channel") or f"to {message.get('DestChannel')}"
        if channel == "to ":
            continue
        now = message.timestamp or 0.0
        if channel not in last or now - last[channel] > MOMENT:
            moments[channel].append([])
        last[channel] = now
        moments[channel][-1].append((message.name, tuple(key for key, _ in message.headers())))
    return [
        [shape for moment in one for shape in (sorted(moment) if _is_local(channel) else _floating_first(moment))]
        for channel, one in moments.items()
    ]


def _is_local(channel: str) -> bool:
    return channel.startswith(("Local/", "to Local/"))


def _floating_first(moment: list[Shape]) -> list[Shape]:
    floating = sorted(one for one in moment if one[0] in FLOATING)
    return floating + [one for one in moment if one[0] not in FLOATING]


def keys_by_event(data: bytes) -> dict[str, set[tuple[str, ...]]]:
    """All header lists of each event name."""
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for message in messages(data):
        found[message.name].add(tuple(key for key, _ in message.headers()))
    return found


def names(channels: list[list[Shape]]) -> list[list[str]]:
    """Only the names, for a readable difference."""
    return [[name for name, _ in one] for one in channels]


def play(name: str) -> bytes:
    """What the simulator tells of a scenario."""
    stage = Stage(give_up=3.0 if "timeout" in name else None)
    SCENARIOS[name](stage)
    stage.clock.run(5)
    assert not stage.pbx.channels
    assert not stage.pbx.calls
    return bytes(stage.received)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_told_as_the_real_one_tells_it(name: str) -> None:
    real, ours = (GOLDEN / f"{name}.ami").read_bytes(), play(name)
    assert names(shapes(ours)) == names(shapes(real))
    assert shapes(ours) == shapes(real)


@pytest.mark.parametrize("name", SCENARIOS)
def test_events_that_name_no_channel_have_the_real_headers(name: str) -> None:
    real = keys_by_event((GOLDEN / f"{name}.ami").read_bytes())
    for event, lists in keys_by_event(play(name)).items():
        assert event in real
        if event != "FullyBooted":
            assert lists <= real[event]


@pytest.mark.parametrize("name", ["answered", "redirect-action", "originate-answered"])
def test_the_same_seed_tells_the_same(name: str) -> None:
    assert play(name) == play(name)
