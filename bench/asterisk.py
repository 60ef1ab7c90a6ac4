"""Two hundred calls through a queue of a real Asterisk, and what its own records say of them beside what ours say.

``python -m bench.asterisk [CALLS]`` prints the table of differences, which must be empty.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from bench import child, sipp_load, site
from bench.console import Console, connect
from bench.rest import Rest
from cti_gateway.calls import PbxProfile
from cti_gateway.replay import interactions
from interaction_log import reconcile as witnesses
from tests.pbx.ami import AmiRefused, Block
from tests.pbx.asterisk import Pbx
from tests.pbx.record import Recorder

CALLS: Final = 200
RATE: Final = 5.0
TRANSFER_EVERY: Final = 20
"""Every so many answered calls one is sent on by the agent."""
TRANSFER_AFTER: Final = 0.7
WRAP_UP_SECONDS: Final = 1
PROFILE: Final = PbxProfile(name="lab", devices=("PJSIP/10??",), trunks=("PJSIP/pstn",), outbound_prefix="9")

Records = Callable[[], Awaitable[list[dict[str, Any]]]]
"""Asks the system under test for its interactions."""


async def load(pbx: Pbx, folder: Path, count: int, rate: float) -> None:
    """Place the calls and return when the last channel is gone and Asterisk has written everything."""
    telephones = sipp_load.agents(pbx, folder)
    transfers = asyncio.ensure_future(_send_some_on(pbx))
    try:
        started = sipp_load.callers(pbx, folder, count, rate)
        telephones += started
        await asyncio.gather(*(one.done(count / rate + 90) for one in started))
        await pbx.no_channels(30)
    finally:
        transfers.cancel()
        await asyncio.gather(transfers, *(one.stop() for one in telephones), return_exceptions=True)


async def _send_some_on(pbx: Pbx) -> None:
    """Every so many answered calls the agent sends the caller on; where he has left meanwhile, the next one."""
    seen, answered, owed = len(pbx.ami.events), 0, 0
    tasks: set[asyncio.Task[bool]] = set()

    def done(task: asyncio.Task[bool]) -> None:
        nonlocal owed
        tasks.discard(task)
        if not task.cancelled() and task.exception() is None and not task.result():
            owed += 1

    while True:
        block = await pbx.ami.wait(lambda b: b.get("Event") == "AgentConnect", within=600, since=seen)
        seen = pbx.ami.events.index(block, seen) + 1
        answered += 1
        owed += answered % TRANSFER_EVERY == 5
        if owed:
            owed -= 1
            task = asyncio.ensure_future(_send_on(pbx, block))
            tasks.add(task)
            task.add_done_callback(done)


async def _send_on(pbx: Pbx, block: Block) -> bool:
    """``False``: the caller has left meanwhile."""
    await asyncio.sleep(TRANSFER_AFTER)  # they talk so long
    try:
        await pbx.ami.action(
            "BlindTransfer", (), Channel=block["DestChannel"], Exten=sipp_load.AFTERWARDS, Context="from-internal"
        )
    except AmiRefused:
        return False
    return True


@contextlib.asynccontextmanager
async def tracker_only(pbx: Pbx, folder: Path) -> AsyncIterator[Records]:
    """No product: what a plain recorder heard, through codec and tracker."""
    recorder = await Recorder.start(folder / "load.ami", pbx.ports.ami, "callweave", pbx.secret)

    async def read() -> list[dict[str, Any]]:
        await recorder.quiet()
        await recorder.stop()
        return interactions([recorder.path.read_bytes()], PROFILE)[0]

    yield read


@contextlib.asynccontextmanager
async def product(pbx: Pbx, folder: Path) -> AsyncIterator[Records]:
    """The whole program as a process of its own, ten agents at their consoles; its log is read by REST."""
    place = await site.make(
        folder, agents=10, customers=1_000, wrap_up_seconds=WRAP_UP_SECONDS, queues=(sipp_load.QUEUE,), first=1
    )
    config = site.write_config(
        place, ami_port=pbx.ports.ami, username="callweave", secret=pbx.secret, devices="PJSIP/10??"
    )
    async with child.Child.product(config) as process:
        rest = Rest(process.port, place.tokens[site.ADMIN])
        consoles = await _agents(process.port, place)

        async def read() -> list[dict[str, Any]]:
            async with asyncio.timeout(20):
                while await rest.metric("interactions_open"):  # noqa: ASYNC110 (it must be asked)
                    await asyncio.sleep(0.1)
            return await rest.interactions()

        try:
            yield read
        finally:
            for console in consoles:
                console.close()
            problems = [line for line in process.output().splitlines() if "ERROR" in line or "Traceback" in line]
            print(*problems, sep="\n", end="\n" if problems else "")


async def _agents(port: int, place: site.Site) -> list[Console]:
    """All agents sign in and are ready."""
    tokens = {name: token for name, token in place.tokens.items() if name in place.agents}
    consoles = await connect(port, tokens, lambda agent, name, body, at: None)
    for one in consoles:
        one.send("set_state", {"id": f"ready-{one.agent}", "state": "READY"})
    await asyncio.sleep(1)
    return consoles


async def reconcile(
    count: int = CALLS, rate: float = RATE, subject: Callable[[Pbx, Path], Any] = product
) -> dict[str, Any]:
    """Run the load against the subject; return counts, how many durations are equal, and the differences."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="callweave-bench-") as name:
        folder = Path(name)
        async with sipp_load.LoadPbx() as pbx, subject(pbx, folder) as records:
            await load(pbx, folder, count, rate)
            ours = await records()
            queued = witnesses.queue_log("\n".join("|".join(line) for line in pbx.queue_log()))
            written = witnesses.call_records(pbx.cdr(), ["PJSIP/pstn"])
    result = witnesses.compare(ours, queued, written)
    outcomes = [call.result for calls in queued.values() for call in calls]
    return {
        "subject": subject.__name__,
        "calls": count,
        "rate": rate,
        "in_queue_log": len(queued),
        "in_cdr": len(written),
        "in_our_log": len(ours),
        "answered": outcomes.count("answered"),
        "abandoned": outcomes.count("abandoned"),
        "transferred": sum(call.transferred for calls in queued.values() for call in calls),
        "compared": dict(result.compared),
        "equal_to_the_second": dict(result.equal),
        "differences": [vars(one) for one in result.differences],
        "seconds": time.monotonic() - began,
    }


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    lines = [
        f"real Asterisk, {result['calls']} calls at {result['rate']:g}/s through a queue of ten, {result['subject']}:",
        f"  queue_log {result['in_queue_log']}, CDR {result['in_cdr']}, our log {result['in_our_log']}; "
        f"answered {result['answered']}, abandoned {result['abandoned']}, transferred {result['transferred']}",
        f"  {'compared':<30}{'times':>6}{'equal to the second':>22}",
    ]
    for key, times in result["compared"].items():
        lines.append(f"  {key:<30}{times:>6}{result['equal_to_the_second'].get(key, ''):>22}")
    lines.append(f"  differences: {len(result['differences'])}")
    lines += [
        f"    {one['unique_id']:<20}{one['witness']} {one['what']}: {one['theirs']!r}, ours {one['ours']!r}"
        for one in result["differences"]
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the table; exit 1 when it has a difference."""
    result = asyncio.run(reconcile(int(sys.argv[1]) if sys.argv[1:] else CALLS))
    print(table(result))
    raise SystemExit(bool(result["differences"]))


if __name__ == "__main__":
    main()
