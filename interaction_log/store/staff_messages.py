"""What supervisors tell agents, what these answer, and who has read it. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.alarms import StaffMessage
from interaction_log.store.live_tables import staff_message_readers, staff_messages
from interaction_log.store.reading import Reading
from interaction_log.store.sealed_fields import open_value, seal_value
from interaction_log.store.writing import Writing

_m: Final = staff_messages.c
_r: Final = staff_message_readers.c
DELETED_AT_ONCE: Final = 500


class StoredMessages:
    """The text is sealed with the site's master key: somebody may have written of a customer."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading, self._writing = reading, writing

    async def put(self, one: StaffMessage) -> None:
        """A new one with those who get it; one that answers another counts as reading it."""
        await self._writing(partial(_put, one=one))

    async def read(self, message_id: str, agent: str, at: float) -> bool:
        """She has read it; ``False``: it was not to her, or she had before."""
        mine = (_r.message_id == message_id) & (_r.agent == agent) & _r.read_at.is_(None)
        change = sa.update(staff_message_readers).where(mine).values(read_at=at)
        return await self._writing(lambda connection: connection.execute(change).rowcount == 1)

    async def unread(self, since: float) -> list[StaffMessage]:
        """All that somebody has not read, written since then; oldest first."""
        waiting = sa.select(_r.message_id).where(_r.read_at.is_(None))
        return await self._reading(partial(_messages, which=_m.id.in_(waiting) & (_m.at >= since), limit=1_000))

    async def recent(self, limit: int = 50) -> list[StaffMessage]:
        """The last ones, oldest first."""
        return await self._reading(partial(_messages, which=sa.true(), limit=limit))

    async def forget(self, before: float) -> int:
        """Delete messages older than this, some at a time; how many."""
        return await self._writing(partial(_forget, before=before))


def _put(connection: sa.Connection, one: StaffMessage) -> None:
    row = {"id": one.id, "at": one.at, "by": one.by, "to": one.to, "urgent": one.urgent, "reply_to": one.reply_to}
    connection.execute(sa.insert(staff_messages).values(row | {"text": seal_value(one.id, one.text)}))
    readers = [{"message_id": one.id, "agent": agent, "read_at": at} for agent, at in one.readers.items()]
    if readers:
        connection.execute(sa.insert(staff_message_readers), readers)
    if one.reply_to is not None:
        answered = (_r.message_id == one.reply_to) & (_r.agent == one.by) & _r.read_at.is_(None)
        connection.execute(sa.update(staff_message_readers).where(answered).values(read_at=one.at))


def _messages(connection: sa.Connection, which: sa.ColumnElement[bool], limit: int) -> list[StaffMessage]:
    query = sa.select(staff_messages).where(which).order_by(_m.at.desc(), _m.id).limit(limit)
    rows = connection.execute(query).all()[::-1]
    readers = _readers(connection, [row.id for row in rows])
    return [_message(row, readers.get(row.id, {})) for row in rows]


def _readers(connection: sa.Connection, ids: Sequence[str]) -> dict[str, dict[str, float | None]]:
    found: dict[str, dict[str, float | None]] = {}
    for n in range(0, len(ids), DELETED_AT_ONCE):
        part = sa.select(staff_message_readers).where(_r.message_id.in_(ids[n : n + DELETED_AT_ONCE]))
        for row in connection.execute(part.order_by(_r.agent)):
            found.setdefault(row.message_id, {})[row.agent] = row.read_at
    return found


def _message(row: Any, readers: dict[str, float | None]) -> StaffMessage:
    text = open_value(row.id, row.text)
    return StaffMessage(
        id=row.id,
        at=row.at,
        by=row.by,
        to=row.to,
        text=text if isinstance(text, str) else "",
        urgent=bool(row.urgent),
        reply_to=row.reply_to,
        readers=readers,
    )


def _forget(connection: sa.Connection, before: float) -> int:
    old = sa.select(_m.id).where(_m.at < before).order_by(_m.at).limit(DELETED_AT_ONCE)
    ids = [row.id for row in connection.execute(old)]
    connection.execute(sa.delete(staff_message_readers).where(_r.message_id.in_(ids)))
    connection.execute(sa.delete(staff_messages).where(_m.id.in_(ids)))
    return len(ids)
