"""Reports over a month: how long each takes, and how long the event loop waits meanwhile.

``python -m bench.reports [CONTACTS]`` (200,000) on SQLite, and on PostgreSQL where there is one. The aim: under 2 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from interaction_log.periods import moment
from interaction_log.reports import Question
from interaction_log.store import upgrade_to_head
from interaction_log.store.reading import Reading
from interaction_log.store.reports import StoredReports, as_json
from tests.fakes.month import Month, month, write
from tests.fakes.postgres import binaries, private_postgres

CONTACTS: Final = 200_000
ZONE: Final = "Europe/Berlin"
AIM_SECONDS: Final = 2.0
_TICK: Final = 0.001
_SWITCH_SECONDS: Final = 0.0005
"""As ``cti run`` has it: how long a thread that computes may keep the loop waiting."""


@contextlib.asynccontextmanager
async def stalls() -> AsyncIterator[list[float]]:
    """The longest wait of the loop beyond a tick of a millisecond, in seconds, as the list's only element."""
    worst = [0.0]

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_TICK)
            worst[0] = max(worst[0], time.perf_counter() - before - _TICK)

    task = asyncio.ensure_future(tick())
    try:
        yield worst
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def measure(url: str) -> list[dict[str, Any]]:
    """Each report three times: the median, and the longest stall of the loop."""
    reading = Reading(url)
    reports = StoredReports(reading)
    now = moment("2026-11-15", ZONE)
    whole = Question(report="queues", start=moment("2026-10-01", ZONE), end=moment("2026-11-01", ZONE), zone=ZONE)
    works: dict[str, Callable[[], Coroutine[Any, Any, Any]]] = {
        "queues by day": lambda: reports.table(whole, now),
        "queues by hour": lambda: reports.table(replace(whole, step="hour"), now),
        "contacts by day": lambda: reports.table(replace(whole, report="contacts", group="channel"), now),
        "agents by day": lambda: reports.table(replace(whole, report="agents"), now),
        "list behind a number": lambda: reports.behind(whole, "abandoned", key="support", now=now),
        "conservation check": lambda: reports.check(whole, now),
    }
    found = []
    for name, work in works.items():
        times, worst = [], 0.0
        for _ in range(3):
            async with stalls() as longest:
                began = time.perf_counter()
                await work()
                times.append(time.perf_counter() - began)
            worst = max(worst, longest[0])
        found.append({"report": name, "seconds": sorted(times)[1], "stall_seconds": worst})
    began = time.perf_counter()
    await asyncio.to_thread(as_json, await reports.table(replace(whole, step="hour"), now))
    found.append({"report": "queues by hour, as JSON", "seconds": time.perf_counter() - began, "stall_seconds": 0.0})
    await asyncio.to_thread(reading.close)
    return found


@contextlib.contextmanager
def databases(servers: bool) -> Iterator[dict[str, str]]:
    """An empty one of each kind that can be had here. ``servers``: PostgreSQL, too."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="callweave-bench-")))
        found = {"sqlite": f"sqlite:///{folder}/log.db"}
        if servers and binaries() is not None:
            found["postgresql"] = stack.enter_context(private_postgres()).new_database()
        for url in found.values():
            upgrade_to_head(url)
        yield found


def run(contacts: int = CONTACTS, *, servers: bool = True) -> dict[str, list[dict[str, Any]]]:
    """All databases."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    made: Month = month(moment("2026-10-01", ZONE), contacts=contacts, days=31)
    with databases(servers) as urls:
        results = {}
        for kind, url in urls.items():
            write(url, made)
            results[kind] = asyncio.run(measure(url))
    return results


def table(results: dict[str, list[dict[str, Any]]], contacts: int) -> str:
    """For people."""
    lines = [f"reports over a month of {contacts:,} contacts (aim: {AIM_SECONDS:g} s)"]
    for kind, rows in results.items():
        lines += [f"  {kind:<12}{'':<26}{'median':>10}{'loop waits':>13}"]
        lines += [
            f"  {'':<12}{one['report']:<26}{one['seconds']:>8.2f} s{one['stall_seconds'] * 1000:>10.1f} ms"
            for one in rows
        ]
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    contacts = int(sys.argv[1]) if sys.argv[1:] else CONTACTS
    print(table(run(contacts), contacts))


if __name__ == "__main__":
    main()
