"""Chat round trips: 5,000 connected visitors, a line each ten seconds, beside an echo with a bare group commit.

Both servers are up at the same time, each with 5,000 connections; lines go to one of them at a time, in interleaved
rounds. The clock starts when a line is written to the socket and stops when its acknowledgement is read. Afterwards
calls come too (a simulated PBX, 300 consoles), once as always and once with a flood from one address, which is to
leave pops and other visitors alone.

``python -m bench.chat [ROUNDS [SECONDS]]`` prints the table.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import resource
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any, Final

import aiohttp
import uvloop

from bench import child, console, pop, site
from bench.pop import AGENTS, FIRST_RING_SECONDS, QUEUES, WRAP_UP_SECONDS, Exchange, Subject, percentile
from cti_gateway.simulator import queue_call
from cti_gateway.simulator.server import SECRET, USERNAME
from tests.fakes.chat_clients import Wire, open_websocket

VISITORS: Final = 5_000
EVERY_SECONDS: Final = 10.0
ROUNDS: Final = 3
SECONDS: Final = 6.0
WARM_UP_SECONDS: Final = 3.0
FLOOD_SECONDS: Final = 10.0
FLOODERS: Final = 20
CUSTOMERS: Final = 1_000
KEY: Final = "bench"
QUEUE: Final = "web"
PROMISED: Final = 1.5
FLOOD_PROMISED: Final = 2.0
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


def write_config(place: site.Site, ami_port: int) -> Path:
    """A site whose limits let 5,000 visitors come at once; those of one address are as they are by default."""
    path = site.write_config(place, ami_port=ami_port, username=USERNAME, secret=SECRET)
    text = path.read_text().replace("port = 0\n", 'port = 0\ntrusted_proxies = ["127.0.0.1"]\n', 1)
    text += f"""
[chat]
folder = "{place.folder / "files"}"
[[queue]]
name = "{QUEUE}"
pbx = ""
agents = ["{site.ADMIN}"]
[[site]]
key = "{KEY}"
queues = ["{QUEUE}"]
[site.limits]
site_visitors_per_second = 10000.0
site_visitor_burst = 20000.0
site_connections = 20000
"""
    path.write_text(text)
    return path


async def run(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, Any]:
    """Measure; see the module."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    mine, others = child.cores()
    child.pin(os.getpid(), others)
    queue_call.FIRST_RING_SECONDS = FIRST_RING_SECONDS
    pop.CUSTOMERS = CUSTOMERS  # so many callers; each is known
    with tempfile.TemporaryDirectory(prefix="callweave-bench-") as name:
        return await _run(Path(name), random.Random(7), mine, rounds, seconds)


async def _run(folder: Path, rng: random.Random, core: set[int], rounds: int, seconds: float) -> dict[str, Any]:
    began = time.monotonic()
    queues = tuple(f"q{n}" for n in range(QUEUES))
    place = await site.make(folder, agents=AGENTS, customers=CUSTOMERS, wrap_up_seconds=WRAP_UP_SECONDS, queues=queues)
    exchange = Exchange(rng)
    await exchange.start()
    config = write_config(place, exchange.port)
    echo_folder = folder / "echo"
    echo_folder.mkdir()
    async with (
        child.Child.product(config, core=core) as product,
        child.Child(["-m", "bench.chat_echo", str(echo_folder)], folder / "echo.log", core=core) as echo,
    ):
        desk = Subject("callweave", exchange, place.agents)
        desk.consoles = await console.connect(
            product.port, {name: token for name, token in place.tokens.items() if name in place.agents}, desk.take
        )
        for agent in desk.consoles:
            agent.send("set_state", {"id": f"ready-{agent.agent}", "state": "READY"})
        ours, bare = await _connected(product, echo)
        memory = product.rss_megabytes()
        took: dict[str, list[list[float]]] = {"ours": [], "bare": []}
        gc.collect()
        gc.freeze()
        for number in range(rounds + 1):  # the first one warms up
            sides = ["ours", "bare"] if number % 2 else ["bare", "ours"]
            for side in sides:
                found = await talk(ours if side == "ours" else bare, seconds if number else WARM_UP_SECONDS, rng)
                if number:
                    took[side].append(found)
        calm, pops = await _with_calls(ours, desk, product, FLOOD_SECONDS, rng)
        flood = Flood(product.port)
        flooding = asyncio.ensure_future(flood.run(FLOOD_SECONDS + 1))
        await asyncio.sleep(1)
        flooded, popped_then = await _with_calls(ours, desk, product, FLOOD_SECONDS, rng)
        await flooding
        problems = [line for line in product.output().splitlines() if "ERROR" in line or "Traceback" in line]
        lost = sum(one.lost for one in (*ours, *bare)) + sum(agent.lost for agent in desk.consoles)
        refused = sum(one.refused for one in ours)
    await exchange.server.stop()
    return _result(took, calm, pops, flooded, popped_then) | {
        "visitors": VISITORS,
        "rounds": rounds,
        "seconds": time.monotonic() - began,
        "memory_mb": memory,
        "memory_kb_per_visitor": _memory["per_visitor"],
        "connect_seconds": _memory["seconds"],
        "lost": lost,
        "refused": refused,
        "flood_packets": flood.packets,
        "flood_connections": flood.comes,
        "problems": problems[:5],
    }


