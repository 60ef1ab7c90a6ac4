"""Merges, claims and suggestions over one database, opened together."""

from __future__ import annotations

from dataclasses import dataclass

from interaction_log.store.claims import StoredClaims
from interaction_log.store.customers import StoredCustomers
from interaction_log.store.merge_suggest import StoredSuggestions
from interaction_log.store.merges import StoredMerges
from interaction_log.store.reading import Reading
from interaction_log.store.writing import Writing


@dataclass(frozen=True, slots=True)
class StoredIdentity:
    """Who is one person, and what speaks for it."""

    merges: StoredMerges
    claims: StoredClaims
    suggestions: StoredSuggestions

    @classmethod
    def over(cls, reading: Reading, writing: Writing, customers: StoredCustomers) -> StoredIdentity:
        """Over these connections; what they change empties the cache of callers."""
        region, changed = customers.region, customers.forget_recent
        return cls(
            StoredMerges(reading, writing, region, changed),
            StoredClaims(reading, writing, region, changed),
            StoredSuggestions(reading, writing),
        )
