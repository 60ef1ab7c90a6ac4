"""Taking in 100,000 customers of each kind of file while calls are logged: seconds, and what the log notices.

Each file is imported as the program does it: a process beside, a dry run of every row, then all of it; afterwards it
is taken back. Meanwhile calls of 14 events come at a steady pace, each event durable before the next of its call; the
latency of those writes is compared with the same minutes before the import. A heartbeat on the event loop tells how
long the loop that moves calls was kept waiting.

``python -m bench.imports [--rows N] [--kinds csv,xlsx,vcard] [--url URL]``
"""

from __future__ import annotations

import argparse
import asyncio
import io
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import openpyxl
import uvloop

from interaction_log import events as e
from interaction_log.store import EventLog, Store
from interaction_log.store.imports_runner import ImportRunner
from tests.fakes.call_events import calls

ROWS: Final = 100_000
KINDS: Final = ("csv", "xlsx", "vcard")
QUIET_SECONDS: Final = 10.0
Steps = tuple[tuple[str, str], ...]
"""What is asked of an import, and the state in which it then ends."""
STEPS: Final[Steps] = (("reading", "read"), ("importing", "done"), ("undoing", "undone"))
EVENTS_A_SECOND: Final = 100.0
PROMISED_SECONDS: Final = 60.0
COLUMNS: Final = ("name", "phone", "email", "company", "language", "notes")
Figures = dict[str, Any]


def person(n: int) -> tuple[str, ...]:
    """Made up: name, number, mail, company, language, note."""
    names = ("王小明", "Emily Carter", "李静", "James Miller", "陈思远", "Claire Dubois")
    number, company = f"+86138{n % 100_000_000:08d}", f"Company {n % 5_000}"
    return f"{names[n % 6]} {n}", number, f"person{n}@example.com", company, "zh-CN", f"Customer since {1990 + n % 30}"


def file(kind: str, first: int, rows: int) -> bytes:
    """A file of so many people."""
    people = [person(n) for n in range(first, first + rows)]
    if kind == "csv":
        return ("\n".join([",".join(COLUMNS), *map(",".join, people)]) + "\n").encode()
    if kind == "vcard":
        return "".join(_card(*one) for one in people).encode()
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (COLUMNS, *people):
        sheet.append(row)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def _card(name: str, number: str, mail: str, company: str, language: str, note: str) -> str:
    lines = (f"FN:{name}", f"TEL;TYPE=CELL:{number}", f"EMAIL:{mail}", f"ORG:{company}", f"LANG:{language}")
    return "\r\n".join(("BEGIN:VCARD", "VERSION:4.0", *lines, f"NOTE:{note}", "END:VCARD", ""))


