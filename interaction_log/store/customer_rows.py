"""Customers in their three tables: reading, writing, and the public object. Numbers and mails are for finding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.records import Customer, Refused
from interaction_log.store import index_customers
from interaction_log.store.fields import NO_USER, Checked
from interaction_log.store.records_tables import custom_fields, customer_values
from interaction_log.store.schema import customer_emails, customer_phones, customers, users
from interaction_log.store.sealed_fields import opened, sealed

_CHUNK: Final = 500
_FIELDS: Final = tuple(one.name for one in fields(Customer))


def view(customer: Customer) -> dict[str, Any]:
    """The public object of DESIGN 6.2 (``agent_console.wire.CustomerView``)."""
    found = {name: getattr(customer, name) for name in _FIELDS}  # a quarter of the time of ``asdict``
    return found | {"phones": [*customer.phones], "emails": [*customer.emails], "fields": {**customer.fields}}


def load(connection: sa.Connection, ids: Sequence[str]) -> list[Customer]:
    """These customers, in the order of ``ids``; unknown ids are left out."""
    found: dict[str, Customer] = {}
    for n in range(0, len(ids), _CHUNK):
        found |= {c.id: c for c in _read(connection, customers.c.id.in_(ids[n : n + _CHUNK]))}
    return [found[of] for of in ids if of in found]


def _by_phone(column: sa.Column[Any]) -> sa.Select[Any]:
    """Built once: a pop waits for the answer."""
    ids = sa.select(customer_phones.c.customer_id).where(column == sa.bindparam("number"))
    query = sa.select(customers.c.public).where(customers.c.id.in_(ids))
    return query.order_by(customers.c.id).limit(sa.bindparam("most"))


EXACT: Final = _by_phone(customer_phones.c.e164)
"""Customers with exactly this number, by id."""
NATIONAL: Final = _by_phone(customer_phones.c.national)
"""Customers with this national significant number in any country, by id."""


def _read(connection: sa.Connection, condition: sa.ColumnElement[bool], limit: int | None = None) -> list[Customer]:
    query = sa.select(customers.c.public).where(condition).order_by(customers.c.id).limit(limit)
    return [Customer(**opened(text)) for text in connection.execute(query).scalars()]


def check_agent(connection: sa.Connection, customer: Customer) -> None:
    """Raises ``Refused`` where the one who looks after this customer is no user."""
    if customer.agent is None:
        return
    query = sa.select(users.c.name).where(users.c.name == customer.agent, users.c.disabled.is_(sa.false()))
    if connection.execute(query).first() is None:
        raise Refused("agent", NO_USER)


def add(connection: sa.Connection, new: Iterable[Checked]) -> None:
    """Insert these, a thousand at a time."""
    batch: list[Checked] = []
    for one in new:
        batch.append(one)
        if len(batch) == 1_000:
            _add(connection, batch)
            batch = []
    _add(connection, batch)


def _add(connection: sa.Connection, batch: list[Checked]) -> None:
    sensitive = _sensitive(connection) if any(one.customer.fields for one in batch) else set()
    for table, rows in (
        (customers, [_row(one, sensitive) for one in batch]),
        (customer_phones, [row for one in batch for row in _phones(one)]),
        (customer_emails, [row for one in batch for row in _emails(one)]),
        (customer_values, [row for one in batch for row in _values(one)]),
    ):
        if rows:
            connection.execute(sa.insert(table), rows)
    _index(connection, batch)


def change(connection: sa.Connection, changed: Sequence[Checked]) -> None:
    """Overwrite the records of these ids with all their lists."""
    for n in range(0, len(changed), _CHUNK):
        _change(connection, changed[n : n + _CHUNK])


def _change(connection: sa.Connection, batch: Sequence[Checked]) -> None:
    sensitive = _sensitive(connection) if any(one.customer.fields for one in batch) else set()
    rows = [{"of": row.pop("id"), **row} for row in (_row(one, sensitive) for one in batch)]
    columns: dict[str, sa.BindParameter[Any]] = {name: sa.bindparam(name) for name in rows[0] if name != "of"}
    connection.execute(sa.update(customers).where(customers.c.id == sa.bindparam("of")).values(columns), rows)
    ids = [one.customer.id for one in batch]
    for table, lists in ((customer_phones, _phones), (customer_emails, _emails)):
        connection.execute(sa.delete(table).where(table.c.customer_id.in_(ids)))
        new = [row for one in batch for row in lists(one)]
        if new:
            connection.execute(sa.insert(table), new)
    _change_values(connection, [one for one in batch if one.values is not None])
    _index(connection, batch)


def _change_values(connection: sa.Connection, batch: Sequence[Checked]) -> None:
    if not batch:
        return
    ids = [one.customer.id for one in batch]
    connection.execute(sa.delete(customer_values).where(customer_values.c.customer_id.in_(ids)))
    new = [row for one in batch for row in _values(one)]
    if new:
        connection.execute(sa.insert(customer_values), new)


def remove(connection: sa.Connection, of: str) -> bool:
    """Delete the record; ``False``: there was none. Interactions keep the id."""
    return remove_many(connection, [of]) == 1


def remove_many(connection: sa.Connection, ids: Sequence[str]) -> int:
    """The same for many; how many there were."""
    gone = 0
    for n in range(0, len(ids), _CHUNK):
        some = list(ids[n : n + _CHUNK])
        index_customers.drop(connection, some)
        for table in (customer_phones, customer_emails, customer_values):
            connection.execute(sa.delete(table).where(table.c.customer_id.in_(some)))
        gone += connection.execute(sa.delete(customers).where(customers.c.id.in_(some))).rowcount
    return gone


def _sensitive(connection: sa.Connection) -> set[str]:
    return set(connection.execute(sa.select(custom_fields.c.code).where(custom_fields.c.sensitive)).scalars())


def _row(checked: Checked, sensitive: set[str]) -> dict[str, Any]:
    c = checked.customer
    return {
        "id": c.id,
        "name": c.name,
        "organisation": c.organisation,
        "language": c.language,
        "vip": c.vip,
        "notes": c.notes,
        "public": json.dumps(sealed(view(c), sensitive)),
        "sort_name": c.name.casefold(),
        "search": checked.search,
        "kind": c.kind,
        "channel": c.channel,
        "value": c.value,
        "sort_organisation": c.organisation.casefold() if c.organisation else None,
        "agent": c.agent,
    }


def seal_public(connection: sa.Connection, ids: Sequence[str]) -> None:
    """The public objects of these as they are stored now: with the notes sealed."""
    sensitive = _sensitive(connection)
    query = sa.select(customers.c.id, customers.c.public).where(customers.c.id.in_(ids))
    for row in connection.execute(query).all():
        public = json.dumps(sealed({"fields": {}, **opened(row.public)}, sensitive))
        connection.execute(sa.update(customers).where(customers.c.id == row.id).values(public=public))


def _index(connection: sa.Connection, batch: Sequence[Checked]) -> None:
    index_customers.put(connection, searchable(connection, [one.customer for one in batch]))


def searchable(connection: sa.Connection, some: Sequence[Customer]) -> list[Customer]:
    """These as the full-text search may have them: without the fields that are sensitive."""
    if not some:
        return []
    secret = _sensitive(connection)
    return [_without(one, secret) for one in some]


def _without(customer: Customer, secret: set[str]) -> Customer:
    if secret.isdisjoint(customer.fields):
        return customer
    return replace(customer, fields={code: value for code, value in customer.fields.items() if code not in secret})


def _phones(checked: Checked) -> list[dict[str, Any]]:
    return [
        {
            "customer_id": checked.customer.id,
            "position": n,
            "e164": number.e164,
            "national": number.national,
            "extension": number.extension,
        }
        for n, number in enumerate(checked.numbers)
    ]


def _emails(checked: Checked) -> list[dict[str, Any]]:
    of = checked.customer.id
    return [
        {"customer_id": of, "position": n, "email": one, "folded": one.casefold()}
        for n, one in enumerate(checked.customer.emails)
    ]


def _values(checked: Checked) -> list[dict[str, Any]]:
    of = checked.customer.id
    return [
        {"customer_id": of, "field": code, "text": text, "number": number}
        for code, (text, number) in (checked.values or {}).items()
    ]
