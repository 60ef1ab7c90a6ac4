"""What the process says of itself: one line an entry, control characters escaped, no secrets, no personal data.

Our own statements name no customer. What could bring one in is masked here, unless ``[log] personal`` says otherwise:
numbers and mail addresses in texts that were put into an entry, and what exceptions say of themselves (a database's
complaint quotes the row, a ``ValueError`` the value), of which only the kind and the place are left.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Literal

from interaction_log.masking import mask_mail, mask_number

_ESCAPES: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))} | {
    0x0A: "\\n",
    0x0D: "\\r",
    0x09: "\\t",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


def one_line(text: str) -> str:
    """The text with everything escaped that could begin a new line or steer a terminal."""
    return text.translate(_ESCAPES)


_NUMBER: Final = re.compile(
    r"(?<![0-9A-Za-z.+])(?:\+[0-9][0-9 ()\-]{5,20}[0-9]|[0-9]{7,15})(?![0-9A-Za-z]|\.[0-9])", re.ASCII
)
_MAIL: Final = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:.]+")


def impersonal(text: str) -> str:
    """A text with its numbers and mail addresses masked."""
    text = _MAIL.sub(lambda found: mask_mail(found[0]), text) if "@" in text else text
    return _NUMBER.sub(lambda found: mask_number(found[0]), text)


class Impersonal(logging.Filter):
    """Masks what was put into an entry. Whole numbers (counts, ports, events) are ours and stay."""

    def filter(self, record: logging.LogRecord) -> bool:
        """See ``logging.Filter``: nothing is held back."""
        if isinstance(record.args, dict):
            record.args = {key: self._masked(value) for key, value in record.args.items()}
        elif record.args:
            record.args = tuple(self._masked(value) for value in record.args)
        else:
            record.msg = impersonal(str(record.msg))
        if isinstance(record.exc_info, tuple):
            record.exc_text = quiet_traceback(*record.exc_info)
            record.exc_info = None
        return True

    @staticmethod
    def _masked(value: Any) -> Any:
        return value if isinstance(value, int | float) or value is None else impersonal(str(value))


def quiet_traceback(kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> str:
    """A traceback without what the exceptions say: their kinds, and the lines of code."""
    lines: list[str] = []
    for one in _causes(error):
        lines += [*traceback.format_tb(one.__traceback__), f"{_kind(one)}\n"]
    return "Traceback (what the exceptions say is left out: [log] personal)\n" + "".join(lines).rstrip()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, and those that it came from before it."""
    if error is not None:
        yield from _causes(error.__cause__ or (None if error.__suppress_context__ else error.__context__))
        yield error


_OF_CODE: Final = (TypeError, AttributeError, NameError, ImportError, NotImplementedError, AssertionError)
"""Faults of ours, whose words are about the code."""


def _kind(error: BaseException) -> str:
    """Its name; of the system's errors and of faults of ours what happened, which quotes nobody's data."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return f"{name}: {impersonal(str(error))}" if isinstance(error, _OF_CODE) else name


class OneLine(logging.Formatter):
    """For people and for ``journalctl``; a traceback stays in the same line."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        return one_line(super().format(record))


class JsonLine(logging.Formatter):
    """For programs."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        entry = {"at": record.created, "level": record.levelname, "name": record.name, "text": record.getMessage()}
        if record.exc_info or record.exc_text:
            entry["traceback"] = record.exc_text or self.formatException(record.exc_info)  # type: ignore[arg-type]
        return json.dumps(entry)


def set_up(level: str, style: Literal["text", "json"], personal: bool = False) -> None:
    """Send everything to stderr, Twisted's log too. ``personal``: mask nothing (for who looks for a fault)."""
    from twisted.logger import STDLibLogObserver, globalLogBeginner  # noqa: PLC0415  (after the reactor is chosen)

    printer = logging.StreamHandler(sys.stderr)
    printer.setFormatter(JsonLine() if style == "json" else OneLine())
    if not personal:
        printer.addFilter(Impersonal())
    root = logging.getLogger()
    root.handlers[:] = [printer]
    root.setLevel(level.upper())
    logging.getLogger("twisted").setLevel(max(root.level, logging.WARNING))
    logging.getLogger("alembic").setLevel(max(root.level, logging.WARNING))
    # Its packets hold session tokens and personal data: never below a warning, whatever the level.
    logging.getLogger("agent_console.socketio").setLevel(logging.WARNING)
    observer: Any = STDLibLogObserver()
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
