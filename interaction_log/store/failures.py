"""What a failed transaction means: try again, a row at fault, our code at fault, or the database away."""

from __future__ import annotations

from typing import Final, Literal

import sqlalchemy as sa

Failure = Literal["retry", "bad", "bug", "away"]
_RETRY: Final = frozenset({"40001", "40P01"})  # serialisation failure, deadlock
_AT_FAULT: Final = (sa.exc.DataError, sa.exc.IntegrityError)
_NO_VALUE: Final = (ValueError, TypeError, OverflowError)  # UnicodeError is a ValueError


def meaning(error: BaseException) -> Failure:
    """``bad``: a value that the database or its driver cannot take; other rows may pass without it."""
    if isinstance(error, sa.exc.DBAPIError):
        return _of_driver(error)
    if isinstance(error, OSError | sa.exc.InvalidRequestError | sa.exc.TimeoutError):
        return "away"
    if isinstance(error, sa.exc.StatementError) and error.orig is not None:
        return meaning(error.orig)
    return "bad" if isinstance(error, _NO_VALUE) else "bug"


def _of_driver(error: sa.exc.DBAPIError) -> Failure:
    if getattr(error.orig, "sqlstate", None) in _RETRY:
        return "retry"
    if error.connection_invalidated or isinstance(error, sa.exc.OperationalError):
        return "away"
    if isinstance(error, _AT_FAULT):
        return "bad"
    binding = isinstance(error, sa.exc.ProgrammingError | sa.exc.InterfaceError)
    return "bad" if binding and type(error.orig).__module__ == "sqlite3" else "away"


def in_words(error: BaseException) -> str:
    """One short line for people: no statement, no parameters (they hold personal data)."""
    orig = getattr(error, "orig", None) or error
    text = complaint(error)
    return f"{type(orig).__name__}: {text}" if text else type(orig).__name__


def complaint(error: BaseException) -> str:
    """The first line of what the database said, without its kind; empty if it said nothing.

    SQLite's own name of the error (https://sqlite.org/rescode.html) follows where it tells more: "disk I/O error" is
    said for thirty causes.
    """
    orig = getattr(error, "orig", None) or error
    text = str(orig).strip().splitlines()
    name = getattr(orig, "sqlite_errorname", None)
    more = f" ({name})" if name not in (None, "SQLITE_ERROR") else ""
    return f"{text[0][:200]}{more}" if text else ""
