"""`python -m cti_gateway.simulator`: the simulated PBX as a process of its own. Ends with Ctrl-C or its standard input.

Prints ``port N`` when it listens. Commands on standard input, one a line: ``flood COUNT SECONDS``,
``calls RATE COUNT``, ``quit``; each prints one line of JSON when it is done.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
from pathlib import Path

from cti_gateway.simulator.load import Load, flood, load_queue
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer
from cti_gateway.simulator.traffic import DemoTraffic


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cti_gateway.simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--members", type=int, help="a queue with so many members for load, in place of the demo's")
    parser.add_argument("--numbers", type=Path, help="file with callers' numbers, one a line")
    parser.add_argument("--ring", type=float, default=1.0, help="seconds until a telephone lifts by itself")
    parser.add_argument("--talk", type=float, default=5.0, help="seconds until a caller hangs up")
    parser.add_argument("--traffic", action="store_true", help="the demo's callers call in")
    return parser


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _command(simulator: Simulator, load: Load, words: list[str]) -> dict[str, object]:
    match words:
        case ["flood", count, seconds]:
            return {"flood": int(count), "bytes": await flood(simulator, int(count), float(seconds))}
        case ["calls", rate, count]:
            await load.run(float(rate), int(count))
            return {"calls": load.placed, "ended": load.ended}
        case _:
            return {"error": "flood COUNT SECONDS | calls RATE COUNT | quit"}


async def _serve(arguments: argparse.Namespace) -> None:
    rng = random.Random(arguments.seed)  # noqa: S311
    queues = lines = None
    if arguments.members:
        queue, lines = load_queue(arguments.members)
        queues = [queue]
    simulator = Simulator(rng=rng, queues=queues, lines=lines)
    server = SimulatorServer(simulator)
    port = await server.start(port=arguments.port)
    print(f"port {port} user {USERNAME} secret {SECRET}", flush=True)
    numbers = arguments.numbers.read_text().split() if arguments.numbers else ["13800138000"]
    load = Load(simulator, numbers, arguments.ring, arguments.talk)
    if arguments.traffic:
        DemoTraffic(simulator).start()
    try:
        reader = await _lines()
        while words := (await reader.readline()).decode().split():
            if words == ["quit"]:
                break
            print(json.dumps(await _command(simulator, load, words)), flush=True)
    finally:
        await server.stop()


def main() -> int:
    """Serve until told to stop."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(_parser().parse_args()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
