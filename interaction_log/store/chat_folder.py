"""The contents of files in chats: in a folder, under random ids, seen by the site's scanner before anybody gets them.

Nothing of a content is ever read by us but its bytes: no picture is decoded, no archive opened.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import shutil
import subprocess
import unicodedata
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

LOG = logging.getLogger(__name__)
ID_BYTES: Final = 16
SCAN_SECONDS: Final = 60.0
SPARE_BYTES: Final = 100_000_000
"""So much of the disk stays free: the log needs it more."""
LONGEST_NAME: Final = 120
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


class FileRefused(ValueError):
    """``code``: ``empty``, ``too_large``, ``file_refused`` (the scanner), ``scan_unavailable``, ``disk_full``."""

    def __init__(self, code: str):
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Received:
    """A content that lies in the folder."""

    id: str
    size: int
    sha256: str


class ChatFolder:
    """``scanner``: a command line, run without a shell, with the file's path for ``{file}``: exit code 0 says that the
    file is clean, 1 that it is not; anything else is no answer. Without one every file is clean."""

    def __init__(self, folder: Path, scanner: Sequence[str] = ()):
        self._folder, self._scanner = folder, tuple(scanner)

    async def receive(self, content: AsyncIterator[bytes], most: int) -> Received:
        """Keep a content of 1 to ``most`` bytes, scanned. Raises ``FileRefused``, ``OSError``; then nothing is kept."""
        of = secrets.token_hex(ID_BYTES)
        draft = self._path(of).with_suffix(".part")
        try:
            size, digest = await self._draft(draft, content, most)
            await self._scan(draft)
            await asyncio.to_thread(_settle, draft, self._path(of))
        except BaseException:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(draft.unlink, missing_ok=True)
            raise
        return Received(of, size, digest)

    async def _draft(self, draft: Path, content: AsyncIterator[bytes], most: int) -> tuple[int, str]:
        file = await asyncio.to_thread(_begin, draft)
        size, digest = 0, hashlib.sha256()
        try:
            async for chunk in content:
                size += len(chunk)
                if size > most:
                    raise FileRefused("too_large")
                digest.update(chunk)
                await asyncio.to_thread(file.write, chunk)
        finally:
            await asyncio.to_thread(file.close)
        if size == 0:
            raise FileRefused("empty")
        return size, digest.hexdigest()

    async def _scan(self, path: Path) -> None:
        if not self._scanner:
            return
        code = await asyncio.to_thread(_run, [part.replace("{file}", str(path)) for part in self._scanner])
        if code == 1:
            raise FileRefused("file_refused")
        if code != 0:
            LOG.error("the scanner of files gave no answer (%s)", code)
            raise FileRefused("scan_unavailable")

    async def open(self, of: str) -> BinaryIO | None:
        """The content, to be read and closed; ``None``: it is not there."""
        return await asyncio.to_thread(_opened, self._path(of))

    async def read(self, of: str) -> bytes | None:
        """All of it."""
        file = await self.open(of)
        if file is None:
            return None
        try:
            return await asyncio.to_thread(file.read)
        finally:
            file.close()

    async def remove(self, of: str) -> bool:
        """Delete it; ``False``: it was gone already. Raises ``OSError``."""
        return await asyncio.to_thread(self.remove_now, of)

    def remove_now(self, of: str) -> bool:
        """The same, in a thread already. A folder that is away (not mounted) proves nothing: ``OSError``."""
        if not self._folder.is_dir():
            raise FileNotFoundError(self._folder)
        try:
            self._path(of).unlink()
        except FileNotFoundError:
            return False
        return True

    def place(self, of: str) -> tuple[Path, str]:
        """The folder, and below it the name of this content."""
        return self._folder, str(self._path(of).relative_to(self._folder))

    def fault(self, *, make: bool = True) -> str | None:
        """Why the folder cannot be used; ``None``: it can. ``make``: make it if it is not there. Blocks."""
        place = self._folder
        if make:
            try:
                place.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                return error.strerror or "cannot be made"
        while not place.exists() and place != place.parent:
            place = place.parent
        return None if os.access(place, os.R_OK | os.W_OK | os.X_OK) else "cannot be read and written"

    def _path(self, of: str) -> Path:
        if len(of) != 2 * ID_BYTES or any(c not in "0123456789abcdef" for c in of):
            raise FileNotFoundError("no id of a file")
        return self._folder / of[:2] / of


def _begin(draft: Path) -> BinaryIO:
    draft.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if shutil.disk_usage(draft.parent).free < SPARE_BYTES:
        raise FileRefused("disk_full")
    return os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _settle(draft: Path, path: Path) -> None:
    """On the disk, and only then under its name."""
    for place, flags in ((draft, os.O_RDONLY), (draft.parent, os.O_RDONLY | os.O_DIRECTORY)):
        descriptor = os.open(place, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if place is draft:
            draft.rename(path)


def _opened(path: Path) -> BinaryIO | None:
    try:
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError:
        return None


def _run(command: list[str]) -> int | str:
    try:
        done = subprocess.run(  # noqa: S603 (no shell; the command line is the operator's)
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            timeout=SCAN_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    return done.returncode


def safe_name(name: str) -> str:
    """A file's name as it may be shown and saved: no folders, nothing that cannot be seen, no leading dot."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    shown = "".join(c for c in last if unicodedata.category(c) not in _HIDDEN and c not in '<>:"|?*')
    stem, dot, ending = shown.strip(" .").rpartition(".")
    if dot and len(ending) <= 20:
        return f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"
    return shown.strip(" .")[:LONGEST_NAME] or "file"
