"""What reports add up, as SQL: one row for each thing that is counted, with its group, its time and its sums.

A number and the list behind it come from the same select: the number adds a column up, the list takes the rows in
which the column is not 0. Durations are whole milliseconds, so that both databases add up to the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from interaction_log.metrics import OUTCOMES, REPEAT_DAYS, SERVICE_LEVEL_SECONDS, SHORT_ABANDON_SECONDS
from interaction_log.store.callbacks import callbacks
from interaction_log.store.identity_tables import customer_links
from interaction_log.store.schema import agent_states, customers, interactions, legs, metadata, queue_visits

DAY: Final = 86_400
_i: Final = interactions.c
_v: Final = queue_visits.c
_s: Final = agent_states.c
_l: Final = legs.c


class whole(FunctionElement[int]):
    """The whole part of a number that is not negative."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(whole)
def _whole(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST(floor({compiler.process(element.clauses, **kw)}) AS BIGINT)"


@compiles(whole, "sqlite")
def _whole_sqlite(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **kw)} AS INTEGER)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is asked: ``start`` ≤ t < ``end`` (Unix seconds), filters, and the thresholds (seconds, days).

    ``levels``: the threshold of the service level by queue; ``group``: what a row of contacts is about.
    """

    start: int
    end: int
    group: str = "queue"
    queue: str | None = None
    agent: str | None = None
    channel: str | None = None
    short: float = SHORT_ABANDON_SECONDS
    level: float | None = None
    levels: Mapping[str, float] = field(default_factory=dict)
    repeat_days: float = REPEAT_DAYS
    now: float = 0.0
    segments: Sequence[tuple[str, sa.ColumnElement[bool]]] = ()


def milliseconds(seconds: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """Rounded; what is not there or less than nothing is 0."""
    value = sa.func.coalesce(seconds, 0.0)
    return whole(sa.case((value > 0, value), else_=0.0) * 1000.0 + 0.5)


def flag(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """1 or 0."""
    return sa.case((condition, 1), else_=0)


def within(column: sa.ColumnElement[Any], scope: Scope, before: float = 0, after: float = 0) -> list[Any]:
    """The column's time is in the scope, or so much before or after it."""
    return [column >= float(scope.start - before), column < float(scope.end + after)]


def _threshold(scope: Scope, queue: sa.ColumnElement[Any]) -> sa.ColumnElement[float]:
    """The seconds within which a queue wants to answer."""
    if scope.level is not None:
        return sa.literal(float(scope.level))
    if not scope.levels:
        return sa.literal(SERVICE_LEVEL_SECONDS)
    return sa.case(
        *((queue == name, float(seconds)) for name, seconds in scope.levels.items()), else_=SERVICE_LEVEL_SECONDS
    )


