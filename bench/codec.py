"""Reading the manager interface: our codec beside pyst2, asterisk-ami and panoramisk, on the same recorded bytes.

Each client runs in a process of its own, signs in to a server on loopback that replays recorded calls, and calls back
for each event; what is counted is the CPU time of that process from the first event to the last. The peers hand out a
parsed event, because that is all they can; ours are shown in three ways, so that nobody compares unlike things:

- ``callweave``: as it runs: events that no part reads are counted and dropped, the others are not parsed until asked;
- ``callweave, all handed out``: nothing dropped, nothing parsed but the name;
- ``callweave, all parsed``: nothing dropped, every header of every event taken apart.

``python -m bench.codec [EVENTS]`` prints the table.
"""

# Each client imports what it needs in its own process: two of the peers install a package of the same name.
# ruff: noqa: PLC0415, ASYNC110

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"
EVENTS = 20_000
SLOW_EVENTS = 1_000  # pyst2 reads byte by byte: a millisecond an event
ROUNDS = 3
BANNER = b"Asterisk Call Manager/11.0.0\r\n"
LAST = "BenchEnded"
WITHIN = 120.0

OURS = ("callweave", "callweave, all handed out", "callweave, all parsed")
PEERS = ("asterisk-ami", "panoramisk", "pyst2")


def recordings() -> list[Path]:
    """The recordings with every event class. Not those with smuggled headers: one of them ends panoramisk's link
    (``'list' object has no attribute 'lower'`` at the second ``Event:`` of a block)."""
    return sorted(file for file in GOLDEN.glob("*.full.ami") if not file.name.startswith("injected"))


def recorded_events(files: Iterable[Path], count: int) -> list[bytes]:
    """The first `count` events of the recordings (repeated as often as needed), each with its empty line."""
    blocks: list[bytes] = []
    for file in files:
        blocks += [b for b in file.read_bytes().split(b"\r\n\r\n") if b.startswith(b"Event: ")]
    if not blocks:
        raise SystemExit("no recordings: make them first (tests/golden/*.full.ami)")
    return [blocks[at % len(blocks)] + b"\r\n\r\n" for at in range(count)]


# The server


def _answers(connection: socket.socket) -> None:
    """Sign the client in and answer whatever it asks with success, until it has asked nothing for a moment."""
    connection.sendall(BANNER)
    pending = b""
    signed_in = False
    while not signed_in or pending:
        pending += connection.recv(65_536)
        while b"\r\n\r\n" in pending:
            action, _, pending = pending.partition(b"\r\n\r\n")
            fields = dict(line.split(b": ", 1) for line in action.split(b"\r\n") if b": " in line)
            tag = b"ActionID: " + fields.get(b"ActionID", b"") + b"\r\n" if b"ActionID" in fields else b""
            connection.sendall(b"Response: Success\r\n" + tag + b"Message: Authentication accepted\r\n\r\n")
            signed_in = signed_in or fields.get(b"Action") == b"Login"


