"""The recordings, found by their opaque id, and by age for those who delete them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.interaction import Interaction
from interaction_log.recordings import RecordingFile
from interaction_log.records import NotFound
from interaction_log.store.reading import Reading
from interaction_log.store.schema import interactions, metadata
from interaction_log.store.writing import Writing

MOST_AT_ONCE: Final = 1_000

recordings: Final = sa.Table(
    "recordings",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("interaction_id", sa.String, nullable=False),
    sa.Column("pbx", sa.String, nullable=False),
    sa.Column("queue", sa.String),
    sa.Column("started_at", sa.Double),
    sa.Column("ended_at", sa.Double),
    sa.Column("running", sa.Boolean, nullable=False),
    sa.Column("file", sa.String, nullable=False),
    sa.Column("deleted_at", sa.Double),
    sa.Index("recordings_of_interaction", "interaction_id"),
)
_r: Final = recordings.c
_kept: Final = _r.deleted_at.is_(None)
sa.Index("recordings_kept", _r.ended_at, sqlite_where=_kept, postgresql_where=_kept)


def project(connection: sa.Connection, changed: Iterable[Interaction]) -> None:
    """Take in interactions as they are now; the same again changes nothing. In the writer's transaction."""
    for one in changed:
        for recording in one.recordings:
            row: dict[str, Any] = {
                "interaction_id": one.id,
                "pbx": _clean(one.pbx),
                "queue": _clean(one.queue) if one.queue is not None else None,
                "started_at": recording.start,
                "ended_at": recording.end,
                "running": recording.open,
                "file": _clean(recording.file),
            }
            if recording.deleted_at is not None:  # who deleted it may have said so before
                row["deleted_at"] = recording.deleted_at
            here = sa.update(recordings).where(_r.id == recording.id)
            if connection.execute(here.values(row)).rowcount == 0:
                connection.execute(sa.insert(recordings).values(id=recording.id, **row))


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode()


class StoredRecordings:
    """As ``routing.ports.Recordings``."""

    def __init__(self, reading: Reading, writing: Writing):
        self._reading = reading
        self._writing = writing

    async def get(self, recording_id: str) -> RecordingFile:
        """Raises ``NotFound``."""
        query = sa.select(recordings).where(_r.id == recording_id)
        row = await self._reading.fresh(lambda connection: connection.execute(query).first())
        if row is None:
            raise NotFound(recording_id)
        return RecordingFile(**row._mapping)

    async def older_than(self, before: float, after_id: str, limit: int) -> list[RecordingFile]:
        """Finished ones that ended before, with a file that is still there, by id from ``after_id`` on."""
        query = sa.select(recordings).where(
            _kept, _r.running.is_(sa.false()), _r.file != "", _r.ended_at < before, _r.id > after_id
        )
        query = query.order_by(_r.id).limit(max(1, min(limit, MOST_AT_ONCE)))
        rows = await self._reading.fresh(lambda connection: connection.execute(query).all())
        return [RecordingFile(**row._mapping) for row in rows]

    async def deleted(self, recording_id: str, at: float) -> None:
        """The file is gone. Also where the events of its interaction have expired, so that no log can say it."""
        await self._writing(partial(_deleted, recording_id=recording_id, at=at))


def _deleted(connection: sa.Connection, recording_id: str, at: float) -> None:
    connection.execute(sa.update(recordings).where(_r.id == recording_id, _kept).values(deleted_at=at))
    of = connection.execute(sa.select(_r.interaction_id).where(_r.id == recording_id)).scalar()
    text = connection.execute(sa.select(interactions.c.public).where(interactions.c.id == of)).scalar()
    if text is None:
        return
    public = json.loads(text)
    for one in public.get("recordings", []):
        if one.get("id") == recording_id:
            one["deleted_at"] = one.get("deleted_at") or at
    changed = json.dumps(public, ensure_ascii=False, separators=(",", ":"))
    connection.execute(sa.update(interactions).where(interactions.c.id == of).values(public=changed))
