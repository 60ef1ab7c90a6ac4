"""Runs the versions on the connection that ``upgrade_to_head`` gives, inside its transaction."""

from alembic import context

from interaction_log.store import (  # noqa: F401 (their tables)
    canned_tables,
    chat_consents,
    chat_tables,
    chat_used,
    identity_tables,
    imports_tables,
    knowledge_tables,
    live_tables,
    mail_tables,
    personal_entries,
    privacy_tables,
    recording_keys,
    records_tables,
    reports_tables,
    search_tables,
    surveys_tables,
    teams_tables,
    voice_tables,
)
from interaction_log.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
