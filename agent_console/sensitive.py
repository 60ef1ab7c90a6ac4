"""Which custom fields are marked as sensitive, kept for a few seconds: what is shown must not wait for the database."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent_console.deps import ConsoleDeps

LOG = logging.getLogger(__name__)
FRESH_SECONDS: Final = 5.0


class Sensitive:
    """``codes``: the newest that were read; ``None`` while none could be: then every custom field is hidden."""

    def __init__(self, deps: ConsoleDeps):
        self._deps = deps
        self._read_at: float | None = None
        self.codes: frozenset[str] | None = None

    async def refresh(self) -> None:
        """Read them again, if they are older than 5 s. Never raises."""
        now = self._deps.now()
        if self._deps.records is None or (self._read_at is not None and now - self._read_at < FRESH_SECONDS):
            return
        try:
            self.codes = frozenset(one.code for one in await self._deps.records.fields.all() if one.sensitive)
            self._read_at = now
        except Exception as error:
            LOG.warning("the sensitive fields cannot be read: %s", type(error).__name__)
