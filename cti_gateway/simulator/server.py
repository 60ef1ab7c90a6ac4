"""The simulated PBX on a TCP port. Only loopback: it has no other protection than a password that everybody knows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import cast

from cti_gateway.simulator.answers import Answers
from cti_gateway.simulator.clock import Clock, LoopClock
from cti_gateway.simulator.conversation import Conversation, block
from cti_gateway.simulator.outbound_call import OutboundCall
from cti_gateway.simulator.parts import Headers, Member, Queue
from cti_gateway.simulator.pbx import Pbx

USERNAME = "callweave"
SECRET = "simulator"  # noqa: S105 (not a secret: the server listens on loopback, for the demo)

DEMO_LINES = {"PJSIP/1001": "Anna", "PJSIP/1002": "Ben", "PJSIP/1003": "Chen"}
"""The demo's telephones; the first two are members of the queue."""


def demo_queues() -> list[Queue]:
    """The demo's one queue."""
    members = [Member("PJSIP/1001", "Anna", dynamic=True), Member("PJSIP/1002", "Ben", dynamic=True)]
    return [Queue("support", "800", members, ring_seconds=20.0)]


class Simulator:
    """The PBX and those who are connected to it."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        queues: Sequence[Queue] | None = None,
        lines: dict[str, str] | None = None,
        customer: Callable[[OutboundCall], None] | None = None,
    ) -> None:
        self.clock = clock or LoopClock()
        self.rng = rng or random.Random()  # noqa: S311 (chance for a demo)
        self.conversations: list[Conversation] = []
        self.pbx = Pbx(
            self._emit, self.clock, self.rng, demo_queues() if queues is None else queues, lines or dict(DEMO_LINES)
        )
        self.answers = Answers(self.pbx, customer)

    def _emit(self, name: str, kind: str, lines: Headers) -> None:
        if not self.conversations:
            return
        stamp = f"{self.clock.now():.6f}"
        data = block([("Event", name), ("Privilege", f"{kind},all"), ("Timestamp", stamp), *lines])
        for one in self.conversations:
            one.event(kind, data)

    def broadcast(self, data: bytes, kind: str = "call") -> None:
        """Send bytes to everybody who wants this class (a flood, a recorded stream)."""
        for one in self.conversations:
            one.event(kind, data)

    def converse(self, send: Callable[[bytes], None]) -> Conversation:
        """A client came."""
        challenge = str(self.rng.randrange(10**8, 10**9))
        made = Conversation(send, self.answers, username=USERNAME, secret=SECRET, challenge=challenge)
        self.conversations.append(made)
        return made

    def forget(self, conversation: Conversation) -> None:
        """A client went."""
        if conversation in self.conversations:
            self.conversations.remove(conversation)

    @property
    def is_watched(self) -> bool:
        """Whether somebody is logged in who wants events."""
        return any(one.classes for one in self.conversations)


class _Connection(asyncio.Protocol):
    def __init__(self, server: SimulatorServer) -> None:
        self._server = server
        self._conversation: Conversation | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class
        self._server.transports.add(self._transport)
        self._conversation = self._server.simulator.converse(self._send)

    def _send(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if transport.get_write_buffer_size() > self._server.buffer_limit:
            # A real one closes on a reader that does not keep up (writetimeout).
            self._server.dropped += 1
            transport.abort()

    def data_received(self, data: bytes) -> None:
        assert self._conversation is not None
        self._conversation.receive(data)
        if self._conversation.closed and self._transport is not None:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if self._transport is not None:
            self._server.transports.discard(self._transport)
        if self._conversation is not None:
            self._server.simulator.forget(self._conversation)


class SimulatorServer:
    """Listens for clients. `dropped` counts clients that were too slow; `buffer_limit` is in bytes."""

    def __init__(self, simulator: Simulator, *, buffer_limit: int = 256 * 1024 * 1024) -> None:
        self.simulator = simulator
        self.buffer_limit = buffer_limit
        self.dropped = 0
        self.transports: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; returns the port (a free one for 0)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), host, port)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        """Close all connections and the port."""
        if self._server is not None:
            self._server.close()
            for one in list(self.transports):
                one.abort()
            await self._server.wait_closed()
            self._server = None
