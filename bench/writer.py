"""Durable log writes beside a bare group-commit writer, and a caller's lookup among 100,000 customers.

Interleaved rounds, of which each side's best counts (other load only ever slows). Each is a closed loop with
``WINDOW`` events outstanding, each acknowledged by a future on the loop. The log gets calls of 14 events, 100 at a
time; it also folds, projects (the clock stops when the last projection is written), keeps the lease, numbers durably
and survives a database that is away. Beside it a bare group-commit writer: a ``SimpleQueue``, one thread, one Core
``executemany`` a group, one wake-up a group, a table of 5 columns with an index on the interaction's id; once with the
same events (made JSON by the thread), once with finished rows of 400 bytes of JSON. Every event has somebody who waits
for it, so no group of the log gathers. Collections are set for all sides as the program sets them after its start.

``python -m bench.writer [--url URL] [--rounds N] [--calls N]``
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import queue
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvloop

from cti_gateway.memory import spare_collections
from interaction_log import events as e
from interaction_log.store import EventLog, Store
from interaction_log.store.engine import open_engine
from tests.fakes.call_events import calls

WINDOW = 256
CALLERS = 30_000
_metadata = sa.MetaData()
_bare = sa.Table(
    "bare",
    _metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("interaction_id", sa.String, index=True),
    sa.Column("type", sa.String),
    sa.Column("at", sa.Double),
    sa.Column("payload", sa.Text),
)


class BareWriter:
    """STACK-FACTS §4: thread, Core executemany, no linger."""

    def __init__(self, url: str):
        self._engine = open_engine(url)
        with self._engine.begin() as connection:
            _metadata.drop_all(connection)
            _metadata.create_all(connection)
        self._inbox: queue.SimpleQueue[tuple[Callable[[], dict[str, Any]], asyncio.Future[None]] | None] = (
            queue.SimpleQueue()
        )
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, make: Callable[[], dict[str, Any]]) -> asyncio.Future[None]:
        future: asyncio.Future[None] = self._loop.create_future()
        self._inbox.put((make, future))
        return future

    def _run(self) -> None:
        insert = sa.insert(_bare)
        with self._engine.connect() as connection:
            while (first := self._inbox.get()) is not None:
                batch = [first]
                while len(batch) < 500:
                    try:
                        one = self._inbox.get_nowait()
                    except queue.Empty:
                        break
                    if one is None:
                        return
                    batch.append(one)
                with connection.begin():
                    connection.execute(insert, [make() for make, _ in batch])
                self._loop.call_soon_threadsafe(_set, [future for _, future in batch])

    def close(self) -> None:
        self._inbox.put(None)
        self._thread.join()
        self._engine.dispose()


def _set(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


async def _closed_loop(
    count: int, put: Callable[[int], Awaitable[None]], busy: Callable[[], bool] = bool
) -> tuple[float, float]:
    """Events a second, and CPU microseconds an event."""
    cpu, began = time.process_time(), time.perf_counter()
    window: asyncio.Queue[Awaitable[None]] = asyncio.Queue()
    for n in range(count):
        if window.qsize() >= WINDOW:
            await window.get_nowait()
        window.put_nowait(put(n))
    while not window.empty():
        await window.get_nowait()
    while busy():  # noqa: ASYNC110 (what is measured must not be told of it)
        await asyncio.sleep(0.002)
    took = time.perf_counter() - began
    return count / took, (time.process_time() - cpu) / count * 1e6


def _row(seq: int, event: e.Event, payload: str | None = None) -> dict[str, Any]:
    return {
        "seq": seq,
        "interaction_id": getattr(event, "interaction_id", None),
        "type": type(event).__name__,
        "at": event.at,
        "payload": json.dumps(e.to_payload(event)) if payload is None else payload,
    }


async def _bare_round(url: str, events: list[e.Event], *, finished: bool) -> tuple[float, float]:
    makes: list[Callable[[], dict[str, Any]]] = [functools.partial(_row, n, one) for n, one in enumerate(events)]
    if finished:
        filler = json.dumps({"filler": "x" * 386})
        rows = [_row(n, one, filler) for n, one in enumerate(events)]
        makes = [functools.partial(dict, row) for row in rows]
    writer = BareWriter(url)
    try:
        return await _closed_loop(len(makes), lambda n: writer.put(makes[n]))
    finally:
        writer.close()


async def _our_round(url: str, journal: Path, events: list[e.Event]) -> tuple[float, float]:
    log = EventLog.open(url, journal, on_state=lambda state: print("  the log is", state.name))

    def put(n: int) -> Awaitable[None]:
        seq = log.next_seq()
        log.append(e.Recorded(seq, events[n]))
        return log.settled(seq)

    try:
        found = await _closed_loop(len(events), put, lambda: log.behind)
    finally:
        log.close()
    with_engine = open_engine(url, writes=False)
    with with_engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM interactions").scalar_one() >= len(events) // 15
    with_engine.dispose()
    return found


async def _fill(store: Store) -> dict[str, float]:
    """Import the customers; how long it took, and how long the loop had to wait meanwhile."""
    lines = (f"Customer {n},1{38 + n % 2}{n:08d},ACME {n % 100},{n % 2}" for n in range(CALLERS))
    data = ("name,phone,organisation,vip\n" + "\n".join(lines)).encode()
    spare_collections()
    began = time.perf_counter()
    task = asyncio.ensure_future(store.customers.import_csv(data, dry_run=False))
    waits = []
    while not task.done():
        before = time.perf_counter()
        await asyncio.sleep(0.01)
        waits.append(time.perf_counter() - before - 0.01)
    report = await task
    assert report.created == CALLERS
    took = time.perf_counter() - began
    p99 = statistics.quantiles(waits, n=100)[98]
    return {"import_seconds": took, "import_loop_wait_p99_ms": p99 * 1e3, "import_loop_wait_max_ms": max(waits) * 1e3}


async def _lookups(store: Store, count: int = 2_000) -> dict[str, float]:
    took = {"known": [], "unknown": []}  # type: dict[str, list[float]]
    for n in range(count):
        for kind, number in (("known", f"+861{38 + n % 2}{n * 37 % CALLERS:08d}"), ("unknown", f"+86137{n:08d}")):
            began = time.perf_counter()
            match = await store.customers.find_caller(number)
            took[kind].append(time.perf_counter() - began)
            assert (match.strength == "known") == (kind == "known" and (n * 37 % CALLERS) % 2 == n % 2)
    found: dict[str, float] = {}
    for kind, seconds in took.items():
        cuts = statistics.quantiles(seconds, n=100)
        found |= {f"lookup_{kind}_p50_ms": cuts[49] * 1e3, f"lookup_{kind}_p99_ms": cuts[98] * 1e3}
    return found


async def _writers(url: str, folder: Path, rounds: int, count: int) -> dict[str, float]:
    found: dict[str, list[tuple[float, float]]] = {"bare": [], "rows": [], "log": []}
    for n in range(rounds):
        events = list(calls(count, 100, first=n * count))
        spare_collections()
        found["bare"].append(await _bare_round(url, events, finished=False))
        found["log"].append(await _our_round(url, folder / "journal", events))
        found["rows"].append(await _bare_round(url, events, finished=True))
        print(f"  round {n + 1}: " + ", ".join(f"{name} {one[-1][0]:,.0f}/s" for name, one in found.items()))
    result: dict[str, float] = {}
    for name, measured in found.items():
        result[f"{name}_events_per_second"] = max(one[0] for one in measured)
        result[f"{name}_cpu_us"] = min(one[1] for one in measured)
    for name in ("bare", "rows"):
        result[f"ratio_{name}"] = result["log_events_per_second"] / result[f"{name}_events_per_second"]
        result[f"cpu_ratio_{name}"] = result["log_cpu_us"] / result[f"{name}_cpu_us"]
    return result


def run(url: str | None = None, rounds: int = 10, count: int = 1_500) -> dict[str, float]:
    """Measure; rates are events a second, ``…_us`` CPU microseconds an event. ``url``: a database to fill."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        where = url or f"sqlite:///{folder}/log.db"
        found = uvloop.run(_writers(where, folder, rounds, count))
        store = Store.open(url or f"sqlite:///{folder}/customers.db", default_region="CN")
        try:
            found |= uvloop.run(_fill(store))
            found |= uvloop.run(_lookups(store))
        finally:
            store.close()
    _show(found)
    return found


