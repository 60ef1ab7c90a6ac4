"""Taking an import back: who came with it goes, what it changed is as before; what was touched since stays, told so."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.mapping import FIELDS
from interaction_log.records import Customer, CustomField, Refused
from interaction_log.store import customer_rows
from interaction_log.store.custom_fields import defined
from interaction_log.store.fields import Checked, check
from interaction_log.store.imports_apply import digest, flat
from interaction_log.store.imports_job import Job, count
from interaction_log.store.imports_tables import import_rows, imports
from interaction_log.store.personal import REGISTER, Person

USED: Final = (
    *("interactions", "cases", "tasks", "consents", "claims", "customer_merges", "customer_links", "orders"),
    *("relations", "surveys", "timeline_items", "holds"),
)
"""Tables in which a customer stands who is more than the record that an import made."""
IN_USE: Final = "there are contacts, cases or other things of this customer"
_CHUNK: Final = 500
UNDONE: Final = ("created", "updated", "kept")
"""States of rows that an undo looks at; ``kept`` again, for what stood in the way may be gone."""


@dataclass(slots=True)
class Back:
    """What shall be written of some rows."""

    records: dict[str, Customer]
    used: set[str]
    region: str
    site: Sequence[CustomField]
    removed: list[str] = field(default_factory=list)
    restored: dict[str, Checked] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def tell(self, row: Any, state: str, reason: str | None = None, content: str | None = None) -> None:
        """What becomes of this row."""
        self.rows.append({"at": row.n, "new_state": state, "new_reason": reason, "new_content": content})


def run(job: Job) -> None:
    """From the state ``undoing`` to ``undone``."""
    job.write(lambda connection: _again(connection, job.id))
    site = job.read(defined)
    while True:
        some = job.read(lambda connection: _next(connection, job.id, job.pace.rows))
        if not some:
            break
        job.write(lambda connection, rows=some: _take_back(connection, job, rows, site), len(some))  # type: ignore[misc]
    job.write(lambda connection: _finish(connection, job))


def _again(connection: sa.Connection, of: str) -> None:
    """What an earlier undo kept is tried again."""
    c = import_rows.c
    kept = (c.import_id == of) & (c.state == "kept")
    by_digest = c.content.like('{"digest"%')
    for condition, state in ((by_digest, "created"), (~by_digest, "updated")):
        connection.execute(sa.update(import_rows).where(kept, condition).values(state=state))


def _next(connection: sa.Connection, of: str, most: int) -> Sequence[Any]:
    """The last rows that were taken: what came last goes first."""
    c = import_rows.c
    query = sa.select(c.n, c.state, c.customer_id, c.content).where(c.import_id == of, c.state.in_(UNDONE[:2]))
    return connection.execute(query.order_by(c.n.desc()).limit(most)).all()


def _take_back(connection: sa.Connection, job: Job, rows: Sequence[Any], site: Sequence[CustomField]) -> None:
    ids = sorted({row.customer_id for row in rows if row.customer_id is not None})  # None: erased since
    records = {one.id: one for one in customer_rows.load(connection, ids)}
    used = in_use(connection, [row.customer_id for row in rows if row.state == "created" and row.customer_id])
    back = Back(records, used, job.region, site)
    for row in rows:
        (_remove if row.state == "created" else _restore)(row, back)
    customer_rows.remove_many(connection, back.removed)
    customer_rows.change(connection, list(back.restored.values()))
    c = import_rows.c
    names = ("state", "reason", "content")
    values: dict[str, sa.BindParameter[Any]] = {name: sa.bindparam(f"new_{name}") for name in names}
    query = sa.update(import_rows).where(c.import_id == job.id, c.n == sa.bindparam("at")).values(values)
    connection.execute(query, back.rows)
    job.put(connection, done=sa.literal_column("done") + len(rows), attempts=0)


def in_use(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Those of these customers of whom there is more than their record. Asked for all first: mostly there is nobody."""
    found: set[str] = set()
    for n in range(0, len(ids), _CHUNK):
        some = list(ids[n : n + _CHUNK])
        if connection.execute(_used(), {"ids": some}).scalar():
            found |= {one for one in some if connection.execute(_used(), {"ids": [one]}).scalar()}
    return found


@functools.cache
def _used() -> sa.Select[Any]:
    """Whether any of these tables has a row of ``ids``: one question, built once, for others wait for our lock."""
    whose: Any = sa.bindparam("ids", expanding=True)
    person = Person(customers=whose)
    entries = [REGISTER[name] for name in USED if name in REGISTER]
    rows = [sa.exists(sa.select(sa.literal(1)).select_from(one.table).where(one.of(person))) for one in entries]
    return sa.select(sa.or_(*rows))


def _remove(row: Any, back: Back) -> None:
    record = back.records.get(row.customer_id)
    if record is None or row.content is None:
        back.tell(row, "undone", "was deleted since")
    elif row.customer_id in back.used:
        back.tell(row, "kept", IN_USE, row.content)
    elif json.loads(row.content)["digest"] != digest(record):
        back.tell(row, "kept", "was changed since", row.content)
    else:
        back.removed.append(row.customer_id)
        back.tell(row, "undone")


def _restore(row: Any, back: Back) -> None:
    record = back.records.get(row.customer_id)
    if record is None or row.content is None:
        back.tell(row, "undone", "was deleted since")
        return
    changes: dict[str, list[Any]] = json.loads(row.content)
    now = flat(record)
    kept = {name: pair for name, pair in changes.items() if now.get(name) not in pair}
    wanted = {name: before for name, (before, after) in changes.items() if now.get(name) == after}
    try:
        restored = check(record, _nested(wanted), back.region, back.site)
    except Refused as error:
        back.tell(row, "kept", f"{error.field}: {error.message}", row.content)
        return
    if wanted:
        back.records[record.id] = restored.customer
        back.restored[record.id] = restored
    if kept:
        back.tell(row, "kept", "changed since: " + ", ".join(sorted(kept)), json.dumps(kept))
    else:
        back.tell(row, "undone")


def _nested(wanted: dict[str, Any]) -> dict[str, Any]:
    """``fields.CODE`` as the check of a record wants it."""
    mine = {name.removeprefix(FIELDS): value for name, value in wanted.items() if name.startswith(FIELDS)}
    rest = {name: value for name, value in wanted.items() if not name.startswith(FIELDS)}
    return rest | ({"fields": mine} if mine else {})


def _finish(connection: sa.Connection, job: Job) -> None:
    counts = json.dumps(count(connection, job.id))
    connection.execute(
        sa.update(imports)
        .where(imports.c.id == job.id)
        .values(state="undone", counts=counts, undone_at=job.wall(), attempts=0)
    )
