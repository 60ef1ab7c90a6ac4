"""Seconds of agents in their states, by period: what lies within a period is added up by SQL, the rest is cut here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.metrics import STATES
from interaction_log.periods import Periods
from interaction_log.store.reports_sql import Scope, distinct, numbered, period, whole, within
from interaction_log.store.schema import agent_states

_s: Final = agent_states.c
_ALSO: Final = {"WRAP_UP": "acw"}  # of agents, work after a contact is what was done in the period
Sums = dict[tuple[str | None, int], dict[str, int]]


def stamp(at: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Unix milliseconds, rounded: where one state ends the next begins, also after rounding."""
    return whole(at * 1000.0 + 0.5)


def milliseconds(at: float) -> int:
    """The same here."""
    return int(at * 1000.0 + 0.5)


def seconds(connection: sa.Connection, scope: Scope, cut: Periods) -> Sums:
    """Milliseconds by agent and period: ``in_STATE``, and ``signed_in`` for all of them."""
    found: Sums = {}
    for agent, state, slot, amount in connection.execute(_inside(scope, cut)):
        _add(found, agent, state, slot, int(amount))
    edges = [edge * 1000 for edge in cut.edges]
    for agent, state, begin, end in crossing(connection, scope, cut):
        for n, amount in pieces(begin, end, edges):
            _add(found, agent, state, n, amount)
    return found


def _add(found: Sums, agent: str, state: str, n: int, amount: int) -> None:
    if state not in STATES:
        return
    into = found.setdefault((agent, n), {f"in_{name.lower()}": 0 for name in STATES} | {"signed_in": 0, "acw": 0})
    into[f"in_{state.lower()}"] += amount
    into["signed_in"] += amount
    if state in _ALSO:
        into[_ALSO[state]] += amount


def _began(scope: Scope) -> list[Any]:
    found = [*numbered(scope), *within(_s.from_at, scope), _s.state != "LOGGED_OUT"]
    return found if scope.agent is None else [*found, _s.agent == scope.agent]


def _inside(scope: Scope, cut: Periods) -> sa.Select[Any]:
    """States that lie within one grain, added up."""
    ms = (stamp(_s.to_at) - stamp(_s.from_at)).label("ms")
    within_one = period(_s.from_at, cut) == period(_s.to_at, cut)
    rows = sa.select(_s.agent, _s.state, period(_s.from_at, cut).label("slot"), ms)
    cells = rows.where(*_began(scope), _s.to_at >= _s.from_at, within_one).subquery("inside")
    groups = (cells.c.agent, cells.c.state, cells.c.slot)
    return sa.select(*groups, sa.func.sum(cells.c.ms)).group_by(*groups)


def crossing(connection: sa.Connection, scope: Scope, cut: Periods) -> Iterator[tuple[str, str, int, int]]:
    """Agent, state, begin and end (ms) of the states that reach over an edge, or last until now."""
    columns = sa.select(_s.agent, _s.state, _s.from_at, _s.to_at)
    other = _s.to_at.is_(None) | ((_s.to_at >= _s.from_at) & (period(_s.from_at, cut) != period(_s.to_at, cut)))
    before = columns.where(_s.seq.in_(last_before(connection, cut.start, scope.agent)))
    for query in (columns.where(*_began(scope), other), before):
        for agent, state, begin, end in connection.execute(query):
            until = min(scope.now, cut.end) if end is None else end
            if until > max(begin, cut.start):
                yield agent, state, milliseconds(begin), milliseconds(until)


def last_before(connection: sa.Connection, start: float, agent: str | None = None) -> list[int]:
    """The number of each agent's last state that began before ``start``."""
    who = distinct(_s.agent).subquery("who")
    last = (
        sa.select(_s.seq)
        .where(_s.agent == who.c.value, _s.from_at < float(start))
        .order_by(_s.from_at.desc(), _s.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = sa.select(last).select_from(who)
    query = query if agent is None else query.where(who.c.value == agent)
    return [seq for seq in connection.execute(query).scalars() if seq is not None]


def pieces(begin: int, end: int, edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """A stretch cut at ascending edges: number of the period and length of each piece in it."""
    n = max(0, bisect_right(edges, begin) - 1)
    while n < len(edges) - 1 and edges[n] < end:
        amount = min(end, edges[n + 1]) - max(begin, edges[n])
        if amount > 0:
            yield n, amount
        n += 1
