"""``/api/openapi.json``: what the API is like, made when somebody asks for the first time.

It takes a fifth of a second to make, so it is made in a thread: neither a start nor a ring waits for it.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from agent_console import problems

PATH = "/api/openapi.json"


def describe(api: FastAPI) -> None:
    """Add the route, and let ``api.openapi()`` say how our problems look. Call it before the routes are added."""
    made: list[dict[str, Any]] = []
    lock = threading.Lock()

    def described() -> dict[str, Any]:
        with lock:
            if not made:
                made.append(problems.describe(FastAPI.openapi(api)))
            return made[0]

    api.openapi = described  # type: ignore[method-assign]

    @api.get(PATH, include_in_schema=False)
    async def document() -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(described))


async def warm(api: FastAPI) -> None:
    """Ask for something that is not there: FastAPI makes the inner side of each route when it first looks at it."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        pass

    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/-",
        "raw_path": b"/api/-",
        "root_path": "",
        "query_string": b"",
        "headers": [],
        "client": None,
        "server": None,
    }
    await api(scope, receive, send)
