"""The benches' PBX speaks at the pace of recorded calls: everything, in order, and not before its time."""

from __future__ import annotations

import random

from bench.pace import BEGIN, JOINED, RING, Paced, recorded, ways
from cti_gateway.simulator.clock import VirtualClock
from cti_gateway.simulator.parts import Headers
from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import Simulator

WAY = ((BEGIN, 0.0), ("Newstate", 0.5), (JOINED, 2.0), (BEGIN, 2.5), ("AgentCalled", 3.5), (RING, 4.0))


def block(name: str, at: float, call: str) -> bytes:
    return f"Event: {name}\r\nPrivilege: call,all\r\nTimestamp: {at:.6f}\r\nLinkedid: {call}".encode()


def test_the_recordings_tell_from_the_channel_to_the_ring() -> None:
    found = recorded()
    assert len(found) > 100
    for way in found:
        assert way[0] == (BEGIN, 0.0)
        assert way[-1][0] == RING
        assert all(0.0 <= at < 0.05 for _, at in way)


def test_only_calls_that_rang_out_of_a_queue_and_only_to_their_first_ring() -> None:
    blocks = [
        block(BEGIN, 100.0, "a"),
        block(BEGIN, 100.001, "b"),
        block(JOINED, 100.002, "a"),
        block(RING, 100.003, "b"),
        block(RING, 100.004, "a"),
        block(RING, 100.005, "a"),
        b"Event: DeviceStateChange",
    ]
    (way,) = ways(blocks)
    assert [(name, round(at, 6)) for name, at in way] == [(BEGIN, 0.0), (JOINED, 0.002), (RING, 0.004)]


def test_a_call_is_told_whole_in_its_order_and_at_its_pace() -> None:
    clock = VirtualClock()
    said: list[tuple[str, str]] = []
    told: list[tuple[float, str, str]] = []
    simulator = Simulator(clock=clock, rng=random.Random(1))
    pbx = simulator.pbx

    def emit(name: str, kind: str, lines: Headers) -> None:
        told.append((clock.now(), name, str(lines)))

    paced = Paced(emit, [WAY], random.Random(1), clock)

    def hear(name: str, kind: str, lines: Headers) -> None:
        said.append((name, str(lines)))
        paced(name, kind, lines)

    pbx.emit = hear
    began = clock.now()
    call = QueueCall(pbx, next(iter(simulator.pbx.queues.values())), "13800138000")
    clock.run(10.0)
    assert call.stage == "ringing"
    assert [(name, lines) for _, name, lines in told] == said, "something was lost, or changed places"
    at = {name: round(when - began, 6) for when, name, _ in reversed(told)}  # the first of each
    assert (at[BEGIN], at["Newstate"], at[JOINED], at["AgentCalled"], at[RING]) == (0.0, 0.5, 2.0, 3.5, 4.0)
    assert at["NewConnectedLine"] == 4.0, "after the ring nothing waits"
