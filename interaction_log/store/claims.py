"""Claims of who has which address, and the addresses that several people share.

What stands in a record is a claim by itself (``record``) and not stored twice. Of the others there is one row for each
customer, address and source: when it was seen first and last, and what was judged then.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.evidence import Evidence, Kind, Policy, folded, judge
from interaction_log.identity import parse_phone
from interaction_log.persons import Claim, Seen, SharedAddress, SharedHint
from interaction_log.records import Customer, Match, NotFound, Refused
from interaction_log.store import claims_find, customer_rows, links
from interaction_log.store.identity_tables import claims, shared_addresses
from interaction_log.store.personal import Personal, customer, either, mail, number, register
from interaction_log.store.reading import Reading
from interaction_log.store.schema import customer_emails, customer_phones, customers
from interaction_log.store.writing import Writing

MOST: Final = 500
NOTE_LENGTH: Final = 200
_c: Final = claims.c
_s: Final = shared_addresses.c
_PEOPLE: Final[dict[str, tuple[sa.Table, sa.Column[Any]]]] = {
    "phone": (customer_phones, customer_phones.c.e164),
    "email": (customer_emails, customer_emails.c.folded),
}

register(Personal(table=claims, of=customer(_c.customer_id), erase="delete"))
register(Personal(table=shared_addresses, of=either(number(_s.value), mail(_s.value)), erase="delete"))


class StoredClaims:
    """``region``: for numbers (ISO 3166-1 alpha-2). ``policy``: what the site decided. ``changed`` empties caches."""

    def __init__(
        self, reading: Reading, writing: Writing, region: str, changed: Callable[[], None], policy: Policy | None = None
    ):
        self._reading, self._writing, self._region, self._changed = reading, writing, region, changed
        self.policy = policy or Policy()

    async def saw(self, seen: Sequence[Seen]) -> None:
        """Keep these, a short transaction for each hundred; the same again only moves the time on."""
        for n in range(0, len(seen), 100):
            await self._writing(partial(_saw, seen=seen[n : n + 100]))
        if any(one.source in ("agent", "confirmed") for one in seen):
            self._changed()

    async def of(self, customer_id: str) -> list[Claim]:
        """All that speaks for this person: what the records say and what was seen. Raises ``NotFound``."""
        return await self._reading(partial(_of, customer_id=customer_id, policy=self.policy))

    async def who(self, evidence: Evidence) -> Match:
        """Whom a mail's sender, a login or a number speaks for; ``value`` as it came. Raises ``Refused``."""
        one = replace(evidence, value=folded(evidence.kind, evidence.value))
        return await self._reading(partial(claims_find.who, evidence=one, policy=self.policy))

    async def confirm(self, customer_id: str, kind: Kind, value: str, *, by: str, at: float) -> Claim:
        """A user says that this address belongs to this person. Raises ``NotFound``, ``Refused``."""
        value = self._address(kind, value)
        verdict = judge(Evidence(kind=kind, value=value, source="confirmed"))
        one = Seen(
            customer_id=customer_id,
            kind=kind,
            value=value,
            source="confirmed",
            strength=verdict.strength,
            rule=verdict.rule,
            at=at,
            by=by,
        )

        def work(connection: sa.Connection) -> Claim:
            if not customer_rows.load(connection, [links.root(connection, customer_id)]):
                raise NotFound(customer_id)
            _saw(connection, [one])
            query = _same(sa.select(claims), one)
            return _claim(connection.execute(query).one(), shared=False)

        claim = await self._writing(work)
        self._changed()
        return claim

    async def withdraw(self, claim_id: str) -> Claim:
        """It speaks no more. Raises ``NotFound``."""

        def work(connection: sa.Connection) -> Claim:
            row = connection.execute(sa.select(claims).where(_c.id == claim_id)).first()
            if row is None:
                raise NotFound(claim_id)
            connection.execute(sa.delete(claims).where(_c.id == claim_id))
            return _claim(row, shared=False)

        claim = await self._writing(work)
        self._changed()
        return claim

    # --- shared addresses ----------------------------------------------------------------------------

    async def shared(self) -> list[SharedAddress]:
        """All addresses that are marked as shared (500 at most), with how many records have them."""
        return await self._reading(_shared)

    async def share(self, kind: Kind, value: str, *, by: str, at: float, note: str | None = None) -> SharedAddress:
        """It identifies nobody from now on. Raises ``Refused``."""
        value = self._address(kind, value)
        note = (note or "").strip() or None
        if note is not None and (len(note) > NOTE_LENGTH or not note.isprintable()):
            raise Refused("note", f"longer than {NOTE_LENGTH} characters")
        row: dict[str, Any] = {"kind": kind, "note": note, "by": by, "at": at}

        def work(connection: sa.Connection) -> SharedAddress:
            here = sa.update(shared_addresses).where(_s.value == value).values(row)
            if connection.execute(here).rowcount == 0:
                connection.execute(sa.insert(shared_addresses).values(value=value, **row))
            return SharedAddress(value=value, people=_people(connection, kind, value), **row)

        found = await self._writing(work)
        self._changed()
        return found

    async def unshare(self, value: str) -> None:
        """It identifies again. Raises ``NotFound``."""
        gone = sa.delete(shared_addresses).where(_s.value == value)
        if await self._writing(lambda connection: connection.execute(gone).rowcount) == 0:
            raise NotFound(value)
        self._changed()

    async def shared_hints(self, people: int, limit: int = 50) -> list[SharedHint]:
        """Numbers and mails that at least ``people`` (2 or more) records have and nobody marked: those of most people
        first."""
        return await self._reading(partial(_hints, people=max(2, people), limit=max(1, min(limit, MOST))))

    def _address(self, kind: Kind, value: str) -> str:
        if kind != "phone":
            return folded(kind, value)
        found = parse_phone(value, self._region)
        if found is None:
            raise Refused("value", f"{value[:40]!r} is no valid telephone number")
        return found.e164


