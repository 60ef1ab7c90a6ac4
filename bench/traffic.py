"""Recorded calls repeated as new calls: the real event mix in any amount. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Final

from bench.codec import recordings

END: Final = b"\r\n\r\n"
BETWEEN_SECONDS: Final = 1_000
"""Every repetition happens so much later: Uniqueids and timestamps are seconds, so both become new by adding it."""

# Uniqueids (1795300402.15), timestamps (1795300402.978160) and queue_log-like seconds alike.
_SECONDS: Final = re.compile(rb"(?<![0-9.])(1[0-9]{9})(?=\.[0-9])")
_INSTANCE: Final = re.compile(rb"-([0-9a-f]{8})(?=[;\r]|$)", re.MULTILINE)
_BRIDGE: Final = re.compile(rb"([0-9a-f]{8})(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")


# Who calls in the recordings: every call of ours comes from somebody else.
_CALLERS: Final = re.compile(rb"(?<![0-9])(13[89])[0-9]{8}(?![0-9])")


def events_of(file: Path) -> bytes:
    """The events of a recording, each with its empty line.

    What answers an action is left out, and ``FullyBooted``: in mid-stream it means that the PBX has started, so that
    everything is asked anew.
    """
    blocks = [b for b in file.read_bytes().split(END) if b.startswith(b"Event: ")]
    blocks = [b for b in blocks if not b.startswith(b"Event: FullyBooted")]
    return b"".join(block + END for block in blocks)


def renumbered(stream: bytes, number: int) -> bytes:
    """The same calls, once more: other Uniqueids, channel names, bridges, callers, and times."""
    later = number * BETWEEN_SECONDS
    stream = _CALLERS.sub(lambda m: b"%s%08d" % (m[1], number * 7_919 % 100_000_000), stream)
    stream = _SECONDS.sub(lambda m: b"%d" % (int(m[1]) + later), stream)
    stream = _INSTANCE.sub(lambda m: b"-%08x" % ((int(m[1], 16) + (number << 12)) & 0xFFFFFFFF), stream)
    return _BRIDGE.sub(lambda m: b"%08x" % ((int(m[1], 16) + number) & 0xFFFFFFFF), stream)


def calls(files: Sequence[Path] | None = None, begin: int = 0) -> Iterator[bytes]:
    """The recordings one after the other, again and again, each time as new calls; not the first `begin` of them."""
    streams = [events_of(file) for file in files or recordings()]
    for number in count(begin + 1):
        yield renumbered(streams[number % len(streams)], number)


def stream_of(events: int, files: Sequence[Path] | None = None, begin: int = 0) -> tuple[bytes, int]:
    """Whole recordings with at least so many events, and how many there are."""
    parts: list[bytes] = []
    found = 0
    for part in calls(files, begin):
        parts.append(part)
        found += part.count(END)
        if found >= events:
            break
    return b"".join(parts), found


def blocks_of(stream: bytes) -> list[bytes]:
    """The events, each with its empty line."""
    return [block + END for block in stream.split(END) if block]


def chunks(stream: bytes, size: int = 65_536) -> Iterable[bytes]:
    """As a socket would give them."""
    return (stream[at : at + size] for at in range(0, len(stream), size))


def first(number: int, files: Sequence[Path] | None = None) -> list[bytes]:
    """The first so many recordings as new calls."""
    return list(islice(calls(files), number))
