"""Call entry: from the dialplan's question to the last variable, through the process in front and the whole gateway.

The gateway runs as a child with a database of customers; calls ask at 20 a second, as a busy company's would, and then
as fast as they are answered. ``python -m bench.entry [SECONDS]`` prints the numbers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from interaction_log.store import Store
from tests.fakes import agi
from tests.fakes.program import Program, prepare
from tests.pbx.asterisk import free_port

RATE = 20.0
CUSTOMERS = 1_000


async def _asked(port: int, number: str) -> tuple[float, str]:
    began = time.perf_counter()
    told = await agi.ask(port, "route?queue=support", callerid=number)
    return time.perf_counter() - began, told.get("CALLWEAVE_RESULT", "")


async def _paced(port: int, seconds: float) -> list[tuple[float, str]]:
    calls = []
    for number in range(int(RATE * seconds)):
        calls.append(asyncio.ensure_future(_asked(port, f"138{number % CUSTOMERS:08}")))
        await asyncio.sleep(1 / RATE)
    return list(await asyncio.gather(*calls))


def _numbers(answers: list[tuple[float, str]]) -> dict[str, float]:
    took = sorted(seconds * 1000 for seconds, _ in answers)
    defaults = sum(result == "default" for _, result in answers)
    return {
        "calls": len(took),
        "p50_ms": round(took[len(took) // 2], 2),
        "p99_ms": round(took[int(len(took) * 0.99)], 2),
        "longest_ms": round(took[-1], 2),
        "defaults": defaults,
    }


async def _frozen(program: Program, port: int) -> dict[str, float]:
    assert program.process is not None
    os.kill(program.process.pid, signal.SIGSTOP)
    try:
        answers = list(await asyncio.gather(*(_asked(port, "13800138000") for _ in range(20))))
    finally:
        os.kill(program.process.pid, signal.SIGCONT)
    return _numbers(answers)


async def _measure(folder: Path, seconds: float) -> dict[str, Any]:
    server, port = SimulatorServer(Simulator()), free_port()
    config = await prepare(folder, port=await server.start(), secret=SECRET, more=f"[entry]\nport = {port}\n")
    store = await asyncio.to_thread(Store.open, f"sqlite:///{folder / 'callweave.db'}", default_region="CN")
    text = "name,phones\n" + "".join(f"Customer {n},+86138{n:08}\n" for n in range(CUSTOMERS))
    await store.customers.import_csv(text.encode(), dry_run=False)
    await asyncio.to_thread(store.close)
    try:
        async with Program(folder, "--config", str(config)) as program:
            assert program.process is not None
            fronts = psutil.Process(program.process.pid).children()
            try:
                return await _rounds(program, port, seconds)
            finally:
                await program.end()
                for front in fronts:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        front.kill()
    finally:
        await server.stop()


async def _rounds(program: Program, port: int, seconds: float) -> dict[str, Any]:
    async with asyncio.timeout(20):
        result = "default"
        while result == "default":
            await asyncio.sleep(0.05)
            with contextlib.suppress(OSError):
                result = (await _asked(port, "13800000001"))[1]
    paced = _numbers(await _paced(port, seconds))
    began = time.perf_counter()
    flat = [await asyncio.gather(*(_asked(port, f"138{n:08}") for n in range(20))) for _ in range(10)]
    rate = 200 / (time.perf_counter() - began)
    frozen = await _frozen(program, port)
    return {
        "at_20_a_second": paced,
        "flat_out_per_second": round(rate),
        "flat_out": _numbers([one for answers in flat for one in answers]),
        "gateway_frozen": frozen,
    }


def run(seconds: float = 10.0) -> dict[str, Any]:
    """The numbers: milliseconds from the connection to the last variable that was set."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder), seconds))


def table(found: dict[str, Any]) -> str:
    """The result for people."""
    lines = [f"{'':<36}{'calls':>6}{'p50 ms':>9}{'p99 ms':>9}{'longest':>9}{'defaults':>10}"]
    for key, name in (
        ("at_20_a_second", "20 calls a second"),
        ("flat_out", f"20 at once, {found['flat_out_per_second']}/s"),
        ("gateway_frozen", "gateway frozen (SIGSTOP), 20 at once"),
    ):
        one = found[key]
        lines.append(
            f"{name:<36}{one['calls']:>6}{one['p50_ms']:>9.1f}{one['p99_ms']:>9.1f}{one['longest_ms']:>9.1f}"
            f"{one['defaults']:>10}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(json.dumps(run(*(float(one) for one in sys.argv[1:2])), indent=1))
