"""The store: the one log with its writer, and the records beside it, on SQLite or PostgreSQL."""