_memory: dict[str, float] = {}


async def _connected(product: child.Child, echo: child.Child) -> tuple[list[Visitor], list[Visitor]]:
    mine: list[float] = []
    theirs: list[float] = []
    ours = [Visitor(mine) for _ in range(VISITORS)]
    bare = [Visitor(theirs) for _ in range(VISITORS)]
    before, at = product.rss_megabytes(), time.monotonic()
    await come(product.port, ours, tokens=True)
    _memory["seconds"] = time.monotonic() - at
    _memory["per_visitor"] = (product.rss_megabytes() - before) * 1e3 / VISITORS
    await come(echo.port, bare, tokens=False)
    return ours, bare


async def _with_calls(
    visitors: list[Visitor], desk: Subject, product: child.Child, seconds: float, rng: random.Random
) -> tuple[list[float], list[float]]:
    """Lines, and with them calls; how long the answers and the pops took."""
    calling = asyncio.ensure_future(desk.round(seconds, product))
    found = await talk(visitors, seconds, rng)
    await calling
    return found, list(desk.latencies)


def _result(
    took: dict[str, list[list[float]]],
    calm: list[float],
    pops: list[float],
    flooded: list[float],
    popped_then: list[float],
) -> dict[str, Any]:
    def figures(values: list[float]) -> dict[str, float]:
        ordered = sorted(values)
        return {f"p{p}_ms": percentile(ordered, p) * 1e3 for p in (50, 95, 99)} | {"lines": len(ordered)}

    ours, bare = (figures([value for one in took[side] for value in one]) for side in ("ours", "bare"))
    flood, beside, normal_pops, flood_pops = map(figures, (flooded, calm, pops, popped_then))
    return {
        "callweave": ours,
        "echo": bare,
        "p95_ms_by_round": {
            side: [round(percentile(sorted(one), 95) * 1e3, 2) for one in rounds] for side, rounds in took.items()
        },
        "p95_ratio": ours["p95_ms"] / bare["p95_ms"],
        "p99_ratio": ours["p99_ms"] / bare["p99_ms"],
        "with_calls": beside,
        "flooded": flood,
        "pops": normal_pops,
        "pops_flooded": flood_pops,
        "flood_ratio": flood["p99_ms"] / beside["p99_ms"],
        "pops_flood_ratio": flood_pops["p99_ms"] / normal_pops["p99_ms"],
    }


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    lines = [
        f"{result['visitors']:,} connected visitors, a line each {EVERY_SECONDS:g} s, {result['rounds']} rounds",
        f"{'':<34}{'n':>7}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}",
    ]
    for name, title in (
        ("callweave", "callweave"),
        ("echo", "bare echo with group commit"),
        ("with_calls", "callweave, with calls beside"),
        ("flooded", "the same under a flood"),
        ("pops", "pops"),
        ("pops_flooded", "pops under a flood"),
    ):
        one = result[name]
        lines.append(f"{title:<34}{one['lines']:>7}{one['p50_ms']:>9.2f}{one['p95_ms']:>9.2f}{one['p99_ms']:>9.2f}")
    speed = result["visitors"] / result["connect_seconds"]
    lines += [
        f"p95 {result['p95_ratio']:.2f}, p99 {result['p99_ratio']:.2f} times the echo's; p95 by round "
        f"{result['p95_ms_by_round']}",
        f"memory: {result['memory_kb_per_visitor']:.0f} KB per visitor with a conversation "
        f"({result['memory_mb']:.0f} MB in all); {speed:.0f} came in a second",
        f"flood: {result['flood_packets']:,} lines over {result['flood_connections']} connections from one address; "
        f"p99 of others {result['flood_ratio']:.2f}, of pops {result['pops_flood_ratio']:.2f} times as without",
        f"connections lost {result['lost']}, lines refused {result['refused']}; {result['seconds']:.0f} s",
    ]
    lines += [f"  {line}" for line in result["problems"]]
    return "\n".join(lines)


if __name__ == "__main__":
    given = sys.argv[1:]
    outcome = uvloop.run(run(*([int(given[0])] if given else []), *([float(given[1])] if len(given) > 1 else [])))
    print(table(outcome))
    if os.environ.get("BENCH_JSON"):
        print(json.dumps(outcome))
