"""What the distributor of chats, mails and callbacks heard in a period, for ``cti route replay``."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from interaction_log.events import DistributorTold
from interaction_log.store.reading import Reading
from interaction_log.store.rows import from_row
from interaction_log.store.schema import events

_OURS: Final = events.c.type == DistributorTold.__name__
_BEGUN: Final = events.c.payload.like('%"what":"started"%')
"""The first that a process told: its distributor begins with nothing."""


class StoredTold:
    """Read in the order in which it was heard."""

    def __init__(self, reading: Reading):
        self._reading = reading

    async def of(self, start: float, end: float) -> list[DistributorTold]:
        """All until ``end`` (Unix seconds), from the last start of the program before ``start`` on: what was heard
        before the period tells who was there when it began. Events that expired are not among them."""

        def work(connection: sa.Connection) -> list[Any]:
            before = sa.select(sa.func.max(events.c.seq)).where(_OURS, _BEGUN, events.c.at <= start)
            first = connection.execute(before).scalar() or 0
            wanted = sa.select(events).where(_OURS, events.c.seq >= first, sa.or_(_UNTIMED, events.c.at < end))
            return [tuple(row) for row in connection.execute(wanted.order_by(events.c.seq))]

        found = (from_row(row) for row in await self._reading.fresh(work))
        return [one for one in found if isinstance(one, DistributorTold)]


_UNTIMED: Final = events.c.at.is_(None)
"""What a start takes over (``holds``) has no time of its own."""
