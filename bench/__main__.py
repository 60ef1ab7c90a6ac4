"""All benchmarks in one run: ``make bench`` (within 15 minutes), ``SCALE=full make bench`` for more rounds,
PostgreSQL, and imports of every kind.

Each prints its table; the summary at the end has every promise with its figure. All figures of the run go to
``bench/results/``. ``python -m bench [NAME …]`` runs only those named. Exit 1 when a bench could not run.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import uvloop

from bench import asterisk, chat, codec, entry, flood, imports, pipeline, pop, reports, routing, search, writer
from interaction_log.store import sealed_fields

RESULTS: Final = Path(__file__).resolve().parent / "results"
FULL: Final = os.environ.get("SCALE") == "full"
MEMORY_SLACK_MB: Final = 10.0
"""How much more the process may hold after the second flood than after the first."""
MEMORY_PEAK_MB: Final = 100.0
"""How much more it may hold during a flood than before."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Promise:
    """One row of the summary; ``met`` is None where nothing was promised."""

    what: str
    figure: str
    expected: str
    met: bool | None


@dataclass(frozen=True)
class Bench:
    """``run`` measures and prints its table; ``promises`` reads them off."""

    run: Callable[[], Figures]
    promises: Callable[[Figures], list[Promise]]


def _codec() -> Figures:
    found = codec.run(rounds=5 if FULL else 3)
    print(codec.table(found))
    return found


def _codec_promises(found: Figures) -> list[Promise]:
    best = found["best_peer"]
    ratio = found["ratio"][best]
    return [Promise(f"our link's cost of an event, {best} / ours", f"{ratio:.1f}", "≥ 5", ratio >= 5)]


def _pipeline() -> Figures:
    found = pipeline.run(100_000 if FULL else pipeline.EVENTS, 5 if FULL else pipeline.ROUNDS)
    print(pipeline.table(found))
    return found


def _pipeline_promises(found: Figures) -> list[Promise]:
    best, cost = found["best_peer"], found["us_per_event"]
    logged, whole = (f"{cost[one]:.1f} µs against {cost[best]:.1f} µs" for one in pipeline.STAGES[-2:])
    return [
        Promise(f"codec alone, {best} / ours", f"{found['codec_ratio']:.1f}", "≥ 5", found["codec_ratio"] >= 5),
        Promise(f"codec, tracker and log against bare parsing by {best}", logged, "", None),
        Promise(f"the whole way against bare parsing by {best}", whole, "cheaper", found["whole_ratio"] > 1),
    ]


def _pop() -> Figures:
    found = uvloop.run(pop.run(pop.ROUNDS if not FULL else 8, pop.SECONDS if not FULL else 60.0))
    print(pop.table(found))
    return found


def _pop_promises(found: Figures) -> list[Promise]:
    ours, relay, ratio = found["callweave"], found["relay"], found["p95_ratio"]["relay"]
    all_came = ours["pops_with_customer"] == ours["calls"]
    return [
        Promise("pop latency p95, ours / bare relay", f"{ratio:.2f}", "≤ 1.5", ratio <= pop.PROMISED),
        Promise("pop latency p95, ours / direct relay", f"{found['p95_ratio']['direct relay']:.2f}", "", None),
        Promise("pop latency p50, p95, p99 (ms)", _latencies(ours), f"relay: {_latencies(relay)}", None),
        Promise(
            "calls whose pop came with the customer",
            f"{ours['pops_with_customer']} of {ours['calls']}",
            "all",
            all_came,
        ),
    ]


def _latencies(one: Figures) -> str:
    return ", ".join(f"{one[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms"))


