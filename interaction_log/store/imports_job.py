"""One import, worked at by one process at a time, in short transactions; whoever dies, the next goes on from there.

``peek`` finds headings and first rows; then by the job's state: ``reading`` checks every row and finds whom it seems
to be, ``importing`` takes the rows that wait, ``undoing`` takes back. Each transaction writes rows and progress
together, so at every moment the job says exactly what was done.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from interaction_log.records import Refused
from interaction_log.store.csv_text import Line
from interaction_log.store.engine import open_engine
from interaction_log.store.failures import meaning
from interaction_log.store.imports_files import open_source
from interaction_log.store.imports_pace import Pace
from interaction_log.store.imports_tables import import_parts, import_rows, imports
from interaction_log.store.turns import NOBODYS, Turn, turn_of

CLAIM_SECONDS: Final = 30.0
SAMPLES: Final = 5
SHOWN: Final = 200
"""Characters of a cell in a sample."""
ATTEMPTS: Final = 3
"""So often a step is begun again after the process died in it."""
_TRIES: Final = 5
_TURN_SECONDS: Final = 1.0
_TIDY_SECONDS: Final = 0.25
"""How often we move what was written from the WAL into the database: else it fell to who commits next, the log."""
_T = TypeVar("_T")


class Stopped(Exception):
    """We shall not go on, or somebody else works at it now. Nothing is lost: it goes on later."""


@dataclass(slots=True)
class Job:
    """An import as this process works at it. ``goes_on``: asked between transactions; ``wall``: Unix seconds;
    ``turn``: the line in which SQLite's writers stand."""

    engine: sa.Engine
    reading: sa.Engine
    id: str
    region: str
    worker: str
    goes_on: Callable[[], bool] = lambda: True
    wall: Callable[[], float] = time.time
    pace: Pace = field(default_factory=lambda: Pace(rests=False))
    turn: Turn = NOBODYS
    tidied: float = field(default_factory=time.monotonic)

    def read(self, work: Callable[[sa.Connection], _T]) -> _T:
        """A question, without a lock that others wait for."""
        with self.reading.connect() as connection:
            return work(connection)

    def write(self, work: Callable[[sa.Connection], _T], rows: int = 0) -> _T:
        """One transaction of ours; raises ``Stopped`` when the job is no longer ours."""
        if not self.goes_on():
            raise Stopped
        for tried in range(1, _TRIES + 1):
            self.pace.wait()
            try:
                with self.turn(_TURN_SECONDS), self.engine.begin() as connection:
                    began = time.monotonic()
                    self._claimed(connection)
                    result = work(connection)
                self.pace.took(time.monotonic() - began, rows)  # with the commit: so long others waited
            except sa.exc.DBAPIError as error:
                if meaning(error) != "retry" or tried == _TRIES:
                    raise
            else:
                self._tidy()
                return result
        raise AssertionError("unreachable")

    def _tidy(self) -> None:
        """Keeps nobody from writing."""
        if not self.gentle or time.monotonic() - self.tidied < _TIDY_SECONDS:
            return
        pooled = self.engine.raw_connection()
        try:
            pooled.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        finally:
            pooled.close()
        self.tidied = time.monotonic()

    def _claimed(self, connection: sa.Connection) -> None:
        ours = (imports.c.id == self.id) & (imports.c.worker == self.worker)
        until = self.wall() + CLAIM_SECONDS
        if not connection.execute(sa.update(imports).where(ours).values(worker_until=until)).rowcount:
            raise Stopped

    @property
    def gentle(self) -> bool:
        """Whether other writers wait for our transactions."""
        return self.engine.dialect.name == "sqlite"

    def row(self) -> Any:
        """As it stands in the database."""
        return self.read(lambda connection: connection.execute(sa.select(imports).where(imports.c.id == self.id)).one())

    def put(self, connection: sa.Connection, **values: Any) -> None:
        """Change the job."""
        connection.execute(sa.update(imports).where(imports.c.id == self.id).values(values))

    def lines(self) -> tuple[list[str], Iterator[Line]]:
        """Headings and rows of the file. Raises ``Refused``."""
        source = open_source(self.data())
        return source.headings, source.rows

    def data(self) -> bytes:
        """The file."""
        query = sa.select(import_parts.c.data).where(import_parts.c.import_id == self.id).order_by(import_parts.c.n)
        return b"".join(self.read(lambda connection: list(connection.execute(query).scalars())))


