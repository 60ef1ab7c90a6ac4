"""The conservation check: counted apart from the reports, by other means, so that a fault in either is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.metrics import STATES
from interaction_log.periods import Periods
from interaction_log.reports import StateFault, Unbalanced
from interaction_log.store.reports_sql import Scope, distinct, flag, numbered, period, within
from interaction_log.store.reports_states import last_before, milliseconds, stamp
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
            at = cut.edges[row.slot]
            odd = _odd(connection, row.queue, at, cut.edges[row.slot + 1])
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
    slot = period(each.c.entered_at, cut).label("slot")
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
    """Looks from every state of every agent to the one that was written next, and from sign-in to sign-out."""
    scope = Scope(start=start, end=end, now=now)
    agents = connection.execute(distinct(_s.agent)).scalars().all()
    before, after = last_before(connection, start), last_before(connection, min(end, now))
    each = _steps(scope, before)
    row = connection.execute(_sums(each, scope)).one()._mapping
    found = States(agents=int(row["agents"] or 0), in_states=int(row["in_states"] or 0))
    firsts = sa.select(sa.func.min(_s.seq)).where(_s.agent.in_(agents)).group_by(_s.agent)
    firsts_in = _times(connection, _s.seq.in_(firsts), _s.from_at >= float(start), _s.from_at < float(end))
    at_start = _count(connection, before) * start * 1000
    at_end = _count(connection, after) * milliseconds(min(end, now))
    found.signed_in = int(row["outs"] or 0) - int(row["ins"] or 0) - firsts_in - at_start + at_end
    found.faults = _faults(connection, each)
    return found


def _steps(scope: Scope, before: Sequence[int]) -> sa.CTE:
    """Each state that touches the time, with the state of the same agent that was written next."""
    here = agent_states.alias("here")
    following = agent_states.alias("following")
    probe = agent_states.alias("probe")
    one = sa.select(agent_states).where(*numbered(scope), *within(_s.from_at, scope))
    rows = sa.union_all(one, sa.select(here).where(here.c.seq.in_(before))).subquery("rows")
    later = sa.select(sa.func.min(probe.c.seq)).where(probe.c.agent == rows.c.agent, probe.c.seq > rows.c.seq)
    return (
        sa.select(
            rows.c.agent,
            rows.c.state,
            rows.c.from_at,
            rows.c.to_at,
            following.c.state.label("next_state"),
            following.c.from_at.label("next_at"),
        )
        .select_from(rows)
        .outerjoin(following, following.c.seq == later.scalar_subquery())
        .cte("steps")
    )


def _sums(each: sa.CTE, scope: Scope) -> sa.Select[int, Any, Any, Any]:
    start, stop = scope.start * 1000, milliseconds(min(scope.end, scope.now))
    begin, end = stamp(each.c.from_at), stamp(sa.func.coalesce(each.c.to_at, min(float(scope.end), scope.now)))
    begin = sa.case((begin < start, start), else_=begin)
    end = sa.case((end > stop, stop), else_=end)
    known, known_next = each.c.state.in_(STATES), each.c.next_state.in_(STATES)
    turns = (each.c.next_at >= float(scope.start)) & (each.c.next_at < min(float(scope.end), scope.now))
    return sa.select(
        sa.func.count(each.c.agent.distinct()).label("agents"),
        sa.func.sum(sa.case((known & (end > begin), end - begin), else_=0)).label("in_states"),
        sa.func.sum(sa.case((turns & known_next & ~known, stamp(each.c.next_at)), else_=0)).label("ins"),
        sa.func.sum(
            sa.case((turns & known & (each.c.next_state == "LOGGED_OUT"), stamp(each.c.next_at)), else_=0)
        ).label("outs"),
    )


def _times(connection: sa.Connection, *where: Any) -> int:
    """The sum of the times at which these states began, of those that are signed in."""
    query = sa.select(sa.func.sum(stamp(_s.from_at))).where(_s.state.in_(STATES), *where)
    return int(connection.execute(query).scalar() or 0)


def _count(connection: sa.Connection, seqs: Sequence[int]) -> int:
    """How many of these states are signed in."""
    return int(
        connection.execute(sa.select(sa.func.count()).where(_s.seq.in_(seqs), _s.state.in_(STATES))).scalar_one()
    )


def _faults(connection: sa.Connection, each: sa.CTE) -> list[StateFault]:
    """Where a state does not begin when the one before ended, ends before it begins, or is none."""
    odd = (
        (each.c.next_at.is_not(None) & each.c.to_at.is_distinct_from(each.c.next_at))
        | (each.c.to_at < each.c.from_at)
        | each.c.state.not_in([*STATES, "LOGGED_OUT"])
    )
    query = sa.select(each).where(odd).order_by(each.c.from_at).limit(_SHOWN)
    found = [_fault(row) for row in connection.execute(query)]
    timeless = sa.select(_s.agent).where(_s.agent.in_(distinct(_s.agent)), _s.from_at.is_(None)).limit(_SHOWN)
    return found + [StateFault(agent, None, 0.0, "no_time") for agent in connection.execute(timeless).scalars()]


def _fault(row: sa.Row[Any]) -> StateFault:
    if row.state not in (*STATES, "LOGGED_OUT"):
        return StateFault(row.agent, row.from_at, (row.to_at or row.from_at) - row.from_at, "unknown_state")
    if row.to_at is not None and row.to_at < row.from_at:
        return StateFault(row.agent, row.from_at, row.from_at - row.to_at, "overlap")
    if row.to_at is None:  # it was never ended, and another one began
        return StateFault(row.agent, row.next_at, 0.0, "overlap")
    off = row.next_at - row.to_at
    return StateFault(row.agent, row.to_at, abs(off), "gap" if off > 0 else "overlap")
