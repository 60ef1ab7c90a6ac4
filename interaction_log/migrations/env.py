"""Runs the versions on the connection that ``upgrade_to_head`` gives, inside its transaction."""

from alembic import context

from interaction_log.store import identity_tables  # noqa: F401 (its tables)
import interaction_log.store.teams_tables  # noqa: F401 (its tables)
from interaction_log.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
