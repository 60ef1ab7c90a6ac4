"""Tasks with reminders, and the rules that make tasks of segments."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from datetime import date
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import cursor as cursors
from interaction_log.store import index, items, links, segments
from interaction_log.store.ends import check_interaction, check_user, customer_named, line, paragraph
from interaction_log.store.reading import Reading
from interaction_log.store.records_tables import cases, task_rules, tasks
from interaction_log.store.schema import customers
from interaction_log.store.writing import Writing
from interaction_log.tasks import MOST_A_DAY, STATES, Task, TaskRule, at_wall, due_day, zone

_t: Final = tasks.c
_OWN: Final = tuple(f.name for f in fields(Task) if f.name != "customer_name")
_JOINED: Final = sa.select(*(tasks.c[name] for name in _OWN), customers.c.name.label("customer_name")).select_from(
    tasks.outerjoin(customers, customers.c.id == tasks.c.customer_id)
)
_FAR: Final = 1e12  # a task without a due time stands behind all that have one
_SORT: Final = sa.func.coalesce(_t.due_at, _FAR)
MOST_PER_PAGE: Final = 500
RULE_CHUNK: Final = 50
"""Tasks in one transaction: on SQLite the log waits for it."""


class StoredTasks:
    """Every write raises ``Refused``, ``NotFound`` or ``Conflict``; times are Unix seconds."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing
        self.changed: Callable[[], None] = lambda: None
        """Called after a task was made or changed: something may be due earlier than it was."""

    async def page(
        self,
        *,
        owner: str | None = None,
        state: str | None = "open",
        customer_id: str | None = None,
        case_id: str | None = None,
        due_before: float | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Task], str | None]:
        """Tasks, what is due first first; those of a customer are those of the whole person."""
        limit = max(1, min(limit, MOST_PER_PAGE))
        after = cursors.read(cursor, float, str) if cursor is not None else None

        def work(connection: sa.Connection) -> tuple[list[Task], str | None]:
            query = _JOINED.order_by(_SORT, _t.id)
            if customer_id is not None:
                query = query.where(_t.customer_id.in_(links.members(connection, customer_id)))
            for column, value in ((_t.owner, owner), (_t.state, state), (_t.case_id, case_id)):
                if value is not None:
                    query = query.where(column == value)
            if due_before is not None:
                query = query.where(_t.due_at <= due_before)
            if after is not None:
                query = query.where(sa.tuple_(_SORT, _t.id) > sa.tuple_(*after))
            found = [_task(row) for row in connection.execute(query.limit(limit + 1))]
            last = found[limit - 1] if len(found) > limit else None
            key = None if last is None else cursors.write(_FAR if last.due_at is None else last.due_at, last.id)
            return found[:limit], key

        return await self._reading(work)

    async def count_due(self, owner: str, now: float) -> int:
        """How many open tasks of this user are due."""
        query = sa.select(sa.func.count()).where(_t.owner == owner, _t.state == "open", _t.due_at <= now)
        return await self._reading(lambda connection: int(connection.execute(query).scalar_one()))

    async def get(self, task_id: str) -> Task:
        """Raises ``NotFound``."""
        return await self._reading(lambda connection: _one(connection, task_id))

    async def create(self, given: dict[str, Any], by: str, now: float) -> Task:
        """A new task: title, notes, owner (``by``), customer_id, case_id, interaction_id; ``due`` is a time of the
        wall (``2026-11-27T10:00``) in ``zone``, ``due_at`` an instant."""

        def work(connection: sa.Connection) -> Task:
            blank = Task(id=str(uuid.uuid4()), title="", owner=by, created_by=by, created_at=now)
            task = _laid(connection, blank, {"title": None, **given})
            connection.execute(sa.insert(tasks).values(_row(task)))
            _show(connection, task)
            return _one(connection, task.id)

        return await self._written(work)

    async def change(self, task_id: str, given: dict[str, Any], now: float) -> Task:
        """Change these fields, or the state; ``version``: as it was seen. A new due time reminds again."""

        def work(connection: sa.Connection) -> Task:
            old = _one(connection, task_id)
            version = given.get("version", old.version)
            if version != old.version:
                raise Conflict("This entry was changed meanwhile.")
            task = _laid(connection, old, {k: v for k, v in given.items() if k not in ("version", "state")})
            task = replace(_in_state(task, given.get("state"), now), version=old.version + 1)
            which = (_t.id == task_id) & (_t.version == old.version)
            if connection.execute(sa.update(tasks).where(which).values(_row(task))).rowcount == 0:
                raise Conflict("This entry was changed meanwhile.")
            _show(connection, task)
            return _one(connection, task_id)

        return await self._written(work)

    async def _written(self, work: Callable[[sa.Connection], Task]) -> Task:
        done = await self._writing(work)
        self.changed()
        return done

    # --- reminders ---------------------------------------------------------------------------------

    async def to_remind(self, now: float, owners: Sequence[str], limit: int = 200) -> list[Task]:
        """Open tasks of these users that are due and of which they were not told, the oldest first."""
        query = _JOINED.where(_t.state == "open", _t.reminded_at.is_(None), _t.due_at <= now, _t.owner.in_(owners))
        query = query.order_by(_t.due_at, _t.id).limit(limit)
        return await self._reading(lambda connection: [_task(row) for row in connection.execute(query)])

    async def next_due(self, now: float) -> float | None:
        """When the next task comes due after ``now``."""
        query = sa.select(sa.func.min(_t.due_at)).where(
            _t.state == "open", _t.reminded_at.is_(None), _t.due_at.is_not(None), _t.due_at > now
        )
        return await self._reading(lambda connection: connection.execute(query).scalar())

    async def claim(self, task_id: str, now: float) -> bool:
        """Whether it is for us to tell of it: ``True`` once for a due time, and only while it is open and due."""
        which = sa.and_(_t.id == task_id, _t.state == "open", _t.reminded_at.is_(None), _t.due_at <= now)
        change = sa.update(tasks).where(which).values(reminded_at=now)
        return await self._writing(lambda connection: connection.execute(change).rowcount == 1)

    # --- rules -------------------------------------------------------------------------------------

    async def rules(self) -> list[TaskRule]:
        """All rules, by title."""
        query = sa.select(task_rules).order_by(task_rules.c.title, task_rules.c.id)
        return await self._reading(lambda connection: [_rule(row) for row in connection.execute(query)])

    async def create_rule(self, given: dict[str, Any], now: float) -> TaskRule:
        """A rule that runs when its time of the day comes next."""

        def work(connection: sa.Connection) -> TaskRule:
            blank = TaskRule(
                id=str(uuid.uuid4()),
                segment_id="",
                title="",
                owner=None,
                at_minute=540,
                zone=given.get("zone") or "UTC",
            )
            rule = _rule_laid(connection, blank, {"title": None, "segment_id": None, **given})
            today = due_day(rule, now)
            rule = replace(rule, last_day=today.isoformat() if today is not None else None)
            connection.execute(sa.insert(task_rules).values(asdict(rule)))
            return rule

        return await self._writing(work)

    async def change_rule(self, rule_id: str, given: dict[str, Any]) -> TaskRule:
        """Change these fields; ``version``: as it was seen."""

        def work(connection: sa.Connection) -> TaskRule:
            old = _one_rule(connection, rule_id)
            rule = _rule_laid(connection, old, {k: v for k, v in given.items() if k != "version"})
            rule = replace(rule, version=old.version + 1)
            which = (task_rules.c.id == rule_id) & (task_rules.c.version == given.get("version", old.version))
            if connection.execute(sa.update(task_rules).where(which).values(asdict(rule))).rowcount == 0:
                raise Conflict("This entry was changed meanwhile.")
            return rule

        return await self._writing(work)

    async def delete_rule(self, rule_id: str) -> None:
        """Its tasks stay. Raises ``NotFound``."""

        def work(connection: sa.Connection) -> None:
            if connection.execute(sa.delete(task_rules).where(task_rules.c.id == rule_id)).rowcount == 0:
                raise NotFound(rule_id)

        await self._writing(work)

    async def run_rule(self, rule: TaskRule, day: date, now: float) -> int:
        """Make the tasks of this rule for this day, in small transactions; how many. Again: none are made twice.

        Raises ``Refused`` or ``NotFound`` if the segment does not work any more.
        """
        wanted = await self._reading(lambda connection: _wanted(connection, rule, now))
        made = 0
        for n in range(0, len(wanted), RULE_CHUNK):
            some = wanted[n : n + RULE_CHUNK]
            made += await self._writing(partial(_make, rule=rule, some=some, day=day, now=now))
        done = sa.update(task_rules).where(task_rules.c.id == rule.id).values(last_day=day.isoformat())
        await self._writing(lambda connection: connection.execute(done))
        return made


