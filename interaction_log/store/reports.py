"""Reports over the log: sums by SQL in a reader's thread, numbers by ``interaction_log.metrics``."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

import orjson
import sqlalchemy as sa

from interaction_log import metrics
from interaction_log.periods import Periods
from interaction_log.records import Refused
from interaction_log.reports import GROUPS, Behind, Cell, Check, Question, Table
from interaction_log.rights import EVERYTHING, Sight
from interaction_log.segments import parse
from interaction_log.store import cursor as cursors
from interaction_log.store import reports_check, reports_sql, reports_states, shifts
from interaction_log.store.custom_fields import defined
from interaction_log.store.interactions import _COLUMNS, _item
from interaction_log.store.reading import Reading
from interaction_log.store.records_tables import segments
from interaction_log.store.reports_sql import Base, Scope, distinct, period
from interaction_log.store.schema import agent_states, interactions, legs, queue_visits, queues
from interaction_log.store.segments import condition
from interaction_log.store.visibility import in_sight

_T = TypeVar("_T")
MOST_PER_PAGE: Final = 500
MOST_CELLS: Final = 20_000
Sums = dict[tuple[str | None, int], dict[str, int]]
"""By group and period."""


class StoredReports:
    """Reads only. A month of 200,000 interactions takes about a second (``python -m bench.reports``)."""

    def __init__(self, reading: Reading):
        self._reading = reading
        self._two = asyncio.Semaphore(2)

    async def table(self, question: Question, now: float, sight: Sight = EVERYTHING) -> Table:
        """The report over what is in sight. ``now``: Unix seconds, until when running states last.

        Raises ``Refused``, also for more than ``MOST_CELLS`` cells.
        """
        cut = _cut(question)
        ask = partial(Asked, question, cut, now, sight)
        parts = (partial(part, asked=ask()) for part in _PARTS[question.report])
        found = await asyncio.gather(*(self._read(part) for part in parts))
        sums: Sums = {}
        for part in found:
            for at, more in part.items():
                into = sums.setdefault(at, {})
                for name, value in more.items():
                    into[name] = into.get(name, 0) + value
        cells = [
            Cell(key, n, sums[key, n]) for key, n in sorted(sums, key=lambda at: (at[0] is None, at[0] or "", at[1]))
        ]
        if len(cells) > MOST_CELLS:
            raise Refused("step", f"more than {MOST_CELLS} rows: choose longer steps, or fewer groups")
        return Table(question, cut, cells)

    async def behind(
        self,
        question: Question,
        metric: str,
        *,
        key: Any = ...,
        period: tuple[float, float] | None = None,
        limit: int = 50,
        cursor: str | None = None,
        now: float,
        sight: Sight = EVERYTHING,
    ) -> Behind:
        """The interactions behind a number: of the group ``key`` (``...``: of all), in one period or in all.

        Raises ``Refused`` for a number that has no list, and a foreign cursor.
        """
        _cut(question)
        one = metrics.BY_NAME.get(metric)
        if one is None or question.report not in one.reports:
            raise Refused("metric", "is no number of this report")
        if one.listed is None:
            raise Refused("metric", "seconds of a state have no interactions")
        after = cursors.read(cursor, float, str) if cursor is not None else None
        ask = partial(
            _behind,
            question=question,
            name=one.listed,
            key=key,
            stretch=period,
            limit=max(1, min(limit, MOST_PER_PAGE)),
            after=after,
            now=now,
            sight=sight,
        )
        return await self._read(ask)

    async def _read(self, work: Callable[[sa.Connection], _T]) -> _T:
        """In a reader's thread, one at a time for each half of a report: the log's other readers have two more."""

        def run(connection: sa.Connection) -> _T:
            with reports_sql.roomy(connection):
                return work(connection)

        async with self._two:
            return await self._reading.fresh(run)

    async def check(self, question: Question, now: float) -> Check:
        """The conservation check over the question's time, by queue and hour. Raises ``Refused``."""
        cut = _cut(replace(question, report="queues", group=None, step="hour"))
        visits, states = await asyncio.gather(
            self._read(partial(reports_check.visits, cut=cut, queue=question.queue)),
            self._read(partial(reports_check.states, start=cut.start, end=cut.end, now=now)),
        )
        return Check(
            start=cut.start,
            end=cut.end,
            hours=len(cut),
            offered=visits.offered,
            outcomes=visits.outcomes,
            unbalanced=visits.unbalanced,
            agents=states.agents,
            signed_in_seconds=states.signed_in / 1000,
            state_seconds=states.in_states / 1000,
            faults=states.faults,
        )

    async def choices(self) -> dict[str, list[str]]:
        """The queues, agents and channels that the log knows."""
        return await self._reading(_choices)


