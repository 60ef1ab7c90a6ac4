"""The customer records, as ``routing.ports.Customers``."""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.masking import mask_personal
from interaction_log.records import Customer, ImportReport, Match, NotFound, Refused
from interaction_log.store import caller, cursor, customer_rows, identity_tables, imports, links, segments
from interaction_log.store.cases import MOST_IN_POP, OPEN_CASES, open_case
from interaction_log.store.custom_fields import defined
from interaction_log.store.customer_rows import view
from interaction_log.store.fields import check
from interaction_log.store.identity_tables import customer_links
from interaction_log.store.reading import Reading
from interaction_log.store.schema import customers
from interaction_log.store.timeline import timeline
from interaction_log.store.writing import Writing

MOST_PER_PAGE: Final = 500
_NUMBER_LIKE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{2,}", re.ASCII)


class StoredCustomers:
    """``default_region`` (ISO 3166-1 alpha-2) is for numbers without a country code."""

    def __init__(self, reading: Reading, writing: Writing, default_region: str):
        self._reading = reading
        self._writing = writing
        self._region = default_region
        self._book = caller.PhoneBook(reading.dialect, default_region)
        self._recent = caller.Recent()

    @property
    def region(self) -> str:
        """For numbers without a country code."""
        return self._region

    async def find_caller(self, address: str) -> Match:
        """Who may this be? ``maybe`` carries its one person as ``customer``; several are ``candidates``."""
        return await self._reading.directly(partial(self._find, address=address))

    def find_at_once(self, address: str) -> Match | None:
        """The same, in the loop's own thread, while the database is near; ``None``: ask ``find_caller``."""
        return self._reading.nearby.ask(partial(self._find, address=address))

    async def rehearse(self) -> None:
        """Open the look-ups' connections and let each ask everything once: the first caller shall not wait for it."""
        await self._reading.directly.everywhere(self._book.rehearse)
        self._reading.nearby.ask(self._book.rehearse)

    def _find(self, driver: Any, address: str) -> Match:
        match = self._recent.get(address)
        if match is None:
            generation = self._recent.generation
            match = self._book.find(driver, address)
            self._recent.put(address, match, generation)
        return self._book.with_history(driver, match)

    async def get(self, customer_id: str) -> Customer:
        """Raises ``NotFound``."""
        return await self._reading(partial(_one, customer_id=customer_id))

    async def match_of(self, customer_id: str) -> Match:
        """The same as ``find_caller`` gives, for a customer that somebody chose."""

        def work(connection: sa.Connection) -> Match:
            lines = timeline(connection, customer_id, caller.TIMELINE, None)
            also = links.members(connection, customer_id)[1:]
            rows = connection.execute(OPEN_CASES, {"customer": customer_id, "most": MOST_IN_POP})
            cases = [open_case(row) for row in rows]
            customer = view(_one(connection, customer_id))
            return Match(strength="known", customer=customer, timeline=lines, open_cases=cases, also=also)

        return await self._reading.fresh(work)

    async def create(self, fields: dict[str, Any]) -> Customer:
        """A new record; raises ``Refused``."""
        blank = Customer(id=str(uuid.uuid4()), name="")

        def work(connection: sa.Connection) -> Customer:
            checked = check(blank, fields, self._region, defined(connection))
            customer_rows.check_agent(connection, checked.customer)
            customer_rows.add(connection, [checked])
            return checked.customer

        created = await self._writing(work)
        self._recent.clear()
        return created

    async def update(self, customer_id: str, fields: dict[str, Any]) -> Customer:
        """Change these fields; lists are replaced whole. Raises ``NotFound`` or ``Refused``."""

        def work(connection: sa.Connection) -> Customer:
            checked = check(_one(connection, customer_id), fields, self._region, defined(connection))
            if "agent" in fields:  # one who left meanwhile must not stand in the way of other changes
                customer_rows.check_agent(connection, checked.customer)
            customer_rows.change(connection, [checked])
            return checked.customer

        changed = await self._writing(work)
        self._recent.clear()
        return changed

    async def delete(self, customer_id: str) -> None:
        """The person with all records that were merged; the interactions stay. Raises ``NotFound``."""
        if not await self._writing(partial(_remove, customer_id=customer_id)):
            raise NotFound(customer_id)
        self._recent.clear()

    def forget_recent(self) -> None:
        """Something beside this changed who a number leads to: merges, claims, shared numbers, imports."""
        self._recent.clear()

    async def search(
        self, text: str, limit: int, cursor: str | None, segment: str | None = None, names: bool = False
    ) -> tuple[list[Customer], str | None]:
        """Customers whose name, organisation, number or mail contains ``text``, by name; ``limit`` is capped at 500.

        ``segment``: only those who are in this one now; raises ``NotFound`` for one that is none. ``names``: only by
        name and organisation, and where those hold a number by what a mask leaves of it.
        """
        limit = max(1, min(limit, MOST_PER_PAGE))
        return await self._reading(partial(_search, text=text, limit=limit, after=cursor, segment=segment, names=names))

    async def timeline(self, customer_id: str, limit: int, before: float | None) -> list[dict[str, Any]]:
        """The customer's interactions, newest first; ``limit`` is capped at 500."""
        limit = max(1, min(limit, MOST_PER_PAGE))
        return await self._reading.fresh(lambda connection: timeline(connection, customer_id, limit, before))

    async def import_csv(self, data: bytes, dry_run: bool) -> ImportReport:
        """Take a small file in, some hundred rows a transaction; ``dry_run`` only reports. Else: ``imports_store``."""
        rows = await asyncio.to_thread(imports.read, data, self._region)
        reports = []
        for some in imports.parts(rows):
            store = partial(imports.store, rows=some, region=self._region, dry_run=dry_run)
            reports.append(await self._writing(store))
        self._recent.clear()
        return imports.together(reports)


