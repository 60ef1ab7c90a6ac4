"""Customers from a CSV file: every row is taken or refused with its line, field and reason; nothing is guessed.

Columns (any order, English or Chinese names): name; one or several phones and e-mails, also several in a cell,
separated by ``;``; organisation, language, vip, notes, agent (a user's name). Other columns are ignored.

The only rule of merging: a row whose number (or mail) belongs to one customer of the same name updates that
customer: empty cells change nothing, numbers and mails are added. A number of a customer with another name, and a
number that stood in the file before, refuse the row. Text that a spreadsheet would run as a formula is refused.
"""

from __future__ import annotations

import pickle
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from interaction_log import mapping
from interaction_log.records import Customer, ImportReport, Refused, RefusedRow
from interaction_log.store import csv_text, customer_rows
from interaction_log.store.fields import Checked, check, written
from interaction_log.store.schema import customer_emails, customer_phones

_MANY: Final = ("phones", "emails")
_SHOWN: Final = 200  # characters of a cell in the report
_CHUNK: Final = 500


@dataclass(slots=True)
class Rows:
    """The rows of a file: those that may be taken, and those that are refused whatever the database says.

    The good ones are kept as bytes, some hundred together: a hundred thousand objects would make each run of the
    garbage collector stop the whole process for a third of a second, telephones included.
    """

    refused: list[RefusedRow] = field(default_factory=list)
    read: int = 0
    _packed: list[bytes] = field(default_factory=list)
    _open: list[Good] = field(default_factory=list)

    def add(self, good: Good) -> None:
        """One more that may be taken."""
        self._open.append(good)
        if len(self._open) >= _CHUNK:
            self._packed.append(pickle.dumps(self._open))
            self._open = []

    def good(self) -> Iterator[list[Good]]:
        """Those that may be taken, in order, some at a time."""
        for packed in self._packed:
            yield pickle.loads(packed)  # noqa: S301 (our own, never left this process)
        if self._open:
            yield self._open


def parts(rows: Rows) -> Iterator[Rows]:
    """The same in pieces, each for a transaction of its own: SQLite's other writers wait for it."""
    yield Rows(refused=rows.refused, read=rows.read)
    for goods in rows.good():
        yield Rows(_open=goods)


def together(reports: Sequence[ImportReport]) -> ImportReport:
    """What the pieces did, as one."""
    return ImportReport(
        read=sum(one.read for one in reports),
        created=sum(one.created for one in reports),
        updated=sum(one.updated for one in reports),
        refused=sorted((row for one in reports for row in one.refused), key=lambda row: row.line),
    )


@dataclass(frozen=True, slots=True)
class Good:
    """A row whose fields are right; ``given`` are the cells that were not empty."""

    line: int
    checked: Checked
    given: dict[str, Any]
    row: dict[str, str]

    @property
    def addresses(self) -> list[str]:
        """What may belong to a customer already: numbers and mails."""
        return [*(written(n) for n in self.checked.numbers), *(m.casefold() for m in self.checked.customer.emails)]


def read(data: bytes, region: str) -> Rows:
    """Parse and check everything, without the database. Raises ``Refused`` for a file that is no such file."""
    lines = csv_text.records(data)
    header = next(lines, None)
    if header is None:
        raise Refused("file", "is empty")
    columns = _header(header.cells)
    rows, seen = Rows(), dict[str, int]()
    for line in lines:
        rows.read += 1
        shown = {name: cell[:_SHOWN] for name, cell in zip(header.cells, line.cells, strict=False)}
        try:
            good = _row(line, columns, region, shown)
            _new_in_file(good, seen)
            rows.add(good)
        except Refused as error:
            rows.refused.append(RefusedRow(line=line.line, field=error.field, reason=error.message, row=shown))
    return rows


def _header(cells: list[str]) -> list[str | None]:
    columns = [mapping.of_heading(cell) for cell in cells]
    for name in mapping.TARGETS:
        if columns.count(name) > 1 and name not in mapping.MANY:
            raise Refused("file", f"there are two columns for {name}")
    if "name" not in columns:
        raise Refused("file", "there is no column for the name; the first line must name the columns")
    return columns


