"""The schema's version: brought to the newest at every start; a newer one than ours is refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from interaction_log.store.engine import open_engine

_LOCK = 0x63616C6C  # any constant: PostgreSQL's advisory lock of our migrations


class SchemaTooNew(RuntimeError):
    """The database was made by a newer version of the program."""

    def __init__(self, found: str):
        super().__init__(
            f"the database has schema {found}, which this version does not know: it was made by a newer Callweave. "
            "Install that version again, or restore a backup made before the upgrade."
        )
        self.found = found


def upgrade_to_head(url: str) -> None:
    """Create the tables or bring them to this version, in one transaction; raises ``SchemaTooNew``."""
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            _upgrade(connection)
    finally:
        engine.dispose()


@cache
def _versions() -> tuple[frozenset[str], str | None]:
    """The versions that this program knows, and the newest. Read once: a start asks for each of its stores."""
    scripts = ScriptDirectory.from_config(_config(None))
    return frozenset(script.revision for script in scripts.walk_revisions()), scripts.get_current_head()


def schemas() -> set[str]:
    """The versions that this program knows."""
    return set(_versions()[0])


def upgrade_to(connection: sa.Connection, schema: str) -> None:
    """Bring an empty database to this version, in the caller's transaction."""
    command.upgrade(_config(connection), schema)


def _config(connection: sa.Connection | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":  # SQLite's transaction is exclusive already
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    known, newest = _versions()
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in known:
        raise SchemaTooNew(found)
    if found != newest:
        command.upgrade(_config(connection), "head")
