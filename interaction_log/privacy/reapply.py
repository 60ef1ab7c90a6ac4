"""After a restore: erase again whom the backup brought back."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from interaction_log.privacy import erase
from interaction_log.privacy.erased import ErasedList, Hashes
from interaction_log.privacy.person import person_of
from interaction_log.privacy.registers import load_all
from interaction_log.store import index_seal
from interaction_log.store.master_key import MasterKey
from interaction_log.store.personal import Person
from interaction_log.store.schema import customers, interactions

_PAGE: Final = 5_000


def reapply(connection: sa.Connection, master: MasterKey, erased: ErasedList) -> dict[str, int]:
    """Erase everybody on the list that this database knows, in the caller's transaction; rows by table.

    For a database that nobody uses yet: between the restore and the start, in a process that has the site's key
    (``sealed_fields.use``), or the index's words are not found. Legal holds do not count here: what is on
    the list was erased once, rightly. A number that a new customer has by now is left alone; of contacts that nobody
    was identified in, those before the erasure go.
    """
    load_all()
    hashes = erased.read()
    counts: dict[str, int] = {}
    for of in _known(connection, master, hashes):
        person, _shared = person_of(connection, of)
        _add(counts, erase.whole(connection, person))
        index_seal.destroy(person.customers)
    anonymous = _anonymous(connection, master, hashes)
    for n in range(0, len(anonymous), erase.STEP):
        _add(counts, erase.whole(connection, Person(customers=(), interactions=tuple(anonymous[n : n + erase.STEP]))))
    return counts


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for name, rows in more.items():
        counts[name] = counts.get(name, 0) + rows


def _known(connection: sa.Connection, master: MasterKey, hashes: Hashes) -> list[str]:
    """The ids on the list, of customers and of contacts whose customer is not there any more."""
    if not hashes.customers:
        return []
    i = interactions.c.customer_id
    found: set[str] = set()
    for query, column in (
        (sa.select(customers.c.id), customers.c.id),
        (sa.select(i).where(i.is_not(None)).distinct(), i),
    ):
        for row in _pages(connection, query, column):
            if master.pseudonym("customer", row[0]) in hashes.customers:
                found.add(row[0])
    return sorted(found)


def _anonymous(connection: sa.Connection, master: MasterKey, hashes: Hashes) -> list[str]:
    """Contacts of nobody, from an address on the list, before its erasure."""
    i = interactions.c
    found = []
    query = sa.select(i.id, i.customer_address, i.sorted_at).where(
        i.customer_id.is_(None), i.customer_address.is_not(None)
    )
    for row in _pages(connection, query, i.id) if hashes.addresses else ():
        at = hashes.addresses.get(master.pseudonym("address", row.customer_address))
        if at is not None and row.sorted_at <= at:
            found.append(row.id)
    return found


def _pages(connection: sa.Connection, query: sa.Select[Any], column: sa.Column[Any]) -> Any:
    last: Any = None
    while True:
        page = query if last is None else query.where(column > last)
        rows = connection.execute(page.order_by(column).limit(_PAGE)).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        last = rows[-1]._mapping[column]