def _row(line: csv_text.Line, columns: list[str | None], region: str, shown: dict[str, str]) -> Good:
    if line.broken is not None:
        raise Refused("row", line.broken)
    if any(cell.strip() for cell in line.cells[len(columns) :]):
        raise Refused("row", "has more cells than the first line has columns")
    given = mapping.given(columns, line.cells)
    checked = check(Customer(id=str(uuid.uuid4()), name=""), given, region)
    if not checked.customer.phones and not checked.customer.emails:
        raise Refused("phones", "a telephone number or an e-mail address is needed")
    return Good(line.line, checked, given, shown)


def _new_in_file(good: Good, seen: dict[str, int]) -> None:
    for address in good.addresses:
        if address in seen:
            raise Refused("emails" if "@" in address else "phones", f"{address} stands in line {seen[address]} already")
    seen.update(dict.fromkeys(good.addresses, good.line))


def store(connection: sa.Connection, rows: Rows, region: str, *, dry_run: bool) -> ImportReport:
    """Create and update customers in this transaction; ``dry_run`` only finds out what would be done."""
    created = updated = 0
    refused = list(rows.refused)
    for goods in rows.good():
        plan = _plan(connection, goods, region)
        created += len(plan.new)
        updated += plan.updated
        refused += plan.refused
        if not dry_run:
            customer_rows.add(connection, plan.new)
            customer_rows.change(connection, list(plan.changed.values()))
    refused.sort(key=lambda row: row.line)
    return ImportReport(read=rows.read, created=created, updated=updated, refused=refused)


@dataclass(slots=True)
class _Plan:
    """What shall become of some rows."""

    new: list[Checked] = field(default_factory=list)
    changed: dict[str, Checked] = field(default_factory=dict)
    updated: int = 0
    refused: list[RefusedRow] = field(default_factory=list)


def _plan(connection: sa.Connection, goods: list[Good], region: str) -> _Plan:
    owners = _owners(connection, goods)
    known = {c.id: c for c in customer_rows.load(connection, sorted({of for ids in owners.values() for of in ids}))}
    plan = _Plan()
    for good in goods:
        try:
            if "agent" in good.given:
                customer_rows.check_agent(connection, good.checked.customer)
            owner = _owner(good, owners, known)
            if owner is None:
                plan.new.append(good.checked)
                continue
            after = check(owner, _merged(owner, good), region)
            plan.updated += 1
            if after.customer != owner:
                known[owner.id] = after.customer
                plan.changed[owner.id] = after
        except Refused as error:
            plan.refused.append(RefusedRow(line=good.line, field=error.field, reason=error.message, row=good.row))
    return plan


def _owner(good: Good, owners: dict[str, set[str]], known: dict[str, Customer]) -> Customer | None:
    ids = {of for address in good.addresses for of in owners.get(address, ())}
    if not ids:
        return None
    name = good.checked.customer.name.casefold()
    same = [known[of] for of in sorted(ids) if of in known and known[of].name.casefold() == name]
    if len(same) != 1 or len(ids) > 1:
        others = ", ".join(sorted({known[of].name for of in ids if of in known}))
        raise Refused("phones", f"a number or mail of this row belongs to {others} already")
    return same[0]


def _merged(owner: Customer, good: Good) -> dict[str, Any]:
    fields = {name: value for name, value in good.given.items() if name not in (*_MANY, "name")}
    folded = {mail.casefold() for mail in owner.emails}
    fields["phones"] = [*owner.phones, *good.checked.customer.phones]
    fields["emails"] = [*owner.emails, *(m for m in good.checked.customer.emails if m.casefold() not in folded)]
    return fields


def _owners(connection: sa.Connection, goods: list[Good]) -> dict[str, set[str]]:
    """The customers of each number and mail in these rows."""
    found: dict[str, set[str]] = {}
    numbers = sorted({n.e164 for good in goods for n in good.checked.numbers})
    mails = sorted({m.casefold() for good in goods for m in good.checked.customer.emails})
    p, m = customer_phones.c, customer_emails.c
    for n in range(0, len(numbers), _CHUNK):
        query = sa.select(p.e164, p.extension, p.customer_id).where(p.e164.in_(numbers[n : n + _CHUNK]))
        for e164, extension, of in connection.execute(query):
            found.setdefault(f"{e164};ext={extension}" if extension else e164, set()).add(of)
    for n in range(0, len(mails), _CHUNK):
        query_mail = sa.select(m.folded, m.customer_id).where(m.folded.in_(mails[n : n + _CHUNK]))
        for mail, of in connection.execute(query_mail):
            found.setdefault(mail, set()).add(of)
    return found