def _same(query: Any, one: Seen) -> Any:
    return query.where(
        _c.customer_id == one.customer_id, _c.kind == one.kind, _c.value == one.value, _c.source == one.source
    )


def _saw(connection: sa.Connection, seen: Iterable[Seen]) -> None:
    for one in seen:
        told = {
            "strength": one.strength,
            "rule": one.rule,
            "details": json.dumps(one.details),
            "last_at": one.at,
            "interaction_id": one.interaction_id,
            "by": one.by,
        }
        if connection.execute(_same(sa.update(claims), one).values(told)).rowcount == 0:
            key = {"customer_id": one.customer_id, "kind": one.kind, "value": one.value, "source": one.source}
            row = {"id": str(uuid.uuid4()), "first_at": one.at, **key, **told}
            connection.execute(sa.insert(claims).values(row))


def _of(connection: sa.Connection, customer_id: str, policy: Policy) -> list[Claim]:
    ids = links.members(connection, customer_id)
    records = customer_rows.load(connection, ids)
    if not records:
        raise NotFound(customer_id)
    newest = sa.select(claims).where(_c.customer_id.in_(ids)).order_by(_c.last_at.desc(), _c.id).limit(MOST)
    rows = connection.execute(newest).all()
    written = [one for record in records for one in _written(record, {})]
    values = [*(one.value for one in written), *(row.value for row in rows)]
    shared = set(connection.execute(sa.select(_s.value).where(_s.value.in_(values))).scalars())
    found = _once(one for record in records for one in _written(record, dict.fromkeys(shared, True)))
    return [*found, *(_claim(row, shared=row.value in shared) for row in rows)]


def _once(found: Iterable[Claim]) -> list[Claim]:
    """The head's record has the numbers of those that were merged, too: each address once, where it came from."""
    by_value: dict[tuple[str, str], Claim] = {}
    for one in found:
        by_value[one.kind, one.value] = one
    return list(by_value.values())


def _written(record: Customer, shared: dict[str, bool]) -> list[Claim]:
    """What stands in the record is a claim, too."""
    addresses: list[tuple[Kind, str]] = [("phone", one.partition(";")[0]) for one in record.phones]
    addresses += [("email", one.casefold()) for one in record.emails]
    found = []
    for kind, value in addresses:
        of = shared.get(value, False)
        verdict = judge(Evidence(kind=kind, value=value, source="record", shared=of))
        found.append(
            Claim(
                id=f"record:{kind}:{value}",
                customer_id=record.id,
                kind=kind,
                value=value,
                source="record",
                strength=verdict.strength,
                rule=verdict.rule,
                first_at=0.0,
                last_at=0.0,
                shared=of,
            )
        )
    return found


def _claim(row: Any, *, shared: bool) -> Claim:
    names = ("id", "customer_id", "kind", "value", "source", "strength", "rule", "first_at", "last_at")
    return Claim(
        **{name: getattr(row, name) for name in names},
        details=json.loads(row.details),
        interaction_id=row.interaction_id,
        by=row.by,
        shared=shared,
    )


def _people(connection: sa.Connection, kind: str, value: str) -> int:
    """How many persons have it; merged records are no persons of their own."""
    if kind not in _PEOPLE:
        return 0
    table, column = _PEOPLE[kind]
    query = sa.select(sa.func.count(table.c.customer_id.distinct()))
    query = query.where(column == value, table.c.customer_id.not_in(links.merged()))
    return int(connection.execute(query).scalar_one())


def _shared(connection: sa.Connection) -> list[SharedAddress]:
    rows = connection.execute(sa.select(shared_addresses).order_by(_s.value).limit(MOST)).all()
    names = ("value", "kind", "note", "at", "by")
    return [
        SharedAddress(**{name: getattr(row, name) for name in names}, people=_people(connection, row.kind, row.value))
        for row in rows
    ]


def _hints(connection: sa.Connection, people: int, limit: int) -> list[SharedHint]:
    found: list[SharedHint] = []
    kinds: tuple[Kind, ...] = ("phone", "email")
    for kind in kinds:
        table, column = _PEOPLE[kind]
        count = sa.func.count(table.c.customer_id.distinct())
        often = (
            sa.select(column.label("value"), count.label("people"))
            .where(column.not_in(sa.select(_s.value)), table.c.customer_id.not_in(links.merged()))
            .group_by(column)
            .having(count >= people)
            .order_by(sa.desc("people"), column)
            .limit(limit)
        )
        for row in connection.execute(often).all():
            where = _organisation(connection, table, column, row.value)
            found.append(SharedHint(value=row.value, kind=kind, people=row.people, organisation=where))
    return sorted(found, key=lambda one: (-one.people, one.value))[:limit]


def _organisation(connection: sa.Connection, table: sa.Table, column: sa.Column[Any], value: str) -> str | None:
    """The one organisation of all who have it; ``None``: there are several, or one has none."""
    of = customers.c.organisation
    both = table.join(customers, customers.c.id == table.c.customer_id)
    query = sa.select(of).select_from(both).where(column == value).distinct().limit(2)
    names = list(connection.execute(query).scalars())
    return names[0] if len(names) == 1 else None
