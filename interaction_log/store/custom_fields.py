"""The fields that a site defined for its customers, and the purposes for which it asks consent."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from interaction_log.cases import CODE, check_labels
from interaction_log.records import Customer, CustomField, FieldChoice, Purpose, Refused
from interaction_log.store import index_customers
from interaction_log.store.customer_rows import searchable
from interaction_log.store.reading import Reading
from interaction_log.store.records_tables import consent_purposes, custom_fields, customer_values
from interaction_log.store.schema import customers
from interaction_log.store.sealed_fields import opened, sealed
from interaction_log.store.typed import MOST_FIELDS, check_field, values_of
from interaction_log.store.writing import Writing

_CHUNK = 500


def defined(connection: sa.Connection) -> list[CustomField]:
    """All of them, retired ones too, in order."""
    query = sa.select(custom_fields).order_by(custom_fields.c.position, custom_fields.c.code)
    return [_field(row) for row in connection.execute(query)]


class StoredFields:
    """Every ``put`` raises ``Refused`` for what is wrong and replaces what had the same code."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing

    async def all(self) -> list[CustomField]:
        """All custom fields, retired ones too, in order."""
        return await self._reading(defined)

    async def put(self, one: CustomField) -> None:
        """Create or change a field. Its type stays as it is once somebody has a value (``Refused``)."""
        check_field(one)
        await self._writing(lambda connection: _put_field(connection, one))

    async def purposes(self) -> list[Purpose]:
        """What customers may agree to, retired ones too, in order."""
        return await self._reading(purposes)

    async def put_purpose(self, one: Purpose) -> None:
        """Create or change a purpose. A changed text needs a new version (``Refused``)."""
        _check_purpose(one)
        await self._writing(lambda connection: _put_purpose(connection, one))


def purposes(connection: sa.Connection) -> list[Purpose]:
    """What customers may agree to, in order."""
    query = sa.select(consent_purposes).order_by(consent_purposes.c.position, consent_purposes.c.code)
    return [_purpose(row) for row in connection.execute(query)]


def _field(row: Any) -> CustomField:
    stored = dict(row._mapping)
    stored["labels"] = json.loads(row.labels)
    stored["choices"] = [FieldChoice(**one) for one in json.loads(row.choices)]
    return CustomField(**stored | {name: bool(stored[name]) for name in ("required", "sensitive", "retired")})


def _purpose(row: Any) -> Purpose:
    stored = dict(row._mapping)
    texts = {"labels": json.loads(row.labels), "texts": json.loads(row.texts), "retired": bool(row.retired)}
    return Purpose(**stored | texts)


def _put_field(connection: sa.Connection, one: CustomField) -> None:
    before = {known.code: known for known in defined(connection)}
    old = before.get(one.code)
    if old is None and len(before) >= MOST_FIELDS:
        raise Refused("code", f"at most {MOST_FIELDS}")
    if old is not None and old.type != one.type:
        raise Refused("type", "cannot be changed")
    row = {**asdict(one), "labels": json.dumps(one.labels), "choices": json.dumps([asdict(c) for c in one.choices])}
    _replace(connection, custom_fields, row)
    if old is not None and old.sensitive != one.sensitive:
        _index_values(connection, one)


def _index_values(connection: sa.Connection, one: CustomField) -> None:
    """A field that becomes sensitive leaves the filters' table, one that is no longer comes into it."""
    v = customer_values.c
    connection.execute(sa.delete(customer_values).where(v.field == one.code))
    last = ""
    while True:
        query = sa.select(customers.c.id, customers.c.public).where(customers.c.id > last)
        rows = connection.execute(query.order_by(customers.c.id).limit(_CHUNK)).all()
        if not rows:
            return
        new = []
        for row in rows:
            if one.sensitive:
                _seal(connection, row, one.code)
                continue
            known = values_of(Customer(**opened(row.public)).fields, [one]).get(one.code)
            if known is not None:
                new.append({"customer_id": row.id, "field": one.code, "text": known[0], "number": known[1]})
        if new:
            connection.execute(sa.insert(customer_values), new)
        last = rows[-1].id


def _seal(connection: sa.Connection, row: Any, code: str) -> None:
    """The value that stood there in clear until now."""
    public = json.loads(row.public)
    if code not in public.get("fields", {}):
        return
    stored = json.dumps(sealed({**public, "fields": opened(row.public)["fields"]}, {code}))
    connection.execute(sa.update(customers).where(customers.c.id == row.id).values(public=stored))
    index_customers.put(connection, searchable(connection, [Customer(**opened(stored))]))


def _check_purpose(one: Purpose) -> None:
    if not CODE.fullmatch(one.code):
        raise Refused("code", "1 to 64 of a-z, 0-9, dash and underscore")
    check_labels(one.labels, "labels")
    for language, text in one.texts.items():
        if not 1 <= len(text.strip()) <= 4_000:
            raise Refused(f"texts.{language[:20]}", "1 to 4000 characters")
    if not 1 <= len(one.version) <= 40 or not one.version.isprintable():
        raise Refused("version", "1 to 40 characters")


def _put_purpose(connection: sa.Connection, one: Purpose) -> None:
    old = next((known for known in purposes(connection) if known.code == one.code), None)
    if old is not None and old.texts != one.texts and old.version == one.version:
        raise Refused("version", "a changed text needs a new version")
    row = {**asdict(one), "labels": json.dumps(one.labels), "texts": json.dumps(one.texts)}
    _replace(connection, consent_purposes, row)


def _replace(connection: sa.Connection, table: sa.Table, row: dict[str, Any]) -> None:
    if connection.execute(sa.update(table).where(table.c.code == row["code"]).values(row)).rowcount == 0:
        connection.execute(sa.insert(table).values(row))
