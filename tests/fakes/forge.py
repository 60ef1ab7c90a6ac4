"""``cti run`` again and again, without importing everything again: a process that has it all forks one for each start.

Nothing of what is tested changes: each is a process of its own with its folder, environment and output, and runs
``cti_gateway.main`` from its first line. Only what Python's ``import`` costs (two seconds of a core, nine tenths of a
start) is paid once for each process of the test run. :class:`Forged` is what ``asyncio.subprocess.Process`` would be.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

ROOT: Final = Path(__file__).parents[2]
LONGEST: Final = 1 << 20
"""Bytes of an order: arguments and environment."""
# What a start imports; the last ones only while it runs.
IMPORTS: Final = (
    "config.settings",
    "cti_gateway.cli.commands",
    "cti_gateway.composition.commands",
    "cti_gateway.composition.loop",
    "cti_gateway.composition.program",
    "interaction_log.store.imports_apply",
    "interaction_log.store.imports_undo",
    "phonenumbers.data.region_CN",
    "phonenumbers.data.region_US",
    "pydantic.v1",
    "uvicorn.lifespan.off",
)


class Forged:
    """A program that was forked. ``stdout`` as asyncio gives it; ``returncode`` once it has ended."""

    def __init__(self, pid: int, stdout: asyncio.StreamReader, news: asyncio.StreamReader) -> None:
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None
        self._end = asyncio.ensure_future(self._until_it_ends(news))

    async def _until_it_ends(self, news: asyncio.StreamReader) -> int:
        line = await news.readline()
        if not line:
            raise RuntimeError("the forge has died")
        self.returncode = int(line)
        return self.returncode

    async def wait(self) -> int:
        """Its exit code; minus the signal's number where one ended it."""
        return await asyncio.shield(self._end)

    def send_signal(self, number: signal.Signals) -> None:
        """As ``asyncio.subprocess.Process`` does: ProcessLookupError when it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class _Forge:
    """The process that forks; made for the first start."""

    orders: socket.socket | None = None
    process: subprocess.Popen[bytes] | None = None


def _orders() -> socket.socket:
    if _Forge.process is not None and _Forge.process.poll() is not None:
        _Forge.orders = None  # its tests have failed; the next ones get a new one
    if _Forge.orders is None:
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (mine, its):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LONGEST)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CTI_")}
        _Forge.process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.forge", str(its.fileno())],
            cwd=ROOT,
            env=environ | {"PYTHONPATH": str(ROOT)},
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        its.close()
        _Forge.orders = mine
        atexit.register(_close)
    return _Forge.orders


def _close() -> None:
    """It ends when nobody can order any more, and ends what still runs."""
    if _Forge.orders is not None and _Forge.process is not None:
        _Forge.orders.close()
        _Forge.process.wait()
        _Forge.orders = None


async def fork(arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], stderr: int) -> Forged:
    """``python -m cti_gateway.main ARGUMENTS`` with its standard output in a pipe."""
    loop = asyncio.get_running_loop()
    outputs, news = os.pipe(), os.pipe()
    order = json.dumps({"arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}).encode()
    try:
        socket.send_fds(_orders(), [order], [outputs[1], stderr, news[1]])
    finally:
        os.close(outputs[1])
        os.close(news[1])
    readers = []
    for end in (outputs[0], news[0]):
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda reader=reader: asyncio.StreamReaderProtocol(reader), os.fdopen(end, "rb"))  # type: ignore[misc]
        readers.append(reader)
    line = await readers[1].readline()
    if not line:
        raise RuntimeError("the forge has died")
    return Forged(int(line), *readers)


# --- the process that forks ----------------------------------------------------------------------


def _serve(orders: socket.socket) -> dict[str, Any] | None:
    """Fork for each order until nobody can order any more; in the fork return what it shall be."""
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who ends us closes the socket
    running: dict[int, int] = {}  # process, where its end is told
    while True:
        ready, _, _ = select.select([orders.fileno(), woken], [], [])
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
            _tell_ends(running)
        if orders.fileno() not in ready:
            continue
        message, fds, _, _ = socket.recv_fds(orders, LONGEST, 3)
        if not message:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            return None
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for end in (orders.detach(), woken, wake, fds[2], *running.values()):
                os.close(end)
            return {**json.loads(message), "fds": fds[:2]}
        running[pid] = fds[2]
        os.write(fds[2], f"{pid}\n".encode())
        os.close(fds[0])
        os.close(fds[1])


def _tell_ends(running: dict[int, int]) -> None:
    for pid in list(running):
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            end = running.pop(pid)
            with contextlib.suppress(BrokenPipeError):
                os.write(end, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(end)


def _become(order: dict[str, Any]) -> NoReturn:
    """The program, as if it had been started with these arguments."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for end, wanted in zip(order["fds"], (1, 2), strict=True):
        os.dup2(end, wanted)
        os.close(end)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.orig_argv[1:] = ["-m", "cti_gateway.main", *order["arguments"]]
    sys.argv[:] = ["cti", *order["arguments"]]
    from cti_gateway.main import main

    sys.exit(main())


def _main(descriptor: int) -> None:
    from cti_gateway import compiled, memory

    memory.expect_growth()
    compiled.use()
    for name in IMPORTS:
        importlib.import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1, "a fork has one thread; nothing that is imported may begin one"
    gc.collect()
    gc.freeze()
    order = _serve(socket.socket(fileno=descriptor))
    if order is not None:
        _become(order)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
