"""The missed calls: their tables, and what people read and do. ``missed_projection`` keeps them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.messages import StoredMessage
from interaction_log.missed import MissedCall, MissedPage, MissedState, Work, refusal
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import cursor as cursors
from interaction_log.store.links import head_of
from interaction_log.store.reading import Reading
from interaction_log.store.schema import customers, metadata
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


def clean(text: str | None) -> str | None:
    """As both databases can hold it."""
    return None if text is None else text.replace("\0", "").encode("utf-8", "replace").decode()


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
    values |= {name: clean(v) for name, v in (("result", work.result), ("note", work.note)) if v is not None}
    which = (_m.id == entry_id) & (_m.version == work.version)  # again, for a writer between the two
    if connection.execute(sa.update(missed_calls).where(which).values(values)).rowcount == 0:
        raise Conflict("This entry was changed meanwhile.")
    return _one(connection, entry_id)
