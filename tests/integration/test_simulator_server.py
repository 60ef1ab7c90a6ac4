"""The simulator as a TCP server, and as a process of its own."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections.abc import AsyncIterator

import pytest

from cti_gateway.ami.codec import Codec, Message
from cti_gateway.simulator.load import Load, flood, load_queue
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer

LOGIN = f"Action: Login\r\nUsername: {USERNAME}\r\nSecret: {SECRET}\r\n\r\n".encode()


class Client:
    """Reads everything, as a gateway does."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.codec = Codec(drop=())
        self.messages: list[Message] = []

    @classmethod
    async def connect(cls, port: int) -> Client:
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        client.writer.write(LOGIN)
        await client.until(lambda one: one.name == "FullyBooted")
        return client

    async def read(self) -> list[Message]:
        data = await asyncio.wait_for(self.reader.read(65536), 10)
        assert data
        found = self.codec.feed(data)
        self.messages += found
        return found

    async def until(self, test: object) -> Message:
        while True:
            for one in await self.read():
                if test(one):  # type: ignore[operator]
                    return one

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
async def load_simulator() -> AsyncIterator[tuple[Simulator, int]]:
    queue, lines = load_queue(20)
    simulator = Simulator(rng=random.Random(1), queues=[queue], lines=lines)
    server = SimulatorServer(simulator)
    yield simulator, await server.start()
    await server.stop()


async def test_a_flood_reaches_a_reader_whole(load_simulator: tuple[Simulator, int]) -> None:
    simulator, port = load_simulator
    client = await Client.connect(port)
    flooding = asyncio.ensure_future(flood(simulator, 5000, 0.5))
    before = len(client.messages)
    while len(client.messages) - before < 5000:
        await client.read()
    assert await flooding > 500_000
    await client.close()


async def test_calls_at_a_rate_all_end(load_simulator: tuple[Simulator, int]) -> None:
    simulator, port = load_simulator
    client = await Client.connect(port)
    load = Load(simulator, [f"138001380{number:02}" for number in range(50)], ring_seconds=0.1, talk_seconds=0.2)
    running = asyncio.ensure_future(load.run(50, 40))
    completed = 0
    while completed < 40:
        completed += sum(one.name == "AgentComplete" for one in await client.read())
    await running
    assert load.ended == 40
    assert len(load.rung) == 40
    numbers = {one.get("CallerIDNum") for one in client.messages if one.name == "QueueCallerJoin"}
    assert len(numbers) == 40
    await client.close()


async def test_the_process_listens_takes_commands_and_ends() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cti_gateway.simulator", "--members", "5"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        words = (await asyncio.wait_for(process.stdout.readline(), 15)).split()
        assert words[0] == b"port"
        client = await Client.connect(int(words[1]))
        process.stdin.write(b"flood 100 0.1\n")
        done = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
        assert done["flood"] == 100
        await client.close()
        process.stdin.write(b"quit\n")
        assert await asyncio.wait_for(process.wait(), 10) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
