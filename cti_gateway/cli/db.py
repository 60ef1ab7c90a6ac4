"""`cti db upgrade|check|reindex`: the database's schema, and the search index."""

from __future__ import annotations

import argparse
import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

import interaction_log
from cti_gateway.cli.output import complain, say, say_json
from cti_gateway.diagnosis import DatabaseFacts
from cti_gateway.settings_types import CommandSettings
from interaction_log.store import lease
from interaction_log.store.engine import database_url, open_engine
from interaction_log.store.failures import complaint
from interaction_log.store.lease import LeaseHeld
from interaction_log.store.migrate import SchemaTooNew, upgrade_to_head
from interaction_log.store.schema import user_devices, users
from interaction_log.store.search_fill import reindex
from interaction_log.store.writing import Writing

PROGRESS_SECONDS = 3.0
PROBE_SECONDS = 3.0
"""How long a check waits for another writer."""


def add_parser(commands: Any) -> None:
    """`cti db upgrade|check [--json]|reindex [--all]`."""
    one: argparse.ArgumentParser = commands.add_parser("db", help="the database's schema and the search index")
    verbs = one.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("upgrade", help="bring it to this version (a start does it too)")
    check = verbs.add_parser("check", help="is it reachable, writable, and of this version?")
    check.add_argument("--json", action="store_true")
    again = verbs.add_parser("reindex", help="put into the search index what is missing or differs; may run beside us")
    again.add_argument("--all", action="store_true", help="make the index anew; the program must be stopped")


def run(arguments: argparse.Namespace, settings: CommandSettings) -> int:
    """Upgrade, or check; 1 when it is not right."""
    if arguments.verb == "upgrade":
        return _upgrade(settings.database.url)
    if arguments.verb == "reindex":
        return _reindex(settings.database.url, everything=arguments.all)
    facts = look(settings.database.url)
    right = facts.reachable and facts.writable and facts.schema == facts.wanted
    if arguments.json:
        say_json({"ok": right, "schema": facts.schema, "wanted": facts.wanted, "error": facts.error or None})
    elif right:
        say(f"{facts.kind}: schema {facts.schema}, reachable and writable")
    else:
        complain("db check", facts.error or f"schema {facts.schema or 'none'}, this version uses {facts.wanted}")
    return 0 if right else 1


def _upgrade(url: str) -> int:
    try:
        upgrade_to_head(url)
    except (SchemaTooNew, SQLAlchemyError, OSError) as error:
        complain("db upgrade", plain(error))
        return 1
    say(f"schema {head()}")
    return 0


def _reindex(url: str, *, everything: bool) -> int:
    try:
        upgrade_to_head(url)
        with _alone(url) if everything else contextlib.nullcontext():
            writing = Writing(url)
            try:
                done = reindex(writing, everything=everything, progress=_Progress())
            finally:
                writing.close()
    except (SchemaTooNew, LeaseHeld, SQLAlchemyError, OSError) as error:
        complain("db reindex", plain(error))
        return 1
    say(f"{done:,} customers and interactions are in the index")
    return 0


class _Progress:
    """Tells every few seconds how far it is."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self._told >= PROGRESS_SECONDS:
            self._told = time.monotonic()
            say(f"{done:,} of {total:,}")


@contextlib.contextmanager
def _alone(url: str) -> Iterator[None]:
    """Take the lead, so that no program writes meanwhile; raises ``LeaseHeld``. It is renewed by a thread."""
    engine = open_engine(url, busy_seconds=PROBE_SECONDS, size=1)
    owner = lease.Owner.this_process()
    stop = threading.Event()

    def keep() -> None:
        while not stop.wait(lease.RENEW_SECONDS):
            with contextlib.suppress(SQLAlchemyError), engine.begin() as connection:
                lease.renew(connection, owner)

    try:
        lease.acquire(engine, owner)
        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            with engine.begin() as connection:
                lease.release(connection, owner)
    finally:
        owner.forget()
        engine.dispose()


def plain(error: Exception) -> str:
    """The first line of a database's complaint, without SQL and values."""
    return complaint(error) or type(error).__name__


def head() -> str:
    """The schema that this version uses."""
    config = Config()
    config.set_main_option("script_location", str(Path(interaction_log.__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head() or ""


def look(url: str) -> DatabaseFacts:
    """What is to be known about the database; makes no file and changes nothing."""
    parsed = database_url(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite" and not Path(parsed.database or "").exists():
        return _look_at_folder(Path(parsed.database or ""))
    engine = open_engine(url, busy_seconds=PROBE_SECONDS, size=1)
    try:
        with engine.connect() as connection:  # SQLite: takes the write lock
            schema = MigrationContext.configure(connection).get_current_revision()
            agents = _agents(connection) if schema else {}
            writable = _is_writable(connection)
            connection.rollback()
        return DatabaseFacts(kind, True, schema=schema, wanted=head(), writable=writable, agents=agents)
    except (SQLAlchemyError, OSError) as error:
        readable = "readonly" in str(error) or "locked" in str(error)
        return DatabaseFacts(kind, readable, error=plain(error), wanted=head(), schema=head() if readable else None)
    finally:
        engine.dispose()


def _look_at_folder(path: Path) -> DatabaseFacts:
    """An SQLite file that is not there yet: can it be made?"""
    folder = path.resolve().parent
    while not folder.exists():
        folder = folder.parent
    writable = os.access(folder, os.W_OK | os.X_OK)
    error = "" if writable else f"no right to write in {folder}"
    return DatabaseFacts("sqlite", True, error=error, wanted=head(), writable=writable)


def _is_writable(connection: sa.Connection) -> bool:
    if connection.dialect.name == "sqlite":
        return True  # the transaction began with the write lock
    return connection.execute(sa.text("SHOW transaction_read_only")).scalar() == "off"


def _agents(connection: sa.Connection) -> Mapping[str, Sequence[str]]:
    """Users who are not disabled, with their devices."""
    agents: dict[str, list[str]] = {}
    owned = users.c.name == user_devices.c.user
    joined = sa.select(users.c.name, user_devices.c.device).join_from(users, user_devices, owned)
    for name, device in connection.execute(joined.where(sa.not_(users.c.disabled))):
        agents.setdefault(name, []).append(device)
    return agents