def _task(row: Any) -> Task:
    return Task(**dict(row._mapping))


def _row(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in _OWN}


def _one(connection: sa.Connection, task_id: str) -> Task:
    row = connection.execute(_JOINED.where(_t.id == task_id)).first()
    if row is None:
        raise NotFound(task_id)
    return _task(row)


def _laid(connection: sa.Connection, task: Task, given: dict[str, Any]) -> Task:
    """The task with these fields, checked."""
    changes: dict[str, Any] = {}
    for name, value in given.items():
        match name:
            case "title":
                changes[name] = line("title", value)
            case "notes":
                changes[name] = paragraph("notes", value)
            case "owner":
                check_user(connection, value)
                changes[name] = value or task.owner
            case "customer_id":
                customer_named(connection, value)
                changes[name] = value
            case "case_id":
                changes[name] = _case(connection, value)
            case "interaction_id":
                _interaction(connection, value)
                changes[name] = value
            case "due" | "due_at" | "zone":
                pass
            case _:
                raise Refused(name, "there is no such field")
    return replace(task, **changes, **_due(given))


def _due(given: dict[str, Any]) -> dict[str, Any]:
    """A new due time; who was told of the old one is told again."""
    place = given.get("zone")
    found = zone(place) if place is not None else None
    if given.get("due") is not None:
        if found is None:
            raise Refused("zone", "is needed for a time of the wall")
        at: float | None = at_wall(given["due"], found)
    elif "due" in given or "due_at" in given:
        at = given.get("due_at")
    else:
        return {}
    if at is not None and not 0 <= at < 1e11:
        raise Refused("due_at", "is no time")
    return {"due_at": at, "zone": place, "reminded_at": None}


