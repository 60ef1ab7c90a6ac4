"""`cti customers import`: customers out of a CSV file, with a word on every row that was not taken."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cti_gateway.cli.output import complain, say, say_json
from interaction_log.records import Refused
from routing.ports import Customers


def add_parser(commands: Any) -> None:
    """`cti customers import FILE.csv [--dry-run] [--json]`."""
    one: argparse.ArgumentParser = commands.add_parser("customers", help="the customer records")
    verbs = one.add_subparsers(dest="verb", required=True, metavar="VERB")
    take = verbs.add_parser("import", help="take customers from a CSV file (UTF-8)")
    take.add_argument("file", type=Path, metavar="FILE.csv")
    take.add_argument("--dry-run", action="store_true", help="only say what would happen")
    take.add_argument("--json", action="store_true")


async def run(arguments: argparse.Namespace, customers: Customers) -> int:
    """Import; 1 when rows were refused, 2 when the file cannot be read as one of customers."""
    try:
        data = arguments.file.read_bytes()
        report = await customers.import_csv(data, arguments.dry_run)
    except OSError as error:
        complain("customers import", f"{arguments.file}: {error.strerror}")
        return 2
    except Refused as error:
        complain("customers import", str(error))
        return 2
    if arguments.json:
        say_json(asdict(report))
        return 1 if report.refused else 0
    for row in report.refused:
        complain("customers import", f"line {row.line}: {row.field or 'row'}: {row.reason}")
    would = "would be " if arguments.dry_run else ""
    say(
        f"{report.read} rows read, {would}{report.created} created, {would}{report.updated} updated, "
        f"{len(report.refused)} refused"
    )
    return 1 if report.refused else 0
