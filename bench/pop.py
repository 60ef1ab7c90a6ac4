"""Pop latency: from the bytes of a ring leaving the PBX to the console having the pop with its customer.

Three servers are connected at the same time, each to a simulated PBX and 300 consoles of its own: the product with
100,000 customers in SQLite, the bare relay, and the same relay writing to the sockets as directly as the product
(``bench.relay``). Calls go to one of them at a time, in interleaved rounds. PBX and
consoles are this process, on one core; the server under test has the other. Up to its ring, a call's messages come at
the pace of a recorded one (``bench.pace``). The clock starts just before the ``DialBegin`` that rings an agent's
telephone is written to the socket, and stops when the bytes of the message that has the customer are read from the
console's socket.

``python -m bench.pop [ROUNDS [SECONDS]]`` prints the table.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop

from bench import child, console, pace, site
from cti_gateway.simulator.parts import Member, Queue
from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer

AGENTS: Final = 300
QUEUES: Final = 10
CUSTOMERS = 100_000
RATE: Final = 10.0
"""Calls a second."""
ROUNDS: Final = 3
SECONDS: Final = 15.0
"""Of a round."""
WRAP_UP_SECONDS: Final = 2
RING: Final = (0.3, 1.2)
TALK: Final = (1.5, 4.0)
POP_BYTES: Final = 1_300
"""Of a relay's message: about as many as the product's pops have, told in the result."""
RELAYS: Final[dict[str, list[str]]] = {"relay": [], "direct relay": ["direct"]}
"""By name, with the arguments of ``bench.relay`` that make it so."""
PROMISED: Final = 1.5


@dataclass
class Exchange:
    """A simulated PBX with agents' telephones, and callers who are customers."""

    rng: random.Random
    simulator: Simulator = field(init=False)
    server: SimulatorServer = field(init=False)
    port: int = 0
    rang: dict[str, float] = field(default_factory=dict)
    """Telephone to the monotonic second at which its ring was written."""
    placed: int = 0

    def __post_init__(self) -> None:
        phones = [site.device(number) for number in range(AGENTS)]
        share = AGENTS // QUEUES
        queues = [
            Queue(f"q{n}", str(800 + n), [Member(p, p) for p in phones[n * share : (n + 1) * share]], 20.0)
            for n in range(QUEUES)
        ]
        self.simulator = Simulator(queues=queues, lines={p: p for p in phones}, rng=self.rng)
        self.queues = queues
        emit = self.simulator.pbx.emit

        def timed(name: str, kind: str, lines: list[tuple[str, str]]) -> None:
            if name == "DialBegin":
                dialled = next(value for key, value in lines if key == "DestChannel")
                self.rang[dialled.rpartition("-")[0]] = time.monotonic()
            emit(name, kind, lines)

        self.simulator.pbx.emit = pace.Paced(timed, pace.recorded(), self.rng, self.simulator.clock)
        self.server = SimulatorServer(self.simulator)

    async def start(self) -> None:
        """Listen."""
        self.port = await self.server.start()

    def call(self) -> None:
        """Somebody calls; each queue in turn, and in it each agent in turn."""
        queue = self.queues[self.placed % QUEUES]
        queue.members.append(queue.members.pop(0))
        self.placed += 1
        number = self.rng.randrange(CUSTOMERS)
        call = QueueCall(self.simulator.pbx, queue, site.mobile(number), f"Caller {number}")
        call.on_stage.append(self._go_on)

    def _go_on(self, call: QueueCall) -> None:
        later = self.simulator.clock.later
        if call.stage == "ringing" and call.agent is not None:
            phone = call.agent
            later(self.rng.uniform(*RING), lambda: call.answer(phone))
        elif call.stage == "talking":
            later(self.rng.uniform(*TALK), lambda: call.hang_up(call.caller))


