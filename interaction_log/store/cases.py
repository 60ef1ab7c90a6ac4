"""Cases: read, opened, changed, with their history and the interactions in them; and what a pop shows of them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.cases import (
    AroundTheClock,
    Case,
    CaseState,
    CaseType,
    WorkingTime,
    check_type,
    differences,
    moved,
    opened,
)
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import cursor as cursors
from interaction_log.store import index, items, links
from interaction_log.store.ends import check_interaction, check_user, customer_named, line, paragraph
from interaction_log.store.identity_tables import customer_links
from interaction_log.store.reading import Reading
from interaction_log.store.records_tables import CASE_NUMBER, case_history, case_interactions, case_types, cases
from interaction_log.store.schema import customers, interactions, meta
from interaction_log.store.writing import Writing

_t: Final = cases.c
_h: Final = case_history.c
_i: Final = case_interactions.c
_OWN: Final = tuple(f.name for f in fields(Case))
_JOINED: Final = sa.select(cases, customers.c.name.label("customer_name")).select_from(
    cases.outerjoin(customers, customers.c.id == _t.customer_id)
)
_FAR: Final = 1e12
_SORT: Final = sa.func.coalesce(_t.due_at, _FAR)
MOST_PER_PAGE: Final = 500
MOST_IN_POP: Final = 5

_up: Final = sa.select(customer_links.c.root).where(customer_links.c.member == sa.bindparam("customer"))
_head: Final = sa.func.coalesce(_up.scalar_subquery(), sa.bindparam("customer"))
_person: Final = sa.union_all(
    sa.select(_head), sa.select(customer_links.c.member).where(customer_links.c.root == _head)
)
_POP: Final = ("id", "number", "type", "state", "phase", "title", "owner", "due_at", "opened_at")
OPEN_CASES: Final = (
    sa.select(*(cases.c[name] for name in _POP))
    .where(_t.customer_id.in_(_person), _t.phase != sa.literal_column("'closed'"))
    .order_by(_t.opened_at.desc(), _t.id)
    .limit(sa.bindparam("most"))
)
"""The open cases of a person, for a pop: built once, asked on the driver's connection (``statements.Question``)."""


def open_case(row: Sequence[Any]) -> dict[str, Any]:
    """One entry of a pop's ``open_cases``, of a row of ``OPEN_CASES``."""
    return dict(zip(_POP, row, strict=True))


