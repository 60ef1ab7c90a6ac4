"""Recorded calls of a real Asterisk come out as the telephones had them, with and without configuration."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from cti_gateway.calls import PbxProfile
from cti_gateway.replay import interactions, run
from tests.golden.story import HERE, STORIES, Story

CASES = [pytest.param(story, kind, id=f"{story.name}-{kind}") for story in STORIES for kind in story.variants]


@pytest.mark.parametrize(("story", "kind"), CASES)
@pytest.mark.parametrize("configured", [True, False], ids=["configured", "unconfigured"])
def test_a_recorded_call_is_told_as_it_was(story: Story, kind: str, configured: bool) -> None:
    profile = story.configured if configured else story.unconfigured
    got, _ = interactions(story.variants[kind], profile)
    assert story.differences(got, kind) == []


@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.name)
def test_the_same_trace_twice_is_the_same_calls_once(story: Story) -> None:
    segments = story.variants["main"]
    once, _ = interactions(segments, story.configured)
    banner_end = segments[-1].index(b"\r\n") + 2
    twice, _ = interactions([*segments[:-1], segments[-1] + segments[-1][banner_end:]], story.configured)
    if not any(b"FullyBooted" in s[banner_end:] and len(segments) > 1 for s in segments):
        assert [o["unique_ids"] for o in twice] == [o["unique_ids"] for o in once]


@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.name)
def test_what_is_told_is_consistent(story: Story) -> None:
    for item in interactions(story.variants["main"], story.configured)[0]:
        times = [t for t in (item["started_at"], item["answered_at"], item["ended_at"]) if t is not None]
        assert times == sorted(times)
        assert item["talk_seconds"] >= 0
        assert item["hold_seconds"] <= item["talk_seconds"] + 0.001
        assert (item["outcome"] is None) == (item["ended_at"] is None)


def test_the_command_prints_one_object_a_line() -> None:
    out, err = io.StringIO(), io.StringIO()
    assert run([HERE / "answered.ami"], PbxProfile(), out, err) == 0
    [line] = out.getvalue().splitlines()
    assert json.loads(line)["outcome"] == "answered"


def test_a_file_that_is_no_recording_is_named(tmp_path: Path) -> None:
    wrong = tmp_path / "mail.txt"
    wrong.write_bytes(b"220 mail.example ESMTP\r\n" * 100)
    err = io.StringIO()
    assert run([wrong], PbxProfile(), io.StringIO(), err) == 2
    assert "mail.txt" in err.getvalue()
    assert run([tmp_path / "missing.ami"], PbxProfile(), io.StringIO(), err) == 2
