"""The bus of several processes on a real Redis: figures reach followers, its absence stops nobody."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from cti_gateway.bus import FORGOTTEN_SECONDS, LIVE, Bus, Ear, connect, prometheus
from tests.fakes.patience import PATIENCE
from tests.fakes.redis import RedisServer

pytestmark = [pytest.mark.real("redis"), pytest.mark.timeout(60)]
QUEUE = {"pbx": "main", "queue": 'sup"port', "waiting": 3, "ready": 1, "busy": 2, "not_ready": 0}


@pytest.fixture
async def server() -> AsyncIterator[RedisServer]:
    async with RedisServer() as running:
        yield running


async def until(test: Callable[[], object], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not test():  # noqa: ASYNC110 (Redis must be asked)
            await asyncio.sleep(0.02)


async def test_a_follower_hears_the_figures_and_the_farewell(server: RedisServer) -> None:
    gone: list[float] = []
    bus = Bus(server.url, lambda: {"queues": [QUEUE], "agents": {"READY": 2}}, time.time)
    ear = Ear(server.url, lambda: gone.append(time.monotonic()))
    ear.start()
    bus.start()
    try:
        await until(lambda: ear.heard.figures.get("queues") == [QUEUE])
        assert ear.heard.figures["agents"] == {"READY": 2}
        await until(lambda: bus.state.up)  # others may read what was written before the writer has its answer
        assert 'callweave_live_waiting{pbx="main",queue="sup\\"port"} 3' in prometheus(ear.heard.figures)
        asked = Redis.from_url(server.url)
        async with asyncio.timeout(PATIENCE):
            while (await asked.pubsub_numsub("callweave:news"))[0][1] < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await asked.aclose()
        await bus.stop()
        said = time.monotonic()
        await bus.farewell()
        await until(lambda: gone)
        assert gone[0] - said < FORGOTTEN_SECONDS, "not heard, but missed"
        await until(lambda: not ear.heard.figures)
    finally:
        await bus.stop()
        await ear.stop()


async def test_figures_of_a_leader_who_died_are_forgotten(server: RedisServer) -> None:
    bus = Bus(server.url, lambda: {"queues": [QUEUE]}, time.time)
    bus.start()
    await until(lambda: bus.sent)
    await bus.stop()
    client = connect(server.url)
    try:
        assert await client.exists(LIVE)
        assert 0 < await client.pttl(LIVE) <= FORGOTTEN_SECONDS * 1000
        async with asyncio.timeout(FORGOTTEN_SECONDS + 3):
            while await client.exists(LIVE):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        await client.aclose()


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_redis_away_keeps_nobody_waiting_and_nothing_piles_up(server: RedisServer, how: str) -> None:
    number = itertools.count()

    def figures() -> dict[str, Any]:
        return {"queues": [QUEUE | {"waiting": next(number)}]}

    bus = Bus(server.url, figures, time.time)
    bus.start()
    try:
        await until(lambda: bus.sent)
        assert server.process is not None
        if how == "killed":
            await server.kill()
        else:
            server.process.send_signal(signal.SIGSTOP)
        loop, longest = asyncio.get_running_loop(), 0.0
        async with asyncio.timeout(PATIENCE):
            while bus.state.up:
                before = loop.time()
                await asyncio.sleep(0)
                longest = max(longest, loop.time() - before)
                await asyncio.sleep(0.01)
        assert longest < 0.5, "the loop waited for Redis"
        before = next(number)
        await until(lambda: next(number) > before + 3, 20)
        assert set(bus._waiting) <= {"queues", "at"}  # one place for each topic, whatever happens
        sent = bus.sent
        if how == "killed":
            await server.start()
        else:
            server.process.send_signal(signal.SIGCONT)
        await until(lambda: bus.state.up and bus.sent > sent, 20)
    finally:
        await bus.stop()
    client = connect(server.url)
    try:
        assert await client.exists(LIVE)
    finally:
        await client.aclose()