class StoredCases:
    """``hours`` counts business time; it may be replaced once the configuration is known."""

    def __init__(self, reading: Reading, writing: Writing, hours: WorkingTime | None = None):
        self._reading = reading
        self._writing = writing
        self.hours: WorkingTime = hours or AroundTheClock()

    async def types(self) -> list[CaseType]:
        """All types, retired ones too, in order."""
        return await self._reading(_types)

    async def put_type(self, kind: CaseType) -> None:
        """Create or replace; raises ``Refused``. Cases keep the phase that their state had."""
        check_type(kind)
        row = {**asdict(kind), "labels": json.dumps(kind.labels)}
        row["states"] = json.dumps([asdict(one) for one in kind.states])

        def work(connection: sa.Connection) -> None:
            which = case_types.c.code == kind.code
            if connection.execute(sa.update(case_types).where(which).values(row)).rowcount == 0:
                connection.execute(sa.insert(case_types).values(row))

        await self._writing(work)

    async def page(
        self,
        *,
        state: str | None = None,
        phase: str | None = None,
        type: str | None = None,
        owner: str | None = None,
        customer_id: str | None = None,
        interaction_id: str | None = None,
        due_before: float | None = None,
        text: str = "",
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Cases, what is due first first. ``phase`` ``active``: all that are not closed; ``owner`` ``""``: nobody's."""
        limit = max(1, min(limit, MOST_PER_PAGE))
        after = cursors.read(cursor, float, int) if cursor is not None else None

        def work(connection: sa.Connection) -> tuple[list[dict[str, Any]], str | None]:
            query = _JOINED.order_by(_SORT, _t.number)
            for one in _conditions(connection, state, phase, type, owner, customer_id, interaction_id, text):
                query = query.where(one)
            if due_before is not None:
                query = query.where(_t.due_at <= due_before)
            if after is not None:
                query = query.where(sa.tuple_(_SORT, _t.number) > sa.tuple_(*after))
            rows = connection.execute(query.limit(limit + 1)).all()
            found = [_view(row) for row in rows[:limit]]
            last = rows[limit - 1] if len(rows) > limit else None
            key = None if last is None else cursors.write(_FAR if last.due_at is None else last.due_at, last.number)
            return found, key

        return await self._reading.fresh(work)

    async def get(self, case_id: str) -> dict[str, Any]:
        """One case with its ``history``, newest first, and its ``interactions``. Raises ``NotFound``."""
        return await self._reading.fresh(lambda connection: _whole(connection, case_id))

    async def create(self, given: dict[str, Any], by: str, now: float) -> dict[str, Any]:
        """A new case: type, title, text, owner, customer_id, interaction_id. Raises ``Refused``."""

        def work(connection: sa.Connection) -> dict[str, Any]:
            case = self._opened(connection, given, by, now)
            connection.execute(sa.insert(cases).values(asdict(case)))
            _tell(connection, case.id, "opened", {"type": case.type, "state": case.state}, by, now)
            if given.get("interaction_id") is not None:
                _link(connection, case.id, given["interaction_id"], by, now)
            _show(connection, case)
            return _whole(connection, case.id)

        return await self._writing(work)

    def _opened(self, connection: sa.Connection, given: dict[str, Any], by: str, now: float) -> Case:
        kind = _type(connection, given.get("type"))
        if kind is None or kind.retired:
            raise Refused("type", "there is no such type")
        blank = Case(
            id=str(uuid.uuid4()), number=_number(connection), type=kind.code, state="", phase="open", title="",
            opened_at=now, opened_by=by, changed_at=now,
        )  # fmt: skip
        fields_given = {name: value for name, value in given.items() if name not in ("type", "interaction_id")}
        case = _laid(connection, opened(blank, kind, now, self.hours), {"title": None, **fields_given})
        if case.customer_id is None and given.get("interaction_id") is not None:
            case = replace(case, customer_id=_of_interaction(connection, given["interaction_id"]))
        return case

    async def change(self, case_id: str, given: dict[str, Any], by: str, now: float) -> dict[str, Any]:
        """Change these fields or the state; ``note``: a word for the history; ``version``: as it was seen.

        Raises ``NotFound``, ``Refused``, ``Conflict``.
        """

        def work(connection: sa.Connection) -> dict[str, Any]:
            old = _case(connection, case_id)
            if given.get("version", old.version) != old.version:
                raise Conflict("This entry was changed meanwhile.")
            new = self._changed(connection, old, given, now)
            new = replace(new, version=old.version + 1, changed_at=now)
            which = (_t.id == case_id) & (_t.version == old.version)
            if connection.execute(sa.update(cases).where(which).values(asdict(new))).rowcount == 0:
                raise Conflict("This entry was changed meanwhile.")
            _tell_changes(connection, old, new, paragraph("note", given.get("note"), 4_000), by, now)
            _show(connection, new)
            return _whole(connection, case_id)

        return await self._writing(work)

    def _changed(self, connection: sa.Connection, old: Case, given: dict[str, Any], now: float) -> Case:
        kind = _type(connection, given.get("type", old.type))
        if kind is None:
            raise Refused("type", "there is no such type")
        new = old
        if kind.code != old.type:
            fresh = opened(old, kind, old.opened_at, self.hours)
            new = replace(fresh, closed_at=None)
        if "state" in given and given["state"] != new.state:
            new = moved(new, kind, given["state"], now, self.hours)
        rest = {name: v for name, v in given.items() if name not in ("type", "state", "version", "note")}
        return _laid(connection, new, rest)

    async def link(self, case_id: str, interaction_id: str, by: str, now: float) -> dict[str, Any]:
        """Put an interaction of any channel into the case; again: nothing. Raises ``NotFound``."""

        def work(connection: sa.Connection) -> dict[str, Any]:
            case = _case(connection, case_id)
            if _link(connection, case_id, interaction_id, by, now) and case.customer_id is None:
                case = replace(case, customer_id=_of_interaction(connection, interaction_id))
                connection.execute(sa.update(cases).where(_t.id == case_id).values(customer_id=case.customer_id))
                _show(connection, case)
            return _whole(connection, case_id)

        return await self._writing(work)

    async def unlink(self, case_id: str, interaction_id: str, by: str, now: float) -> dict[str, Any]:
        """Take it out again. Raises ``NotFound``."""

        def work(connection: sa.Connection) -> dict[str, Any]:
            _case(connection, case_id)
            which = (_i.case_id == case_id) & (_i.interaction_id == interaction_id)
            if connection.execute(sa.delete(case_interactions).where(which)).rowcount == 0:
                raise NotFound(interaction_id)
            _tell(connection, case_id, "unlinked", {"interaction_id": interaction_id}, by, now)
            return _whole(connection, case_id)

        return await self._writing(work)


def _types(connection: sa.Connection) -> list[CaseType]:
    query = sa.select(case_types).order_by(case_types.c.position, case_types.c.code)
    return [_case_type(row) for row in connection.execute(query)]


def _type(connection: sa.Connection, code: object) -> CaseType | None:
    row = connection.execute(sa.select(case_types).where(case_types.c.code == code)).first()
    return None if row is None else _case_type(row)


def _case_type(row: Any) -> CaseType:
    stored = dict(row._mapping) | {"labels": json.loads(row.labels), "retired": bool(row.retired)}
    stored["states"] = [CaseState(**one) for one in json.loads(row.states)]
    return CaseType(**stored)


def _conditions(
    connection: sa.Connection,
    state: str | None,
    phase: str | None,
    kind: str | None,
    owner: str | None,
    customer_id: str | None,
    interaction_id: str | None,
    text: str,
) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    if state is not None:
        found.append(_t.state == state)
    if phase is not None:
        found.append(_t.phase != "closed" if phase == "active" else _t.phase == phase)
    if kind is not None:
        found.append(_t.type == kind)
    if owner is not None:
        found.append(_t.owner == owner if owner else _t.owner.is_(None))
    if customer_id is not None:
        found.append(_t.customer_id.in_(links.members(connection, customer_id)))
    if interaction_id is not None:
        found.append(_t.id.in_(sa.select(_i.case_id).where(_i.interaction_id == interaction_id)))
    if text.strip():
        found.append(_named(text.strip()))
    return found


def _named(text: str) -> sa.ColumnElement[bool]:
    """``#12``: by number; digits: number or title; else in the title."""
    digits = text.removeprefix("#")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
    in_title = _t.title.icontains(text, autoescape=True)
    if number is None:
        return in_title
    return _t.number == number if text != digits else in_title | (_t.number == number)


def _case(connection: sa.Connection, case_id: str) -> Case:
    row = connection.execute(sa.select(cases).where(_t.id == case_id)).first()
    if row is None:
        raise NotFound(case_id)
    return Case(**dict(row._mapping))


def _view(row: Any) -> dict[str, Any]:
    return dict(row._mapping)


def _whole(connection: sa.Connection, case_id: str) -> dict[str, Any]:
    row = connection.execute(_JOINED.where(_t.id == case_id)).first()
    if row is None:
        raise NotFound(case_id)
    told = connection.execute(sa.select(case_history).where(_h.case_id == case_id).order_by(_h.n.desc()))
    history = [{"at": one.at, "by": one.by, "what": one.what, "details": json.loads(one.details)} for one in told]
    return {**_view(row), "history": history, "interactions": _contacts(connection, case_id)}


def _contacts(connection: sa.Connection, case_id: str) -> list[dict[str, Any]]:
    c = interactions.c
    columns = (_i.interaction_id, _i.at.label("linked_at"), _i.by, c.channel, c.direction, c.started_at, c.outcome,
               c.queue, c.talk_seconds, c.notes)  # fmt: skip
    joined = case_interactions.outerjoin(interactions, c.id == _i.interaction_id)
    query = sa.select(*columns).select_from(joined).where(_i.case_id == case_id).order_by(_i.at.desc())
    return [dict(row._mapping) for row in connection.execute(query)]


def _number(connection: sa.Connection) -> int:
    """The next number; whoever else opens a case waits for our transaction."""
    change = sa.update(meta).where(meta.c.key == CASE_NUMBER).values(value=meta.c.value + 1).returning(meta.c.value)
    return int(connection.execute(change).scalar_one())


def _laid(connection: sa.Connection, case: Case, given: dict[str, Any]) -> Case:
    changes: dict[str, Any] = {}
    for name, value in given.items():
        match name:
            case "title":
                changes[name] = line("title", value)
            case "text":
                changes[name] = paragraph("text", value)
            case "owner":
                check_user(connection, value)
                changes[name] = value
            case "customer_id":
                customer_named(connection, value)
                changes[name] = value
            case "due_at":
                if value is not None and not 0 <= value < 1e11:
                    raise Refused("due_at", "is no time")
                changes |= {"due_at": value, "left_seconds": None}
            case _:
                raise Refused(name, "there is no such field")
    return replace(case, **changes)


def _of_interaction(connection: sa.Connection, interaction_id: str) -> str | None:
    try:
        return check_interaction(connection, interaction_id)
    except NotFound:
        raise Refused("interaction_id", "there is no such interaction") from None


def _link(connection: sa.Connection, case_id: str, interaction_id: str, by: str, now: float) -> bool:
    check_interaction(connection, interaction_id)
    which = (_i.case_id == case_id) & (_i.interaction_id == interaction_id)
    if connection.execute(sa.select(_i.case_id).where(which)).first() is not None:
        return False
    row = {"case_id": case_id, "interaction_id": interaction_id, "at": now, "by": by}
    connection.execute(sa.insert(case_interactions).values(row))
    _tell(connection, case_id, "linked", {"interaction_id": interaction_id}, by, now)
    return True


def _tell_changes(connection: sa.Connection, old: Case, new: Case, note: str | None, by: str, now: float) -> None:
    changes = differences(old, new)
    if changes:
        _tell(connection, old.id, "changed", changes, by, now)
    if note:
        _tell(connection, old.id, "noted", {"note": note}, by, now)


def _tell(connection: sa.Connection, case_id: str, what: str, details: dict[str, Any], by: str, now: float) -> None:
    newest = sa.select(sa.func.coalesce(sa.func.max(_h.n), 0)).where(_h.case_id == case_id)
    n = connection.execute(newest).scalar_one() + 1
    row = {"case_id": case_id, "n": n, "at": now, "by": by, "what": what, "details": json.dumps(details)}
    connection.execute(sa.insert(case_history).values(row))


def show_again(connection: sa.Connection, case_id: str) -> None:
    """Put it into the timeline and the search as it is now."""
    _show(connection, _case(connection, case_id))


def _show(connection: sa.Connection, case: Case) -> None:
    """In the customer's timeline and in the search."""
    notes = connection.execute(
        sa.select(_h.details).where(_h.case_id == case.id, _h.what == "noted").order_by(_h.n)
    ).scalars()
    text = "\n".join([case.text or "", *(json.loads(one)["note"] for one in notes)]).strip()
    title = f"#{case.number} {case.title}"
    doc = index.Doc(
        kind="case", ref=case.id, customer_id=case.customer_id, at=case.opened_at, title=title, text=text,
        agent=case.owner,
    )  # fmt: skip
    index.put(connection, doc)
    if case.customer_id is None:
        items.drop(connection, "case", case.id)
        return
    public = {"number": case.number, "type": case.type, "state": case.state, "phase": case.phase,
              "owner": case.owner, "due_at": case.due_at}  # fmt: skip
    item = items.Item("case", case.id, case.customer_id, case.opened_at, title, text, case.opened_by, public)
    items.put(connection, item)
