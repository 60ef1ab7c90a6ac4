"""A backup put back into an empty database: read whole and checked first, put in place at the end, or not at all.

What must not come back with it: sessions (revoked ones would be good again), the lease, and people who were erased
since (``afterwards``: ``privacy.reapply``, on the restored rows before anybody sees them).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import psycopg
import sqlalchemy as sa

from interaction_log.store import backup as b
from interaction_log.store.audit import verify
from interaction_log.store.backup_file import BackupFault, BackupReader, buffered
from interaction_log.store.engine import database_url, open_engine
from interaction_log.store.migrate import schemas, upgrade_to

_CHUNK: Final = 1024 * 1024
_NOT_KEPT: Final = ("sessions", "lease")

Afterwards = Callable[[sa.Connection], None]


class NotEmpty(RuntimeError):
    """There is something where the backup would go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a backup goes. ``recordings``: folders by the name they have in it; others of it are not unpacked.
    ``files``: the folder for the files of chats."""

    url: str
    journal: Path | None = None
    recordings: dict[str, Path] | None = None
    files: Path | None = None


def unpack(file: BinaryIO, secret: bytes | None, folder: Path) -> dict[str, Any]:
    """Read a backup whole into ``folder`` and check it against its manifest, which is returned.

    Raises :class:`BackupFault`. Nothing of it is believed before the end: a name that points elsewhere is refused.
    """
    sums: dict[str, dict[str, Any]] = {}
    try:
        with tarfile.open(fileobj=buffered(BackupReader(file, secret)), mode="r|gz") as tar:
            for info in tar:
                sums[info.name] = _unpacked(tar, info, folder)
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise BackupFault("the file is damaged") from None
    return _manifest(folder, sums)


def _unpacked(tar: tarfile.TarFile, info: tarfile.TarInfo, folder: Path) -> dict[str, Any]:
    target = folder / info.name
    if not info.isfile() or info.name.startswith("/") or ".." in Path(info.name).parts:
        raise BackupFault("it holds something that is no file of a backup")
    target.parent.mkdir(parents=True, exist_ok=True)
    source, digest = tar.extractfile(info), hashlib.sha256()
    assert source is not None
    with target.open("xb") as out:
        while data := source.read(_CHUNK):
            digest.update(data)
            out.write(data)
    return {"size": info.size, "sha256": digest.hexdigest()}


def _manifest(folder: Path, sums: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if sums.pop(b.MANIFEST, None) is None:
        raise BackupFault("it has no manifest: the file was cut off")
    manifest: dict[str, Any] = json.loads((folder / b.MANIFEST).read_text())
    if manifest.get("format") != 1:
        raise BackupFault("this backup was made by a newer Callweave")
    if manifest["members"] != sums:
        raise BackupFault("what is in it is not what its manifest says")
    return manifest


def restore(file: BinaryIO, secret: bytes | None, target: Target, scratch: Path, afterwards: Afterwards | None) -> Any:
    """Put a backup into an empty database; its manifest is returned. ``scratch``: on the disk of an SQLite database.

    Raises :class:`BackupFault`, :class:`NotEmpty` or what the database raises; then nothing was changed.
    """
    kind = database_url(target.url).get_backend_name()
    _refuse_if_full(target)
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".restore-") as name:
        folder = Path(name)
        manifest = unpack(file, secret, folder)
        _check_fits(manifest, kind)
        (_to_sqlite if kind == "sqlite" else _to_postgres)(folder, manifest, target, afterwards)
        _put_files(folder, target)
    return manifest


def _check_fits(manifest: dict[str, Any], kind: str) -> None:
    if manifest["database"] != kind:
        raise BackupFault(f"it is of a {manifest['database']} database and cannot go into a {kind} one")
    if manifest["schema"] not in schemas():
        raise BackupFault(f"its schema {manifest['schema']} is not known: it was made by a newer Callweave")


def _refuse_if_full(target: Target) -> None:
    url = database_url(target.url)
    if target.journal is not None and target.journal.exists():
        raise NotEmpty(f"there is a journal already ({target.journal}): move it away first")
    if url.get_backend_name() == "sqlite":
        path = Path(url.database or "")
        if path.exists() and path.stat().st_size and not _is_empty_file(path):
            raise NotEmpty(f"there is a database with something in it already ({path}): move it away first")
        return
    engine = open_engine(target.url, size=1)
    try:
        with engine.connect() as connection:
            _refuse_rows(connection)
    finally:
        engine.dispose()


def _is_empty_file(path: Path) -> bool:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        found: int = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        return found == 0
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


def _refuse_rows(connection: sa.Connection) -> None:
    tables = b.tables_in(connection)
    if tables:
        raise NotEmpty(f"the database is not empty (it has the table {tables[0]}): restore into a new one")


def _forget(connection: sa.Connection) -> None:
    for table in _NOT_KEPT:
        connection.execute(sa.delete(sa.table(table)))


def _check_rows(connection: sa.Connection, manifest: dict[str, Any]) -> None:
    """The same rows, the same head, and a trail that is whole."""
    found = b.facts_in(connection, sorted(manifest["rows"]))
    if found["rows"] != manifest["rows"] or found["audit_head"] != manifest["audit_head"]:
        raise BackupFault("what was read back is not what its manifest says")
    if not b.has_head(connection):
        return
    trail = verify(connection)
    if trail.broken_at is not None:
        raise BackupFault(f"its audit trail is broken at entry {trail.broken_at}: {trail.why}")


def _to_sqlite(folder: Path, manifest: dict[str, Any], target: Target, afterwards: Afterwards | None) -> None:
    copy = folder / b.SQLITE
    raw = sqlite3.connect(copy)
    try:
        fault = raw.execute("PRAGMA integrity_check").fetchone()[0]
    finally:
        raw.close()
    if fault != "ok":
        raise BackupFault("the database in it is damaged")
    engine = open_engine(f"sqlite:///{copy}", size=1)
    try:
        with engine.begin() as connection:
            _check_rows(connection, manifest)
            _forget(connection)
            if afterwards is not None:
                afterwards(connection)
        with engine.connect() as connection:
            connection.rollback()
            driver = cast(sqlite3.Connection, connection.connection.driver_connection)
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    finally:
        engine.dispose()
    path = Path(database_url(target.url).database or "").resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    _sync(copy)
    for leftover in ("-wal", "-shm"):
        path.with_name(path.name + leftover).unlink(missing_ok=True)
    shutil.move(copy, path) if copy.stat().st_dev != path.parent.stat().st_dev else os.replace(copy, path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _to_postgres(folder: Path, manifest: dict[str, Any], target: Target, afterwards: Afterwards | None) -> None:
    """Schema, rows and checks in one transaction."""
    engine = open_engine(target.url, size=1)
    try:
        with engine.begin() as connection:
            _refuse_rows(connection)
            upgrade_to(connection, manifest["schema"])
            made = b.tables_in(connection)
            if set(made) != set(manifest["rows"]):
                raise BackupFault("its tables are not those of its schema")
            for table in made:
                connection.execute(sa.delete(sa.table(table)))  # what migrations put in
                _copy_in(folder / f"{b.TABLES}{table}", connection, table, manifest["columns"][table])
            _count_on(connection)
            _check_rows(connection, manifest)
            _forget(connection)
            if afterwards is not None:
                afterwards(connection)
    finally:
        engine.dispose()


def _copy_in(path: Path, connection: sa.Connection, table: str, columns: list[str]) -> None:
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    statement = b.copy_statement(table, columns, "FROM STDIN")
    with path.open("rb") as file, driver.cursor() as cursor, cursor.copy(statement) as copy:
        while data := file.read(_CHUNK):
            copy.write(data)


def _count_on(connection: sa.Connection) -> None:
    """Sequences go on behind the greatest number that came with the rows."""
    query = sa.text(
        "SELECT table_name, column_name, pg_get_serial_sequence(quote_ident(table_name), column_name) AS counts "
        "FROM information_schema.columns WHERE table_schema = current_schema() "
        "AND pg_get_serial_sequence(quote_ident(table_name), column_name) IS NOT NULL"
    )
    for row in connection.execute(query).all():
        column: sa.ColumnClause[int] = sa.column(row.column_name)
        newest = sa.select(sa.func.coalesce(sa.func.max(column), 0) + 1).select_from(sa.table(row.table_name))
        connection.execute(sa.select(sa.func.setval(row.counts, newest.scalar_subquery(), False)))


def _put_files(folder: Path, target: Target) -> None:
    if target.journal is not None and (folder / b.JOURNAL).exists():
        target.journal.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / b.JOURNAL, target.journal)
        target.journal.chmod(0o600)
    for name, into in (target.recordings or {}).items():
        source = folder / b.RECORDINGS / name
        if source.is_dir():
            shutil.copytree(source, into, dirs_exist_ok=True)
    if target.files is not None:
        _put_chat_files(folder / b.FILES, target.files, target.url)


def _put_chat_files(source: Path, into: Path, url: str) -> None:
    """Those that the restored database knows: not those of who was erased again."""
    if not source.is_dir():
        return
    engine = open_engine(url, writes=False, size=1)
    try:
        with engine.connect() as connection:
            known = set(connection.exec_driver_sql("SELECT id FROM chat_files WHERE kept").scalars())
    finally:
        engine.dispose()
    for path in source.rglob("*"):
        if path.is_file() and path.name in known:
            target = into / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(path, target)
            target.chmod(0o600)
