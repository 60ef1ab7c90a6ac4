"""Deletes what is over, at the start and then daily, and does the erasures that were asked for.

Files go before the rows that name them; rows go in small transactions, so that the log's writer never waits long.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final, Literal

from agent_console.files import NotThere, open_within
from agent_console.mailbox import audio
from agent_console.recordings import RecordingKeys, RecordingPlaces
from interaction_log import events as e
from interaction_log.privacy import erase, export
from interaction_log.privacy.erase import StoredFile
from interaction_log.privacy.stored import Erasure, Removed, StoredPrivacy
from interaction_log.recordings import RecordingFile
from interaction_log.store import retention as rules
from interaction_log.store.chat_folder import ChatFolder
from interaction_log.store.personal import Person
from interaction_log.store.retention import Rule, What
from interaction_log.store.sealed_files import Unreadable, content, whole
from routing import commands as c
from routing.ports import Recordings

if TYPE_CHECKING:
    from cti_gateway.hub import Hub
    from interaction_log.store import Store

log = logging.getLogger(__name__)

DAY_SECONDS: Final = 86_400.0
PAGE: Final = 200
PENDING_SECONDS: Final = 60.0
"""So often we look whether the command line asked for an erasure, and try again what could not be deleted."""
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

    async def look_at_folders(self) -> None:
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
                await self.delete(one, done)
            last = page[-1].id
        self.tell(done)
        return done

    def tell(self, done: Swept) -> None:
        """Say what was done, and what could not be."""
        if done.deleted or done.missing or done.kept:
            log.info("recordings: %d deleted, %d were gone, %d kept", done.deleted, done.missing, done.kept)
        if done.kept:
            self._hub.carry_out(c.NotifySupervisors("error", "recordings_not_deleted", {"count": str(done.kept)}))

    async def delete(self, one: RecordingFile, done: Swept) -> None:
        """Delete one file, and say so in the log."""
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


class SiteFiles:
    """The files of recordings (``places``) and of messages (``folders``: the voicemail folder of each PBX)."""

    def __init__(
        self,
        places: RecordingPlaces | None,
        folders: Mapping[str, Path],
        keys: RecordingKeys | None = None,
        chats: ChatFolder | None = None,
    ) -> None:
        """``keys``: of recordings that are sealed; ``chats``: where the files of chats are."""
        self._places, self._folders, self._keys, self._chats = places, folders, keys, chats

    async def remove(self, one: StoredFile) -> Removed:
        """``kept``: no folder is configured for it, or the file is not where it should be."""
        return await asyncio.to_thread(self._remove, one)

    def _remove(self, one: StoredFile) -> Removed:
        if one.kind == "chat":
            return self._remove_sent(one.id)
        if one.kind == "recording":
            place = self._recording(one)
            return "kept" if place is None else remove_within(*place)
        folder = self._folders.get(one.row["pbx"])
        if folder is None:
            return "kept"
        name = audio(folder, one.row["mailbox"], one.row["file"], one.row["pbx_id"])
        if name is None:
            return "missing"
        results = {remove_within(folder, str(PurePosixPath(name).with_suffix(end))) for end in _MESSAGE_FILES}
        return "kept" if "kept" in results else "deleted"

    def _remove_sent(self, of: str) -> Removed:
        if self._chats is None:
            return "kept"
        try:
            return "deleted" if self._chats.remove_now(of) else "missing"
        except OSError:
            return "kept"

    async def read(self, one: StoredFile) -> tuple[str, bytes] | None:
        """Ending and content; ``None``: it is not there, or nobody can read it any more."""
        if one.kind == "chat":
            sent = await self._chats.read(one.id) if self._chats is not None else None
            return ("", sent) if sent is not None else None
        of_call = one.kind == "recording" and self._keys is not None
        key = await self._keys.key(one.id) if of_call and self._keys is not None else None
        return await asyncio.to_thread(self._read, one, key)

    def _read(self, one: StoredFile, key: bytes | None) -> tuple[str, bytes] | None:
        place = self._recording(one) if one.kind == "recording" else self._message(one)
        if place is None:
            return None
        try:
            with open_within(*place) as file:
                return PurePosixPath(place[1]).suffix, whole(content(file, key, one.id))
        except (NotThere, Unreadable):
            return None

    def _recording(self, one: StoredFile) -> tuple[Path, str] | None:
        return self._places.find(RecordingFile(**one.row)) if self._places is not None else None

    def _message(self, one: StoredFile) -> tuple[Path, str] | None:
        folder = self._folders.get(one.row["pbx"])
        row = one.row
        name = audio(folder, row["mailbox"], row["file"], row["pbx_id"]) if folder is not None else None
        return (folder, name) if folder is not None and name is not None else None


_MESSAGE_FILES: Final = (".txt", ".wav", ".WAV", ".gsm", ".ogg")
"""All that ``app_voicemail`` writes of one message."""


def rules_of(told: Sequence[Mapping[str, Any]], event_days: int, recording_days: int | None) -> list[Rule]:
    """The site's rules, and after them what ``[database] keep_events_days`` and ``[recording] retention_days`` say."""
    found = [Rule(**one) for one in told]
    found.append(Rule(what="events", days=event_days))
    return found + ([Rule(what="recordings", days=recording_days)] if recording_days is not None else [])


