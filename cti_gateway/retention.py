"""Deletes recordings whose time is over, at the start and then daily, and says so in the log."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final, Literal

from agent_console.recordings import RecordingPlaces
from interaction_log import events as e
from interaction_log.recordings import RecordingFile
from routing import commands as c
from routing.ports import Recordings

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)

DAY_SECONDS: Final = 86_400.0
PAGE: Final = 200
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(slots=True)
class Swept:
    """What one sweep did. ``missing``: the file was gone already; ``kept``: it could not be deleted."""

    deleted: int = 0
    missing: int = 0
    kept: int = 0


class Retention:
    """``days``: how long a recording stays after its end. ``wall``: Unix seconds."""

    def __init__(
        self, hub: Hub, stored: Recordings, places: RecordingPlaces, days: int, wall: Callable[[], float]
    ) -> None:
        self._hub, self._stored, self._places, self._days, self._wall = hub, stored, places, days, wall
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Sweep now and daily."""
        self._task = asyncio.get_running_loop().create_task(self._daily())

    async def stop(self) -> None:
        """Sweep no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _daily(self) -> None:
        while True:
            try:
                await self._look_at_folders()
                await self.sweep()
            except Exception:
                log.exception("old recordings could not be deleted; tried again tomorrow")
            await asyncio.sleep(DAY_SECONDS)

    async def _look_at_folders(self) -> None:
        """A folder that cannot be written is better known before the first file is too old."""
        for pbx in self._hub.pbxs:
            folder = self._places.folder.format(pbx=pbx)
            if not await asyncio.to_thread(os.access, folder, os.R_OK | os.W_OK | os.X_OK):
                log.error("PBX %s: the folder of recordings cannot be read and written: %s", pbx, folder)

    async def sweep(self) -> Swept:
        """Delete what is too old; people are told of what could not be deleted."""
        done, last = Swept(), ""
        before = self._wall() - self._days * DAY_SECONDS
        while page := await self._stored.older_than(before, last, PAGE):
            for one in page:
                await self._delete(one, done)
            last = page[-1].id
        if done.deleted or done.missing or done.kept:
            log.info("recordings: %d deleted, %d were gone, %d kept", done.deleted, done.missing, done.kept)
        if done.kept:
            self._hub.carry_out(c.NotifySupervisors("error", "recordings_not_deleted", {"count": str(done.kept)}))
        return done

    async def _delete(self, one: RecordingFile, done: Swept) -> None:
        place = self._places.find(one)
        result = await asyncio.to_thread(remove_within, *place) if place is not None else "kept"
        setattr(done, result, getattr(done, result) + 1)
        if result == "kept":
            log.warning("the file of recording %s is not where recordings are, or cannot be deleted", one.id)
            return
        at = self._wall()
        reason: Literal["retention", "missing"] = "retention" if result == "deleted" else "missing"
        gone = e.RecordingDeleted(at=at, interaction_id=one.interaction_id, recording_id=one.id, reason=reason)
        await self._hub.log.durable(self._hub.take([gone]))
        await self._stored.deleted(one.id, at)


def remove_within(folder: Path, name: str) -> Literal["deleted", "missing", "kept"]:
    """Delete the regular file ``name`` beneath ``folder``, following no symbolic link on the way. Blocks.

    ``missing``: the folder is there and the file is not. A folder that is away (not mounted) proves nothing: ``kept``.
    """
    parts = PurePosixPath(name).parts
    if not parts or "\0" in name or name.startswith("/") or ".." in parts:
        return "kept"
    try:
        place = os.open(folder, _DIRECTORY)
    except OSError:
        return "kept"
    try:
        for part in parts[:-1]:
            below = os.open(part, _DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
            os.close(place)
            place = below
        if not stat.S_ISREG(os.stat(parts[-1], dir_fd=place, follow_symlinks=False).st_mode):
            return "kept"
        os.unlink(parts[-1], dir_fd=place)
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "kept"
    finally:
        os.close(place)
    return "deleted"
