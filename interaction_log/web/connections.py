"""What our two Socket.IO servers (agents' consoles, visitors) have in common: what is known of each connection, how it
begins, how its long-polling becomes a WebSocket, how it is closed by us, and how it is forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

import socketio
from engineio.packet import Packet

from interaction_log.web.by_the_book import BookServer, session_of
from interaction_log.web.emit import make_patient
from interaction_log.web.limits import Bucket
from interaction_log.web.strict_json import Codec

LOG = logging.getLogger(__name__)
MAX_PACKET: Final = 64 * 1024
SIGN_IN_SECONDS: Final = 10.0
WRITE: Final = "callweave.write"
"""The scope's way to write a text frame at once: ``emit.WriteText``."""
ABORT: Final = "callweave.abort"
"""The scope's way to cut the connection under a writer that is stuck."""
EIO_SID: Final = "callweave.eio_sid"
AT_ONCE: Final = 8
"""So many messages of one connection are taken before others have their turn."""
TAKEN: Final = frozenset("012")
"""CONNECT, DISCONNECT, EVENT: we ask for no acknowledgements and take no binary data."""


class StrictPacket(socketio.packet.Packet):  # type: ignore[misc]
    """A packet whose JSON is read strictly."""

    json = Codec


@dataclass(slots=True, kw_only=True)
class Peer(ABC):
    """One engine.io connection."""

    scope: dict[str, Any]
    bucket: Bucket
    abort: Callable[[], None] | None = None

    @property
    @abstractmethod
    def signed_in(self) -> bool:
        """Whether somebody signed in on it."""

    @abstractmethod
    def end(self) -> None:
        """Nothing more is taken from it."""


P = TypeVar("P", bound=Peer)


class PeerServer(BookServer, ABC, Generic[P]):
    """A server that knows its connections. ``quiet``: where python-socketio may log, which is what clients send;
    ``options``: its own, where they shall not be ours."""

    farewell_seconds: float = 1.0
    """How long a connection that we close may take to read what was written."""

    def __init__(self, namespaces: list[str], quiet: logging.Logger, **options: Any):
        ours = {
            "async_mode": "asgi",
            "cors_allowed_origins": [],  # the application looks at the Origin
            "serializer": StrictPacket,
            "max_http_buffer_size": MAX_PACKET,
            "http_compression": False,
        }
        super().__init__(namespaces=namespaces, logger=quiet, engineio_logger=quiet, **{**ours, **options})
        self._peers: dict[str, P] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    def _made(self, scope: dict[str, Any]) -> P:
        """What is known of a new connection."""

    @abstractmethod
    def _gone(self, peer: P) -> None:
        """A connection is over, however that came."""

    def _farewell(self, peer: P) -> Iterable[Packet]:
        """What is said before it is closed."""
        return ()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background, with a strong reference; errors go to the log."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            LOG.error("a connection's background task failed", exc_info=task.exception())

    # --- coming ---

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> None:
        """Overridden to know the connection before anybody signs in on it."""
        scope = environ["asgi.scope"]
        self._peers[eio_sid] = peer = self._made(scope)
        if scope["type"] == "websocket":
            extensions = scope.get("extensions", {})
            peer.abort = extensions.get(ABORT)
            scope[EIO_SID] = eio_sid
            make_patient(self.eio.sockets[eio_sid], extensions.get(WRITE))
        asyncio.get_running_loop().call_later(SIGN_IN_SECONDS, self._expect_sign_in, eio_sid)
        await super()._handle_eio_connect(eio_sid, environ)

    def _slim(self, eio_sid: str) -> None:
        """Of the request that opened a WebSocket keep what engine.io needs to end it: the rest is 3 KB for each."""
        request = self.environ.get(eio_sid, {})
        if request.get("asgi.scope", {}).get("type") == "websocket":
            kept = {key: request[key] for key in ("asgi.scope", "asgi.send", "REQUEST_METHOD")}
            request.clear()
            request.update(kept)

    def _expect_sign_in(self, eio_sid: str) -> None:
        peer = self._peers.get(eio_sid)
        if peer is not None and not peer.signed_in:
            self.close_soon(eio_sid)

    async def websocket(
        self, engine: Callable[..., Awaitable[None]], scope: dict[str, Any], receive: Any, send: Any
    ) -> None:
        """Serve a WebSocket with ``engine`` (python-socketio's ASGI application): a new connection, or what a
        long-polling one becomes. It ends without an exception, and the connection with it; a second WebSocket of the
        same connection ends alone. What :meth:`_straight` takes goes past engine.io, which makes a task and a timer for
        each message; it asks for the next one when all before it are done, so the order stays."""
        known = session_of(scope)
        if known is not None and self.eio.may_upgrade(known):
            scope[EIO_SID] = known
            peer = self._peers.get(known)
            if peer is not None:
                peer.abort = scope.get("extensions", {}).get(ABORT)

        async def following() -> Any:
            taken = 0
            while True:
                message = await receive()
                text = message.get("text")
                if text is None or not self._straight(scope.get(EIO_SID, ""), text):
                    return message
                taken += 1
                if taken % AT_ONCE == 0:
                    await asyncio.sleep(0)  # others have their turn

        try:
            await engine(scope, following, send)
        except Exception:
            LOG.debug("a WebSocket ended with an error", exc_info=True)
            self._failed()
        finally:
            if EIO_SID in scope:
                await self._ended(scope[EIO_SID])

    def _straight(self, eio_sid: str, text: str) -> bool:
        """Take this message of a WebSocket now; ``False``: it is engine.io's."""
        return False

    def _failed(self) -> None:
        """A WebSocket ended with an error."""

    # --- going ---

    async def _ended(self, eio_sid: str) -> None:
        """The WebSocket of this connection is gone, however that came."""
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None and socket.upgraded and not socket.closed:
            await socket.close(wait=False, abort=True)

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        """Overridden to forget the connection also where CONNECT was not finished, and to answer a long poll that
        waits: engine.io would leave it until its next ping."""
        await super()._handle_eio_disconnect(eio_sid, reason)
        socket = self.eio.sockets.get(eio_sid)
        if socket is not None and not socket.upgraded:
            socket.queue.put_nowait(None)
        peer = self._peers.pop(eio_sid, None)
        if peer is not None:
            self._gone(peer)

    def close_soon(self, eio_sid: str) -> None:
        """Close this connection; nothing more is taken from it."""
        peer = self._peers.get(eio_sid)
        if peer is not None:
            peer.end()
        self.spawn(self._close(eio_sid, polite=True))

    async def _close(self, eio_sid: str, polite: bool) -> None:
        peer, socket = self._peers.get(eio_sid), self.eio.sockets.get(eio_sid)
        if socket is not None and not socket.closed:
            if polite and peer is not None:
                for packet in self._farewell(peer):
                    socket.queue.put_nowait(packet)
            with contextlib.suppress(Exception):
                await socket.close(wait=False, abort=not polite)
        if peer is None or peer.abort is None:
            return
        if polite:
            await asyncio.sleep(self.farewell_seconds)
        peer.abort()

    async def stop(self) -> None:
        """Let long-polling connections go, and stop the background work; WebSockets are told by the web server."""
        for socket in list(self.eio.sockets.values()):
            if not socket.upgraded:
                await socket.close(wait=False)
        if self.eio.service_task_handle is not None:
            await self.shutdown()
        for task in list(self._tasks):
            task.cancel()
