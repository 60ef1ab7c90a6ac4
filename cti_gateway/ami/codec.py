"""Stop 2: bytes of the manager interface in, messages out. No I/O, no clock, nothing but the standard library.

A message is a block of ``Name: value`` lines that ends with an empty line. The codec cuts the stream into blocks and
reads the first line of each (its kind and name); everything else waits until somebody asks, because most events of a
PBX concern nobody. Bytes come first: whatever a caller put into his name survives in ``Message.raw``.

The line end is CR LF and nothing else. Asterisk writes bare line feeds only inside values (``VarSet``, ``AppData``),
so ending a line or a block at them would let a caller's text become headers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final, Literal

Kind = Literal["event", "response", "other"]

MAX_LINE: Final = 1 << 20
"""Longest line that is kept, in bytes: the longest real ones (a dumped variable) are some 10 kB."""

MAX_MESSAGE: Final = MAX_LINE + (MAX_LINE >> 1)
"""Longest message that is kept, in bytes: one line of the greatest length and a great deal around it, and little enough
that a link which never sends an empty line holds less than 2 MB of memory."""

MAX_HEADERS: Final = 10_000
"""Most lines of one message. The largest real ones are the ``Output:`` lines of a CLI command (some thousand on a big
PBX); events have 20 to 60."""

MAX_BANNER: Final = 256
"""Longest first line, in bytes; ``Asterisk Call Manager/11.0.0`` has 28."""

NOISE: Final = frozenset(
    {
        "BridgeCreate",
        "BridgeDestroy",
        "CEL",
        "ChallengeSent",
        "ChannelTalkingStart",
        "ChannelTalkingStop",
        "DTMFBegin",
        "DTMFEnd",
        "DialState",
        "ExtensionStatus",
        "MusicOnHoldStart",
        "MusicOnHoldStop",
        "NewConnectedLine",
        "Newexten",
        "RTCPReceived",
        "RTCPSent",
        "RequestBadFormat",
        "SuccessfulAuth",
        "TestEvent",
        "VarSet",
    }
)
"""Events that no part of us reads: two thirds of what a PBX sends to a user without ``eventfilter`` lines."""

_END: Final = b"\r\n\r\n"
_BANNER: Final = re.compile(rb"Asterisk Call Manager[^/\r\n]{0,32}/([0-9][0-9A-Za-z.+~-]{0,31})")
_HEADER_LINE: Final = re.compile(rb"[A-Za-z][^:\r\n\0]{0,127}:")
# How Asterisk 13 and older end a Command's text (UPGRADE.txt of 16). Its lines end with bare line feeds, so the framing
# needs no mode for it, which a caller's own "Response: Follows" could turn on.
_OLD_OUTPUT_END: Final = b"--END COMMAND--"
_OLD_OUTPUT_HEADERS: Final = (b"response:", b"actionid:", b"privilege:")
_REPEATED: Final = ("variable", "output")
_NAMES_KEPT: Final = 1024
_NUMBER: Final = b"Num: "
"""In the last line of a block, where a caller's number may end it (``CallerIDNum``, ``ConnectedLineNum``)."""
_STAMP: Final = b"\r\nTimestamp: "
_STAMP_WITHIN: Final = 160  # bytes: an event's name and all its privileges are shorter


class CodecError(ValueError):
    """The stream does not begin as a manager interface does: another service listens on that port."""


@lru_cache(maxsize=1024)
def _begin_of(key: str) -> tuple[str, int]:
    """What to look for in a text to find the header `key` as it is spelled here, and how long that is."""
    return f"\r\n{key}:", len(key) + 3


@lru_cache(maxsize=1024)
def _needle(key: str) -> bytes:
    """What to look for in a lower-cased block to find the header `key`."""
    return b"\r\n" + key.lower().encode() + b":"


def _first_line(raw: bytes) -> tuple[Kind, str]:
    """Kind and name of a block. Only its first line counts: a caller can smuggle an ``Event:`` into the middle."""
    line = raw.partition(b"\r\n")[0]
    key, colon, value = line.partition(b":")
    name = value.strip().decode("utf-8", "replace")
    match key.lower() if colon else b"":
        case b"event":
            return "event", name
        case b"response":
            return "response", name
        case _:
            return "other", ""


