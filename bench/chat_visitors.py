"""The visitors of ``bench.chat``: many with a line each ten seconds, and one address that floods."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from typing import Any, Final

import aiohttp

from tests.fakes.chat_clients import Wire, open_websocket

EVERY_SECONDS: Final = 10.0
FLOODERS: Final = 20
KEY: Final = "bench"
QUEUE: Final = "web"
TEXT: Final = "Good day, I have a question about my order of yesterday: when will it be sent?"


class Visitor:
    """One connection; notes how long each answer took."""

    def __init__(self, took: list[float], token: str = "") -> None:
        self.took, self.token = took, token
        self.wire: Wire | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answers: dict[int, asyncio.Future[Any]] = {}
        self.sent: dict[int, float] = {}
        self.refused = 0
        self.lost = False

    def opened(self) -> None:
        """The welcome follows."""

    def event(self, name: str, body: Any) -> None:
        """Only the welcome matters here."""
        if name == "welcome" and not self.ready.done():
            self.ready.set_result(None)

    def ack(self, id: int, body: Any) -> None:
        """An answer."""
        sent = self.sent.pop(id, None)
        if sent is not None:
            self.took.append(time.monotonic() - sent)
            self.refused += not body["ok"]
        if id in self.answers:
            self.answers.pop(id).set_result(body)

    def closed(self, why: Any) -> None:
        """It should not."""
        self.lost = True
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(str(why)))

    def say(self) -> None:
        """Write a line."""
        assert self.wire is not None
        at = time.monotonic()
        self.sent[self.wire.ask("say", {"id": str(uuid.uuid4()), "text": TEXT})] = at

    async def ask(self, name: str, body: Any) -> Any:
        """Something else."""
        assert self.wire is not None
        future = asyncio.get_running_loop().create_future()
        self.answers[self.wire.ask(name, body)] = future
        return await future


def address(number: int) -> str:
    """Every visitor comes from an address of his own."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def come(port: int, visitors: list[Visitor], *, tokens: bool) -> None:
    """All of them: a token each, a connection, a conversation."""
    gate = asyncio.Semaphore(40)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=40)) as http:

        async def one(number: int, visitor: Visitor) -> None:
            headers = {"X-Forwarded-For": address(number)}
            async with gate:
                if tokens:
                    url = f"http://127.0.0.1:{port}/chat/api/visitor"
                    async with http.post(url, json={"site": KEY}, headers=headers) as answer:
                        visitor.token = (await answer.json())["token"]
                visitor.wire = await open_websocket(visitor, lambda: {"token": visitor.token}, port, headers)
                await visitor.ready
                if tokens:
                    opened = await visitor.ask("open", {"id": str(uuid.uuid4()), "queue": QUEUE})
                    if not opened["ok"]:
                        raise RuntimeError(str(opened))

        async with asyncio.timeout(120):
            await asyncio.gather(*(one(number, visitor) for number, visitor in enumerate(visitors)))


async def talk(visitors: list[Visitor], seconds: float, rng: random.Random) -> list[float]:
    """Each writes every ten seconds, at a moment of his own; the times that the answers took."""
    loop = asyncio.get_running_loop()
    order = rng.sample(visitors, len(visitors))
    begin, n, rate = loop.time(), 0, len(visitors) / EVERY_SECONDS
    visitors[0].took.clear()
    while loop.time() - begin < seconds:
        while n < (loop.time() - begin) * rate:
            order[n % len(order)].say()
            n += 1
        await asyncio.sleep(0.002)
    async with asyncio.timeout(30):
        while any(one.sent for one in order):  # noqa: ASYNC110 (a state)
            await asyncio.sleep(0.05)
    return list(visitors[0].took)


class Flood:
    """One address: twenty connections that write a hundred lines a second each, and come again when they are cut."""

    def __init__(self, port: int) -> None:
        self._port, self.packets, self.comes = port, 0, 0

    async def run(self, seconds: float) -> None:
        """For so long."""
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as tasks:
            for _ in range(FLOODERS):
                tasks.create_task(self._one(until))

    async def _one(self, until: float) -> None:
        headers = {"X-Forwarded-For": "192.0.2.66"}
        token = ""
        async with aiohttp.ClientSession() as http:
            while time.monotonic() < until:
                try:
                    url = f"http://127.0.0.1:{self._port}/chat/api/visitor"
                    async with http.post(url, json={"site": KEY}, headers=headers) as answer:
                        token = (await answer.json()).get("token", token)
                    await self._write(token, headers, until)
                except (OSError, aiohttp.ClientError):
                    pass
                self.comes += 1
                await asyncio.sleep(0.5)

    async def _write(self, token: str, headers: dict[str, str], until: float) -> None:
        visitor = Visitor([], token)
        wire = visitor.wire = await open_websocket(visitor, lambda: {"token": token}, self._port, headers)
        visitor.ready.add_done_callback(lambda done: done.exception())
        wire.ask("open", {"id": str(uuid.uuid4()), "queue": QUEUE})
        while not wire.over and time.monotonic() < until:
            for _ in range(5):
                visitor.say()
            self.packets += 5
            await asyncio.sleep(0.05)
        wire.end("enough")
