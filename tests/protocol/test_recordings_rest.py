"""The audio of recordings over REST: who may hear it, what is put on record, and that no path leads elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agent_console.recordings import RecordingAccess, RecordingPlaces
from interaction_log.recordings import RecordingFile
from interaction_log.records import AuditEntry, NotFound
from tests.fakes.console_stage import stage

ONE = "0123456789abcdef" * 2
AUDIO = b"RIFF" + bytes(range(256)) * 400


@dataclass
class Trail:
    entries: list[AuditEntry] = field(default_factory=list)
    broken: bool = False

    async def append(self, entry: AuditEntry) -> None:
        if self.broken:
            raise OSError("the disk is full")
        self.entries.append(entry)


class Stored:
    def __init__(self, *files: RecordingFile) -> None:
        self.files = {one.id: one for one in files}

    async def get(self, recording_id: str) -> RecordingFile:
        if recording_id not in self.files:
            raise NotFound(recording_id)
        return self.files[recording_id]

    async def older_than(self, before: float, after_id: str, limit: int) -> list[RecordingFile]:
        return []

    async def deleted(self, recording_id: str, at: float) -> None:
        """Not here."""


ANNAS = RecordingFile(
    id=ONE,
    interaction_id="i0",
    pbx="main",
    queue="support",
    started_at=1_000_000.0,
    ended_at=1_000_060.0,
    running=False,
    file="/monitor/callweave/one.wav",
    deleted_at=None,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "monitor"
    (made / "callweave").mkdir(parents=True)
    (made / "callweave" / "one.wav").write_bytes(AUDIO)
    (tmp_path / "secret.wav").write_bytes(b"secret")
    (made / "callweave" / "link.wav").symlink_to(tmp_path / "secret.wav")
    (made / "callweave" / "notes.txt").write_bytes(b"secret")
    return made


def access(folder: Path, *files: RecordingFile, trail: Trail | None = None, listen: bool = False) -> RecordingAccess:
    places = RecordingPlaces(str(folder), "/monitor")
    return RecordingAccess(Stored(*files or (ANNAS,)), trail or Trail(), places, listen)


async def test_supervisors_hear_it_and_it_is_on_record(folder: Path) -> None:
    trail = Trail()
    async with stage(recordings=access(folder, trail=trail)) as on:
        async with on.http(headers=await on.headers("sofia")) as http:
            whole = await http.get(f"/api/recordings/{ONE}")
            assert (whole.status_code, whole.content) == (200, AUDIO)
            assert whole.headers["content-type"] == "audio/wav" and whole.headers["cache-control"] == "no-store"
            part = await http.get(f"/api/recordings/{ONE}", headers={"Range": "bytes=4-7"})
            assert (part.status_code, part.content) == (206, AUDIO[4:8])
            beyond = await http.get(f"/api/recordings/{ONE}", headers={"Range": f"bytes={len(AUDIO)}-"})
            assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(AUDIO)}")
            many = ",".join(f"{n}-{n}" for n in range(1_000))
            abused = await http.get(f"/api/recordings/{ONE}", headers={"Range": f"bytes={many}"})
            assert (abused.status_code, abused.content) == (200, AUDIO)
            assert (await http.head(f"/api/recordings/{ONE}")).headers["content-length"] == str(len(AUDIO))
        async with on.http(headers=await on.headers("admin")) as http:
            assert (await http.get(f"/api/recordings/{ONE}")).status_code == 200
    assert [(one.actor, one.action, one.subject) for one in trail.entries] == [
        ("sofia", "play_recording", ONE),
        ("admin", "play_recording", ONE),
    ]
    assert trail.entries[0].details["interaction_id"] == "i0"


@pytest.mark.parametrize(
    ("who", "listen", "status"),
    [("anna", True, 200), ("anna", False, 403), ("ben", True, 404), ("ben", False, 404)],
)
async def test_agents_hear_their_own_calls_where_the_site_lets_them(
    folder: Path, who: str, listen: bool, status: int
) -> None:
    trail = Trail()
    async with stage(recordings=access(folder, trail=trail, listen=listen)) as on:
        async with on.http(headers=await on.headers(who)) as http:
            assert (await http.get(f"/api/recordings/{ONE}")).status_code == status
        refused = [(user, what) for user, what, *_ in on.hub.trail]
        assert refused == ([] if status == 200 else [(who, "forbidden")])
    assert len(trail.entries) == (status == 200)


async def test_without_sign_in_and_without_a_folder(folder: Path) -> None:
    async with stage(recordings=access(folder)) as on, on.http() as http:
        assert (await http.get(f"/api/recordings/{ONE}")).status_code == 401
    async with stage() as on, on.http(headers=await on.headers("sofia")) as http:
        assert (await http.get(f"/api/recordings/{ONE}")).status_code == 404


async def test_what_cannot_be_put_on_record_is_not_played(folder: Path) -> None:
    full = access(folder, trail=Trail(broken=True))
    async with stage(recordings=full) as on, on.http(headers=await on.headers("sofia")) as http:
        refused = await http.get(f"/api/recordings/{ONE}")
        assert refused.status_code == 503 and AUDIO not in refused.content


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"running": True, "ended_at": None}, 409),
        ({"deleted_at": 5.0}, 410),
        ({"file": ""}, 404),
        ({"file": "/etc/passwd"}, 404),
        ({"file": "/monitor/../secret.wav"}, 404),
        ({"file": "/monitor/callweave/link.wav"}, 404),
        ({"file": "/monitor/callweave/notes.txt"}, 404),
        ({"file": "/monitor/callweave"}, 404),
        ({"file": "/monitor/callweave/none.wav"}, 404),
        ({"file": "/monitor/callweave/a\0.wav"}, 404),
    ],
)
async def test_no_file_of_the_pbx_leads_elsewhere(folder: Path, change: dict[str, object], status: int) -> None:
    one = replace(ANNAS, **change)  # type: ignore[arg-type]
    async with stage(recordings=access(folder, one)) as on, on.http(headers=await on.headers("sofia")) as http:
        answer = await http.get(f"/api/recordings/{ONE}")
        assert answer.status_code == status and b"secret" not in answer.content
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "..%2F..%2Fsecret.wav",
        "%2e%2e/secret.wav",
        "callweave%2Fone.wav",
        "a%00b",
        ONE[:-1],
        ONE.upper(),
        "%F0%9F%92%A9",
    ],
)
async def test_an_id_is_no_path(folder: Path, path: str) -> None:
    async with stage(recordings=access(folder)) as on, on.http(headers=await on.headers("sofia")) as http:
        assert (await http.get(f"/api/recordings/{path}")).status_code == 404
