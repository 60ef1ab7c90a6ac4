"""Files of a configured folder (messages, recordings), sent with HTTP ranges; nothing outside it is ever opened.

The folder is opened first and every part of the name is opened beneath the one before, without following symbolic
links, so that neither ``..`` nor a link nor an exchange of folders between check and use leads out of it.
"""

from __future__ import annotations

import asyncio
import mimetypes
import os
import re
import stat
from collections.abc import AsyncIterator
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from agent_console.problems import Problem
from interaction_log.store.sealed_files import Content, Unreadable, content

CHUNK_BYTES: Final = 64 * 1024
MEDIA_TYPES: Final = {".wav": "audio/wav", ".WAV": "audio/x-wav", ".gsm": "audio/gsm", ".ogg": "audio/ogg"}
"""Asterisk's formats; ``.WAV`` is GSM in a RIFF file, which most browsers do not play."""
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_LEAF: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not make us wait
_ONE_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class NotThere(FileNotFoundError):
    """There is no such regular file in the folder, or the name leads out of it: one answer for both."""


def directory_within(folder: Path, name: str) -> tuple[int, str]:
    """The folder of the file ``name`` beneath ``folder``, opened (to be closed by the caller), and the name in it.

    Blocks. Raises :class:`NotThere` for an absolute name, ``..``, and where a symbolic link is on the way.
    """
    parts = PurePosixPath(name).parts
    if not parts or "\0" in name or name.startswith("/") or ".." in parts:
        raise NotThere(name)
    try:
        place = os.open(folder, _DIRECTORY)
    except OSError:
        raise NotThere(name) from None
    try:
        for part in parts[:-1]:
            below = os.open(part, _DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
            os.close(place)
            place = below
    except OSError:
        os.close(place)
        raise NotThere(name) from None
    return place, parts[-1]


def open_within(folder: Path, name: str) -> FileIO:
    """The regular file ``name`` (relative, ``/`` between its parts) beneath ``folder``, opened for reading.

    Blocks. Raises :class:`NotThere` for anything else: an absolute name, ``..``, a symbolic link, a folder, a device.
    """
    place, leaf = directory_within(folder, name)
    try:
        found = os.open(leaf, _LEAF, dir_fd=place)
    except OSError:
        raise NotThere(name) from None
    finally:
        os.close(place)
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise NotThere(name)
    return FileIO(found)


async def respond(
    request: Request, folder: Path, name: str, *, download: str | None = None, key: bytes | None = None, of: str = ""
) -> Response:
    """The file as the answer to this GET or HEAD: whole (200), a range (206) or 416; 404 where it is not there.

    ``download``: the name under which a browser stores it (without it, it is shown in place). A file that still grows
    is sent as long as it was when it was opened. ``key``, ``of``: of a sealed file (``sealed_files``); 410 where it is
    sealed and its key is gone.
    """
    try:
        file = await asyncio.to_thread(open_within, folder, name)
    except NotThere:
        raise Problem(404, "There is no such file.") from None
    about = os.fstat(file.fileno())
    try:
        inside = content(file, key, of)
    except Unreadable:
        file.close()
        raise Problem(410, "This file was made unreadable for good.") from None
    size, tag = inside.size, f'"{about.st_mtime_ns:x}-{about.st_size:x}"'
    headers = {"Accept-Ranges": "bytes", "ETag": tag}
    if download is not None:
        headers["Content-Disposition"] = f"attachment; filename*=utf-8''{quote(download, safe='')}"
    asked = request.headers.get("range") if request.headers.get("if-range", tag) == tag else None
    try:
        wanted = requested(asked, size)
    except ValueError:
        file.close()
        raise Problem(416, "The range is not in the file.", headers={"Content-Range": f"bytes */{size}"}) from None
    first, beyond = wanted or (0, size)
    headers["Content-Length"] = str(beyond - first)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {first}-{beyond - 1}/{size}"
    status, media = (200 if wanted is None else 206), media_type(name)
    if request.method == "HEAD":
        file.close()
        return Response(status_code=status, headers=headers, media_type=media)
    return StreamingResponse(_bytes(file, inside, first, beyond), status, headers, media)


def requested(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last that a ``Range`` asks for; ``None``: the whole file (RFC 9110, 14.2).

    What we do not understand, several ranges among it, is the whole file too. ``ValueError``: the range is not in it.
    """
    match = _ONE_RANGE.fullmatch(header.strip()) if header is not None else None
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:  # so many at the end
        begin, beyond = max(0, size - int(last)), size
    else:
        begin, beyond = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < begin:
            return None
    if begin >= beyond:
        raise ValueError(header)
    return begin, beyond


def media_type(name: str) -> str:
    """What kind of file this is, by its name."""
    suffix = PurePosixPath(name).suffix
    return MEDIA_TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


async def _bytes(file: FileIO, inside: Content, first: int, beyond: int) -> AsyncIterator[bytes]:
    """The bytes from ``first`` up to ``beyond``; a file that became shorter meanwhile ends the connection."""
    with file:
        while first < beyond:
            chunk = await asyncio.to_thread(inside.read, first, min(CHUNK_BYTES, beyond - first))
            if not chunk:
                raise OSError("the file became shorter")
            first += len(chunk)
            yield chunk
