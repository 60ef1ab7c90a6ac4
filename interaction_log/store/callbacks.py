"""The callbacks: one row each, the open ones found by PBX and queue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import sqlalchemy as sa

from interaction_log.callback import OPEN, Callback
from interaction_log.store.reading import Reading
from interaction_log.store.schema import metadata
from interaction_log.store.writing import Writing

callbacks: Final = sa.Table(
    "callbacks",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("pbx", sa.String, nullable=False),
    sa.Column("queue", sa.String, nullable=False),
    sa.Column("address", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("since", sa.Double, nullable=False),
    sa.Column("requested_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("not_before", sa.Double, nullable=False),
    sa.Column("requested_in", sa.String),
    sa.Column("result", sa.String),
    sa.Column("way", sa.String, nullable=False, server_default="queue"),
    sa.Index("callbacks_by_state", "state", "since"),
    sa.Index("callbacks_by_address", "address"),
)


class StoredCallbacks:
    """Who changes a callback writes it whole; one process leads, so that nobody else does."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing

    async def open(self) -> list[Callback]:
        """Those that wait or are being dialled, in order of their places."""
        query = sa.select(callbacks).where(callbacks.c.state.in_(sorted(OPEN))).order_by(callbacks.c.since)
        rows = await self._reading(lambda connection: connection.execute(query).all())
        return [Callback(**row._mapping) for row in rows]

    async def recent(self, limit: int) -> list[Callback]:
        """The last ones by the time at which they were asked for, newest first."""
        query = sa.select(callbacks).order_by(callbacks.c.requested_at.desc()).limit(max(1, min(limit, 1_000)))
        rows = await self._reading(lambda connection: connection.execute(query).all())
        return [Callback(**row._mapping) for row in rows]

    async def put(self, one: Callback) -> None:
        """Create or replace it."""
        row = asdict(one)

        def work(connection: sa.Connection) -> None:
            if connection.execute(sa.update(callbacks).where(callbacks.c.id == one.id).values(row)).rowcount == 0:
                connection.execute(sa.insert(callbacks).values(row))

        await self._writing(work)
