"""20,000 events in two seconds, from a PBX that is as impatient as a real one.

The PBX here drops a reader when bytes that it wrote have not gone out after 100 ms (Asterisk's default
``writetimeout``). The product is a process of its own with its database, log and web server. Nothing may be lost:
what its REST says of every call is compared with what the tracker makes of the same bytes. Memory is the process's
resident set before, at its peak, and some seconds after, twice: the second flood shows whether the first left anything.

``python -m bench.flood [EVENTS]`` prints the table.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any, Final

import uvloop

from bench import child, site, traffic
from bench.codec import BANNER
from bench.rest import Rest
from bench.whole import PROFILE
from cti_gateway.ami.codec import NOISE, Codec
from cti_gateway.calls import CallTracker
from cti_gateway.simulator.parts import Member, Queue
from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer

EVENTS: Final = 20_000
SECONDS: Final = 2.0
WRITE_TIMEOUT: Final = 0.1
STEP_SECONDS: Final = 0.005
REST_SECONDS: Final = 8.0
WITHIN_SECONDS: Final = 60.0


class Impatient:
    """Writes to one reader as Asterisk does; ``dropped`` when bytes waited longer than the write timeout."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._written = 0
        self._waiting: deque[tuple[int, float]] = deque()
        self.dropped = False
        self.longest_wait = 0.0

    def write(self, data: bytes) -> None:
        """Send, or give the reader up."""
        if self.dropped or self._transport.is_closing():
            self.dropped = True
            return
        self._transport.write(data)
        self._written += len(data)
        self._waiting.append((self._written, time.monotonic()))
        self.look()

    def look(self) -> None:
        """Whether it took what it should have taken by now."""
        gone = self._written - self._transport.get_write_buffer_size()
        now = time.monotonic()
        while self._waiting and self._waiting[0][0] <= gone:
            self.longest_wait = max(self.longest_wait, now - self._waiting.popleft()[1])
        if self._waiting and now - self._waiting[0][1] > WRITE_TIMEOUT:
            self.longest_wait = max(self.longest_wait, now - self._waiting[0][1])
            self.dropped = True
            self._transport.abort()

    @property
    def idle(self) -> bool:
        """Whether everything has gone out."""
        return not self._waiting


def expected_of(stream: bytes) -> dict[str, str | None]:
    """Outcome of every call of the stream, by its first Uniqueid, as the tracker alone has it."""
    codec, tracker = Codec(), CallTracker(PROFILE)
    codec.feed(BANNER)
    for chunk in traffic.chunks(stream):
        for message in codec.feed(chunk):
            tracker.feed(message, None)
    tracker.flush()
    return {one.unique_ids[0]: one.outcome for one in tracker.interactions.values()}


async def flood(server: SimulatorServer, blocks: list[bytes], seconds: float) -> tuple[Impatient, float]:
    """Write all blocks within the seconds to the connection that wants events; return it and the time it took."""
    transport = await _event_connection(server)
    writer = Impatient(transport)
    begin = time.monotonic()
    sent = 0
    while sent < len(blocks) and not writer.dropped:
        due = min(len(blocks), int((time.monotonic() - begin) / seconds * len(blocks)) + 1)
        if due > sent:
            writer.write(b"".join(blocks[sent:due]))
            sent = due
        await asyncio.sleep(STEP_SECONDS)
        writer.look()
    took = time.monotonic() - begin
    while not writer.idle and not writer.dropped:
        await asyncio.sleep(STEP_SECONDS)
        writer.look()
    return writer, took


async def _event_connection(server: SimulatorServer) -> asyncio.Transport:
    """The product's connection with the events (the other one is for actions)."""
    async with asyncio.timeout(20):
        while True:
            for transport in server.transports:
                talk = transport.get_protocol()._conversation  # type: ignore[attr-defined]
                if talk is not None and talk.classes:
                    return transport
            await asyncio.sleep(0.02)


async def run(events: int = EVENTS, seconds: float = SECONDS) -> dict[str, Any]:
    """Flood the product twice."""
    mine, others = child.cores()
    child.pin(os.getpid(), others)
    with tempfile.TemporaryDirectory(prefix="callweave-bench-") as name:
        return await _run(Path(name), mine, events, seconds)


