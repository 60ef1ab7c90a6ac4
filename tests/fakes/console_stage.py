"""A console server on a free port over the memory store and a hub that records: for the protocol tests."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import socketio

from agent_console.app import ConsoleApp, ConsoleDeps, build_app
from agent_console.consoles import AGENTS, Consoles
from agent_console.ports import DeviceView, Part, Topic
from agent_console.server import Server, serve
from agent_console.views import agent_view, interaction_view
from agent_console.wire import Ack, AgentView, ClientCommand, WhyView
from interaction_log.interaction import Interaction
from interaction_log.records import Choice, QueueSettings, User
from tests.fakes.memory_missed import missed_call
from tests.fakes.memory_store import MemoryStore
from tests.fakes.patience import PATIENCE

PASSWORD = "correct horse"


@dataclass
class RecordingHub:
    """``agent_console.ports.Live`` that answers with what it was told to."""

    store: MemoryStore
    commands: list[tuple[str, str, ClientCommand]] = field(default_factory=list)
    changes: list[tuple[Topic, str]] = field(default_factory=list)
    trail: list[tuple[str, str, str, Mapping[str, str]]] = field(default_factory=list)
    consoles: dict[str, int] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    answer: Callable[[str, str, ClientCommand], Ack | Awaitable[Ack]] = lambda agent, name, command: {"ok": True}

    def snapshot(self, agent: str) -> dict[str, Any]:
        user = self.store.users.records[agent]
        return {
            "agent": agent_view(user, state="READY", since=1.0),
            "interactions": [],
            "offers": [],
            "pops": [],
            "queues": [],
            "agents": [],
            "pbx": [],
        }

    def supervisor_snapshot(self) -> dict[str, Any]:
        return {"agents": self.agents(), "queues": [], "interactions": [], "pbx": []}

    def agents(self) -> list[AgentView]:
        return [agent_view(u, state="READY", since=1.0) for u in self.store.users.records.values()]

    def devices(self) -> list[DeviceView]:
        return [{"pbx": "main", "device": "PJSIP/1001", "state": "not_inuse", "agent": "anna", "queues": ["support"]}]

    def health(self) -> list[Part]:
        return self.parts

    def counters(self) -> Mapping[str, float]:
        return {"ami_events": 7}

    def gauges(self) -> Mapping[str, float]:
        return {"interactions_open": 2}

    def submit(self, agent: str, name: str, command: ClientCommand) -> Ack | Awaitable[Ack]:
        self.commands.append((agent, name, command))
        return self.answer(agent, name, command)

    def oversee(self, supervisor: str, name: str, command: ClientCommand) -> Ack | Awaitable[Ack]:
        return self.submit(supervisor, name, command)

    def why(self, agent: str) -> WhyView | None:
        if agent not in self.store.users.records:
            return None
        return {"agent": agent, "at": 1.0, "findings": []}

    def attempted(self, user: str, what: str) -> None:
        self.trail.append((user, "forbidden", what, {}))

    def administered(self, actor: str, action: str, subject: str, details: Mapping[str, str]) -> None:
        self.trail.append((actor, action, subject, details))

    def changed(self, topic: Topic, key: str) -> None:
        self.changes.append((topic, key))

    def presence(self, agent: str, consoles: int) -> None:
        self.consoles[agent] = consoles


@dataclass
class Stage:
    """A running server with its parts."""

    deps: ConsoleDeps
    store: MemoryStore
    hub: RecordingHub
    app: ConsoleApp
    server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    @property
    def consoles(self) -> Consoles:
        return self.deps.consoles

    def http(self, **options: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=PATIENCE, **options)

    async def token(self, name: str) -> str:
        return await self.store.users.open_session(name, 3600)

    async def headers(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self.token(name)}"}

    @contextlib.asynccontextmanager
    async def console(self, name: str, **options: Any) -> AsyncIterator[TestConsole]:
        console = TestConsole(self)
        try:
            await console.connect(name, **options)
            yield console
        finally:
            await console.close()


class TestConsole:
    """A console over python-socketio that keeps what it got."""

    __test__ = False

    def __init__(self, stage: Stage):
        self.stage = stage
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.token = ""
        self.namespace = AGENTS
        self._news = asyncio.Event()
        self.client = socketio.AsyncClient(reconnection=False)

    async def connect(
        self,
        name: str,
        *,
        after: Any = None,
        namespace: str = AGENTS,
        transports: tuple[str, ...] = ("websocket",),
        auth: Any = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.namespace = namespace
        self.token = await self.stage.token(name) if name else ""
        self.client.on("*", self._take, namespace=namespace)
        details = auth if auth is not None else {"token": self.token, **({} if after is None else {"after": after})}
        await self.client.connect(
            self.stage.url,
            auth=details,
            namespaces=[namespace],
            transports=list(transports),
            headers=headers or {},
            wait_timeout=PATIENCE,
        )

    def _take(self, event: str, data: dict[str, Any]) -> None:
        self.got.append((event, data))
        self._news.set()

    async def wait(self, name: str, count: int = 1, seconds: float = PATIENCE) -> list[dict[str, Any]]:
        """All messages of this name, when there are ``count``."""
        async with asyncio.timeout(seconds):
            while len(self.messages(name)) < count:
                self._news.clear()
                await self._news.wait()
        return self.messages(name)

    def messages(self, name: str) -> list[dict[str, Any]]:
        return [data for event, data in self.got if event == name]

    @property
    def last_seq(self) -> int:
        return int(self.got[-1][1]["seq"])

    def chain_is_whole(self) -> bool:
        numbers = [(d["prev"], d["seq"]) for _, d in self.got]
        return all(b[0] == a[1] and b[1] > a[1] for a, b in itertools.pairwise(numbers))

    async def command(self, name: str, data: Any) -> Ack:
        """The acknowledgement."""
        return await self.client.call(name, data, namespace=self.namespace, timeout=PATIENCE)  # type: ignore[no-any-return]

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self.client.disconnect()


class RawConsole:
    """Engine.io by hand over one WebSocket: for what no honest client sends, and for one that does not read."""

    def __init__(self, stage: Stage):
        self.stage = stage
        self._session = aiohttp.ClientSession()
        self.socket: Any = None

    async def open(self, **options: Any) -> str:
        """Connect; the first packet is returned."""
        url = f"{self.stage.url}/socket.io/?EIO=4&transport=websocket"
        self.socket = await self._session.ws_connect(url, max_msg_size=0, **options)
        return str(await self.socket.receive_str(timeout=PATIENCE))

    async def sign_in(self, name: str, after: int | None = None, namespace: str = AGENTS) -> str:
        """Connect to the namespace; the answer is returned."""
        details = {"token": await self.stage.token(name)} | ({} if after is None else {"after": after})
        await self.socket.send_str(f"40{namespace},{json.dumps(details)}")
        return await self.receive()

    async def send(self, text: str) -> None:
        await self.socket.send_str(text)

    async def receive(self) -> str:
        """The next packet; ``closed`` when there is none any more."""
        while True:
            message = await self.socket.receive(timeout=6)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return "closed"
            if message.data != "2":
                return str(message.data)
            await self.socket.send_str("3")

    async def until_closed(self) -> list[str]:
        """What comes until the server closes."""
        packets = []
        while (packet := await self.receive()) != "closed":
            packets.append(packet)
        return packets

    async def __aenter__(self) -> RawConsole:
        return self

    async def __aexit__(self, *error: object) -> None:
        if self.socket is not None:
            with contextlib.suppress(Exception):
                self.socket._response.connection.transport.abort()
        await self._session.close()


async def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for a state."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the state did not come"
        await asyncio.sleep(0.01)


def seeded() -> MemoryStore:
    """The demo people, a queue, a customer and two interactions."""
    store = MemoryStore()
    people: list[tuple[str, Any, list[str]]] = [
        ("anna", "agent", ["PJSIP/1001"]),
        ("ben", "agent", ["PJSIP/1002"]),
        ("sofia", "supervisor", []),
        ("admin", "admin", []),
    ]
    for name, role, devices in people:
        store.users.records[name] = User(name=name, display_name=name.title(), role=role, devices=devices)
        store.users._passwords[name] = PASSWORD
    store.catalogue.known_queues["support"] = QueueSettings(name="support", pbx="main", label="Support")
    store.catalogue.reasons["lunch"] = Choice(code="lunch", labels={"en": "Lunch", "zh-CN": "午餐"})
    store.catalogue.outcomes["solved"] = Choice(code="solved", labels={"en": "Solved", "zh-CN": "已解决"})
    store.missed.records["m0"] = missed_call("m0", 1_000_000.0)
    for number, (agent, device) in enumerate([("anna", "PJSIP/1001"), ("ben", "PJSIP/1002")]):
        store.interactions.items.append(stored(f"i{number}", agent, device, 1_000_000.0 + number))
    return store


def stored(identity: str, agent: str, device: str, at: float) -> dict[str, Any]:
    interaction = Interaction(identity, pbx="main", started_at=at, ended=True, ended_at=at + 60, outcome="answered")
    view: dict[str, Any] = dict(interaction_view(interaction, None))
    del view["state"], view["customer_name_known"]
    segments = [{"agent": device, "from": at, "to": at + 60}, {"agent": agent, "from": at, "to": at + 60}]
    return {**view, "segments": segments}


@contextlib.asynccontextmanager
async def stage(dist: Path | None = None, **settings: Any) -> AsyncIterator[Stage]:
    """A running server; stopped at the end."""
    store = settings.pop("store", None) or seeded()
    hub = RecordingHub(store)
    deps = ConsoleDeps(
        users=store.users,
        customers=store.customers,
        interactions=store.interactions,
        catalogue=store.catalogue,
        missed=store.missed,
        live=hub,
        consoles=Consoles(store.log.next_seq),
    )
    deps = replace(deps, **({"dist": dist} if dist else {}), **settings)
    app = build_app(deps)
    server = await serve(app, "127.0.0.1", 0)
    try:
        yield Stage(deps, store, hub, app, server)
    finally:
        await server.stop()
