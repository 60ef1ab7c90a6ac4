"""Tables of identity: who is one person with whom, what speaks for it, and what people and rules decided."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from interaction_log.store.schema import customers, metadata

_CHUNK: Final = 500
_Sorted: Final = sa.String().with_variant(sa.String(collation="C"), "postgresql")  # the same order on both databases

customer_merges: Final = sa.Table(
    "customer_merges",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False, unique=True),  # in order of the merging, from 1
    sa.Column("kept", sa.String, nullable=False),  # both were the heads of their persons at that moment
    sa.Column("merged", sa.String, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("by", sa.String),  # the user; null: a rule
    sa.Column("rule", sa.String),  # of the site, where nobody asked for it
    sa.Column("reasons", sa.Text, nullable=False),  # JSON array of codes
    sa.Column("laid", sa.Text, nullable=False),  # JSON: what it changed in the record that was kept (``merge_fields``)
    sa.Column("undone_at", sa.Double),
    sa.Column("undone_by", sa.String),
    sa.Index("merges_of_kept", "kept"),
    sa.Index("merges_of_merged", "merged"),
)
"""A merge is a row; an undone one stays, with who undid it."""

customer_links: Final = sa.Table(
    "customer_links",
    metadata,
    sa.Column("member", sa.String, primary_key=True),
    sa.Column("root", sa.String, nullable=False),
    sa.Index("links_of_root", "root", "member"),
)
"""What the merges that stand add up to: for each merged record the head of its person. The head has no row."""

claims: Final = sa.Table(
    "claims",
    metadata,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("customer_id", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),  # phone | email | login
    sa.Column("value", sa.String, nullable=False),  # E.164, case-folded address, login
    sa.Column("source", sa.String, nullable=False),  # see ``interaction_log.evidence``
    sa.Column("strength", sa.String, nullable=False),  # known | maybe | never, when it was seen last
    sa.Column("rule", sa.String, nullable=False),  # the line of the table that says so
    sa.Column("details", sa.Text, nullable=False),  # JSON: presentation, attestation, authentication
    sa.Column("first_at", sa.Double, nullable=False),
    sa.Column("last_at", sa.Double, nullable=False),
    sa.Column("interaction_id", sa.String),  # where it was seen last
    sa.Column("by", sa.String),  # who confirmed it
    sa.UniqueConstraint("customer_id", "kind", "value", "source", name="claims_once"),
    sa.Index("claims_of_value", "value", "kind", "source"),
)

shared_addresses: Final = sa.Table(
    "shared_addresses",
    metadata,
    sa.Column("value", _Sorted, primary_key=True),  # E.164 or case-folded address
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("note", sa.String),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("by", sa.String, nullable=False),
)
"""Numbers and mailboxes that several people use: they identify nobody."""

merge_suggestions: Final = sa.Table(
    "merge_suggestions",
    metadata,
    sa.Column("one", sa.String, primary_key=True),  # the lesser id
    sa.Column("other", sa.String, primary_key=True),
    sa.Column("score", sa.Integer, nullable=False),  # 0 to 100
    sa.Column("reasons", sa.Text, nullable=False),  # JSON array of ``{code, value}``
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("dismissed_at", sa.Double),
    sa.Column("dismissed_by", sa.String),
    sa.Index("suggestions_by_score", "score", "one", "other"),
    sa.Index("suggestions_of_other", "other"),
)

_named: Final = customers.c.organisation.is_not(None)
sa.Index(
    "customers_of_organisation",
    customers.c.organisation,
    customers.c.id,
    sqlite_where=_named,
    postgresql_where=_named,
)


def forget(connection: sa.Connection, ids: Sequence[str]) -> None:
    """Remove all that is known of these records' identity: with the records themselves."""
    for n in range(0, len(ids), _CHUNK):
        some = ids[n : n + _CHUNK]
        for table, one, other in (
            (customer_merges, "kept", "merged"),
            (customer_links, "root", "member"),
            (merge_suggestions, "one", "other"),
            (claims, "customer_id", "customer_id"),
        ):
            connection.execute(sa.delete(table).where(table.c[one].in_(some) | table.c[other].in_(some)))
