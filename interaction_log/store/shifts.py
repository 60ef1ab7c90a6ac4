"""Planned shifts: taken from files, and how far agents kept to them, by period."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.periods import Periods
from interaction_log.shifts import FITS, RefusedShift, Shift, ShiftReport, heading, overlapping, shift
from interaction_log.store import csv_text
from interaction_log.store.reading import Reading
from interaction_log.store.reports_sql import Scope
from interaction_log.store.reports_states import Sums, milliseconds, pieces
from interaction_log.store.reports_tables import shifts
from interaction_log.store.schema import agent_states, users
from interaction_log.store.writing import Writing

_CHUNK: Final = 200
"""Rows in one transaction, so that the log is never kept waiting."""
_PAUSE: Final = 0.01
_p: Final = shifts.c
_s: Final = agent_states.c


class StoredShifts:
    """What agents are planned to do."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading, self._writing = reading, writing

    async def import_csv(self, data: bytes, *, zone: str = "UTC") -> ShiftReport:
        """Take a file (UTF-8, comma, semicolon or tab). What was planned for these agents between the first and the
        last time of theirs in the file is replaced. Raises ``Refused`` for a file that is none."""
        known = await self._reading(lambda c: frozenset(c.execute(sa.select(users.c.name)).scalars()))
        report, found = await asyncio.to_thread(_parsed, data, zone, known)
        of: dict[str, list[Shift]] = {}
        for one in found:
            of.setdefault(one.agent, []).append(one)
        for agent, mine in of.items():
            await self._writing(partial(_replace, agent=agent, mine=mine, report=report))
            await asyncio.sleep(_PAUSE)
        report.refused.sort(key=lambda one: one.line)
        return report

    async def count(self) -> int:
        """How many stretches are planned."""
        return await self._reading(
            lambda connection: connection.execute(sa.select(sa.func.count()).select_from(shifts)).scalar_one()
        )


def _parsed(data: bytes, zone: str, known: frozenset[str]) -> tuple[ShiftReport, list[Shift]]:
    csv_text.checked_zone(zone)
    file = csv_text.taken(data, heading, partial(shift, zone=zone, agents=known))
    late = set(overlapping(file.found))
    refused = [RefusedShift(*one) for one in file.refused]
    refused += [RefusedShift(line, "from", "overlaps another row of this agent") for line in sorted(late)]
    return ShiftReport(read=file.read, refused=refused), [one for line, one in file.found if line not in late]


def _replace(connection: sa.Connection, agent: str, mine: Sequence[Shift], report: ShiftReport) -> None:
    start, end = min(one.start for one in mine), max(one.end for one in mine)
    there = sa.delete(shifts).where(_p.agent == agent, _p.from_at < end, _p.to_at > start)
    report.replaced += connection.execute(there).rowcount
    rows = [{"agent": agent, "from_at": one.start, "to_at": one.end, "kind": one.kind} for one in mine]
    for n in range(0, len(rows), _CHUNK):
        connection.execute(sa.insert(shifts), rows[n : n + _CHUNK])
    report.taken += len(rows)


# --- how far they were kept ------------------------------------------------------------------------


def kept(connection: sa.Connection, scope: Scope, cut: Periods) -> Sums:
    """Milliseconds by agent and period: ``planned`` (until now), and of these ``adhered``: in a state that fits."""
    found: Sums = {}
    edges = [edge * 1000 for edge in cut.edges]
    until = min(scope.now, cut.end)
    query = sa.select(_p.agent, _p.from_at, _p.to_at, _p.kind).where(_p.from_at < until, _p.to_at > cut.start)
    query = query if scope.agent is None else query.where(_p.agent == scope.agent)
    for agent, rows in _by_agent(connection.execute(query.order_by(_p.agent, _p.from_at))):
        states = _states(connection, agent, rows[0][0], rows[-1][1])
        for begin, end, kind in rows:
            stretch = milliseconds(max(begin, cut.start)), milliseconds(min(end, until))
            _add(found, agent, "planned", *stretch, edges)
            for at, to in _fitting(states, *stretch, FITS[kind]):
                _add(found, agent, "adhered", at, to, edges)
    return found


def _by_agent(rows: Any) -> Iterator[tuple[str, list[tuple[float, float, Any]]]]:
    of: dict[str, list[tuple[float, float, Any]]] = {}
    for agent, begin, end, kind in rows:
        of.setdefault(agent, []).append((begin, end, kind))
    yield from of.items()


def _states(connection: sa.Connection, agent: str, start: float, end: float) -> list[tuple[int, str]]:
    """When (ms) she came into which state: the last one before ``start``, and those until ``end``. Before: none."""
    mine = _s.agent == agent
    before = (
        sa.select(_s.from_at, _s.state)
        .where(mine, _s.from_at <= start)
        .order_by(_s.from_at.desc(), _s.seq.desc())
        .limit(1)
    )
    during = (
        sa.select(_s.from_at, _s.state).where(mine, _s.from_at > start, _s.from_at < end).order_by(_s.from_at, _s.seq)
    )
    found = [*connection.execute(before), *connection.execute(during)]
    return [(milliseconds(at), state) for at, state in found]


def _fitting(states: Sequence[tuple[int, str]], begin: int, end: int, fits: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The stretches of ``begin`` to ``end`` in a state that fits. Who never signed in is logged out."""
    n = max(0, bisect.bisect_right(states, begin, key=lambda one: one[0]) - 1)
    at, state = begin, states[n][1] if states and states[n][0] <= begin else "LOGGED_OUT"
    for since, following in states[n:]:
        if since <= at:
            state = following
            continue
        if since >= end:
            break
        if state in fits:
            yield at, since
        at, state = since, following
    if at < end and state in fits:
        yield at, end


def _add(found: Sums, agent: str, name: str, begin: int, end: int, edges: Sequence[int]) -> None:
    for n, amount in pieces(begin, end, edges):
        into = found.setdefault((agent, n), {"planned": 0, "adhered": 0})
        into[name] += amount