def _show(found: dict[str, float]) -> None:
    names = {"bare": "bare, same events", "rows": "bare, 400-byte rows", "log": "the log"}
    print(f"{'durable writes':24}{'events/s':>12}{'CPU µs/event':>14}{'log/it':>9}{'CPU log/it':>12}")
    for name, words in names.items():
        ratio = f"{found[f'ratio_{name}']:9.2f}{found[f'cpu_ratio_{name}']:12.2f}" if name != "log" else ""
        print(f"{words:24}{found[f'{name}_events_per_second']:12,.0f}{found[f'{name}_cpu_us']:14.1f}{ratio}")
    print("the log: 8 columns, an index, interactions, legs, queue visits, agent states; bare: 5 columns, an index")
    print(f"import of {CALLERS:,} customers: {found['import_seconds']:.1f} s, the loop waited", end=" ")
    print(f"p99 {found['import_loop_wait_p99_ms']:.0f} ms, at most {found['import_loop_wait_max_ms']:.0f} ms")
    print(f"{'lookup of a caller':24}{'p50 ms':>12}{'p99 ms':>14}")
    for kind in ("known", "unknown"):
        print(f"{kind:24}{found[f'lookup_{kind}_p50_ms']:12.2f}{found[f'lookup_{kind}_p99_ms']:14.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--calls", type=int, default=1_500)
    options = parser.parse_args()
    run(options.url, options.rounds, options.calls)
