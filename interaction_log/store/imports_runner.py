"""Has imports worked at, one after another, in a process beside this one; takes up what a crash left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable
from typing import Final

from interaction_log.store import sealed_fields
from interaction_log.store.imports_store import StoredImports
from interaction_log.store.imports_turns import Lending

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 20.0
"""How often we look for what nobody works at."""
PEEK_SECONDS: Final = 60.0
"""How long headings may take to be found; then the file is refused."""
_END_SECONDS: Final = 5.0


class ImportRunner:
    """``changed()``: customers may have been changed (caches are forgotten then; about once a second)."""

    def __init__(self, imports: StoredImports, url: str, region: str, changed: Callable[[], None] = lambda: None):
        self._imports, self._url, self._region, self._changed = imports, url, region, changed
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._children: set[asyncio.subprocess.Process] = set()

    def start(self) -> None:
        """Begin to look for work."""
        self._task = asyncio.ensure_future(self._forever())

    async def stop(self) -> None:
        """Let the processes end at their next transaction's end; what is not done goes on at the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        for child in list(self._children):
            await self._end(child)

    def wake(self) -> None:
        """There is something to do."""
        self._wanted.set()

    async def peek(self, of: str) -> None:
        """Find headings and first rows of a file that was just given."""
        async with asyncio.timeout(PEEK_SECONDS):
            await self._work(of)

    async def _forever(self) -> None:
        while True:
            self._wanted.clear()
            try:
                for of in await self._imports.unfinished():
                    await self._work(of)
                for of in await self._imports.abandoned():
                    await self._imports.drop(of)
                while await self._imports.scrub():
                    pass
            except Exception as error:  # the database is away: look again later
                log.warning("imports cannot be worked at now: %s", type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wanted.wait()

    async def _work(self, of: str) -> None:
        command = (sys.executable, "-m", "interaction_log.store.imports_child")
        pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        lending = Lending(self._imports.turn)
        try:
            child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=nothing, pass_fds=lending.theirs)
        finally:
            lending.start()
        self._children.add(child)
        assert child.stdin is not None
        try:
            key = sealed_fields.key_file()
            order: dict[str, object] = {"url": self._url, "id": of, "region": self._region, "turn": lending.theirs}
            order["key_file"] = str(key) if key else None
            child.stdin.write(json.dumps(order).encode() + b"\n")  # not as arguments: a URL holds a password
            await self._ended(child)
        finally:
            await self._end(child)
            self._children.discard(child)
        if child.returncode not in (0, 3, 4):
            log.warning("an import's process ended with code %s", child.returncode)
        self._changed()

    async def _ended(self, child: asyncio.subprocess.Process) -> None:
        waiting = asyncio.ensure_future(child.wait())
        try:
            while not (await asyncio.wait({waiting}, timeout=1.0))[0]:
                self._changed()
        finally:
            waiting.cancel()

    async def _end(self, child: asyncio.subprocess.Process) -> None:
        if child.stdin is not None:
            child.stdin.close()
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            try:
                await asyncio.wait_for(child.wait(), _END_SECONDS)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
