"""A private Redis for one test: a child on a free port that keeps nothing on a disk."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from redis.asyncio import Redis


class RedisServer:
    """``redis-server`` on 127.0.0.1; ``kill`` and ``start`` may follow each other."""

    def __init__(self) -> None:
        found = shutil.which("redis-server")
        if found is None:
            if os.geteuid() == 0 and Path("/etc/debian_version").exists():
                pytest.fail("Redis is missing: apt-get install redis-server")
            pytest.skip("no redis-server on this machine")
        self._program = found
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        await self.kill()

    async def start(self) -> None:
        """Return when it answers."""
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        quiet = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(self._program, *options, stdout=quiet, stderr=quiet)
        client = Redis.from_url(self.url)
        try:
            async with asyncio.timeout(10):
                while True:
                    try:
                        await client.ping()
                        return
                    except (ConnectionError, OSError):
                        await asyncio.sleep(0.05)
                    except Exception as error:
                        if "ConnectionError" not in type(error).__name__:
                            raise
                        await asyncio.sleep(0.05)
        finally:
            await client.aclose()

    async def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
