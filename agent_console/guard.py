"""Before any request reaches the application: size, time, JSON, origin; after it: the security headers. Pure ASGI."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from agent_console.problems import answer
from agent_console.rest_customers import IMPORT_PATHS, MAX_IMPORT
from agent_console.sessions import SAFE
from interaction_log.web.origin import from_our_page, header
from interaction_log.web.strict_json import BadJson, loads

LOG = logging.getLogger(__name__)
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY: Final = 1024 * 1024
MULTIPART_OVERHEAD: Final = 64 * 1024
BODY_SECONDS: Final = 15.0
IMPORT_SECONDS: Final = 120.0
SOCKETS: Final = "/socket.io/"
PHONES: Final = "/sip/"
VISITORS: Final = "/chat/"
UPLOADS: Final = re.compile(r"/api/chats/[^/]{1,64}/files")
"""Files that agents send; each site says how large they may be."""
POLICY: Final = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), payment=(), usb=()"),
)


class _TooLarge(Exception):
    """The body is larger than is taken."""


class Guard:
    """The outermost application. ``sockets`` serves ``/socket.io/``, ``phones`` WebSockets at ``/sip/``, ``visitors``
    all below ``/chat/``, ``api`` all else."""

    def __init__(
        self, api: App, sockets: App, public_url: str | None, phones: App | None = None, visitors: App | None = None
    ):
        self._api = api
        self._sockets = sockets
        self._phones = phones
        self._public_url = public_url
        self._visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if self._visitors is not None and scope["type"] != "lifespan" and scope["path"].startswith(VISITORS):
            await self._visitors(scope, receive, send)  # pages of other sites: it has rules of its own
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "http":
            await _Exchange(self, scope, receive, send).run()

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        foreign = from_our_page(scope["headers"], self._public_url) is False
        app = self._sockets if self.is_socket(scope) else None
        if scope["path"].startswith(PHONES):
            app = self._phones
        if foreign or app is None:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        await app(scope, receive, send)

    def is_socket(self, scope: Scope) -> bool:
        """Whether Socket.IO serves this."""
        return bool(scope["path"].startswith(SOCKETS) or scope["path"] == SOCKETS[:-1])

    def foreign(self, scope: Scope) -> bool:
        """Whether a page of another site asks Socket.IO."""
        return self.is_socket(scope) and from_our_page(scope["headers"], self._public_url) is False

    def application(self, scope: Scope) -> App:
        """Who serves this request."""
        return self._sockets if self.is_socket(scope) else self._api


class _Exchange:
    """One request and its response."""

    def __init__(self, guard: Guard, scope: Scope, receive: Receive, send: Send):
        self._guard = guard
        self._scope = scope
        self._receive = receive
        self._send = send
        self._started = False
        self._is_import = scope["path"] in IMPORT_PATHS or UPLOADS.fullmatch(scope["path"]) is not None
        self._limit = MAX_IMPORT + MULTIPART_OVERHEAD if self._is_import else MAX_BODY
        self._read = 0

    async def run(self) -> None:
        """Serve it; whatever happens, the answer is whole or the connection ends."""
        try:
            await self._serve()
        except _TooLarge:
            await self._refuse(413, "The request is too large.")
        except TimeoutError:
            await self._refuse(408, "The request took too long to arrive.")
        except BadJson as bad:
            errors = [(bad.path or "body", bad.message)]
            await self._refuse(400, "The request is not valid.", errors)
        except Exception:  # the API logged it
            LOG.debug("a request failed", exc_info=True)
            await self._refuse(500, "Something went wrong on our side.")

    async def _serve(self) -> None:
        if self._guard.foreign(self._scope):
            await self._refuse(403, "This request came from a page of another site.")
            return
        declared = header(self._scope["headers"], b"content-length")
        if declared is not None and declared.isdigit() and int(declared[:20]) > self._limit:
            raise _TooLarge
        receive = self._streamed() if self._is_import else await self._whole()
        await self._guard.application(self._scope)(self._scope, receive, self._out)

    def _streamed(self) -> Receive:
        deadline = asyncio.get_running_loop().time() + IMPORT_SECONDS

        async def receive() -> Message:
            async with asyncio.timeout_at(deadline):
                return self._counted(await self._receive())

        return receive

    async def _whole(self) -> Receive:
        body = await self._body() if self._scope["method"] not in SAFE else b""
        self._check(body)
        given = False

        async def receive() -> Message:
            nonlocal given
            if given:
                return await self._receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return receive

    async def _body(self) -> bytes:
        chunks: list[bytes] = []
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = self._counted(await self._receive())
                chunks.append(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body"):
                    return b"".join(chunks)

    def _counted(self, message: Message) -> Message:
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            raise _TooLarge
        return message

    def _check(self, body: bytes) -> None:
        if not body or not self._scope["path"].startswith("/api/"):
            return
        kind = (header(self._scope["headers"], b"content-type") or "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise BadJson("Content-Type", "must be application/json")
        loads(body)

    async def _refuse(self, status: int, detail: str, errors: list[tuple[str, str]] | None = None) -> None:
        if self._started:
            return
        response = answer(status, detail, errors or (), {"Connection": "close"} if status == 408 else None)
        await response(self._scope, self._receive, self._out)

    async def _out(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            message = {**message, "headers": [*message.get("headers", ()), *self._added(message)]}
        await self._send(message)

    def _added(self, message: Message) -> list[tuple[bytes, bytes]]:
        present = {key.lower() for key, _ in message.get("headers", ())}
        added = [pair for pair in HEADERS if pair[0] not in present]
        if b"cache-control" not in present:
            added.append((b"cache-control", b"no-store"))
        return added
