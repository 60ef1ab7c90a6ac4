"""Pages of a shop that is another origin than the chat's server, with a policy that allows that server only."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Self
from urllib.parse import parse_qs, urlsplit

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{path}</title><script src="{chat}/chat/widget.js" data-site="shop" {data} async></script></head>
<body><main><h1>{path}</h1><p>Fine kettles.</p><p><label>Card <input id="card"></label></p></main></body></html>"""


class ShopPage:
    """`chat`: the URL of the chat's server. The query of a page becomes the script's ``data-`` attributes."""

    def __init__(self, chat: str = "") -> None:
        self.chat, self.url = chat, ""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            request = await reader.readuntil(b"\r\n\r\n")
            writer.write(self._answer(request.split(b" ")[1].decode()))
            await writer.drain()
        writer.close()
        self._tasks.discard(task)

    def _answer(self, target: str) -> bytes:
        asked = urlsplit(target)
        data = " ".join(f'data-{name}="{values[0]}"' for name, values in parse_qs(asked.query).items())
        body = PAGE.format(path=asked.path, chat=self.chat, data=data).encode()
        sockets = self.chat.replace("http", "ws", 1)
        policy = (
            f"default-src 'none'; script-src {self.chat}; connect-src {self.chat} {sockets}; "
            "style-src 'none'; base-uri 'none'; form-action 'none'"
        )
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
            f"Content-Security-Policy: {policy}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
