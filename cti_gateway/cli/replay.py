"""`cti replay`: recorded AMI streams in, interactions out, without any network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from cti_gateway import replay
from cti_gateway.cli.output import complain
from cti_gateway.settings_types import CommandSettings
from cti_gateway.tracking.parties import PbxProfile


def add_parser(commands: Any) -> None:
    """`cti replay FILE… [--pbx NAME] [--format jsonl]`."""
    one: argparse.ArgumentParser = commands.add_parser(
        "replay", help="print the interactions of recorded AMI streams (cti record makes them)"
    )
    one.add_argument("files", nargs="+", type=Path, metavar="FILE.ami", help="segments of one recording, in order")
    one.add_argument("--pbx", metavar="NAME", help="the [[pbx]] that it was recorded from (default: the first)")
    one.add_argument("--format", choices=["jsonl"], default="jsonl")


def profile(settings: CommandSettings | None, name: str | None) -> PbxProfile | None:
    """What the configuration says of the PBX; defaults without one; None for a name that is not there."""
    tables = settings.pbx if settings else ()
    table = next((one for one in tables if name in (None, one.name)), None)
    region = settings.phone.default_region if settings else "CN"
    if table is None:
        return None if name else PbxProfile(default_region=region)
    return PbxProfile(
        name=table.name,
        devices=tuple(table.devices),
        trunks=tuple(table.trunks),
        outbound_prefix=table.outbound_prefix,
        default_region=region,
    )


def run(arguments: argparse.Namespace, settings: CommandSettings | None) -> int:
    """Print one JSON object a line."""
    found = profile(settings, arguments.pbx)
    if found is None:
        complain("replay", f"the configuration has no [[pbx]] named {arguments.pbx}")
        return 2
    return replay.run(arguments.files, found, sys.stdout, sys.stderr)
