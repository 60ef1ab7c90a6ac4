"""A visitor of a web site over the real protocol, without a browser: a token, a socket, and what it was told."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from typing import Any, Self

import httpx
import socketio

from tests.fakes.patience import PATIENCE

NAMESPACE = "/chat"


class VisitorClient:
    """One connection. The same ``token`` again is the same visitor in another tab."""

    def __init__(self, url: str, site: str = "shop", token: str = "") -> None:
        self.url, self.site, self.token, self.visitor = url, site, token, ""
        self.got: list[tuple[str, dict[str, Any]]] = []
        self._news = asyncio.Event()
        self._client = socketio.AsyncClient(reconnection=False)
        self._over = asyncio.Event()

    async def __aenter__(self) -> Self:
        async with self.http() as http:
            body = {"site": self.site} | ({"token": self.token} if self.token else {})
            told = (await http.post("/chat/api/visitor", json=body)).raise_for_status().json()
        self.token, self.visitor = told["token"], told["visitor"]
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def http(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=PATIENCE)

    async def connect(self, after: int = 0) -> None:
        self._client = socketio.AsyncClient(reconnection=False)
        self._client.on("*", self._take, namespace=NAMESPACE)
        self._client.on("disconnect", lambda *_: self._over.set(), namespace=NAMESPACE)
        await self._client.connect(
            self.url,
            auth={"token": self.token, "after": after},
            namespaces=[NAMESPACE],
            transports=["websocket"],
            socketio_path="/chat/socket.io",
            wait_timeout=PATIENCE,
        )
        await self.wait("welcome")

    async def gone(self) -> None:
        """The server has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            await self._over.wait()

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self._client.disconnect()

    def _take(self, name: str, body: dict[str, Any]) -> None:
        self.got.append((name, body))
        self._news.set()

    def of(self, name: str) -> list[dict[str, Any]]:
        return [body for what, body in self.got if what == name]

    def texts(self) -> list[str]:
        """The lines that it knows, by number."""
        lines = [line for body in self.of("welcome") for line in body["lines"]]
        lines += [body["line"] for body in self.of("line")]
        return [line["text"] for line in sorted({one["number"]: one for one in lines}.values(), key=_number)]

    async def wait(
        self, name: str, which: Callable[[dict[str, Any]], object] = lambda _: True, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """The first such message, also of before."""
        async with asyncio.timeout(seconds):
            while True:
                self._news.clear()
                found = next((body for body in self.of(name) if which(body)), None)
                if found is not None:
                    return found
                await self._news.wait()

    async def line(self, text: str) -> dict[str, Any]:
        """Wait for a line of this text."""
        found: dict[str, Any] = (await self.wait("line", lambda m: m["line"]["text"] == text))["line"]
        return found

    async def call(self, name: str, **body: Any) -> dict[str, Any]:
        """A command; its acknowledgement."""
        ack: dict[str, Any] = await self._client.call(name, body, namespace=NAMESPACE, timeout=PATIENCE)
        return ack

    async def open(self, queue: str = "support", **more: Any) -> dict[str, Any]:
        ack = await self.call("open", **({"id": str(uuid.uuid4()), "queue": queue} | more))
        assert ack["ok"], ack
        found: dict[str, Any] = ack["conversation"]
        return found

    async def say(self, text: str = "", **more: Any) -> dict[str, Any]:
        return await self.call("say", **({"id": str(uuid.uuid4()), "text": text} | more))


def _number(line: dict[str, Any]) -> int:
    return int(line["number"])
