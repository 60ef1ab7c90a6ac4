"""A process that writes customers to its standard output: ``python -m interaction_log.store.exports_child``."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from interaction_log.store import sealed_fields
from interaction_log.store.exports import Wanted

GIVE_WAY: Final = 10
_PIECE: Final = 64 * 1024


def main() -> int:
    """Write; the exit code is 0 when all of it was written."""
    from interaction_log.store.engine import open_engine  # noqa: PLC0415
    from interaction_log.store.exports import pieces  # noqa: PLC0415

    with contextlib.suppress(OSError):
        os.nice(GIVE_WAY)
    order = json.loads(sys.stdin.buffer.readline())
    if order["key_file"]:
        sealed_fields.use(Path(order["key_file"]))
    engine = open_engine(order["url"], writes=False, size=1)
    try:
        for piece in pieces(engine, Wanted(**order["wanted"])):
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # whoever wanted it went away
        os._exit(1)
    finally:
        engine.dispose()
    return 0


async def stream(url: str, wanted: Wanted) -> AsyncIterator[bytes]:
    """The file, computed in a process beside this one. Raises ``RuntimeError`` when it failed."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "interaction_log.store.exports_child")
    child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert child.stdin is not None and child.stdout is not None
    key = sealed_fields.key_file()
    order = {"url": url, "wanted": asdict(wanted), "key_file": str(key) if key else None}
    try:
        child.stdin.write(json.dumps(order).encode() + b"\n")
        while piece := await child.stdout.read(_PIECE):
            yield piece
        if await child.wait() != 0:
            raise RuntimeError("the export did not end well")
    finally:
        child.stdin.close()
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()


if __name__ == "__main__":
    sys.exit(main())
