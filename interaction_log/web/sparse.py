"""A log that nobody from outside can flood."""

from __future__ import annotations

import logging
from typing import Final

from interaction_log.web.limits import Window

KINDS: Final = 200


class Sparse(logging.Filter):
    """Lets each kind of message (its text before the arguments) pass five times a minute."""

    def __init__(self, limit: int = 5, seconds: float = 60.0):
        super().__init__()
        self._window = Window(limit, seconds, KINDS)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is written."""
        return self._window.attempt(str(record.msg)[:200], record.created) == 0.0


def make_sparse(name: str) -> None:
    """Thin out this logger, once."""
    logger = logging.getLogger(name)
    if not any(isinstance(known, Sparse) for known in logger.filters):
        logger.addFilter(Sparse())
