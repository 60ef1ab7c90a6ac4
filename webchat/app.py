"""The visitors' ASGI application, mounted below ``/chat/``: Socket.IO, REST, and the widget's script.

Pages of other sites use it, so it has rules of its own: which origins may come says the configuration, no cookie is
ever set or read, and what is answered may be read by those pages only (CORS).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import socketio
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from interaction_log.web.by_the_book import session_of
from interaction_log.web.connections import MAX_PACKET
from interaction_log.web.origin import client_address, header
from webchat.commands import Commands
from webchat.deps import VisitorDeps
from webchat.gate import place_of
from webchat.rest import VisitorRest
from webchat.sites import normal_origin
from webchat.sockets import VisitorSockets

LOG = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

SOCKETS: Final = "/chat/socket.io"
API: Final = "/chat/api/"
SHOP: Final = "/chat/demo/"
BODY_SECONDS: Final = 60.0
CLEAN_SECONDS: Final = 3_600.0
COMMON: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)


class VisitorApp:
    """ASGI. ``start`` and ``stop`` run its background work; ``screens`` is what the gateway tells visitors through."""

    def __init__(self, deps: VisitorDeps):
        self.deps = deps
        self.sockets = VisitorSockets(deps, Commands(deps))
        self._engine = socketio.ASGIApp(self.sockets, socketio_path=SOCKETS)
        self._rest = VisitorRest(deps).app()
        self._pages = _pages(deps)
        self._origins = {normal_origin(one) for site in deps.sites.values() for one in site.origins}
        self._cleaning: asyncio.Task[None] | None = None

    @property
    def screens(self) -> Any:
        """Fulfils ``webchat.ports.VisitorScreens``."""
        return self.deps.tabs

    def start(self) -> None:
        """Begin to tidy up what is over."""
        self._cleaning = asyncio.ensure_future(self._clean())

    async def stop(self) -> None:
        """End all that runs in the background."""
        if self._cleaning is not None:
            self._cleaning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._cleaning
        await self.sockets.stop()

    async def _clean(self) -> None:
        while True:
            try:
                await self.deps.store.expire(self.deps.wall())
            except Exception as error:
                LOG.warning("tokens that are over stay for now: %s", type(error).__name__)
            await asyncio.sleep(CLEAN_SECONDS)

    # --- requests ---------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _is_socket(scope) or self._too_much(scope) or not self._comes_from_a_site(scope):
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await self.sockets.websocket(self._engine, dict(scope), receive, send)

    def _too_much(self, scope: Scope) -> bool:
        """Whether this address asks for more than one address may."""
        place, now = place_of(client_address(scope, self.deps.trusted_proxies)), self.deps.now()
        begins = _is_socket(scope) and session_of(scope) is None
        gate = self.deps.addresses
        return bool(gate.connection(place, now) if begins else gate.request(place, now))

    def _comes_from_a_site(self, scope: Scope) -> bool:
        """Of any site; whether it is the visitor's one is looked at when he signs in."""
        origin = header(scope["headers"], b"origin")
        given = any(name == b"origin" for name, _ in scope["headers"])
        if origin is None:
            return not given  # given twice is no browser's doing
        return normal_origin(origin) in self._origins or self.deps.own_page(scope)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(self, scope, send)
        asks = _is_socket(scope) or scope["path"].startswith(API)
        if self._too_much(scope):
            await exchange.end(429)
        elif asks and not self._comes_from_a_site(scope):
            await exchange.end(403)
        elif scope["method"] == "OPTIONS":
            await exchange.end(204)
        else:
            try:
                async with asyncio.timeout(None) as limit:
                    await self._serve(scope, _Body(receive, limit, _is_socket(scope)).receive, exchange.send)
            except TimeoutError:
                await exchange.end(408)
            except _TooLarge:
                await exchange.end(413)
            except Exception:
                LOG.exception("a request of a visitor failed")
                await exchange.end(500)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _is_socket(scope):
            await self._engine(scope, receive, send)
        elif scope["path"].startswith(API):
            await self._rest(scope, receive, send)
        else:
            shop = self.deps.shop is not None and scope["path"] == SHOP[:-1]
            await self._pages({**scope, "path": SHOP} if shop else scope, receive, send)

    def allowed(self, scope: Scope) -> bytes | None:
        """The origin that may read the answer."""
        origin = header(scope["headers"], b"origin")
        return origin.encode("latin-1") if origin is not None and self._comes_from_a_site(scope) else None


class _TooLarge(Exception):
    """A body of Socket.IO's long polling is larger than a packet may be."""


class _Body:
    """A request's body: it must come in time, and that of a poll must not be large."""

    def __init__(self, receive: Receive, limit: asyncio.Timeout, socket: bool):
        self._receive, self._limit, self._socket = receive, limit, socket
        self._read, self._whole = 0, False

    async def receive(self) -> Message:
        """The next piece."""
        if self._whole:
            return await self._receive()
        self._limit.reschedule(asyncio.get_running_loop().time() + BODY_SECONDS)
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._socket and self._read > MAX_PACKET * 4:
            raise _TooLarge
        if not message.get("more_body"):
            self._whole = True
            self._limit.reschedule(None)
        return message


class _Exchange:
    """One answer with our headers."""

    def __init__(self, app: VisitorApp, scope: Scope, send: Send):
        self._app, self._scope, self._send = app, scope, send
        self._begun = False

    async def send(self, message: Message) -> None:
        """Pass it on."""
        if message["type"] == "http.response.start":
            self._begun = True
            message = {**message, "headers": [*message.get("headers", ()), *self._added(message)]}
        await self._send(message)

    async def end(self, status: int) -> None:
        """An answer without a body, if none has begun."""
        if not self._begun:
            await self.send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
            await self._send({"type": "http.response.body", "body": b""})

    def _added(self, message: Message) -> list[tuple[bytes, bytes]]:
        present = {key.lower() for key, _ in message.get("headers", ())}
        added = [pair for pair in COMMON if pair[0] not in present]
        asks = _is_socket(self._scope) or self._scope["path"].startswith(API)
        allowed = self._app.allowed(self._scope)
        if asks:
            added.append((b"vary", b"Origin"))
            if allowed is not None:
                added.append((b"access-control-allow-origin", allowed))
            if allowed is not None and self._scope["method"] == "OPTIONS":
                added += _PREFLIGHT
        else:
            added.append((b"access-control-allow-origin", b"*"))  # scripts and texts, for anybody
        return added


_PREFLIGHT: Final = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-max-age", b"7200"),
]


def _pages(deps: VisitorDeps) -> Starlette:
    """The widget's script and what belongs to it; the shop of the demo."""
    routes = [Mount(SHOP[:-1], deps.shop)] if deps.shop is not None else []
    if deps.pages.is_dir():
        routes.append(Mount("/chat", StaticFiles(directory=deps.pages)))
    return Starlette(routes=routes)


def _is_socket(scope: Scope) -> bool:
    path = scope["path"]
    return bool(path == SOCKETS or path.startswith(f"{SOCKETS}/"))


def visitor_app(deps: VisitorDeps) -> VisitorApp:
    """The application over these sites and conversations."""
    return VisitorApp(deps)
