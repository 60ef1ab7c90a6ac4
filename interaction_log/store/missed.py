"""The missed calls: kept up by the log's writer in the transaction of the interactions, worked by people beside it.

The writer never reads a decision of people to write it back: what both may change is changed by conditions in SQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.interaction import Interaction
from interaction_log.messages import StoredMessage
from interaction_log.missed import (
    MissedCall,
    MissedPage,
    MissedState,
    Work,
    is_failed_call,
    is_missed,
    reached_at,
    refusal,
)
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import cursor as cursors
from interaction_log.store.links import head_of
from interaction_log.store.reading import Reading
from interaction_log.store.schema import customers, metadata
from interaction_log.store.statements import Among
from interaction_log.store.writing import Writing

MOST_PER_PAGE: Final = 1_000
KEPT_SECONDS: Final = 14 * 86_400.0
"""Nobody calls back after two weeks: what is open for longer is not shown any more."""
LONGEST_NOTE: Final = 2_000
_IDS: Final = 400  # values in one IN (…)

missed_calls: Final = sa.Table(
    "missed_calls",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("number", sa.String),
    sa.Column("pbx", sa.String, nullable=False),
    sa.Column("queue", sa.String),
    sa.Column("name", sa.String),
    sa.Column("customer_id", sa.String),
    sa.Column("first_at", sa.Double, nullable=False),
    sa.Column("last_at", sa.Double, nullable=False),
    sa.Column("waited_seconds", sa.Double),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("worked_by", sa.String),
    sa.Column("changed_at", sa.Double),
    sa.Column("result", sa.String),
    sa.Column("note", sa.Text),
    sa.Column("resolved_by", sa.String),
    sa.Column("call_id", sa.String),
    sa.Column("call_outcome", sa.String),
    sa.Column("called_at", sa.Double),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Index("missed_by_state", "state", "last_at", "id"),
    sa.Index("missed_of_customer", "customer_id"),
    sa.Index("missed_by_number", "number"),
)
_m: Final = missed_calls.c
_todo: Final = _m.state != "done"
sa.Index("missed_open_by_number", _m.number, sqlite_where=_todo, postgresql_where=_todo)

missed_tries: Final = sa.Table(
    "missed_tries",
    metadata,
    sa.Column("interaction_id", sa.String, primary_key=True),
    sa.Column("entry", sa.String, nullable=False),
    sa.Index("tries_of_entry", "entry"),
)

voicemails: Final = sa.Table(
    "voicemails",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("interaction_id", sa.String, nullable=False),
    sa.Column("entry", sa.String),  # of missed_calls
    sa.Column("pbx", sa.String, nullable=False),
    sa.Column("mailbox", sa.String, nullable=False),
    sa.Column("at", sa.Double),
    sa.Column("seconds", sa.Double),
    sa.Column("file", sa.String),
    sa.Column("pbx_id", sa.String),
    sa.Column("heard_by", sa.String),
    sa.Column("heard_at", sa.Double),
    sa.Index("voicemails_of_entry", "entry"),
    sa.Index("voicemails_of_interaction", "interaction_id"),
)
_v: Final = voicemails.c

_TRIES: Final = Among(sa.select(missed_tries), missed_tries.c.interaction_id)
_OPEN: Final = Among(sa.select(_m.number).where(_m.state != sa.literal_column("'done'")), _m.number)


# --- kept up by the writer -----------------------------------------------------------------------


def project(connection: sa.Connection, changed: Sequence[Interaction]) -> None:
    """Take in interactions as they are now; the same again changes nothing. In the writer's transaction."""
    missed = sorted((one for one in changed if is_missed(one)), key=lambda one: one.started_at or 0.0)
    known = _known(connection, [one.id for one in missed])
    for one in missed:
        if one.id in known:
            _identified(connection, known[one.id], one)
        else:
            known[one.id] = _tried(connection, one)
        _messages(connection, known[one.id], one)
    called = [one for one in changed if reached_at(one) is not None or is_failed_call(one)]
    waiting = _waiting(connection, {number for one in called if (number := _clean(one.customer_address))})
    for one in called:
        if _clean(one.customer_address) in waiting:
            _called(connection, one)


def _known(connection: sa.Connection, ids: list[str]) -> dict[str, str]:
    return {row.interaction_id: row.entry for row in _TRIES(connection, ids)}


def _waiting(connection: sa.Connection, numbers: set[str]) -> set[str]:
    """Those of these numbers that are on the list. Nearly always none, by one look into a small index."""
    return {row.number for row in _OPEN(connection, sorted(numbers))}


