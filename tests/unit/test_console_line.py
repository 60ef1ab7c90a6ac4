"""A message goes past engine.io's queue only while nothing waits before it: the order is that of the sending."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

from agent_console.consoles import AGENTS
from interaction_log.web.emit import QueueEmitter, Sent, make_patient
from tests.fakes.console_stage import until


class Wire:
    """A WebSocket that can be slow, with engine.io's writer in front of it."""

    def __init__(self, direct: bool = True) -> None:
        self.frames: list[str] = []
        self.ready = asyncio.Event()
        self.ready.set()
        self.socket = SimpleNamespace(queue=asyncio.Queue(), closed=False, closing=False)
        make_patient(self.socket, self.write_text if direct else None)
        self.emitter = QueueEmitter(SimpleNamespace(eio=SimpleNamespace(sockets={"e1": self.socket})))
        self.task = asyncio.ensure_future(self._writer())

    def write_text(self, text: str) -> bool:
        if not self.ready.is_set():
            return False
        self.frames.append(text)
        return True

    async def _writer(self) -> None:
        while packets := await self.socket.poll():
            for packet in packets:
                await self.ready.wait()
                self.frames.append(packet.encode())

    def send(self, number: int) -> Sent:
        return self.emitter.send("s1", "e1", AGENTS, "n", str(number))

    async def close(self) -> None:
        self.ready.set()
        self.socket.queue.put_nowait(None)
        await self.task


def frames(numbers: Any) -> list[str]:
    return [f'42/agent,["n",{n}]' for n in numbers]


async def test_what_nothing_waits_before_is_written_at_once() -> None:
    wire = Wire()
    wire.send(0)
    assert wire.frames == []  # the writer has not begun: perhaps it still says hello
    await until(lambda: wire.frames == frames([0]))
    await until(lambda: wire.socket.line._idle)
    wire.send(1)
    assert wire.frames == frames([0, 1])
    await wire.close()


async def test_without_a_way_to_write_everything_goes_through_the_queue() -> None:
    wire = Wire(direct=False)
    await until(lambda: wire.socket.line._idle)
    wire.send(0)
    assert wire.frames == []
    await until(lambda: wire.frames == frames([0]))
    await wire.close()


async def test_the_order_stays_however_slow_the_other_side_is() -> None:
    wire, rng = Wire(), random.Random(7)
    for number in range(2_000):
        while wire.send(number) is Sent.FULL:
            wire.ready.set()
            await asyncio.sleep(0)
        match rng.randrange(6):
            case 0:
                wire.ready.clear()
            case 1:
                wire.ready.set()
            case 2:
                await asyncio.sleep(0)
    wire.ready.set()
    await until(lambda: len(wire.frames) == 2_000)
    assert wire.frames == frames(range(2_000))
    await wire.close()
