"""Recordings that are sealed: unreadable on the disk, read by ranges, and noise without their key."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_console.recordings import RecordingPlaces
from cti_gateway.recording_seals import SETTLED_SECONDS, RecordingSeals
from cti_gateway.retention import SiteFiles
from interaction_log.privacy.erase import StoredFile
from interaction_log.store import Store
from interaction_log.store.master_key import make
from interaction_log.store.sealed_files import PIECE, Plain, Unreadable, content, is_sealed, seal, whole
from tests.contract.test_recordings import AT, PBX_FOLDER, LogHub, folder, recorded, with_log  # noqa: F401
from tests.contract.test_store import postgres, url  # noqa: F401 (fixtures)

AUDIO = random.Random(3).randbytes(3 * PIECE + 77) + b"MARKER-OF-A-PERSON"
NOW = AT + 60 + SETTLED_SECONDS + 1


@pytest.fixture
def store(url: str, tmp_path: Path) -> Iterator[Store]:
    make(tmp_path / "master.key")
    one = Store.open(url, default_region="CN", master_key=tmp_path / "master.key")
    yield one
    one.close()


def seals(store: Store, folder: Path, told: list[int], now: float = NOW) -> RecordingSeals:
    return RecordingSeals(store.recording_keys, RecordingPlaces(str(folder), PBX_FOLDER), lambda: now, told.append)


def stored_file(of: str, recording: str) -> StoredFile:
    row = {
        "id": recording,
        "interaction_id": of,
        "pbx": "main",
        "queue": "support",
        "started_at": AT,
        "ended_at": AT + 60,
    }
    named = {"running": False, "file": f"{PBX_FOLDER}/callweave/{recording}.wav", "deleted_at": None}
    return StoredFile("recording", recording, row | named)


async def test_sealed_when_the_call_is_over_and_shredded_with_its_key(
    store: Store, url: str, tmp_path: Path, folder: Path
) -> None:
    file, told = folder / "callweave" / "r1.wav", list[int]()
    file.write_bytes(AUDIO)

    async def look(_: LogHub) -> None:
        assert await seals(store, folder, told, NOW - 10).look() == 0, "it may still be written"
        assert await seals(store, folder, told).look() == 1
        assert await seals(store, folder, told).look() == 0, "once"
        on_disk = file.read_bytes()
        assert b"MARKER" not in on_disk and not [p for p in file.parent.iterdir() if p.name.endswith("sealing")]
        key = await store.recording_keys.key("r1")
        with file.open("rb") as opened:
            inside = content(opened, key, "r1")
            assert whole(inside) == AUDIO and inside.size == len(AUDIO)
            for at in (0, 5, PIECE - 1, PIECE, 2 * PIECE + 9, len(AUDIO) - 1):
                got = inside.read(at, 40)
                assert got and AUDIO[at : at + len(got)] == got
        files = SiteFiles(RecordingPlaces(str(folder), PBX_FOLDER), {}, store.recording_keys)
        assert await files.read(stored_file("i1", "r1")) == (".wav", AUDIO), "a person gets it in clear"
        copy = tmp_path / "backup.wav"
        copy.write_bytes(on_disk)
        li = await store.customers.create({"name": "Li", "phones": ["+8613800138000"]})
        assert store.privacy is not None
        await store.privacy.request(li.id, "admin", NOW)
        for of in await store.privacy.pending():
            assert (await store.privacy.run(of, files, lambda: NOW)).state == "done"
        assert await store.recording_keys.key("r1") is None and not file.exists()
        with copy.open("rb") as opened, pytest.raises(Unreadable):
            content(opened, await store.recording_keys.key("r1"), "r1")

    call = recorded("i1", "r1")
    await with_log(url, tmp_path, look, call)
    assert told == []


async def test_what_was_cut_off_goes_on(store: Store, url: str, tmp_path: Path, folder: Path) -> None:
    """The key is there, the file is still plain: it is read as it is, and sealed with the next look."""
    file = folder / "callweave" / "r1.wav"
    file.write_bytes(AUDIO)

    async def look(_: LogHub) -> None:
        one = await store.recordings.get("r1")
        key = await store.recording_keys.make(one)
        assert await store.recording_keys.make(one) == key
        files = SiteFiles(RecordingPlaces(str(folder), PBX_FOLDER), {}, store.recording_keys)
        assert await files.read(stored_file("i1", "r1")) == (".wav", AUDIO)
        assert await seals(store, folder, []).look() == 1
        assert b"MARKER" not in file.read_bytes()

    await with_log(url, tmp_path, look, recorded("i1", "r1"))


async def test_a_folder_that_cannot_be_written_alarms_and_keeps_the_file(
    store: Store, url: str, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, told = folder / "callweave" / "r1.wav", list[int]()
    file.write_bytes(AUDIO)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    async def look(_: LogHub) -> None:
        worker = seals(store, folder, told)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            assert await worker.look() == 0 and await worker.look() == 0
        assert told == [1] and file.read_bytes() == AUDIO and len(list(file.parent.iterdir())) == 1
        assert await worker.look() == 1 and told == [1, 0]

    await with_log(url, tmp_path, look, recorded("i1", "r1"))


async def test_missing_files_and_links_are_left_alone(store: Store, url: str, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "other.wav").write_bytes(AUDIO)
    (folder / "callweave" / "r1.wav").symlink_to(tmp_path / "other.wav")

    async def look(_: LogHub) -> None:
        assert await seals(store, folder, []).look() == 0
        assert (tmp_path / "other.wav").read_bytes() == AUDIO

    await with_log(url, tmp_path, look, recorded("i1", "r1"), recorded("i2", "r2", file="/elsewhere/r2.wav"))


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1])
def test_every_change_is_noticed(tmp_path: Path, size: int) -> None:
    key, plain, sealed = os.urandom(32), tmp_path / "plain", tmp_path / "sealed"
    plain.write_bytes(os.urandom(size))
    with plain.open("rb") as file, sealed.open("wb") as into:
        seal(file, into, key, "one")
    with sealed.open("rb") as file, plain.open("rb") as raw:
        assert is_sealed(file) and not is_sealed(raw) and isinstance(content(raw, key, "one"), Plain)
        assert whole(content(file, key, "one")) == plain.read_bytes()
        for other_key, of in ((key, "two"), (os.urandom(32), "one")):
            if size:
                with pytest.raises(Unreadable):
                    whole(content(file, other_key, of))
    data = bytearray(sealed.read_bytes())
    for at in {9, 30, len(data) - 1} if size else ():
        spoilt = bytearray(data)
        spoilt[at] ^= 1
        (tmp_path / "spoilt").write_bytes(spoilt)
        with (tmp_path / "spoilt").open("rb") as file, pytest.raises(Unreadable):
            whole(content(file, key, "one"))