def _tried(connection: sa.Connection, one: Interaction) -> str:
    """A further try of a number that is on the list, or a new entry. Without a number each call is its own."""
    at, number = one.started_at or 0.0, _clean(one.customer_address) or None
    last = {
        "pbx": _clean(one.pbx),
        "queue": _clean(_queue_of(one)),
        "last_at": at,
        "waited_seconds": one.wait_seconds,
        "outcome": one.outcome,
    }
    entry = None
    if number is not None:
        newest = sa.select(_m.id).where(_todo, _m.number == number).order_by(_m.last_at.desc()).limit(1)
        entry = connection.execute(newest).scalar()
    if entry is None:
        entry = one.id
        who = {"number": number, "name": _clean(one.customer_name), "customer_id": one.customer_id}
        row = {"id": entry, "first_at": at, "tries": 1, "state": "open", "version": 1, **who, **last}
        connection.execute(sa.insert(missed_calls).values(row))
    else:
        more = {"tries": _m.tries + 1, "version": _m.version + 1}
        connection.execute(sa.update(missed_calls).where(_m.id == entry).values(**last, **more))
        _identified(connection, entry, one)
    connection.execute(sa.insert(missed_tries).values(interaction_id=one.id, entry=entry))
    return entry


def _identified(connection: sa.Connection, entry: str, one: Interaction) -> None:
    """Who it was may become known after the call."""
    if one.customer_id is not None:
        which = (_m.id == entry) & (_m.customer_id.is_distinct_from(one.customer_id))
        connection.execute(sa.update(missed_calls).where(which).values(customer_id=one.customer_id))


def _queue_of(one: Interaction) -> str | None:
    """Who works it: the queue that he waited in, else that of the mailbox."""
    return one.queue or next((m.queue for m in reversed(one.messages) if m.queue is not None), None)


def _messages(connection: sa.Connection, entry: str, one: Interaction) -> None:
    """The messages of this call, with what is known of them now."""
    for m in one.messages:
        told = {"at": m.at, "seconds": m.seconds, "file": _clean(m.file), "pbx_id": _clean(m.pbx_id)}
        if connection.execute(sa.update(voicemails).where(_v.id == m.id).values(told)).rowcount == 0:
            where = {"id": m.id, "interaction_id": one.id, "entry": entry}
            place = {"pbx": _clean(one.pbx), "mailbox": _clean(m.mailbox)}
            connection.execute(sa.insert(voicemails).values(where | place | told))
    queue = _clean(_queue_of(one))
    if one.messages and queue is not None:
        without = (_m.id == entry) & _m.queue.is_(None)
        connection.execute(sa.update(missed_calls).where(without).values(queue=queue))


_unheard: Final = sa.exists().where(_v.entry == _m.id, _v.heard_at.is_(None))


def _called(connection: sa.Connection, one: Interaction) -> None:
    """The number was reached, by whichever call; or we called and reached nobody.

    A message that nobody has heard keeps its entry open, unless this is the call back: it may be about something else.
    """
    reached, at = reached_at(one), one.started_at or 0.0
    here = _todo & (_m.number == _clean(one.customer_address))
    if reached is not None:
        done = {"state": "done", "resolved_by": one.id, "changed_at": reached, "version": _m.version + 1}
        before = here & (_m.last_at <= reached)
        connection.execute(sa.update(missed_calls).where(before, (_m.state == "calling") | ~_unheard).values(done))
        talked = {"call_id": one.id, "call_outcome": "answered", "called_at": at, "version": _m.version + 1}
        connection.execute(sa.update(missed_calls).where(before, _m.call_id.is_distinct_from(one.id)).values(talked))
        return
    newer = sa.or_(_m.called_at.is_(None), _m.called_at < at)
    failed = {
        "state": "open",
        "call_id": one.id,
        "call_outcome": one.outcome,
        "called_at": at,
        "version": _m.version + 1,
    }
    connection.execute(sa.update(missed_calls).where(here, newer, _m.first_at <= at).values(failed))


def _clean(text: str | None) -> str | None:
    return None if text is None else text.replace("\0", "").encode("utf-8", "replace").decode()


# --- read and worked by people -------------------------------------------------------------------


