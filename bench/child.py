"""A child process that says when it is ready, on a core of its own, ended by its process id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

READY: Final = re.compile(r"http://127\.0\.0\.1:([0-9]+)/")
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 15.0
CALM_SECONDS: Final = 0.2
"""Of processor time in two seconds: what 300 idle consoles take, and no work beside."""


def cores() -> tuple[set[int], set[int]]:
    """The core of the server under test, and those of everything else (the same where there is only one)."""
    all_of_them = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return ({all_of_them[0]}, set(all_of_them[1:]) or {all_of_them[0]})


def pin(pid: int, where: set[int]) -> None:
    """Keep a process on these cores, where the system can."""
    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(pid, where)


class Child:
    """`async with Child(...) as child`: its address is ``child.port``; its output is kept in a file."""

    def __init__(self, arguments: Iterable[str], log: Path, *, core: set[int] | None = None) -> None:
        self._command = [sys.executable, *arguments]
        self._log = log
        self._core = core
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def product(cls, config: Path, *, core: set[int] | None = None) -> Child:
        """The whole program, as ``cti run --config FILE``."""
        profile = os.environ.get("BENCH_PROFILE")
        program = ["-m", "bench.profiled", profile] if profile else ["-m", "cti_gateway.main"]
        arguments = [*program, "run", "--config", str(config)]
        return cls(arguments, config.with_suffix(".log"), core=core)

    async def __aenter__(self) -> Self:
        self._start()
        try:
            async with asyncio.timeout(START_SECONDS):
                while not (found := READY.search(self.output())):
                    if self._poll() is not None:
                        raise RuntimeError(f"it ended at once:\n{self.output()[-3000:]}")
                    await asyncio.sleep(0.05)
        except BaseException:
            await self.stop()
            raise
        self.port = int(found[1])
        return self

    def _start(self) -> None:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if self._core:
            pin(self.process.pid, self._core)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _poll(self) -> int | None:
        return self.process.poll() if self.process is not None else None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self.process is not None
        return self.process.pid

    def output(self) -> str:
        """What it printed so far."""
        return self._log.read_text("utf-8", "replace")

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL if that does not help."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(asyncio.to_thread(self.process.wait), STOP_SECONDS)
        except TimeoutError:
            self.process.kill()
            await asyncio.to_thread(self.process.wait)

    def profile(self, begin: bool) -> None:
        """Begin or end to profile it, where `BENCH_PROFILE` asks for that."""
        if os.environ.get("BENCH_PROFILE"):
            os.kill(self.pid, signal.SIGUSR1 if begin else signal.SIGUSR2)

    def cpu_seconds(self) -> float:
        """CPU time of the process so far, all threads."""
        return float(sum(self._psutil().cpu_times()[:2]))

    async def calm(self) -> None:
        """Wait until what a start leaves to be done (customers to be indexed, pairs to be found) is done."""
        for _ in range(60):
            before = self.cpu_seconds()
            await asyncio.sleep(2)
            if self.cpu_seconds() - before < CALM_SECONDS:
                return
        print("the program did not come to rest within two minutes: the times below have that work in them")

    def rss_megabytes(self) -> float:
        """Memory that it holds now."""
        return float(self._psutil().memory_info().rss) / 1e6

    def _psutil(self) -> Any:
        import psutil  # type: ignore[import-untyped]  # noqa: PLC0415

        return psutil.Process(self.pid)
