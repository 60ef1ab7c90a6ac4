"""What the routes of imports stand on: the store, who works at them, and how a file of customers is written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from interaction_log.store.exports import Wanted
from interaction_log.store.imports_store import StoredImports


@dataclass(frozen=True, slots=True)
class ImportAccess:
    """``peek``: find the headings of a file that was just given; ``wake``: there is a step to do; ``export``: the
    file, piece by piece."""

    stored: StoredImports
    peek: Callable[[str], Awaitable[None]]
    wake: Callable[[], None]
    export: Callable[[Wanted], AsyncIterator[bytes]]
