"""Tables of roles and teams, and the last word of the audit trail."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from interaction_log.store.schema import metadata

roles: Final = sa.Table(
    "roles",
    metadata,
    sa.Column("code", sa.String, primary_key=True),
    sa.Column("labels", sa.Text, nullable=False),  # JSON object: text by language
    sa.Column("base", sa.String, nullable=False),  # the built-in role whose screens it has
    sa.Column("rights", sa.Text, nullable=False),  # JSON array, sorted
    sa.Column("version", sa.Integer, nullable=False),
)

teams: Final = sa.Table(
    "teams",
    metadata,
    sa.Column("code", sa.String, primary_key=True),
    sa.Column("label", sa.String, nullable=False),
    sa.Column("queues", sa.Text, nullable=False),  # JSON array of names
    sa.Column("version", sa.Integer, nullable=False),
)

team_members: Final = sa.Table(
    "team_members",
    metadata,
    sa.Column("team", sa.String, primary_key=True),
    sa.Column("user", sa.String, primary_key=True),
    sa.Index("teams_of_user", "user"),
)

audit_head: Final = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),  # always 1
    sa.Column("n", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)