class Message:
    """One block, parsed only as far as it is asked for.

    Header names are ASCII. A header that is spelled as asked for is taken, else one that differs in case only, as
    Asterisk itself would. Values are decoded as UTF-8 with U+FFFD for what is none. Of equal single-valued headers the
    **first** counts: a caller can smuggle in the second.
    """

    __slots__ = ("_headers", "_text", "kind", "name", "raw")

    raw: bytes
    """The block as received, without the empty line at its end."""
    kind: Kind
    name: str
    """The value of ``Event:`` or ``Response:``; empty for a block that begins with neither."""

    def __init__(self, raw: bytes, kind: Kind | None = None, name: str = "") -> None:
        self.raw = raw
        self._text: str | None = None
        self._headers: list[tuple[str, str]] | None = None
        if kind is None:
            kind, name = _first_line(raw)
        self.kind = kind
        self.name = name

    @classmethod
    def of(cls, headers: Iterable[tuple[str, str]]) -> Message:
        """Build a message from headers, for tests and the simulator.

        Raises ValueError for a name or value that would not come back as it is (a line end, a colon in a name).
        """
        pairs = list(headers)
        for key, value in pairs:
            if not key or "\r\n" in value or any(sign in key for sign in ":\r\n"):
                raise ValueError(f"not a header: {key!r}")
        return cls("\r\n".join(f"{key}: {value}" for key, value in pairs).encode())

    def get(self, key: str, default: str = "") -> str:
        """Value of the first header `key`, or `default`."""
        text = self._text
        if text is None:
            # With line ends around it the first and the last line are like all others.
            text = self._text = f"\r\n{self.raw.decode('utf-8', 'replace')}\r\n"
        line, length = _begin_of(key)
        begin = text.find(line) + length
        if begin < length:
            return self._in_any_case(key, default)
        if text[begin] == " ":
            begin += 1
        return text[begin : text.find("\r\n", begin)]

    def _in_any_case(self, key: str, default: str) -> str:
        begin, end = self._find(_needle(key), self._lower())
        return default if begin < 0 else self.raw[begin:end].decode("utf-8", "replace")

    def _lower(self) -> bytes:
        """The block in lower case, with a line end in front: offsets are two more than in `raw`."""
        return b"\r\n" + self.raw.lower()

    def _find(self, needle: bytes, block: bytes, start: int = 0) -> tuple[int, int]:
        """Begin and end in `raw` of the value behind the next `needle`; (-1, -1) without one.

        `block`: `raw` behind a line end, as it is or in lower case. `start`: where to begin to look.
        """
        at = block.find(needle, start)
        if at < 0:
            return -1, -1
        begin = at + len(needle) - 2
        end = self.raw.find(b"\r\n", begin)
        if end < 0:
            end = len(self.raw)
        return begin + 1 if self.raw.startswith(b" ", begin, end) else begin, end

    def get_bytes(self, key: str, default: bytes = b"") -> bytes:
        """Value of the first header `key` as it was on the wire, or `default`."""
        begin, end = self._find(f"\r\n{key}:".encode(), b"\r\n" + self.raw)
        if begin < 0:
            begin, end = self._find(_needle(key), self._lower())
        return default if begin < 0 else self.raw[begin:end]

    def get_all(self, key: str) -> list[str]:
        """Values of all headers `key`, in order (``ChanVariable``, ``Variable``, ``Output``)."""
        found, lower = [], self._lower()
        begin, end = self._find(_needle(key), lower)
        while begin >= 0:
            found.append(self.raw[begin:end].decode("utf-8", "replace"))
            begin, end = self._find(_needle(key), lower, end + 2)
        return found

    def __contains__(self, key: str) -> bool:
        return _needle(key) in self._lower()

    def headers(self) -> list[tuple[str, str]]:
        """All headers in order. Lines without a colon are left out."""
        if self._headers is None:
            parts = [line.partition(":") for line in self.raw.decode("utf-8", "replace").split("\r\n")]
            self._headers = [(key, value.removeprefix(" ")) for key, colon, value in parts if colon]
        return list(self._headers)

    @property
    def duplicates(self) -> list[str]:
        """Names of headers that came twice and should not: the sign of text smuggled in by a caller.

        Headers that repeat by design (``Variable``, ``…ChanVariable``, ``Output``) are not among them. It reads the
        whole block (some microseconds), so ask it of the messages that change a state.
        """
        seen: set[str] = set()
        twice: dict[str, None] = {}
        for key, _ in self.headers():
            low = key.lower()
            if low in seen and not low.endswith(_REPEATED):
                twice[key] = None
            seen.add(low)
        return list(twice)

    @property
    def action_id(self) -> str:
        """Value of ``ActionID``, empty without one."""
        return self.get("ActionID")

    @property
    def timestamp(self) -> float | None:
        """Seconds since 1970 by the PBX's clock; None without ``timestampevents=yes`` and for ``FullyBooted``."""
        raw = self.raw
        # Where Asterisk writes it, behind Event and Privilege, nobody can have written anything before it.
        begin = raw.find(_STAMP, 0, _STAMP_WITHIN) + len(_STAMP)
        if begin < len(_STAMP):
            text: bytes | str = self.get("Timestamp")
        else:
            end = raw.find(b"\r\n", begin)
            text = raw[begin:] if end < 0 else raw[begin:end]
        try:
            value = float(text)
        except ValueError:
            return None
        return value if math.isfinite(value) else None

    @property
    def output(self) -> list[str]:
        """Lines that the action ``Command`` printed: ``Output:`` headers, or the text before --END COMMAND--."""
        if self.name != "Follows":
            return self.get_all("Output")
        body = self.raw.removesuffix(_OLD_OUTPUT_END)
        while body.partition(b"\r\n")[0].lower().startswith(_OLD_OUTPUT_HEADERS):
            body = body.partition(b"\r\n")[2]
        return [line.rstrip("\r") for line in body.decode("utf-8", "replace").removesuffix("\n").split("\n")]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    def __repr__(self) -> str:
        return f"<Message {self.kind} {self.name!r} {len(self.raw)} bytes>"


