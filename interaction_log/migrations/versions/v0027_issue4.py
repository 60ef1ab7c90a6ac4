"""Texts about customers are sealed where they stand, and the words of the search hashed with the site's key: by the
program, which has the keys, in idle time."""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """``store.sealing`` and ``store.search_fill`` go over what stands in clear; of an index that was here before, its
    version is put back."""
    op.execute("UPDATE search_state SET value = '1' WHERE key = 'version' AND value = '0'")


def downgrade() -> None:
    """An older version shows sealed texts as they are stored, and does not find them: it says that the index was made
    by other rules, for ``cti db reindex --all``. After the next upgrade all are looked at again."""
    op.execute("DELETE FROM search_state WHERE key IN ('sealing', 'keyed', 'renewing')")
    op.execute("UPDATE search_state SET value = '0' WHERE key = 'version'")
