"""The audit trail: who did what to whom, in rows that are only added, each sealed with the hash of the one before.

A row's hash is SHA-256 over the hash before and the row's own fields as canonical JSON, so that a row that was
changed, taken out or put in between breaks the chain from there on. Rows cut off at the end are seen by comparing the
last number and hash (the head) with copies: one in a table of its own, written with each row, and those that nobody
with the database in hand can reach: the program's log has the head at each start, stop and day, each backup has the
one of its moment, and ``cti audit verify --head N:HASH`` compares with it. Triggers (``audit_guard``) refuse changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.records import AuditEntry
from interaction_log.store.reading import Reading
from interaction_log.store.schema import metadata
from interaction_log.store.teams_tables import audit_head
from interaction_log.store.writing import Writing
from interaction_log.trail import AuditCheck, AuditFilter, AuditRow, Head

__all__ = ["AuditCheck", "AuditFilter", "AuditRow", "Head", "StoredAudit", "add", "audit", "check", "head_of", "verify"]

BEGINNING: Final = "0" * 64
"""What stands for the hash before the first row."""
_CHUNK: Final = 1_000
_FIELDS: Final = ("n", "at", "actor", "action", "subject", "outcome", "reason", "details")

audit: Final = sa.Table(
    "audit",
    metadata,
    sa.Column("n", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("actor", sa.String, nullable=False),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("details", sa.Text, nullable=False),  # JSON object, keys sorted
    sa.Column("previous", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)


def add(connection: sa.Connection, entry: AuditEntry) -> Head:
    """Append within the caller's own transaction: what was done and its entry are on disk together, or neither."""
    if connection.dialect.name == "postgresql":  # SQLite's writers have the whole file already
        connection.execute(sa.text("LOCK TABLE audit IN EXCLUSIVE MODE"))
    newest = sa.select(audit.c.n, audit.c.hash).order_by(audit.c.n.desc()).limit(1)
    last = connection.execute(newest).first()
    kept = connection.execute(sa.select(audit_head)).first()
    if kept is not None and (last is None or last.n < kept.n):
        last = kept  # rows were cut off: going on from what is left would hide it
    row = _row(entry, last.n if last else 0, last.hash if last else None)
    connection.execute(sa.insert(audit).values(row))
    values = {"n": row["n"], "hash": row["hash"]}
    if kept is None:
        connection.execute(sa.insert(audit_head).values(id=1, **values))
    else:
        connection.execute(sa.update(audit_head).values(values))
    return Head(row["n"], row["hash"])


def head_of(connection: sa.Connection) -> Head:
    """The head as the database has it; ``0`` and ``BEGINNING`` while there is no row."""
    row = connection.execute(sa.select(audit_head)).first()
    return Head(row.n, row.hash) if row is not None else Head(0, BEGINNING)


