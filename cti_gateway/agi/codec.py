"""FastAGI, our side of it, without I/O: bytes in, bytes out. Pure.

A connection begins with lines ``agi_name: value`` up to an empty one; then we send one command at a time, and Asterisk
answers each with ``200 result=…`` (or 510, 511, 520). ``HANGUP`` comes when the caller is gone.

A caller can put line breaks into his number and name, and Asterisk writes them as they are. Of what stands before
``agi_callerid`` the first counts, of what stands behind it the last; an environment in which a name comes twice or the
end is missing is `torn`: then nothing of it is believed but what stands before the caller's number.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

MAX_LINE: Final = 8_192
MAX_LINES: Final = 128
"""Lines of an environment; Asterisk 22 sends 22 and one for each argument."""
MAX_REPLY_LINES: Final = 256
"""Lines of all replies together; a usage text of a refused command has up to 30."""
NAME_BYTES: Final = 79
"""Where Asterisk cuts a caller's name (AMI-FACTS 6.22)."""
MAX_VALUE: Final = 256
MAX_COMMAND: Final = 1_500
"""Bytes of one command; Asterisk reads 2,047 (AGI_BUF_LEN in res_agi.c)."""

_FIELD: Final = re.compile(rb"(agi_[a-z0-9_]{1,40}):[ ]?(.*)", re.DOTALL)
_REPLY: Final = re.compile(rb"(\d{3})([ -])(.*)", re.DOTALL)
_VARIABLE: Final = re.compile(r"(?:__)?CALLWEAVE_[A-Z0-9_]{1,40}|CALLERID\(name\)|CHANNEL\(language\)", re.ASCII)
# Signs that the dialplan may evaluate, split at, or take for the end of something.
_EVALUATED: Final = re.compile(r'["\\$`{}\[\]<>|,;]')
_UNPAIRED: Final = re.compile(r"[()]")
"""A parenthesis that nothing closes would hide the commas behind it."""
_BEFORE_CALLER: Final = frozenset(
    {"network", "network_script", "request", "channel", "language", "type", "uniqueid", "version"}
)
_AFTER_CALLER: Final = ("context", "extension", "priority", "enhanced")


class AgiError(ValueError):
    """What came is no FastAGI, or too much of it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What Asterisk says of the call. ``torn``: something in it was smuggled in; see the module's text."""

    fields: dict[str, str]
    torn: bool

    def get(self, name: str) -> str:
        """The value of ``agi_<name>``, empty if there is none or it cannot be believed."""
        if self.torn and name not in _BEFORE_CALLER:
            return ""
        return self.fields.get(name, "")

    @property
    def path(self) -> str:
        """What is asked: ``route`` of ``agi://host:port/route?queue=support``."""
        return urlsplit("/" + self.get("network_script").lstrip("/")).path.strip("/")

    @property
    def query(self) -> dict[str, str]:
        """What the dialplan wrote behind the question mark."""
        split = urlsplit("/" + self.get("network_script").lstrip("/"))
        return dict(parse_qsl(split.query, max_num_fields=20, keep_blank_values=True))


def environment_of(lines: Sequence[bytes]) -> Environment:
    """The environment of its lines, without the empty one."""
    fields: dict[str, str] = {}
    torn = False
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            torn = True
            continue
        name = found[1].decode("ascii").removeprefix("agi_")
        torn = torn or name in fields
        if name not in fields or name not in _BEFORE_CALLER:
            fields[name] = found[2].decode("utf-8", "replace")
    return Environment(fields, torn or any(name not in fields for name in _AFTER_CALLER))


def plain(text: str, most_bytes: int = MAX_VALUE) -> str:
    """Text that a dialplan can hold without evaluating any of it: printable, no ``" \\ $ { } [ ] < > | , ;``."""
    signs = "".join(c if c.isprintable() else " " for c in text[: 4 * most_bytes])
    kept = " ".join(_EVALUATED.sub(" ", signs).split())
    return kept.encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore").strip()


