"""Schedules of reports and their runs. Who inserts the row of a run sends it: so it is sent once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.records import Conflict, NotFound
from interaction_log.schedules import ATTEMPTS, LATEST_SECONDS, RETRY_SECONDS, Run, Schedule, due
from interaction_log.store.reading import Reading
from interaction_log.store.reports_tables import report_runs, report_schedules
from interaction_log.store.writing import Writing

_s: Final = report_schedules.c
_r: Final = report_runs.c
_FIELDS: Final = tuple(field.name for field in fields(Schedule))


class StoredSchedules:
    """Times are Unix seconds."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading, self._writing = reading, writing

    async def all(self) -> list[Schedule]:
        """By name."""
        return await self._reading(_all)

    async def get(self, schedule_id: str) -> Schedule:
        """One. Raises ``NotFound``."""
        return await self._reading(partial(_one, schedule_id=schedule_id))

    async def create(self, given: Mapping[str, Any], by: str, at: float) -> Schedule:
        """A new one."""
        one = Schedule(**given, id=str(uuid.uuid4()), created_by=by, created_at=at)
        await self._writing(lambda connection: connection.execute(sa.insert(report_schedules).values(_row(one))))
        return one

    async def update(self, schedule_id: str, given: Mapping[str, Any], version: int) -> Schedule:
        """Changed fields. Raises ``NotFound``, or ``Conflict`` when somebody was faster."""
        return await self._writing(partial(_update, schedule_id=schedule_id, given=dict(given), version=version))

    async def delete(self, schedule_id: str) -> None:
        """With its runs. Raises ``NotFound``."""
        await self._writing(partial(_delete, schedule_id=schedule_id))

    async def runs(self, limit: int = 50) -> list[Run]:
        """The last ones."""
        query = sa.select(report_runs).order_by(_r.due_at.desc(), _r.schedule_id).limit(max(1, min(limit, 500)))
        rows = await self._reading(lambda connection: connection.execute(query).all())
        return [Run(**row._mapping) for row in rows]

    async def plan(self, now: float) -> list[Run]:
        """Write down what is due since the last run and return what is to be sent now, oldest first."""
        return await self._writing(partial(_plan, now=now))

    async def claim(self, run: Run, now: float) -> bool:
        """Take it, just before it is handed over; ``False``: somebody else did, or it is done."""
        values = {"state": "sending", "attempts": run.attempts + 1, "changed_at": now}
        return await self._writing(partial(_change, run=run, values=values, before="due"))

    async def finished(self, run: Run, now: float, error: str | None = None) -> None:
        """It is sent; or, with ``error``, was not: it is due again in some minutes, a few times."""
        attempts = run.attempts + 1
        again = "due" if attempts < ATTEMPTS else "failed"
        values = {"state": "sent" if error is None else again, "changed_at": now, "error": error}
        await self._writing(partial(_change, run=run, values=values, before="sending"))

    async def adopt(self, now: float) -> int:
        """At the start: what was being handed over when the program ended is ``unknown`` from now on. How many."""
        values = {"state": "unknown", "changed_at": now}

        def work(connection: sa.Connection) -> int:
            return connection.execute(sa.update(report_runs).where(_r.state == "sending").values(values)).rowcount

        return await self._writing(work)

    async def again(self, schedule_id: str, due_at: float, now: float) -> None:
        """Somebody wants this run sent once more. Raises ``NotFound`` or, while it is being sent, ``Conflict``."""
        await self._writing(partial(_again, schedule_id=schedule_id, due_at=due_at, now=now))


def _row(one: Schedule) -> dict[str, Any]:
    row = asdict(one)
    return row | {"question": json.dumps(one.question), "recipients": json.dumps(list(one.recipients))}


def _schedule(row: sa.Row[Any]) -> Schedule:
    values = {name: row._mapping[name] for name in _FIELDS}
    values |= {"question": json.loads(row.question), "recipients": json.loads(row.recipients)}
    return Schedule(**values | {"enabled": bool(row.enabled)})


def _all(connection: sa.Connection) -> list[Schedule]:
    return [_schedule(row) for row in connection.execute(sa.select(report_schedules).order_by(_s.name, _s.id))]


def _one(connection: sa.Connection, schedule_id: str) -> Schedule:
    row = connection.execute(sa.select(report_schedules).where(_s.id == schedule_id)).first()
    if row is None:
        raise NotFound(schedule_id)
    return _schedule(row)


def _update(connection: sa.Connection, schedule_id: str, given: dict[str, Any], version: int) -> Schedule:
    _one(connection, schedule_id)
    for name in {"question", "recipients"} & set(given):
        given[name] = json.dumps(given[name])
    values = given | {"version": version + 1}
    which = (_s.id == schedule_id) & (_s.version == version)
    if connection.execute(sa.update(report_schedules).where(which).values(values)).rowcount == 0:
        raise Conflict("This schedule was changed meanwhile.")
    return _one(connection, schedule_id)


def _delete(connection: sa.Connection, schedule_id: str) -> None:
    _one(connection, schedule_id)
    connection.execute(sa.delete(report_runs).where(_r.schedule_id == schedule_id))
    connection.execute(sa.delete(report_schedules).where(_s.id == schedule_id))


def _plan(connection: sa.Connection, now: float) -> list[Run]:
    for one in _all(connection):
        last = connection.execute(sa.select(sa.func.max(_r.due_at)).where(_r.schedule_id == one.id)).scalar()
        after = max(one.created_at, now - LATEST_SECONDS, last if last is not None else 0.0)
        fresh = [Run(schedule_id=one.id, due_at=at, state="due") for at in due(one, after, now) if one.enabled]
        if fresh:
            connection.execute(sa.insert(report_runs), [asdict(run) for run in fresh])
    waiting = sa.select(report_runs).where(
        _r.state == "due", (_r.attempts == 0) | (_r.changed_at <= now - RETRY_SECONDS)
    )
    return [Run(**row._mapping) for row in connection.execute(waiting.order_by(_r.due_at, _r.schedule_id))]


def _which(schedule_id: str, due_at: float) -> sa.ColumnElement[bool]:
    return (_r.schedule_id == schedule_id) & (_r.due_at == due_at)


def _change(connection: sa.Connection, run: Run, values: Mapping[str, Any], before: str) -> bool:
    which = _which(run.schedule_id, run.due_at) & (_r.state == before)
    return connection.execute(sa.update(report_runs).where(which).values(values)).rowcount == 1


def _again(connection: sa.Connection, schedule_id: str, due_at: float, now: float) -> None:
    found: Sequence[Any] = connection.execute(sa.select(_r.state).where(_which(schedule_id, due_at))).scalars().all()
    if not found:
        raise NotFound(schedule_id)
    if found[0] == "sending":
        raise Conflict("This report is being sent.")
    values = {"state": "due", "attempts": 0, "changed_at": now, "error": None}
    connection.execute(sa.update(report_runs).where(_which(schedule_id, due_at)).values(values))