async def _run(folder: Path, core: set[int], events: int, seconds: float) -> dict[str, Any]:
    stream, found = traffic.stream_of(2 * events)
    blocks = traffic.blocks_of(stream)
    place = await site.make(folder, agents=10, customers=10_000, wrap_up_seconds=1, queues=("support",))
    await asyncio.to_thread(site.index, place.url)
    phones = [site.device(number) for number in range(1, 11)]
    queue = Queue("support", "800", [Member(phone, phone) for phone in phones])
    simulator = Simulator(queues=[queue], lines={phone: phone for phone in phones})
    server = SimulatorServer(simulator)
    config = site.write_config(place, ami_port=await server.start(), username=USERNAME, secret=SECRET)
    async with child.Child.product(config, core=core) as product:
        rest = Rest(product.port, place.tokens[site.ADMIN])
        async with asyncio.timeout(WITHIN_SECONDS):
            # Not earlier: this PBX lists none of the flood's channels, so a resynchronisation would close them.
            while not await rest.metric("pbx_up"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        await product.calm()
        memory = {"before": product.rss_megabytes()}
        floods = []
        for half in (blocks[: found // 2], blocks[found // 2 :]):
            floods.append(await _one(product, rest, server, half, seconds))
            memory[f"peak {len(floods)}"] = floods[-1].pop("peak_mb")
            await asyncio.sleep(REST_SECONDS)
            memory[f"after {len(floods)}"] = product.rss_megabytes()
        ours = await rest.interactions()
        gaps = await rest.metric("ami_gaps_total")
        problems = [line for line in product.output().splitlines() if "ERROR" in line or "Traceback" in line]
    await server.stop()
    return {"events": found, "floods": floods, "memory_mb": memory, "gaps": gaps, "problems": problems[:5]} | _lost(
        stream, ours
    )


async def _one(
    product: child.Child, rest: Rest, server: SimulatorServer, blocks: list[bytes], seconds: float
) -> dict[str, Any]:
    """One flood: how long, how fast it was digested, the peak of memory."""
    before, cpu = await rest.metric("ami_messages_total"), product.cpu_seconds()
    peak = [product.rss_megabytes()]
    done = asyncio.Event()

    async def watch() -> None:
        while not done.is_set():
            peak[0] = max(peak[0], product.rss_megabytes())
            await asyncio.sleep(0.02)

    watching = asyncio.ensure_future(watch())
    began = time.monotonic()
    writer, took = await flood(server, blocks, seconds)
    wanted = sum(not _is_noise(block) for block in blocks)
    async with asyncio.timeout(WITHIN_SECONDS):
        while not writer.dropped and await rest.metric("ami_messages_total") - before < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    digested = time.monotonic() - began
    done.set()
    await watching
    return {
        "events": len(blocks),
        "sent_in": took,
        "digested_in": digested,
        "dropped": writer.dropped,
        "longest_wait_ms": writer.longest_wait * 1e3,
        "cpu_us_per_event": (product.cpu_seconds() - cpu) / len(blocks) * 1e6,
        "peak_mb": peak[0],
    }


def _is_noise(block: bytes) -> bool:
    return block[7 : block.find(b"\r\n")].decode() in NOISE


def _lost(stream: bytes, ours: list[dict[str, Any]]) -> dict[str, Any]:
    expected = expected_of(stream)
    have: dict[str, list[str | None]] = {}
    for item in ours:
        have.setdefault(item["unique_ids"][0], []).append(item["outcome"])
    wrong = {one: (outcome, have.get(one)) for one, outcome in expected.items() if have.get(one) != [outcome]}
    return {"calls": len(expected), "in_our_log": len(ours), "wrong": dict(list(wrong.items())[:10])}


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    lines = [f"{'':<9}{'events':>8}{'sent in':>9}{'digested':>10}{'CPU µs':>8}{'longest wait':>14}  dropped"]
    for number, one in enumerate(result["floods"], 1):
        lines.append(
            f"flood {number:<3}{one['events']:>8}{one['sent_in']:>8.2f}s{one['digested_in']:>9.2f}s"
            f"{one['cpu_us_per_event']:>8.1f}{one['longest_wait_ms']:>11.1f} ms  {'yes' if one['dropped'] else 'no'}"
        )
    memory = ", ".join(f"{key} {value:.0f}" for key, value in result["memory_mb"].items())
    lines.append(f"memory MB: {memory}; links lost {result['gaps']:g}")
    lines.append(f"calls {result['calls']}, in our log {result['in_our_log']}, wrong {len(result['wrong'])}")
    lines += [f"  {one}: expected and found {both}" for one, both in result["wrong"].items()]
    lines += [f"  {line}" for line in result["problems"]]
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    print(table(uvloop.run(run(int(sys.argv[1]) if sys.argv[1:] else EVENTS))))


if __name__ == "__main__":
    main()
