"""A backup while everything runs: one consistent moment of the database, the journal, and what else is wanted.

- SQLite: ``VACUUM INTO`` a file beside: one read transaction of WAL mode, so nobody waits for it; compact, and without
  the remains of deleted rows that a page-wise copy would carry along.
- PostgreSQL: ``COPY`` of every table in one read-only REPEATABLE READ transaction. No ``pg_dump``: its version would
  have to fit the server's, and here the row counts and the audit trail's head are of the same moment.

The journal is read before the database: what is drained from one into the other meanwhile is then in both, which does
no harm (an event goes into the log once by its number). The stream is a gzipped tar in ``backup_file``'s frames; its
last member is the manifest: checksums, rows by table, the schema's version and the audit trail's head.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import sqlite3
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import psycopg
import sqlalchemy as sa

from interaction_log.store.audit import head_of
from interaction_log.store.backup_file import BackupWriter
from interaction_log.store.engine import database_url, open_engine

MANIFEST: Final = "manifest.json"
JOURNAL: Final = "journal"
SQLITE: Final = "database.sqlite"
TABLES: Final = "tables/"
CONFIG: Final = "config.toml"
RECORDINGS: Final = "recordings/"
FILES: Final = "files/"
_SECRET: Final = re.compile(r"(secret|password|passwd|token|passphrase)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is put into a backup. ``config``: the file, whose secrets are left out; ``recordings``: folders by name;
    ``files``: the folder in which the files of chats lie."""

    url: str
    journal: Path | None = None
    config: Path | None = None
    recordings: Mapping[str, Path] = field(default_factory=dict)
    files: Path | None = None
    version: str = "0"


def make(source: Source, file: BinaryIO, secret: bytes | None, scratch: Path) -> dict[str, Any]:
    """Write a backup into ``file``; its manifest is returned. ``scratch``: a folder with room for a copy of an SQLite
    database. Blocks for as long as it takes; for a process of its own."""
    with (
        BackupWriter(file, secret) as writer,
        gzip.GzipFile(fileobj=cast(BinaryIO, writer), mode="wb", compresslevel=3) as packed,
        tarfile.open(fileobj=cast(BinaryIO, packed), mode="w|") as tar,
    ):
        return _Making(source, tar, scratch).run()


