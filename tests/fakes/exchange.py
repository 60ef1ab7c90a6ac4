"""A hub with everything around it in memory, for tests: the log, the stores, the consoles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from cti_gateway.hub import Hub
from cti_gateway.pbx import Pbx
from cti_gateway.service import LinkSettings, PbxLink
from cti_gateway.tracking.parties import PbxProfile
from interaction_log import events as e
from interaction_log.interaction import Interaction
from interaction_log.records import Campaign, Choice, Match, NotFound, QueueSettings, Refused, User
from routing.distributor import Distributor, Settings
from tests.fakes.patience import PATIENCE

LI_LEI = {"id": "c1", "name": "李雷", "phones": ["+8613800138000"], "emails": [], "vip": True}


class MemoryLog:
    """Keeps what is appended."""

    def __init__(self) -> None:
        self.recorded: list[e.Recorded] = []
        self.seq = 0

    def next_seq(self) -> int:
        self.seq += 1
        return self.seq

    def append(self, recorded: e.Recorded) -> None:
        self.recorded.append(recorded)

    async def durable(self, seq: int) -> None:
        await asyncio.sleep(0)

    def open_interactions(self) -> list[Interaction]:
        return []

    async def events_after(self, seq: int, limit: int) -> AsyncIterator[e.Recorded]:
        for one in self.recorded:
            if one.seq > seq:
                yield one

    def of(self, *kinds: type) -> list[Any]:
        return [one.event for one in self.recorded if isinstance(one.event, kinds)]


class Customers:
    """One known customer; ``delay`` in seconds; ``broken`` raises."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.broken = False
        self.made: list[dict[str, Any]] = []

    async def find_caller(self, address: str) -> Match:
        await asyncio.sleep(self.delay)
        if self.broken:
            raise RuntimeError("the database is away")
        return Match(strength="known", customer=LI_LEI) if address == "+8613800138000" else Match(strength="unknown")

    async def match_of(self, customer_id: str) -> Match:
        known = [LI_LEI, *self.made]
        found = next((one for one in known if one["id"] == customer_id), None)
        if found is None:
            raise NotFound(customer_id)
        return Match(strength="known", customer=found)

    async def create(self, fields: dict[str, Any]) -> Any:
        if not fields.get("name"):
            raise Refused("name", "is missing")
        made = {"id": f"new{len(self.made)}", **fields}
        self.made.append(made)
        return type("Made", (), made)()


class Users:
    def __init__(self) -> None:
        self.list = [
            User(name="anna", display_name="Anna", role="agent", devices=["PJSIP/1001"]),
            User(name="ben", display_name="Ben", role="agent", devices=["PJSIP/1002"]),
            User(name="sofia", display_name="Sofia", role="supervisor"),
        ]

    async def all(self) -> list[User]:
        return self.list


class Catalogue:
    def __init__(self) -> None:
        self.wrap_up = 30

    async def queues(self) -> list[QueueSettings]:
        return [QueueSettings(name="support", pbx="main", label="Support", wrap_up_seconds=self.wrap_up)]

    async def put_queue(self, queue: QueueSettings) -> None:
        """Taken, and forgotten."""

    async def pause_reasons(self) -> list[Choice]:
        return [Choice(code="lunch", labels={"en": "Lunch"})]

    async def campaigns(self) -> list[Campaign]:
        return []


class Screens:
    """Everything that was shown, and a way to wait for it."""

    overseen = True

    def __init__(self) -> None:
        self.shown: list[tuple[str, str, Mapping[str, Any]]] = []
        self._news = asyncio.Event()

    def publish(self, agent: str, name: str, payload: Mapping[str, Any]) -> int:
        self.shown.append((agent, name, payload))
        self._news.set()
        return len(self.shown)

    def flash(self, agent: str, name: str, payload: Mapping[str, Any]) -> int:
        return self.publish(agent, name, payload)

    def publish_each(self, agents: Iterable[str], name: str, payload: Mapping[str, Any]) -> None:
        for agent in agents:
            self.publish(agent, name, payload)

    def publish_all(self, name: str, payload: Mapping[str, Any]) -> int:
        return self.publish("*", name, payload)

    def publish_supervisors(self, name: str, payload: Mapping[str, Any]) -> int:
        return self.publish("supervisors", name, payload)

    def audience(self) -> list[str]:
        return list({who: None for who, _, _ in self.shown if who not in ("*", "supervisors")})

    def connected(self, agent: str) -> int:
        return 1

    def disconnect(self, agent: str) -> int:
        return 0

    def of(self, agent: str, name: str) -> list[Mapping[str, Any]]:
        return [body for who, what, body in self.shown if who == agent and what == name]

    async def wait(
        self,
        agent: str,
        name: str,
        which: Callable[[Mapping[str, Any]], object] = lambda _: True,
        seconds: float = PATIENCE,
    ) -> Mapping[str, Any]:
        """The first such message, also of before."""
        async with asyncio.timeout(seconds):
            while True:
                self._news.clear()
                found = next((body for body in self.of(agent, name) if which(body)), None)
                if found is not None:
                    return found
                await self._news.wait()


class Exchange:
    """Hub, PBX link and fakes. ``port``: where the manager interface is."""

    def __init__(self, port: int, reactor: Any, *, devices: tuple[str, ...] = ("PJSIP/10??",), **link: Any) -> None:
        self.log, self.customers, self.users, self.catalogue = MemoryLog(), Customers(), Users(), Catalogue()
        self.screens = Screens()
        stores: Any = (self.log, self.customers, self.users, self.catalogue)
        self.hub = Hub(Distributor(Settings()), *stores)
        self.hub.attach(self.screens)
        profile = PbxProfile(name="main", devices=devices, trunks=("PJSIP/pstn",), outbound_prefix="9")
        self.pbx = Pbx(profile, self.hub.take, self.hub.spawn)
        settings = LinkSettings("main", "127.0.0.1", port, link.get("username", "callweave"), link["secret"])
        self.link = PbxLink.to(settings, reactor, on_messages=self.pbx.on_messages, on_state=self.pbx.on_state)
        self.pbx.attach(self.link)
        self.hub.add(self.pbx)

    async def __aenter__(self) -> Exchange:
        await self.hub.load()
        self.link.start()
        await self.until(lambda: self.pbx.ready_since is not None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.link.stop()
        await self.hub.drain(1.0)

    async def until(self, which: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait for a state."""
        async with asyncio.timeout(seconds):
            while not which():  # noqa: ASYNC110 (any state)
                await asyncio.sleep(0.01)

    async def command(self, agent: str, name: str, command: Any) -> Any:
        """Submit as the console server does."""
        answer = self.hub.submit(agent, name, command)
        return answer if isinstance(answer, dict) else await answer
