"""The database: its key, the stores on it, and why it cannot be opened."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import make_url

from config.settings import Settings
from interaction_log.store import Store
from interaction_log.store.failures import in_words
from interaction_log.store.master_key import KeyFault, load_or_make


def master_key(settings: Settings) -> Path:
    """Where the key is; one is made at the first start, unless the configuration names a file. Raises ``KeyFault``."""
    path = settings.privacy.key_file
    assert path is not None  # the settings have made it whole
    if settings.privacy.given and not path.exists():
        raise KeyFault(f"[privacy] key_file {path} is not there; cti privacy key makes one")
    load_or_make(path)
    return path


def open_store(settings: Settings, key: Path) -> Store:
    """Open the stores; a schema that is too old is brought up to date. Raises ``SchemaTooNew``, ``ValueError``."""
    return Store.open(settings.database.url, default_region=settings.phone.default_region, master_key=key)


def not_opened(url: str, error: Exception) -> str:
    """Which database or journal, and why not; without its password."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be opened: {error.strerror}; it holds the database or its journal ([database])"
    where = make_url(url)
    shown = where.database if where.get_backend_name() == "sqlite" else where.render_as_string(hide_password=True)
    return f"the database {shown} cannot be opened: {in_words(error)}"