def _imports() -> Figures:
    found = uvloop.run(imports.run() if FULL else imports.run(imports.ROWS // 2, imports.KINDS[:1], undo=False))
    print(imports.table(found))
    return found


def _imports_promises(found: Figures) -> list[Promise]:
    rows = f"{found['rows']:,} rows"
    most = imports.PROMISED_SECONDS * found["rows"] / imports.ROWS
    promises = [
        Promise(f"{rows} of {kind}: dry run and import (s)", f"{one['whole']:.0f}", f"< {most:g}", one["whole"] < most)
        for kind, one in found["kinds"].items()
    ]
    latency = f"{found['busy']['p99']:.0f} against {found['quiet']['p99']:.0f}, {found['p99_ratio']:.1f} times"
    longest = found["busy"]["longest"]
    return [
        *promises,
        Promise("log write p99 beside an import (ms)", latency, "<= 25", found["busy"]["p99"] <= 25),
        Promise("longest log write beside an import (ms)", f"{longest:.0f}", "< 500", longest < 500),
        Promise("loop late beside an import, p99 (ms)", f"{found['busy_lag']['p99']:.1f}", "", None),
    ]


def _flood() -> Figures:
    found = uvloop.run(flood.run(100_000, 10.0) if FULL else flood.run())
    print(flood.table(found))
    return found


def _flood_promises(found: Figures) -> list[Promise]:
    floods, memory = found["floods"], found["memory_mb"]
    dropped = sum(one["dropped"] for one in floods) + found["gaps"]
    longest = max(one["longest_wait_ms"] for one in floods)
    returned = memory["after 2"] - memory["after 1"] <= MEMORY_SLACK_MB
    bounded = memory["peak 1"] - memory["before"] <= MEMORY_PEAK_MB
    rate = f"{floods[0]['events']} events in {floods[0]['sent_in']:.1f} s"
    text = ", ".join(f"{key} {value:.0f}" for key, value in memory.items())
    return [
        Promise(f"{rate}: links dropped", f"{dropped:g} (longest wait {longest:.0f} ms)", "none", not dropped),
        Promise(
            "calls lost, doubled or wrong in the log", f"{len(found['wrong'])} of {found['calls']}", "0",
            not found["wrong"] and found["in_our_log"] == found["calls"],
        ),
        Promise("memory (MB)", text, "returns", returned and bounded),
    ]  # fmt: skip


def _writer_promises(found: Figures) -> list[Promise]:
    same, rows = found["ratio_bare"], found["ratio_rows"]
    figure = f"{same:.2f} (same events), {rows:.2f} (finished rows); {found['log_events_per_second']:,.0f}/s"
    return [Promise("durable log writes, ours / bare group commit", figure, "≥ 0.8", same >= 0.8)]


def _asterisk() -> Figures:
    found = asyncio.run(asterisk.reconcile(1_000 if FULL else asterisk.CALLS))
    print(asterisk.table(found))
    return found


def _asterisk_promises(found: Figures) -> list[Promise]:
    calls, differences = found["calls"], len(found["differences"])
    same = found["in_queue_log"] == found["in_cdr"] == found["in_our_log"] == calls
    what = f"real Asterisk, {calls} calls at {found['rate']:g}/s: differences to its CDR and queue_log"
    return [Promise(what, f"{differences} in {sum(found['compared'].values())}", "0", same and not differences)]


def _entry() -> Figures:
    found = entry.run(60.0 if FULL else 10.0)
    print(entry.table(found))
    return found


def _entry_promises(found: Figures) -> list[Promise]:
    paced, frozen = found["at_20_a_second"], found["gateway_frozen"]
    met = paced["p99_ms"] <= 50 and not paced["defaults"]
    goes_on = frozen["longest_ms"] <= 1_000 and frozen["defaults"] == frozen["calls"]
    return [
        Promise("call entry at 20 calls/s, p99", f"{paced['p99_ms']:.1f} ms", "≤ 50 ms", met),
        Promise("gateway frozen: default after", f"{frozen['longest_ms']:.0f} ms", "≤ 1,000 ms", goes_on),
    ]


def _routing() -> Figures:
    found = routing.run()
    print(routing.table(found))
    return found


def _routing_promises(found: Figures) -> list[Promise]:
    median, growth, allowed = found["median_us"], found["growth"], found["log_growth"]
    size = "10,000 agents, 200 queues, 50 skills, 5,000 waiting"
    return [
        Promise(
            f"a decision of the distributor, median ({size})",
            f"{median:.0f} µs",
            "≤ 100 µs",
            median <= routing.PROMISED_MICROSECONDS,
        ),
        Promise("its growth from 1,000 agents on", f"{growth:.2f}", f"log n: ≤ {allowed:.2f}", growth <= allowed),
    ]


def _search() -> Figures:
    found = search.run(search.FULL, 200) if FULL else search.run(search.PLAIN, 60, ("SQLite",))
    print(search.table(found))
    return found


def _search_promises(found: Figures) -> list[Promise]:
    return [Promise(*one) for one in search.promises(found)]


def _reports() -> Figures:
    contacts = reports.CONTACTS if FULL else 50_000
    found = reports.run(contacts, servers=FULL)
    print(reports.table(found, contacts))
    return {"contacts": contacts, "rows": found}


def _reports_promises(found: Figures) -> list[Promise]:
    what = f"slowest report over a month of {found['contacts']:,} contacts"
    promises = []
    for kind, rows in found["rows"].items():
        slowest = max(rows, key=lambda row: row["seconds"])
        stall = max(row["stall_seconds"] for row in rows) * 1e3
        figure = f"{slowest['seconds']:.1f} s ({slowest['report']})"
        promises.append(Promise(f"{what}, {kind}", figure, "", None))
        promises.append(Promise(f"the loop waits at most beside it, {kind}", f"{stall:.0f} ms", "", None))
    return promises


def _chat() -> Figures:
    found = uvloop.run(chat.run(6 if FULL else chat.ROUNDS))
    print(chat.table(found))
    return found


def _chat_promises(found: Figures) -> list[Promise]:
    ratio, others, pops = found["p95_ratio"], found["flood_ratio"], found["pops_flood_ratio"]
    what = f"{found['visitors']:,} visitors"
    memory = f"{found['memory_kb_per_visitor']:.0f} KB"
    lost = found["lost"] + found["refused"]
    return [
        Promise(f"{what}: p95 round trip / bare echo", f"{ratio:.2f}", f"≤ {chat.PROMISED}", ratio <= chat.PROMISED),
        Promise(f"{what}: p99 round trip / bare echo", f"{found['p99_ratio']:.2f}", "", None),
        Promise(f"{what}: p95 / echo read past engine.io", f"{found['p95_ratio_direct']:.2f}", "", None),
        Promise(f"{what}: memory for each", memory, "", None),
        Promise(f"{what}: connections lost, lines refused", str(lost), "0", lost == 0),
        Promise("a flood: p99 of other visitors", f"{others:.2f}", f"< {chat.FLOOD_PROMISED}", others < 2),
        Promise("a flood: p99 of pops", f"{pops:.2f}", f"< {chat.FLOOD_PROMISED}", pops < 2),
    ]


BENCHES: Final[dict[str, Bench]] = {
    "codec": Bench(_codec, _codec_promises),
    "pipeline": Bench(_pipeline, _pipeline_promises),
    "writer": Bench(lambda: writer.run(rounds=10 if FULL else 6), _writer_promises),
    "entry": Bench(_entry, _entry_promises),
    "search": Bench(_search, _search_promises),
    "imports": Bench(_imports, _imports_promises),
    "reports": Bench(_reports, _reports_promises),
    "flood": Bench(_flood, _flood_promises),
    "pop": Bench(_pop, _pop_promises),
    "chat": Bench(_chat, _chat_promises),
    "routing": Bench(_routing, _routing_promises),
    "asterisk": Bench(_asterisk, _asterisk_promises),
}


def summary(promises: list[Promise]) -> str:
    """All promises as a Markdown table."""
    words = {True: "yes", False: "**no**", None: ""}
    rows = [f"| {one.what} | {one.figure} | {one.expected} | {words[one.met]} |" for one in promises]
    return "\n".join(["| Measured | Figure | Expected | Met |", "|---|---|---|---|", *rows])


def _one(name: str) -> tuple[Figures | None, list[Promise]]:
    """Run one bench; what goes wrong in it stops no other."""
    bench = BENCHES[name]
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    print(f"\n## {name}\n", flush=True)
    began = time.monotonic()
    try:
        found = bench.run()
        promises = bench.promises(found)
    except Exception as error:
        traceback.print_exc()
        why = (str(error).splitlines() or [""])[0]
        return None, [Promise(name, f"did not run: {type(error).__name__}: {why}", "", False)]
    finally:
        sealed_fields.forget()  # some use the key of a site that is gone now
        if allowed:
            os.sched_setaffinity(0, allowed)  # some keep to one core
    print(f"\n({time.monotonic() - began:.0f} s, load average {os.getloadavg()[0]:.1f})", flush=True)
    return found, promises


def main() -> int:
    """Run them, print the summary, keep the figures."""
    names = sys.argv[1:] or list(BENCHES)
    if unknown := set(names) - set(BENCHES):
        print(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    began = time.time()
    results = {name: _one(name) for name in names}
    promises = [promise for _, some in results.values() for promise in some]
    print(f"\n## Summary ({time.time() - began:.0f} s)\n\n{summary(promises)}", flush=True)
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "scale": "full" if FULL else "quick"}
    kept = {"began": began, **machine, **{name: found for name, (found, _) in results.items()}}
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(began))}.json"
    file.write_text(json.dumps(kept, indent=1, default=str) + "\n")
    print(f"\nfigures: {file.relative_to(RESULTS.parent.parent)}")
    return int(any(found is None for found, _ in results.values()))


if __name__ == "__main__":
    raise SystemExit(main())
