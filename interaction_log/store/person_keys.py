"""A key for each person that an erasure destroys, without a list of people: a tree of keys in a file.

An owner (a customer's id, a number) has a place among 2³⁶; its key is made from the tree's nodes on the way there, each
from the one above by a hash, which nobody turns back. The file holds the 65,536 nodes at the top, random, and nothing
of anybody. To destroy one key, the nodes beside its way are written behind the others and the node above it is
overwritten with zeros where it stands: every other key can still be made, this one by nobody (a puncturable function of
the kind of Goldreich, Goldwasser and Micali). So no copy of the database holds what it takes, and nothing is sealed
anew. 4 KiB more in the file for each key that was destroyed.

The file is no part of a backup: a copy of it from before an erasure would open what was erased. Whoever loses it loses
nothing but the full-text index's texts, which are made again of the records.

    MARK (8) | number (8) | 65,536 nodes (32 each) | for each destroyed key, level by level: place (8), 32 nodes
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import IO, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from interaction_log.store.master_key import KeyFault

PLACES: Final = 1 << 36
_MARK: Final = b"CWTREE\x01\n"
_NODE: Final = 32
_TOP: Final = 1 << 16
_BITS: Final = 5
_LEVELS: Final = 4
_CHILDREN: Final = 1 << _BITS
_BEGIN: Final = 16
_BLOCKS: Final = _BEGIN + _TOP * _NODE
_BLOCK: Final = 8 + _CHILDREN * _NODE
_NONE: Final = bytes(_NODE)
_NAMES: Final = [bytes((n,)) for n in range(_CHILDREN)]
MOST_GENERATIONS: Final = 1_000
CACHED: Final = 512
"""Keys that were made lately, 2.7 KB each: who searches again looks at the same documents."""


class _Tree:
    """What stands in the file, as far as it counts: ``blocks`` by level and way, where their nodes begin."""

    def __init__(self, content: bytes, blocks: dict[tuple[int, int], int]):
        self.content, self.blocks = content, blocks

    def last(self, place: int) -> tuple[bytes, int, int]:
        """The last node on the way that stands in the file (zeros: this key was destroyed), where, its level."""
        level, at = 0, _BEGIN + (place >> _LEVELS * _BITS) * _NODE
        while (node := self.content[at : at + _NODE]) == _NONE and level < _LEVELS:
            block = self.blocks.get((level, place >> (_LEVELS - level) * _BITS))
            if block is None:
                break
            at = block + _step(place, level) * _NODE
            level += 1
        return node, at, level


class PersonKeys:
    """The tree in this file, as it is now. Safe to be asked from several threads; ``destroy`` from one at a time."""

    def __init__(self, path: Path):
        self.path = path
        self._seen: tuple[int, int] = (0, 0)
        self._tree = _Tree(b"", {})
        self.cipher = functools.lru_cache(CACHED)(self._cipher)
        self.refresh()

    @property
    def number(self) -> int:
        """Tells trees apart, says nothing about them (63 bits)."""
        return int.from_bytes(self._tree.content[8:_BEGIN], "big") >> 1

    def refresh(self) -> None:
        """Read the file again if another process destroyed a key since. Raises ``KeyFault``."""
        with _opened(self.path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            found = os.fstat(file.fileno())
            if self._seen != (found.st_mtime_ns, found.st_size):
                self._take(file.read(), (found.st_mtime_ns, found.st_size))

    def _take(self, content: bytes, seen: tuple[int, int]) -> None:
        if content[:8] != _MARK or len(content) < _BLOCKS:
            raise KeyFault(f"{self.path} holds no keys of the index")
        blocks: dict[tuple[int, int], int] = {}
        at = _BLOCKS
        while at + _BLOCK <= len(content):
            name = int.from_bytes(content[at : at + 8], "big")
            level, path = name >> 48, name & ((1 << 48) - 1)
            if not _is_zero_above(content, blocks, level, path):
                break
            blocks[level, path] = at + 8
            at += _BLOCK
        self._tree, self._seen = _Tree(content[:at], blocks), seen
        self.cipher.cache_clear()

    def place(self, owner: str, secret: bytes) -> int:
        """Where this owner's key is: after it was destroyed, where the next one is (a number has a new owner).

        ``secret``: up to 64 bytes; without it nobody can tell whose a place is. Raises ``KeyFault`` where there is none
        left."""
        for generation in range(MOST_GENERATIONS):
            place = _place(owner, generation, secret)
            if self._tree.last(place)[0] != _NONE:
                return place
        raise KeyFault("the keys of an owner are used up")

    def _cipher(self, place: int) -> AESGCM | None:
        """What seals and opens at this place; ``None``: its key was destroyed."""
        node = self._node(place)
        return None if node is None else AESGCM(node)

    def _node(self, place: int) -> bytes | None:
        """The key at this place."""
        node, _, level = self._tree.last(place)
        return None if node == _NONE else _below(node, place, level)

    def destroy(self, places: Iterable[int]) -> int:
        """Nobody makes these keys any more; how many there were. On the disk when this returns. Raises ``KeyFault``."""
        count = 0
        with _opened(self.path, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            for place in places:
                file.seek(0)
                self._take(file.read(), (0, 0))
                count += _punch(file, self._tree, place)
        self.refresh()
        return count


def _is_zero_above(content: bytes, blocks: dict[tuple[int, int], int], level: int, path: int) -> bool:
    """Whether the node above this block was overwritten; else a power cut came between, and it does not count."""
    if level == 0:
        at = _BEGIN + path * _NODE
        return content[at : at + _NODE] == _NONE
    block = blocks.get((level - 1, path >> _BITS))
    return block is not None and content[(at := block + (path & _CHILDREN - 1) * _NODE) : at + _NODE] == _NONE


def _punch(file: IO[bytes], tree: _Tree, place: int) -> bool:
    """First what is beside the way, then zeros over the node that leads there: a power cut leaves the old tree or the
    new one. What it left of an earlier try goes first, it may lead to other keys."""
    node, at, level = tree.last(place)
    if node == _NONE:
        return False
    beside = b""
    for deeper in range(level, _LEVELS):
        name = deeper << 48 | place >> (_LEVELS - deeper) * _BITS
        children = [blake2b(node + one, digest_size=_NODE).digest() for one in _NAMES]
        step = _step(place, deeper)
        node, children[step] = children[step], _NONE
        beside += name.to_bytes(8, "big") + b"".join(children)
    whole = len(tree.content)
    _write(file, whole, bytes(os.fstat(file.fileno()).st_size - whole))
    file.truncate(whole)
    _write(file, whole, beside)
    _write(file, at, _NONE)
    return True


def _place(owner: str, generation: int, secret: bytes) -> int:
    name = f"{generation}:{owner}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=5, key=secret).digest(), "big") >> 4


def first_place(owner: str, secret: bytes) -> int:
    """Where an owner's first key is, destroyed or not: the only one of who never comes again."""
    return _place(owner, 0, secret)


def _step(place: int, level: int) -> int:
    """Which child the way takes below this level."""
    return place >> (_LEVELS - 1 - level) * _BITS & _CHILDREN - 1


def _below(node: bytes, place: int, level: int) -> bytes:
    for deeper in range(level, _LEVELS):
        node = blake2b(node + _NAMES[_step(place, deeper)], digest_size=_NODE).digest()
    return node


def _write(file: IO[bytes], at: int, content: bytes) -> None:
    """On the disk before anything else happens."""
    if content:
        file.seek(at)
        file.write(content)
    file.flush()
    os.fsync(file.fileno())


def _opened(path: Path, mode: str) -> IO[bytes]:
    try:
        return path.open(mode)
    except OSError:
        raise KeyFault(f"{path} cannot be opened") from None


def load_or_make(path: Path) -> PersonKeys:
    """The tree in this file, which is made if there is none. Raises ``KeyFault``, ``OSError`` where it cannot be."""
    if not path.exists():
        _make(path)
    return PersonKeys(path)


def _make(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(file, 0, _MARK + os.urandom(_BLOCKS - len(_MARK)))
        with contextlib.suppress(FileExistsError):  # another process was faster
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