class StoredMissed:
    """The list, and what people do with it."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing

    async def page(
        self, *, state: MissedState | None, queue: str | None, limit: int, cursor: str | None, now: float
    ) -> MissedPage:
        """Entries newest first; ``state`` ``None``: all that is to be done. Raises ``Refused`` for a foreign cursor."""
        after = cursors.read(cursor, float, str) if cursor is not None else None
        limit = max(1, min(limit, MOST_PER_PAGE))
        query = _query(state, queue, now)
        if after is not None:
            query = query.where(sa.tuple_(_m.last_at, _m.id) < sa.tuple_(*after))
        rows, counts = await self._reading.fresh(partial(_read, query=query.limit(limit + 1), now=now))
        last = rows[limit - 1] if len(rows) > limit else None
        following = None if last is None else cursors.write(last.last_at, last.id)
        return MissedPage(rows[:limit], following, counts.get("open", 0), counts.get("calling", 0))

    async def get(self, entry_id: str) -> MissedCall:
        """One entry. Raises ``NotFound``."""
        return await self._reading.fresh(partial(_one, entry_id=entry_id))

    async def work(self, entry_id: str, work: Work) -> MissedCall:
        """Change an entry; the entry as it is then. Raises ``NotFound``, ``Conflict`` or ``Refused``."""
        if work.note is not None and len(work.note) > LONGEST_NOTE:
            raise Refused("note", f"at most {LONGEST_NOTE} characters")
        return await self._writing(partial(_work, entry_id=entry_id, work=work))

    async def message(self, message_id: str) -> StoredMessage:
        """One message. Raises ``NotFound``."""
        return await self._reading(partial(_message, message_id=message_id))

    async def known_messages(self, pbx: str, since: float) -> set[str]:
        """What the PBX calls the messages that are known and were left since then (Unix seconds)."""
        query = sa.select(_v.pbx_id).where(_v.pbx == pbx, _v.pbx_id.is_not(None), _v.at >= since)
        return await self._reading(lambda connection: set(connection.execute(query).scalars()))

    async def heard(self, message_id: str, by: str, at: float) -> StoredMessage:
        """Somebody played it; the first one stays. Raises ``NotFound``."""

        def work(connection: sa.Connection) -> StoredMessage:
            which = (_v.id == message_id) & _v.heard_at.is_(None)
            connection.execute(sa.update(voicemails).where(which).values(heard_by=by, heard_at=at))
            return _message(connection, message_id)

        return await self._writing(work)


_COLUMNS: Final = (*missed_calls.c, customers.c.name.label("customer_name"))
_JOINED: Final = sa.select(*_COLUMNS).select_from(
    missed_calls.outerjoin(customers, customers.c.id == head_of(missed_calls.c.customer_id))
)


def _query(state: MissedState | None, queue: str | None, now: float) -> sa.Select[Any]:
    query = _JOINED.where(_m.state.in_(["open", "calling"] if state is None else [state]))
    if state != "done":
        query = query.where(_m.last_at >= now - KEPT_SECONDS)
    if queue is not None:
        query = query.where(_m.queue == queue)
    return query.order_by(_m.last_at.desc(), _m.id.desc())


def _read(connection: sa.Connection, query: sa.Select[Any], now: float) -> tuple[list[MissedCall], dict[str, int]]:
    fresh = _m.last_at >= now - KEPT_SECONDS
    counts = sa.select(_m.state, sa.func.count()).where(_m.state.in_(["open", "calling"]), fresh).group_by(_m.state)
    entries = _entries(connection, connection.execute(query).all())
    return entries, {row[0]: row[1] for row in connection.execute(counts)}


_OWN: Final = tuple(f.name for f in fields(MissedCall) if f.name != "messages")
_MESSAGE: Final = tuple(f.name for f in fields(StoredMessage))


def _entries(connection: sa.Connection, rows: Sequence[Any]) -> list[MissedCall]:
    """The entries of these rows, with their messages."""
    found = {row.id: MissedCall(**{name: getattr(row, name) for name in _OWN}) for row in rows}
    ids = list(found)
    for n in range(0, len(ids), _IDS):
        query = sa.select(voicemails).where(_v.entry.in_(ids[n : n + _IDS])).order_by(_v.at, _v.id)
        for row in connection.execute(query):
            found[row.entry].messages.append(_stored(row))
    return list(found.values())


def _stored(row: Any) -> StoredMessage:
    return StoredMessage(**{name: getattr(row, name) for name in _MESSAGE})


def _message(connection: sa.Connection, message_id: str) -> StoredMessage:
    row = connection.execute(sa.select(voicemails).where(_v.id == message_id)).first()
    if row is None:
        raise NotFound(message_id)
    return _stored(row)


def _one(connection: sa.Connection, entry_id: str) -> MissedCall:
    row = connection.execute(_JOINED.where(_m.id == entry_id)).first()
    if row is None:
        raise NotFound(entry_id)
    return _entries(connection, [row])[0]


def _work(connection: sa.Connection, entry_id: str, work: Work) -> MissedCall:
    why = refusal(_one(connection, entry_id), work)
    if why is not None:
        raise Conflict(why)
    values: dict[str, Any] = {"state": work.state, "changed_at": work.at, "version": work.version + 1}
    values["worked_by"] = None if work.state == "open" else work.by
    values |= {name: _clean(v) for name, v in (("result", work.result), ("note", work.note)) if v is not None}
    which = (_m.id == entry_id) & (_m.version == work.version)  # again, for a writer between the two
    if connection.execute(sa.update(missed_calls).where(which).values(values)).rowcount == 0:
        raise Conflict("This entry was changed meanwhile.")
    return _one(connection, entry_id)
