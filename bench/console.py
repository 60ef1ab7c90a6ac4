"""Hundreds of consoles in one process: Socket.IO over a WebSocket, with as little of our own time as can be.

A library client costs more per message than the server under test; this one speaks just enough of the protocol and
notes the time as soon as the bytes are there.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Final

NAMESPACE: Final = "/agent"
_REQUEST: Final = (
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_EVENT: Final = f'42{NAMESPACE},["'

Take = Callable[[str, str, str, float], None]
"""(agent, event name, JSON text of its argument, monotonic seconds at which it came)"""


class Console(asyncio.Protocol):
    """One agent's console. ``ready`` is done when the snapshot is there."""

    def __init__(self, agent: str, token: str, port: int, take: Take) -> None:
        self.agent, self._token, self._port, self._take = agent, token, port, take
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost = False
        self._buffer = b""
        self._open = False
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        self._transport = transport
        self._transport.write(_REQUEST.format(port=self._port).encode())

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        self.lost = True
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(f"{self.agent}: {error or 'closed'}"))

    def data_received(self, data: bytes) -> None:
        """Frames came."""
        at = time.monotonic()
        data = self._buffer + data if self._buffer else data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.ready.set_exception(ConnectionError(head.decode("latin-1")[:200]))
                self._transport.close()
                return
            self._open = True
        self._buffer = self._frames(data, at)

    def _frames(self, data: bytes, at: float) -> bytes:
        """Take whole frames; return the begin of the next one."""
        while len(data) >= 2:
            length, begin = data[1] & 127, 2
            if length == 126:
                if len(data) < 4:
                    break
                length, begin = int.from_bytes(data[2:4], "big"), 4
            elif length == 127:
                if len(data) < 10:
                    break
                length, begin = int.from_bytes(data[2:10], "big"), 10
            if len(data) < begin + length:
                break
            if data[0] & 15 == 1:
                self._text(data[begin : begin + length].decode(), at)
            data = data[begin + length :]
        return data

    def _text(self, text: str, at: float) -> None:
        if text.startswith(_EVENT):
            name, _, rest = text[len(_EVENT) :].partition('",')
            self._take(self.agent, name, rest[:-1], at)
            if name == "snapshot" and not self.ready.done():
                self.ready.set_result(None)
        elif text == "2":
            self._write("3")
        elif text.startswith("0{"):
            self._write(f"40{NAMESPACE},{json.dumps({'token': self._token})}")
        elif text.startswith("44") and not self.ready.done():
            self.ready.set_exception(ConnectionError(text))

    def send(self, name: str, body: dict[str, Any]) -> None:
        """Send an event."""
        self._write(f"42{NAMESPACE},{json.dumps([name, body])}")

    def _write(self, text: str) -> None:
        data = text.encode()
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        # A client must mask; a mask of zeros changes nothing.
        self._transport.write(b"\x81" + size + bytes(4) + data)

    def close(self) -> None:
        """Cut it."""
        if self._transport is not None:
            self._transport.abort()


async def connect(port: int, tokens: dict[str, str], take: Take, *, at_once: int = 20) -> list[Console]:
    """Connect a console for each agent, some at a time; return when all have their snapshot."""
    loop = asyncio.get_running_loop()
    found: list[Console] = []
    for group in _groups(list(tokens.items()), at_once):
        made = [Console(agent, token, port, take) for agent, token in group]
        for console in made:
            await loop.create_connection(lambda one=console: one, "127.0.0.1", port)  # type: ignore[misc]
        async with asyncio.timeout(60):
            await asyncio.gather(*(console.ready for console in made))
        found += made
    return found


def _groups(items: list[tuple[str, str]], size: int) -> Iterable[list[tuple[str, str]]]:
    return (items[at : at + size] for at in range(0, len(items), size))
