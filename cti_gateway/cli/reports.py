"""`cti reports`: whether the log adds up, by itself and beside Asterisk's own files; a report as CSV; orders."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cti_gateway.cli.output import complain, say, say_json
from interaction_log import reconcile, report_files
from interaction_log.metrics import REPORTS
from interaction_log.periods import STEPS, moment
from interaction_log.records import Refused
from interaction_log.reports import Check, Question
from interaction_log.store.interactions import StoredInteractions
from interaction_log.store.orders import StoredOrders
from interaction_log.store.reports import StoredReports, as_json

PARTS: Final = ("reports", "interactions", "orders")
_PAGE: Final = 1_000
_WEEK: Final = 7 * 86_400.0


def add_parser(commands: Any) -> None:
    """`cti reports check|reconcile|table|orders`."""
    one: argparse.ArgumentParser = commands.add_parser("reports", help="reports, and whether they add up")
    verbs = one.add_subparsers(dest="verb", required=True, metavar="VERB")
    checked = verbs.add_parser("check", help="check that every contact and every second is accounted for")
    _times(checked)
    checked.add_argument("--json", action="store_true")
    beside = verbs.add_parser("reconcile", help="compare the log with what Asterisk wrote, call by call")
    beside.add_argument("--queue-log", type=Path, metavar="FILE", help="Asterisk's queue_log")
    beside.add_argument("--cdr", type=Path, metavar="FILE", help="cdr_csv's Master.csv (loguniqueid=yes)")
    beside.add_argument(
        "--trunk", action="append", metavar="GLOB", help="callers' channels (default: the PBXs' trunks)"
    )
    beside.add_argument("--json", action="store_true")
    shown = verbs.add_parser("table", help="a report as CSV on standard output, or as JSON")
    shown.add_argument("report", choices=REPORTS)
    _times(shown)
    shown.add_argument("--step", choices=STEPS, default="day")
    shown.add_argument("--queue", metavar="NAME")
    shown.add_argument("--json", action="store_true")
    taken = verbs.add_parser("orders", help="take orders of customers from a CSV file")
    taken.add_argument("file", type=Path, metavar="FILE.csv")
    taken.add_argument("--tz", default="UTC", metavar="ZONE", help="of days without a time (default UTC)")
    taken.add_argument("--currency", default="CNY", metavar="CODE", help="of rows without one (default CNY)")
    taken.add_argument("--dry-run", action="store_true", help="only say what would happen")
    taken.add_argument("--json", action="store_true")


def _times(one: argparse.ArgumentParser) -> None:
    text = "a day (2026-11-01) or an RFC 3339 time"
    one.add_argument("--from", dest="start", metavar="TIME", help=f"{text} (default: a week ago)")
    one.add_argument("--to", dest="end", metavar="TIME", help=f"{text}, not included (default: now)")
    one.add_argument("--tz", default="UTC", metavar="ZONE", help="IANA name (default UTC)")


async def run(
    arguments: argparse.Namespace,
    reports: StoredReports,
    interactions: StoredInteractions,
    orders: Callable[[str], StoredOrders],
) -> int:
    """0 done; 1 when something does not add up or was refused; 2 wrong use. ``arguments`` has ``region`` and ``trunk``
    from the configuration."""
    try:
        if arguments.verb == "check":
            return await _check(arguments, reports)
        if arguments.verb == "table":
            return await _table(arguments, reports)
        if arguments.verb == "orders":
            return await _orders(arguments, orders(arguments.region))
        return await _reconcile(arguments, interactions)
    except OSError as error:
        complain(f"reports {arguments.verb}", f"{error.filename}: {error.strerror}")
    except (Refused, ValueError) as error:
        complain(f"reports {arguments.verb}", str(error))
    return 2


def _question(arguments: argparse.Namespace, report: Any, **more: Any) -> Question:
    now = time.time()
    start = moment(arguments.start, arguments.tz) if arguments.start else now - _WEEK
    end = moment(arguments.end, arguments.tz) if arguments.end else now
    return Question(report=report, start=start, end=end, zone=arguments.tz, **more)


async def _check(arguments: argparse.Namespace, reports: StoredReports) -> int:
    found = await reports.check(_question(arguments, "queues"), time.time())
    if arguments.json:
        say_json({"holds": found.holds, **asdict(found)})
    else:
        _tell(found)
    return 0 if found.holds else 1


def _tell(found: Check) -> None:
    sums = " + ".join(f"{name} {n}" for name, n in found.outcomes.items() if n) or "0"
    say(f"visits of queues: {found.offered} = {sums}, in {found.hours} hours")
    say(
        f"agents: {found.agents}, signed in {found.signed_in_seconds:.3f} s, "
        f"in their states {found.state_seconds:.3f} s"
    )
    for hour in found.unbalanced:
        ids = ", ".join(hour.interactions)
        say(f"  {hour.queue} {_utc(hour.at)}: {hour.offered} offered, {hour.difference} unaccounted for: {ids}")
    for fault in found.faults:
        at = "without a time" if fault.at is None else _utc(fault.at)
        say(f"  {fault.agent} {at}: {fault.kind} of {fault.seconds:.3f} s")
    say("everything adds up" if found.holds else "it does not add up")


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _table(arguments: argparse.Namespace, reports: StoredReports) -> int:
    question = _question(arguments, arguments.report, step=arguments.step, queue=arguments.queue)
    answer = as_json(await reports.table(question, time.time()))
    if arguments.json:
        say_json(answer)
    else:
        sys.stdout.write(report_files.csv_of(report_files.rows_of(answer)).decode().removeprefix("\ufeff"))
    return 0


async def _orders(arguments: argparse.Namespace, orders: StoredOrders) -> int:
    data = await asyncio.to_thread(arguments.file.read_bytes)
    report = await orders.import_csv(
        data, zone=arguments.tz, currency=arguments.currency.upper(), dry_run=arguments.dry_run
    )
    if arguments.json:
        say_json(asdict(report))
    else:
        for row in report.refused:
            complain("reports orders", f"line {row.line}: {row.field}: {row.reason}")
        would = "would be " if arguments.dry_run else ""
        say(
            f"{report.read} rows read, {would}{report.created} new, {would}{report.updated} again, "
            f"{len(report.refused)} refused"
        )
    return 1 if report.refused else 0


async def _reconcile(arguments: argparse.Namespace, interactions: StoredInteractions) -> int:
    if arguments.queue_log is None and arguments.cdr is None:
        complain("reports reconcile", "give --queue-log FILE, --cdr FILE, or both")
        return 2
    queued = reconcile.queue_log(await _text(arguments.queue_log)) if arguments.queue_log is not None else None
    trunks = arguments.trunk or ["*"]
    written = reconcile.call_records(await _text(arguments.cdr), trunks) if arguments.cdr is not None else None
    span = reconcile.began([*(queued or ()), *(written or ())])
    if span is None:
        complain("reports reconcile", "there is no call in these files")
        return 2
    result = reconcile.compare(await _between(interactions, *span), queued, written)
    if arguments.json:
        say_json(
            {
                "compared": result.compared,
                "equal": result.equal,
                "differences": [vars(d) for d in result.differences],
            }
        )
    else:
        _tell_differences(result)
    return 1 if result.differences else 0


async def _text(path: Path) -> str:
    return (await asyncio.to_thread(path.read_bytes)).decode("utf-8", "replace")


async def _between(interactions: StoredInteractions, start: float, end: float) -> list[dict[str, Any]]:
    """What our log has of that time; calls that began before the files did are not in them."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = await interactions.page(
            start=start, end=end, queue=None, agent=None, customer_id=None, limit=_PAGE, cursor=cursor
        )
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


def _tell_differences(result: reconcile.Comparison) -> None:
    for what, times in sorted(result.compared.items()):
        equal = result.equal.get(what)
        say(f"{what}: {times} compared" + ("" if equal is None else f", {equal} equal to the second"))
    for one in result.differences:
        say(f"  {one.unique_id} {one.witness} {one.what}: {one.theirs!r} there, {one.ours!r} here ({one.interaction})")
    say(f"differences: {len(result.differences)}")
