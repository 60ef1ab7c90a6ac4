"""`cti run`: the program itself. What it does stands in `main`; here is only what can be typed."""

from __future__ import annotations

import argparse
from typing import Any


def add_parser(commands: Any) -> None:
    """`cti run [--demo] [--port N] [--pbx sim|real]`."""
    one: argparse.ArgumentParser = commands.add_parser("run", help="run the gateway and the console server")
    one.add_argument(
        "--demo",
        action="store_true",
        help="demo accounts and customers; without [[pbx]] in the configuration, a simulated PBX with callers",
    )
    one.add_argument("--port", type=int, metavar="N", help="the console's port, in place of [http] port")
    one.add_argument(
        "--pbx",
        choices=["sim", "real"],
        help="with --demo: the simulated PBX, or the one of the configuration (default: that, if it names one)",
    )
