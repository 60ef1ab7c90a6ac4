"""How the log is, as the hub tells people and monitoring."""

from __future__ import annotations

from typing import Protocol


class LogHealth(Protocol):
    """How the log is: ``interaction_log.store.LogState``."""

    @property
    def name(self) -> str:
        """``ok``, ``journaling`` or ``degraded``."""
        ...

    @property
    def backlog(self) -> int:
        """Events that are not in the database yet."""
        ...

    @property
    def since(self) -> float:
        """Unix seconds."""
        ...

    @property
    def reason(self) -> str | None:
        """Why not ok."""
        ...

    @property
    def lost(self) -> int:
        """Events that reached no disk."""
        ...
