"""Imports as the console and the command line know them: given, mapped, tried, taken, taken back, listed."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from interaction_log import mapping as m
from interaction_log.records import Conflict, CustomField, NotFound, Refused
from interaction_log.store import cursor as cursors
from interaction_log.store import imports_job, imports_site
from interaction_log.store.custom_fields import defined
from interaction_log.store.exports import Wanted
from interaction_log.store.exports_child import stream
from interaction_log.store.exports_text import safe
from interaction_log.store.imports_files import MOST_BYTES
from interaction_log.store.imports_read import forget_rows
from interaction_log.store.imports_tables import import_mappings, import_parts, import_rows, imports
from interaction_log.store.reading import Reading
from interaction_log.store.schema import customers
from interaction_log.store.writing import Writing

PART: Final = 512 * 1024
"""Bytes of a file in one row: a transaction of some milliseconds."""
ABANDONED_SECONDS: Final = 86_400.0
"""So long a file waits for somebody to take it."""
KEPT_SECONDS: Final = 30 * 86_400.0
"""So long the cells of rows that were not taken are kept."""
MOST_MAPPINGS: Final = 200
_PAGE: Final = 500
_ROWS_AT_ONCE: Final = 2_000
DUPLICATES: Final = ("update", "skip", "new")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import. Times are Unix seconds; ``done`` of ``total`` rows are behind the step that is under way.

    ``counts``: rows by state, and by state and whom they seem to be (``waiting.same``); see ``mapping``.
    """

    id: str
    created_at: float
    by: str
    file: str
    kind: str
    bytes: int
    state: str
    headings: list[str]
    samples: list[list[str]]
    mapping: list[str | None]
    duplicates: str
    rename: bool
    counts: dict[str, int]
    total: int | None
    done: int
    failure: dict[str, str] | None
    finished_at: float | None
    undone_at: float | None
    undone_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """One row of a file. ``row``: its cells by heading, where they are still kept. ``customer_name``: as it is now."""

    n: int
    line: int
    state: str
    same: str | None
    customer_id: str | None
    customer_name: str | None
    field: str | None
    reason: str | None
    row: dict[str, str]


