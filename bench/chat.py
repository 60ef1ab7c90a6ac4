"""Chat round trips: 5,000 connected visitors, a line each ten seconds, beside an echo with a bare group commit.

All servers (the program, the echo, an echo that reads as we do) are up at the same time, each with 5,000 connections;
lines go to one of them at a time, in interleaved rounds. The clock starts when a line is written to the socket and
stops when its acknowledgement is read. Afterwards calls come too (a simulated PBX, 300 consoles), in turn as always and
with a flood from one address, which is to leave pops and other visitors alone.

``python -m bench.chat [ROUNDS [SECONDS]]`` prints the table.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop

from bench import child, console, pop, site
from bench.chat_visitors import EVERY_SECONDS, KEY, QUEUE, Flood, Visitor, come, talk
from bench.pop import AGENTS, QUEUES, WRAP_UP_SECONDS, Exchange, Subject, percentile
from cti_gateway.simulator.server import SECRET, USERNAME

VISITORS: Final = 5_000
ROUNDS: Final = 3
SECONDS: Final = 6.0
WARM_UP_SECONDS: Final = 3.0
FLOOD_SECONDS: Final = 6.0
FLOOD_ROUNDS: Final = 2
"""Without and with a flood in turn: of one round each, the 99th percentile is one commit that was slow."""
CUSTOMERS: Final = 1_000
PROMISED: Final = 1.5
FLOOD_PROMISED: Final = 2.0


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


def echo(folder: Path, core: set[int], *how: str) -> child.Child:
    """The echo, with a folder of its own. ``direct``: see ``bench.chat_echo``."""
    mine = folder / "-".join(("echo", *how))
    mine.mkdir()
    return child.Child(["-m", "bench.chat_echo", str(mine), *how], mine / "echo.log", core=core)


async def run(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, Any]:
    """Measure; see the module."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    mine, others = child.cores()
    child.pin(os.getpid(), others)
    pop.CUSTOMERS = CUSTOMERS  # so many callers; each is known
    with tempfile.TemporaryDirectory(prefix="callweave-bench-") as name:
        return await _run(Path(name), random.Random(7), mine, rounds, seconds)


async def _run(folder: Path, rng: random.Random, core: set[int], rounds: int, seconds: float) -> dict[str, Any]:
    began = time.monotonic()
    async with _stage(folder, rng, core) as stage:
        took = await _rounds(stage, rounds, seconds)
        flood = Flood(stage.product.port)
        beside = await _beside(stage, flood)
        facts = stage.facts()
    return {
        **_result(took, *beside),
        **facts,
        "visitors": VISITORS,
        "rounds": rounds,
        "seconds": time.monotonic() - began,
        "flood_packets": flood.packets,
        "flood_connections": flood.comes,
    }


@dataclass(slots=True)
class _Stage:
    """The program, the agents' consoles, and the visitors of each server, ``ours`` among them."""

    rng: random.Random
    product: child.Child
    desk: Subject
    visitors: dict[str, list[Visitor]]
    memory: dict[str, float]

    def facts(self) -> dict[str, Any]:
        """What is said beside the times."""
        out = self.product.output().splitlines()
        lost = sum(one.lost for side in self.visitors.values() for one in side)
        return {
            **self.memory,
            "lost": lost + sum(agent.lost for agent in self.desk.consoles),
            "refused": sum(one.refused for one in self.visitors["ours"]),
            "problems": [line for line in out if "ERROR" in line or "Traceback" in line][:5],
        }


@contextlib.asynccontextmanager
async def _stage(folder: Path, rng: random.Random, core: set[int]) -> AsyncIterator[_Stage]:
    """Everybody is there."""
    queues = tuple(f"q{n}" for n in range(QUEUES))
    place = await site.make(folder, agents=AGENTS, customers=CUSTOMERS, wrap_up_seconds=WRAP_UP_SECONDS, queues=queues)
    await asyncio.to_thread(site.index, place.url)
    exchange = Exchange(rng)
    await exchange.start()
    config = write_config(place, exchange.port)
    try:
        async with (
            child.Child.product(config, core=core) as product,
            echo(folder, core) as bare,
            echo(folder, core, "direct") as direct,
        ):
            desk = await _desk(exchange, place, product)
            ours, memory = await _visitors(product)
            sides = {"ours": ours, "bare": _crowd(), "direct": _crowd()}
            await come(bare.port, sides["bare"], tokens=False)
            await come(direct.port, sides["direct"], tokens=False)
            await product.calm()  # five thousand new conversations go into the index
            yield _Stage(rng, product, desk, sides, memory)
    finally:
        await exchange.server.stop()


