"""Actions as bytes. What Asterisk would misread is refused here, for every action, whoever built it.

A line end inside a value is a second action to Asterisk (a ``Channel:`` with CR LF CR LF ``Action: …`` is executed),
so no control character passes. Limits: Asterisk reads a line into ``char inbuf[1025]`` and throws a longer one away
("Dumping long line with no return"); of a message it takes ``AST_MAX_MANHEADERS`` lines
(main/manager.c, include/asterisk/manager.h).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

MAX_LINE: Final = 1024
"""Longest line in bytes, its CR LF included."""
MAX_HEADERS: Final = 128
"""Most lines of an action, ``Action`` and ``ActionID`` included."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
# Cc: control characters, C1 too. Cs: half characters that UTF-8 has no bytes for. Zl, Zp: Unicode's own line ends.
_REFUSED_CATEGORIES: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})


class EncodeError(ValueError):
    """An action cannot be sent. `field` names the header; the message never holds its value."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def check_text(field: str, value: str) -> str:
    """Return `value`, or raise EncodeError if it has a control character or half a character."""
    if not value.isprintable() and any(unicodedata.category(sign) in _REFUSED_CATEGORIES for sign in value):
        raise EncodeError(field, "has a control character")
    return value


def _line(name: str, value: str) -> bytes:
    if not _NAME.fullmatch(name):
        # A bad name may be a value in the wrong place, so it is not repeated.
        raise EncodeError("header name", "is not a word of ASCII letters, digits, - and _, at most 64")
    line = f"{name}: {check_text(name, value)}\r\n".encode()
    if len(line) > MAX_LINE:
        raise EncodeError(name, f"is longer than {MAX_LINE} bytes a line")
    return line


def encode_action(name: str, headers: Iterable[tuple[str, str]], action_id: str) -> bytes:
    """Return the bytes of one action.

    Raises EncodeError for control characters, names that are none, ``Action`` or ``ActionID`` among the headers,
    lines over `MAX_LINE` bytes and more than `MAX_HEADERS` lines.
    """
    lines = [_line("Action", name), _line("ActionID", action_id)]
    for key, value in headers:
        if key.lower() in {"action", "actionid"}:
            raise EncodeError(key, "cannot be given twice")
        lines.append(_line(key, value))
        if len(lines) > MAX_HEADERS:
            raise EncodeError(key, f"is beyond the {MAX_HEADERS} lines that Asterisk takes")
    if not name or not action_id:
        raise EncodeError("Action" if not name else "ActionID", "is empty")
    return b"".join(lines) + b"\r\n"