class Calls:
    """Calls that are logged all the time. ``waits``: milliseconds until each event was on disk; ``lags``: of a
    heartbeat every 10 ms."""

    def __init__(self, log: EventLog):
        self._log = log
        self.waits: list[float] = []
        self.lags: list[float] = []
        self._tasks = [asyncio.ensure_future(self._talk()), asyncio.ensure_future(self._beat())]

    def taken(self) -> tuple[list[float], list[float]]:
        """What was measured since the last time."""
        found = self.waits, self.lags
        self.waits, self.lags = [], []
        return found

    async def _talk(self) -> None:
        pending: set[asyncio.Future[None]] = set()
        for event in calls(10_000_000, 20):
            task = asyncio.ensure_future(self._one(event))
            pending.add(task)
            task.add_done_callback(pending.discard)
            await asyncio.sleep(1 / EVENTS_A_SECOND)

    async def _one(self, event: e.Event) -> None:
        seq, began = self._log.next_seq(), time.perf_counter()
        self._log.append(e.Recorded(seq, event))
        await self._log.durable(seq)
        self.waits.append((time.perf_counter() - began) * 1000)

    async def _beat(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.01)
            self.lags.append((time.perf_counter() - began - 0.01) * 1000)

    async def stop(self) -> None:
        """Hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def run(
    rows: int = ROWS, kinds: tuple[str, ...] = KINDS, url: str | None = None, *, undo: bool = True
) -> Figures:
    """Seconds of each kind, the log's latency with and without, the loop's lag; ``undo``: of its undoing, too."""
    with tempfile.TemporaryDirectory() as folder:
        where = url or f"sqlite:///{folder}/bench.db"
        log = await asyncio.to_thread(EventLog.open, where, Path(folder) / "journal", on_state=lambda _: None)
        store = await asyncio.to_thread(Store.open, where, default_region="CN")
        runner = ImportRunner(store.imports, where, "CN")
        runner.start()
        calls_ = Calls(log)
        try:
            return await _measure(store, runner, calls_, rows, kinds, STEPS if undo else STEPS[:2])
        finally:
            await calls_.stop()
            await runner.stop()
            await asyncio.to_thread(store.close)
            await asyncio.to_thread(log.close)


async def _measure(
    store: Store, runner: ImportRunner, logged: Calls, rows: int, kinds: tuple[str, ...], steps: Steps
) -> Figures:
    await asyncio.sleep(2.0)
    logged.taken()
    await asyncio.sleep(QUIET_SECONDS)
    quiet, quiet_lags = logged.taken()
    found: Figures = {"rows": rows, "kinds": {}, "quiet": _of(quiet), "quiet_lag": _of(quiet_lags)}
    busy: list[float] = []
    lags: list[float] = []
    for n, kind in enumerate(kinds):
        data = await asyncio.to_thread(file, kind, 10_000_000 + n * rows, rows)
        logged.taken()
        found["kinds"][kind] = await _one(store, runner, data, logged.taken, busy, lags, steps)
    found |= {"busy": _of(busy), "busy_lag": _of(lags)}
    found["p99_ratio"] = found["busy"]["p99"] / found["quiet"]["p99"]
    return found


async def _one(
    store: Store,
    runner: ImportRunner,
    data: bytes,
    taken: Callable[[], tuple[list[float], list[float]]],
    busy: list[float],
    lags: list[float],
    steps: Steps,
) -> Figures:
    began, cpu = time.perf_counter(), _cpu()
    of = await store.imports.put_file("bench", data, "bench")
    await runner.peek(of)
    job = await store.imports.suggest(of, None)
    times = {"peek": time.perf_counter() - began}
    for step, end in steps:
        since = time.perf_counter()
        await store.imports.begin(of, step, "bench")
        runner.wake()
        while (job := await store.imports.get(of)).state == step:  # noqa: ASYNC110 (as a console asks)
            await asyncio.sleep(0.2)
        times[step] = time.perf_counter() - since
        if job.state != end:
            raise RuntimeError(f"{step} ended as {job.state}: {job.failure}")
        if step == "importing":
            waits, beats = taken()
            busy += waits
            lags += beats
            times["whole"] = time.perf_counter() - began
            times["cpu"] = _cpu() - cpu
            times["created"] = job.counts.get("created", 0)
    return times


def _cpu() -> float:
    """Seconds of processor time that processes beside this one took, of those that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _of(values: list[float]) -> Figures:
    cuts = statistics.quantiles(values, n=1000)
    return {"count": len(values), "p50": cuts[499], "p95": cuts[949], "p99": cuts[989], "longest": max(values)}


def table(found: Figures) -> str:
    """For people."""
    lines = [
        f"{found['rows']:,} rows       first rows   dry run   import   dry run + import   its CPU     undo  (seconds)"
    ]
    for kind, one in found["kinds"].items():
        undone = f"{one['undoing']:.1f}" if "undoing" in one else "–"
        lines.append(
            f"  {kind:<14} {one['peek']:>11.1f} {one['reading']:>9.1f} {one['importing']:>8.1f} "
            f"{one['whole']:>18.1f} {one['cpu']:>9.1f} {undone:>8}"
        )
    lines.append("ms                      p50      p95      p99   longest")
    for name, what in (("quiet", "log write, alone"), ("busy", "log write, beside")):
        one = found[name]
        lines.append(
            f"  {what:<18} {one['p50']:>6.1f}   {one['p95']:>6.1f}   {one['p99']:>6.1f}   {one['longest']:>7.1f}"
        )
    for name, what in (("quiet_lag", "loop late, alone"), ("busy_lag", "loop late, beside")):
        one = found[name]
        lines.append(
            f"  {what:<18} {one['p50']:>6.1f}   {one['p95']:>6.1f}   {one['p99']:>6.1f}   {one['longest']:>7.1f}"
        )
    lines.append(f"  log write p99, beside / alone: {found['p99_ratio']:.1f}")
    return "\n".join(lines)


def main() -> None:
    """From the command line."""
    given = argparse.ArgumentParser(prog="python -m bench.imports")
    given.add_argument("--rows", type=int, default=ROWS)
    given.add_argument("--kinds", default=",".join(KINDS))
    given.add_argument("--url")
    found = given.parse_args()
    print(table(uvloop.run(run(found.rows, tuple(found.kinds.split(",")), found.url))))


if __name__ == "__main__":
    main()
