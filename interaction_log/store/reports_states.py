"""Seconds of agents in their states, by period: what lies within a period is added up by SQL, the rest is cut here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.metrics import STATES
from interaction_log.periods import Periods
from interaction_log.store.reports_sql import distinct, whole
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


def seconds(
    connection: sa.Connection, cut: Periods, now: float, agents: Sequence[str], only: str | None = None
) -> Sums:
    """Milliseconds by agent and period: ``in_STATE``, and ``signed_in`` for all of them. ``now``: Unix seconds."""
    whose = [only] if only is not None else list(agents)
    found: Sums = {}
    of_grain = cut.of_grains()
    for agent, state, slot, amount in connection.execute(_inside(cut, whose)):
        _add(found, agent, state, of_grain[slot], int(amount))
    edges = [edge * 1000 for edge in cut.edges]
    for agent, state, begin, end in crossing(connection, cut, now, whose):
        for n, amount in pieces(begin, end, edges):
            _add(found, agent, state, n, amount)
    return found


def _add(found: Sums, agent: str, state: str, period: int, amount: int) -> None:
    if state not in STATES:
        return
    into = found.setdefault((agent, period), {f"in_{name.lower()}": 0 for name in STATES} | {"signed_in": 0, "acw": 0})
    into[f"in_{state.lower()}"] += amount
    into["signed_in"] += amount
    if state in _ALSO:
        into[_ALSO[state]] += amount


def _slot(at: sa.ColumnElement[Any], cut: Periods) -> sa.ColumnElement[int]:
    return whole((at - float(cut.start)) / float(cut.grain))


def _began(cut: Periods, whose: Sequence[str]) -> list[Any]:
    return [_s.agent.in_(whose), _s.from_at >= float(cut.start), _s.from_at < float(cut.end)]


def _inside(cut: Periods, whose: Sequence[str]) -> sa.Select[Any]:
    """States that lie within one grain, added up."""
    rows = (
        sa.select(
            _s.agent, _s.state, _slot(_s.from_at, cut).label("slot"), (stamp(_s.to_at) - stamp(_s.from_at)).label("ms")
        )
        .where(*_began(cut, whose), _s.to_at >= _s.from_at, _slot(_s.from_at, cut) == _slot(_s.to_at, cut))
        .subquery("inside")
    )
    return sa.select(rows.c.agent, rows.c.state, rows.c.slot, sa.func.sum(rows.c.ms)).group_by(
        rows.c.agent, rows.c.state, rows.c.slot
    )


def crossing(
    connection: sa.Connection, cut: Periods, now: float, whose: Sequence[str]
) -> Iterator[tuple[str, str, int, int]]:
    """Agent, state, begin and end (ms) of the states that reach over an edge, or last until now."""
    columns = sa.select(_s.agent, _s.state, _s.from_at, _s.to_at)
    other = _s.to_at.is_(None) | ((_s.to_at >= _s.from_at) & (_slot(_s.from_at, cut) != _slot(_s.to_at, cut)))
    before = columns.where(_s.seq.in_(last_before(connection, cut.start, whose)))
    for query in (columns.where(*_began(cut, whose), other), before):
        for agent, state, begin, end in connection.execute(query):
            until = min(now, cut.end) if end is None else end
            if until > max(begin, cut.start):
                yield agent, state, milliseconds(begin), milliseconds(until)


def last_before(connection: sa.Connection, start: float, whose: Sequence[str]) -> list[int]:
    """The number of each agent's last state that began before ``start``."""
    who = distinct(_s.agent).subquery("who")
    last = (
        sa.select(_s.seq)
        .where(_s.agent == who.c.value, _s.from_at < float(start))
        .order_by(_s.from_at.desc(), _s.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = connection.execute(sa.select(last).select_from(who).where(who.c.value.in_(whose))).scalars()
    return [seq for seq in found if seq is not None]


def pieces(begin: int, end: int, edges: Sequence[int]) -> Iterator[tuple[int, int]]:
    """A stretch cut at ascending edges: number of the period and length of each piece in it."""
    n = max(0, bisect_right(edges, begin) - 1)
    while n < len(edges) - 1 and edges[n] < end:
        amount = min(end, edges[n + 1]) - max(begin, edges[n])
        if amount > 0:
            yield n, amount
        n += 1