def _cut(question: Question) -> Periods:
    if question.grouped not in GROUPS[question.report]:
        raise Refused("group", "this report cannot be grouped so")
    try:
        return question.periods()
    except ValueError as error:
        raise Refused("tz" if "zone" in str(error) else "to", str(error)) from None


# --- in a reader's thread ------------------------------------------------------------------------


def _scope(connection: sa.Connection, question: Question, start: float, end: float, now: float) -> Scope:
    levels: dict[str, float] = {}
    for row in connection.execute(sa.select(queues.c.name, queues.c.service_level_seconds)):
        levels[row.name] = max(levels.get(row.name, 0.0), float(row.service_level_seconds))
    return Scope(
        start=int(start),
        end=int(end),
        group=question.grouped,
        queue=question.queue,
        agent=question.agent,
        channel=question.channel,
        short=question.short,
        level=question.level,
        levels=levels,
        repeat_days=question.repeat_days,
        now=now,
        segments=_segments(connection, now) if question.grouped == "segment" else (),
    )


def _segments(connection: sa.Connection, now: float) -> list[tuple[str, sa.ColumnElement[bool]]]:
    """The saved segments by name; a customer of several counts in the first."""
    saved = connection.execute(sa.select(segments.c.name, segments.c.filter).order_by(segments.c.name))
    site = defined(connection)
    return [(row.name, condition(parse(json.loads(row.filter), site), now)) for row in saved]


def _agents(connection: sa.Connection) -> list[str]:
    return list(connection.execute(distinct(agent_states.c.agent)).scalars())


def _queues(connection: sa.Connection) -> list[str]:
    return list(connection.execute(distinct(queue_visits.c.queue)).scalars())


def _people(connection: sa.Connection) -> list[str]:
    return list(connection.execute(distinct(legs.c.agent, legs.c.agent.is_not(None))).scalars())


def _bases(connection: sa.Connection, question: Question, scope: Scope) -> list[Base | None]:
    """Every select whose sums make up the report."""
    asked = reports_sql.surveys(scope, question.report)
    if question.report == "agents":
        people = _people(connection)
        return [reports_sql.offers(scope, people), reports_sql.stretches(scope, people), asked]
    if question.report == "contacts":
        return [reports_sql.contacts(scope), reports_sql.repeats(scope), asked]
    return [reports_sql.visits(scope, _queues(connection)), reports_sql.repeats(scope), asked]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with its periods, the time, and who asks."""

    question: Question
    cut: Periods
    now: float
    sight: Sight

    def scope(self, connection: sa.Connection) -> Scope:
        """For the selects."""
        return _scope(connection, self.question, self.cut.start, self.cut.end, self.now)


def _one(n: int, connection: sa.Connection, asked: Asked) -> Sums:
    """The sums of the ``n``-th select."""
    base = _bases(connection, asked.question, asked.scope(connection))[n]
    return _added(connection, base, asked.cut, asked.sight) if base is not None else {}


def _seen(base: Base, sight: Sight) -> sa.CTE:
    """The rows of which the interaction is in sight."""
    if sight.everything:  # computed once: flattened into what follows, SQLite looks the joined rows up without an index
        return base.query.cte("each_one").prefix_with("MATERIALIZED")
    everybodys = base.query.cte("everybodys").prefix_with("MATERIALIZED")
    mine = in_sight(sight, everybodys.c.interaction_id)
    return sa.select(everybodys).where(mine).cte("each_one")


def _added(connection: sa.Connection, base: Base, cut: Periods, sight: Sight) -> Sums:
    each = _seen(base, sight)
    slot = period(each.c.at, cut).label("slot")
    names = (*base.classes, *base.amounts)
    cells = sa.select(each.c.key, slot, *(each.c[name] for name in names)).subquery("cells")
    groups = [cells.c.key, cells.c.slot, *(cells.c[name] for name in base.classes)]
    query = sa.select(*groups, sa.func.count().label("rows"), *(sa.func.sum(cells.c[name]) for name in base.amounts))
    found: Sums = {}
    for key, n, *values in connection.execute(query.group_by(*groups)):
        classes = dict(zip(base.classes, values, strict=False))
        amounts = dict(zip((None, *base.amounts), values[len(base.classes) :], strict=True))
        into = found.setdefault((key, n), dict.fromkeys(base.sums, 0))
        for name, one in base.sums.items():
            if one.counts(classes):
                into[name] += int(amounts[one.amount])
    return found


def _states(connection: sa.Connection, asked: Asked) -> Sums:
    found = reports_states.seconds(connection, asked.scope(connection), asked.cut)
    return {at: sums for at, sums in found.items() if asked.sight.sees_agent(at[0])}


def _plans(connection: sa.Connection, asked: Asked) -> Sums:
    found = shifts.kept(connection, asked.scope(connection), asked.cut)
    return {at: sums for at, sums in found.items() if asked.sight.sees_agent(at[0])}


def _holds(connection: sa.Connection, asked: Asked) -> Sums:
    """Holds of an agent's telephone, with the first stretch that it had in the contact."""
    found: Sums = {}
    query = reports_sql.holds(asked.scope(connection))
    if not asked.sight.everything:
        query = query.where(in_sight(asked.sight, legs.c.interaction_id))
    for key, at, device, public in connection.execute(query):
        seconds = sum(one["seconds"] or 0.0 for one in orjson.loads(public)["holds"] if one["by"] == device)
        into = found.setdefault((key, asked.cut.number(at)), {"hold": 0})
        into["hold"] += int(seconds * 1000 + 0.5)
    return found


