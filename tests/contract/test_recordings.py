"""The recordings on SQLite and PostgreSQL: found by id, and deleted when their time is over."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from agent_console.recordings import RecordingPlaces
from cti_gateway.retention import DAY_SECONDS, PrivacyWork, Retention, SiteFiles, Swept, remove_within
from interaction_log import events as e
from interaction_log.records import NotFound
from interaction_log.store import EventLog, Store
from interaction_log.store.master_key import make
from interaction_log.store.retention import KINDS, Rule
from routing import commands as c
from tests.contract.test_missed import call
from tests.contract.test_store import postgres, store, url  # noqa: F401 (fixtures)

AT = 1_795_293_080.0
PBX_FOLDER = "/var/spool/asterisk/monitor"


def recorded(of: str, recording: str, at: float = AT, file: str = "") -> list[e.Event]:
    """A call with one recording, from its third second to its end."""
    events = call(at, id=of, answered=2.0)
    name = file or f"{PBX_FOLDER}/callweave/{recording}.wav"
    begun = e.RecordingStarted(at=at + 3, interaction_id=of, recording_id=recording, unique_id=of)
    named = e.RecordingNamed(at=at + 3, interaction_id=of, recording_id=recording, file=name)
    return [*events[:-1], begun, named, events[-1]]


class LogHub:
    """A hub that does nothing but log."""

    def __init__(self, log: EventLog) -> None:
        self.log = log
        self.pbxs = {"main": None}
        self.told: list[c.Command] = []

    def take(self, events: list[e.Event]) -> int:
        for event in events:
            seq = self.log.next_seq()
            self.log.append(e.Recorded(seq, event))
        return seq

    def carry_out(self, command: c.Command) -> None:
        self.told.append(command)


async def with_log(url: str, tmp_path: Path, work: Callable[[LogHub], Awaitable[None]], *calls: list[e.Event]) -> None:
    log = await asyncio.to_thread(EventLog.open, url, tmp_path / "events.journal", on_state=lambda _: None)
    try:
        hub = LogHub(log)
        for events in calls:
            await log.durable(hub.take(events))
        await log.shown()
        await work(hub)
    finally:
        await asyncio.to_thread(log.close)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "monitor"
    (made / "callweave").mkdir(parents=True)
    return made


def sweeper(hub: Any, store: Store, folder: Path, now: float, days: int = 30) -> Retention:
    return Retention(hub, store.recordings, RecordingPlaces(str(folder), PBX_FOLDER), days, lambda: now)


async def test_found_by_its_id(store: Store, url: str, tmp_path: Path) -> None:
    async def look(_: LogHub) -> None:
        one = await store.recordings.get("r1")
        assert (one.interaction_id, one.pbx, one.queue, one.running) == ("i1", "main", "support", False)
        assert (one.started_at, one.ended_at, one.deleted_at) == (AT + 3, AT + 60, None)
        assert one.file == f"{PBX_FOLDER}/callweave/r1.wav"
        (shown,) = (await store.interactions.get("i1"))["recordings"]
        assert (shown["id"], shown["file"], shown["state"]) == ("r1", "r1.wav", "ended")
        for nobody in ("r2", "' OR 1=1 --", "../r1"):
            with pytest.raises(NotFound):
                await store.recordings.get(nobody)

    await with_log(url, tmp_path, look, recorded("i1", "r1"))


async def test_the_customers_timeline_knows_of_it(store: Store, url: str, tmp_path: Path) -> None:
    li = await store.customers.create({"name": "Li", "phones": ["+8613800138000"]})
    whose = [
        e.CustomerIdentified(at=AT + 4, interaction_id=of, customer_id=li.id, agent=None) for of in ("i1", "i2", "i3")
    ]

    async def look(hub: LogHub) -> None:
        await store.recordings.deleted("r2", AT + 90)
        lines = await store.customers.timeline(li.id, 10, None)
        assert {line["interaction_id"]: line["recorded"] for line in lines} == {"i1": True, "i2": False, "i3": False}

    calls = (recorded("i1", "r1"), recorded("i2", "r2"), call(AT, id="i3"))
    await with_log(url, tmp_path, look, *calls, list(whose))


async def test_what_is_too_old_is_deleted_and_said(store: Store, url: str, tmp_path: Path, folder: Path) -> None:
    late = AT + 5 * DAY_SECONDS
    for name in ("old", "young"):
        (folder / "callweave" / f"{name}.wav").write_bytes(b"RIFF")

    async def sweep(hub: LogHub) -> None:
        now = AT + 31 * DAY_SECONDS
        assert await sweeper(hub, store, folder, now).sweep() == Swept(deleted=1)
        await hub.log.shown()
        assert sorted(os.listdir(folder / "callweave")) == ["young.wav"]
        assert (await store.recordings.get("old")).deleted_at == now
        assert (await store.interactions.get("i1"))["recordings"][0]["deleted_at"] == now
        assert (await store.recordings.get("young")).deleted_at is None
        assert await sweeper(hub, store, folder, now).sweep() == Swept()
        assert not hub.told

    await with_log(url, tmp_path, sweep, recorded("i1", "old"), recorded("i2", "young", late))


async def test_what_cannot_be_deleted_is_told(store: Store, url: str, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (folder / "callweave" / "link.wav").symlink_to(tmp_path / "secret.wav")
    calls = [
        recorded("i1", "link"),
        recorded("i2", "outside", file="/etc/passwd.wav"),
        recorded("i3", "climbs", file=f"{PBX_FOLDER}/../secret.wav"),
        recorded("i4", "gone"),
    ]

    async def sweep(hub: LogHub) -> None:
        now = AT + 31 * DAY_SECONDS
        assert await sweeper(hub, store, folder, now).sweep() == Swept(missing=1, kept=3)
        assert hub.told == [c.NotifySupervisors("error", "recordings_not_deleted", {"count": "3"})]
        assert (tmp_path / "secret.wav").read_bytes() == b"secret"
        assert (await store.recordings.get("gone")).deleted_at == now
        assert (await store.recordings.get("link")).deleted_at is None

    await with_log(url, tmp_path, sweep, *calls)


async def test_a_folder_that_is_away_proves_nothing(store: Store, url: str, tmp_path: Path) -> None:
    async def sweep(hub: LogHub) -> None:
        away = sweeper(hub, store, tmp_path / "not-mounted", AT + 31 * DAY_SECONDS)
        assert await away.sweep() == Swept(kept=1)
        assert (await store.recordings.get("r1")).deleted_at is None

    await with_log(url, tmp_path, sweep, recorded("i1", "r1"))


async def test_it_sweeps_at_the_start(store: Store, url: str, tmp_path: Path, folder: Path) -> None:
    file = folder / "callweave" / "r1.wav"
    file.write_bytes(b"RIFF")
    key = tmp_path / "key"
    make(key)
    keyed = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)

    async def run(hub: Any) -> None:
        files = SiteFiles(RecordingPlaces(str(folder), PBX_FOLDER), {})
        hub.wall = lambda: AT + 31 * DAY_SECONDS
        daily = PrivacyWork(hub, keyed, files, [Rule(what="recordings", days=30)])
        assert await daily.due() == dict.fromkeys(KINDS, 0) | {"recordings": 1}
        daily.start()
        async with asyncio.timeout(10):
            while file.exists():  # noqa: ASYNC110 (a file has no event)
                await asyncio.sleep(0.02)
        await daily.stop()

    try:
        await with_log(url, tmp_path, run, recorded("i1", "r1"))
    finally:
        await asyncio.to_thread(keyed.close)


@pytest.mark.parametrize("name", ["", "../a.wav", "/a.wav", "out/a.wav", "link.wav", "folder", "a\0b"])
def test_nothing_else_is_deleted(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    (folder / "folder").mkdir(parents=True)
    outside = tmp_path / "a.wav"
    outside.write_bytes(b"")
    (folder / "out").symlink_to(tmp_path)
    (folder / "link.wav").symlink_to(outside)
    assert remove_within(folder, name) == "kept"
    assert outside.exists() and (folder / "folder").exists()
