"""What people wrote about a customer, sealed where it stands: notes, texts of cases and tasks, the words of the search.

A column of the type ``SealedText`` is written sealed and read in clear by whoever has the site's master key
(``sealed_fields.use``). It is for texts that no question compares: they are found by the full-text index, whose terms
are hashes, and looked at when they are opened. Without a key (tests, tools that open a store without it) texts stay as
they are: those in clear in clear, sealed ones sealed, so that what such a tool writes back is what it read.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from interaction_log.store.sealed_fields import open_text, seal_text


class SealedText(sa.types.TypeDecorator[str]):
    """A text that is sealed in the database. Not for conditions, sorting or statements of the driver's own."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """On its way into the database."""
        return seal_text(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> str | None:
        """On its way out."""
        return open_text(value)


def columns(metadata: sa.MetaData) -> dict[sa.Table, list[str]]:
    """By table, in the order of names: what is sealed."""
    found = {table: [c.name for c in table.c if isinstance(c.type, SealedText)] for table in metadata.sorted_tables}
    return {table: found[table] for table in sorted(found, key=lambda one: one.name) if found[table]}
