"""What tests need again and again, made once for each process: an empty database with all tables; cheap passwords.

Nothing of it changes what is tested. The tables come from the migrations (once), passwords are argon2id with the same
calls; only what they cost is the least that argon2 allows.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import argon2
import pytest
from sqlalchemy.engine import make_url

from interaction_log import store
from interaction_log.store import log, migrate, users
from interaction_log.store import store as stores

_MIGRATE = migrate.upgrade_to_head
HASHER, NOBODY = users._HASHER, users._NOBODY
"""The program's own: tests/unit/test_passwords.py looks at what they cost."""


def begin() -> None:
    """From now on, in this process: a new SQLite file is a copy, and hashing a password costs next to nothing."""
    for module in (store, log, stores):
        module.upgrade_to_head = upgrade_to_head
    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    users._HASHER = hasher
    users._NOBODY = hasher.hash("nobody")


def real_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test of what they cost."""
    monkeypatch.setattr(users, "_HASHER", HASHER)
    monkeypatch.setattr(users, "_NOBODY", NOBODY)


def upgrade_to_head(url: str) -> None:
    """As the program's, in a quarter of a millisecond instead of a quarter of a second for a file that is not there."""
    parsed = make_url(url)
    path = Path(parsed.database or "")
    new = parsed.get_backend_name() == "sqlite" and parsed.database and not path.exists() and path.parent.is_dir()
    if new and parsed.database != ":memory:":
        path.write_bytes(_empty())
    else:
        _MIGRATE(url)


@functools.cache
def _empty() -> bytes:
    """A file with all tables and nothing in them."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        _MIGRATE(f"sqlite:///{path}")
        assert not path.with_name("empty.db-wal").exists(), "all of it is in the one file"
        return path.read_bytes()
