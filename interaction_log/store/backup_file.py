"""A backup's file: pieces of a stream, each sealed with AES-256-GCM, so that what was cut, changed or swapped is found.

One line of JSON (the header) stands in front, then frames: the length (4 bytes, big-endian) and the sealed piece. A
piece's nonce is its number and whether it is the last; the header is authenticated with each. The key is made of a
passphrase or a key file by scrypt (RFC 7914) with a salt of the file's own, so no nonce is ever used twice with a key.
Without a key the pieces carry a SHA-256 instead: whole, not secret.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

PIECE: Final = 1024 * 1024
_MAGIC: Final = "callweave-backup"
_LENGTH: Final = struct.Struct(">I")
_SEAL: Final = 64
"""More bytes than a seal takes: an upper limit of a frame is ``PIECE + _SEAL``."""
_COST: Final = {"n": 2**16, "r": 8, "p": 1}
"""64 MiB and about 0.2 s for each guess."""
_MOST: Final = {"n": 2**20, "r": 16, "p": 4}


class BackupFault(ValueError):
    """The file is none of ours, damaged, cut off, or the key does not fit; the text says which in plain words."""


def _sealer(header: dict[str, Any], secret: bytes | None) -> AESGCM | None:
    if header["seal"] == "sha256":
        return None
    if secret is None:
        raise BackupFault("this backup is encrypted: its passphrase or key file is needed")
    cost = {name: int(header[name]) for name in _COST}
    if any(not 1 <= cost[name] <= most for name, most in _MOST.items()):
        raise BackupFault("its header is damaged")
    salt = base64.b64decode(header["salt"])
    return AESGCM(Scrypt(salt=salt, length=32, **cost).derive(secret))


def _nonce(number: int, last: bool) -> bytes:
    return struct.pack(">QI", number, 1 if last else 0)


class BackupWriter(io.RawIOBase):
    """Write the stream here; ``close`` writes the last piece. ``secret``: ``None`` leaves it readable."""

    def __init__(self, file: BinaryIO, secret: bytes | None):
        header: dict[str, Any] = {"file": _MAGIC, "format": 1, "seal": "sha256" if secret is None else "aes-256-gcm"}
        if secret is not None:
            header |= {"salt": base64.b64encode(os.urandom(16)).decode(), **_COST}
        self._file = file
        self._head = json.dumps(header).encode() + b"\n"
        self._sealer = _sealer(header, secret)
        self._buffer = bytearray()
        self._number = 0
        file.write(self._head)

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any, /) -> int:
        """Takes all of it."""
        self._buffer += data
        while len(self._buffer) > PIECE:
            self._seal(bytes(self._buffer[:PIECE]), last=False)
            del self._buffer[:PIECE]
        return len(data)

    def close(self) -> None:
        """The last piece; the file below stays open."""
        if not self.closed:
            self._seal(bytes(self._buffer), last=True)
            self._buffer.clear()
        super().close()

    def _seal(self, piece: bytes, last: bool) -> None:
        nonce = _nonce(self._number, last)
        sealed = (
            self._sealer.encrypt(nonce, piece, self._head)
            if self._sealer is not None
            else hashlib.sha256(nonce + self._head + piece).digest() + piece
        )
        self._file.write(_LENGTH.pack(len(sealed)) + sealed)
        self._number += 1


class BackupReader(io.RawIOBase):
    """Read the stream here; every byte was checked before it is given. Raises :class:`BackupFault`."""

    def __init__(self, file: BinaryIO, secret: bytes | None):
        self._file = file
        self._head = file.readline(4096)
        try:
            header = json.loads(self._head)
            ours = header["file"] == _MAGIC and header["seal"] in ("sha256", "aes-256-gcm")
        except (ValueError, KeyError, TypeError):
            ours = False
        if not ours:
            raise BackupFault("this is no backup of Callweave")
        if header["format"] != 1:
            raise BackupFault("this backup was made by a newer Callweave")
        try:
            self._sealer = _sealer(header, secret)
        except (KeyError, TypeError, ValueError) as error:
            raise error if isinstance(error, BackupFault) else BackupFault("its header is damaged") from None
        self._encrypted = header["seal"] != "sha256"
        self._pieces = self._open()
        self._left = b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Bytes of the stream; 0 at its end, which was checked too."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count

    def _open(self) -> Iterator[bytes]:
        number = 0
        while True:
            sealed = self._frame(number)
            piece, last = self._piece(sealed, number)
            yield piece
            if last:
                if self._file.read(1):
                    raise BackupFault("something was added behind its end")
                return
            number += 1

    def _frame(self, number: int) -> bytes:
        head = self._file.read(_LENGTH.size)
        length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
        sealed = self._file.read(length) if 0 < length <= PIECE + _SEAL else b""
        if not sealed or len(sealed) < length:
            raise BackupFault(f"it ends or breaks in piece {number + 1}: the file is damaged or was cut off")
        return sealed

    def _piece(self, sealed: bytes, number: int) -> tuple[bytes, bool]:
        for last in (False, True):
            nonce = _nonce(number, last)
            if self._sealer is not None:
                try:
                    return self._sealer.decrypt(nonce, sealed, self._head), last
                except InvalidTag:
                    continue
            if hashlib.sha256(nonce + self._head + sealed[32:]).digest() == sealed[:32]:
                return sealed[32:], last
        if number == 0 and self._encrypted:
            raise BackupFault("the passphrase or key file is another one, or the file is damaged")
        raise BackupFault(f"piece {number + 1} was changed: the file is damaged")


def buffered(reader: BackupReader) -> BinaryIO:
    """For ``tarfile``."""
    return cast(BinaryIO, io.BufferedReader(reader, PIECE))
