"""uvicorn inside the one loop: started and stopped by us, without its own signals, with limits before the parser."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from pathlib import Path
from typing import Any, Final, Protocol

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

from agent_console.sockets import ABORT, MAX_PACKET, WRITE
from interaction_log.web.sparse import make_sparse

LOG = logging.getLogger(__name__)
HEADER_BYTES: Final = 64 * 1024
HEADERS: Final = 128
HEADER_SECONDS: Final = 10.0
GRACE_SECONDS: Final = 3
STOP_SECONDS: Final = 4.5
MAX_CONNECTIONS: Final = 8_192
TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class ConsoleHttp(HttpToolsProtocol):
    """Refuses endless headers, by size and by time (a request's headers take one packet from a real browser)."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A connection came."""
        super().connection_made(transport)
        self._header_bytes = 0
        self._deadline: asyncio.TimerHandle | None = self.loop.call_later(HEADER_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        if self._deadline is not None:
            self._header_bytes += len(data)
        super().data_received(data)
        if self._deadline is not None and self._header_bytes > HEADER_BYTES:
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """A request begins (on a kept connection, the next one)."""
        super().on_message_begin()
        self._header_bytes = self._header_size = 0
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header came; what is raised here becomes 400."""
        super().on_header(name, value)
        self._header_size += len(name) + len(value) + 4
        if len(self.headers) > HEADERS or self._header_size > HEADER_BYTES:
            raise ValueError("too many or too large headers")

    def on_headers_complete(self) -> None:
        """The headers are whole: the body has its own limits."""
        self._stop_deadline()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection went away."""
        self._stop_deadline()
        super().connection_lost(exc)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class ConsoleWebSocket(WebSocketsSansIOProtocol):
    """Tells the application how to cut the connection when the other side does not read, and how to write at once."""

    def handle_connect(self, event: Request) -> None:
        """The handshake came."""
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[ABORT] = self.transport.abort
            extensions[WRITE] = self.write_text

    def write_text(self, text: str) -> bool:
        """Write a text frame now, as ``send`` would; ``False`` where that would have to wait or fail."""
        if self.disconnected or self.close_sent or not self.handshake_complete or not self.writable.is_set():
            return False
        try:
            self.conn.send_text(text.encode())
        except InvalidState:  # the other side closes
            return False
        self.transport.write(b"".join(self.conn.data_to_send()))
        return True


class Served(Protocol):
    """An ASGI application with something that runs behind it."""

    def start(self) -> None:
        """Begin."""
        ...

    async def stop(self) -> None:
        """End."""
        ...

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        ...


class Server:
    """One web server for one application."""

    def __init__(self, app: Served, listener: socket.socket, tls: ssl.SSLContext | None = None):
        self._app = app
        self._listener = listener
        make_sparse("uvicorn.error")  # a line for each request that is none
        self._web = uvicorn.Server(_options(app, tls))
        # Not a documented hook: uvicorn would take SIGTERM away from us and kill the process with it at the end.
        self._web.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    async def start(self) -> None:
        """Return when it accepts connections."""
        self._app.start()
        self._task = asyncio.ensure_future(self._web.serve(sockets=[self._listener]))
        while not self._web.started:
            if self._task.done():
                self._task.result()
                raise RuntimeError("the web server ended at once")
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Stop accepting, let requests end, close the consoles (1012: come back); within 5 s whatever happens."""
        await self._app.stop()
        self._web.should_exit = True
        if self._task is None:
            self._listener.close()
            return
        stuck = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._abort_all)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._task), STOP_SECONDS)
        stuck.cancel()
        self._abort_all()

    def _abort_all(self) -> None:
        for connection in list(self._web.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


def _options(app: Served, tls: ssl.SSLContext | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        ssl_context_factory=None if tls is None else (lambda config, default: tls),
        http=ConsoleHttp,
        ws=ConsoleWebSocket,
        ws_max_size=MAX_PACKET,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        loop="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=GRACE_SECONDS,
        limit_concurrency=MAX_CONNECTIONS,
    )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; ``OSError`` where the address is taken. Port 0: any free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def tls_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """For https with this certificate. ``OSError``: a file cannot be read; ``ssl.SSLError``: they do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key, password=_no_password)
    return context


def _no_password() -> str:
    """OpenSSL would ask at the terminal."""
    raise ValueError("the key has a password")


async def serve(app: Served, host: str, port: int, tls: ssl.SSLContext | None = None) -> Server:
    """Listen and serve; the returned server runs until its ``stop``. ``OSError`` where the address is taken."""
    server = Server(app, listen(host, port), tls)
    await server.start()
    return server
