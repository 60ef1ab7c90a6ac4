"""Load for benchmarks: a flood of events, and calls at a steady rate. Deterministic by seed."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from cti_gateway.simulator.conversation import block
from cti_gateway.simulator.parts import Headers, Member, Queue
from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import Simulator

_SLICE_SECONDS = 0.01


def flood_blocks(count: int, rng: random.Random, now: float) -> Iterator[bytes]:
    """Events of a busy PBX that belong to no call of ours: what a missing ``eventfilter`` lets through."""
    for number in range(count):
        unique = f"{int(now)}.{100_000 + rng.randrange(1000)}"
        channel: Headers = [("Channel", f"PJSIP/other-{rng.randrange(1000):08x}"), ("Uniqueid", unique)]
        stamp = [("Timestamp", f"{now + number / 10_000:.6f}")]
        kind = rng.randrange(10)
        if kind < 6:
            lines = [("Event", "VarSet"), ("Privilege", "dialplan,all"), *stamp, *channel]
            lines += [("Variable", "RTPAUDIOQOS"), ("Value", "ssrc=1;themssrc=2;lp=0;rxjitter=0.0;" * 4)]
        elif kind < 8:
            lines = [("Event", "RTCPSent"), ("Privilege", "reporting,all"), *stamp, *channel, ("SSRC", "0x1234")]
        else:
            device = f"PJSIP/{9000 + rng.randrange(900)}"
            lines = [("Event", "DeviceStateChange"), ("Privilege", "call,all"), *stamp, ("Device", device)]
            lines += [("State", rng.choice(("INUSE", "NOT_INUSE")))]
        yield block(lines)


async def flood(simulator: Simulator, count: int, seconds: float, *, seed: int = 1) -> int:
    """Send `count` events to everybody within `seconds`, evenly; returns the bytes sent to each."""
    blocks = list(flood_blocks(count, random.Random(seed), simulator.clock.now()))  # noqa: S311
    began = time.monotonic()
    sent = total = 0
    while sent < count:
        due = count if seconds <= 0 else min(count, int((time.monotonic() - began) / seconds * count) + 1)
        if due > sent:
            data = b"".join(blocks[sent:due])
            simulator.broadcast(data)
            total += len(data)
            sent = due
        await asyncio.sleep(_SLICE_SECONDS)
    return total


def load_queue(members: int, name: str = "support") -> tuple[Queue, dict[str, str]]:
    """A queue with so many members (``PJSIP/2000`` and on), and their telephones."""
    lines = {f"PJSIP/{2000 + number}": f"Agent {number}" for number in range(members)}
    return Queue(name, "800", [Member(line, who) for line, who in lines.items()], ring_seconds=20.0), lines


@dataclass
class Load:
    """Calls at a steady rate, each with the next number of `numbers`; telephones lift and hang up by themselves.

    `rung` keeps, by Uniqueid, the monotonic time at which the first member's telephone began to ring: the moment from
    which a pop's latency counts.
    """

    simulator: Simulator
    numbers: Sequence[str]
    ring_seconds: float = 1.0
    talk_seconds: float = 5.0
    queue: str = "support"
    rung: dict[str, float] = field(default_factory=dict)
    placed: int = 0
    ended: int = 0
    on_ring: Callable[[QueueCall], None] | None = None

    def call(self) -> QueueCall:
        """One more call."""
        number = self.numbers[self.placed % len(self.numbers)]
        self.placed += 1
        queue = self.simulator.pbx.queues[self.queue]
        call = QueueCall(self.simulator.pbx, queue, number, ended=self._ended)
        call.on_stage.append(self._on_stage)
        return call

    def _on_stage(self, call: QueueCall) -> None:
        clock, agent = self.simulator.clock, call.agent
        if call.stage == "ringing" and agent is not None:
            self.rung.setdefault(call.caller.unique_id, time.monotonic())
            if self.on_ring is not None:
                self.on_ring(call)
            clock.later(self.ring_seconds, lambda: call.answer(agent))
        elif call.stage == "talking":
            clock.later(self.talk_seconds, lambda: call.hang_up(call.caller))

    def _ended(self, call: QueueCall) -> None:
        self.ended += 1

    async def run(self, rate: float, count: int) -> None:
        """Place `count` calls at `rate` a second, and wait until all have ended."""
        began = time.monotonic()
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
            self.call()
        while self.ended < self.placed:  # noqa: ASYNC110 (calls end by timers of their own)
            await asyncio.sleep(0.05)
