"""One page of the log. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class InteractionPage:
    """Public objects with id, pbx, customer_id, disposition, notes; ``next`` is the cursor of the page after this."""

    items: list[dict[str, Any]]
    next: str | None