_PARTS: Final[Mapping[str, Sequence[Any]]] = {
    "queues": (partial(_one, 0), partial(_one, 1), partial(_one, 2)),
    "contacts": (partial(_one, 0), partial(_one, 1), partial(_one, 2)),
    "agents": (partial(_one, 0), partial(_one, 1), partial(_one, 2), _states, _holds, _plans),
}


def _behind(
    connection: sa.Connection,
    question: Question,
    name: str,
    key: Any,
    stretch: tuple[float, float] | None,
    limit: int,
    after: Sequence[Any] | None,
    now: float,
    sight: Sight,
) -> Behind:
    cut = question.periods()
    start, end = stretch if stretch is not None else (cut.start, cut.end)
    bases = _bases(connection, question, _scope(connection, question, max(start, cut.start), min(end, cut.end), now))
    base = next((one for one in bases if one is not None and name in one.sums), None)
    if base is None:  # nothing of the kind is kept: no answers, no cases
        return Behind([], None)
    each = _seen(base, sight)
    which = base.sums[name].rows(each)
    if key is not ...:
        which.append(each.c.key.is_not_distinct_from(key))
    query = sa.select(each.c.interaction_id, sa.func.min(each.c.at).label("at")).where(*which)
    found = query.group_by(each.c.interaction_id).cte("found")
    amount = base.sums[name].amount
    counted = sa.func.count() if amount is None else sa.func.sum(each.c[amount])
    count = connection.execute(sa.select(counted).select_from(each).where(*which)).scalar()
    page = sa.select(found.c.interaction_id, found.c.at).order_by(found.c.at, found.c.interaction_id)
    if after is not None:
        page = page.where(sa.tuple_(found.c.at, found.c.interaction_id) > sa.tuple_(*after))
    ids = connection.execute(page.limit(limit + 1)).all()
    following = cursors.write(float(ids[limit - 1].at), ids[limit - 1].interaction_id) if len(ids) > limit else None
    return Behind(_items(connection, [row.interaction_id for row in ids[:limit]]), following, int(count or 0))


def _items(connection: sa.Connection, ids: Sequence[str]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in connection.execute(sa.select(*_COLUMNS).where(interactions.c.id.in_(ids))):
        found[row.id] = _item(row)
    return [found[of] for of in ids if of in found]


def _choices(connection: sa.Connection) -> dict[str, list[str]]:
    every = sorted({*_agents(connection), *_people(connection)})
    return {"queues": _queues(connection), "agents": every}


def as_json(table: Table) -> dict[str, Any]:
    """The report for programs: rows by group and period, then the totals, numbers by the metrics' names."""
    report = table.question.report
    return {
        "report": report,
        "group": table.question.grouped,
        "step": table.question.step,
        "tz": table.question.zone,
        "metrics": [
            {"name": one.name, "unit": one.unit, "listed": one.listed is not None} for one in metrics.of(report)
        ],
        "periods": [
            {
                "from": table.periods.edges[n],
                "to": table.periods.edges[n + 1],
                "label": table.periods.label(n),
                "until": table.periods.label(n + 1),
            }
            for n in range(len(table.periods))
        ],
        "keys": table.groups(),
        "rows": [{"key": cell.key, "period": cell.period, **metrics.values(report, cell.sums)} for cell in table.cells],
        "of_keys": [{"key": key, **metrics.values(report, table.of_key(key))} for key in table.groups()],
        "of_periods": _of_periods(table),
        "total": metrics.values(report, table.total()),
    }


def _of_periods(table: Table) -> list[dict[str, Any]]:
    sums: dict[int, list[Mapping[str, int]]] = {}
    for cell in table.cells:
        sums.setdefault(cell.period, []).append(cell.sums)
    report = table.question.report
    return [{"period": n, **metrics.values(report, metrics.added(sums.get(n, ())))} for n in range(len(table.periods))]
