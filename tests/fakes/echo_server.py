"""A server as the Socket.IO and Engine.IO authors' conformance suites expect one, made of our own parts: uvicorn with
our protocol classes, our ASGI application, the ``PeerServer`` that consoles and visitors have. It sends back what
it gets.

``python -m tests.fakes.echo_server [PORT]`` runs it alone and says its address; ``scripts/conformance.py`` puts the
authors' suites before it.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from dataclasses import dataclass
from typing import Any, Final

import engineio
import uvloop

from agent_console.app import SocketApp
from agent_console.server import Server, listen
from interaction_log.web.by_the_book import BookEngine
from interaction_log.web.connections import Peer, PeerServer
from interaction_log.web.limits import Bucket

INTERVAL: Final = 0.3
TIMEOUT: Final = 0.2
PAYLOAD: Final = 1_000_000
GREETING_AFTER: Final = 0.02
PORT: Final = 3000
"""Where the suites look for it."""


@dataclass(slots=True, kw_only=True)
class EchoPeer(Peer):
    """Whoever comes; nobody signs in."""

    signed_in = True

    def end(self) -> None:
        """See ``Peer``."""


class EchoSockets(PeerServer[EchoPeer]):
    """Says on ``/`` and ``/custom`` who came and what was said."""

    def __init__(self) -> None:
        super().__init__(
            ["/", "/custom"],
            logging.getLogger("echo"),
            ping_interval=INTERVAL,
            ping_timeout=TIMEOUT,
            max_http_buffer_size=PAYLOAD,
        )
        for namespace in ("/", "/custom"):
            self.on("connect", self._connected(namespace), namespace=namespace)
            self.on("message", self._message(namespace), namespace=namespace)
            self.on("message-with-ack", self._acknowledged, namespace=namespace)

    def _connected(self, namespace: str) -> Any:
        async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
            self.spawn(self._greet(sid, namespace, auth or {}))

        return connect

    async def _greet(self, sid: str, namespace: str, auth: Any) -> None:
        """After CONNECT, and not in the same packet of the network: the suites begin to listen for the second message
        when they have heard the first."""
        await asyncio.sleep(GREETING_AFTER)
        await self.emit("auth", auth, to=sid, namespace=namespace)

    def _made(self, scope: dict[str, Any]) -> EchoPeer:
        return EchoPeer(scope=scope, bucket=Bucket(1_000.0, 1_000.0))

    def _gone(self, peer: EchoPeer) -> None:
        """Nothing is kept of it."""

    def _message(self, namespace: str) -> Any:
        async def message(sid: str, *said: Any) -> None:
            await self.emit("message-back", said, to=sid, namespace=namespace)

        return message

    @staticmethod
    async def _acknowledged(sid: str, *said: Any) -> tuple[Any, ...]:
        return said


class Echo:
    """Both applications behind our web server: ``/engine.io/`` and ``/socket.io/``."""

    def __init__(self) -> None:
        self.sockets = EchoSockets()
        self.engine = BookEngine(
            async_mode="asgi", ping_interval=INTERVAL, ping_timeout=TIMEOUT, max_http_buffer_size=PAYLOAD
        )
        self.engine.on("message", self._back)
        self._socket_app = SocketApp(self.sockets)
        self._engine_app = engineio.ASGIApp(self.engine)

    async def _back(self, sid: str, said: Any) -> None:
        await self.engine.send(sid, said)

    def start(self) -> None:
        """Nothing runs behind it."""

    async def stop(self) -> None:
        """End what engine.io began."""
        for socket in list(self.engine.sockets.values()):
            await socket.close(wait=False, abort=True)
        if self.engine.service_task_handle is not None:
            await self.engine.shutdown()
        await self.sockets.stop()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        await (self._engine_app if scope["path"].startswith("/engine.io/") else self._socket_app)(scope, receive, send)


async def _main(port: int) -> None:
    server, over = Server(Echo(), listen("127.0.0.1", port)), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    await server.start()
    print(f"http://127.0.0.1:{server.port}", flush=True)
    await over.wait()
    await server.stop()


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
