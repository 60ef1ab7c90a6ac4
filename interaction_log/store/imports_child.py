"""A process that works at one import: ``python -m interaction_log.store.imports_child``, the order on standard input.

It computes and writes beside the program that moves calls, never in it, and yields the processor to it. It ends at the
next transaction's end when its standard input is closed (the program ended) or when it is told to (SIGTERM).
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import sys
from pathlib import Path
from typing import Final

MOST_MEMORY: Final = 3 * 1024 * 1024 * 1024
"""Bytes of address space: what a malicious file can make us take at most."""
GIVE_WAY: Final = 10
"""Added to our niceness: a call goes before an import."""
DONE, STOPPED, BUSY, FAILED = 0, 3, 4, 1
_told: list[bool] = []


def main() -> int:
    """Work; the exit code says how it ended."""
    signal.signal(signal.SIGTERM, lambda *_: _told.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is for the program that started us
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    with contextlib.suppress(OSError):
        os.nice(GIVE_WAY)
    order = json.loads(sys.stdin.buffer.readline())
    from interaction_log.store.imports_job import work  # noqa: PLC0415 (after the limits)

    if order.get("key_file"):
        from interaction_log.store import sealed_fields  # noqa: PLC0415 (as the work itself)

        sealed_fields.use(Path(order["key_file"]))
    from interaction_log.store.imports_turns import Lent  # noqa: PLC0415

    lent = Lent(*order["turn"]) if order.get("turn") else None
    who = f"pid {os.getpid()} {os.urandom(4).hex()}"
    state = work(order["url"], order["id"], order["region"], who, _goes_on, lent)
    return {"stopped": STOPPED, "busy": BUSY}.get(state, DONE)


def _goes_on() -> bool:
    if _told:
        return False
    readable, _, _ = select.select([0], [], [], 0)
    return not readable or bool(os.read(0, 1))


if __name__ == "__main__":
    sys.exit(main())
