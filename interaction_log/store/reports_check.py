"""The conservation check: counted apart from the reports, by other means, so that a fault in either is seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.metrics import STATES
from interaction_log.periods import Periods
from interaction_log.reports import StateFault, Unbalanced
from interaction_log.store.reports_sql import distinct, flag, whole
from interaction_log.store.reports_states import last_before, milliseconds
from interaction_log.store.schema import agent_states, interactions, queue_visits

RESULTS: Final = ("answered", "abandoned", "timeout", "no_agent", "left", "pbx_lost")
_SHOWN: Final = 20
"""So many interactions of an hour, and faults of states, are named."""
_v: Final = queue_visits.c
_s: Final = agent_states.c


@dataclass(slots=True)
class Visits:
    """All visits, by what became of them, and the hours that do not add up."""

    offered: int = 0
    outcomes: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*RESULTS, "waiting"), 0))
    unbalanced: list[Unbalanced] = field(default_factory=list)


def visits(connection: sa.Connection, cut: Periods, queue: str | None = None) -> Visits:
    """Each outcome is counted by a condition of its own: what fits none, or two, shows as a difference."""
    known = [queue] if queue is not None else list(connection.execute(distinct(_v.queue)).scalars())
    found = Visits()
    for row in connection.execute(_hours(cut, known)):
        outcomes = {name: int(row._mapping[name]) for name in found.outcomes}
        found.offered += row.offered
        for name, value in outcomes.items():
            found.outcomes[name] += value
        difference = row.offered - sum(outcomes.values())
        if difference or row.odd:
            at = cut.edges[cut.of_grains()[row.slot]]
            odd = _odd(connection, row.queue, at, at + cut.grain)
            found.unbalanced.append(Unbalanced(row.queue, at, row.offered, outcomes, difference, odd))
    return found


def _rows(known: Sequence[str]) -> sa.Select[Any]:
    open_ones = interactions.alias("open_ones")
    running = sa.exists().where(open_ones.c.id == _v.interaction_id, open_ones.c.ended.is_(sa.false()))
    later = queue_visits.alias("later")
    last = ~sa.exists().where(later.c.interaction_id == _v.interaction_id, later.c.n > _v.n)
    named = sa.exists().where(interactions.c.id == _v.interaction_id)
    backwards = sa.func.coalesce(_v.left_at < _v.entered_at, sa.false()) | (
        _v.left_at.is_(None) & _v.result.is_not(None)
    )
    return sa.select(
        _v.interaction_id,
        _v.queue,
        _v.entered_at,
        *(flag(_v.result == name).label(name) for name in RESULTS),
        flag(_v.result.is_(None) & running & last).label("waiting"),
        flag(~named | backwards).label("odd"),
    ).where(_v.queue.in_(known))


def _hours(cut: Periods, known: Sequence[str]) -> sa.Select[Any]:
    each = _rows(known).where(_v.entered_at >= float(cut.start), _v.entered_at < float(cut.end)).cte("each")
    slot = whole((each.c.entered_at - float(cut.start)) / float(cut.grain)).label("slot")
    cells = sa.select(each, slot).subquery("cells")
    names = (*RESULTS, "waiting", "odd")
    return sa.select(
        cells.c.queue,
        cells.c.slot,
        sa.func.count().label("offered"),
        *(sa.func.sum(cells.c[name]).label(name) for name in names),
    ).group_by(cells.c.queue, cells.c.slot)


def _odd(connection: sa.Connection, queue: str, start: float, end: float) -> list[str]:
    """Visits that are no outcome, two, or that end before they begin."""
    each = _rows([queue]).where(_v.entered_at >= float(start), _v.entered_at < float(end)).cte("each")
    sums = sum((each.c[name] for name in (*RESULTS, "waiting")), sa.literal(0))
    query = sa.select(each.c.interaction_id).where((sums != 1) | (each.c.odd != 0)).distinct()
    return list(connection.execute(query.order_by(each.c.interaction_id).limit(_SHOWN)).scalars())


@dataclass(slots=True)
class States:
    """Milliseconds signed in, by sign-ins and sign-outs and by the states, and what is wrong between them."""

    agents: int = 0
    signed_in: int = 0
    in_states: int = 0
    faults: list[StateFault] = field(default_factory=list)


def states(connection: sa.Connection, start: int, end: int, now: float) -> States:
    """Walks every agent's states in the order in which they were written."""
    found = States()
    for agent in connection.execute(distinct(_s.agent)).scalars().all():
        rows = list(_of_agent(connection, agent, start, end))
        found.agents += bool(rows)
        _walk(found, agent, rows, (milliseconds(start), milliseconds(end), milliseconds(now)))
    return found


def _of_agent(connection: sa.Connection, agent: str, start: int, end: int) -> Iterator[sa.RowMapping]:
    columns = sa.select(_s.seq, _s.state, _s.from_at, _s.to_at, _s.to_seq)
    before = columns.where(_s.seq.in_(last_before(connection, start, [agent])))
    here = columns.where(_s.agent == agent, _s.from_at >= float(start), _s.from_at < float(end))
    unknown = columns.where(_s.agent == agent, _s.from_at.is_(None))
    rows = [row for query in (before, here, unknown) for row in connection.execute(query)]
    for row in sorted(rows, key=lambda row: row.seq):
        yield row._mapping


def _walk(found: States, agent: str, rows: Sequence[sa.RowMapping], when: tuple[int, int, int]) -> None:
    """``when``: start, end and now in milliseconds."""
    start, end, now = when
    since: int | None = None  # of the sign-in
    last: int | None = None
    for row in rows:
        if row["from_at"] is None:
            found.faults.append(StateFault(agent, None, 0.0, "no_time"))
            continue
        begin = milliseconds(row["from_at"])
        stop = min(now, end) if row["to_at"] is None else milliseconds(row["to_at"])
        _compare(found, agent, last, begin, stop)
        if row["state"] in STATES:
            found.in_states += max(0, min(stop, end) - max(begin, start))
            since = begin if since is None else since
        elif row["state"] == "LOGGED_OUT":
            found.signed_in += _length(since, begin, start, end)
            since = None
        else:
            found.faults.append(StateFault(agent, row["from_at"], (stop - begin) / 1000, "unknown_state"))
        last = stop
    found.signed_in += _length(since, last, start, end)


def _length(since: int | None, until: int | None, start: int, end: int) -> int:
    return 0 if since is None or until is None else max(0, min(until, end) - max(since, start))


def _compare(found: States, agent: str, last: int | None, begin: int, stop: int) -> None:
    """Each state begins where the one before ended, and ends after it began."""
    if last is not None and begin != last:
        kind: Any = "gap" if begin > last else "overlap"
        found.faults.append(StateFault(agent, begin / 1000, abs(begin - last) / 1000, kind))
    if stop < begin:
        found.faults.append(StateFault(agent, begin / 1000, (begin - stop) / 1000, "overlap"))
