"""``python -m tests.fakes.chat_storm PORT SITE QUEUE VISITORS SECONDS SEED``: visitors behind a network that cuts,
delays and lets one connection overtake another, and that sends again what was not acknowledged, often needlessly.

Prints one JSON object: what each visitor said, which numbers were acknowledged, and what he read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import resource
import sys
import time
import traceback
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import uvloop

from tests.fakes.chat_clients import PollingWire, Wire, open_websocket

EVERY_SECONDS = 5.0
"""A visitor writes about so often."""
PATIENCE_SECONDS = 6.0
"""Without an answer for so long he hangs up and comes again."""
SETTLE_SECONDS = 60.0
ORIGIN = "https://shop.example.com"


class _Pipe(asyncio.Protocol):
    """One direction's reader: hands over what comes, late."""

    def __init__(self, link: _Link, up: bool):
        self.link, self.up = link, up

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        if self.up:
            self.link.start(transport)

    def data_received(self, data: bytes) -> None:
        self.link.pass_on(data, self.up)

    def connection_lost(self, exc: Exception | None) -> None:
        self.link.lost(self.up)


class _Link:
    """One connection through the network, with its fate."""

    def __init__(self, storm: Storm):
        self.storm, rng = storm, storm.rng
        self.late = rng.uniform(1.0, 3.0) if rng.random() < 0.1 else rng.uniform(0.0, 0.2)
        self.near: Any = None
        self.far: Any = None
        self.early: list[bytes] = []
        self.silent = False
        self.free = [0.0, 0.0]
        self.under_way: tuple[deque[bytes | None], deque[bytes | None]] = (deque(), deque())
        if storm.raging:
            asyncio.get_running_loop().call_later(rng.expovariate(1 / 12.0), self._befall)

    def start(self, near: Any) -> None:
        self.near = near
        self.storm.links += 1
        task = asyncio.ensure_future(self._reach())
        self.storm.tasks.add(task)
        task.add_done_callback(self.storm.tasks.discard)

    async def _reach(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self.far, _ = await loop.create_connection(lambda: _Pipe(self, False), "127.0.0.1", self.storm.target)
        except OSError:
            self.near.abort()
            return
        early, self.early = self.early, []
        for data in early:
            self.pass_on(data, True)

    def pass_on(self, data: bytes, up: bool) -> None:
        if up and self.far is None:
            self.early.append(data)
            return
        if self.silent:
            return
        self._send(data, up, self.late * self.storm.rng.random() if self.storm.raging else 0.0)

    def _send(self, data: bytes | None, up: bool, late: float) -> None:
        """``None``: the end. Within a connection nothing overtakes: timers for one moment may fire in any order, so
        each lets out what is first in line."""
        loop = asyncio.get_running_loop()
        self.free[up] = max(loop.time() + late, self.free[up])
        self.under_way[up].append(data)
        loop.call_at(self.free[up], self._out, up)

    def _out(self, up: bool) -> None:
        data, target = self.under_way[up].popleft(), self.far if up else self.near
        if target is None or target.is_closing():
            return
        if data is None:
            target.close()
        else:
            target.write(data)

    def lost(self, up: bool) -> None:
        """One end hung up: what is under way still arrives, then the other end hears of it."""
        if (self.far if up else self.near) is not None:
            self._send(None, up, 0.0)

    def _befall(self) -> None:
        what = self.storm.rng.random()
        self.storm.cuts += 1
        if what < 0.2:
            self.silent = True  # nothing arrives any more, and nobody says so
            return
        for end in (self.near, self.far):
            if end is not None:
                (end.abort if what < 0.7 else end.close)()


class Storm:
    """The network."""

    def __init__(self, target: int, rng: random.Random):
        self.target, self.rng = target, rng
        self.raging = True
        self.links = self.cuts = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Pipe(_Link(self), True), "127.0.0.1", 0, backlog=2048)
        self.port = server.sockets[0].getsockname()[1]