class PrivacyWork:
    """What the running program does for privacy; fulfils ``agent_console.privacy.Privacy``."""

    def __init__(self, hub: Hub, store: Store, files: SiteFiles, rules: Sequence[Rule]) -> None:
        assert store.privacy is not None
        self.stored: StoredPrivacy = store.privacy
        self.rules = tuple(rules)
        self._hub, self._store, self._files = hub, store, files
        places = files._places or RecordingPlaces("", "")
        self._recordings = Retention(hub, store.recordings, places, 0, hub.wall)
        self._looks = files._places is not None
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Go on with what was cut off; then wait for requests, and sweep now and daily."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    async def stop(self) -> None:
        """Nothing more; what was cut off goes on with the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _work(self) -> None:
        due = 0.0
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            try:
                await self.erase_pending()
                if loop.time() >= due:
                    due = loop.time() + DAY_SECONDS
                    if self._looks:
                        await self._recordings.look_at_folders()
                    await self.sweep()
            except Exception:
                log.exception("old data could not be deleted; tried again later")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PENDING_SECONDS):
                    await self._wake.wait()

    # --- erasures and exports --------------------------------------------------------------------

    async def request(self, customer_id: str, by: str) -> Erasure:
        """Ask for an erasure; it begins at once. Raises ``NotFound``, ``Conflict``."""
        asked = await self.stored.request(customer_id, by, self._hub.wall())
        self._wake.set()
        return asked

    async def erase_pending(self) -> None:
        """Do what was asked for. One that cannot end (a file that stays) does not keep the others waiting."""
        async with self._busy:
            for of in await self.stored.pending():
                done = await self.stored.run(of, self._files, self._hub.wall)
                log.info("erasure %s: %s", of, done.state)
                if done.state != "running":
                    told = {"state": done.state, "rows": str(sum(done.done.values()))}
                    self._hub.administered(done.requested_by, "erased", done.pseudonym, told)

    async def export(self, customer_id: str) -> Path:
        """The archive of everything, in a temporary file that the caller removes. Raises ``NotFound``."""
        descriptor, name = tempfile.mkstemp(prefix="access-", suffix=".zip")
        os.close(descriptor)
        out = Path(name)
        try:
            await export.write(self.stored, customer_id, self._files, out, self._hub.wall())
        except BaseException:
            await asyncio.to_thread(out.unlink, missing_ok=True)
            raise
        return out

    # --- retention -------------------------------------------------------------------------------

    async def due(self) -> dict[What, int]:
        """The dry run: how much would be deleted now, by kind."""
        now = self._hub.wall()
        reading = self.stored.reading
        return {what: await reading(partial(rules.count, rules=self.rules, what=what, now=now)) for what in rules.KINDS}

    async def sweep(self) -> dict[What, int]:
        """Delete what is over; how much, by kind."""
        done = {what: await self._sweep(what) for what in rules.KINDS}
        if any(done.values()):
            log.info("retention: %s", ", ".join(f"{what} {n}" for what, n in done.items() if n))
        return done

    async def _sweep(self, what: What) -> int:
        now, after, total = self._hub.wall(), (), 0  # type: float, tuple[Any, ...] | None, int
        swept = Swept()
        while after is not None:
            look = partial(rules.due, rules=self.rules, what=what, now=now, after=after)
            page = await self.stored.reading(look)
            rows = await self._without_files(what, page.rows, swept)
            total += await self.stored.writing(partial(rules.expire, what=what, rows=rows))
            if what == "interactions" and rows:
                self.stored.forget([row["id"] for row in rows])
            after = page.after
        if what == "recordings":
            self._recordings.tell(swept)
        return total

    async def _without_files(self, what: What, rows: Sequence[Any], swept: Swept) -> list[Any]:
        """Those rows whose files are gone now."""
        if what == "recordings":
            for row in rows:
                await self._recordings.delete(RecordingFile(**row), swept)
            return list(rows)
        if what == "voicemails":
            return [row for row in rows if await self._files.remove(StoredFile("voicemail", row["id"], row)) != "kept"]
        if what in ("interactions", "chats"):
            only = "chat" if what == "chats" else None
            return [row for row in rows if await self._alone(row["id"], only)]
        return list(rows)

    async def _alone(self, interaction_id: str, only: str | None = None) -> bool:
        """Delete the files (of this kind) of a contact whose time is over; whether none is left."""
        person = Person(customers=(), interactions=(interaction_id,))
        every = await self.stored.reading(lambda connection: list(erase.files(connection, person)))
        every = [one for one in every if only is None or one.kind == only]
        return all([await self._files.remove(one) != "kept" for one in every])


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
