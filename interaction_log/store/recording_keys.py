"""Keys of recordings, one each; who erases a person deletes them, and every copy of the audio is noise."""

from __future__ import annotations

import os
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from interaction_log.recordings import RecordingFile
from interaction_log.store.master_key import KeyFault, MasterKey
from interaction_log.store.personal import FIRST, Personal, interaction, register
from interaction_log.store.reading import Reading
from interaction_log.store.recordings import recordings
from interaction_log.store.schema import metadata
from interaction_log.store.writing import Writing

recording_keys: Final = sa.Table(
    "recording_keys",
    metadata,
    sa.Column("recording_id", sa.String, primary_key=True),
    sa.Column("interaction_id", sa.String, nullable=False),
    sa.Column("wrapped", sa.String, nullable=False),  # under the site's master key (RFC 3394), base64
    sa.Column("sealed", sa.Boolean, nullable=False),  # the file is: only the sealed one is there any more
    sa.Index("recording_keys_of_interaction", "interaction_id"),
)
_k: Final = recording_keys.c
_r: Final = recordings.c

register(Personal(table=recording_keys, of=interaction(_k.interaction_id), erase="delete", export=False, order=FIRST))


class StoredRecordingKeys:
    """The keys, opened with the site's master key (``None``: nothing can be sealed or opened)."""

    def __init__(self, reading: Reading, writing: Writing, master: MasterKey | None):
        self._reading, self._writing, self._master = reading, writing, master

    async def key(self, recording_id: str) -> bytes | None:
        """``None``: there is none, it was destroyed, or another master key wrapped it."""
        query = sa.select(_k.wrapped).where(_k.recording_id == recording_id)
        wrapped = await self._reading.fresh(lambda connection: connection.execute(query).scalar())
        return self._master.unwrap(wrapped) if wrapped is not None and self._master is not None else None

    async def make(self, one: RecordingFile) -> bytes:
        """The key of this recording, made if there is none yet. Committed when this returns.

        Raises ``KeyFault`` without the master key."""
        if self._master is None:
            raise KeyFault("recordings cannot be sealed without the master key")
        known = await self.key(one.id)
        if known is not None:
            return known
        key = os.urandom(32)
        wrapped = self._master.wrap(key)
        row = {"recording_id": one.id, "interaction_id": one.interaction_id, "wrapped": wrapped, "sealed": False}
        await self._writing(lambda connection: connection.execute(sa.insert(recording_keys).values(row)))
        return key

    async def sealed(self, recording_id: str) -> None:
        """The file is sealed now."""
        done = sa.update(recording_keys).where(_k.recording_id == recording_id).values(sealed=True)
        await self._writing(lambda connection: connection.execute(done))

    async def open_ones(self, before: float, after_id: str, limit: int) -> list[RecordingFile]:
        """Recordings that ended before (Unix seconds) and are there in clear, by id from ``after_id`` on."""
        return await self._reading.fresh(partial(_open_ones, before=before, after_id=after_id, limit=limit))


def _open_ones(connection: sa.Connection, before: float, after_id: str, limit: int) -> list[RecordingFile]:
    done: Any = sa.exists().where(_k.recording_id == _r.id, _k.sealed.is_(sa.true()))
    finished = (_r.deleted_at.is_(None), _r.running.is_(sa.false()), _r.file != "", _r.ended_at < before)
    query = sa.select(recordings).where(*finished, ~done, _r.id > after_id).order_by(_r.id).limit(limit)
    return [RecordingFile(**row._mapping) for row in connection.execute(query)]
