"""Whose number or mail it is already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from interaction_log.mapping import Same
from interaction_log.records import Customer
from interaction_log.store import customer_rows, links
from interaction_log.store.fields import Checked, written
from interaction_log.store.schema import customer_emails, customer_phones

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a row seems to be: ``customers``, by ``address`` (the first number or mail that says so)."""

    same: Same
    customers: list[Customer]
    address: str

    @property
    def why(self) -> str:
        """In words."""
        names = ", ".join(sorted({one.name for one in self.customers}))[:200]
        if self.same == "several":
            return f"{self.address} belongs to {names}"
        return f"the same name and {self.address}" if self.same == "same" else f"{self.address} belongs to {names}"


def addresses(checked: Checked) -> list[str]:
    """What may belong to a customer already: numbers and mails."""
    return [*(written(number) for number in checked.numbers), *(m.casefold() for m in checked.customer.emails)]


def owners(connection: sa.Connection, rows: Sequence[Checked]) -> dict[str, set[str]]:
    """Ids of customers by each number and mail in these rows that is somebody's."""
    found: dict[str, set[str]] = {}
    p, m = customer_phones.c, customer_emails.c
    for some in _some({number.e164 for row in rows for number in row.numbers}):
        query = sa.select(p.e164, p.extension, p.customer_id).where(p.e164.in_(some))
        for e164, extension, of in connection.execute(query):
            found.setdefault(f"{e164};ext={extension}" if extension else e164, set()).add(of)
    for some in _some({mail.casefold() for row in rows for mail in row.customer.emails}):
        for mail, of in connection.execute(sa.select(m.folded, m.customer_id).where(m.folded.in_(some))):
            found.setdefault(mail, set()).add(of)
    heads = links.roots(connection, {of for ids in found.values() for of in ids})  # merged records are one customer
    return {address: {heads[of] for of in ids} for address, ids in found.items()}


def _some(values: Iterable[str]) -> Iterable[list[str]]:
    ordered = sorted(values)
    return (ordered[n : n + _CHUNK] for n in range(0, len(ordered), _CHUNK))


def known(connection: sa.Connection, found: dict[str, set[str]]) -> dict[str, Customer]:
    """The records of these ids."""
    return {c.id: c for c in customer_rows.load(connection, sorted({of for ids in found.values() for of in ids}))}


def owner_of(checked: Checked, found: dict[str, set[str]], records: dict[str, Customer]) -> Owner | None:
    """Who this row seems to be; ``None``: nobody that we know."""
    by = [(address, of) for address in addresses(checked) for of in sorted(found.get(address, ())) if of in records]
    if not by:
        return None
    people = {of: records[of] for _, of in by}
    if len(people) > 1:
        return Owner("several", list(people.values()), by[0][0])
    (one,) = people.values()
    return Owner("same" if one.name.casefold() == checked.customer.name.casefold() else "other", [one], by[0][0])
