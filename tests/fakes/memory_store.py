"""The ports of ``routing.ports`` in memory, for tests. One object per port, all over one :class:`MemoryStore`."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from interaction_log.events import Recorded
from interaction_log.interaction import Interaction
from interaction_log.records import (
    Campaign,
    Choice,
    Conflict,
    Customer,
    ImportReport,
    Match,
    NotFound,
    QueueSettings,
    Refused,
    RefusedRow,
    User,
)
from interaction_log.rights import EVERYTHING, Sight
from routing.ports import InteractionPage
from tests.fakes.memory_missed import MemoryMissed


def _fields_of(record: type, given: dict[str, Any]) -> dict[str, Any]:
    known = {f.name for f in fields(record)}
    for name in given:
        if name not in known:
            raise Refused(name, "is unknown")
    return given


@dataclass
class MemoryCustomers:
    """``routing.ports.Customers``."""

    records: dict[str, Customer] = field(default_factory=dict)
    timelines: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _ids: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    async def find_caller(self, address: str) -> Match:
        found = [c for c in self.records.values() if address in c.phones]
        if len(found) == 1:
            return await self.match_of(found[0].id)
        if found:
            return Match(strength="candidates", candidates=[_public(c) for c in found])
        return Match(strength="unknown")

    async def get(self, customer_id: str) -> Customer:
        if customer_id not in self.records:
            raise NotFound(customer_id)
        return self.records[customer_id]

    async def match_of(self, customer_id: str) -> Match:
        customer = await self.get(customer_id)
        timeline = self.timelines.get(customer_id, [])[:5]
        return Match(strength="known", customer=_public(customer), timeline=timeline)

    async def create(self, fields: dict[str, Any]) -> Customer:
        self._check(fields)
        customer = Customer(id=f"c{next(iter(self._ids))}", **_fields_of(Customer, fields))
        self.records[customer.id] = customer
        return customer

    async def update(self, customer_id: str, fields: dict[str, Any]) -> Customer:
        self._check(fields)
        changed = replace(await self.get(customer_id), **_fields_of(Customer, fields))
        self.records[customer_id] = changed
        return changed

    def _check(self, fields: dict[str, Any]) -> None:
        for position, phone in enumerate(fields.get("phones", [])):
            if not re.fullmatch(r"\+[0-9]{4,15}", phone):
                raise Refused(f"phones.{position}", "is no telephone number")

    async def delete(self, customer_id: str) -> None:
        await self.get(customer_id)
        del self.records[customer_id]

    async def search(
        self, text: str, limit: int, cursor: str | None, segment: str | None = None, names: bool = False
    ) -> tuple[list[Customer], str | None]:
        def shown(c: Customer) -> str:
            return f"{c.name} {c.organisation}" if names else repr(_public(c))

        found = sorted((c for c in self.records.values() if text.lower() in shown(c).lower()), key=lambda c: c.id)
        if cursor is not None:
            found = [c for c in found if c.id > cursor]
        return found[:limit], found[limit - 1].id if len(found) > limit else None

    async def timeline(self, customer_id: str, limit: int, before: float | None) -> list[dict[str, Any]]:
        items = self.timelines.get(customer_id, [])
        return [i for i in items if before is None or i["at"] < before][:limit]

    async def import_csv(self, data: bytes, dry_run: bool) -> ImportReport:
        refused: list[RefusedRow] = []
        created = read = 0
        for line, row in enumerate(csv.DictReader(io.StringIO(data.decode("utf-8"))), start=2):
            read += 1
            wanted = {"name": row.get("name", ""), "phones": [row["phone"]] if row.get("phone") else []}
            try:
                self._check(wanted)
            except Refused as error:
                refused.append(RefusedRow(line=line, field="phone", reason=error.message, row=row))
                continue
            created += 1
            if not dry_run:
                await self.create(wanted)
        return ImportReport(read=read, created=created, updated=0, refused=refused)


def _public(customer: Customer) -> dict[str, Any]:
    return {f.name: getattr(customer, f.name) for f in fields(customer)}


@dataclass
class MemoryInteractions:
    """``routing.ports.Interactions`` over public objects."""

    items: list[dict[str, Any]] = field(default_factory=list)
    lost: list[dict[str, Any]] = field(default_factory=list)
    decided: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def page(
        self,
        *,
        start: float | None,
        end: float | None,
        queue: str | None,
        agent: str | None,
        customer_id: str | None,
        limit: int,
        cursor: str | None,
        sight: Sight = EVERYTHING,
    ) -> InteractionPage:
        found = [i for i in self.items if self._wanted(i, start, end, queue, agent, customer_id) and sight.sees(i)]
        if cursor is not None:
            if not cursor.isdigit():
                raise Refused("cursor", "is not one of ours")
            found = found[int(cursor) :]
        following = str(int(cursor or 0) + limit) if len(found) > limit else None
        return InteractionPage(found[:limit], following)

    @staticmethod
    def _wanted(
        item: dict[str, Any],
        start: float | None,
        end: float | None,
        queue: str | None,
        agent: str | None,
        customer_id: str | None,
    ) -> bool:
        at = item["started_at"]
        return (
            (start is None or at >= start)
            and (end is None or at < end)
            and queue in (None, item["queue"])
            and customer_id in (None, item["customer_id"])
            and (agent is None or any(s["agent"] == agent for s in item["segments"]))
        )

    async def get(self, interaction_id: str) -> dict[str, Any]:
        for item in self.items:
            if item["id"] == interaction_id:
                return item
        raise NotFound(interaction_id)

    async def in_sight(self, interaction_id: str, sight: Sight) -> bool:
        return sight.sees(await self.get(interaction_id))

    async def recent_of_agent(self, devices: Iterable[str], agent: str, limit: int) -> list[dict[str, Any]]:
        mine = {*devices, agent}
        return [i for i in self.items if any(s["agent"] in mine for s in i["segments"])][:limit]

    async def decisions(self, interaction_id: str) -> list[dict[str, Any]]:
        return self.decided.get(interaction_id, [])

    async def gaps(self, limit: int) -> list[dict[str, Any]]:
        return self.lost[:limit]


@dataclass
class MemoryUsers:
    """``routing.ports.Users``. ``fail`` makes every call raise, as a database that is away would."""

    records: dict[str, User] = field(default_factory=dict)
    fail: bool = False
    now: Callable[[], float] = time.time
    _passwords: dict[str, str] = field(default_factory=dict)
    _sessions: dict[str, tuple[str, float]] = field(default_factory=dict)

    def _up(self) -> None:
        if self.fail:
            raise ConnectionError("the database is away")

    async def all(self) -> list[User]:
        self._up()
        return list(self.records.values())

    async def get(self, name: str) -> User:
        self._up()
        if name not in self.records:
            raise NotFound(name)
        return self.records[name]

    async def create(self, user: User, password: str) -> User:
        self._up()
        if user.name in self.records:
            raise Conflict("There is a user of this name.")
        self.records[user.name] = user
        self._passwords[user.name] = password
        return user

    async def update(self, name: str, fields: dict[str, Any]) -> User:
        user = await self.get(name)
        wanted = dict(_fields_of(User, fields))
        if wanted.pop("version", user.version) != user.version:
            raise Conflict("The user was changed meanwhile.")
        self.records[name] = replace(user, **wanted, version=user.version + 1)
        return self.records[name]

    async def set_password(self, name: str, password: str) -> None:
        await self.get(name)
        self._passwords[name] = password

    async def check_password(self, name: str, password: str) -> User | None:
        self._up()
        right = name in self._passwords and secrets.compare_digest(
            self._passwords[name].encode(), password.encode("utf-8", "surrogatepass")
        )
        user = self.records.get(name) if right else None
        return user if user is not None and not user.disabled else None

    async def open_session(self, name: str, lifetime_seconds: float) -> str:
        token = secrets.token_urlsafe(32)
        self._sessions[_hashed(token)] = (name, self.now() + lifetime_seconds)
        return token

    async def session_user(self, token: str) -> User | None:
        self._up()
        name, until = self._sessions.get(_hashed(token), ("", 0.0))
        user = self.records.get(name)
        return user if user is not None and not user.disabled and self.now() < until else None

    async def session_users(self, tokens: Sequence[str]) -> dict[str, User]:
        found = {token: await self.session_user(token) for token in tokens}
        return {token: user for token, user in found.items() if user is not None}

    async def close_session(self, token: str) -> None:
        self._sessions.pop(_hashed(token), None)

    async def close_sessions_of(self, name: str) -> None:
        self._sessions = {t: s for t, s in self._sessions.items() if s[0] != name}


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass
class MemoryCatalogue:
    """``routing.ports.Catalogue``."""

    known_queues: dict[str, QueueSettings] = field(default_factory=dict)
    reasons: dict[str, Choice] = field(default_factory=dict)
    outcomes: dict[str, Choice] = field(default_factory=dict)
    abilities: dict[str, Choice] = field(default_factory=dict)
    known_campaigns: dict[str, Campaign] = field(default_factory=dict)

    async def queues(self) -> list[QueueSettings]:
        return list(self.known_queues.values())

    async def put_queue(self, queue: QueueSettings) -> None:
        self.known_queues[queue.name] = queue

    async def pause_reasons(self) -> list[Choice]:
        return list(self.reasons.values())

    async def put_pause_reason(self, choice: Choice) -> None:
        self.reasons[choice.code] = choice

    async def dispositions(self) -> list[Choice]:
        return list(self.outcomes.values())

    async def put_disposition(self, choice: Choice) -> None:
        self.outcomes[choice.code] = choice

    async def skills(self) -> list[Choice]:
        return list(self.abilities.values())

    async def put_skill(self, choice: Choice) -> None:
        self.abilities[choice.code] = choice

    async def campaigns(self) -> list[Campaign]:
        return list(self.known_campaigns.values())

    async def put_campaign(self, campaign: Campaign) -> None:
        self.known_campaigns[campaign.code] = campaign


@dataclass
class MemoryLog:
    """``routing.ports.Log``: durable at once, and gone with the process."""

    first: int = 1
    events: list[Recorded] = field(default_factory=list)
    open: list[Interaction] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = itertools.count(self.first)

    def next_seq(self) -> int:
        return next(self._numbers)

    def append(self, recorded: Recorded) -> None:
        self.events.append(recorded)

    async def durable(self, seq: int) -> None:
        return None

    def open_interactions(self) -> list[Interaction]:
        return self.open

    async def events_after(self, seq: int, limit: int) -> AsyncIterator[Recorded]:
        for recorded in [r for r in self.events if r.seq > seq][:limit]:
            yield recorded


@dataclass
class MemoryStore:
    """All of them."""

    customers: MemoryCustomers = field(default_factory=MemoryCustomers)
    interactions: MemoryInteractions = field(default_factory=MemoryInteractions)
    users: MemoryUsers = field(default_factory=MemoryUsers)
    catalogue: MemoryCatalogue = field(default_factory=MemoryCatalogue)
    log: MemoryLog = field(default_factory=MemoryLog)
    missed: MemoryMissed = field(default_factory=MemoryMissed)

    def become(self, other: MemoryStore) -> None:
        """Hold what ``other`` holds (the log goes on)."""
        for name in ("customers", "interactions", "users", "catalogue", "missed"):
            vars(getattr(self, name)).update(vars(getattr(other, name)))
