"""The legs add up to the call: talk, hold and wait of its parts are its own, and together they cover it."""

from __future__ import annotations

from typing import Any

import pytest

from cti_gateway.replay import interactions
from tests.golden.story import STORIES, Story

EXACT = 0.01
"""Seconds: three decimals are kept, and a call has some legs."""
SEAM = 1.0
"""Seconds that a call may need between two of its stretches: an answer that is announced, prompts, a busy machine."""
CASES = [pytest.param(story, kind, id=f"{story.name}-{kind}") for story in STORIES for kind in story.variants]


def stretches(one: dict[str, Any]) -> list[tuple[float, float]]:
    """What is accounted for: waiting in queues, ringing, talking."""
    found = [(v["entered_at"], v["left_at"]) for v in one["queue_visits"]]
    found += [(o["at"], o["at"] + o["ring_seconds"]) for o in one["offers"] if o["at"] and o["ring_seconds"]]
    found += [(s["from"], s["to"]) for s in one["segments"]]
    return sorted((a, b) for a, b in found if a is not None and b is not None)


def uncovered(one: dict[str, Any]) -> float:
    """Seconds between the first queue (or the answer) and the end in which nothing is told of the call."""
    parts = stretches(one)
    reached, missing = parts[0][0], 0.0
    for start, end in parts:
        missing += max(0.0, start - reached)
        reached = max(reached, end)
    return missing + max(0.0, float(one["ended_at"]) - reached)


@pytest.mark.parametrize(("story", "kind"), CASES)
def test_the_legs_talk_hold_and_wait_are_the_calls(story: Story, kind: str) -> None:
    for one in interactions(story.variants[kind], story.configured)[0]:
        talks = [s["to"] - s["from"] for s in one["segments"] if s["from"] is not None and s["to"] is not None]
        assert one["talk_seconds"] == pytest.approx(sum(talks), abs=EXACT)
        assert one["hold_seconds"] == pytest.approx(sum(h["seconds"] for h in one["holds"]), abs=EXACT)
        visits = [v for v in one["queue_visits"] if v["entered_at"] is not None and v["left_at"] is not None]
        assert all(v["wait_seconds"] == pytest.approx(v["left_at"] - v["entered_at"], abs=EXACT) for v in visits)
        if one["direction"] == "inbound" and one["answered_at"] is not None and visits:
            before = [v for v in visits if v["entered_at"] <= one["answered_at"]]
            waited = sum(min(v["left_at"], one["answered_at"]) - v["entered_at"] for v in before)
            if all(v["result"] == "answered" for v in before):  # else something was between queue and answer
                assert one["wait_seconds"] == pytest.approx(waited, abs=0.1)
            assert one["wait_seconds"] >= waited - 0.1


@pytest.mark.parametrize(("story", "kind"), CASES)
def test_the_stretches_cover_the_call(story: Story, kind: str) -> None:
    for one in interactions(story.variants[kind], story.configured)[0]:
        if one["outcome"] != "answered" or one["parked"] or one["started_at"] is None or one["inferred"]:
            continue
        lead = stretches(one)[0][0] - one["started_at"]
        open_end = any(not t["completed"] or t["to"].startswith("exten:") for t in one["transfers"])
        assert lead >= -EXACT
        if not open_end:  # a mailbox, somebody outside, a colleague who rings again: not ours to tell
            assert uncovered(one) <= SEAM, (one["segments"], one["queue_visits"], one["offers"])


@pytest.mark.parametrize("story", STORIES, ids=lambda s: s.name)
def test_the_telephones_own_parts_add_up_too(story: Story) -> None:
    """What is expected is consistent in itself: the clocks of all telephones are one."""
    for one in story.expectation["interactions"]:
        if "talk_seconds" in one and "segments" in one:
            parts = sum(s["to"] - s["from"] for s in one["segments"])
            assert one["talk_seconds"] == pytest.approx(parts, abs=EXACT)
        if "hold_seconds" in one and "holds" in one:
            assert one["hold_seconds"] == pytest.approx(sum(h["seconds"] for h in one["holds"]), abs=EXACT)
