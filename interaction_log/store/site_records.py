"""All that a site keeps of customers beside their records, opened together."""

from __future__ import annotations

from dataclasses import dataclass

from interaction_log.store.cases import StoredCases
from interaction_log.store.consents import StoredConsents
from interaction_log.store.custom_fields import StoredFields
from interaction_log.store.reading import Reading
from interaction_log.store.relations import StoredRelations
from interaction_log.store.segments import StoredSegments
from interaction_log.store.tasks import StoredTasks
from interaction_log.store.writing import Writing


@dataclass(frozen=True, slots=True)
class SiteRecords:
    """Typed fields and purposes, consents, relations, segments, tasks and their rules, cases and their types."""

    fields: StoredFields
    consents: StoredConsents
    relations: StoredRelations
    segments: StoredSegments
    tasks: StoredTasks
    cases: StoredCases

    @classmethod
    def over(cls, reading: Reading, writing: Writing) -> SiteRecords:
        """On these connections."""
        return cls(
            StoredFields(reading, writing),
            StoredConsents(reading, writing),
            StoredRelations(reading, writing),
            StoredSegments(reading, writing),
            StoredTasks(reading, writing),
            StoredCases(reading, writing),
        )
