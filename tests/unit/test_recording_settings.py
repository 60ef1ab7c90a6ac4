"""``[recording]`` and the queues' policies: what is taken, and which field is named when it is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_console.recordings import RecordingPlaces
from config.settings import ConfigError, Settings, from_data
from interaction_log.recordings import RecordingFile

PBX = {"name": "main", "username": "u", "secret": "s", "devices": ["PJSIP/10??"]}


def settings(kept: dict[str, Any] | None = None, /, **queue: Any) -> Settings:
    data: dict[str, Any] = {"pbx": [PBX], "queue": [{"name": "support", "pbx": "main", **queue}]}
    return from_data(data | ({"recording": kept} if kept is not None else {}), {}, Path("/site"))


def test_without_it_nothing_is_kept_and_agents_may_ask() -> None:
    found = settings()
    assert found.recording is None
    assert (found.queue[0].recording, found.queue[0].consent) == ("on_demand", "")


def test_defaults_and_the_folder_beside_the_file() -> None:
    found = settings({"folder": "monitor"}, recording="always", consent="custom/recorded").recording
    assert found is not None
    assert found.folder == Path("/site/monitor")
    assert (found.retention_days, found.card_pause_seconds, found.agents_may_listen) == (90, 120, False)


@pytest.mark.parametrize(
    ("table", "queue", "named"),
    [
        ({}, {}, "recording.folder: is missing"),
        ({"folder": "/m", "retention_days": 0}, {}, "recording.retention_days"),
        ({"folder": "/m", "retention_days": "90"}, {}, "recording.retention_days"),
        ({"folder": "/m", "card_pause_seconds": 5}, {}, "recording.card_pause_seconds"),
        ({"folder": "/m/{queue}"}, {}, "recording.folder"),
        ({"folder": "/m/{pbx"}, {}, "recording.folder"),
        ({"folder": "/m", "pbx_folder": "relative"}, {}, "recording.pbx_folder"),
        ({"folder": "/m", "pbx_folder": "/a/../b"}, {}, "recording.pbx_folder"),
        ({"folder": "/m", "pbx_folder": "/a b"}, {}, "recording.pbx_folder"),
        ({"folder": "/m", "direct": "sometimes"}, {}, "recording.direct"),
        ({"folder": "/m", "secret": 1}, {}, "recording.secret: no such key"),
        (None, {"recording": "maybe"}, "queue[0].recording"),
        (None, {"recording": True}, "queue[0].recording"),
        (None, {"consent": "a,b"}, "queue[0].consent"),
        (None, {"consent": "${X}"}, "queue[0].consent"),
        (None, {"consent": "../x"}, "queue[0].consent"),
    ],
)
def test_what_is_wrong_is_named(table: dict[str, Any] | None, queue: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as error:
        settings(table, **queue)
    assert any(line.startswith(named) for line in error.value.lines), error.value.lines


def test_each_pbx_may_have_a_folder_of_its_own() -> None:
    places = RecordingPlaces("/mnt/{pbx}/monitor", "/var/spool/{pbx}")
    one = RecordingFile(
        id="r",
        interaction_id="i",
        pbx="berlin",
        queue=None,
        started_at=1.0,
        ended_at=2.0,
        running=False,
        file="/var/spool/berlin/a/b.wav",
        deleted_at=None,
    )
    assert places.find(one) == (Path("/mnt/berlin/monitor"), "a/b.wav")
