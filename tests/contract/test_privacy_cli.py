"""`cti privacy`: the commands as people type them, against a database of their own."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import zipfile
from pathlib import Path

import pytest

from cti_gateway.main import main
from interaction_log import events as e
from interaction_log.store import EventLog, Store
from interaction_log.store.master_key import KeyFault, load, load_or_make, make

NAME = "Zqmark Wong"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "callweave.toml"
    path.write_text(
        '[database]\nurl = "sqlite:///log.db"\njournal = "journal"\njournal_megabytes = 1\n'
        '[privacy]\nkey_file = "keys/master.key"\n'
        '[[retention]]\nwhat = "notes"\nqueue = "support"\ndays = 30\n'
    )
    return path


def cti(*words: str) -> int:
    return main(["privacy", *words, "--config", "callweave.toml"])


def person() -> str:
    """A customer, in a database of its own."""

    async def work() -> str:
        store = await asyncio.to_thread(Store.open, "sqlite:///log.db", default_region="CN")
        made = await store.customers.create({"name": NAME, "phones": ["+8613812345678"]})
        await asyncio.to_thread(store.close)
        return made.id

    return asyncio.run(work())


def test_from_the_key_to_the_receipt(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cti("key") == 0 and cti("key") == 0
    key = tmp_path / "keys" / "master.key"
    assert key.stat().st_mode & 0o777 == 0o600 and load(key).public in capsys.readouterr().out
    of = person()
    assert cti("export", of, "--out", "all.zip") == 0
    with zipfile.ZipFile("all.zip") as archive:
        assert json.loads(archive.read("data/customers.json"))[0]["name"] == NAME
    capsys.readouterr()
    assert cti("erase", of) == 2 and "nothing was erased" in capsys.readouterr().err
    assert cti("erase", of, "--yes") == 0
    receipt = capsys.readouterr().out
    Path("receipt.json").write_text(receipt)
    assert cti("verify", "receipt.json") == 0
    Path("changed.json").write_text(receipt.replace('"customers": 1', '"customers": 2'))
    assert cti("verify", "changed.json") == 1
    Path("other.json").write_text("{}")
    assert cti("verify", "other.json") == 2
    assert cti("erase", of, "--yes") == 1 and "no such customer" in capsys.readouterr().err
    assert cti("compact") == 0
    assert all(NAME.encode() not in one.read_bytes() for one in tmp_path.glob("log.db*"))
    assert main(["audit", "verify", "--config", "callweave.toml"]) == 0
    with sqlite3.connect("log.db") as connection:
        said = [row[0] for row in connection.execute("SELECT action FROM audit ORDER BY n")]
    connection.close()
    assert said == ["access_export", "erasure_requested", "erased"]


def test_a_restore_does_not_bring_anybody_back(config: Path, tmp_path: Path) -> None:
    assert cti("key") == 0
    of = person()
    (tmp_path / "backup.key").write_bytes(bytes(range(64)))
    (tmp_path / "backup.key").chmod(0o600)
    key = ["--key-file", "backup.key", "--config", "callweave.toml"]
    assert main(["backup", "--out", "before.backup", *key]) == 0
    assert cti("erase", of, "--yes") == 0
    for one in tmp_path.glob("log.db*"):
        one.unlink()
    (tmp_path / "journal" / "events.journal").unlink()
    assert main(["restore", "before.backup", *key]) == 0
    assert all(NAME.encode() not in one.read_bytes() for one in tmp_path.glob("log.db*"))
    with sqlite3.connect("log.db") as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM search_docs").fetchone() == (0,)
    connection.close()


def test_the_dry_run_counts(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cti("key") == 0
    capsys.readouterr()
    assert cti("retention", "--dry-run", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["what"] for one in found["rules"]] == ["notes", "events"] and found["due"]["notes"] == 0


def test_without_its_key_nothing_is_done(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cti("retention", "--dry-run") == 1
    assert "is missing" in capsys.readouterr().err
    make(tmp_path / "keys" / "master.key").wrap(bytes(32))
    (tmp_path / "keys" / "master.key").chmod(0o644)
    assert cti("retention", "--dry-run") == 1
    assert "chmod o=" in capsys.readouterr().err


def test_a_database_keeps_to_its_key(tmp_path: Path) -> None:
    def open_with(name: str) -> EventLog:
        master = load_or_make(tmp_path / name)
        return EventLog.open(
            f"sqlite:///{tmp_path}/log.db", tmp_path / "journal", on_state=print, journal_bytes=100_000, master=master
        )

    open_with("first").close()
    with pytest.raises(KeyFault, match="another master key"):
        open_with("second")
    log = open_with("first")
    log.append(e.Recorded(log.next_seq(), e.QueueSeen(at=1.0, pbx="a", queue="b")))
    log.close()


@pytest.mark.parametrize("text", ["", "callweave-master-key-1", "callweave-master-key-1 !!", "other QUJD", "\xff"])
def test_what_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text, "latin-1")
    path.chmod(0o600)
    with pytest.raises(KeyFault):
        load(path)
