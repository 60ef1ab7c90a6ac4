"""The local file that takes the events while the database is away.

Its blocks are allocated beforehand, so a full disk does not stop it. One header page, then frames: length and
CRC-32 (4 bytes each, little-endian), then the rows of one batch as JSON. The CRC also covers the file's epoch,
which grows whenever the file was emptied: what an earlier filling left behind is never read again. A frame that
the power cut in the middle ends the reading.

The header also keeps the highest reserved event number, for the case that numbers run out before the database
is back. The file is locked: two processes never share it.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Final

from interaction_log.store.rows import Row, encode

SIZE: Final = 64 * 1024 * 1024
_PAGE: Final = 4096
_WIPED: Final = 1024 * 1024  # bytes written as zeros at a time
_HEADER: Final = struct.Struct("<8sQQI")  # magic, epoch, reserved number, CRC-32 of what stands before
_FRAME: Final = struct.Struct("<II")
_MAGIC: Final = b"CWJRNL01"


class JournalFull(RuntimeError):
    """No room is left: what does not fit any more is lost."""


class JournalLocked(RuntimeError):
    """Another process has the file."""


def holder_of(path: Path) -> int:
    """The process that has locked this file, by Linux's list of locks (proc_locks(5)); 0 where it cannot be seen."""
    try:
        inode = path.stat().st_ino
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return 0
    locks = [line.split() for line in lines if "FLOCK" in line and "->" not in line]
    return next((int(one[4]) for one in locks if one[5].rpartition(":")[2] == str(inode) and one[4].isdigit()), 0)


class Journal:
    """The file. Everything in it is on disk when ``append`` returns. One thread at a time; ``reserve`` from any."""

    def __init__(self, path: Path, size: int = SIZE):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise JournalLocked(str(path)) from error
        self._header = threading.Lock()
        os.posix_fallocate(self._file, 0, size)
        self._size = os.fstat(self._file).st_size
        self._epoch, self.reserved = self._read_header()
        self._read_at = _PAGE
        self._write_at, self._rows = self._scan()
        if not self._rows and os.pread(self._file, _FRAME.size, _PAGE).strip(b"\0"):
            self._wipe(self._size)  # an earlier version left drained events there

    def __len__(self) -> int:
        """Rows that were not yet taken out."""
        return self._rows

    @property
    def used_bytes(self) -> int:
        """What the frames take, of ``SIZE``."""
        return self._write_at - _PAGE

    @property
    def nearly_full(self) -> bool:
        """Nine tenths are used."""
        return self._write_at > self._size * 9 // 10

    def append(self, rows: list[Row]) -> None:
        """Write one frame and wait for the disk. Raises ``JournalFull`` or ``OSError``, then nothing was added."""
        body = encode(rows).encode()
        frame = _FRAME.pack(len(body), self._crc(body)) + body
        if self._write_at + len(frame) > self._size:
            raise JournalFull
        _write_whole(self._file, frame, self._write_at)
        os.fdatasync(self._file)
        self._write_at += len(frame)
        self._rows += len(rows)

    def peek(self) -> list[Row]:
        """The oldest frame's rows, empty at the end."""
        body = self._frame(self._read_at) if self._read_at < self._write_at else None
        return [] if body is None else [tuple(row) for row in json.loads(body)]

    def drop(self) -> None:
        """The oldest frame is in the database now. The last one empties the file."""
        body = self._frame(self._read_at)
        if body is not None:
            self._rows -= len(json.loads(body))
            self._read_at += _FRAME.size + len(body)
        if body is None or self._read_at >= self._write_at:
            self._empty()

    def reserve(self, upto: int) -> None:
        """Remember on disk that numbers up to ``upto`` may have been given out."""
        with self._header:
            self._write_header(self._epoch, upto)

    def close(self) -> None:
        """Let go of the file and its lock."""
        os.close(self._file)

    def _empty(self) -> None:
        self._wipe(self._write_at)
        with self._header:
            self._write_header(self._epoch + 1, self.reserved)
        self._read_at = self._write_at = _PAGE
        self._rows = 0

    def _wipe(self, upto: int) -> None:
        """What was drained is in the database and may be erased there: no copy of it stays here."""
        for at in range(_PAGE, upto, _WIPED):
            os.pwrite(self._file, bytes(min(_WIPED, upto - at)), at)

    def _crc(self, body: bytes) -> int:
        return zlib.crc32(body, self._epoch & 0xFFFFFFFF)

    def _frame(self, at: int) -> bytes | None:
        head = os.pread(self._file, _FRAME.size, at)
        if len(head) < _FRAME.size:
            return None
        length, crc = _FRAME.unpack(head)
        if length == 0 or at + _FRAME.size + length > self._size:
            return None
        body = os.pread(self._file, length, at + _FRAME.size)
        return body if len(body) == length and self._crc(body) == crc else None

    def _scan(self) -> tuple[int, int]:
        at, rows = _PAGE, 0
        while (body := self._frame(at)) is not None:
            at += _FRAME.size + len(body)
            rows += len(json.loads(body))
        return at, rows

    def _read_header(self) -> tuple[int, int]:
        raw = os.pread(self._file, _HEADER.size, 0)
        magic, epoch, reserved, crc = _HEADER.unpack(raw)
        if magic == _MAGIC and zlib.crc32(raw[:-4]) == crc:
            return epoch, reserved
        if raw.strip(b"\0"):
            raise OSError("the journal's header is damaged: move the file away and keep it")
        self._write_header(1, 0)
        return 1, 0

    def _write_header(self, epoch: int, reserved: int) -> None:
        """Within one sector, hence never torn."""
        head = _HEADER.pack(_MAGIC, epoch, reserved, 0)[:-4]
        _write_whole(self._file, head + struct.pack("<I", zlib.crc32(head)), 0)
        os.fdatasync(self._file)
        self._epoch, self.reserved = epoch, reserved


def _write_whole(file: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written