@dataclass
class Visitor:
    """One visitor: says his lines until each is acknowledged, and reads all without a gap."""

    storm: Storm
    http: aiohttp.ClientSession
    site: str
    queue: str
    polling: bool
    address: str
    token: str = ""
    conversation: str = ""
    opening: str = field(default_factory=lambda: str(uuid.uuid4()))
    pending: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    acked: dict[str, int] = field(default_factory=dict)
    read: dict[int, list[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    asked: dict[int, str] = field(default_factory=dict)
    wire: Wire | None = None
    in_: bool = False
    last: int = 0
    again: int = 0
    heard_at: float = 0.0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def headers(self) -> dict[str, str]:
        """He has an address of his own, another one after each break: he changes from network to network."""
        return {"Origin": ORIGIN, "X-Forwarded-For": f"10.{self.again & 255}.{self.address}"}

    @property
    def known(self) -> int:
        """The highest number up to which nothing is missing."""
        while self.last + 1 in self.read:
            self.last += 1
        return self.last

    # --- what the line says ---

    def opened(self) -> None:
        self.heard_at = time.monotonic()

    def event(self, name: str, body: Any) -> None:
        self.heard_at = time.monotonic()
        if name == "welcome":
            self.in_ = True
            for line in body["lines"]:
                self._line(line)
            self._begin()
        elif name == "line":
            self._line(body["line"])
            if self.known < body["line"]["number"]:
                self._ask("fetch", {"after": self.known}, "fetch")

    def _line(self, line: Any) -> None:
        found = [line["id"], line["text"], line["by"]]
        before = self.read.setdefault(line["number"], found)
        if before != found:
            self.wrong.append(f"number {line['number']} was {before} and is {found}")

    def ack(self, id: int, body: Any) -> None:
        self.heard_at = time.monotonic()
        what = self.asked.pop(id, "")
        if what == "open":
            if body["ok"]:
                self.conversation = body["conversation"]["id"]
                self._resend()
        elif what in ("fetch", "last"):
            self.done = what == "last" and not body["lines"] and self.known == len(self.read) and not self.pending
            for line in body.get("lines", ()):
                self._line(line)
            if body.get("lines") and len(body["lines"]) >= 200:
                self._ask("fetch", {"after": self.known}, "fetch")
        elif body["ok"]:
            self.pending.pop(what, None)
            if self.acked.setdefault(what, body["number"]) != body["number"]:
                self.wrong.append(f"{what} was number {self.acked[what]} and is {body['number']}")
        elif body["error"]["code"] not in ("too_many", "unavailable"):
            self.wrong.append(f"{what}: {body['error']}")

    def closed(self, why: Any) -> None:
        self.in_ = False
        self.gone.set()

    # --- what he does ---

    def _ask(self, name: str, body: Any, what: str) -> None:
        assert self.wire is not None
        if not self.wire.over:
            self.asked[self.wire.ask(name, body)] = what

    def _begin(self) -> None:
        if self.conversation:
            self._resend()
        else:
            self._ask("open", {"id": self.opening, "queue": self.queue}, "open")

    def _resend(self) -> None:
        for of, text in self.pending.items():
            self._ask("say", {"id": of, "text": text}, of)

    def say(self, text: str) -> None:
        """A line; sometimes sent twice at once, as a browser does that is not sure."""
        of = str(uuid.uuid4())
        self.said[of] = self.pending[of] = text
        if self.in_ and self.conversation:
            for _ in range(2 if self.storm.rng.random() < 0.1 else 1):
                self._ask("say", {"id": of, "text": text}, of)

    async def run(self, stop: asyncio.Event) -> None:
        """Be connected, again and again, until it is over and all is said and read."""
        rng = self.storm.rng
        await self._get_token()
        while not (stop.is_set() and self._settled()):
            self.gone.clear()
            self.asked.clear()
            try:
                await self._connect()
            except OSError:
                await asyncio.sleep(rng.uniform(0.05, 0.5))
                continue
            await self._stay(stop)
            assert self.wire is not None
            self.wire.end("hung up")
            self.again += 1
            await asyncio.sleep(rng.uniform(0.0, 0.5))

    async def _get_token(self) -> None:
        """Through the same network, again and again until it is there, as the widget does."""
        url = f"http://127.0.0.1:{self.storm.port}/chat/api/visitor"
        patience = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        while True:
            with contextlib.suppress(aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError):
                async with self.http.post(
                    url, json={"site": self.site}, headers=self.headers, timeout=patience
                ) as answer:
                    self.token = (await answer.json())["token"]  # an answer that is none is a failure, not the network
                    return
            await asyncio.sleep(self.storm.rng.uniform(0.05, 0.5))

    async def _connect(self) -> None:
        def auth() -> dict[str, Any]:
            return {"token": self.token, "after": self.known}

        if self.polling:
            self.wire = PollingWire(self, auth, self.http, f"http://127.0.0.1:{self.storm.port}", self.headers)
        else:
            self.wire = await open_websocket(self, auth, self.storm.port, self.headers)

    async def _stay(self, stop: asyncio.Event) -> None:
        self.heard_at = time.monotonic()
        while not self.gone.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.storm.rng.uniform(0.5, 1.0)):
                    await self.gone.wait()
            silent = time.monotonic() - self.heard_at
            if (self.asked or not self.in_) and silent > PATIENCE_SECONDS:
                return
            if self.in_ and self.conversation and not self.asked:
                if self.pending:
                    self._resend()
                elif stop.is_set():
                    if self._settled():
                        return
                    self._ask("fetch", {"after": self.known}, "last")

    def _settled(self) -> bool:
        return bool(self.conversation) and not self.pending and bool(self.acked or not self.said) and self.done

    done: bool = False
    """All is said, and the server was asked for more and had nothing."""


async def talk(visitors: list[Visitor], seconds: float, rng: random.Random) -> None:
    """Each says a line now and then."""
    until, n = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        await asyncio.sleep(0.1)
        for _ in range(max(1, round(len(visitors) * 0.1 / EVERY_SECONDS))):
            n += 1
            rng.choice(visitors).say(f"line {n}:" + "x" * rng.randrange(200))


async def settle(visitors: list[Visitor], stop: asyncio.Event, seconds: float) -> None:
    """The network is calm: everybody reads on until an answer to ``fetch`` has nothing new."""
    stop.set()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not all(one.done for one in visitors):  # noqa: ASYNC110 (a state)
        await asyncio.sleep(0.5)


async def main(port: int, site: str, queue: str, count: int, seconds: float, seed: int) -> dict[str, Any]:
    """The storm, and what came of it."""
    rng = random.Random(seed)
    storm = Storm(port, rng)
    await storm.start()
    stop = asyncio.Event()
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        visitors = [
            Visitor(storm, http, site, queue, polling=n % 10 == 9, address=f"{n >> 8}.{n & 255}") for n in range(count)
        ]
        tasks = []
        for one in visitors:
            tasks.append(asyncio.ensure_future(one.run(stop)))
            await asyncio.sleep(min(0.01, 5.0 / count))
        await talk(visitors, seconds, rng)
        storm.raging = False
        await settle(visitors, stop, SETTLE_SECONDS)
        await asyncio.wait(tasks, timeout=20)
        for task in tasks:
            task.cancel()
        errors = [task.exception() for task in tasks if task.done() and not task.cancelled()]
        failed = ["".join(traceback.format_exception(error)) for error in errors if error is not None]
    return {
        "links": storm.links,
        "cuts": storm.cuts,
        "failed": failed,
        "visitors": [
            {
                "conversation": one.conversation, "said": one.said, "acked": one.acked, "pending": list(one.pending),
                "read": [[number, *line] for number, line in sorted(one.read.items())], "wrong": one.wrong,
                "polling": one.polling, "again": one.again, "done": one.done,
            }
            for one in visitors
        ],
    }  # fmt: skip


if __name__ == "__main__":
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    given = sys.argv
    found = uvloop.run(main(int(given[1]), given[2], given[3], int(given[4]), float(given[5]), int(given[6])))
    json.dump(found, sys.stdout)