@dataclass
class Subject:
    """One server under test with its PBX and consoles, and what was measured."""

    name: str
    exchange: Exchange
    phones: dict[str, str]
    """Telephone by agent."""
    consoles: list[console.Console] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    by_round: list[list[float]] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    parts: list[tuple[float, float, float]] = field(default_factory=list)
    """Seconds from leaving the PBX to being read, to being sent, to being there; by what the pop says of itself."""
    without_customer: int = 0
    rings: int = 0
    cpu: float = 0.0

    def take(self, agent: str, name: str, body: str, at: float) -> None:
        """A message reached a console."""
        if name not in ("screen_pop", "screen_pop_updated"):
            return
        phone = self.phones[agent]
        if '"customer":null' in body:
            self.without_customer += 1
            return
        rang = self.exchange.rang.pop(phone, None)
        if rang is not None:
            self.latencies.append(at - rang)
            self.sizes.append(len(body))
            self._divide(rang, at, body)

    def _divide(self, rang: float, at: float, body: str) -> None:
        found = json.loads(body)
        if found.get("pbx_received_at"):
            clock = time.time() - time.monotonic()
            received, emitted = found["pbx_received_at"] - clock, found["emitted_at"] - clock
            self.parts.append((received - rang, emitted - received, at - emitted))

    async def round(self, seconds: float, process: child.Child) -> None:
        """Place calls for so long, and let the last ones end."""
        self.latencies = []
        placed, cpu = self.exchange.placed, process.cpu_seconds()
        loop = asyncio.get_running_loop()
        begin = loop.time()
        while (wanted := int((loop.time() - begin) * RATE)) < seconds * RATE:
            while self.exchange.placed - placed <= wanted:
                self.exchange.call()
            await asyncio.sleep(0.01)
        await asyncio.sleep(RING[1] + TALK[1] + WRAP_UP_SECONDS + 0.5)
        self.cpu += process.cpu_seconds() - cpu
        self.rings += self.exchange.placed - placed
        self.by_round.append(self.latencies)

    def result(self) -> dict[str, Any]:
        """The figures, milliseconds."""
        everything = sorted(value for one in self.by_round for value in one)
        return {
            "calls": self.rings,
            "pops_with_customer": len(everything),
            "first_without_customer": self.without_customer,
            "bytes": round(statistics.mean(self.sizes)) if self.sizes else 0,
            "cpu_ms_per_call": self.cpu / max(1, self.rings) * 1e3,
            **{f"p{p}_ms": percentile(everything, p) * 1e3 for p in (50, 95, 99)},
            "worst_ms": everything[-1] * 1e3 if everything else float("nan"),
            "parts_ms": {
                name: [round(percentile(sorted(part[n] for part in self.parts), p) * 1e3, 2) for p in (50, 95)]
                for n, name in enumerate(("to us", "in us", "to the console"))
            },
            "p95_ms_by_round": [round(percentile(sorted(one), 95) * 1e3, 2) for one in self.by_round],
        }


Subjects = list[tuple[Subject, child.Child]]
"""Each with its process; the product is the first."""


def percentile(ordered: list[float], p: float) -> float:
    """The nearest-rank percentile of sorted values."""
    if not ordered:
        return float("nan")
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * int(p) // 100) - 1))]


async def run(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, Any]:
    """Measure; see the module."""
    mine, others = child.cores()
    child.pin(os.getpid(), others)
    rng = random.Random(7)
    with tempfile.TemporaryDirectory(prefix="callweave-bench-") as name:
        return await _run(Path(name), rng, mine, rounds, seconds)


async def _run(folder: Path, rng: random.Random, core: set[int], rounds: int, seconds: float) -> dict[str, Any]:
    queues = tuple(f"q{n}" for n in range(QUEUES))
    place = await site.make(folder, agents=AGENTS, customers=CUSTOMERS, wrap_up_seconds=WRAP_UP_SECONDS, queues=queues)
    await asyncio.to_thread(site.index, place.url)
    exchanges = {name: Exchange(rng) for name in ("callweave", *RELAYS)}
    for one in exchanges.values():
        await one.start()
    config = site.write_config(place, ami_port=exchanges["callweave"].port, username=USERNAME, secret=SECRET)
    async with contextlib.AsyncExitStack() as running:
        product = await running.enter_async_context(child.Child.product(config, core=core))
        subjects = [(Subject("callweave", exchanges["callweave"], place.agents), product)]
        for name, mode in RELAYS.items():
            arguments = ["-m", "bench.relay", str(exchanges[name].port), USERNAME, SECRET, str(POP_BYTES), *mode]
            relay = await running.enter_async_context(child.Child(arguments, folder / f"{name}.log", core=core))
            subjects.append((Subject(name, exchanges[name], place.agents), relay))
        await _connect(subjects, place)
        await product.calm()
        began = time.monotonic()
        await _rounds(subjects, rounds, seconds)
        took = time.monotonic() - began
        lost = _disconnect(subjects)
        problems = [line for line in product.output().splitlines() if "ERROR" in line or "Traceback" in line]
    for one in exchanges.values():
        await one.server.stop()
    found = {subject.name: subject.result() for subject, _ in subjects}
    return {
        "agents": AGENTS,
        "customers": CUSTOMERS,
        "calls_per_second": RATE,
        "rounds": rounds,
        "seconds": took,
        **found,
        "p95_ratio": {name: found["callweave"]["p95_ms"] / found[name]["p95_ms"] for name in RELAYS},
        "consoles_lost": lost,
        "problems": problems[:5],
    }


