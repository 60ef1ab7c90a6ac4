"""What a failed transaction means: try again, a row at fault, or the database away."""

from __future__ import annotations

from typing import Final, Literal

import sqlalchemy as sa

Failure = Literal["retry", "bad", "away"]
_RETRY: Final = frozenset({"40001", "40P01"})  # serialisation failure, deadlock
_AT_FAULT: Final = (sa.exc.DataError, sa.exc.IntegrityError)


def meaning(error: Exception) -> Failure:
    """``bad``: the rows (or our code) are at fault, not the database; others may pass without them."""
    if isinstance(error, sa.exc.DBAPIError):
        if getattr(error.orig, "sqlstate", None) in _RETRY:
            return "retry"
        if error.connection_invalidated or isinstance(error, sa.exc.OperationalError):
            return "away"
        if isinstance(error, _AT_FAULT):
            return "bad"
        driver = type(error.orig).__module__
        binding = isinstance(error, sa.exc.ProgrammingError | sa.exc.InterfaceError) and driver == "sqlite3"
        return "bad" if binding else "away"
    if isinstance(error, OSError | sa.exc.InvalidRequestError | sa.exc.TimeoutError):
        return "away"
    return "bad"


def in_words(error: Exception) -> str:
    """One short line for people: no statement, no parameters (they hold personal data)."""
    orig = getattr(error, "orig", None) or error
    text = str(orig).strip().splitlines()
    return f"{type(orig).__name__}: {text[0][:200]}" if text else type(orig).__name__
