"""Taking the rows that wait: some at a time, each time with all that the undo needs to know of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from interaction_log import mapping
from interaction_log.records import Customer, CustomField, Refused
from interaction_log.store import customer_rows, imports_owners, imports_site, index_customers
from interaction_log.store.csv_text import Line
from interaction_log.store.custom_fields import defined
from interaction_log.store.fields import Checked, check
from interaction_log.store.imports_job import Job, count
from interaction_log.store.imports_read import checked_row
from interaction_log.store.imports_tables import import_parts, import_rows


@dataclass(slots=True)
class Choices:
    """What was chosen for this import."""

    columns: list[str | None]
    duplicates: str
    rename: bool
    region: str
    site: Sequence[CustomField]


@dataclass(slots=True)
class Taken:
    """A row that waits, as it will be."""

    n: int
    cells: list[str]
    checked: Checked | None
    values: dict[str, Any] = field(default_factory=dict)

    def becomes(self, state: str, customer_id: str | None = None, content: str | None = None) -> None:
        """What is kept of it."""
        self.values = {"state": state, "customer_id": customer_id, "field": None, "reason": None, "content": content}

    def refuse(self, error: Refused) -> None:
        """It is not taken after all."""
        self.becomes("refused", None, json.dumps(self.cells))
        self.values |= {"field": error.field, "reason": error.message}


@dataclass(slots=True)
class Plan:
    """What shall be written of some rows."""

    records: dict[str, Customer]
    new: list[Checked] = field(default_factory=list)
    changed: dict[str, Checked] = field(default_factory=dict)


def digest(customer: Customer) -> str:
    """Of everything that the record says: whether it was changed since."""
    return hashlib.sha256(json.dumps(customer_rows.view(customer), sort_keys=True).encode()).hexdigest()


def run(job: Job) -> None:
    """From the state ``importing`` to ``done``."""
    row = job.row()
    choices = Choices(json.loads(row.mapping), row.duplicates, row.rename, job.region, job.read(defined))
    if choices.duplicates == "new":
        job.write(lambda connection: _free(connection, job.id))
    last = 0
    while True:
        some = job.read(lambda connection, after=last: waiting(connection, job.id, after, job.pace.rows))  # type: ignore[misc]
        if not some:
            break
        taken = [_ready(one, choices) for one in some]
        if job.gentle:
            index_customers.prepare(one.checked.customer for one in taken if one.checked is not None)
        job.write(lambda connection, rows=taken: _take(connection, job, rows, choices), len(taken))  # type: ignore[misc]
        last = some[-1].n
    job.write(lambda connection: _finish(connection, job))


def _free(connection: sa.Connection, of: str) -> None:
    """Rows of one file that share a number are people of their own, when all are new."""
    c = import_rows.c
    twice = (c.import_id == of) & (c.state == "refused") & (c.same == "file")
    connection.execute(sa.update(import_rows).where(twice).values(state="waiting", field=None, reason=None))


def waiting(connection: sa.Connection, of: str, after: int, most: int) -> Sequence[Any]:
    """The next rows that wait."""
    c = import_rows.c
    query = sa.select(c.n, c.line, c.content).where(c.import_id == of, c.state == "waiting", c.n > after)
    return connection.execute(query.order_by(c.n).limit(most)).all()


def _ready(row: Any, choices: Choices) -> Taken:
    cells = json.loads(row.content)
    taken = Taken(row.n, cells, None)
    try:
        taken.checked = checked_row(Line(row.line, cells), choices.columns, choices.region, choices.site)
    except Refused as error:
        taken.refuse(error)
    return taken


def _take(connection: sa.Connection, job: Job, rows: list[Taken], choices: Choices) -> None:
    checked = [row.checked for row in rows if row.checked is not None]
    found = imports_owners.owners(connection, checked)
    plan = Plan(imports_owners.known(connection, found))
    for row in rows:
        if row.checked is None:
            continue
        try:
            if row.checked.customer.agent is not None:
                customer_rows.check_agent(connection, row.checked.customer)
            _decide(row, row.checked, found, plan, choices)
        except Refused as error:
            row.refuse(error)
    customer_rows.add(connection, plan.new)
    customer_rows.change(connection, list(plan.changed.values()))
    _mark(connection, job.id, rows)
    job.put(connection, done=sa.literal_column("done") + len(rows), attempts=0)


def _decide(row: Taken, checked: Checked, found: dict[str, set[str]], plan: Plan, choices: Choices) -> None:
    owner = imports_owners.owner_of(checked, found, plan.records)
    if owner is None or choices.duplicates == "new":
        plan.new.append(checked)
        row.becomes("created", checked.customer.id, json.dumps({"digest": digest(checked.customer)}))
    elif choices.duplicates == "skip":
        row.becomes("skipped", owner.customers[0].id)
        row.values["reason"] = owner.why
    elif owner.same == "several" or (owner.same == "other" and not choices.rename):
        names = ", ".join(sorted({one.name for one in owner.customers}))[:200]
        raise Refused("phones", f"a number or mail of this row belongs to {names} already")
    else:
        _update(row, owner.customers[0], plan, choices)
        row.values["reason"] = owner.why


def _update(row: Taken, before: Customer, plan: Plan, choices: Choices) -> None:
    given = imports_site.values(mapping.given(choices.columns, row.cells), choices.site)
    after = check(before, merged(before, given, row, choices.rename), choices.region, choices.site)
    changes = difference(before, after.customer)
    if not changes:
        row.becomes("unchanged", before.id)
        return
    plan.records[before.id] = after.customer
    plan.changed[before.id] = after
    row.becomes("updated", before.id, json.dumps(changes))


def merged(before: Customer, given: dict[str, Any], row: Taken, rename: bool) -> dict[str, Any]:
    """The fields that change: empty cells change nothing, numbers and mails are added."""
    assert row.checked is not None
    new = row.checked.customer
    fields = {name: value for name, value in given.items() if name not in ("phones", "emails")}
    if not rename:
        fields.pop("name", None)
    folded = {mail.casefold() for mail in before.emails}
    fields["phones"] = [*before.phones, *(one for one in new.phones if one not in before.phones)]
    fields["emails"] = [*before.emails, *(one for one in new.emails if one.casefold() not in folded)]
    return fields


def difference(before: Customer, after: Customer) -> dict[str, list[Any]]:
    """Before and after of each field that is not the same."""
    old, new = flat(before), flat(after)
    return {name: [old.get(name), new.get(name)] for name in sorted(old | new) if old.get(name) != new.get(name)}


def flat(customer: Customer) -> dict[str, Any]:
    """The record with each of the site's fields beside its own: ``fields.CODE``."""
    found = customer_rows.view(customer)
    return found | {mapping.FIELDS + code: value for code, value in found.pop("fields", {}).items()}


def _mark(connection: sa.Connection, of: str, rows: Sequence[Taken]) -> None:
    c = import_rows.c
    names = ("state", "customer_id", "field", "reason", "content")
    query = sa.update(import_rows).where(c.import_id == of, c.n == sa.bindparam("at"))
    values: dict[str, sa.BindParameter[Any]] = {name: sa.bindparam(f"new_{name}") for name in names}
    told = [{"at": row.n, **{f"new_{name}": row.values[name] for name in names}} for row in rows]
    connection.execute(query.values(values), told)


def _finish(connection: sa.Connection, job: Job) -> None:
    """Only what the undo and the report need stays."""
    connection.execute(sa.delete(import_parts).where(import_parts.c.import_id == job.id))
    counts = json.dumps(count(connection, job.id))
    job.put(connection, state="done", counts=counts, samples="[]", finished_at=job.wall(), failure=None, attempts=0)
