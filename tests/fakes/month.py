"""A month of a contact centre, made up from a seed: rows as the log's projections have them, written in bulk.

Waits, talks and people are spread as in real ones: busy mornings, short abandons, overflow, repeat callers, holds,
transfers, wrap-ups. Every time is in whole milliseconds. What is still open at the end stays open.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import psycopg
import sqlalchemy as sa

from interaction_log.store.callbacks import callbacks
from interaction_log.store.engine import database_url, open_engine
from interaction_log.store.schema import agent_states, customers, interactions, legs, queue_visits

Row = dict[str, Any]
_PUBLIC = (
    "channel",
    "direction",
    "customer_address",
    "queue",
    "outcome",
    "started_at",
    "answered_at",
    "ended_at",
    "wait_seconds",
    "talk_seconds",
    "hold_seconds",
)
QUEUES = ("billing", "orders", "sales", "support", "售后", "vip")
CHANNELS = ("voice", "voice", "voice", "chat", "email")
RESULTS = ("answered",) * 80 + ("abandoned",) * 11 + ("timeout",) * 5 + ("no_agent",) * 2 + ("left", "pbx_lost")


@dataclass
class Month:
    """The rows, by table."""

    start: float
    days: int
    interactions: list[Row] = field(default_factory=list)
    visits: list[Row] = field(default_factory=list)
    legs: list[Row] = field(default_factory=list)
    states: list[Row] = field(default_factory=list)
    callbacks: list[Row] = field(default_factory=list)
    customers: list[Row] = field(default_factory=list)

    @property
    def end(self) -> float:
        return self.start + 86_400.0 * self.days

    def tables(self) -> Sequence[tuple[sa.Table, list[Row]]]:
        return (
            (interactions, self.interactions),
            (queue_visits, self.visits),
            (legs, self.legs),
            (agent_states, self.states),
            (callbacks, self.callbacks),
            (customers, self.customers),
        )


def month(start: float, *, contacts: int = 200_000, days: int = 30, agents: int = 120, seed: int = 4) -> Month:
    """``contacts`` contacts that begin within ``days`` days from ``start`` (Unix seconds)."""
    made = _Making(Month(start, days), random.Random(seed), agents)
    made.people(max(1, contacts // 6))
    gap = 86_400.0 * days / contacts
    for n in range(contacts):
        made.contact(n, start + n * gap + made.random.random() * gap * 0.9)
    made.sign_out()
    return made.month


class _Making:
    def __init__(self, one: Month, source: random.Random, agents: int):
        self.month, self.random = one, source
        self.seq = 0
        self.names = [f"agent{n:03d}" for n in range(agents)]
        self.since: dict[str, tuple[str, float, str | None]] = {}
        """The running state of an agent."""
        self.free: dict[str, float] = {}
        """When she is done with what she had."""
        self.customer_ids: list[str] = []

    def people(self, count: int) -> None:
        for n in range(count):
            self.customer_ids.append(f"c{n:06d}")
            name = f"Customer {n}"
            self.month.customers.append(
                {
                    "id": f"c{n:06d}",
                    "name": name,
                    "vip": n % 10 == 0,
                    "public": "{}",
                    "sort_name": name.casefold(),
                    "search": name.casefold(),
                }
            )

    def contact(self, n: int, at: float) -> None:
        pick = self.random
        of = str(uuid.UUID(int=pick.getrandbits(128), version=4))
        at = round(at, 3)
        inbound = pick.random() < 0.93
        one = {
            "id": of,
            "began": n * 20 + 1,
            "pbx": "main",
            "channel": pick.choice(CHANNELS),
            "direction": "inbound" if inbound else "outbound",
            "sorted_at": at,
            "started_at": at,
            "answered_at": None,
            "ended_at": None,
            "ended": True,
            "outcome": None,
            "queue": None,
            "customer_id": pick.choice(self.customer_ids) if pick.random() < 0.8 else None,
            "customer_address": f"+86138{pick.randrange(10**8):08d}" if pick.random() < 0.95 else None,
            "disposition": None,
            "talk_seconds": 0.0,
            "wait_seconds": None,
            "hold_seconds": 0.0,
        }
        left = self._wait(one, at, n) if inbound else ("answered", round(at + 3, 3))
        self._rest(one, at, *left)
        self.month.interactions.append(one)

    def _wait(self, one: Row, at: float, n: int) -> tuple[str | None, float]:
        """Through one or two queues, or straight to an extension; how and when it left."""
        pick = self.random
        if pick.random() < 0.06:
            one["wait_seconds"] = round(pick.uniform(1, 20), 3)
            return pick.choice(["answered", "no_answer", "busy", "abandoned"]), round(at + one["wait_seconds"], 3)
        entered, result = round(at + pick.uniform(0, 3), 3), "answered"
        queues = pick.sample(QUEUES, 2) if pick.random() < 0.08 else [pick.choice(QUEUES)]
        for k, queue in enumerate(queues):
            last = k == len(queues) - 1
            result = pick.choice(RESULTS) if last else pick.choice(["timeout", "no_agent", "left"])
            wait = round(min(300.0, pick.expovariate(1 / 18.0)), 3)
            left = round(entered + wait, 3)
            visit = {"interaction_id": one["id"], "n": k, "queue": queue, "entered_at": entered, "left_at": left}
            self.month.visits.append(visit | {"wait_seconds": left - entered, "result": result})
            one["queue"] = queue
            entered = left
        one["wait_seconds"] = round(entered - at, 3)
        if result == "left" and pick.random() < 0.7:
            self._promise(one, entered)
        if at > self.month.end - 60 and n % 3 == 0:  # still waiting at the end
            self.month.visits[-1] |= {"left_at": None, "wait_seconds": None, "result": None}
            one["wait_seconds"] = None
            return None, entered
        return {"left": "abandoned", "pbx_lost": "pbx_lost"}.get(result, result), entered

    def _promise(self, one: Row, at: float) -> None:
        row = {"id": f"cb-{one['id']}", "pbx": "main", "queue": one["queue"], "address": "+8613800138000", "name": ""}
        row |= {"since": at, "requested_at": at, "expires_at": at + 3600, "state": "done", "attempts": 1}
        self.month.callbacks.append(row | {"not_before": 0.0, "requested_in": one["id"], "result": "answered"})

    def _rest(self, one: Row, at: float, outcome: str | None, left: float) -> None:
        if outcome is None:
            one["ended"] = False
            return
        one["outcome"], one["ended_at"] = outcome, left
        if outcome == "answered":
            one["answered_at"] = left
            self._talk(one, left)

    def _talk(self, one: Row, at: float) -> None:
        pick, end = self.random, at
        for k in range(2 if pick.random() < 0.07 else 1):
            agent = self._agent(at)
            talk = round(min(1_800.0, pick.expovariate(1 / 160.0)), 3)
            begin, end = end, round(end + talk, 3)
            device = f"PJSIP/{1000 + int(agent[5:])}"
            rang = round(begin - pick.uniform(1, 6), 3)
            for result in (["no_answer"] if pick.random() < 0.05 else []) + ["answered"]:
                self._leg(one, "offer", agent, device, rang, begin, result)
            self._leg(one, "segment", agent, device, begin, end, "customer")
            if k == 1:
                self._mark_transfer(one["id"])
            wrap = round(pick.uniform(0, 60), 3)
            self._states(agent, one["id"], rang, begin, end, round(end + wrap, 3))
            one["talk_seconds"] = round(one["talk_seconds"] + end - begin, 3)
            one["_device"] = one.get("_device") or device
        if pick.random() < 0.15:
            one["hold_seconds"] = round(pick.uniform(1, 40) if one["talk_seconds"] > 60 else 0.5, 3)
        one["ended_at"] = end

    def _mark_transfer(self, of: str) -> None:
        """The first stretch ended with a transfer."""
        for leg in reversed(self.month.legs):
            if leg["interaction_id"] == of and leg["kind"] == "segment" and leg["n"] == 0:
                leg["result"] = "transferred"
                return

    def _leg(self, one: Row, kind: str, agent: str, device: str, begin: float, end: float, result: str) -> None:
        key = f"_{kind}s"
        n = one.get(key, 0)
        one[key] = n + 1
        row = {"interaction_id": one["id"], "kind": kind, "n": n, "device": device, "agent": agent}
        self.month.legs.append(row | {"queue": one["queue"], "from_at": begin, "to_at": end, "result": result})

    def _agent(self, at: float) -> str:
        """One who is free, if there is one among some."""
        some = self.random.sample(self.names, min(8, len(self.names)))
        return min(some, key=lambda name: self.free.get(name, 0.0))

    def _states(self, agent: str, of: str, rang: float, begin: float, end: float, done: float) -> None:
        free = self.free.get(agent)
        if free is None:
            self._state(agent, "READY", round(rang - 60, 3), None)
        elif rang < free:  # she is in two contacts: only the rest of the later one shows
            if done <= free:
                return
            rang = begin = free
            end = max(end, free)
        elif rang - free > 14_400:
            self._state(agent, "LOGGED_OUT", round(free + 600, 3), None)
            self._state(agent, "READY", round(rang - 120, 3), None)
        elif rang - free > 900:
            self._state(agent, "NOT_READY", round(free + 100, 3), None)
            self._state(agent, "READY", round(rang - 30, 3), None)
        for state, at in (("OFFERED", rang), ("BUSY", begin), ("WRAP_UP", end)):
            self._state(agent, state, at, of)
        self._state(agent, "READY", done, None)
        self.free[agent] = done

    def _state(self, agent: str, state: str, at: float, of: str | None) -> None:
        self.seq += 1
        running = self.since.get(agent)
        if running is not None:
            row = self.month.states[running[3]]  # type: ignore[misc]
            row["to_at"], row["to_seq"] = at, self.seq
        place = len(self.month.states)
        row = {"seq": self.seq, "agent": agent, "state": state, "reason": None, "interaction_id": of}
        self.month.states.append(row | {"from_at": at, "to_at": None, "to_seq": None})
        self.since[agent] = (state, at, of, place)  # type: ignore[assignment]

    def sign_out(self) -> None:
        """Half of them go home."""
        for agent in sorted(self.free)[::2]:
            self._state(agent, "LOGGED_OUT", round(self.free[agent] + 5, 3), None)


def write(url: str, one: Month) -> None:
    """Into an empty, migrated database."""
    if database_url(url).get_backend_name() == "postgresql":
        _copy(url, one)
    else:
        _insert(url, one)


def _public(row: Row) -> str:
    """The object of an interaction, as long as a real one."""
    held = [{"by": row["_device"], "seconds": row["hold_seconds"]}] if row["hold_seconds"] else []
    lists = ("linked_ids", "unique_ids", "offers", "segments", "transfers", "recordings", "messages")
    own = {name: row[name] for name in _PUBLIC} | {"customer_name": None, "dialled": "800", "ended_by": "customer"}
    own |= {name: [] for name in (*lists, "queues", "queue_visits")} | {"padding": "x" * 800}
    return orjson.dumps(own | {"holds": held, "conference": False, "inferred": False}).decode()


def _values(row: Row, names: list[str]) -> list[Any]:
    return [row[name] if name in row else _public(row) for name in names]


def _columns(table: sa.Table, rows: list[Row]) -> list[str]:
    public = {"public"} if table is interactions else set()
    return [name for name in table.c.keys() if name in {*rows[0], *public}]  # noqa: SIM118


def _insert(url: str, one: Month) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        for table, rows in one.tables():
            if rows:
                names = _columns(table, rows)
                marks = ",".join("?" * len(names))
                statement = f"INSERT INTO {table.name} ({','.join(names)}) VALUES ({marks})"
                connection.connection.driver_connection.executemany(  # type: ignore[union-attr]
                    statement, (_values(row, names) for row in rows)
                )
    engine.dispose()


def _copy(url: str, one: Month) -> None:
    plain = database_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection, connection.cursor() as cursor:
        for table, rows in one.tables():
            if rows:
                names = _columns(table, rows)
                with cursor.copy(f"COPY {table.name} ({','.join(names)}) FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(_values(row, names))
        cursor.execute("ANALYZE")
