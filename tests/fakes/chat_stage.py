"""The visitors' server on a free port, over the real store and the real conversations, for protocol tests."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import socketio

from agent_console.server import Server, serve
from interaction_log.store.chat_folder import ChatFolder
from tests.fakes.chat_floor import QUEUE, SITE, ChatFloor, chat_floor
from webchat.app import VisitorApp, visitor_app
from webchat.demo import DemoShop
from webchat.deps import VisitorDeps
from webchat.sites import Limits, Site

ORIGIN = "https://shop.example.com"
WAIT = 10.0


@dataclass
class Browser:
    """One tab of a visitor: a Socket.IO client that remembers what it was told."""

    base: str
    token: str
    told: list[tuple[str, Any]] = field(default_factory=list)
    sio: socketio.AsyncClient = field(default_factory=lambda: socketio.AsyncClient(reconnection=False))
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def connect(
        self, after: int | None = None, *, polling: bool = False, origin: str | None = ORIGIN, address: str = ""
    ) -> None:
        """Raises ``socketio.exceptions.ConnectionError`` when refused; ``refusal`` says why. ``address``: his."""
        for event in ("welcome", "conversation", "line", "typing"):
            self.sio.on(event, self._hear(event), namespace="/chat")
        self.sio.on("disconnect", self._gone, namespace="/chat")
        self.sio.on("connect_error", self._refused, namespace="/chat")
        auth: dict[str, Any] = {"token": self.token} | ({"after": after} if after is not None else {})
        headers = ({"Origin": origin} if origin else {}) | ({"X-Forwarded-For": address} if address else {})
        await self.sio.connect(
            self.base, headers=headers, auth=auth, namespaces=["/chat"],
            transports=["polling"] if polling else ["websocket"], socketio_path="/chat/socket.io", wait_timeout=WAIT,
        )  # fmt: skip

    refusal: Any = None

    def _refused(self, why: Any) -> None:
        self.refusal = why

    def _gone(self, *_: Any) -> None:
        self.closed.set()

    def _hear(self, event: str) -> Callable[[Any], None]:
        def heard(body: Any = None) -> None:
            self.told.append((event, body))
            self._news.set()

        return heard

    def of(self, event: str) -> list[Any]:
        return [body for name, body in self.told if name == event]

    def lines(self) -> list[Any]:
        """All that it knows, in the order of arrival, once each."""
        found: dict[int, Any] = {}
        for name, body in self.told:
            for line in body["lines"] if name == "welcome" else [body["line"]] if name == "line" else ():
                found.setdefault(line["number"], line)
        return list(found.values())

    async def wait(self, event: str, which: Callable[[Any], object] = lambda _: True) -> Any:
        async with asyncio.timeout(WAIT):
            while True:
                self._news.clear()
                found = next((body for body in self.of(event) if which(body)), None)
                if found is not None:
                    return found
                await self._news.wait()

    async def ask(self, name: str, **body: Any) -> Any:
        return await self.sio.call(name, body, namespace="/chat", timeout=WAIT)

    async def open(self, **more: Any) -> Any:
        return await self.ask("open", **({"id": str(uuid.uuid4()), "queue": QUEUE} | more))

    async def say(self, text: str, of: str | None = None, **more: Any) -> Any:
        return await self.ask("say", id=of or str(uuid.uuid4()), text=text, **more)

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self.sio.disconnect()


@dataclass
class Stage:
    """The server and who comes to it."""

    floor: ChatFloor
    app: VisitorApp
    server: Server
    folder: Path
    browsers: list[Browser] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def deps(self) -> VisitorDeps:
        return self.app.deps

    async def token(self, **body: Any) -> Any:
        async with self.http() as http:
            answer = await http.post("/chat/api/visitor", json={"site": SITE} | body, headers={"Origin": ORIGIN})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def http(self, headers: Mapping[str, str] | None = None) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.base, headers={"Origin": ORIGIN} | dict(headers or {}), timeout=WAIT)

    async def browser(self, token: str | None = None, **how: Any) -> Browser:
        """Connected and welcomed."""
        one = self.tab(token or (await self.token())["token"])
        await one.connect(**how)
        await one.wait("welcome")
        return one

    def tab(self, token: str) -> Browser:
        one = Browser(self.base, token)
        self.browsers.append(one)
        return one

    def set_limits(self, **limits: Any) -> None:
        """From now on."""
        from webchat.gate import SiteGate

        site = replace(self.deps.sites[SITE], limits=replace(self.deps.sites[SITE].limits, **limits))
        self.deps.gates[SITE] = SiteGate(site)


async def until(state: Callable[[], object], seconds: float = WAIT) -> None:
    """Wait for a state that nothing announces."""
    async with asyncio.timeout(seconds):
        while not state():  # noqa: ASYNC110 (a state)
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def chat_stage(
    folder: Path, *, scanner: tuple[str, ...] = (), rules: dict[str, Any] | None = None, **site: Any
) -> AsyncIterator[Stage]:
    """``rules``: of ``SiteRules``; ``site``: of ``webchat.sites.Site``."""
    pages = folder / "pages"
    await asyncio.to_thread(pages.mkdir, parents=True)
    async with chat_floor(folder, **({"files": True} | (rules or {}))) as floor:
        given: dict[str, Any] = {"key": SITE, "origins": (ORIGIN,), "limits": Limits(line_burst=500)} | site
        deps = VisitorDeps(
            chats=floor.chats,
            store=floor.store.chats,
            sites={SITE: Site(**given)},
            folder=ChatFolder(folder / "files", scanner),
            pages=pages,
            shop=DemoShop(),
            trusted_proxies=("127.0.0.1",),
        )
        app = visitor_app(deps)
        floor.desk.attach(app.screens)
        server = await serve(app, "127.0.0.1", 0)
        stage = Stage(floor, app, server, folder / "files")
        try:
            yield stage
        finally:
            for one in stage.browsers:
                await one.close()
            await server.stop()


async def raw_socket(base: str, origin: str | None = ORIGIN) -> tuple[aiohttp.ClientSession, Any]:
    """An Engine.IO WebSocket without a client library, opened: close both."""
    session = aiohttp.ClientSession()
    ws = await session.ws_connect(
        f"{base}/chat/socket.io/?EIO=4&transport=websocket", headers={"Origin": origin} if origin else {}
    )
    assert (await ws.receive_str(timeout=WAIT)).startswith("0")
    return session, ws
