"""Many visitors in one process: a Socket.IO client that is a socket and little more, for load and for bad networks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import struct
from collections.abc import Callable
from typing import Any, Final, Protocol

import aiohttp

NAMESPACE: Final = "/chat"
PATH: Final = "/chat/socket.io/?EIO=4&transport="
SEPARATOR: Final = "\x1e"


class Ears(Protocol):
    """Who hears what a line says: ``event(name, body)``, ``ack(id, body)``, ``opened()``, ``closed(why)``."""

    def opened(self) -> None:
        """Signed in."""
        ...

    def event(self, name: str, body: Any) -> None:
        """The server told something."""
        ...

    def ack(self, id: int, body: Any) -> None:
        """The server answered."""
        ...

    def closed(self, why: Any) -> None:
        """It is over; told once."""
        ...


class Wire:
    """Packets of Engine.IO and Socket.IO, whatever carries them."""

    def __init__(self, ears: Ears, auth: Callable[[], dict[str, Any]]):
        self._ears, self._auth = ears, auth
        self.over = False
        self._id = 0

    def write(self, packet: str) -> None:
        """Send one packet of Engine.IO."""
        raise NotImplementedError

    def close(self) -> None:
        """Hang up."""
        raise NotImplementedError

    def ask(self, name: str, body: Any) -> int:
        """Send a command; the number under which it is answered."""
        self._id += 1
        self.write(f"42{NAMESPACE},{self._id}{json.dumps([name, body], separators=(',', ':'))}")
        return self._id

    def take(self, packet: str) -> None:
        """One packet came."""
        if packet == "2":
            self.write("3")
        elif packet.startswith("42"):
            name, body = json.loads(packet[packet.index("[") :])
            self._ears.event(name, body)
        elif packet.startswith("43"):
            start = packet.index("[")
            self._ears.ack(int(packet[packet.index(",") + 1 : start]), json.loads(packet[start:])[0])
        elif packet.startswith("0"):
            self.write(f"40{NAMESPACE},{json.dumps(self._auth())}")
        elif packet.startswith("40"):
            self._ears.opened()
        elif packet.startswith(("41", "44", "1")):
            self.end(packet)

    def end(self, why: Any) -> None:
        """It is over."""
        if not self.over:
            self.over = True
            self.close()
            self._ears.closed(why)


class WebSocketWire(asyncio.Protocol, Wire):
    """A WebSocket (RFC 6455) without a library: thousands of them fit into a process. ``headers``: of the handshake."""

    def __init__(self, ears: Ears, auth: Callable[[], dict[str, Any]], host: str, headers: dict[str, str]):
        Wire.__init__(self, ears, auth)
        self._host, self._headers = host, headers
        self._buffer = b""
        self._shaken = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {PATH}websocket HTTP/1.1", f"Host: {self._host}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *(f"{k}: {v}" for k, v in self._headers.items()),
        ]  # fmt: skip
        transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._shaken:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.end(head[:100])
                return
            self._shaken, self._buffer = True, rest
        while not self.over and self._frame():
            pass

    def _frame(self) -> bool:
        data = self._buffer
        if len(data) < 2:
            return False
        size, at = data[1] & 0x7F, 2
        if size == 126:
            if len(data) < 4:
                return False
            size, at = struct.unpack(">H", data[2:4])[0], 4
        elif size == 127:
            if len(data) < 10:
                return False
            size, at = struct.unpack(">Q", data[2:10])[0], 10
        if len(data) < at + size:
            return False
        content, self._buffer = data[at : at + size], data[at + size :]
        opcode = data[0] & 0x0F
        if opcode == 1:
            self.take(content.decode())
        elif opcode == 8:
            self.end("closed")
        return True

    def write(self, packet: str) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        content = packet.encode()
        size = len(content)
        head = b"\x81" + (bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size))
        self._transport.write(head + b"\0\0\0\0" + content)  # masked with zeros, which changes nothing

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end("lost")


async def open_websocket(
    ears: Ears, auth: Callable[[], dict[str, Any]], port: int, headers: dict[str, str]
) -> WebSocketWire:
    """Connect; ``opened`` follows. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    _, wire = await loop.create_connection(
        lambda: WebSocketWire(ears, auth, f"127.0.0.1:{port}", headers), "127.0.0.1", port
    )
    return wire


class PollingWire(Wire):
    """Long polling: one GET that waits, and a POST for what is to be said, in order."""

    def __init__(
        self,
        ears: Ears,
        auth: Callable[[], dict[str, Any]],
        http: aiohttp.ClientSession,
        base: str,
        headers: dict[str, str],
    ):
        Wire.__init__(self, ears, auth)
        self._http, self._url, self._headers = http, f"{base}{PATH}polling", headers
        self._out: asyncio.Queue[str] = asyncio.Queue()
        self._tasks = [asyncio.ensure_future(self._run())]

    async def _run(self) -> None:
        why: Any = "lost"
        try:
            while not self.over:
                async with self._http.get(self._url, headers=self._headers) as answer:
                    text = await answer.text()
                    if answer.status != 200:
                        raise OSError(text[:100])
                for packet in text.split(SEPARATOR):
                    if packet.startswith("0") and "sid=" not in self._url:
                        self._url += f"&sid={json.loads(packet[1:])['sid']}"
                        self._tasks.append(asyncio.ensure_future(self._post()))
                    if packet != "6":
                        self.take(packet)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            why = repr(error)
        self.end(why)

    async def _post(self) -> None:
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            while not self.over:
                packets = [await self._out.get()]
                while not self._out.empty() and len(packets) < 16:
                    packets.append(self._out.get_nowait())
                async with self._http.post(
                    self._url, data=SEPARATOR.join(packets).encode(), headers=self._headers
                ) as answer:
                    if answer.status != 200:
                        break
        self.end("the post failed")

    def write(self, packet: str) -> None:
        self._out.put_nowait(packet)

    def close(self) -> None:
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
