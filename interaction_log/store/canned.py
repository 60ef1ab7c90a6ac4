"""Canned replies in the database."""

from __future__ import annotations

import json
import uuid
from dataclasses import asdict, replace
from typing import Any

import sqlalchemy as sa

from interaction_log.canned import CannedReply, checked
from interaction_log.records import Conflict, NotFound
from interaction_log.store.canned_tables import canned_replies
from interaction_log.store.reading import Reading
from interaction_log.store.writing import Writing

_c = canned_replies.c
_LISTS = ("texts", "queues", "teams")


class StoredCanned:
    """A few hundred at most, so they are read together."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading, self._writing = reading, writing

    async def all(self) -> list[CannedReply]:
        """By shortcut."""
        query = sa.select(canned_replies).order_by(_c.shortcut, _c.id)
        return await self._reading(lambda connection: [_reply(row) for row in connection.execute(query)])

    async def create(self, wanted: CannedReply) -> CannedReply:
        """A new one with an id of its own. Raises ``Refused``."""
        one = checked(replace(wanted, id=str(uuid.uuid4()), version=1))

        def work(connection: sa.Connection) -> CannedReply:
            connection.execute(sa.insert(canned_replies).values(_row(one)))
            return one

        return await self._writing(work)

    async def put(self, wanted: CannedReply) -> CannedReply:
        """Change one. Raises ``Refused``, ``NotFound``, ``Conflict`` (an old ``version``)."""
        one = checked(replace(wanted, version=wanted.version + 1))

        def work(connection: sa.Connection) -> CannedReply:
            mine = (_c.id == one.id) & (_c.version == wanted.version)
            if connection.execute(sa.update(canned_replies).where(mine).values(_row(one))).rowcount == 0:
                if connection.execute(sa.select(_c.id).where(_c.id == one.id)).first() is None:
                    raise NotFound(one.id)
                raise Conflict("This entry was changed meanwhile.")
            return one

        return await self._writing(work)


def _row(one: CannedReply) -> dict[str, Any]:
    return {
        name: json.dumps(value, ensure_ascii=False) if name in _LISTS else value for name, value in asdict(one).items()
    }


def _reply(row: Any) -> CannedReply:
    values = {name: getattr(row, name) for name in CannedReply.__dataclass_fields__}
    return CannedReply(**{name: json.loads(value) if name in _LISTS else value for name, value in values.items()})
