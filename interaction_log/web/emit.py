"""The way of a message to a console: written at once while nothing waits before it, else one packet on its queue.

``AsyncServer.emit`` makes a task per recipient and encodes what is encoded already; in a broadcast to 1,000
consoles that is 63 % of the CPU (the measurement is in ADR 3). Through the queue a message waits for the writer's
task to be woken, which comes after all else that the loop has to do (ADR 9). This module is the only one that touches
engine.io's inner parts: ``eio.sockets``, and ``queue``, ``poll``, ``closed`` of a socket. Where a later version lacks
them, :func:`emitter_for` gives ``PlainEmitter``, which calls ``emit`` of python-socketio one after another.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

from engineio.packet import MESSAGE, Packet

LOG = logging.getLogger(__name__)
WriteText = Callable[[str], bool]
"""Writes a text frame to the socket, or refuses (``False``) because the connection is closing or reads too slowly."""
QUEUE_LIMIT = 500  # the writer task holds at most as many again, so a console lags by at most 1,000


class Sent(Enum):
    """What became of a message."""

    QUEUED = 1
    FULL = 2
    GONE = 3


class Emitter(Protocol):
    """Sends one Socket.IO event to one console, in order and without waiting."""

    def send(self, sid: str, eio_sid: str, namespace: str, name: str, payload: str, replay: bool = False) -> Sent:
        """``payload`` is JSON text. A ``replay`` (bounded by what a feed keeps) may exceed the limit."""
        ...


class QueueEmitter:
    """The fast path. Order is the queue's; nothing is dropped silently: a full queue is told."""

    def __init__(self, sio: Any, limit: int = QUEUE_LIMIT):
        self._sockets: dict[str, Any] = sio.eio.sockets
        self._limit = limit

    def send(self, sid: str, eio_sid: str, namespace: str, name: str, payload: str, replay: bool = False) -> Sent:
        """See :class:`Emitter`."""
        socket = self._sockets.get(eio_sid)
        if socket is None or socket.closed or socket.closing:
            return Sent.GONE
        if socket.queue.qsize() >= self._limit and not replay:
            return Sent.FULL
        packet = Packet(MESSAGE, f'2{namespace},["{name}",{payload}]')
        line = getattr(socket, "line", None)  # long polling has none
        if line is None or not line.write(packet):
            socket.queue.put_nowait(packet)
        return Sent.QUEUED


class PlainEmitter:
    """The way that python-socketio documents, in order, through one task; ``limit`` counts for all together."""

    def __init__(self, sio: Any, limit: int = 100_000):
        self._sio = sio
        self._backlog: asyncio.Queue[tuple[str, str, str, str]] = asyncio.Queue(limit)
        self._task: asyncio.Task[None] | None = None

    def send(self, sid: str, eio_sid: str, namespace: str, name: str, payload: str, replay: bool = False) -> Sent:
        """See :class:`Emitter`."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._drain())
        try:
            self._backlog.put_nowait((sid, namespace, name, payload))
        except asyncio.QueueFull:
            return Sent.FULL
        return Sent.QUEUED

    async def _drain(self) -> None:
        while True:
            sid, namespace, name, payload = await self._backlog.get()
            try:
                await self._sio.emit(name, json.loads(payload), to=sid, namespace=namespace)
            except Exception:
                LOG.exception("a message to a console was lost")

    async def close(self) -> None:
        """Stop the task."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task


def emitter_for(sio: Any, limit: int = QUEUE_LIMIT) -> Emitter:
    """The fast path where this version of engine.io has what it needs, else the documented one."""
    if isinstance(getattr(getattr(sio, "eio", None), "sockets", None), dict):
        return QueueEmitter(sio, limit)
    LOG.warning("engine.io's queues were not found: consoles are served the slow way")
    return PlainEmitter(sio)


class Line:
    """The end of one console's queue: what engine.io's writer takes from it, and the way past it.

    A message may go past the queue only while the writer waits for one: then all before it have been written.
    """

    def __init__(self, queue: Any, write_text: WriteText | None) -> None:
        self._queue, self._write_text = queue, write_text
        self._idle = False

    def write(self, packet: Packet) -> bool:
        """Write it now; ``False``: it must wait in the queue."""
        if not self._idle or self._write_text is None or not self._queue.empty():
            return False
        return self._write_text(packet.encode())

    async def poll(self) -> list[Any]:
        """engine.io's ``AsyncSocket.poll`` without its time-out, which makes a task per message before Python 3.12.

        The time-out is not missed: pings and engine.io's own watch end a dead connection, and ``None`` ends the writer.
        """
        queue, self._idle = self._queue, True
        first = await queue.get()
        self._idle = False
        queue.task_done()
        if first is None:
            return []
        packets = [first]
        while not queue.empty():
            packet = queue.get_nowait()
            queue.task_done()
            if packet is None:
                queue.put_nowait(None)
                break
            packets.append(packet)
        return packets


def make_patient(socket: Any, write_text: WriteText | None = None) -> None:
    """Let this engine.io connection wait for its packets without a task for each, and, with ``write_text``, send them
    past its queue while that is empty."""
    socket.line = Line(socket.queue, write_text)
    socket.poll = socket.line.poll
