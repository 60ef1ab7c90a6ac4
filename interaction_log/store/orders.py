"""Orders: taken from files, in small transactions, each tied to a customer who is known."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.identity import parse_phone
from interaction_log.orders import Order, OrderReport, RefusedOrder, heading, order
from interaction_log.store import csv_text, items, links
from interaction_log.store.reading import Reading
from interaction_log.store.reports_tables import orders
from interaction_log.store.schema import customer_emails, customer_phones, customers
from interaction_log.store.statements import Among
from interaction_log.store.writing import Writing

_CHUNK: Final = 200
"""Rows in one transaction, so that the log is never kept waiting."""
_PAUSE: Final = 0.01
_o: Final = orders.c
_IDS: Final = Among(sa.select(customers.c.id, customers.c.id), customers.c.id)
_PHONES: Final = Among(sa.select(customer_phones.c.e164, customer_phones.c.customer_id), customer_phones.c.e164)
_MAILS: Final = Among(sa.select(customer_emails.c.folded, customer_emails.c.customer_id), customer_emails.c.folded)


class StoredOrders:
    """What customers bought. ``region``: ISO 3166-1 alpha-2, for local telephone numbers."""

    def __init__(self, reading: Reading, writing: Writing, region: str):
        self._reading, self._writing, self._region = reading, writing, region

    async def import_csv(
        self, data: bytes, *, zone: str = "UTC", currency: str = "CNY", dry_run: bool = False, now: float | None = None
    ) -> OrderReport:
        """Take a file (UTF-8, comma, semicolon or tab); the same order number again replaces the order.

        A row whose customer is unknown, or several, is refused. Raises ``Refused`` for a file that is none.
        """
        report, found = await asyncio.to_thread(_parsed, data, zone, currency)
        at = time.time() if now is None else now
        for n in range(0, len(found), _CHUNK):
            work = partial(_take, chunk=found[n : n + _CHUNK], report=report, region=self._region, at=at, dry=dry_run)
            await self._writing(work)
            await asyncio.sleep(_PAUSE)
        report.refused.sort(key=lambda one: one.line)
        return report

    async def count(self) -> int:
        """How many orders there are."""
        return await self._reading(
            lambda connection: connection.execute(sa.select(sa.func.count()).select_from(orders)).scalar_one()
        )


def _parsed(data: bytes, zone: str, currency: str) -> tuple[OrderReport, list[tuple[int, Order]]]:
    csv_text.checked_zone(zone)
    file = csv_text.taken(data, heading, partial(order, zone=zone, currency=currency))
    refused = [RefusedOrder(*one) for one in file.refused]
    return OrderReport(read=file.read, refused=refused), file.found


def _take(
    connection: sa.Connection,
    chunk: Sequence[tuple[int, Order]],
    report: OrderReport,
    region: str,
    at: float,
    dry: bool,
) -> None:
    whose = _customers(connection, [one.customer for _line, one in chunk], region)
    numbers = [one.number for _line, one in chunk]
    there = set(connection.execute(sa.select(_o.number).where(_o.number.in_(numbers))).scalars())
    for line, one in chunk:
        ids = whose[one.customer]
        if len(ids) != 1:
            why = "no customer is known by this" if not ids else "several customers are known by this"
            report.refused.append(RefusedOrder(line, "customer", why))
            continue
        if not dry:
            _put(connection, one, next(iter(ids)), at, one.number in there)
        report.updated += one.number in there
        report.created += one.number not in there
        there.add(one.number)


def _put(connection: sa.Connection, one: Order, customer_id: str, at: float, there: bool) -> None:
    row: dict[str, Any] = asdict(one) | {"customer_id": customer_id, "imported_at": at}
    del row["customer"]
    if there:
        connection.execute(sa.update(orders).where(_o.number == one.number).values(row))
    else:
        connection.execute(sa.insert(orders).values(row))
    title = f"{one.amount / 100:.2f} {one.currency}"
    public = {"amount": one.amount / 100, "currency": one.currency, "product": one.product, "number": one.number}
    entry = items.Item("order", one.number, customer_id, one.ordered_at, title, one.product or "", public=public)
    items.put(connection, entry)


def _customers(connection: sa.Connection, named: Iterable[str], region: str) -> dict[str, set[str]]:
    """The customers known by each id, telephone number or mail address."""
    found: dict[str, set[str]] = {one: set() for one in named}
    by_phone: dict[str, str] = {}
    for one in found:
        number = parse_phone(one, region) if "@" not in one else None
        if number is not None:
            by_phone.setdefault(number.e164, one)
    by_mail = {one.casefold(): one for one in found if "@" in one}
    for question, keys in ((_IDS, {one: one for one in found}), (_PHONES, by_phone), (_MAILS, by_mail)):
        for key, customer_id in question(connection, sorted(keys)):
            found[keys[key]].add(customer_id)
    heads = links.roots(connection, {of for ids in found.values() for of in ids})
    return {one: {heads[of] for of in ids} for one, ids in found.items()}