class _Making:
    def __init__(self, source: Source, tar: tarfile.TarFile, scratch: Path):
        self._source, self._tar, self._scratch = source, tar, scratch
        self._members: dict[str, dict[str, Any]] = {}

    def run(self) -> dict[str, Any]:
        source = self._source
        if source.journal is not None and source.journal.is_file():
            self._add_file(JOURNAL, source.journal)
        kind = database_url(source.url).get_backend_name()
        facts = (_sqlite if kind == "sqlite" else _postgres)(self)
        if source.config is not None:
            self._add(CONFIG, without_secrets(source.config.read_text("utf-8")).encode())
        for name, folder in source.recordings.items():
            self._add_folder(f"{RECORDINGS}{name}/", folder)
        if source.files is not None:  # after the database: what it names is in the folder already
            self._add_folder(FILES, source.files)
        manifest = {"format": 1, "made_at": time.time(), "version": source.version, "database": kind, **facts}
        manifest["members"] = dict(self._members)
        self._add(MANIFEST, json.dumps(manifest, indent=1).encode())
        return manifest

    @property
    def url(self) -> str:
        return self._source.url

    @property
    def scratch(self) -> Path:
        return self._scratch

    def _add(self, name: str, data: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = len(data), int(time.time()), 0o600
        self._tar.addfile(info, io.BytesIO(data))
        self._members[name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def _add_file(self, name: str, path: Path) -> None:
        """As long as it is at its beginning: a file that grows meanwhile is taken up to there."""
        with path.open("rb") as file:
            self._add_open(name, file)

    def _add_open(self, name: str, file: BinaryIO) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = os.fstat(file.fileno()).st_size, int(time.time()), 0o600
        summed = _Summed(file)
        self._tar.addfile(info, cast(BinaryIO, summed))
        self._members[name] = {"size": info.size, "sha256": summed.digest.hexdigest()}

    def _add_folder(self, prefix: str, folder: Path) -> None:
        """What goes away meanwhile (its time was over) is not in it; nor what is being written (``.part``)."""
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and path.suffix != ".part":
                with contextlib.suppress(FileNotFoundError):
                    self._add_file(prefix + path.relative_to(folder).as_posix(), path)

    def add_open(self, name: str, file: BinaryIO) -> None:
        """A part of the database."""
        self._add_open(name, file)


class _Summed:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: BinaryIO):
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _sqlite(making: _Making) -> dict[str, Any]:
    path = database_url(making.url).database or ""
    if not Path(path).is_file():
        raise FileNotFoundError(path)
    with tempfile.TemporaryDirectory(dir=making.scratch, prefix=".backup-") as folder:
        copy = Path(folder) / SQLITE
        source = sqlite3.connect(f"file:{path}?mode=rw", uri=True, timeout=10)
        try:
            source.execute("VACUUM INTO ?", (str(copy),))
        finally:
            source.close()
        facts = facts_of(f"sqlite:///{copy}")
        with copy.open("rb") as file:
            making.add_open(SQLITE, file)
    return facts


def facts_of(url: str) -> dict[str, Any]:
    """Schema, rows by table and the audit trail's head of a database that nobody else writes."""
    engine = open_engine(url, writes=False, size=1)
    try:
        with engine.connect() as connection:
            return facts_in(connection, tables_in(connection))
    finally:
        engine.dispose()


def facts_in(connection: sa.Connection, tables: Sequence[str]) -> dict[str, Any]:
    """The same in a transaction."""
    schema = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    count = sa.select(sa.func.count())
    rows = {name: connection.execute(count.select_from(sa.table(name))).scalar_one() for name in tables}
    head = str(head_of(connection)) if has_head(connection) else None
    return {"schema": schema, "rows": rows, "audit_head": head}


def has_head(connection: sa.Connection) -> bool:
    """Whether the schema is of a time when the audit trail's head was kept."""
    return sa.inspect(connection).has_table("audit_head")


def tables_in(connection: sa.Connection) -> list[str]:
    """Every table with rows of its own, by name; those that SQLite makes for its full-text index are not."""
    if connection.dialect.name == "sqlite":
        shadows = "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        names = connection.exec_driver_sql(shadows).scalars().all()
    else:
        names = (
            connection.exec_driver_sql(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
            )
            .scalars()
            .all()
        )
    return sorted(set(names) - {"alembic_version"})


def _postgres(making: _Making) -> dict[str, Any]:
    engine = open_engine(making.url, writes=False, size=1)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            tables = tables_in(connection)
            facts = facts_in(connection, tables)
            facts["columns"] = {name: columns_of(connection, name) for name in tables}
            for name in tables:
                _copy_out(making, connection, name, facts["columns"][name])
            return facts
    finally:
        engine.dispose()


def columns_of(connection: sa.Connection, table: str) -> list[str]:
    """Its columns in order, without those that the database computes."""
    query = sa.text(
        "SELECT attname FROM pg_attribute WHERE attrelid = CAST(:name AS regclass) AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"
    )
    quoted = connection.dialect.identifier_preparer.quote(table)
    return list(connection.execute(query, {"name": quoted}).scalars().all())


def copy_statement(table: str, columns: Sequence[str], direction: str) -> psycopg.sql.Composed:
    """``COPY table (columns) TO STDOUT`` or ``FROM STDIN``."""
    listed = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, columns))
    text = psycopg.sql.SQL("COPY {} ({}) " + direction)
    return text.format(psycopg.sql.Identifier(table), listed)


def _copy_out(making: _Making, connection: sa.Connection, table: str, columns: Sequence[str]) -> None:
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    with tempfile.TemporaryFile(dir=making.scratch) as file, driver.cursor() as cursor:
        statement = copy_statement(table, columns, "TO STDOUT")
        with cursor.copy(statement) as copy:
            for data in copy:
                file.write(data)
        file.seek(0)
        making.add_open(f"{TABLES}{table}", cast(BinaryIO, file))


def without_secrets(text: str) -> str:
    """A configuration file without its secrets: their lines become comments that say so. Raises ``ValueError`` where
    one would stay (then the file is not taken)."""
    secrets = set(_secrets(tomllib.loads(text)))
    out = [f"# {_key(line)}: left out of the backup" if _holds(line, secrets) else line for line in text.splitlines()]
    shown = "\n".join(out) + "\n"
    if any(secret in shown for secret in secrets):
        raise ValueError("a secret of the configuration cannot be left out")
    return shown


def _key(line: str) -> str:
    return line.partition("=")[0].strip().lstrip("# ")


def _holds(line: str, secrets: set[str]) -> bool:
    return any(secret in line for secret in secrets)


def _secrets(value: Any, inside: bool = False) -> Iterator[str]:
    """Values under names of secrets, and passwords in URLs."""
    if isinstance(value, dict):
        for key, child in value.items():
            named = bool(_SECRET.search(str(key))) and not str(key).endswith(("_file", "_name"))
            yield from _secrets(child, inside or named)
    elif isinstance(value, list):
        for child in value:
            yield from _secrets(child, inside)
    elif isinstance(value, str) and len(value) > 0:
        if inside:
            yield value
        elif found := re.match(r"[a-z0-9+]+://[^:/@\s]*:([^@\s]+)@", value):
            yield found[1]
