"""Who may a caller be? Exact E.164: known; the national significant number: maybe; several people: candidates.

Numbers of merged records lead to the head of their person. A number that is marked as shared gives candidates at most;
whom an agent chose for this number before is the first of them.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from typing import Any, Final, NamedTuple

import orjson
import sqlalchemy as sa

from interaction_log.evidence import ranked
from interaction_log.identity import parse_phone
from interaction_log.records import Customer, Match
from interaction_log.store.cases import MOST_IN_POP, OPEN_CASES, open_case
from interaction_log.store.customer_rows import view
from interaction_log.store.identity_tables import claims, customer_links, shared_addresses
from interaction_log.store.links import head_of
from interaction_log.store.schema import customer_phones, customers
from interaction_log.store.sealed_fields import ANY, opened_in
from interaction_log.store.statements import Question
from interaction_log.store.timeline import NEWEST, line, newest_first

MOST_CANDIDATES: Final = 10
MOST_OWNERS: Final = 200
"""Of a number, that are looked at: a switchboard's may be that of a whole town."""
TIMELINE: Final = 5
_MOST: Final[sa.ColumnElement[int]] = sa.literal_column(str(MOST_CANDIDATES))
_SHORTEST: Final = 6  # digits: shorter numbers are extensions and services, the same in every country
_NOBODY: Final = view(Customer(id="", name=""))  # a record written by an older version lacks newer fields
_DIGITS: Final = re.compile(r"\+?0*([0-9]+)", re.ASCII)

# Built once: making a statement anew costs more than SQLite takes to answer it, and a pop waits for this one.
_NUMBER: Final[sa.BindParameter[str]] = sa.bindparam("number")
_NATIONAL: Final[sa.BindParameter[str | None]] = sa.bindparam("national")
_HEADED: Final = (
    sa.exists().where(customer_links.c.root == customers.c.id).correlate(customers).label("headed")
)  # there are merged records below
_CHOSEN_FOR: Final = (claims.c.kind == sa.literal_column("'phone'")) & claims.c.source.in_(
    [sa.literal_column("'agent'"), sa.literal_column("'confirmed'")]
)


