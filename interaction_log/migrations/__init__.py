"""Alembic's environment and the schema's versions; run by ``interaction_log.store.migrate``."""
