"""`cti run`: the program itself. What it does stands in `main`; here is only what can be typed."""

from __future__ import annotations

import argparse
from typing import Any


def add_parser(commands: Any) -> None:
    """`cti run [--demo] [--init-only]`."""
    one: argparse.ArgumentParser = commands.add_parser("run", help="run the gateway and the console server")
    one.add_argument(
        "--demo",
        action="store_true",
        help="demo accounts and customers; without [[pbx]] in the configuration, a simulated PBX with callers",
    )
