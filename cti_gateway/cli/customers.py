"""`cti customers`: files of customers taken in and taken back, and customers written into a file."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

from cti_gateway.cli.output import complain, say, say_json
from cti_gateway.cli.user import actor
from interaction_log.records import AuditEntry, Conflict, NotFound, Refused
from interaction_log.store.exports import FORMATS, Format, Wanted
from interaction_log.store.imports_store import DUPLICATES, Import, StoredImports
from routing.ports import Audit

SHOWN: Final = 1_000
"""Refused rows that are written to the terminal; the report has all."""
_COUNTED: Final = ("created", "updated", "unchanged", "skipped", "refused", "undone", "kept")


def add_parser(commands: Any) -> None:
    """`cti customers import|export|imports|undo`."""
    one: argparse.ArgumentParser = commands.add_parser("customers", help="the customer records, from and into files")
    verbs = one.add_subparsers(dest="verb", required=True, metavar="VERB")
    take = verbs.add_parser("import", help="take customers from a CSV, XLSX or vCard file")
    take.add_argument("file", type=Path, metavar="FILE")
    take.add_argument("--dry-run", action="store_true", help="only say what would happen")
    take.add_argument("--mapping", metavar="NAME", help="map the columns as was remembered under this name")
    take.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="HEADING=FIELD",
        help="what one column fills (nothing behind =: left out); may be given several times",
    )
    take.add_argument("--duplicates", choices=DUPLICATES, default="update", help="rows that are customers already")
    take.add_argument(
        "--rename", action="store_true", help="update customers of the same number also under another name"
    )
    take.add_argument("--json", action="store_true")
    give = verbs.add_parser("export", help="write customers into a file (- is the standard output)")
    give.add_argument("file", metavar="FILE")
    give.add_argument("--format", choices=tuple(FORMATS), help="by the file's ending if not given")
    give.add_argument("--search", default="", metavar="TEXT", help="only those whose name, number or mail has it")
    give.add_argument("--segment", metavar="ID", help="only those of a segment")
    give.add_argument("--sensitive", action="store_true", help="also the fields that are marked as sensitive")
    listing = verbs.add_parser("imports", help="show the imports, the newest first")
    listing.add_argument("--json", action="store_true")
    back = verbs.add_parser("undo", help="take back all that came with an import")
    back.add_argument("id")


async def run(arguments: argparse.Namespace, imports: StoredImports, trail: Audit | None = None) -> int:
    """Do it. 1 when rows were refused or kept, 2 when the file cannot be read as one of customers."""
    verbs = {"import": _import, "export": _export, "imports": _list, "undo": _undo}
    try:
        return await verbs[arguments.verb](arguments, imports, trail)
    except OSError as error:
        complain(f"customers {arguments.verb}", f"{arguments.file}: {error.strerror}")
    except (Refused, Conflict) as error:
        complain(f"customers {arguments.verb}", str(error))
    except NotFound as error:
        complain(f"customers {arguments.verb}", f"there is no {error}")
    return 2


async def _import(arguments: argparse.Namespace, imports: StoredImports, trail: Audit | None) -> int:
    of = await imports.put_file(arguments.file.name, arguments.file.read_bytes(), actor())
    try:
        job = await _tried(of, arguments, imports)
        if not arguments.dry_run and job.state == "read":
            await _told(trail, "import_customers", of)
            job = await _step(of, "importing", imports)
        return await _say(job, arguments, imports)
    finally:
        if (await imports.get(of)).state in ("uploaded", "read"):
            await imports.drop(of)


async def _tried(of: str, arguments: argparse.Namespace, imports: StoredImports) -> Import:
    await imports.work(of)
    job = _good(await imports.get(of))
    job = await imports.suggest(of, arguments.mapping)
    columns = _mapped(job, arguments.map)
    await imports.choose(of, columns, arguments.duplicates, arguments.rename)
    return await _step(of, "reading", imports)


def _mapped(job: Import, given: Sequence[str]) -> list[str | None]:
    columns = list(job.mapping)
    for one in given:
        heading, equals, target = one.rpartition("=")
        if not equals or heading not in job.headings:
            raise Refused("--map", f"{one[:80]!r} names no column; there are {', '.join(job.headings)[:400]}")
        columns[job.headings.index(heading)] = target or None
    return columns


async def _step(of: str, step: str, imports: StoredImports) -> Import:
    await imports.begin(of, step, actor())
    await imports.work(of)
    return _good(await imports.get(of))


def _good(job: Import) -> Import:
    if job.state == "failed" and job.failure is not None:
        raise Refused(job.failure["field"], job.failure["message"])
    return job


async def _say(job: Import, arguments: argparse.Namespace, imports: StoredImports) -> int:
    refused, _ = await imports.rows(job.id, state="refused", limit=SHOWN)
    if arguments.json:
        rows = [{"line": r.line, "field": r.field, "reason": r.reason, "row": r.row} for r in refused]
        counts = {name: job.counts.get(name, 0) for name in ("created", "updated", "unchanged", "skipped")}
        say_json(asdict(job) | {"read": job.total, **counts, "refused": rows})
        return 1 if refused else 0
    for row in refused:
        complain("customers import", f"line {row.line}: {row.field or 'row'}: {row.reason}")
    say(f"{job.total} rows read; {_sums(job)}")
    if job.state == "done":
        say(f"cti customers undo {job.id}  takes it back")
    return 1 if refused else 0


def _sums(job: Import) -> str:
    counts = job.counts
    if job.state != "read":
        return ", ".join(f"{counts[name]} {name}" for name in _COUNTED if name in counts) or "nothing to do"
    seen = {name: counts.get(f"waiting.{name}", 0) for name in ("same", "other", "several")}
    fresh = counts.get("waiting", 0) - sum(seen.values())
    return (
        f"{fresh} would be new, {seen['same']} are customers already, {seen['other']} under another name, "
        f"{seen['several']} fit several; {counts.get('refused', 0)} refused"
    )


async def _list(arguments: argparse.Namespace, imports: StoredImports, _: Audit | None) -> int:
    found, _following = await imports.page(100, None)
    if arguments.json:
        say_json([asdict(job) for job in found])
        return 0
    for job in found:
        at = time.strftime("%Y-%m-%d %H:%M", time.localtime(job.created_at))
        say(f"{job.id}  {at}  {job.by}  {job.state}  {job.file}  {_sums(job) if job.total else ''}")
    return 0


async def _undo(arguments: argparse.Namespace, imports: StoredImports, trail: Audit | None) -> int:
    await imports.get(arguments.id)
    await _told(trail, "undo_import", arguments.id)
    job = await _step(arguments.id, "undoing", imports)
    kept, _ = await imports.rows(job.id, state="kept", limit=SHOWN)
    for row in kept:
        complain("customers undo", f"line {row.line}: {row.customer_name}: kept: {row.reason}")
    say(_sums(job))
    return 1 if kept else 0


async def _export(arguments: argparse.Namespace, imports: StoredImports, trail: Audit | None) -> int:
    kind = arguments.format or Path(arguments.file).suffix.removeprefix(".").lower()
    if kind not in FORMATS:
        raise Refused("--format", "one of " + ", ".join(FORMATS))
    await _told(trail, "export_customers", "customers")
    wanted = Wanted(cast(Format, kind), arguments.search, arguments.segment, arguments.sensitive)
    if arguments.file == "-":
        await _write(imports, wanted, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return 0
    with Path(arguments.file).open("xb") as file:  # noqa: ASYNC230 (a command; never over what is there)
        await _write(imports, wanted, file)
    return 0


async def _write(imports: StoredImports, wanted: Wanted, file: BinaryIO) -> None:
    async for piece in imports.export(wanted):
        file.write(piece)


async def _told(trail: Audit | None, action: str, subject: str) -> None:
    if trail is not None:
        await trail.append(AuditEntry(at=time.time(), actor=actor(), action=action, subject=subject))
