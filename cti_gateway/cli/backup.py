"""`cti backup`: everything of one moment in one encrypted file, while the program runs."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from cti_gateway import __version__
from cti_gateway.cli.db import head, look, plain
from cti_gateway.cli.output import complain, say, say_json
from cti_gateway.cli.user import actor
from cti_gateway.settings_types import CommandSettings
from interaction_log.records import AuditEntry
from interaction_log.store.audit import add
from interaction_log.store.backup import Source, make
from interaction_log.store.engine import database_url, open_engine

JOURNAL = "events.journal"
SHORTEST = 8
"""Characters of a passphrase."""


class NoKey(ValueError):
    """No usable passphrase or key file was given."""


def add_parser(commands: Any) -> None:
    """`cti backup --out FILE`."""
    one: argparse.ArgumentParser = commands.add_parser("backup", help="write a backup while everything runs")
    one.add_argument("--out", type=Path, required=True, metavar="FILE", help="must not exist yet")
    add_key_options(one)
    one.add_argument("--plain", action="store_true", help="do not encrypt it (then guard it like the database)")
    one.add_argument("--recordings", action="store_true", help="with the recordings' files")
    one.add_argument("--without-files", action="store_true", help="without the files of chats")
    one.add_argument("--json", action="store_true")


def add_key_options(one: argparse.ArgumentParser) -> None:
    """How the key is given; without any of them a passphrase is asked for."""
    keys = one.add_mutually_exclusive_group()
    keys.add_argument("--passphrase-stdin", action="store_true", help="read the passphrase from standard input")
    keys.add_argument("--passphrase-file", type=Path, metavar="FILE", help="its first line is the passphrase")
    keys.add_argument("--key-file", type=Path, metavar="FILE", help="any file of 32 random bytes or more")


def run(arguments: argparse.Namespace, settings: CommandSettings) -> int:
    """0 done; 1 when it could not be made: then nothing is left behind."""
    from cti_gateway.cli.commands import config_path  # noqa: PLC0415 (which imports this)

    try:
        secret = None if arguments.plain else key_of(arguments, again=True)
        if arguments.out.exists():
            raise NoKey(f"{arguments.out} is there already")
    except (NoKey, OSError) as error:
        complain("backup", str(error))
        return 2
    config = config_path(arguments, os.environ)
    source = Source(
        url=settings.database.url,
        journal=settings.database.journal / JOURNAL,
        config=config,
        recordings=folders(settings) if arguments.recordings else {},
        files=None if arguments.without_files else settings.chat.folder,
        version=__version__,
    )
    began = time.monotonic()
    try:
        manifest = _write(arguments.out, source, secret)
    except (SQLAlchemyError, OSError, ValueError) as error:
        complain("backup", plain(error))
        return 1
    _say(arguments, manifest, time.monotonic() - began)
    return 0


def _write(out: Path, source: Source, secret: bytes | None) -> dict[str, Any]:
    """Whole under its name, or not at all."""
    found = look(source.url)
    if found.schema != head():
        raise ValueError(found.error or f"the database has schema {found.schema}; `cti db upgrade` brings it to ours")
    _record(source.url, out)
    part = out.with_name(out.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            manifest = make(source, file, secret, scratch(source.url, out))
            file.flush()
            os.fsync(file.fileno())
        os.rename(part, out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return manifest


def scratch(url: str, beside: Path) -> Path:
    """A folder with room: that of an SQLite database, else that of the backup."""
    parsed = database_url(url)
    if parsed.get_backend_name() == "sqlite":
        folder = Path(parsed.database or "").resolve().parent
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    return beside.resolve().parent if os.access(beside.resolve().parent, os.W_OK) else Path(tempfile.gettempdir())


def _record(url: str, out: Path) -> None:
    """Who takes everything away is on record, in the backup too."""
    engine = open_engine(url, size=1)
    try:
        with engine.begin() as connection:
            add(connection, AuditEntry(at=time.time(), actor=actor(), action="backup", subject=out.name))
    finally:
        engine.dispose()


def folders(settings: CommandSettings) -> Mapping[str, Path]:
    """Where recordings are, by the PBX's name (``all``: one folder for all)."""
    kept = settings.recording
    if kept is None:
        return {}
    if "{pbx}" not in str(kept.folder):
        return {"all": kept.folder}
    return {pbx.name: Path(str(kept.folder).format(pbx=pbx.name)) for pbx in settings.pbx}


def key_of(arguments: argparse.Namespace, again: bool = False) -> bytes:
    """The key that was given; raises :class:`NoKey` or ``OSError``."""
    if arguments.key_file is not None:
        data: bytes = arguments.key_file.read_bytes()
        if len(data) < 32:
            raise NoKey(f"{arguments.key_file} has fewer than 32 bytes: no key")
        return data
    return _passphrase(arguments, again).encode()


def _passphrase(arguments: argparse.Namespace, again: bool) -> str:
    if arguments.passphrase_file is not None:
        with arguments.passphrase_file.open(encoding="utf-8") as file:
            text = _first_line(file)
    elif arguments.passphrase_stdin:
        text = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        text = getpass.getpass("Passphrase: ")
        if again and getpass.getpass("Again: ") != text:
            raise NoKey("the two differ")
    else:
        raise NoKey("a passphrase or a key file is needed (--passphrase-file, --passphrase-stdin, --key-file)")
    if len(text) < SHORTEST:
        raise NoKey(f"a passphrase has at least {SHORTEST} characters")
    return text


def _first_line(file: Any) -> str:
    return str(file.readline()).rstrip("\r\n")


def _say(arguments: argparse.Namespace, manifest: Mapping[str, Any], seconds: float) -> None:
    size, rows = arguments.out.stat().st_size, sum(manifest["rows"].values())
    if arguments.json:
        facts = {key: manifest[key] for key in ("made_at", "database", "schema", "rows", "audit_head")}
        say_json({"file": str(arguments.out), "bytes": size, "seconds": round(seconds, 2), **facts})
        return
    say(f"{arguments.out}: {rows} rows of {len(manifest['rows'])} tables, {size / 1e6:.1f} MB, {seconds:.1f} s")
    say(f"the audit trail's head in it: {manifest['audit_head']}")
    if arguments.plain:
        say("it is not encrypted: guard it like the database")
