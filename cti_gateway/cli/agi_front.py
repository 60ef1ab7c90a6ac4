"""`cti agi-front`: the process in front of the gateway, alone (for systemd), with ``[entry]`` of the configuration."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Any, Final

from cti_gateway.agi.front import Settings as FrontSettings
from cti_gateway.agi.front import serve

WRONG_USE: Final = 2


def add_parser(commands: Any) -> None:
    """`cti agi-front`."""
    text = "answer the dialplan's questions at call entry, also while the gateway is away"
    commands.add_parser("agi-front", help=text)


def run(_: argparse.Namespace, settings: Any) -> int:
    """Serve until SIGTERM; 2 without an ``[entry]`` in ``settings`` (``config.settings.Settings`` or None)."""
    entry = settings.entry if settings is not None else None
    if entry is None:
        print("cti agi-front: the configuration has no [entry]", file=sys.stderr)
        return WRONG_USE
    patience = entry.patience_milliseconds / 1000
    return asyncio.run(serve(FrontSettings(entry.socket, entry.host, entry.port, patience, entry.allowed)))
