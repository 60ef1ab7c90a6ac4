"""A start that fails says which part and why, without secrets; and what `cti user` does goes on record."""

from __future__ import annotations

import argparse
import asyncio
import io
import os
from pathlib import Path

import pytest

from config.settings import Settings, load
from cti_gateway.cli import commands, user
from cti_gateway.composition.failures import CannotStart
from cti_gateway.composition.program import open_gateway
from interaction_log.store import EventLog, LeaseHeld, Store


def settings(folder: Path, url: str) -> Settings:
    path = folder / "callweave.toml"
    path.touch(mode=0o600)
    path.write_text(f'[database]\nurl = "{url}"\njournal = "journal"\n')
    return load(path, {})


async def start(found: Settings) -> str:
    with pytest.raises(CannotStart) as stopped:
        await open_gateway(found, asyncio.Event(), asyncio.Event(), demo=False, simulated=False)
    return str(stopped.value)


async def test_a_database_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "callweave.db").mkdir()
    said = await start(settings(tmp_path, "sqlite:///callweave.db"))
    assert f"the database {tmp_path / 'callweave.db'} cannot be opened: " in said
    assert "unable to open database file" in said


async def test_a_journal_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "journal").write_text("a file where a folder should be")
    said = await start(settings(tmp_path, "sqlite:///callweave.db"))
    assert str(tmp_path / "journal") in said and "File exists" in said


async def test_a_server_that_is_not_there_and_no_password(tmp_path: Path) -> None:
    said = await start(settings(tmp_path, "postgresql://callweave:hidden@127.0.0.1:1/callweave"))
    assert "127.0.0.1:1/callweave cannot be opened" in said
    assert "hidden" not in said


async def test_who_holds_the_journal_is_named(tmp_path: Path) -> None:
    url, journal = f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "events.journal"
    log = await asyncio.to_thread(EventLog.open, url, journal, on_state=lambda state: None)
    try:
        with pytest.raises(LeaseHeld) as held:
            await asyncio.to_thread(EventLog.open, url, journal, on_state=lambda state: None)
    finally:
        await asyncio.to_thread(log.close)
    assert str(held.value).startswith(f"process {os.getpid()} on this host")
    assert str(LeaseHeld("this host", 0, None)).startswith("another process on this host")


async def test_what_the_command_line_does_to_users_is_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'a.db'}", default_region="CN")

    async def say(*words: str, said: str = "") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(said))
        arguments: argparse.Namespace = commands.parser().parse_args(["user", *words])
        return await user.run(arguments, store.users, store.audit)

    try:
        new = ("add", "anna", "--role", "supervisor", "--device", "PJSIP/1001", "--password-stdin")
        assert await say(*new, said="open sesame\n") == 0
        assert await say(*new, said="open sesame\n") == 1  # she is there already: nothing was done
        assert await say("password", "anna", "--password-stdin", said="another one\n") == 0
        assert await say("disable", "anna") == 0
        assert await say("list") == 0
        rows = [row.entry for row in reversed(await store.audit.page(10))]
    finally:
        await asyncio.to_thread(store.close)
    assert [(e.action, e.subject, e.outcome) for e in rows] == [
        ("create_user", "anna", "done"),
        ("set_password", "anna", "done"),
        ("change_user", "anna", "done"),
    ]
    assert all(e.actor.startswith("os:") for e in rows)
    assert rows[0].details == {"by": "cti user", "role": "supervisor", "devices": "PJSIP/1001"}
    assert rows[2].details["disabled"] == "true"
    assert "open sesame" not in repr(rows)
