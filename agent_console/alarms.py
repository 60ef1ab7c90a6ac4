"""What the routes of alarms stand on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from interaction_log.store.alarms import StoredAlarms


@dataclass(frozen=True, slots=True)
class AlarmAccess:
    """``stored``: rules and alarms; ``changed``: called after a rule changed, until it counts."""

    stored: StoredAlarms
    changed: Callable[[], Awaitable[None]]