def _swallow(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass


def replay(client: str, stream: bytes) -> dict[str, float]:
    """Run one client against the stream; return its report: events, CPU seconds, wall seconds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        command = [sys.executable, "-m", "bench.codec", "--client", client, str(port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
            try:
                server.settimeout(WITHIN)
                connection, _ = server.accept()
                with connection:
                    _answers(connection)
                    assert process.stdout is not None
                    if process.stdout.readline().strip() != "ready":
                        raise RuntimeError(f"{client} did not sign in")
                    threading.Thread(target=_swallow, args=(connection,), daemon=True).start()
                    connection.sendall(stream)
                    report: dict[str, float] = json.loads(process.stdout.readline())
                    connection.shutdown(socket.SHUT_RDWR)
            finally:
                process.kill()
    return report


# The clients, each in its own process


class Count:
    """Counts events and the CPU time from `ready` to the last one."""

    def __init__(self) -> None:
        self.events = 0
        self.done = threading.Event()

    def ready(self) -> None:
        """Tell the server to begin."""
        print("ready", flush=True)
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def event(self, name: str) -> None:
        """Take one event."""
        self.events += 1
        if name == LAST:
            self.finish()

    def finish(self) -> None:
        """Report."""
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        print(json.dumps({"events": self.events, "cpu": cpu, "wall": wall}), flush=True)
        self.done.set()


def run_asterisk_ami(port: int, count: Count) -> None:
    """asterisk-ami: one thread, regular expressions over a growing buffer."""
    from asterisk.ami import AMIClient

    client = AMIClient(address="127.0.0.1", port=port, timeout=WITHIN)
    client.add_event_listener(lambda event, source: count.event(event.name))
    _ = client.login("u", "s").response
    count.ready()
    count.done.wait(WITHIN)


def run_pyst2(port: int, count: Count) -> None:
    """pyst2: three threads and an unbuffered file."""
    import warnings

    warnings.simplefilter("ignore")
    from asterisk.manager import Manager

    manager = Manager()
    manager.connect("127.0.0.1", port)
    manager.login("u", "s")
    manager.register_event("*", lambda event, source: count.event(event.name))
    count.ready()
    count.done.wait(WITHIN)


def run_panoramisk(port: int, count: Count) -> None:
    """panoramisk: an asyncio protocol; on uvloop, as ours."""
    import asyncio

    import uvloop
    from panoramisk import Manager

    async def main() -> None:
        loop = asyncio.get_running_loop()
        manager = Manager(
            loop=loop, host="127.0.0.1", port=port, username="u", secret="s", ping_delay=1000, ping_interval=1000
        )
        manager.register_event("*", lambda source, event: count.event(event.event))
        await manager.connect()
        await manager.authenticated_future
        count.ready()
        while not count.done.is_set():
            await asyncio.sleep(0.05)

    uvloop.run(main())


def run_callweave(port: int, count: Count, variant: str) -> None:
    """Our whole link: Twisted's transport on uvloop, session, codec."""
    import asyncio

    import uvloop

    from cti_gateway.ami.codec import Message

    parse = variant == "callweave, all parsed"

    def take(messages: list[Message], received_at: float) -> None:
        for message in messages:
            if parse:
                message.headers()
            count.events += 1
        if messages[-1].name == LAST:
            count.events += noise()
            count.finish()

    def noise() -> int:
        session = link._session
        return session.codec.noise_dropped if session else 0

    async def main() -> None:
        nonlocal link
        from twisted.internet import asyncioreactor

        asyncioreactor.install(asyncio.get_running_loop())
        from twisted.internet import reactor

        from cti_gateway import service
        from cti_gateway.ami import session

        if variant != "callweave":
            codec = session.Codec
            session.Codec = lambda: codec(drop=())  # type: ignore[assignment,misc]
        settings = service.LinkSettings("bench", "127.0.0.1", port, "u", "s", auth="plain")
        link = service.AmiLink(settings, reactor, on_messages=take)
        link.start()
        while not link.state.up:
            await asyncio.sleep(0.01)
        count.events = 0
        count.ready()
        while not count.done.is_set():
            await asyncio.sleep(0.05)

    link: Any = None
    uvloop.run(main())


CLIENTS: dict[str, Callable[[int, Count], None]] = {
    "asterisk-ami": run_asterisk_ami,
    "panoramisk": run_panoramisk,
    "pyst2": run_pyst2,
}


def codec_alone(stream: bytes, count: int) -> float:
    """CPU microseconds an event of the codec without any socket, best of five."""
    from cti_gateway.ami.codec import Codec

    best = float("inf")
    for _ in range(5):
        codec = Codec()
        codec.feed(BANNER)
        begin = time.process_time()
        for at in range(0, len(stream), 65_536):
            codec.feed(stream[at : at + 65_536])
        best = min(best, time.process_time() - begin)
    return best / count * 1e6


def run(files: Iterable[Path] | None = None, events: int = EVENTS, rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure all clients on the recordings, in interleaved rounds; return microseconds of CPU an event and ratios.

    ``{"bytes_per_event", "codec_alone_us", "us_per_event": {client: µs}, "best_peer", "ratio": {client: times ours}}``
    """
    blocks = recorded_events(files or recordings(), events)
    last = f"Event: {LAST}\r\n\r\n".encode()
    best: dict[str, float] = {}
    for number in range(rounds):
        for client in (*OURS, *PEERS):
            if client == "pyst2" and number:
                continue
            chosen = blocks[:SLOW_EVENTS] if client == "pyst2" else blocks
            report = replay(client, b"".join(chosen) + last)
            if report["events"] != len(chosen) + 1:
                raise RuntimeError(f"{client} saw {report['events']:g} of {len(chosen) + 1} events")
            best[client] = min(best.get(client, float("inf")), report["cpu"] / len(chosen) * 1e6)
    return {
        "events": events,
        "bytes_per_event": sum(map(len, blocks)) / len(blocks),
        "codec_alone_us": codec_alone(b"".join(blocks), events),
        "us_per_event": best,
        "best_peer": min(PEERS, key=best.__getitem__),
        "ratio": {client: best[client] / best["callweave"] for client in best},
    }


def table(result: dict[str, Any]) -> str:
    """The result for people."""
    lines = [
        f"{result['events']} recorded events of {result['bytes_per_event']:.0f} bytes, CPU of the client's process"
    ]
    lines.append(f"{'client':<28}{'µs/event':>10}{'events/s':>12}{'times ours':>12}")
    for client, cost in result["us_per_event"].items():
        lines.append(f"{client:<28}{cost:>10.2f}{1e6 / cost:>12,.0f}{result['ratio'][client]:>12.1f}")
    lines.append(
        f"{'(our codec without socket)':<28}{result['codec_alone_us']:>10.2f}{1e6 / result['codec_alone_us']:>12,.0f}"
    )
    best = result["best_peer"]
    lines.append(f"best peer: {best}, {result['ratio'][best]:.1f} times our cost (promised: 5)")
    return "\n".join(lines)


def main() -> None:
    """Run as a client, or print the table."""
    if sys.argv[1:2] == ["--client"]:
        name, port = sys.argv[2], int(sys.argv[3])
        count = Count()
        if name in OURS:
            run_callweave(port, count, name)
        else:
            CLIENTS[name](port, count)
        return
    print(table(run(events=int(sys.argv[1]) if sys.argv[1:] else EVENTS)))


if __name__ == "__main__":
    main()
