"""What consoles need of identity, as protocols; ``interaction_log.store`` fulfils them. See ``routing.ports``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from interaction_log.evidence import Evidence, Kind
from interaction_log.persons import (
    Claim,
    Merge,
    MergePreview,
    Seen,
    SharedAddress,
    SharedHint,
    Suggestion,
)
from interaction_log.records import Customer, Match


class Merges(Protocol):
    """Records that are one person."""

    async def preview(self, kept: str, merged: str) -> MergePreview:
        """What a merge would do; raises ``NotFound``, ``Refused``."""
        ...

    async def merge(
        self,
        kept: str,
        merged: str,
        *,
        at: float,
        by: str | None,
        take: Sequence[str] | None = None,
        reasons: Sequence[str] = (),
        rule: str | None = None,
    ) -> Merge:
        """Make ``merged`` a part of ``kept``; raises ``NotFound``, ``Refused``."""
        ...

    async def undo(self, merge_id: str, *, at: float, by: str) -> Merge:
        """Both are what they were; raises ``NotFound``, ``Conflict``."""
        ...

    async def of(self, customer_id: str) -> list[Merge]:
        """All merges of this person, the newest first."""
        ...

    async def members(self, customer_id: str) -> list[Customer]:
        """The records that are this person, the head first; raises ``NotFound``."""
        ...


class Claims(Protocol):
    """Who has which address, and addresses that several share."""

    async def saw(self, seen: Sequence[Seen]) -> None:
        """Keep these."""
        ...

    async def of(self, customer_id: str) -> list[Claim]:
        """All that speaks for this person; raises ``NotFound``."""
        ...

    async def who(self, evidence: Evidence) -> Match:
        """Whom a mail's sender, a login or a number speaks for; raises ``Refused``."""
        ...

    async def confirm(self, customer_id: str, kind: Kind, value: str, *, by: str, at: float) -> Claim:
        """A user says that it is so; raises ``NotFound``, ``Refused``."""
        ...

    async def withdraw(self, claim_id: str) -> Claim:
        """It speaks no more; raises ``NotFound``."""
        ...

    async def shared(self) -> list[SharedAddress]:
        """All addresses that are marked."""
        ...

    async def share(self, kind: Kind, value: str, *, by: str, at: float, note: str | None = None) -> SharedAddress:
        """It identifies nobody from now on; raises ``Refused``."""
        ...

    async def unshare(self, value: str) -> None:
        """It identifies again; raises ``NotFound``."""
        ...

    async def shared_hints(self, people: int, limit: int = 50) -> list[SharedHint]:
        """Addresses of at least so many people that nobody marked."""
        ...


class Suggestions(Protocol):
    """Pairs of records that may be one person."""

    async def page(self, limit: int, cursor: str | None) -> tuple[list[Suggestion], str | None]:
        """Those that nobody decided, the surest first."""
        ...

    async def dismiss(self, one: str, other: str, *, by: str, at: float) -> None:
        """They are two; raises ``NotFound``."""
        ...


class Upkeep(Protocol):
    """Looks for suggestions beside the calls."""

    async def refresh(self) -> int:
        """Look through all records now; how many pairs there are. While one look runs, its result is waited for."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """All of it. ``shared_from``: a number of so many people is suggested to be marked as shared."""

    merges: Merges
    claims: Claims
    suggestions: Suggestions
    upkeep: Upkeep | None = None
    shared_from: int = 4
