"""Rules of alarms, and the alarms with their ends. Times are Unix seconds."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.alarms import Alarm, AlarmRule
from interaction_log.records import Conflict, NotFound
from interaction_log.store import cursor as cursors
from interaction_log.store.live_tables import alarm_rules, alarms
from interaction_log.store.reading import Reading
from interaction_log.store.writing import Writing

_r: Final = alarm_rules.c
_a: Final = alarms.c
MOST_PER_PAGE: Final = 500


class StoredAlarms:
    """One process leads, so that nobody else raises or clears."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading, self._writing = reading, writing

    # --- rules -----------------------------------------------------------------------------------------

    async def rules(self) -> list[AlarmRule]:
        """All, by name."""
        query = sa.select(alarm_rules).order_by(_r.name, _r.id)
        rows = await self._reading(lambda connection: connection.execute(query).all())
        return [_rule(row) for row in rows]

    async def make_rule(self, given: Mapping[str, Any], by: str, at: float) -> AlarmRule:
        """A new one."""
        one = AlarmRule(**given, id=str(uuid.uuid4()))
        await self._writing(
            lambda connection: connection.execute(sa.insert(alarm_rules).values(_rule_row(one, by, at)))
        )
        return one

    async def change_rule(self, rule_id: str, given: Mapping[str, Any], version: int, by: str, at: float) -> AlarmRule:
        """Another one in its place. Raises ``NotFound``, or ``Conflict`` when somebody was faster."""
        one = AlarmRule(**given, id=rule_id, version=version + 1)
        await self._writing(partial(_change_rule, one=one, by=by, at=at))
        return one

    async def remove_rule(self, rule_id: str) -> None:
        """It raises nothing more; alarms that it raised stay on record. Raises ``NotFound``."""

        def work(connection: sa.Connection) -> None:
            if connection.execute(sa.delete(alarm_rules).where(_r.id == rule_id)).rowcount == 0:
                raise NotFound(rule_id)

        await self._writing(work)

    # --- alarms ----------------------------------------------------------------------------------------

    async def put(self, one: Alarm) -> None:
        """Write it as it is now."""
        row = asdict(one) | {"params": json.dumps(one.params), "agent": one.params.get("agent")}

        def work(connection: sa.Connection) -> None:
            if connection.execute(sa.update(alarms).where(_a.id == one.id).values(row)).rowcount == 0:
                connection.execute(sa.insert(alarms).values(row))

        await self._writing(work)

    async def raised(self) -> list[Alarm]:
        """Those that did not end, oldest first."""
        query = sa.select(alarms).where(_a.cleared_at.is_(None)).order_by(_a.raised_at, _a.id)
        rows = await self._reading(lambda connection: connection.execute(query).all())
        return [_alarm(row) for row in rows]

    async def page(
        self,
        since: float | None = None,
        until: float | None = None,
        queue: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        within: Collection[str] | None = None,
        agents: Collection[str] = (),
    ) -> tuple[list[Alarm], str | None]:
        """Newest first, with the cursor of what follows; ``within``: of these queues and ``agents`` alone.

        Raises ``Refused`` for a foreign cursor.
        """
        wanted: list[sa.ColumnElement[bool]] = []
        if since is not None:
            wanted.append(_a.raised_at >= since)
        if until is not None:
            wanted.append(_a.raised_at < until)
        if queue is not None:
            wanted.append(_a.queue == queue)
        if within is not None:
            wanted.append(_a.queue.in_(within) | _a.agent.in_(agents))
        if cursor is not None:
            at, of = cursors.read(cursor, float, str)
            wanted.append((_a.raised_at < at) | ((_a.raised_at == at) & (_a.id < of)))
        limit = max(1, min(limit, MOST_PER_PAGE))
        query = sa.select(alarms).where(*wanted).order_by(_a.raised_at.desc(), _a.id.desc()).limit(limit + 1)
        rows = await self._reading(lambda connection: connection.execute(query).all())
        found = [_alarm(row) for row in rows[:limit]]
        return found, cursors.write(found[-1].raised_at, found[-1].id) if len(rows) > limit else None


def _rule_row(one: AlarmRule, by: str, at: float) -> dict[str, Any]:
    rest = {name: value for name, value in asdict(one).items() if name not in ("id", "name", "version")}
    row = {"id": one.id, "name": one.name, "version": one.version, "changed_by": by, "changed_at": at}
    return row | {"rule": json.dumps(rest)}


def _rule(row: Any) -> AlarmRule:
    rest = json.loads(row.rule)
    known = {name: value for name, value in rest.items() if name in AlarmRule.__dataclass_fields__}
    if known.get("quiet") is not None:
        known["quiet"] = tuple(known["quiet"])
    return AlarmRule(id=row.id, name=row.name, version=row.version, **known)


def _change_rule(connection: sa.Connection, one: AlarmRule, by: str, at: float) -> None:
    mine = (_r.id == one.id) & (_r.version == one.version - 1)
    if connection.execute(sa.update(alarm_rules).where(mine).values(_rule_row(one, by, at))).rowcount == 0:
        there = connection.execute(sa.select(_r.id).where(_r.id == one.id)).first()
        if there is None:
            raise NotFound(one.id)
        raise Conflict("This rule was changed meanwhile.")


def _alarm(row: Any) -> Alarm:
    values = {name: value for name, value in row._mapping.items() if name != "agent"}
    return Alarm(**values | {"params": json.loads(row.params), "sound": bool(row.sound)})