async def _desk(exchange: Exchange, place: site.Site, product: child.Child) -> Subject:
    """The agents, ready."""
    desk = Subject("callweave", exchange, place.agents)
    tokens = {name: token for name, token in place.tokens.items() if name in place.agents}
    desk.consoles = await console.connect(product.port, tokens, desk.take)
    for agent in desk.consoles:
        agent.send("set_state", {"id": f"ready-{agent.agent}", "state": "READY"})
    return desk


def _crowd() -> list[Visitor]:
    """Visitors who share one list of times."""
    took: list[float] = []
    return [Visitor(took) for _ in range(VISITORS)]


async def _visitors(product: child.Child) -> tuple[list[Visitor], dict[str, float]]:
    """Ours, each with a conversation; and what they cost."""
    ours = _crowd()
    before, at = product.rss_megabytes(), time.monotonic()
    await come(product.port, ours, tokens=True)
    after = product.rss_megabytes()
    return ours, {
        "connect_seconds": time.monotonic() - at,
        "memory_mb": after,
        "memory_kb_per_visitor": (after - before) * 1e3 / VISITORS,
    }


async def _rounds(stage: _Stage, rounds: int, seconds: float) -> dict[str, list[list[float]]]:
    """Lines to one server after the other; the first round warms up."""
    sides = list(stage.visitors)
    took: dict[str, list[list[float]]] = {side: [] for side in sides}
    gc.collect()
    gc.freeze()
    for number in range(rounds + 1):
        sides = [*sides[1:], sides[0]]  # nobody is always the first
        for side in sides:
            found = await talk(stage.visitors[side], seconds if number else WARM_UP_SECONDS, stage.rng)
            if number:
                took[side].append(found)
    return took


async def _beside(stage: _Stage, flood: Flood) -> tuple[list[float], list[float], list[float], list[float]]:
    """Answers and pops without a flood, and with it."""
    calm: list[float] = []
    pops: list[float] = []
    flooded: list[float] = []
    popped_then: list[float] = []
    for _ in range(FLOOD_ROUNDS):
        answers, popped = await _with_calls(stage, FLOOD_SECONDS)
        calm += answers
        pops += popped
        flooding = asyncio.ensure_future(flood.run(FLOOD_SECONDS + 1))
        await asyncio.sleep(1)
        answers, popped = await _with_calls(stage, FLOOD_SECONDS)
        await flooding
        flooded += answers
        popped_then += popped
    return calm, pops, flooded, popped_then


async def _with_calls(stage: _Stage, seconds: float) -> tuple[list[float], list[float]]:
    """Lines, and with them calls; how long the answers and the pops took."""
    calling = asyncio.ensure_future(stage.desk.round(seconds, stage.product))
    found = await talk(stage.visitors["ours"], seconds, stage.rng)
    await calling
    return found, list(stage.desk.latencies)


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

    of = {side: figures([value for one in rounds for value in one]) for side, rounds in took.items()}
    ours, bare, direct = of["ours"], of["bare"], of["direct"]
    flood, beside, normal_pops, flood_pops = map(figures, (flooded, calm, pops, popped_then))
    return {
        "callweave": ours,
        "echo": bare,
        "direct": direct,
        "p95_ms_by_round": {
            side: [round(percentile(sorted(one), 95) * 1e3, 2) for one in rounds] for side, rounds in took.items()
        },
        "p95_ratio": ours["p95_ms"] / bare["p95_ms"],
        "p99_ratio": ours["p99_ms"] / bare["p99_ms"],
        "p95_ratio_direct": ours["p95_ms"] / direct["p95_ms"],
        "p99_ratio_direct": ours["p99_ms"] / direct["p99_ms"],
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
        ("direct", "the same, read past engine.io"),
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
        f"p95 {result['p95_ratio_direct']:.2f}, p99 {result['p99_ratio_direct']:.2f} times that of the echo that reads "
        "past engine.io",
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
