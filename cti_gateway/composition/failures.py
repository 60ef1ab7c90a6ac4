"""Why the program cannot start, in plain words."""

from __future__ import annotations


class CannotStart(Exception):
    """The program cannot start; the text says why, in plain words and without secrets."""


def cause(error: Exception) -> str:
    """In words, without a path or a value."""
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
