"""Seals the files of recordings when their calls are over, in the place where the PBX wrote them.

A key is committed first, then the sealed copy is written beside the file and put in its place: whatever is cut off in
between leaves a file that is read as it is, and is sealed with the next look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agent_console.files import NotThere, directory_within, open_within
from agent_console.recordings import RecordingPlaces
from interaction_log.recordings import RecordingFile
from interaction_log.store.recording_keys import StoredRecordingKeys
from interaction_log.store.sealed_files import Unreadable, is_sealed, seal

log = logging.getLogger(__name__)

SETTLED_SECONDS: Final = 30.0
"""The PBX closes the file and a site's own mixing may follow; so long after the call nobody writes any more."""
LOOK_SECONDS: Final = 30.0
AT_ONCE: Final = 100
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class RecordingSeals:
    """``failed(count)`` tells that so many could not be sealed, when their number changes."""

    def __init__(
        self,
        keys: StoredRecordingKeys,
        places: RecordingPlaces,
        wall: Callable[[], float],
        failed: Callable[[int], None],
    ) -> None:
        self._keys, self._places, self._wall, self._tell = keys, places, wall, failed
        self._failed = 0
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look now and every half minute."""
        self._loop = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Seal no more."""
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("recordings could not be sealed; tried again soon")
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Seal what is finished; returns how many files."""
        done, failed, after = 0, 0, ""
        while found := await self._keys.open_ones(self._wall() - SETTLED_SECONDS, after, AT_ONCE):
            for one in found:
                after = one.id
                sealed = await self._seal(one)
                done, failed = done + (sealed is True), failed + (sealed is None)
        if failed != self._failed:
            self._failed = failed
            self._tell(failed)
        return done

    async def _seal(self, one: RecordingFile) -> bool | None:
        """``False``: there is nothing to seal; ``None``: it did not work."""
        place = self._places.find(one)
        if place is None or not await asyncio.to_thread(_is_there, *place):
            return False
        key = await self._keys.make(one)
        try:
            await asyncio.to_thread(_replace, *place, key, one.id)
        except (OSError, Unreadable) as error:
            log.warning("the recording %s could not be sealed: %s", one.id, type(error).__name__)
            return None
        await self._keys.sealed(one.id)
        return True


def _is_there(folder: Path, name: str) -> bool:
    try:
        open_within(folder, name).close()
    except NotThere:
        return False
    return True


def _replace(folder: Path, name: str, key: bytes, of: str) -> None:
    """Put the sealed file in the place of the plain one. Blocks."""
    with open_within(folder, name) as file:
        if is_sealed(file):
            return
        place, leaf = directory_within(folder, name)
        draft = f".{secrets.token_hex(8)}.sealing"
        try:
            with os.fdopen(os.open(draft, _NEW, 0o640, dir_fd=place), "wb") as into:
                seal(file, into, key, of)
            os.replace(draft, leaf, src_dir_fd=place, dst_dir_fd=place)
            os.fsync(place)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft, dir_fd=place)
            os.close(place)
