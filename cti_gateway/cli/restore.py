"""`cti restore`: a backup back into an empty database, checked before anything is put in place."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cti_gateway.cli.backup import JOURNAL, NoKey, add_key_options, folders, key_of, scratch
from cti_gateway.cli.db import plain
from cti_gateway.cli.output import complain, say
from cti_gateway.cli.user import actor
from cti_gateway.settings_types import CommandSettings
from interaction_log.records import AuditEntry
from interaction_log.store.audit import add
from interaction_log.store.backup import has_head
from interaction_log.store.backup_file import BackupFault
from interaction_log.store.restore import NotEmpty, Target, restore, unpack


def add_parser(commands: Any) -> None:
    """`cti restore FILE`."""
    one: argparse.ArgumentParser = commands.add_parser("restore", help="put a backup into an empty database")
    one.add_argument("file", type=Path)
    add_key_options(one)
    one.add_argument("--check", action="store_true", help="read and check it whole, and put nothing anywhere")
    one.add_argument("--recordings", action="store_true", help="also the recordings' files")
    one.add_argument("--without-files", action="store_true", help="without the files of chats")
    one.add_argument("--plain", action="store_true", help="it is not encrypted")


def run(arguments: argparse.Namespace, settings: CommandSettings) -> int:
    """0 done; 1 when it cannot be put back: then nothing was changed."""
    try:
        secret = None if arguments.plain else key_of(arguments)
        with arguments.file.open("rb") as file:
            manifest = (_check if arguments.check else _restore)(arguments, settings, file, secret)
    except NoKey as error:
        complain("restore", str(error))
        return 2
    except (BackupFault, NotEmpty, SQLAlchemyError, OSError, ValueError) as error:
        complain("restore", str(error) if isinstance(error, BackupFault | NotEmpty) else plain(error))
        return 1
    rows = sum(manifest["rows"].values())
    say(f"{rows} rows of {len(manifest['rows'])} tables, {'whole' if arguments.check else 'restored'}")
    say(f"the audit trail's head in it: {manifest['audit_head']}")
    if not arguments.check:
        say("everybody must sign in again")
    return 0


def _check(_: argparse.Namespace, __: CommandSettings, file: Any, secret: bytes | None) -> Any:
    with tempfile.TemporaryDirectory(prefix="callweave-") as folder:
        return unpack(file, secret, Path(folder))


def _restore(arguments: argparse.Namespace, settings: CommandSettings, file: Any, secret: bytes | None) -> Any:
    target = Target(
        url=settings.database.url,
        journal=settings.database.journal / JOURNAL,
        recordings=dict(folders(settings)) if arguments.recordings else {},
        files=None if arguments.without_files else settings.chat.folder,
    )
    erased: dict[str, int] = {}
    after = _afterwards(settings, arguments.file.name, erased)
    manifest = restore(file, secret, target, scratch(settings.database.url, arguments.file), after)
    if erased:
        say(f"erased again, as it was after this backup: {sum(erased.values())} rows")
    return manifest


def _afterwards(settings: CommandSettings, name: str, erased: dict[str, int]) -> Callable[[sa.Connection], None]:
    """Who was erased after the backup is erased again, and the restore is on record."""
    again = erase_again(settings)

    def work(connection: sa.Connection) -> None:
        erased.update(again(connection))
        if has_head(connection):
            add(connection, AuditEntry(at=time.time(), actor=actor(), action="restore", subject=name))

    return work


def erase_again(settings: Any) -> Callable[[sa.Connection], dict[str, int]]:
    """``privacy.reapply`` with the site's key; nothing where the site has none, or nobody was erased."""
    from interaction_log.privacy.erased import ErasedList, erased_beside  # noqa: PLC0415
    from interaction_log.privacy.reapply import reapply  # noqa: PLC0415
    from interaction_log.store import sealed_fields  # noqa: PLC0415
    from interaction_log.store.master_key import load  # noqa: PLC0415

    key_file = getattr(getattr(settings, "privacy", None), "key_file", None)
    if key_file is None or not erased_beside(key_file).exists():
        return lambda connection: {}
    master, kept = load(key_file), ErasedList(erased_beside(key_file))
    sealed_fields.use(key_file)
    return lambda connection: reapply(connection, master, kept)
