"""Engine.IO and Socket.IO as their authors' conformance suites want them, where python-engineio and python-socketio
differ: what a session says of itself, what a wrong request is answered, how a poll ends when its session does.

``tests/protocol/test_conformance.py`` asks for each. Where a later version does it by itself, the override goes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

import engineio
import socketio
from engineio.async_socket import AsyncSocket
from engineio.exceptions import EngineIOError, UnknownPacketError
from engineio.packet import CLOSE, NOOP, OPEN, Packet

LOG = logging.getLogger(__name__)
METHODS: Final = frozenset({"GET", "POST", "OPTIONS"})


class BookSocket(AsyncSocket):  # type: ignore[misc]
    """One session."""

    async def send(self, pkt: Packet) -> None:
        """The greeting tells the interval in milliseconds, not rounded down to seconds."""
        if pkt.packet_type == OPEN:
            pkt.data["pingInterval"] = round(self.server.ping_interval * 1000)
        await super().send(pkt)

    async def receive(self, pkt: Packet) -> None:
        """When the client closes its session, a poll that waits is answered, and a WebSocket is closed at once."""
        if pkt.packet_type == CLOSE and not self.upgraded:
            self.queue.put_nowait(Packet(NOOP))
        await super().receive(pkt)
        if pkt.packet_type == CLOSE:
            self.queue.put_nowait(None)

    async def poll(self) -> list[Packet]:
        """A packet that shall end a poll is for a poll: where none came during the upgrade, it goes nowhere."""
        while True:
            packets: list[Packet] = await super().poll()
            if not self.upgraded or not packets:
                return packets
            kept = [one for one in packets if one.packet_type != NOOP]
            if kept:
                return kept

    async def _websocket_handler(self, ws: Any) -> Any:
        """An upgrade that came to nothing is over: polls wait again, and another one may be tried."""
        try:
            return await super()._websocket_handler(ws)
        finally:
            self.upgrading = False

    async def handle_get_request(self, environ: dict[str, Any]) -> Any:
        """Two polls at once, and silence, end the session; the poll during an upgrade takes the packet that ends it."""
        await self._alive()
        if self.upgrading or "upgrade" in environ.get("HTTP_CONNECTION", "").lower():
            if self.upgrading:
                self._take_noop()
            return await super().handle_get_request(environ)
        if getattr(self, "polling", False):
            self.queue.put_nowait(Packet(CLOSE))  # the first poll is told
            await self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
            raise EngineIOError("two polls at once")
        self.polling = True
        try:
            return await super().handle_get_request(environ)
        finally:
            self.polling = False

    async def handle_post_request(self, environ: dict[str, Any]) -> None:
        """What is no payload ends the session."""
        await self._alive()
        try:
            await super().handle_post_request(environ)
        except (ValueError, IndexError) as error:
            await self.close(wait=False, abort=True, reason=self.server.reason.TRANSPORT_ERROR)
            raise UnknownPacketError from error

    async def _alive(self) -> None:
        if self.closed or not await self.check_ping_timeout():
            raise EngineIOError("the session is over")

    def _take_noop(self) -> None:
        waiting = [self.queue.get_nowait() for _ in range(self.queue.qsize())]
        noop = next((one for one in waiting if one is not None and one.packet_type == NOOP), None)
        for one in waiting:
            self.queue.task_done()
            if one is not noop or one is None:
                self.queue.put_nowait(one)


class _Sessions(dict[str, Any]):
    """engine.io asks nobody which class its sessions shall have."""

    def __setitem__(self, sid: str, session: Any) -> None:
        if type(session) is AsyncSocket:
            session.__class__ = BookSocket
        super().__setitem__(sid, session)


class BookEngine(engineio.AsyncServer):  # type: ignore[misc]
    """The engine below a Socket.IO server."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.sockets = _Sessions()

    async def handle_request(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        """The transport must be named; a method that is none of the protocol's is a wrong request; a second WebSocket
        of one session is opened and closed."""
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if "transport" not in query or scope.get("method", "GET") not in METHODS:
            return await _refuse(scope, send)
        sid = session_of(scope)
        if scope["type"] == "websocket" and sid is not None and sid in self.sockets and not self.may_upgrade(sid):
            await receive()
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.close"})
            return None
        return await super().handle_request(scope, receive, send)

    def may_upgrade(self, sid: str) -> bool:
        """Whether this session is there and has no WebSocket yet."""
        session = self.sockets.get(sid)
        return session is not None and not session.upgraded and not session.upgrading

    def _ok(self, packets: Any = None, headers: Any = None, jsonp_index: Any = None) -> dict[str, Any]:
        found: dict[str, Any] = super()._ok(packets, headers, jsonp_index)
        return found if packets is not None else found | {"response": b"ok"}


def session_of(scope: Mapping[str, Any]) -> str | None:
    """The session that a request names."""
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    return query["sid"][0] if "sid" in query else None


async def _refuse(scope: dict[str, Any], send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": b'"Bad Request"'})


class BookServer(socketio.AsyncServer):  # type: ignore[misc]
    """What our servers have in common."""

    def _engineio_server_class(self) -> type[BookEngine]:
        return BookEngine

    async def _handle_eio_message(self, eio_sid: str, data: Any) -> None:
        """A packet that cannot be read ends the connection."""
        try:
            await super()._handle_eio_message(eio_sid, data)
        except Exception:
            LOG.debug("a packet could not be read", exc_info=True)
            await self._unreadable(eio_sid, data)

    async def _unreadable(self, eio_sid: str, data: Any) -> None:
        """What follows: the end, unless a server is patient."""
        session = self.eio.sockets.get(eio_sid)
        if session is not None:
            await session.close(wait=False, abort=True)
            session.queue.put_nowait(None)  # the writer closes the WebSocket

    async def _handle_connect(self, eio_sid: str, namespace: str | None, data: Any) -> None:
        """An unknown namespace is named as such."""
        asked = namespace or "/"
        if self.namespaces == "*" or asked in self.namespaces or asked in self.handlers:
            await super()._handle_connect(eio_sid, namespace, data)
            return
        error = {"message": "Invalid namespace"}
        await self._send_packet(
            eio_sid, self.packet_class(socketio.packet.CONNECT_ERROR, data=error, namespace=namespace)
        )
