"""What the process says of itself: one line an entry, control characters escaped, no secrets, no personal data."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, Final, Literal

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
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def set_up(level: str, style: Literal["text", "json"]) -> None:
    """Send everything to stderr, Twisted's log too."""
    from twisted.logger import STDLibLogObserver, globalLogBeginner  # noqa: PLC0415  (after the reactor is chosen)

    printer = logging.StreamHandler(sys.stderr)
    printer.setFormatter(JsonLine() if style == "json" else OneLine())
    root = logging.getLogger()
    root.handlers[:] = [printer]
    root.setLevel(level.upper())
    logging.getLogger("twisted").setLevel(max(root.level, logging.WARNING))
    logging.getLogger("alembic").setLevel(max(root.level, logging.WARNING))
    # Its packets hold session tokens and personal data: never below a warning, whatever the level.
    logging.getLogger("agent_console.socketio").setLevel(logging.WARNING)
    observer: Any = STDLibLogObserver()
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
