"""The bare relay: the same stack as the product (Twisted, uvloop, uvicorn, python-socketio), and no logic: a ring in,
a fixed text to that agent's console out, by ``emit`` as python-socketio documents it.

``python -m bench.relay AMI_PORT USERNAME SECRET BYTES`` serves on a free port and prints its address. The token of a
console is the name of its agent's telephone. ``BYTES`` is the size of the text it sends. With ``direct`` behind it, it
writes to a console's socket past engine.io's queue, as the product does: the barest that this stack can do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import sys
from typing import Any, Final

import socketio
import uvicorn
import uvloop
from twisted.internet.protocol import ClientFactory, Protocol

from agent_console.server import ConsoleWebSocket
from agent_console.sockets import WRITE
from interaction_log.web.emit import QueueEmitter, make_patient

NAMESPACE: Final = "/agent"
RING: Final = b"Event: DialBegin\r\n"
TELEPHONE: Final = re.compile(rb"\r\nDestChannel: (PJSIP/[0-9]+)-")


class Relay:
    """Consoles by telephone. ``direct``: write past engine.io's queue."""

    def __init__(self, size: int, direct: bool) -> None:
        self._direct = direct
        self._tasks: set[asyncio.Task[None]] = set()
        self.sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[], http_compression=False)
        self.sio.on("connect", self._came, namespace=NAMESPACE)
        self._emitter = QueueEmitter(self.sio)
        self._consoles: dict[str, tuple[str, str]] = {}
        self._filling = "x" * size

    async def _came(self, sid: str, environ: dict[str, Any], auth: dict[str, str]) -> None:
        eio_sid = self.sio.manager.eio_sid_from_sid(sid, NAMESPACE)
        if self._direct:
            make_patient(self.sio.eio.sockets[eio_sid], environ["asgi.scope"]["extensions"].get(WRITE))
        self._consoles[auth["token"]] = (sid, eio_sid)
        asyncio.get_running_loop().call_soon(self._send, auth["token"], "snapshot", {})

    def ring(self, telephone: str) -> None:
        """A telephone rings."""
        if telephone in self._consoles:
            self._send(telephone, "screen_pop", {"customer": {"id": telephone}, "filling": self._filling})

    def _send(self, telephone: str, name: str, body: dict[str, Any]) -> None:
        sid, eio_sid = self._consoles[telephone]
        if self._direct:
            self._emitter.send(sid, eio_sid, NAMESPACE, name, json.dumps(body, separators=(",", ":")))
            return
        task = asyncio.get_running_loop().create_task(self.sio.emit(name, body, to=sid, namespace=NAMESPACE))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Ami(Protocol):
    """Signs in, cuts the stream at empty lines, looks for rings."""

    def __init__(self, relay: Relay, username: str, secret: str) -> None:
        self._relay = relay
        self._login = f"Action: Login\r\nUsername: {username}\r\nSecret: {secret}\r\n\r\n".encode()
        self._pending = b""

    def connectionMade(self) -> None:
        """Sign in."""
        transport: Any = self.transport
        transport.setTcpNoDelay(True)
        transport.write(self._login)

    def dataReceived(self, data: bytes) -> None:
        """Bytes came."""
        *blocks, self._pending = (self._pending + data).split(b"\r\n\r\n")
        for block in blocks:
            if block.startswith(RING):
                found = TELEPHONE.search(block)
                if found:
                    self._relay.ring(found[1].decode())


class Amis(ClientFactory):
    """Makes the one connection."""

    noisy = False

    def __init__(self, relay: Relay, username: str, secret: str) -> None:
        self._arguments = (relay, username, secret)

    def buildProtocol(self, addr: Any) -> Ami:
        """The connection is there."""
        return Ami(*self._arguments)


async def main(ami_port: int, username: str, secret: str, size: int, direct: bool) -> None:
    """Connect, serve, never end."""
    from twisted.internet import asyncioreactor  # noqa: PLC0415

    asyncioreactor.install(asyncio.get_running_loop())  # type: ignore[no-untyped-call]
    from twisted.internet import reactor as installed  # noqa: PLC0415

    reactor: Any = installed
    reactor.startRunning(installSignalHandlers=False)
    relay = Relay(size, direct)
    reactor.connectTCP("127.0.0.1", ami_port, Amis(relay, username, secret))
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        socketio.ASGIApp(relay.sio),
        ws=ConsoleWebSocket if direct else "websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), "direct" in sys.argv[5:]))
