"""The same recorded bytes through ever more of us, beside what the peers need to parse them and call back.

- codec: bytes in, messages out;
- codec + tracker: interaction events out;
- codec + tracker + log: the same events durable, with their projections (SQLite, ``synchronous=FULL``);
- the whole way: tracker, queue members, look-up of the caller in SQLite, decision, log (all of it
  durable when the clock stops), and the encoded messages on the consoles' queues.

CPU is that of the whole process, its writer's thread and look-ups included; each round is a process of its own, and
the rounds of all clients are interleaved. ``python -m bench.pipeline [EVENTS]`` prints the table.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import uvloop

from bench import codec, site, traffic
from bench.whole import PROFILE, Whole
from cti_gateway import compiled
from cti_gateway.ami.codec import Codec
from cti_gateway.calls import CallTracker
from cti_gateway.hub import NOT_LOGGED
from cti_gateway.memory import spare_collections
from interaction_log.events import Recorded
from interaction_log.store import EventLog

EVENTS: Final = 20_000
SLOW_EVENTS: Final = codec.SLOW_EVENTS
ROUNDS: Final = 3
STAGES: Final = ("codec", "codec + tracker", "codec + tracker + log", "the whole way")
AGENTS: Final = 10
WARM_UP: Final = 160
"""Recordings before the clock starts: statements are compiled, for groups of every size, and the numbering plan is
loaded, once in a process."""


# --- what is measured, each in a process of its own --------------------------------------------------


def measured(work: Callable[[], int]) -> dict[str, float]:
    """CPU and wall seconds of some work, and what it counted."""
    wall, cpu = time.perf_counter(), time.process_time()
    counted = work()
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "counted": counted}


def run_codec(stream: bytes) -> dict[str, float]:
    """Bytes in, messages out."""
    reader = Codec()
    reader.feed(codec.BANNER)

    def work() -> int:
        for chunk in traffic.chunks(stream):
            reader.feed(chunk)
        return reader.messages + reader.noise_dropped

    return measured(work)


def run_tracker(stream: bytes) -> dict[str, float]:
    """Bytes in, interaction events out."""
    reader, tracker = Codec(), CallTracker(PROFILE)
    reader.feed(codec.BANNER)
    spare_collections()  # as the program sets them

    def work() -> int:
        for chunk in traffic.chunks(stream):
            for message in reader.feed(chunk):
                tracker.feed(message, None)
        return len(tracker.interactions)

    return measured(work)


class Fed(Protocol):
    """What takes the bytes and writes a log."""

    def feed(self, data: bytes) -> None:
        """Bytes came from the PBX."""
        ...

    async def durable(self) -> None:
        """Wait until everything is on disk, projections too: what is left of a warm-up is not of the run."""
        ...

    def counts(self) -> dict[str, float]:
        """What came of it."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


class Logged:
    """Codec, tracker and log, and nothing that decides or shows."""

    def __init__(self, folder: Path) -> None:
        self.log = EventLog.open(f"sqlite:///{folder}/log.db", folder / "journal", on_state=lambda state: None)
        self.codec, self.tracker = Codec(), CallTracker(PROFILE)
        self.codec.feed(codec.BANNER)
        self.last = 0

    def feed(self, data: bytes) -> None:
        """See ``Fed``."""
        for message in self.codec.feed(data):
            for event in self.tracker.feed(message, None):
                if type(event) not in NOT_LOGGED:
                    self.last = self.log.next_seq()
                    self.log.append(Recorded(self.last, event))

    async def durable(self) -> None:
        """See ``Fed``."""
        await self.log.durable(self.last)
        await self.log.shown()

    def counts(self) -> dict[str, float]:
        """See ``Fed``."""
        return {"logged": self.log.counters.rows_written}

    async def close(self) -> None:
        """See ``Fed``."""
        self.log.close()


async def _logged(folder: Path) -> Fed:
    return Logged(folder)


async def _whole(folder: Path) -> Fed:
    place = await site.make(folder, agents=0, customers=1_000, wrap_up_seconds=5, queues=("support", "sales"))
    return await Whole.open(place, PROFILE, AGENTS)


def run_durable(make: Callable[[Path], Awaitable[Fed]], stream: bytes) -> dict[str, float]:
    """Bytes in; a durable log out, and what else there is of it."""

    async def work(folder: Path) -> dict[str, float]:
        one = await make(folder)
        try:
            return await _timed(one, stream)
        finally:
            await one.close()

    with tempfile.TemporaryDirectory(prefix="callweave-bench-") as name:
        return uvloop.run(work(Path(name)))