class StoredImports:
    """``url`` and ``region`` (ISO 3166-1 alpha-2): of the database and of numbers without a country code."""

    def __init__(
        self, reading: Reading, writing: Writing, url: str, region: str, clock: Callable[[], float] = time.time
    ):
        self._reading = reading
        self._writing = writing
        self._url = url
        self._region = region
        self._clock = clock
        self.turn = writing.turn

    async def work(self, of: str) -> str:
        """Work at a job until its step is over, in this process: for commands. The program leaves it to a process
        beside it (``imports_runner``)."""
        return await asyncio.to_thread(imports_job.work, self._url, of, self._region, f"command {uuid.uuid4()}")

    def export(self, wanted: Wanted) -> AsyncIterator[bytes]:
        """Customers as a file, computed in a process beside this one."""
        return stream(self._url, wanted)

    async def put_file(self, name: str, data: bytes, by: str) -> str:
        """Keep a file; the id of its import. Nothing was read of it yet."""
        if len(data) > MOST_BYTES:
            raise Refused("file", f"larger than {MOST_BYTES // 1024 // 1024} MB")
        if not data.strip():
            raise Refused("file", "is empty")
        of = str(uuid.uuid4())
        values = self._blank(of, _file_name(name), len(data), by)
        await self._writing(lambda connection: connection.execute(sa.insert(imports).values(values)))
        try:
            for n in range(0, len(data), PART):
                part = {"import_id": of, "n": n // PART, "data": data[n : n + PART]}
                await self._writing(lambda connection, one=part: connection.execute(sa.insert(import_parts), one))  # type: ignore[misc]
        except BaseException:  # half a file is none; where this fails too it is forgotten after a day
            with contextlib.suppress(Exception):
                await self.drop(of)
            raise
        return of

    def _blank(self, of: str, name: str, size: int, by: str) -> dict[str, Any]:
        empty = {"headings": "[]", "samples": "[]", "mapping": "[]", "counts": "{}"}
        choices = {"duplicates": "update", "rename": False, "done": 0, "attempts": 0}
        return {"id": of, "created_at": self._clock(), "by": by, "file": name, "kind": "csv", "bytes": size} | (
            {"state": "uploaded"} | empty | choices
        )

    async def get(self, of: str) -> Import:
        """Raises ``NotFound``."""
        return await self._reading(lambda connection: _one(connection, of))

    async def page(self, limit: int, cursor: str | None) -> tuple[list[Import], str | None]:
        """The newest first."""
        limit = max(1, min(limit, _PAGE))
        c = imports.c
        query = sa.select(imports).order_by(c.created_at.desc(), c.id.desc()).limit(limit + 1)
        if cursor is not None:
            at, of = cursors.read(cursor, float, str)
            query = query.where(sa.tuple_(c.created_at, c.id) < sa.tuple_(at, of))
        rows = await self._reading(lambda connection: connection.execute(query).all())
        last = rows[limit - 1] if len(rows) > limit else None
        return [_import(row) for row in rows[:limit]], None if last is None else cursors.write(last.created_at, last.id)

    async def fields(self) -> list[CustomField]:
        """The site's fields that a column can fill."""
        return [one for one in await self._reading(defined) if not one.retired]

    async def suggest(self, of: str, remembered: str | None) -> Import:
        """Map the columns: as under this name before, or by their headings."""
        job = await self.get(of)
        before = (await self.mappings()).get(remembered or "")
        site = await self._reading(defined)
        found = m.suggest(job.headings, job.samples, before, imports_site.by_heading(site))
        return await self._change(of, ("uploaded",), mapping=json.dumps(found))

    async def choose(self, of: str, columns: Sequence[str | None], duplicates: str, rename: bool) -> Import:
        """Map the columns and say what shall become of duplicates. Raises ``Refused``, ``Conflict``, ``NotFound``."""
        job = await self.get(of)
        site = await self._reading(defined)
        m.check_mapping(columns, len(job.headings), [one.code for one in site if not one.retired])
        if duplicates not in DUPLICATES:
            raise Refused("duplicates", "one of " + ", ".join(DUPLICATES))
        again = ("uploaded", "read") if list(columns) == job.mapping else ("uploaded", "read", "failed")
        values: dict[str, Any] = {"duplicates": duplicates, "rename": rename, "mapping": json.dumps(list(columns))}
        if list(columns) != job.mapping:
            values |= {"state": "uploaded", "counts": "{}", "total": None}
        return await self._change(of, again, **values)

    async def begin(self, of: str, step: str, by: str) -> Import:
        """``reading``, ``importing`` or ``undoing``, where that is what comes next; then somebody must ``run`` it."""
        first = {
            "reading": ("uploaded", "read"),
            "importing": ("read", "failed"),
            "undoing": ("done", "failed", "undone"),
        }
        job = await self.get(of)
        if step == "importing" and job.state == "failed" and job.total is None:
            raise Conflict(STATE)
        if step == "reading":
            m.check_mapping(job.mapping, len(job.headings), _codes(job.mapping))
        values: dict[str, Any] = {"state": step, "done": 0, "attempts": 0, "failure": None}
        if step == "undoing":
            values |= {"undone_by": by}
        return await self._change(of, first[step], **values)

    async def _change(self, of: str, states: Sequence[str], **values: Any) -> Import:
        def work(connection: sa.Connection) -> Import:
            fits = (imports.c.id == of) & imports.c.state.in_(states)
            changed = connection.execute(sa.update(imports).where(fits).values(values)).rowcount
            found = _one(connection, of)
            if not changed:
                raise Conflict(STATE)
            return found

        return await self._writing(work)

    async def drop(self, of: str) -> None:
        """Forget a file that nothing was taken from, or an import that was taken back. The customers stay."""
        job = await self.get(of)
        if job.state not in ("uploaded", "read", "undone") and not (job.state == "failed" and not job.total):
            raise Conflict(STATE)
        while await self._writing(lambda connection: forget_rows(connection, of, _ROWS_AT_ONCE)):
            pass
        while await self._writing(lambda connection: _forget_parts(connection, of)):
            pass
        await self._writing(lambda connection: connection.execute(sa.delete(imports).where(imports.c.id == of)))

    async def rows(
        self, of: str, *, state: str | None = None, same: str | None = None, after: int = 0, limit: int = 100
    ) -> tuple[list[ImportRow], int | None]:
        """Rows in the order of the file, and the number after which the next page begins."""
        job = await self.get(of)
        limit = max(1, min(limit, _PAGE))
        found = await self._reading(lambda connection: _rows(connection, job, state, same, after, limit + 1))
        return found[:limit], found[limit - 1].n if len(found) > limit else None

    async def report(self, of: str, words: Callable[[ImportRow], Sequence[str]]) -> Any:
        """The whole report as pieces of a CSV file: ``words`` says line, state, field, reason, customer of a row."""
        job = await self.get(of)
        yield "\ufeff" + _csv([["line", "result", "field", "reason", "customer", "customer id", *job.headings]])
        after = 0
        while True:
            some = await self._reading(lambda connection, n=after: _rows(connection, job, None, None, n, _PAGE))  # type: ignore[misc]
            if not some:
                return
            yield _csv([[*words(one), *(one.row.get(heading, "") for heading in job.headings)] for one in some])
            after = some[-1].n

    async def unfinished(self) -> list[str]:
        """Jobs whose step nobody works at now, the oldest first."""
        c = imports.c
        free = c.worker.is_(None) | (c.worker_until < self._clock())
        query = sa.select(c.id).where(c.state.in_(m.WORKING), free).order_by(c.created_at)
        return await self._reading(lambda connection: list(connection.execute(query).scalars()))

    async def abandoned(self) -> list[str]:
        """Files that nobody took within a day."""
        c = imports.c
        old = c.created_at < self._clock() - ABANDONED_SECONDS
        query = sa.select(c.id).where(c.state.in_(("uploaded", "read")), old)
        return await self._reading(lambda connection: list(connection.execute(query).scalars()))

    async def scrub(self) -> int:
        """Forget the cells of rows that were not taken, a month after: they are of people whom nobody could erase
        otherwise. Some at a time; the result: how many."""
        old = sa.select(imports.c.id).where(imports.c.finished_at < self._clock() - KEPT_SECONDS)
        c = import_rows.c
        those = (c.import_id.in_(old), c.state.in_(("refused", "skipped")), c.content.is_not(None))

        def work(connection: sa.Connection) -> int:
            some = connection.execute(sa.select(c.import_id, c.n).where(*those).limit(_PAGE)).all()
            blank = sa.update(import_rows).where(c.import_id == sa.bindparam("of"), c.n == sa.bindparam("at"))
            if some:
                connection.execute(
                    blank.values(content=None, reason=None), [{"of": row.import_id, "at": row.n} for row in some]
                )
            return len(some)

        return await self._writing(work)

    async def mappings(self) -> dict[str, dict[str, str | None]]:
        """Those that have a name: target by heading."""
        query = sa.select(import_mappings.c.name, import_mappings.c.columns).order_by(import_mappings.c.name)
        rows = await self._reading(lambda connection: connection.execute(query).all())
        return {row.name: json.loads(row.columns) for row in rows}

    async def remember(self, name: str, of: str, by: str) -> None:
        """Keep the mapping of this import under a name; one of the same name is replaced."""
        name = " ".join(name.split())
        if not 0 < len(name) <= 80 or not name.isprintable():
            raise Refused("name", "1 to 80 characters")
        job = await self.get(of)
        columns = json.dumps(dict(zip(job.headings, job.mapping, strict=False)))

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(import_mappings).where(import_mappings.c.name == name))
            there = connection.execute(sa.select(sa.func.count()).select_from(import_mappings)).scalar_one()
            if there >= MOST_MAPPINGS:
                raise Refused("name", f"{MOST_MAPPINGS} at most")
            row = {"name": name, "columns": columns, "by": by, "at": self._clock()}
            connection.execute(sa.insert(import_mappings).values(row))

        await self._writing(work)

    async def forget(self, name: str) -> None:
        """Raises ``NotFound``."""
        gone = sa.delete(import_mappings).where(import_mappings.c.name == name)
        if not await self._writing(lambda connection: connection.execute(gone).rowcount):
            raise NotFound(name)


