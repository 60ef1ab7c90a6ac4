"""What live counters begin with: the visits of queues since a moment, out of the projections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.events import Channel, QueueResult
from interaction_log.store.callbacks import callbacks
from interaction_log.store.engine import open_engine
from interaction_log.store.schema import interactions, queue_visits

_i: Final = interactions.c
_v: Final = queue_visits.c


@dataclass(frozen=True, slots=True)
class StoredVisit:
    """One stay in one queue. Times are Unix seconds; ``promised``: a callback was promised in it."""

    interaction_id: str
    pbx: str
    queue: str
    channel: Channel
    entered_at: float
    result: QueueResult | None
    wait: float | None
    later: bool
    running: bool
    promised: bool


def visits_since(url: str, since: float) -> list[StoredVisit]:
    """All visits of the interactions that entered a queue at ``since`` (Unix seconds) or later, in order of each.

    Blocks; call it after ``EventLog.open``, which drains the journal.
    """
    engine = open_engine(url, writes=False, size=1)
    try:
        with engine.connect() as connection:
            return read(connection, since)
    finally:
        engine.dispose()


def read(connection: sa.Connection, since: float) -> list[StoredVisit]:
    """The same on a connection."""
    mine = sa.select(_v.interaction_id).where(_v.entered_at >= float(since)).distinct()
    last = sa.func.max(_v.n).over(partition_by=_v.interaction_id)
    query = (
        sa.select(
            _v.interaction_id,
            _i.pbx,
            _v.queue,
            _i.channel,
            _v.entered_at,
            _v.result,
            _v.wait_seconds,
            _v.n < last,
            _i.ended.is_(sa.false()),
            sa.exists().where(callbacks.c.requested_in == _v.interaction_id),
        )
        .join(interactions, _i.id == _v.interaction_id)
        .where(_v.interaction_id.in_(mine))
        .order_by(_v.interaction_id, _v.n)
    )
    return [_visit(row) for row in connection.execute(query)]


def _visit(row: Any) -> StoredVisit:
    of, pbx, queue, channel, entered_at, result, wait, later, running, promised = row
    flags = {"later": bool(later), "running": bool(running), "promised": bool(promised)}
    return StoredVisit(of, pbx, queue, channel, entered_at or 0.0, result, wait, **flags)