def claim(engine: sa.Engine, of: str, worker: str, now: float) -> Any:
    """The job, if nobody works at it; ``None`` otherwise. Only one of several that ask at once gets it."""
    free = imports.c.worker.is_(None) | (imports.c.worker_until < now)
    mine = {"worker": worker, "worker_until": now + CLAIM_SECONDS, "attempts": imports.c.attempts + 1}
    with engine.begin() as connection:
        if not connection.execute(sa.update(imports).where(imports.c.id == of, free).values(mine)).rowcount:
            return None
        return connection.execute(sa.select(imports).where(imports.c.id == of)).one()


def work(
    url: str,
    of: str,
    region: str,
    worker: str,
    goes_on: Callable[[], bool] = lambda: True,
    lent: Turn | None = None,
) -> str:
    """Claim it and do its step to the end; the state it has then, or ``busy``. What is wrong with the file itself
    makes it ``failed``, with the reason. ``lent``: the program's line of writers, where we work beside it for it."""
    engine, reading = open_engine(url, size=2), open_engine(url, writes=False, size=1)
    try:
        row = claim(engine, of, worker, time.time())
        if row is None:
            return "busy"
        lite = engine.dialect.name == "sqlite"
        if lite:
            sa.event.listen(engine, "connect", _lightly)
            engine.dispose()
        pace, turn = Pace(rests=lite and lent is None), lent or turn_of(engine)
        return _step(Job(engine, reading, of, region, worker, goes_on, pace=pace, turn=turn), row)
    finally:
        engine.dispose()
        reading.dispose()


def _lightly(connection: sqlite3.Connection, _record: object) -> None:
    """Our commits wait for no disk: a power cut takes back the last of them, rows and progress together, and the log's
    next commit puts them on the disk as well."""
    for pragma in ("synchronous=NORMAL", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {pragma}").close()


def _step(job: Job, row: Any) -> str:
    from interaction_log.store import imports_apply, imports_read, imports_undo  # noqa: PLC0415 (they need Job)

    steps: dict[str, Callable[[Job], None]] = {
        "uploaded": _peek,
        "reading": imports_read.run,
        "importing": imports_apply.run,
        "undoing": imports_undo.run,
    }
    step = steps.get(row.state)
    try:
        if step is not None and row.attempts > ATTEMPTS:
            raise Refused("file", "the program ended several times while it was worked at")
        if step is not None:
            step(job)
    except Refused as error:
        _fail(job, error)
    except Stopped:
        return "stopped"
    finally:
        _release(job)
    return str(job.row().state)


def _fail(job: Job, error: Refused) -> None:
    failure = json.dumps({"field": error.field, "message": error.message})
    job.write(lambda connection: job.put(connection, state="failed", failure=failure, finished_at=job.wall()))


def _release(job: Job) -> None:
    ours = (imports.c.id == job.id) & (imports.c.worker == job.worker)
    with job.engine.begin() as connection:
        connection.execute(sa.update(imports).where(ours).values(worker=None, worker_until=None))


def _peek(job: Job) -> None:
    source = open_source(job.data())
    samples: list[list[str]] = []
    for line in source.rows:
        if line.broken is None:
            samples.append([cell[:SHOWN] for cell in line.cells])
        if len(samples) == SAMPLES:
            break
    found = {"kind": source.kind, "headings": json.dumps(source.headings), "samples": json.dumps(samples)}
    job.write(lambda connection: job.put(connection, attempts=0, **found))


def count(connection: sa.Connection, of: str) -> dict[str, int]:
    """Rows by state, and those that seem to be somebody by whom they seem to be (``same.other`` …)."""
    c = import_rows.c
    query = sa.select(c.state, c.same, sa.func.count()).where(c.import_id == of).group_by(c.state, c.same)
    found: dict[str, int] = {}
    for state, same, number in connection.execute(query):
        found[state] = found.get(state, 0) + number
        if same is not None:
            found[f"{state}.{same}"] = number
    return found