def _case(connection: sa.Connection, case_id: str | None) -> str | None:
    if case_id is not None and connection.execute(sa.select(cases.c.id).where(cases.c.id == case_id)).first() is None:
        raise Refused("case_id", "there is no such case")
    return case_id


def _interaction(connection: sa.Connection, interaction_id: str | None) -> None:
    try:
        if interaction_id is not None:
            check_interaction(connection, interaction_id)
    except NotFound:
        raise Refused("interaction_id", "there is no such interaction") from None


def _in_state(task: Task, state: str | None, now: float) -> Task:
    if state is None or state == task.state:
        return task
    if state not in STATES:
        raise Refused("state", f"one of {', '.join(STATES)}")
    return replace(task, state=state, closed_at=None if state == "open" else now)  # type: ignore[arg-type]


def show_again(connection: sa.Connection, task_id: str) -> None:
    """Put it into the timeline and the search as it is now."""
    _show(connection, _one(connection, task_id))


def _show(connection: sa.Connection, task: Task) -> None:
    """In the customer's timeline and in the search."""
    doc = index.Doc(
        kind="task", ref=task.id, customer_id=task.customer_id, at=task.created_at, title=task.title,
        text=task.notes or "", agent=task.owner,
    )  # fmt: skip
    index.put(connection, doc)
    if task.customer_id is None:
        items.drop(connection, "task", task.id)
        return
    public = {"state": task.state, "due_at": task.due_at, "owner": task.owner}
    item = items.Item(
        "task", task.id, task.customer_id, task.created_at, task.title, task.notes or "", task.created_by, public
    )
    items.put(connection, item)


def _rule(row: Any) -> TaskRule:
    return TaskRule(**dict(row._mapping) | {"disabled": bool(row.disabled)})


def _one_rule(connection: sa.Connection, rule_id: str) -> TaskRule:
    row = connection.execute(sa.select(task_rules).where(task_rules.c.id == rule_id)).first()
    if row is None:
        raise NotFound(rule_id)
    return _rule(row)


def _rule_laid(connection: sa.Connection, rule: TaskRule, given: dict[str, Any]) -> TaskRule:
    changes: dict[str, Any] = {}
    for name, value in given.items():
        match name:
            case "title":
                changes[name] = line("title", value)
            case "segment_id":
                changes[name] = _segment(connection, value)
            case "owner":
                check_user(connection, value)
                changes[name] = value
            case "zone":
                changes[name] = zone(value).key
            case "at_minute" | "most":
                least, most = (0, 1439) if name == "at_minute" else (1, MOST_A_DAY)
                if type(value) is not int or not least <= value <= most:
                    raise Refused(name, f"{least} to {most}")
                changes[name] = value
            case "disabled":
                changes[name] = bool(value)
            case _:
                raise Refused(name, "there is no such field")
    return replace(rule, **changes)


def _segment(connection: sa.Connection, segment_id: object) -> str:
    try:
        return segments.one(connection, str(segment_id)).id
    except NotFound:
        raise Refused("segment_id", "there is no such segment") from None


def _wanted(connection: sa.Connection, rule: TaskRule, now: float) -> list[tuple[str, str]]:
    """The customers who get a task, with the owner of it."""
    busy = sa.exists().where(_t.rule_id == rule.id, _t.customer_id == customers.c.id, _t.state == "open")
    owner = customers.c.agent if rule.owner is None else sa.literal(rule.owner)
    query = (
        sa.select(customers.c.id, owner)
        .where(segments.where(connection, rule.segment_id, now), ~busy, owner.is_not(None))
        .order_by(customers.c.id)
        .limit(rule.most)
    )
    return [(row[0], row[1]) for row in connection.execute(query)]


def _make(connection: sa.Connection, rule: TaskRule, some: Sequence[tuple[str, str]], day: date, now: float) -> int:
    made = sa.select(_t.customer_id).where(
        _t.rule_id == rule.id, _t.rule_day == day.isoformat(), _t.customer_id.in_([of for of, _ in some])
    )
    there = set(connection.execute(made).scalars())
    new = [
        Task(
            id=str(uuid.uuid4()), title=rule.title, owner=owner, created_by=f"rule:{rule.id}", created_at=now,
            customer_id=of, due_at=now, zone=rule.zone, rule_id=rule.id,
        )
        for of, owner in some
        if of not in there
    ]  # fmt: skip
    if new:
        connection.execute(sa.insert(tasks), [_row(one) | {"rule_day": day.isoformat()} for one in new])
    for one in new:
        _show(connection, one)
    return len(new)
