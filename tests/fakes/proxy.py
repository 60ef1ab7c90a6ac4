"""A bad network between two ends: slow, dripping, silent, cut. Only towards the client, unless said."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct


class Proxy:
    """Listens on a free port of 127.0.0.1 and passes on to `port`. Its attributes may change at any time."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.latency = 0.0
        """Seconds by which all that comes is late."""
        self.drip: tuple[int, float] | None = None
        """Pieces of so many bytes, and the seconds between them."""
        self.blackhole = False
        """Swallow all bytes both ways and keep the connections open: a half-open link."""
        self.refuse = False
        """Break each new connection at once."""
        self.cut_after: int | None = None
        """Break the next connection after so many bytes, with a reset; then None again."""
        self.passed = 0
        """Bytes passed to clients, over all connections."""
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reset(self) -> None:
        """Break all connections with a reset."""
        for writer in list(self._writers):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        if self.refuse:
            _reset(writer)
            self._tasks.discard(task)
            return
        cut, self.cut_after = self.cut_after, None
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _reset(writer)
            self._tasks.discard(task)
            return
        self._writers |= {writer, far_writer}
        up = asyncio.ensure_future(self._up(reader, far_writer))
        down = asyncio.ensure_future(self._down(far_reader, writer, cut))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass
        finally:
            for one in (up, down):
                one.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            for one_writer in (writer, far_writer):
                self._writers.discard(one_writer)
                with contextlib.suppress(Exception):
                    one_writer.close()
            self._tasks.discard(task)

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if not self.blackhole:
                    writer.write(data)
                    await writer.drain()

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: int | None) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if self.latency:
                    await asyncio.sleep(self.latency)
                if self.blackhole:
                    continue
                if cut is not None and len(data) >= cut:
                    await self._write(writer, data[:cut])
                    _reset(writer)
                    return
                cut = None if cut is None else cut - len(data)
                await self._write(writer, data)

    async def _write(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        self.passed += len(data)
        if self.drip is None:
            writer.write(data)
            await writer.drain()
            return
        size, pause = self.drip
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            await asyncio.sleep(pause)


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):  # no socket: it is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
