"""How the work after a call ends, by the queue that the call came through. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["optional", "timed", "mandatory"]
"""``optional``: time to write, which may be skipped and leaves nothing behind. ``timed``: the same, and where she chose
no disposition when it ends, the automatic one is written. ``mandatory``: it lasts until she has chosen one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrapUpRule:
    """``disposition``: the automatic one (``None``: none). ``alarm_seconds``: after so long in mandatory wrap-up
    the supervisors are told; 0: never."""

    mode: Mode = "timed"
    disposition: str | None = None
    alarm_seconds: float = 300.0

    @property
    def mandatory(self) -> bool:
        """Whether only a disposition ends it."""
        return self.mode == "mandatory"

    @property
    def automatic(self) -> str | None:
        """What is written where she chose nothing."""
        return self.disposition if self.mode == "timed" else None


TIMED = WrapUpRule()
"""What counts for calls through queues without a rule, and through none."""
