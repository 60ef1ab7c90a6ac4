"""Files sealed in pieces, so that any range of them can be read without reading the rest.

    MARK (8) | salt (16) | length of the content (8, big endian) | pieces

Each piece of 64 KiB is AES-256-GCM of its own (nonce: its number). Header (with the length) and id are bound to each:
pieces cannot be exchanged, left out or put into another file. The file's key comes from its data key and the salt
(HKDF-SHA-256): sealing a file again with the same data key uses no nonce twice. Who destroys the data key shreds every
copy of the file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MARK: Final = b"CWSEAL\x01\n"
PIECE: Final = 64 * 1024
_SALT, _LENGTH, _TAG = 16, 8, 16
HEADER: Final = len(MARK) + _SALT + _LENGTH


class Unreadable(Exception):
    """The key is gone or another one, or the file was changed."""


class Content(Protocol):
    """What can be read of a file."""

    @property
    def size(self) -> int:
        """In bytes, as it was."""
        ...

    def read(self, at: int, count: int) -> bytes:
        """At most so many bytes from there; fewer at the end or where a piece ends. Raises :class:`Unreadable`."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """A file as it is."""

    file: BinaryIO
    size: int

    def read(self, at: int, count: int) -> bytes:
        """See :class:`Content`."""
        return os.pread(self.file.fileno(), count, at)


class Sealed:
    """A sealed file."""

    def __init__(self, file: BinaryIO, key: bytes, of: str) -> None:
        self._file = file
        header = os.pread(file.fileno(), HEADER, 0)
        self.size = int.from_bytes(header[-_LENGTH:], "big")
        self._aead, self._about = _cipher(key, header), _about(header, of)

    def read(self, at: int, count: int) -> bytes:
        """See :class:`Content`."""
        n, skip = divmod(at, PIECE)
        wanted = min(PIECE, self.size - n * PIECE)
        if wanted <= 0:
            return b""
        sealed = os.pread(self._file.fileno(), wanted + _TAG, HEADER + n * (PIECE + _TAG))
        try:
            piece = self._aead.decrypt(n.to_bytes(12, "big"), sealed, self._about)
        except InvalidTag:
            raise Unreadable("the file was changed, or its key is another one") from None
        return piece[skip : skip + count]


def whole(inside: Content) -> bytes:
    """All of it. Raises :class:`Unreadable`."""
    return b"".join(inside.read(at, PIECE) for at in range(0, inside.size, PIECE))


def is_sealed(file: BinaryIO) -> bool:
    """Whether it begins as a sealed file does."""
    return os.pread(file.fileno(), len(MARK), 0) == MARK


def content(file: BinaryIO, key: bytes | None, of: str) -> Content:
    """What is in the file of this id, sealed or not. Raises :class:`Unreadable` where it is sealed and no key is."""
    if not is_sealed(file):
        return Plain(file, os.fstat(file.fileno()).st_size)
    if key is None:
        raise Unreadable("its key was destroyed")
    return Sealed(file, key, of)


def seal(file: BinaryIO, into: BinaryIO, key: bytes, of: str) -> None:
    """Write the sealed content of ``file``; on the disk when this returns. Blocks.

    Raises ``OSError`` where it cannot be written, ``Unreadable`` where the file grew shorter meanwhile."""
    size = os.fstat(file.fileno()).st_size
    header = MARK + os.urandom(_SALT) + size.to_bytes(_LENGTH, "big")
    aead, about = _cipher(key, header), _about(header, of)
    into.write(header)
    for n in range(-(-size // PIECE)):
        piece = os.pread(file.fileno(), min(PIECE, size - n * PIECE), n * PIECE)
        if len(piece) < min(PIECE, size - n * PIECE):
            raise Unreadable("the file became shorter")
        into.write(aead.encrypt(n.to_bytes(12, "big"), piece, about))
    into.flush()
    os.fsync(into.fileno())


def _cipher(key: bytes, header: bytes) -> AESGCM:
    salt = header[len(MARK) : len(MARK) + _SALT]
    return AESGCM(HKDF(SHA256(), 32, salt, b"callweave file").derive(key))


def _about(header: bytes, of: str) -> bytes:
    """What every piece is bound to: salt and length of the whole (and so the number of pieces), and whose it is."""
    return header + of.encode()