def _one(connection: sa.Connection, customer_id: str) -> Customer:
    """The person's record: of a merged one the head's."""
    found = customer_rows.load(connection, [links.root(connection, customer_id)])
    if not found:
        raise NotFound(customer_id)
    return found[0]


def _remove(connection: sa.Connection, customer_id: str) -> bool:
    ids = links.members(connection, customer_id)
    removed = [customer_rows.remove(connection, of) for of in ids]
    identity_tables.forget(connection, ids)
    return any(removed)


def _holds(table: sa.FromClause, wanted: str, names: bool) -> sa.ColumnElement[bool]:
    if not names:
        found: sa.ColumnElement[bool] = table.c.search.contains(wanted, autoescape=True)
        return found
    named = (table.c.sort_name, table.c.sort_organisation)
    return sa.or_(*(column.contains(wanted, autoescape=True) for column in named))


def _search(
    connection: sa.Connection, text: str, limit: int, after: str | None, segment: str | None, names: bool
) -> tuple[list[Customer], str | None]:
    query = sa.select(customers.c.sort_name, customers.c.id).order_by(customers.c.sort_name, customers.c.id)
    wanted = " ".join(text.split()).casefold()
    if "\0" in wanted or not wanted.isprintable():
        raise Refused("text", "holds control characters")
    if _NUMBER_LIKE.fullmatch(wanted):
        wanted = re.sub(r"[ ()./-]", "", wanted)
    if wanted:
        below = customers.alias()
        merged = sa.select(customer_links.c.root).join(below, below.c.id == customer_links.c.member)
        merged = merged.where(_holds(below, wanted, names))
        query = query.where(_holds(customers, wanted, names) | customers.c.id.in_(merged))
    if segment is not None:
        query = query.where(segments.where(connection, segment, time.time()))
    query = query.where(customers.c.id.not_in(links.merged()))
    if after is not None:
        name, of = cursor.read(after, str, str)
        query = query.where(sa.tuple_(customers.c.sort_name, customers.c.id) > sa.tuple_(name, of))
    rows = connection.execute(query.limit(limit + 1)).all()
    found = customer_rows.load(connection, [row.id for row in rows[:limit]])
    if wanted and names and any(sign.isdigit() for sign in wanted):
        found = [one for one in found if wanted in mask_personal(f"{one.name}\n{one.organisation or ''}").casefold()]
    last = rows[limit - 1] if len(rows) > limit else None
    return found, None if last is None else cursor.write(last.sort_name, last.id)
