"""Starts the process in front of the gateway, starts it again when it dies, ends it with us.

It has a session of its own, so that it outlives a gateway that is killed and goes on answering the default. The next
gateway finds the port taken then, leaves that process alone and tries now and again; its own word ends it at last.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from pathlib import Path
from typing import Final

from cti_gateway.agi.front import ADDRESS_TAKEN
from cti_gateway.fastagi import EntryServer

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS: Final = 0.2
LONGEST_WAIT_SECONDS: Final = 10.0
STEADY_SECONDS: Final = 30.0
"""After so long it counts as well, and the next death is answered at once."""
END_SECONDS: Final = 2.0


class FrontChild:
    """Keeps one process in front of us. ``server`` is what it asks."""

    def __init__(
        self, server: EntryServer, socket: Path, host: str, port: int, patience: float, allowed: tuple[str, ...] = ()
    ) -> None:
        self.server = server
        given = ["--socket", str(socket), "--host", host, "--port", str(port), "--patience", str(patience)]
        self._command = [sys.executable, "-m", "cti_gateway.agi.front", "--child", *given]
        self._command += [word for one in allowed for word in ("--allow", one)]
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.deaths = 0

    @property
    def pid(self) -> int | None:
        """Of the process that runs now, if it is a child of ours."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> None:
        """Begin to keep it."""
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End it, and one that an earlier life of ours left behind."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        self.server.dismiss()
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), END_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        await self.server.stop()

    async def _keep(self) -> None:
        wait = FIRST_WAIT_SECONDS
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            code = await self._run()
            self.deaths += 1
            wait = FIRST_WAIT_SECONDS if loop.time() - began > STEADY_SECONDS else min(wait * 2, LONGEST_WAIT_SECONDS)
            if code == ADDRESS_TAKEN and self.server.fronts:
                log.info("another process in front answers already")
            else:
                log.error("the process in front of the gateway ended with %d; again in %.1f s", code, wait)
            await asyncio.sleep(wait)

    async def _run(self) -> int:
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            log.error("the process in front of the gateway cannot be started: %s", error.strerror)
            return 1
        return await self._process.wait()
