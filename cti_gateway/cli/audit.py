"""`cti audit list` and `cti audit verify`: who did what to whom, and whether somebody changed that afterwards."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from cti_gateway.cli.output import complain, say, say_json
from interaction_log.store.audit import AuditRow, Head, StoredAudit


def add_parser(commands: Any) -> None:
    """`cti audit list [--limit N] [--json]` and `cti audit verify [--json]`."""
    one: argparse.ArgumentParser = commands.add_parser("audit", help="the audit trail")
    verbs = one.add_subparsers(dest="verb", required=True, metavar="VERB")
    shown = verbs.add_parser("list", help="show the newest entries, the last one at the end")
    shown.add_argument("--limit", type=int, default=50, metavar="N", help="at most so many (default 50, up to 1000)")
    shown.add_argument("--json", action="store_true")
    checked = verbs.add_parser("verify", help="check that no entry was changed, removed or put in between")
    checked.add_argument("--head", metavar="N:HASH", help="also compare with a head that was noted before")
    checked.add_argument("--json", action="store_true")


async def run(arguments: argparse.Namespace, trail: StoredAudit) -> int:
    """0 done; 1 when the chain is broken."""
    return await (_verify if arguments.verb == "verify" else _list)(arguments, trail)


async def _list(arguments: argparse.Namespace, trail: StoredAudit) -> int:
    rows = list(reversed(await trail.page(arguments.limit)))
    if arguments.json:
        say_json([{"n": row.n, **asdict(row.entry), "hash": row.hash} for row in rows])
    else:
        for row in rows:
            say(_line(row))
    return 0


def _line(row: AuditRow) -> str:
    entry = row.entry
    when = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    details = " ".join(f"{key}={value}" for key, value in sorted(entry.details.items()))
    why = f" why: {entry.reason}" if entry.reason else ""
    return f"{row.n} {when} {entry.actor} {entry.action} {entry.subject} {entry.outcome} {details}{why}".rstrip()


async def _verify(arguments: argparse.Namespace, trail: StoredAudit) -> int:
    text = getattr(arguments, "head", None)
    try:
        noted = Head.read(text) if text is not None else None
    except ValueError as error:
        complain("audit verify", f"--head: {error}")
        return 2
    found = await trail.verify(noted)
    if arguments.json:
        say_json(asdict(found) | {"head": f"{found.rows}:{found.last_hash}"})
    elif found.broken_at is None:
        say(f"{found.rows} entries, all whole; the last hash is {found.last_hash}")
        say(f"note this head elsewhere: {found.rows}:{found.last_hash}")
    else:
        complain("audit verify", f"entry {found.broken_at}: {found.why}")
    return 0 if found.broken_at is None else 1
