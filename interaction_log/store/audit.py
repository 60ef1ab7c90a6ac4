"""The audit trail: who did what to whom, in rows that are only added, each sealed with the hash of the one before.

A row's hash is SHA-256 over the hash before and the row's own fields as canonical JSON, so that a row that was
changed, taken out or put in between breaks the chain from there on. Rows cut off at the end are seen by comparing the
last number and hash with a copy that somebody else keeps (``cti audit verify`` prints both).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.records import AuditEntry
from interaction_log.store.reading import Reading
from interaction_log.store.schema import metadata
from interaction_log.store.writing import Writing

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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """An entry with its number (from 1, without gaps) and its hash."""

    n: int
    entry: AuditEntry
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCheck:
    """What a check of the chain found. ``broken_at``: the first number that does not fit; ``None``: all do."""

    rows: int
    last_hash: str
    broken_at: int | None = None
    why: str | None = None


class StoredAudit:
    """Appends, reads and checks. There is no way to change or remove a row."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing

    async def append(self, entry: AuditEntry) -> None:
        """On disk when it returns; raises when it cannot be written."""

        def work(connection: sa.Connection) -> None:
            if connection.dialect.name == "postgresql":  # SQLite's writers have the whole file already
                connection.execute(sa.text("LOCK TABLE audit IN EXCLUSIVE MODE"))
            newest = sa.select(audit.c.n, audit.c.hash).order_by(audit.c.n.desc()).limit(1)
            last = connection.execute(newest).first()
            connection.execute(sa.insert(audit).values(_row(entry, last.n if last else 0, last.hash if last else None)))

        await self._writing(work)

    async def page(self, limit: int = 100, before: int | None = None) -> list[AuditRow]:
        """The newest first; ``before``: only rows with a smaller number."""
        query = sa.select(audit).order_by(audit.c.n.desc()).limit(max(1, min(limit, 1_000)))
        if before is not None:
            query = query.where(audit.c.n < before)
        rows = await self._reading(lambda connection: connection.execute(query).all())
        return [AuditRow(n=row.n, entry=_entry(row), hash=row.hash) for row in rows]

    async def verify(self) -> AuditCheck:
        """Follow the chain from its beginning."""
        return await self._reading(lambda connection: check(_all(connection)))


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
