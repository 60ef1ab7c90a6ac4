"""Customers in the full-text index: called in the transactions that write them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.records import Customer
from interaction_log.store import index
from interaction_log.store.index import Doc
from interaction_log.store.search_tables import search_docs

KIND: Final = "customer"
_FIELDS: Final = tuple(one.name for one in fields(Customer))
_TITLE: Final = ("name",)
_LINES: Final = ("organisation", "phones", "emails", "notes")
_LEFT_OUT: Final = frozenset({"id", "language", "vip", "agent", "kind", "channel", *_TITLE, *_LINES})
_d = search_docs.c
_AT: Final = sa.select(_d.ref, _d.at).where(_d.kind == KIND)


def put(connection: sa.Connection, customers: Iterable[Customer]) -> None:
    """As they are now. A record keeps the time at which it was first put in."""
    some = list(customers)
    index.put_many(
        connection, [doc_of(_public(one), at) for one, at in zip(some, _times(connection, some), strict=True)]
    )


def _public(customer: Customer) -> dict[str, Any]:
    """Its fields, not copied: a quarter of the time of ``asdict``."""
    return {name: getattr(customer, name) for name in _FIELDS}


def prepare(customers: Iterable[Customer]) -> None:
    """Make their terms before the transaction that puts them in: SQLite's other writers wait for it."""
    for one in customers:
        doc_of(_public(one), 0.0).codes()


def drop(connection: sa.Connection, ids: Sequence[str]) -> None:
    """They are gone."""
    index.drop_many(connection, KIND, ids)


def doc_of(customer: dict[str, Any], at: float) -> Doc:
    """The document of a record: all that is text in it. ``customer``: the public object; ``at``: Unix seconds."""
    lines = [line for name in _LINES for line in _texts(customer.get(name))]
    others = [line for name, value in customer.items() if name not in _LEFT_OUT for line in _texts(value)]
    text = "\n".join(dict.fromkeys(lines + others))
    return Doc(KIND, customer["id"], customer["id"], at, customer["name"], text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _times(connection: sa.Connection, customers: Sequence[Customer]) -> Iterator[float]:
    known: dict[str, float] = {}
    ids = [one.id for one in customers]
    for n in range(0, len(ids), 500):
        known |= {row.ref: row.at for row in connection.execute(_AT.where(_d.ref.in_(ids[n : n + 500])))}
    now = time.time()
    return (known.get(of, now) for of in ids)