class Codec:
    """Cuts a stream into messages. The messages and the counters do not depend on how the stream was cut.

    `drop` names events that are counted (`noise_dropped`) and not handed out. A block over the limits, or one that
    begins with no header at all, is dropped whole and counted; reading goes on behind the next empty line.
    """

    def __init__(self, drop: Collection[str] = NOISE) -> None:
        self.banner: str | None = None
        """First line of the stream, without its end."""
        self.version: str = ""
        """AMI version out of the banner: 11.0.0 for Asterisk 22, 5.0.5 for 16, 2.x for 13."""
        self.messages = 0
        """Messages handed out."""
        self.noise_dropped = 0
        self.dropped_messages = 0
        """Blocks dropped because they were over a limit or no AMI."""
        self.dropped_bytes = 0
        self.oversized_lines = 0
        """Lines over `MAX_LINE` among what was dropped."""
        self._pending = bytearray()
        self._begun = False
        self._bare_lf = False
        self._skipping = False
        self._line = 0  # length of the unfinished line while skipping
        self._drop = frozenset(drop)
        # First line's value → name, or None for noise: one look-up instead of decoding and two tests.
        self._names: dict[bytes, str | None] = {name.encode(): None for name in self._drop}

    def feed(self, data: bytes) -> list[Message]:
        """Take what was read and return the messages that it completes.

        Raises CodecError when the stream's first line is neither a banner nor the begin of a message. A stream may
        lack its banner (a recording that began later); `banner` stays None then.
        """
        if not self._begun:
            data = self._begin(data)
            if not self._begun:
                return []
        if self._bare_lf:
            data = data.replace(b"\n", b"\r\n")
        if self._skipping:
            data = self._skip(data)
        if self._pending:
            # Looked for in the new bytes only: a stream that comes byte by byte costs no more for each.
            if data.find(_END) < 0 and (self._pending[-3:] + data[:3]).find(_END) < 0:
                self._pending += data
                self._limit_pending()
                return []
            data = b"".join((self._pending, data))
            self._pending.clear()
        blocks = data.split(_END)
        if rest := blocks.pop():
            self._pending += rest
            self._limit_pending()
        return self._messages(blocks)

    def _messages(self, blocks: list[bytes]) -> list[Message]:
        """Make messages of complete blocks. The first lines of this loop are the hot path."""
        found: list[Message] = []
        names = self._names
        noise = 0
        for block in blocks:
            if block.startswith(b"Event: "):
                end = block.find(b"\r\n", 7)
                name = names.get(block[7:] if end < 0 else block[7:end], "")
                if name is None:
                    if block.find(_NUMBER, block.rfind(b"\r\n")) < 0:
                        noise += 1
                        continue
                    name = block[7:end].decode()  # cut in two by its caller: its rest is known by it (tracking.mend)
                if name and len(block) <= 2 * MAX_HEADERS:  # too short to break a limit
                    found.append(Message(block, "event", name))
                    continue
            message = self._check(block)
            if message is not None:
                found.append(message)
        self.noise_dropped += noise
        self.messages += len(found)
        return found

    def _check(self, block: bytes) -> Message | None:
        """Make a message of a block that is not of the usual form, or drop it."""
        text = block.removeprefix(b"\r\n")  # Debian's TestEvents are followed by two empty lines
        if not text:
            return None
        if not self._within_limits(text) or not _HEADER_LINE.match(text):
            self._count_drop(block)
            return None
        message = Message(text)
        if message.kind == "event":
            if message.name in self._drop:
                self.noise_dropped += 1
                return None
            if len(self._names) < _NAMES_KEPT:  # names may be a caller's invention
                self._names[message.name.encode()] = message.name
        return message

    @staticmethod
    def _within_limits(block: bytes) -> bool:
        if len(block) <= 2 * MAX_HEADERS:
            return True
        if len(block) > MAX_MESSAGE or block.count(b"\r\n") >= MAX_HEADERS:
            return False
        return len(block) <= MAX_LINE or max(map(len, block.split(b"\r\n"))) <= MAX_LINE

    def _count_drop(self, block: bytes) -> None:
        self.dropped_messages += 1
        self.dropped_bytes += len(block)
        if len(block) > MAX_LINE:
            self.oversized_lines += sum(len(line) > MAX_LINE for line in block.split(b"\r\n"))

    def _limit_pending(self) -> None:
        """Give up a message that has grown beyond the limit before its end came."""
        if len(self._pending) <= MAX_MESSAGE + len(_END):
            return
        self._skipping = True
        self.dropped_messages += 1
        self._line = 0
        rest = bytes(self._pending)
        self._pending.clear()
        self._skip(rest)

    def _skip(self, data: bytes) -> bytes:
        """Drop `data` up to the end of the message that is being dropped; return what follows it."""
        data = bytes(self._pending) + data
        self._pending.clear()
        end = data.find(_END)
        if end < 0:
            # The last bytes may be the begin of the end; they are looked at again with the next read.
            keep = next((n for n in (3, 2, 1) if data.endswith(_END[:n])), 0)
            self._count_skipped(data[: len(data) - keep])
            self._pending += data[len(data) - keep :]
            return b""
        self._count_skipped(data[:end])
        self._finish_line()
        self._skipping = False
        return data[end + len(_END) :]

    def _count_skipped(self, data: bytes) -> None:
        self.dropped_bytes += len(data)
        first, *others = data.split(b"\r\n")
        self._line += len(first)
        for line in others:
            self._finish_line()
            self._line = len(line)

    def _finish_line(self) -> None:
        self.oversized_lines += self._line > MAX_LINE
        self._line = 0

    def _begin(self, data: bytes) -> bytes:
        """Read the stream's first line; return what follows the banner, or nothing while it is incomplete."""
        self._pending += data
        line, newline, rest = bytes(self._pending).partition(b"\n")
        if not newline and len(line) <= MAX_BANNER:
            return b""
        text = line.removesuffix(b"\r")
        banner = _BANNER.fullmatch(text.rstrip())
        message = _first_line(text[:MAX_BANNER])[0] != "other"
        if not message and (not banner or len(line) > MAX_BANNER):
            raise CodecError(f"this is no Asterisk manager interface: its first line is {text[:60]!r}")
        data = bytes(self._pending)
        self._pending.clear()
        self._begun = True
        self._bare_lf = bool(newline) and not line.endswith(b"\r")
        if not banner:
            return data
        self.banner = text.decode("ascii", "replace").strip()
        self.version = banner[1].decode()
        return rest