async def _connect(subjects: Subjects, place: site.Site) -> None:
    """Consoles to each; the product's agents sign in and are ready."""
    (ours, product), *relays = subjects
    agents = {name: token for name, token in place.tokens.items() if name in place.agents}
    ours.consoles = await console.connect(product.port, agents, ours.take)
    for subject, process in relays:
        subject.consoles = await console.connect(process.port, place.agents, subject.take)
    for agent in ours.consoles:
        agent.send("set_state", {"id": f"ready-{agent.agent}", "state": "READY"})
    await _settled(ours.exchange)


async def _rounds(subjects: Subjects, rounds: int, seconds: float) -> None:
    """Calls to one after the other; nobody is always the first."""
    product = subjects[0][1]
    await _warm_up(subjects)
    gc.collect()
    gc.freeze()
    product.profile(begin=True)
    for number in range(rounds):
        first = number % len(subjects)
        for subject, process in subjects[first:] + subjects[:first]:
            await subject.round(seconds, process)
    product.profile(begin=False)


def _disconnect(subjects: Subjects) -> int:
    """Close all consoles; how many had been lost before."""
    consoles = [one for subject, _ in subjects for one in subject.consoles]
    lost = sum(one.lost for one in consoles)
    for one in consoles:
        one.close()
    return lost


async def _settled(exchange: Exchange) -> None:
    """Wait until no member is paused by the product."""
    async with asyncio.timeout(60):
        while any(member.paused for queue in exchange.queues for member in queue.members):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(2)


async def _warm_up(subjects: Subjects) -> None:
    """Some calls that do not count."""
    await asyncio.gather(*(subject.round(3.0, process) for subject, process in subjects))
    for subject, _ in subjects:
        subject.by_round.clear()
        subject.sizes.clear()
        subject.parts.clear()
        subject.rings, subject.cpu, subject.without_customer = 0, 0.0, 0


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    lines = [
        f"{result['agents']} consoles, {result['customers']:,} customers, {result['calls_per_second']:g} calls/s, "
        f"{result['rounds']} interleaved rounds",
        f"{'':<13}{'calls':>7}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'worst':>9}{'CPU ms/call':>13}{'bytes':>7}"
        "  p95 by round",
    ]
    for name in ("callweave", *RELAYS):
        one = result[name]
        lines.append(
            f"{name:<13}{one['calls']:>7}{one['p50_ms']:>9.2f}{one['p95_ms']:>9.2f}{one['p99_ms']:>9.2f}"
            f"{one['worst_ms']:>9.2f}{one['cpu_ms_per_call']:>13.2f}{one['bytes']:>7}  {one['p95_ms_by_round']}"
        )
    ours, ratio = result["callweave"], result["p95_ratio"]
    lines.append(
        f"p95: {ratio['relay']:.2f} times the relay's, {ratio['direct relay']:.2f} times the direct relay's; "
        f"pops with customer {ours['pops_with_customer']} of "
        f"{ours['calls']}, first shown without: {ours['first_without_customer']}; "
        f"consoles lost {result['consoles_lost']}"
    )
    parts = ", ".join(f"{name} {p50:.2f} and {p95:.2f}" for name, (p50, p95) in ours["parts_ms"].items())
    lines.append(f"where callweave's time went, p50 and p95 in ms: {parts}")
    lines += [f"  {line}" for line in result["problems"]]
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if sys.argv[1:] else ROUNDS
    seconds = float(sys.argv[2]) if sys.argv[2:] else SECONDS
    result = uvloop.run(run(rounds, seconds))
    print(table(result))
    if os.environ.get("BENCH_JSON"):
        print(json.dumps(result))


if __name__ == "__main__":
    main()