def set_variable(name: str, value: str) -> bytes:
    """The command that sets a variable of ours (``CALLWEAVE_…``) or the caller's name; the value is made plain.

    Raises :class:`AgiError` for any other name.
    """
    if not _VARIABLE.fullmatch(name):
        raise AgiError("this is no variable that we set")
    return f'SET VARIABLE {name} "{plain(value, NAME_BYTES if name.startswith("CALLERID") else MAX_VALUE)}"\n'.encode()


def set_variables(pairs: Sequence[tuple[str, str]]) -> list[bytes]:
    """The commands that set them all: ours by one ``MSet`` (a round trip each would cost more than the answer), the
    caller's name by itself, because it may hold parentheses.

    Raises :class:`AgiError` for a name that we do not set.
    """
    alone = [set_variable(name, value) for name, value in pairs]
    together = [(name, value) for name, value in pairs if "(" not in name]
    parts = [f"{name}={_UNPAIRED.sub(' ', plain(value))}" for name, value in together]
    commands = [f'EXEC MSet "{",".join(some)}"\n'.encode() for some in _chunks(parts)]
    return commands + [command for (name, _), command in zip(pairs, alone, strict=True) if "(" in name]


def _chunks(parts: Sequence[str]) -> list[list[str]]:
    """Lists whose text fits into one command."""
    found: list[list[str]] = []
    for part in parts:
        if not found or len(",".join([*found[-1], part]).encode()) > MAX_COMMAND:
            found.append([])
        found[-1].append(part)
    return found


@dataclass(slots=True)
class Conversation:
    """One connection. Feed it with :meth:`receive`; once ``asked`` is there, :meth:`answer` once; send what they give.

    ``over``: nothing more will be sent, the connection can be closed.
    """

    asked: Environment | None = None
    over: bool = False
    hung_up: bool = False
    refused: list[int] = field(default_factory=list)
    """Codes of commands that Asterisk did not take: 510 unknown, 511 dead channel, 520 wrong use."""
    _buffer: bytes = b""
    _lines: list[bytes] = field(default_factory=list)
    _to_say: list[bytes] = field(default_factory=list)
    _answered: bool = False
    _reply_lines: int = 0

    def receive(self, data: bytes) -> bytes:
        """Take bytes in; returns what to send now. Raises :class:`AgiError`: close the connection then."""
        self._buffer += data
        said = b""
        while (end := self._buffer.find(b"\n")) >= 0:
            line, self._buffer = self._buffer[:end].rstrip(b"\r"), self._buffer[end + 1 :]
            if end > MAX_LINE:
                raise AgiError("a line is too long")
            said += self._line(line)
        if len(self._buffer) > MAX_LINE:
            raise AgiError("a line is too long")
        return said

    def answer(self, commands: Sequence[bytes]) -> bytes:
        """Begin to answer with these commands, one after the other; returns the first."""
        if self.asked is None or self._answered:
            raise AgiError("nothing was asked")
        self._answered = True
        self._to_say = list(commands)
        return self._next()

    def _line(self, line: bytes) -> bytes:
        if self.asked is None:
            return self._environment(line)
        self._reply_lines += 1
        if self._reply_lines > MAX_REPLY_LINES:
            raise AgiError("too many lines")
        if line == b"HANGUP":
            self.over = self.hung_up = True
            self._to_say.clear()
            return b""
        return self._reply(line)

    def _environment(self, line: bytes) -> bytes:
        if line:
            self._lines.append(line)
            if len(self._lines) > MAX_LINES:
                raise AgiError("the environment has too many lines")
        elif self._lines:
            self.asked = environment_of(self._lines)
            self._lines.clear()
        return b""

    def _reply(self, line: bytes) -> bytes:
        found = _REPLY.fullmatch(line)
        # What is no reply is the usage text of a 520, or the rest of an environment that somebody tore.
        if found is None or found[2] == b"-" or not self._answered or self.over:
            return b""
        if found[1] != b"200":
            self.refused.append(int(found[1]))
        return self._next()

    def _next(self) -> bytes:
        if not self._to_say:
            self.over = True
            return b""
        return self._to_say.pop(0)
