"""Whom a request is about, and what stands against erasing that person."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.store import links
from interaction_log.store.personal import Person, its_interactions
from interaction_log.store.privacy_tables import holds
from interaction_log.store.schema import customer_emails, customer_phones, customers, interactions

_h: Final = holds.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A number or address that another customer has too: what came from it and nobody identified is not this person's
    for sure, and stays."""

    kind: str  # phone | email
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """Why nothing may be erased now. ``kind``: ``open`` (a contact runs), ``hold`` (``ref``: which hold)."""

    kind: str
    ref: str
    reason: str = ""


def exists(connection: sa.Connection, customer_id: str) -> bool:
    """Whether there is such a customer."""
    return connection.execute(sa.select(customers.c.id).where(customers.c.id == customer_id)).first() is not None


def person_of(connection: sa.Connection, customer_id: str) -> tuple[Person, list[Shared]]:
    """The person behind a customer's id, and what of it somebody else has too."""
    ids = tuple(links.members(connection, customer_id))
    numbers, shared_numbers = _own(connection, customer_phones.c.customer_id, customer_phones.c.e164, ids)
    mails, shared_mails = _own(connection, customer_emails.c.customer_id, customer_emails.c.folded, ids)
    shared = [Shared(kind="phone", value=one) for one in shared_numbers]
    shared += [Shared(kind="email", value=one) for one in shared_mails]
    return Person(customers=ids, numbers=tuple(numbers), mails=tuple(mails)), shared


def _own(
    connection: sa.Connection, owner: sa.Column[Any], value: sa.Column[Any], ids: tuple[str, ...]
) -> tuple[list[str], list[str]]:
    mine = set(connection.execute(sa.select(value).where(owner.in_(ids))).scalars())
    others = sa.select(value).where(value.in_(mine), owner.not_in(ids))
    shared = set(connection.execute(others).scalars()) if mine else set()
    return sorted(mine - shared), sorted(shared)


def obstacles(connection: sa.Connection, person: Person) -> list[Obstacle]:
    """What forbids to erase this person now: a contact that runs, a legal hold on any of it."""
    i = interactions.c
    mine = its_interactions(person)
    running = connection.execute(sa.select(i.id).where(mine, i.ended.is_(sa.false()))).scalars()
    found = [Obstacle(kind="open", ref=one) for one in running]
    standing = _h.lifted_at.is_(None)
    on_it = sa.or_(
        (_h.kind == "customer") & _h.subject.in_(person.customers),
        (_h.kind == "interaction") & _h.subject.in_(sa.select(i.id).where(mine)),
        (_h.kind == "period") & sa.exists().where(mine, in_period(i.started_at)),
    )
    for row in connection.execute(sa.select(_h.id, _h.reason).where(standing, on_it).order_by(_h.set_at)):
        found.append(Obstacle(kind="hold", ref=row.id, reason=row.reason))
    return found


def in_period(at: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether ``at`` lies in the period of a hold (both ends may be open)."""
    after = _h.from_at.is_(None) | (at >= _h.from_at)
    return after & (_h.to_at.is_(None) | (at <= _h.to_at))


@dataclass(frozen=True, slots=True)
class Held:
    """What the standing holds cover. ``periods``: from and to, ``None``: open."""

    customers: frozenset[str]
    interactions: frozenset[str]
    periods: tuple[tuple[float | None, float | None], ...]

    def covers(
        self, interaction: sa.ColumnElement[Any], customer: sa.ColumnElement[Any], at: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[bool]:
        """The condition that a contact is held; false, never null, where a column is."""
        ways: list[sa.ColumnElement[bool]] = []
        if self.customers:
            ways.append(sa.func.coalesce(customer, "").in_(sorted(self.customers)))
        if self.interactions:
            ways.append(sa.func.coalesce(interaction, "").in_(sorted(self.interactions)))
        for begin, end in self.periods:
            after = sa.true() if begin is None else at >= begin
            ways.append(sa.func.coalesce(after & (sa.true() if end is None else at <= end), sa.false()))
        return sa.or_(sa.false(), *ways)


def held(connection: sa.Connection) -> Held:
    """The holds that stand now; one on a customer covers all records of that person."""
    rows = connection.execute(sa.select(holds).where(_h.lifted_at.is_(None))).all()
    customers_held = {of for row in rows if row.kind == "customer" for of in links.members(connection, row.subject)}
    return Held(
        frozenset(customers_held),
        frozenset(row.subject for row in rows if row.kind == "interaction"),
        tuple((row.from_at, row.to_at) for row in rows if row.kind == "period"),
    )


def to_text(person: Person) -> str:
    """As JSON, so that an erasure that was cut off goes on with the same person."""
    return json.dumps(asdict(person))


def from_text(text: str) -> Person:
    """Again."""
    found = json.loads(text)
    return Person(**{name: tuple(values) for name, values in found.items()})
