"""What reports add up, as SQL: one row for each thing that is counted, with its group, its time, classes and amounts.

The database groups by group, period and classes and adds the amounts up; which classes a number counts is said once,
by :class:`Sum`, and used twice: to add the groups up, and as the condition of the list behind the number. Durations
are whole milliseconds, so that both databases add up to the same.

SQLite knows no hashes: it sorts what it groups, and joins by looking up. So the rows are narrow, big tables are read in
the order in which they lie, and what is used often is materialised (it would be computed anew for each use).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from interaction_log.metrics import OUTCOMES, REPEAT_DAYS, SERVICE_LEVEL_SECONDS, SHORT_ABANDON_SECONDS
from interaction_log.periods import Periods
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


def period(at: sa.ColumnElement[Any], cut: Periods) -> sa.ColumnElement[int]:
    """The number of the period in which a moment is that is in one of them."""
    runs = cut.runs()
    each = [first + whole((at - float(start)) / float(length)) for start, length, first in runs]
    if len(each) == 1:
        return each[0]
    ends = [at < float(start) for start, _length, _first in runs[1:]]
    return sa.case(*zip(ends, each[:-1], strict=True), else_=each[-1])


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


def numbered(scope: Scope, before: float = 0) -> list[sa.ColumnElement[bool]]:
    """Conditions on the number of an agent's state: those that began in the scope have such numbers.

    The table lies in the order of the numbers, so it is read at one go; by the index of times it would be looked up
    row by row. For each agent the numbers grow with the times.
    """
    who = distinct(_s.agent).subquery("who")
    mine = _s.agent == who.c.value
    times = within(_s.from_at, scope, before, DAY)
    first = sa.select(_s.seq).where(mine, times[0]).order_by(_s.from_at, _s.seq).limit(1).scalar_subquery()
    last = sa.select(_s.seq).where(mine, times[1]).order_by(_s.from_at.desc(), _s.seq.desc()).limit(1).scalar_subquery()
    least = sa.select(sa.func.min(first)).select_from(who).scalar_subquery()
    most = sa.select(sa.func.max(last)).select_from(who).scalar_subquery()
    return [_s.seq >= least, _s.seq <= most]


def wrap_ups(scope: Scope) -> sa.CTE:
    """Milliseconds in WRAP_UP by interaction, of those that may have begun in the scope."""
    lasted = sa.func.coalesce(_s.to_at, sa.case((_s.from_at > scope.now, _s.from_at), else_=float(scope.now)))
    return (
        sa.select(_s.interaction_id, sa.func.sum(milliseconds(lasted - _s.from_at)).label("acw"))
        .where(*numbered(scope), _s.state == "WRAP_UP", _s.interaction_id.is_not(None))
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
    gone = (_l.interaction_id == interaction) & (_l.result == sa.literal_column("'transferred'"))  # by its own index
    return sa.select(sa.func.count()).where(gone).scalar_subquery()


# --- sums ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sum:
    """Of the rows whose classes have one of these values: how many there are, or the amount of them."""

    classes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    amount: str | None = None

    def counts(self, values: Mapping[str, Any]) -> bool:
        """Whether a group of rows with these classes is counted."""
        return all(values[name] in wanted for name, wanted in self.classes.items())

    def rows(self, each: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        """The same as conditions, for the list of what is counted."""
        found: list[sa.ColumnElement[bool]] = [each.c[name].in_(wanted) for name, wanted in self.classes.items()]
        return found if self.amount is None else [*found, each.c[self.amount] != 0]


@dataclass(frozen=True, slots=True)
class Base:
    """A select with ``interaction_id``, ``key`` and ``at``, the classes and the amounts; and what is made of them."""

    query: sa.Select[Any]
    classes: tuple[str, ...]
    amounts: tuple[str, ...]
    sums: Mapping[str, Sum]


_ANSWERED: Final = {"outcome": ("answered",)}
_HANDLED: Final = {"handled": (1,)}
_OF_CALLS: Final[Mapping[str, Sum]] = {
    "offered": Sum(),
    **{name: Sum({"outcome": (name,)}) for name in (*OUTCOMES, "unaccounted")},
    "answered_in": Sum(_ANSWERED | {"in_time": (1,)}),
    "answer_wait": Sum(_ANSWERED, "wait"),
    "abandon_wait": Sum({"outcome": ("abandoned",)}, "wait"),
    "handled": Sum(_HANDLED),
    **{name: Sum(_HANDLED, name) for name in ("talk", "hold", "acw", "transfers")},
}
_OF_VISITS: Final[Mapping[str, Sum]] = {
    **_OF_CALLS,
    "given_up": Sum({"given_up": (1,)}),
    "given_up_in": Sum({"given_up": (1,), "in_time": (1,)}),
}
_AMOUNTS: Final = ("wait", "talk", "hold", "acw", "transfers")


def _of_handled(handled: sa.ColumnElement[bool], one: Any, acw: sa.CTE, of: sa.ColumnElement[Any]) -> list[Any]:
    """The amounts of those that an agent had."""
    nothing = sa.literal(0)
    return [
        sa.case((handled, milliseconds(one.talk_seconds)), else_=nothing).label("talk"),
        sa.case((handled, milliseconds(one.hold_seconds)), else_=nothing).label("hold"),
        sa.case((handled, sa.func.coalesce(acw.c.acw, 0)), else_=nothing).label("acw"),
        sa.case((handled, _sent_on(of)), else_=nothing).label("transfers"),
        *(sa.case((handled, value), else_=nothing).label(name) for name, value in _complaint(of).items()),
    ]


def _base(query: sa.Select[Any], classes: tuple[str, ...], sums: Mapping[str, Sum]) -> Base:
    """With complaints, where they are kept."""
    if "complaints" not in query.selected_columns:
        return Base(query, classes, _AMOUNTS, sums)
    return Base(query, (*classes, "complaints"), _AMOUNTS, {**sums, "complaints": Sum({"complaints": (1,)})})


# --- visits of queues ----------------------------------------------------------------------------


def visits(scope: Scope, queues: Sequence[str]) -> Base:
    """A row for each visit of a queue that began in the scope. ``queues``: all that there are."""
    one = _visits(scope, queues)
    acw = wrap_ups(scope)
    handled = (one.c.outcome == "answered") & (one.c.first == 1)
    needed = sa.true() if scope.channel is not None else handled
    query = (
        sa.select(
            one.c.interaction_id,
            one.c.queue.label("key"),
            one.c.at,
            one.c.outcome,
            one.c.in_time,
            one.c.given_up,
            flag(handled).label("handled"),
            one.c.wait,
            *_of_handled(handled, _i, acw, one.c.interaction_id),
        )
        .select_from(one)
        .outerjoin(interactions, (_i.id == one.c.interaction_id) & needed)
        .outerjoin(acw, (acw.c.interaction_id == one.c.interaction_id) & handled)
    )
    query = query if scope.channel is None else query.where(_i.channel == scope.channel)
    return _base(query, ("outcome", "in_time", "given_up", "handled"), _OF_VISITS)


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
            sa.case((_v.n == 0, 1), else_=flag(first)).label("first"),
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


def contacts(scope: Scope) -> Base:
    """A row for each inbound interaction that began in the scope."""
    one = (
        sa.select(
            *(_i[name] for name in ("id", "talk_seconds", "hold_seconds", "sorted_at")),
            _group(scope).label("key"),
            _contact_outcome(scope).label("outcome"),
            milliseconds(_i.wait_seconds).label("wait"),
            flag(_i.wait_seconds <= _threshold(scope, _i.queue)).label("in_time"),
        )
        .select_from(_people(scope))
        .where(*_inbound(scope), *within(_i.sorted_at, scope))
        .cte("contacts")
        .prefix_with("MATERIALIZED")
    )
    acw = wrap_ups(scope)
    handled = one.c.outcome == "answered"
    query = (
        sa.select(
            one.c.id.label("interaction_id"),
            one.c.key,
            one.c.sorted_at.label("at"),
            one.c.outcome,
            one.c.in_time,
            flag(handled).label("handled"),
            one.c.wait,
            *_of_handled(handled, one.c, acw, one.c.id),
        )
        .select_from(one)
        .outerjoin(acw, (acw.c.interaction_id == one.c.id) & handled)
    )
    return _base(query, ("outcome", "in_time", "handled"), _OF_CALLS)


def _inbound(scope: Scope) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = [_i.direction == "inbound"]
    if scope.channel is not None:
        found.append(_i.channel == scope.channel)
    if scope.queue is not None and scope.group == "queue":
        found.append(_i.queue == scope.queue)
    elif scope.queue is not None:
        found.append(sa.exists().where(_v.interaction_id == _i.id, _v.queue == scope.queue))
    return found


def _group(scope: Scope) -> sa.ColumnElement[Any]:
    """What a row of contacts is about."""
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
    return _i.campaign if scope.group == "campaign" else sa.literal("all")


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


_OF_REPEATS: Final[Mapping[str, Sum]] = {
    "identified": Sum(),
    **{name: Sum({name: (1,)}) for name in ("repeats", "resolvable", "resolved")},
}


def repeats(scope: Scope) -> Base:
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
            flag(_i.sorted_at - all_of_them.c.before <= window).label("repeats"),
            flag(over).label("resolvable"),
            flag(over & quiet).label("resolved"),
        )
        .select_from(all_of_them.join(_people(scope), _i.id == all_of_them.c.id))
        .where(*_inbound(scope), *within(_i.sorted_at, scope))
    )
    query = query.where(_i.queue.is_not(None)) if scope.group == "queue" else query
    return Base(query, ("repeats", "resolvable", "resolved"), (), _OF_REPEATS)


# --- agents --------------------------------------------------------------------------------------


def _whose(scope: Scope, people: Sequence[str | None]) -> sa.ColumnElement[bool]:
    if scope.agent is not None:
        return _l.agent == scope.agent
    return _l.agent.in_([name for name in people if name is not None]) | _l.agent.is_(None)


_RINGS: Final = {"offers_answered": "answered", "offers_missed": "no_answer", "offers_declined": "declined"}
_OF_OFFERS: Final[Mapping[str, Sum]] = {
    "offers": Sum(),
    **{name: Sum({"result": (result,)}) for name, result in _RINGS.items()},
    "offers_withdrawn": Sum({"result": ("other",)}),
}


def offers(scope: Scope, people: Sequence[str | None]) -> Base:
    """A row for each ring of an agent in the scope. ``people``: all agents that legs name."""
    query = sa.select(
        _l.interaction_id,
        sa.func.coalesce(_l.agent, _l.device).label("key"),
        _l.from_at.label("at"),
        sa.case((_l.result.in_(list(_RINGS.values())), _l.result), else_="other").label("result"),
    ).where(_whose(scope, people), _l.kind == "offer", *within(_l.from_at, scope), *_of_channel(scope))
    return Base(query, ("result",), (), _OF_OFFERS)


def _of_channel(scope: Scope) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if scope.channel is not None:
        of = interactions.alias("of_leg")  # the query around it may read the interactions too
        found.append(sa.exists().where(of.c.id == _l.interaction_id, of.c.channel == scope.channel))
    if scope.queue is not None:
        found.append(_l.queue == scope.queue)
    return found


_OF_STRETCHES: Final[Mapping[str, Sum]] = {
    "handled": Sum({"first": (1,)}),
    "talk": Sum({}, "talk"),
    "transfers": Sum({"transferred": (1,)}),
}


def stretches(scope: Scope, people: Sequence[str | None]) -> Base:
    """A row for each stretch of an agent with a customer that began in the scope."""
    other = legs.alias("other")
    same = (other.c.interaction_id == _l.interaction_id) & (other.c.kind == "segment")
    hers = sa.func.coalesce(other.c.agent, other.c.device) == sa.func.coalesce(_l.agent, _l.device)
    again = sa.exists().where(same, hers, other.c.n < _l.n)
    until = sa.func.coalesce(_l.to_at, sa.case((_l.from_at > scope.now, _l.from_at), else_=float(scope.now)))
    query = sa.select(
        _l.interaction_id,
        sa.func.coalesce(_l.agent, _l.device).label("key"),
        _l.from_at.label("at"),
        sa.case((_l.n == 0, 1), else_=flag(~again)).label("first"),
        flag(_l.result == "transferred").label("transferred"),
        milliseconds(until - _l.from_at).label("talk"),
    ).where(_whose(scope, people), _l.kind == "segment", *within(_l.from_at, scope), *_of_channel(scope))
    return Base(query, ("first", "transferred"), ("talk",), _OF_STRETCHES)


def holds(scope: Scope) -> sa.Select[Any]:
    """The first stretch of each telephone in a contact with holds: who, when, which telephone, the contact."""
    held = (
        sa.select(_i.id)
        .where(_i.hold_seconds > 0, *within(_i.sorted_at, scope, before=DAY))
        .cte("held")
        .prefix_with("MATERIALIZED")
    )
    earlier = legs.alias("earlier")
    same = (earlier.c.interaction_id == _l.interaction_id) & (earlier.c.kind == "segment")
    first = ~sa.exists().where(same, earlier.c.device == _l.device, earlier.c.n < _l.n)
    who = sa.func.coalesce(_l.agent, _l.device)
    query = (
        sa.select(who, _l.from_at, _l.device, _i.public)
        .select_from(held)
        .join(legs, (_l.interaction_id == held.c.id) & (_l.kind == "segment"))
        .join(interactions, _i.id == held.c.id)
        .where(first, *within(_l.from_at, scope), *_of_channel(scope))
    )
    return query if scope.agent is None else query.where(_l.agent == scope.agent)


# --- satisfaction --------------------------------------------------------------------------------


_OF_SURVEYS: Final[Mapping[str, Sum]] = {
    "csat_answers": Sum({"kind": ("csat",)}),
    "csat_score": Sum({"kind": ("csat",)}, "score"),
    "csat_satisfied": Sum({"kind": ("csat",), "answer": ("high",)}),
    "nps_answers": Sum({"kind": ("nps",)}),
    "nps_promoters": Sum({"kind": ("nps",), "answer": ("high",)}),
    "nps_detractors": Sum({"kind": ("nps",), "answer": ("low",)}),
}


def surveys(scope: Scope, report: str) -> Base | None:
    """A row for each answer in the scope; ``None`` where nobody is asked."""
    table = metadata.tables.get("surveys")
    if table is None:
        return None
    c = table.c
    by = {"queues": c.queue, "agents": c.agent}.get(report, c.channel if scope.group == "channel" else None)
    key = by if by is not None else (sa.literal("all") if scope.group == "all" else sa.null())
    high = ((c.kind == "csat") & (c.score >= 4)) | ((c.kind == "nps") & (c.score >= 9))
    answer = sa.case((high, "high"), ((c.kind == "nps") & (c.score <= 6), "low"), else_="middle")
    query = sa.select(
        c.interaction_id,
        key.label("key"),
        c.answered_at.label("at"),
        c.kind.label("kind"),
        answer.label("answer"),
        sa.cast(c.score, sa.Integer).label("score"),
    ).where(c.score.is_not(None), *within(c.answered_at, scope))
    for column, wanted in ((c.queue, scope.queue), (c.agent, scope.agent), (c.channel, scope.channel)):
        query = query if wanted is None else query.where(column == wanted)
    return Base(query, ("kind", "answer"), ("score",), _OF_SURVEYS)


@contextlib.contextmanager
def roomy(connection: sa.Connection) -> Iterator[sa.Connection]:
    """SQLite with memory to read a month: without, each row is asked of the system anew. Nothing elsewhere."""
    if connection.dialect.name != "sqlite":
        yield connection
        return
    driver: Any = connection.connection.driver_connection
    for pragma in ("cache_size=-64000", "mmap_size=2147418112"):
        driver.execute(f"PRAGMA {pragma}").close()
    try:
        yield connection
    finally:
        for pragma in ("mmap_size=0", "cache_size=-16000"):
            driver.execute(f"PRAGMA {pragma}").close()


def distinct(column: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The different values of an indexed column, by leaping through the index."""
    leap = sa.select(sa.func.min(column).label("value")).where(*where).cte("leap", recursive=True)
    following = sa.select(sa.func.min(column)).where(column > leap.c.value, *where).scalar_subquery()
    leap = leap.union_all(sa.select(following).where(leap.c.value.is_not(None)))
    return sa.select(leap.c.value).where(leap.c.value.is_not(None))