async def _timed(one: Fed, stream: bytes) -> dict[str, float]:
    for block in traffic.first(WARM_UP):
        one.feed(block)
    await one.durable()
    spare_collections()
    before = one.counts()
    wall, cpu = time.perf_counter(), time.process_time()
    for chunk in traffic.chunks(stream):
        one.feed(chunk)
        await asyncio.sleep(0)
    await one.durable()
    took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return {**took, **{key: value - before[key] for key, value in one.counts().items()}}


STAGE: Final[dict[str, Callable[[bytes], dict[str, float]]]] = {
    "codec": run_codec,
    "codec + tracker": run_tracker,
    "codec + tracker + log": partial(run_durable, _logged),
    "the whole way": partial(run_durable, _whole),
}


def stage(name: str, stream_file: Path) -> dict[str, float]:
    """Run one stage in its own process."""
    command = [sys.executable, "-m", "bench.pipeline", "--stage", name, str(stream_file)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=codec.WITHIN)
    report: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return report


# --- all together ------------------------------------------------------------------------------------


def run(events: int = EVENTS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure everything; return ``{"events", "bytes_per_event", "us_per_event", "events_per_second", …}``.

    Microseconds are CPU, the least of all rounds; events per second are by the clock, the most of all rounds.
    """
    stream, found = traffic.stream_of(events, begin=WARM_UP)
    last = f"Event: {codec.LAST}\r\n\r\n".encode()
    slow, slow_found = traffic.stream_of(SLOW_EVENTS)
    cpu: dict[str, float] = {}
    speed: dict[str, float] = {}
    extra: dict[str, float] = {}
    with tempfile.NamedTemporaryFile(prefix="callweave-bench-") as file:
        file.write(stream)
        file.flush()
        for number in range(rounds):
            for name in STAGES:
                report = stage(name, Path(file.name))
                _keep(cpu, speed, name, report, found)
                extra = report if name == "the whole way" else extra
            for name in codec.PEERS:
                few = name == "pyst2"
                if few and number:
                    continue
                count = slow_found if few else found
                report = codec.replay(name, (slow if few else stream) + last)
                if report["events"] != count + 1:
                    raise RuntimeError(f"{name} saw {report['events']:g} of {count + 1} events")
                _keep(cpu, speed, name, report, count)
    best = min(codec.PEERS, key=cpu.__getitem__)
    return {
        "events": found,
        "bytes_per_event": len(stream) / found,
        "us_per_event": cpu,
        "events_per_second": speed,
        "best_peer": best,
        "codec_ratio": cpu[best] / cpu["codec"],
        "whole_ratio": cpu[best] / cpu["the whole way"],
        "logged": extra["logged"],
        "interactions": extra["interactions"],
        "packets": extra["packets"],
        "compiled": compiled.state().on,
    }


def _keep(cpu: dict[str, float], speed: dict[str, float], name: str, report: dict[str, float], count: int) -> None:
    cpu[name] = min(cpu.get(name, float("inf")), report["cpu"] / count * 1e6)
    speed[name] = max(speed.get(name, 0.0), count / report["wall"])


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    best = result["us_per_event"][result["best_peer"]]
    lines = [
        f"{result['events']} recorded events of {result['bytes_per_event']:.0f} bytes: {result['interactions']:g} "
        f"calls, {result['logged']:g} events in the log, {result['packets']:g} messages to consoles; "
        f"our modules {'compiled' if result['compiled'] else 'not compiled'}",
        f"{'':<22}{'CPU µs/event':>14}{'events/s':>12}{'best peer / this':>18}",
    ]
    for name, cost in result["us_per_event"].items():
        speed = result["events_per_second"][name]
        lines.append(f"{name:<22}{cost:>14.2f}{speed:>12,.0f}{best / cost:>18.2f}")
    return "\n".join(lines)


def main() -> None:
    """Run one stage, or print the table."""
    if sys.argv[1:2] == ["--stage"]:
        print(json.dumps(STAGE[sys.argv[2]](Path(sys.argv[3]).read_bytes())))
        return
    print(table(run(int(sys.argv[1]) if sys.argv[1:] else EVENTS)))


if __name__ == "__main__":
    main()
