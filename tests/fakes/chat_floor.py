"""A hub with chats on a real store, without a PBX: visitors and agents are driven by hand."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from agent_console import wire
from cti_gateway.chat.rules import SiteRules
from cti_gateway.chat.setup import ChatDesk, ChatParts
from cti_gateway.hub import Hub
from interaction_log.records import Choice, QueueSettings
from interaction_log.store import Store
from routing.distributor import Distributor, Settings
from tests.fakes.exchange import Customers, MemoryLog, Screens, Users
from tests.fakes.patience import PATIENCE
from webchat import wire as visitors
from webchat.ports import Visitor

SITE = "shop"
QUEUE = "web"


def sign(text: str) -> str:
    """As a master key would."""
    return hashlib.sha256(f"key {text}".encode()).hexdigest()[:32]


class Catalogue:
    async def queues(self) -> list[QueueSettings]:
        return [
            QueueSettings(name=QUEUE, pbx="", label="Web shop", wrap_up_seconds=30),
            QueueSettings(name="sales", pbx="", label="Sales", wrap_up_seconds=30),
        ]

    async def put_queue(self, queue: QueueSettings) -> None:
        """Taken, and forgotten."""

    async def pause_reasons(self) -> list[Choice]:
        return []

    async def campaigns(self) -> list[Any]:
        return []


class Tabs:
    """The visitors' browsers: what they were told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, Mapping[str, Any]]] = []
        self._news = asyncio.Event()

    def tell(self, visitor: str, event: str, payload: Mapping[str, Any]) -> None:
        self.told.append((visitor, event, payload))
        self._news.set()

    def connected(self, visitor: str) -> int:
        return 1

    def retire(self, visitor: str) -> None:
        """See the port."""
        self.drop(visitor)

    def drop(self, visitor: str) -> None:
        """Nothing to close."""

    def of(self, visitor: str, event: str) -> list[Mapping[str, Any]]:
        return [body for who, what, body in self.told if (who, what) == (visitor, event)]

    def lines(self, visitor: str) -> list[Any]:
        return [body["line"] for body in self.of(visitor, "line")]

    async def wait(
        self, visitor: str, event: str, which: Callable[[Mapping[str, Any]], object] = lambda _: True
    ) -> Mapping[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                self._news.clear()
                found = next((body for body in self.of(visitor, event) if which(body)), None)
                if found is not None:
                    return found
                await self._news.wait()


class ChatFloor:
    """Hub, chats, and who takes part. The clock is ``now``, moved by hand; timers fire by name."""

    def __init__(self, store: Store, log: MemoryLog | None = None, **rules: Any) -> None:
        self.store, self.log, self.now = store, log or MemoryLog(), 1_790_000_000.0
        self.customers, self.screens, self.tabs = Customers(), Screens(), Tabs()
        stores: Any = (self.log, self.customers, Users(), Catalogue())
        self.hub = Hub(Distributor(Settings()), *stores, wall=lambda: self.now)
        self.hub.attach(self.screens)
        given: dict[str, Any] = {"key": SITE, "queues": {QUEUE: "", "sales": ""}, "trail": True} | rules
        site = SiteRules(**given)
        self.parts: dict[str, Any] = {"sites": {SITE: site}, "mails": store.mails, "sign": sign}

    async def start(self, **parts: Any) -> None:
        await self.hub.load()
        self.desk = ChatDesk(self.hub, self.store.chats, ChatParts(**(self.parts | parts)))
        self.desk.attach(self.tabs)
        self.chats = self.desk.chats
        await self.desk.start()

    async def stop(self) -> None:
        await self.desk.stop()
        await self.hub.drain(2.0)

    async def settled(self) -> None:
        """All that works in the background is done."""
        async with asyncio.timeout(PATIENCE):
            while self.hub.tasks:
                await asyncio.wait(set(self.hub.tasks))

    # --- visitors --------------------------------------------------------------------------------------

    async def visitor(self, name: str = "v1", **more: Any) -> Visitor:
        """One whom the store knows."""
        made = await self.store.chats.make_visitor(
            SITE, f"hash-{name}", at=self.now, expires_at=self.now + 1e6, subject=more.get("subject"),
            attributes=more.get("attributes"),
        )  # fmt: skip
        return Visitor(id=made.id, site=SITE, subject=made.subject, attributes=dict(made.attributes))

    async def open(self, visitor: Visitor, **more: Any) -> Any:
        wanted = visitors.Open(**({"id": str(uuid.uuid4()), "queue": QUEUE} | more))
        return await self.chats.open(visitor, wanted)

    async def say(self, visitor: Visitor, text: str = "hello", **more: Any) -> Any:
        return await self.chats.say(visitor, visitors.Say(**({"id": str(uuid.uuid4()), "text": text} | more)))

    async def current(self, visitor: Visitor) -> Any:
        return await self.chats.current(visitor)

    # --- agents ----------------------------------------------------------------------------------------

    async def sign_in(self, agent: str = "anna") -> None:
        self.hub.presence(agent, 1)
        await self.command(agent, "set_state", wire.SetState(id=f"s-{agent}-{uuid.uuid4()}", state="READY"))

    async def command(self, agent: str, name: str, command: Any) -> Any:
        answer = self.hub.submit(agent, name, command)
        return answer if isinstance(answer, dict) else await answer

    async def oversee(self, supervisor: str, name: str, command: Any) -> Any:
        answer = self.hub.oversee(supervisor, name, command)
        return answer if isinstance(answer, dict) else await answer

    async def answer(self, chat: str, agent: str = "anna") -> Any:
        return await self.command(agent, "answer", wire.Answer(id=str(uuid.uuid4()), interaction_id=chat))

    async def send(self, chat: str, text: str, agent: str = "anna", **more: Any) -> Any:
        told = {"id": str(uuid.uuid4()), "interaction_id": chat, "text": text} | more
        return await self.command(agent, "chat_send", wire.ChatSend(**told))

    async def close(self, chat: str, agent: str = "anna") -> Any:
        return await self.command(agent, "chat_close", wire.ChatClose(id=str(uuid.uuid4()), interaction_id=chat))

    async def talking(self, visitor: Visitor, agent: str = "anna") -> str:
        """A chat that the agent has taken."""
        await self.sign_in(agent)
        chat = str((await self.open(visitor))["conversation"]["id"])
        assert await self.answer(chat, agent) == {"ok": True}
        await self.settled()
        return chat


_blank: list[bytes] = []


def new_database(folder: Path) -> str:
    """A database with the schema of today: made once, and copied."""
    path = folder / "chats.db"
    if not _blank:
        Store.open(f"sqlite:///{path}", default_region="CN").close()
        _blank.append(path.read_bytes())
    path.write_bytes(_blank[0])
    return f"sqlite:///{path}"


@contextlib.asynccontextmanager
async def chat_floor(folder: Path, **more: Any) -> AsyncIterator[ChatFloor]:
    """Started; everything is closed at the end. ``parts``: of ``ChatParts``; the rest: of the site's rules."""
    parts = more.pop("parts", {})
    url = await asyncio.to_thread(new_database, folder)
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    floor = ChatFloor(store, **more)
    try:
        await floor.start(**parts)
        yield floor
    finally:
        await floor.stop()
        await asyncio.to_thread(store.close)
