"""What a process serves that waits to lead: whether it lives, who leads, and to everything else "not here". Pure ASGI.

``/readyz`` answers 503, so that a proxy in front sends people to the one that leads; ``/healthz`` answers 200, because
nothing is wrong with one that waits.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from agent_console.metrics import CONTENT_TYPE

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
RETRY_SECONDS: Final = 1
TRY_AGAIN_LATER: Final = 1013
"""The WebSocket's closing code (RFC 6455, IANA's registry)."""


class StandbyApp:
    """``view()``: what ``/readyz`` says beside the role; ``figures()``: lines of ``/metrics``."""

    def __init__(self, view: Callable[[], Mapping[str, Any]], figures: Callable[[], str]) -> None:
        self._view, self._figures = view, figures

    def start(self) -> None:
        """Nothing runs behind it."""

    async def stop(self) -> None:
        """Nothing runs behind it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": TRY_AGAIN_LATER})
        elif scope["type"] == "http":
            await self._answer(scope["path"], send)

    async def _answer(self, path: str, send: Send) -> None:
        if path == "/healthz":
            await _say(send, 200, "text/plain; charset=utf-8", "ok: this process waits to lead\n")
        elif path == "/readyz":
            await _say(send, 503, "application/json", json.dumps({"ready": False, "role": "follower", **self._view()}))
        elif path == "/metrics":
            await _say(send, 200, CONTENT_TYPE, self._figures())
        else:
            problem = {"type": "about:blank", "title": "Another process leads", "status": 503}
            await _say(send, 503, "application/problem+json", json.dumps(problem))


async def _say(send: Send, status: int, kind: str, body: str) -> None:
    raw = body.encode()
    headers = [(b"content-type", kind.encode()), (b"content-length", str(len(raw)).encode())]
    headers += [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
    if status == 503:
        headers.append((b"retry-after", str(RETRY_SECONDS).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": raw})
