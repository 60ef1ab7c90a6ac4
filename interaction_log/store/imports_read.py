"""The dry run: every row checked as it would be taken, and found whom it seems to be. Nothing is made or changed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from interaction_log import mapping
from interaction_log.records import Customer, CustomField, Refused
from interaction_log.store import customer_rows, imports_owners, imports_site
from interaction_log.store.csv_text import Line
from interaction_log.store.custom_fields import defined
from interaction_log.store.fields import Checked, check
from interaction_log.store.imports_job import Job, count
from interaction_log.store.imports_tables import import_rows, imports

MOST_CELL: Final = 2_000
"""Characters of a cell that are kept of a refused row."""
_CHUNK: Final = 500


@dataclass(slots=True)
class Row:
    """A row on its way into ``import_rows``."""

    n: int
    line: Line
    checked: Checked | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def refuse(self, error: Refused, same: str | None = None) -> None:
        """It is not taken, and why."""
        self.values |= {"state": "refused", "field": error.field, "reason": error.message, "same": same}


def run(job: Job) -> None:
    """From the state ``reading`` to ``read``. Raises ``Refused`` for a file that is none."""
    columns: list[str | None] = json.loads(job.row().mapping)
    site = job.read(defined)
    _forget(job)
    _headings, lines = job.lines()
    seen: dict[str, int] = {}
    some: list[Row] = []
    n = 0
    for n, line in enumerate(lines, 1):
        some.append(_row(job, n, line, columns, site, seen))
        if len(some) >= min(_CHUNK, job.pace.rows):
            _keep(job, some)
            some = []
    if not n:
        raise Refused("file", "has no rows under its headings")
    _keep(job, some)
    job.write(lambda connection: _finish(connection, job, n))


def _forget(job: Job) -> None:
    """What an earlier try left."""
    while True:
        if not job.write(lambda connection: forget_rows(connection, job.id, job.pace.rows), job.pace.rows):
            return


def forget_rows(connection: sa.Connection, of: str, most: int) -> int:
    """Delete up to ``most`` rows of an import; how many there were."""
    c = import_rows.c
    first = sa.select(c.n).where(c.import_id == of).order_by(c.n).limit(most)
    found = list(connection.execute(first).scalars())
    if found:
        connection.execute(sa.delete(import_rows).where(c.import_id == of, c.n <= found[-1]))
    return len(found)


def _row(
    job: Job, n: int, line: Line, columns: Sequence[str | None], site: Sequence[CustomField], seen: dict[str, int]
) -> Row:
    row = Row(n, line, values={"state": "waiting", "field": None, "reason": None, "same": None, "customer_id": None})
    try:
        row.checked = checked_row(line, columns, job.region, site)
        twice = next((a for a in imports_owners.addresses(row.checked) if a in seen), None)
        if twice is not None:
            what = "emails" if "@" in twice else "phones"
            row.refuse(Refused(what, f"{twice} stands in line {seen[twice]} already"), "file")
        for address in imports_owners.addresses(row.checked):
            seen.setdefault(address, line.line)
    except Refused as error:
        row.refuse(error)
    return row


def checked_row(line: Line, columns: Sequence[str | None], region: str, site: Sequence[CustomField]) -> Checked:
    """The customer that this row describes, with a new id. Raises ``Refused``."""
    if line.broken is not None:
        raise Refused("row", line.broken)
    if any(cell.strip() for cell in line.cells[len(columns) :]):
        raise Refused("row", "has more cells than the first line has columns")
    given = imports_site.values(mapping.given(columns, line.cells), site)
    checked = check(Customer(id=str(uuid.uuid4()), name=""), given, region, site)
    if not checked.customer.phones and not checked.customer.emails:
        raise Refused("phones", "a telephone number or an e-mail address is needed")
    return checked


def _keep(job: Job, some: list[Row]) -> None:
    """Write these rows, with whom they seem to be."""
    if not some:
        return
    job.read(lambda connection: _compare(connection, some))
    values = [{"import_id": job.id, "n": r.n, "line": r.line.line, "content": _cells(r.line), **r.values} for r in some]

    def write(connection: sa.Connection) -> None:
        connection.execute(sa.insert(import_rows), values)
        job.put(connection, done=some[-1].n)

    job.write(write, len(some))


def _cells(line: Line) -> str:
    return json.dumps([cell[:MOST_CELL] if len(cell) > MOST_CELL else cell for cell in line.cells])


def _compare(connection: sa.Connection, some: list[Row]) -> None:
    good = [row for row in some if row.checked is not None]
    checked = [row.checked for row in good if row.checked is not None]
    found = imports_owners.owners(connection, checked)
    records = imports_owners.known(connection, found)
    for row, one in zip(good, checked, strict=True):
        try:
            if one.customer.agent is not None:
                customer_rows.check_agent(connection, one.customer)
        except Refused as error:
            row.refuse(error)
            continue
        owner = imports_owners.owner_of(one, found, records)
        if owner is not None and row.values["state"] == "waiting":
            alone = owner.customers[0].id if len(owner.customers) == 1 else None
            row.values |= {"same": owner.same, "reason": owner.why, "customer_id": alone}


def _finish(connection: sa.Connection, job: Job, total: int) -> None:
    counts = json.dumps(count(connection, job.id))
    at = imports.c
    connection.execute(
        sa.update(imports).where(at.id == job.id).values(state="read", total=total, done=0, counts=counts, attempts=0)
    )
