"""What the console needs of privacy: requests and holds in the store, and the work of the running program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from interaction_log.privacy.stored import Erasure, Hold, Preview
from interaction_log.store.retention import Rule, What


class PrivacyRecords(Protocol):
    """Previews, erasures, holds (``interaction_log.privacy.stored.StoredPrivacy``)."""

    async def preview(self, customer_id: str) -> Preview:
        """What an erasure would do. Raises ``NotFound``."""
        ...

    async def erasures(self, limit: int = 100) -> list[Erasure]:
        """The newest first."""
        ...

    async def get(self, erasure_id: str) -> Erasure:
        """One. Raises ``NotFound``."""
        ...

    async def hold(self, one: Hold) -> Hold:
        """Set a legal hold."""
        ...

    async def lift(self, hold_id: str, by: str, at: float) -> Hold:
        """End it."""
        ...

    async def holds(self, *, all_of_them: bool = False) -> list[Hold]:
        """Those that stand, or all."""
        ...


class Privacy(Protocol):
    """``cti_gateway.retention.PrivacyWork``."""

    @property
    def stored(self) -> PrivacyRecords: ...  # noqa: D102 (the records)
    @property
    def rules(self) -> Sequence[Rule]: ...  # noqa: D102 (of retention, the first that fits counts)

    async def request(self, customer_id: str, by: str) -> Erasure:
        """Erase this customer; it begins at once."""
        ...

    async def export(self, customer_id: str) -> Path:
        """An archive of everything; whoever asked removes it."""
        ...

    async def due(self) -> dict[What, int]:
        """How much would be deleted now."""
        ...

    async def sweep(self) -> dict[What, int]:
        """Delete it now."""
        ...
