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
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

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


def run_log(stream: bytes) -> dict[str, float]:
    """Bytes in; interaction events in a durable log."""
    with tempfile.TemporaryDirectory(prefix="callweave-bench-") as name:
        return uvloop.run(_logged(stream, Path(name)))


async def _logged(stream: bytes, folder: Path) -> dict[str, float]:
    log = EventLog.open(f"sqlite:///{folder}/log.db", folder / "journal", on_state=lambda state: None)
    reader, tracker = Codec(), CallTracker(PROFILE)
    reader.feed(codec.BANNER)
    last = 0

    async def take(data: bytes) -> None:
        nonlocal last
        for message in reader.feed(data):
            for event in tracker.feed(message, None):
                if type(event) not in NOT_LOGGED:
                    last = log.next_seq()
                    log.append(Recorded(last, event))
        await asyncio.sleep(0)

    try:
        for block in traffic.first(WARM_UP):
            await take(block)
        await log.durable(last)
        spare_collections()
        before = log.counters.rows_written
        wall, cpu = time.perf_counter(), time.process_time()
        for chunk in traffic.chunks(stream):
            await take(chunk)
        await log.durable(last)
        took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        return {**took, "logged": log.counters.rows_written - before}
    finally:
        log.close()


def run_whole(stream: bytes) -> dict[str, float]:
    """Bytes in; a durable log and packets for the consoles out."""
    with tempfile.TemporaryDirectory(prefix="callweave-bench-") as name:
        return uvloop.run(_whole(stream, Path(name)))


async def _whole(stream: bytes, folder: Path) -> dict[str, float]:
    place = await site.make(folder, agents=0, customers=1_000, wrap_up_seconds=5, queues=("support", "sales"))
    whole = await Whole.open(place, PROFILE, AGENTS)
    try:
        for block in traffic.first(WARM_UP):
            whole.feed(block)
        await whole.durable()
        spare_collections()
        before = whole.counts()
        wall, cpu = time.perf_counter(), time.process_time()
        for chunk in traffic.chunks(stream):
            whole.feed(chunk)
            await asyncio.sleep(0)
        await whole.durable()
        took = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        return {**took, **{key: value - before[key] for key, value in whole.counts().items()}}
    finally:
        await whole.close()


STAGE: Final[dict[str, Callable[[bytes], dict[str, float]]]] = {
    "codec": run_codec,
    "codec + tracker": run_tracker,
    "codec + tracker + log": run_log,
    "the whole way": run_whole,
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
        "log_ratio": cpu[best] / cpu["codec + tracker + log"],
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