class StoredAudit:
    """Appends, reads and checks. There is no way to change or remove a row."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing

    async def append(self, entry: AuditEntry) -> None:
        """On disk when it returns; raises when it cannot be written."""

        await self._writing(lambda connection: add(connection, entry))

    async def page(
        self, limit: int = 100, before: int | None = None, only: AuditFilter | None = None
    ) -> list[AuditRow]:
        """The newest first; ``before``: only rows with a smaller number. ``limit`` is capped at 1,000."""
        query = sa.select(audit).order_by(audit.c.n.desc()).limit(max(1, min(limit, 1_000)))
        query = query.where(*_conditions(only or AuditFilter()))
        if before is not None:
            query = query.where(audit.c.n < before)
        rows = await self._reading(lambda connection: connection.execute(query).all())
        return [AuditRow(n=row.n, entry=_entry(row), hash=row.hash) for row in rows]

    async def actions(self) -> list[str]:
        """The names of all acts that are in it, in order."""
        query = sa.select(audit.c.action).distinct().order_by(audit.c.action)
        return list(await self._reading(lambda connection: connection.execute(query).scalars().all()))

    async def head(self) -> Head:
        """The last number and hash."""
        return await self._reading(head_of)

    async def verify(self, noted: Head | None = None) -> AuditCheck:
        """Follow the chain from its beginning to the head. ``noted``: a head that somebody wrote down before."""
        return await self._reading(lambda connection: _verify(connection, noted))


def _verify(connection: sa.Connection, noted: Head | None) -> AuditCheck:
    if connection.dialect.name == "postgresql":  # head and rows of one moment; SQLite's readers see one anyway
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
    return verify(connection, noted)


def verify(connection: sa.Connection, noted: Head | None = None) -> AuditCheck:
    """The same on a connection whose transaction sees one moment."""
    kept = head_of(connection)
    marks = {kept.n: kept.hash} if kept.n else {}
    seen: dict[int, str] = {}
    found = check(_watched(_all(connection), {*marks, *([noted.n] if noted else [])}, seen))
    if found.broken_at is not None:
        return found
    for mark, where in (
        (kept, "the head that is kept beside it"),
        *(((noted, "the head that was noted"),) if noted else ()),
    ):
        if mark.n > found.rows:
            why = f"rows {found.rows + 1} to {mark.n} are missing at the end ({where})"
            return replace(found, broken_at=found.rows + 1, why=why)
        if mark.n and seen.get(mark.n) != mark.hash:
            return replace(found, broken_at=mark.n, why=f"it is another one than {where} says")
    if found.rows > kept.n:
        return replace(found, broken_at=kept.n + 1, why="it was added without the head that is kept beside it")
    return found


def _watched(rows: Iterator[Any], numbers: set[int], seen: dict[int, str]) -> Iterator[Any]:
    for row in rows:
        if row.n in numbers:
            seen[row.n] = row.hash
        yield row


def _conditions(only: AuditFilter) -> list[sa.ColumnElement[bool]]:
    equal = ((audit.c[name], getattr(only, name)) for name in ("actor", "action", "subject", "outcome"))
    found: list[sa.ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if only.start is not None:
        found.append(audit.c.at >= only.start)
    if only.end is not None:
        found.append(audit.c.at < only.end)
    return found


def check(rows: Iterator[Any]) -> AuditCheck:
    """Whether these rows, in order of their numbers, are a whole chain."""
    previous, n = BEGINNING, 0
    for row in rows:
        n += 1
        why = _fault(row, n, previous)
        if why is not None:
            return AuditCheck(rows=n, last_hash=previous, broken_at=n, why=why)
        previous = row.hash
    return AuditCheck(rows=n, last_hash=previous)


def _fault(row: Any, n: int, previous: str) -> str | None:
    if row.n != n:
        return f"row {n} is missing"
    if row.previous != previous:
        return "it does not follow the row before"
    if row.hash != _hash({name: getattr(row, name) for name in _FIELDS}, previous):
        return "it was changed"
    return None


def _all(connection: sa.Connection) -> Iterator[Any]:
    last = -1
    while True:
        query = sa.select(audit).where(audit.c.n > last).order_by(audit.c.n).limit(_CHUNK)
        rows = connection.execute(query).all()
        yield from rows
        if len(rows) < _CHUNK:
            return
        last = rows[-1].n


def _row(entry: AuditEntry, last: int, previous: str | None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "n": last + 1,
        "at": float(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "details": json.dumps(entry.details, sort_keys=True),
    }
    before = previous or BEGINNING
    return {**fields, "previous": before, "hash": _hash(fields, before)}


def _hash(fields: dict[str, Any], previous: str) -> str:
    text = json.dumps([previous, *(fields[name] for name in _FIELDS)], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _entry(row: Any) -> AuditEntry:
    return AuditEntry(
        at=row.at,
        actor=row.actor,
        action=row.action,
        subject=row.subject,
        outcome=row.outcome,
        reason=row.reason,
        details=json.loads(row.details),
    )