STATE: Final = "The import is not in a state for this."


def _codes(columns: Sequence[str | None]) -> list[str]:
    return [one.removeprefix(m.FIELDS) for one in columns if one is not None and one.startswith(m.FIELDS)]


def _file_name(name: str) -> str:
    """The last part, without what could disturb a screen."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:200] or "file"


def _forget_parts(connection: sa.Connection, of: str) -> int:
    c = import_parts.c
    first = list(connection.execute(sa.select(c.n).where(c.import_id == of).order_by(c.n).limit(4)).scalars())
    if first:
        connection.execute(sa.delete(import_parts).where(c.import_id == of, c.n <= first[-1]))
    return len(first)


def _one(connection: sa.Connection, of: str) -> Import:
    row = connection.execute(sa.select(imports).where(imports.c.id == of)).first()
    if row is None:
        raise NotFound(of)
    return _import(row)


def _import(row: Any) -> Import:
    plain = ("id", "created_at", "by", "file", "kind", "bytes", "state", "duplicates", "rename", "total", "done")
    times = ("finished_at", "undone_at", "undone_by")
    written = ("headings", "samples", "mapping", "counts")
    found = {name: getattr(row, name) for name in (*plain, *times)}
    found |= {name: json.loads(getattr(row, name)) for name in written}
    return Import(**found, failure=json.loads(row.failure) if row.failure else None)


def _rows(
    connection: sa.Connection, job: Import, state: str | None, same: str | None, after: int, most: int
) -> list[ImportRow]:
    c = import_rows.c
    names = import_rows.outerjoin(customers, customers.c.id == c.customer_id)
    query = sa.select(import_rows, customers.c.name.label("customer_name")).select_from(names)
    query = query.where(c.import_id == job.id, c.n > after).order_by(c.n).limit(most)
    if state is not None:
        query = query.where(c.state == state)
    if same is not None:
        query = query.where(c.same == same) if same != "any" else query.where(c.same.is_not(None))
    return [_row(row, job) for row in connection.execute(query)]


def _row(row: Any, job: Import) -> ImportRow:
    content = json.loads(row.content) if row.content else None
    cells = content if isinstance(content, list) else []
    return ImportRow(
        n=row.n,
        line=row.line,
        state=row.state,
        same=row.same,
        customer_id=row.customer_id,
        customer_name=row.customer_name,
        field=row.field,
        reason=row.reason,
        row=dict(zip(job.headings, cells, strict=False)),
    )


def _csv(lines: Iterator[Sequence[Any]] | Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([safe(cell) for cell in line] for line in lines)
    return text.getvalue()
