"""``cti backup`` and ``cti restore`` as an operator types them."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from cti_gateway.main import main
from interaction_log.records import User
from interaction_log.store import Store


def config(folder: Path, name: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(f'[database]\nurl = "sqlite:///{name}.db"\njournal = "{name}-journal"\n')
    return path


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with a database, the passphrase's file and a second, empty configuration."""

    async def fill() -> None:
        store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path}/one.db", default_region="CN")
        await store.users.create(User(name="anna", display_name="Anna", role="agent"), "long enough")
        await asyncio.to_thread(store.close)

    asyncio.run(fill())
    (tmp_path / "pass").write_text("correct horse\n")
    config(tmp_path, "one")
    config(tmp_path, "two")
    return tmp_path


def cti(site: Path, *words: str, of: str = "one", key: bool = True) -> int:
    given = ["--passphrase-file", str(site / "pass")] if key else []
    return main([*words, *given, "--config", str(site / f"{of}.toml")])


def test_there_and_back(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = site / "day.backup"
    assert cti(site, "backup", "--out", str(out)) == 0
    assert out.stat().st_mode & 0o777 == 0o600 and "audit trail's head" in capsys.readouterr().out
    assert cti(site, "restore", str(out), "--check") == 0
    assert cti(site, "restore", str(out), of="two") == 0
    assert "sign in again" in capsys.readouterr().out
    with sqlite3.connect(site / "two.db") as database:
        assert database.execute("SELECT name FROM users").fetchall() == [("anna",)]
        acts = database.execute("SELECT action, actor FROM audit ORDER BY n").fetchall()
    assert [act for act, _ in acts] == ["backup", "restore"] and all(actor.startswith("os:") for _, actor in acts)
    assert main(["audit", "verify", "--config", str(site / "two.toml")]) == 0
    assert {path.name for path in site.iterdir() if path.name.startswith(".")} == set()


def test_the_files_of_chats_come_along_unless_they_shall_not(site: Path) -> None:
    for name in ("one", "two"):
        with (site / f"{name}.toml").open("a") as file:
            file.write(f'[chat]\nfolder = "{name}-files"\n')
    of = "ab" * 16
    (site / "one-files" / "ab").mkdir(parents=True)
    (site / "one-files" / "ab" / of).write_bytes(b"a picture")
    with sqlite3.connect(site / "one.db") as database:
        row = (of, "c1", "image/png", 9, "0" * 64, "visitor", 1.0, "clean", True, "{}")
        database.execute(f"INSERT INTO chat_files VALUES ({', '.join('?' * len(row))})", row)
    assert cti(site, "backup", "--out", str(site / "a.backup")) == 0
    assert cti(site, "backup", "--out", str(site / "b.backup"), "--without-files") == 0
    assert cti(site, "restore", str(site / "a.backup"), of="two") == 0
    assert (site / "two-files" / "ab" / of).read_bytes() == b"a picture"
    (site / "two.db").unlink()
    (site / "two-files" / "ab" / of).unlink()
    assert cti(site, "restore", str(site / "b.backup"), of="two") == 0
    assert not (site / "two-files" / "ab" / of).exists()


def test_what_is_refused_is_said_in_words(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = site / "day.backup"
    assert cti(site, "backup", "--out", str(out), key=False) == 2 and "passphrase" in capsys.readouterr().err
    assert cti(site, "backup", "--out", str(out)) == 0
    assert cti(site, "backup", "--out", str(out)) == 2 and "there already" in capsys.readouterr().err
    assert cti(site, "restore", str(out)) == 1 and "something in it already" in capsys.readouterr().err
    assert cti(site, "restore", str(site / "pass"), of="two") == 1 and "no backup" in capsys.readouterr().err
    (site / "pass").write_text("another one\n")
    assert cti(site, "restore", str(out), of="two") == 1 and "another one" in capsys.readouterr().err
    (site / "short").write_text("short")
    assert (
        main(["restore", str(out), "--passphrase-file", str(site / "short"), "--config", str(site / "two.toml")]) == 2
    )
    assert main(["restore", str(out), "--key-file", str(site / "short"), "--config", str(site / "two.toml")]) == 2
    assert not (site / "two.db").exists()


def test_a_key_file_and_no_encryption(site: Path) -> None:
    (site / "key").write_bytes(bytes(range(32)))
    for name, options in (("a", ["--key-file", str(site / "key")]), ("b", ["--plain"])):
        path = str(site / name)
        assert cti(site, "backup", "--out", path, *options, key=False) == 0
        assert cti(site, "restore", path, "--check", *options, key=False) == 0