def _by_phone(*where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    ids = sa.select(head_of(customer_phones.c.customer_id)).where(*where)
    ids = ids.order_by(customer_phones.c.customer_id).limit(sa.literal_column(str(MOST_OWNERS)))
    query = sa.select(customers.c.id, customers.c.public, _HEADED, sa.literal_column("0.0").label("at"))
    return query.where(customers.c.id.in_(ids)).order_by(customers.c.id).limit(_MOST)


EXACT: Final = _by_phone(customer_phones.c.e164 == _NUMBER)
"""Persons with exactly this number, by id."""
NATIONAL: Final = _by_phone(customer_phones.c.national == _NATIONAL, customer_phones.c.e164.is_distinct_from(_NUMBER))
"""Persons with this national significant number in another country, by id."""
CHOSEN: Final = (
    sa.select(customers.c.id, customers.c.public, _HEADED, sa.func.max(claims.c.last_at).label("at"))
    .select_from(claims)
    .join(customers, customers.c.id == head_of(claims.c.customer_id))
    .where(claims.c.value == _NUMBER, _CHOSEN_FOR)
    .group_by(customers.c.id)
    .order_by(sa.desc("at"), customers.c.id)
    .limit(_MOST)
)
"""Persons whom agents chose for this number, the last choice first."""
_SHARED: Final = sa.exists().where(shared_addresses.c.value == _NUMBER).label("shared")


def _because(why: str, query: sa.Select[Any]) -> sa.Select[Any]:
    return sa.select(sa.literal_column(f"'{why}'").label("why"), *query.subquery().c, _SHARED)


ANYBODY: Final = sa.union_all(_because("number", EXACT), _because("similar", NATIONAL), _because("chosen", CHOSEN))
"""All of them, each with why, and whether the number is shared. One statement: beside a busy writer each waits to have
the interpreter back, and for a stranger there would be three."""
BELOW: Final = sa.select(customer_links.c.member).where(customer_links.c.root == sa.bindparam("customer"))


class _Found(NamedTuple):
    """One row of ``ANYBODY``. ``headed``: other records are merged into this one; ``at``: when it was chosen."""

    why: str
    id: str
    public: str
    headed: int
    at: float
    shared: int


class PhoneBook:
    """The questions about a caller, for one database. ``driver`` is its driver's own connection."""

    def __init__(self, dialect: sa.Dialect, region: str):
        self._anybody = Question(dialect, ANYBODY)
        self._below = Question(dialect, BELOW)
        self._newest = Question(dialect, NEWEST)
        self._cases = Question(dialect, OPEN_CASES)
        self._region = region

    def find(self, driver: Any, address: str) -> Match:
        """The people behind an address, without their history."""
        number = parse_phone(address, self._region)
        e164, national = (number.e164, number.national) if number is not None else (address, _national(address))
        rows = self._anybody.ask(driver, number=e164, national=national) if national else []
        return self._judged(driver, [_Found(*row) for row in rows]) if rows else Match(strength="unknown")

    def rehearse(self, driver: Any) -> None:
        """Ask every question once, about nobody; the numbering plan of the region is read, too."""
        for address in ("+0012345678", "0012345678"):
            self.find(driver, address)
        self.with_history(driver, Match(strength="known", customer={"id": ""}))

    def _judged(self, driver: Any, rows: list[_Found]) -> Match:
        """Who has exactly this number is known, unless it is shared or somebody else was chosen for it; without such
        a person, one with a like number or whom an agent chose may be it. (A union promises no order.)"""
        exact = sorted((one for one in rows if one.why == "number"), key=_by_id)
        owners = exact or sorted((one for one in rows if one.why == "similar"), key=_by_id)
        chosen = sorted((one for one in rows if one.why == "chosen"), key=_last_first)
        shared = bool(exact and exact[0].shared)
        people = _together(
            [_person(one, "shared" if shared else one.why) for one in owners], [_person(one, one.why) for one in chosen]
        )
        if len(people) > 1 or shared:
            return Match(strength="candidates", candidates=people[:MOST_CANDIDATES])
        return self._one(driver, people[0], (owners or chosen)[0].headed, "known" if exact else "maybe")

    def _one(self, driver: Any, person: dict[str, Any], headed: object, strength: Any) -> Match:
        also = [row[0] for row in self._below.ask(driver, customer=person["id"])] if headed else []
        return Match(strength=strength, customer=_plain(person), also=also)

    def with_history(self, driver: Any, match: Match) -> Match:
        """The same with the last interactions and the open cases, if it is one person."""
        if match.customer is None:
            return match
        rows = self._newest.ask(driver, customer=match.customer["id"], most=TIMELINE)
        for of in match.also:
            rows += self._newest.ask(driver, customer=of, most=TIMELINE)
        lines = sorted((line(row) for row in rows), key=newest_first)
        cases = self._cases.ask(driver, customer=match.customer["id"], most=MOST_IN_POP)
        return replace(match, timeline=lines[:TIMELINE], open_cases=[open_case(row) for row in cases])


def _national(address: str) -> str | None:
    """The digits of what is no valid number here: a foreign national number with its trunk prefix, perhaps."""
    found = _DIGITS.fullmatch(address)
    return found[1] if found is not None and len(found[1]) >= _SHORTEST else None


def _by_id(one: _Found) -> str:
    return one.id


def _last_first(one: _Found) -> tuple[float, str]:
    return -one.at, one.id


def _person(row: _Found, why: str) -> dict[str, Any]:
    """The public record, with ``why`` it is shown: codes of ``wire.WhyCandidate``."""
    found = orjson.loads(row.public)
    if ANY in row.public:
        found = opened_in(found)
    return {**_NOBODY, **found, "why": [why]}


def _plain(person: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in person.items() if name != "why"}


def _together(people: list[dict[str, Any]], chosen: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each once, whom agents chose before first."""
    found = {one["id"]: one for one in people}
    for one in chosen:
        there = found.setdefault(one["id"], {**one, "why": []})
        found[one["id"]] = {**there, "why": ["chosen", *there["why"]]}
    return ranked(list(found.values()), [one["id"] for one in chosen])


class Recent:
    """The last callers' matches, for at most ``seconds``; emptied by every change of a customer here."""

    def __init__(self, size: int = 4_096, seconds: float = 30.0):
        self._size, self._seconds = size, seconds
        self._found: OrderedDict[str, tuple[float, Match]] = OrderedDict()
        self._generation = 0
        self._lock = threading.Lock()

    def get(self, address: str) -> Match | None:
        """What was found lately."""
        with self._lock:
            until, match = self._found.get(address, (0.0, None))
            return match if until > time.monotonic() else None

    @property
    def generation(self) -> int:
        """To be read before the query whose result is ``put``."""
        return self._generation

    def put(self, address: str, match: Match, generation: int) -> None:
        """Keep it, unless customers changed while it was looked up."""
        with self._lock:
            if generation != self._generation:
                return
            self._found[address] = (time.monotonic() + self._seconds, match)
            self._found.move_to_end(address)
            if len(self._found) > self._size:
                self._found.popitem(last=False)

    def clear(self) -> None:
        """Customers changed."""
        with self._lock:
            self._generation += 1
            self._found.clear()