def _promised(interaction: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return sa.exists().where(callbacks.c.requested_in == interaction)


def wrap_ups(scope: Scope, agents: Sequence[str]) -> sa.CTE:
    """Milliseconds in WRAP_UP by interaction, of those that may have begun in the scope."""
    lasted = sa.func.coalesce(_s.to_at, sa.case((_s.from_at > scope.now, _s.from_at), else_=float(scope.now)))
    return (
        sa.select(_s.interaction_id, sa.func.sum(milliseconds(lasted - _s.from_at)).label("acw"))
        .where(_s.agent.in_(list(agents)), *within(_s.from_at, scope, after=DAY))
        .where(_s.state == "WRAP_UP", _s.interaction_id.is_not(None))
        .group_by(_s.interaction_id)
        .cte("wrap_ups")
        .prefix_with("MATERIALIZED")
    )


def _complaint(interaction: sa.ColumnElement[Any]) -> dict[str, sa.ColumnElement[int]]:
    """Whether a contact is in a complaint, where cases are kept."""
    cases, linked = metadata.tables.get("cases"), metadata.tables.get("case_interactions")
    if cases is None or linked is None:
        return {}
    complaints = (
        sa.select(linked.c.interaction_id)
        .join(cases, cases.c.id == linked.c.case_id)
        .where(cases.c.type == "complaint")
    )
    return {"complaints": flag(interaction.in_(complaints))}


def _sent_on(interaction: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """How many stretches with an agent ended with a transfer."""
    gone = (_l.interaction_id == interaction) & (_l.kind == "segment") & (_l.result == "transferred")
    return sa.select(sa.func.count()).where(gone).scalar_subquery()


# --- visits of queues ----------------------------------------------------------------------------


def visits(scope: Scope, agents: Sequence[str], queues: Sequence[str]) -> sa.Select[Any]:
    """A row for each visit of a queue that began in the scope. ``agents``, ``queues``: all that there are."""
    one = _visits(scope, queues)
    acw = wrap_ups(scope, agents)
    handled = (one.c.outcome == "answered") & (one.c.first == 1)
    answered, given_up = one.c.outcome == "answered", one.c.given_up == 1
    talked = [("talk", _i.talk_seconds), ("hold", _i.hold_seconds)]
    query = (
        sa.select(
            one.c.interaction_id,
            one.c.queue.label("key"),
            one.c.at,
            sa.literal(1).label("offered"),
            *(flag(one.c.outcome == name).label(name) for name in (*OUTCOMES, "unaccounted")),
            flag(answered & (one.c.in_time == 1)).label("answered_in"),
            flag(given_up).label("given_up"),
            flag(given_up & (one.c.in_time == 1)).label("given_up_in"),
            sa.case((answered, one.c.wait), else_=0).label("answer_wait"),
            sa.case((one.c.outcome == "abandoned", one.c.wait), else_=0).label("abandon_wait"),
            flag(handled).label("handled"),
            *(sa.case((handled, milliseconds(seconds)), else_=0).label(name) for name, seconds in talked),
            sa.case((handled, sa.func.coalesce(acw.c.acw, 0)), else_=0).label("acw"),
            sa.case((handled, _sent_on(one.c.interaction_id)), else_=0).label("transfers"),
            *(sa.case((handled, value), else_=0).label(name) for name, value in _complaint(_i.id).items()),
        )
        .select_from(one)
        .join(interactions, _i.id == one.c.interaction_id)
        .outerjoin(acw, acw.c.interaction_id == one.c.interaction_id)
    )
    return query if scope.channel is None else query.where(_i.channel == scope.channel)


def _visits(scope: Scope, queues: Sequence[str]) -> sa.CTE:
    other = queue_visits.alias("other")
    same = other.c.interaction_id == _v.interaction_id
    first = ~sa.exists().where(same, other.c.n < _v.n, other.c.result == "answered")
    return (
        sa.select(
            _v.interaction_id,
            _v.queue,
            _v.entered_at.label("at"),
            _visit_outcome(scope, sa.exists().where(same, other.c.n > _v.n)).label("outcome"),
            flag((_v.n == 0) | first).label("first"),
            milliseconds(_v.wait_seconds).label("wait"),
            flag(_v.wait_seconds <= _threshold(scope, _v.queue)).label("in_time"),
            flag(_v.result.in_(["abandoned", "timeout", "no_agent"])).label("given_up"),
        )
        .where(_v.queue.in_([scope.queue] if scope.queue is not None else list(queues)), *within(_v.entered_at, scope))
        .cte("visits")
        .prefix_with("MATERIALIZED")
    )


def _visit_outcome(scope: Scope, later: sa.ColumnElement[bool]) -> sa.ColumnElement[str]:
    """Exactly one of ``OUTCOMES``; what fits none is ``unaccounted``, for the conservation check to name."""
    running = sa.exists().where(_i.id == _v.interaction_id, _i.ended.is_(sa.false()))
    result = _v.result
    return sa.case(
        (result == "answered", "answered"),
        (result.is_(None), sa.case((sa.and_(running, ~later), "waiting"), else_="unaccounted")),
        (result.in_(["timeout", "no_agent", "left"]) & later, "overflowed"),
        (result.in_(["timeout", "no_agent", "left", "abandoned"]) & _promised(_v.interaction_id), "callback"),
        ((result == "abandoned") & (_v.wait_seconds < scope.short), "abandoned_short"),
        (result == "abandoned", "abandoned"),
        (result == "timeout", "timed_out"),
        (result == "no_agent", "no_agent"),
        (result == "left", "left"),
        (result == "pbx_lost", "lost"),
        else_="unaccounted",
    )


# --- contacts ------------------------------------------------------------------------------------


def contacts(scope: Scope, agents: Sequence[str]) -> sa.Select[Any]:
    """A row for each inbound interaction that began in the scope."""
    outcome = _contact_outcome(scope)
    one = (
        sa.select(
            *(_i[name] for name in ("id", "queue", "talk_seconds", "hold_seconds", "sorted_at")),
            _group(scope).label("key"),
            outcome.label("outcome"),
            milliseconds(_i.wait_seconds).label("wait"),
            flag(_i.wait_seconds <= _threshold(scope, _i.queue)).label("in_time"),
        )
        .select_from(_people(scope))
        .where(*_inbound(scope), *within(_i.sorted_at, scope))
        .cte("contacts")
        .prefix_with("MATERIALIZED")
    )
    acw = wrap_ups(scope, agents)
    answered = one.c.outcome == "answered"
    talked = [("talk", one.c.talk_seconds), ("hold", one.c.hold_seconds)]
    return (
        sa.select(
            one.c.id.label("interaction_id"),
            one.c.key,
            one.c.sorted_at.label("at"),
            sa.literal(1).label("offered"),
            *(flag(one.c.outcome == name).label(name) for name in (*OUTCOMES, "unaccounted")),
            flag(answered & (one.c.in_time == 1)).label("answered_in"),
            sa.case((answered, one.c.wait), else_=0).label("answer_wait"),
            sa.case((one.c.outcome == "abandoned", one.c.wait), else_=0).label("abandon_wait"),
            flag(answered).label("handled"),
            *(sa.case((answered, milliseconds(seconds)), else_=0).label(name) for name, seconds in talked),
            sa.case((answered, sa.func.coalesce(acw.c.acw, 0)), else_=0).label("acw"),
            sa.case((answered, _sent_on(one.c.id)), else_=0).label("transfers"),
            *(sa.case((answered, value), else_=0).label(name) for name, value in _complaint(one.c.id).items()),
        )
        .select_from(one)
        .outerjoin(acw, acw.c.interaction_id == one.c.id)
    )


def _inbound(scope: Scope) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [_i.direction == "inbound"]
    if scope.channel is not None:
        found.append(_i.channel == scope.channel)
    if scope.queue is not None:
        found.append(sa.exists().where(_v.interaction_id == _i.id, _v.queue == scope.queue))
    return found


def _group(scope: Scope) -> sa.ColumnElement[Any]:
    """What a row of contacts is about. There are no campaigns yet: all contacts are of none."""
    if scope.group == "channel":
        return _i.channel
    if scope.group == "queue":
        return _i.queue
    if scope.group == "disposition":
        return _i.disposition
    if scope.group == "segment":
        if scope.segments:
            return sa.case(*((condition, name) for name, condition in scope.segments), else_=sa.null())
        return sa.case((customers.c.vip.is_(sa.true()), "vip"), (customers.c.vip.is_(sa.false()), "other"))
    return sa.null() if scope.group == "campaign" else sa.literal("all")


def _people(scope: Scope) -> sa.FromClause:
    if scope.group != "segment":
        return interactions
    return interactions.outerjoin(customer_links, customer_links.c.member == _i.customer_id).outerjoin(
        customers, customers.c.id == sa.func.coalesce(customer_links.c.root, _i.customer_id)
    )


def _contact_outcome(scope: Scope) -> sa.ColumnElement[str]:
    outcome = _i.outcome
    same = ("answered", "voicemail", "busy", "no_answer")
    return sa.case(
        (outcome == "answered", "answered"),
        (_i.ended.is_(sa.false()) & outcome.is_(None), "waiting"),
        (outcome.in_(["timeout", "no_agent", "abandoned"]) & _promised(_i.id), "callback"),
        ((outcome == "abandoned") & (_i.wait_seconds < scope.short), "abandoned_short"),
        (outcome == "abandoned", "abandoned"),
        (outcome == "timeout", "timed_out"),
        (outcome == "no_agent", "no_agent"),
        (outcome == "pbx_lost", "lost"),
        (outcome.in_(["failed", "cancelled"]), "failed"),
        *((outcome == name, name) for name in same[1:]),
        else_="unaccounted",
    )


# --- who came again ------------------------------------------------------------------------------


def repeats(scope: Scope) -> sa.Select[Any]:
    """A row for each inbound interaction in the scope of which we know who it was."""
    window = scope.repeat_days * DAY
    person = sa.func.coalesce(customer_links.c.root, _i.customer_id, _i.customer_address)
    order: dict[str, Any] = {"partition_by": person, "order_by": [_i.sorted_at, _i.id]}
    outer = sa.select(
        _i.id,
        sa.func.lag(_i.sorted_at).over(**order).label("before"),
        sa.func.lead(_i.sorted_at).over(**order).label("after"),
    )
    all_of_them = (
        outer.select_from(interactions.outerjoin(customer_links, customer_links.c.member == _i.customer_id))
        .where(_i.direction == "inbound", person.is_not(None), *within(_i.sorted_at, scope, window, window))
        .cte("neighbours")
        .prefix_with("MATERIALIZED")
    )
    quiet = all_of_them.c.after.is_(None) | (all_of_them.c.after - _i.sorted_at > window)
    over = (_i.outcome == "answered") & (_i.sorted_at + window <= scope.now)
    query = (
        sa.select(
            _i.id.label("interaction_id"),
            _group(scope).label("key"),
            _i.sorted_at.label("at"),
            sa.literal(1).label("identified"),
            flag(_i.sorted_at - all_of_them.c.before <= window).label("repeats"),
            flag(over).label("resolvable"),
            flag(over & quiet).label("resolved"),
        )
        .select_from(all_of_them.join(_people(scope), _i.id == all_of_them.c.id))
        .where(*_inbound(scope), *within(_i.sorted_at, scope))
    )
    return query.where(_i.queue.is_not(None)) if scope.group == "queue" else query


# --- agents --------------------------------------------------------------------------------------


def _whose(scope: Scope, people: Sequence[str | None]) -> sa.ColumnElement[bool]:
    if scope.agent is not None:
        return _l.agent == scope.agent
    return _l.agent.in_([name for name in people if name is not None]) | _l.agent.is_(None)


def offers(scope: Scope, people: Sequence[str | None]) -> sa.Select[Any]:
    """A row for each ring of an agent in the scope. ``people``: all agents that legs name."""
    known = {"offers_answered": "answered", "offers_missed": "no_answer", "offers_declined": "declined"}
    other = _l.result.is_(None) | _l.result.not_in(list(known.values()))
    return sa.select(
        _l.interaction_id,
        sa.func.coalesce(_l.agent, _l.device).label("key"),
        _l.from_at.label("at"),
        sa.literal(1).label("offers"),
        *(flag(_l.result == result).label(name) for name, result in known.items()),
        flag(other).label("offers_withdrawn"),
    ).where(_whose(scope, people), _l.kind == "offer", *within(_l.from_at, scope), *_of_channel(scope))


def _of_channel(scope: Scope) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if scope.channel is not None:
        found.append(sa.exists().where(_i.id == _l.interaction_id, _i.channel == scope.channel))
    if scope.queue is not None:
        found.append(_l.queue == scope.queue)
    return found


def stretches(scope: Scope, people: Sequence[str | None]) -> sa.Select[Any]:
    """A row for each stretch of an agent with a customer that began in the scope."""
    other = legs.alias("other")
    same = (other.c.interaction_id == _l.interaction_id) & (other.c.kind == "segment")
    hers = sa.func.coalesce(other.c.agent, other.c.device) == sa.func.coalesce(_l.agent, _l.device)
    again = sa.exists().where(same, hers, other.c.n < _l.n)
    until = sa.func.coalesce(_l.to_at, sa.case((_l.from_at > scope.now, _l.from_at), else_=float(scope.now)))
    return sa.select(
        _l.interaction_id,
        sa.func.coalesce(_l.agent, _l.device).label("key"),
        _l.from_at.label("at"),
        sa.case((_l.n == 0, 1), else_=flag(~again)).label("handled"),
        milliseconds(until - _l.from_at).label("talk"),
        flag(_l.result == "transferred").label("transfers"),
    ).where(_whose(scope, people), _l.kind == "segment", *within(_l.from_at, scope), *_of_channel(scope))


# --- satisfaction --------------------------------------------------------------------------------


def surveys(scope: Scope, report: str) -> sa.Select[Any] | None:
    """A row for each answer in the scope; ``None`` where nobody is asked."""
    table = metadata.tables.get("surveys")
    if table is None:
        return None
    c = table.c
    by = {"queues": c.queue, "agents": c.agent}.get(report, c.channel if scope.group == "channel" else None)
    key = by if by is not None else (sa.literal("all") if scope.group == "all" else sa.null())
    csat, nps = c.kind == "csat", c.kind == "nps"
    answered = c.score.is_not(None)
    query = sa.select(
        c.interaction_id,
        key.label("key"),
        c.answered_at.label("at"),
        flag(csat).label("csat_answers"),
        sa.case((csat, c.score), else_=0).label("csat_score"),
        flag(csat & (c.score >= 4)).label("csat_satisfied"),
        flag(nps).label("nps_answers"),
        flag(nps & (c.score >= 9)).label("nps_promoters"),
        flag(nps & (c.score <= 6)).label("nps_detractors"),
    ).where(answered, *within(c.answered_at, scope))
    for column, wanted in ((c.queue, scope.queue), (c.agent, scope.agent), (c.channel, scope.channel)):
        query = query if wanted is None else query.where(column == wanted)
    return query


def distinct(column: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The different values of an indexed column, by leaping through the index."""
    leap = sa.select(sa.func.min(column).label("value")).where(*where).cte("leap", recursive=True)
    following = sa.select(sa.func.min(column)).where(column > leap.c.value, *where).scalar_subquery()
    leap = leap.union_all(sa.select(following).where(leap.c.value.is_not(None)))
    return sa.select(leap.c.value).where(leap.c.value.is_not(None))
