"""Many visitors behind a network that cuts, delays, repeats and reorders: both ends equal the log, line by line.

In the suite: 300 visitors for 30 s. ``CHAT_STORM=full``: 1,000 visitors for two minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from interaction_log.chats import StoredLine
from tests.fakes.chat_floor import QUEUE, SITE
from tests.fakes.chat_stage import Stage, chat_stage
from webchat.sites import Limits

FULL = os.environ.get("CHAT_STORM") == "full"
VISITORS, SECONDS = (1_000, 120.0) if FULL else (300, 30.0)
MUCH = 1e6
LIMITS = Limits(
    lines_per_minute=MUCH, line_burst=MUCH, address_lines_per_second=MUCH, address_line_burst=MUCH,
    site_lines_per_second=MUCH, site_line_burst=MUCH, address_visitors_per_minute=MUCH, address_visitor_burst=MUCH,
    site_visitors_per_second=MUCH, site_visitor_burst=MUCH, address_conversations_per_hour=MUCH,
    address_conversation_burst=MUCH, address_connections=100_000, site_connections=100_000, tabs=100,
)  # fmt: skip


async def replies(stage: Stage, sent: dict[str, str]) -> None:
    """Agents write too, into any conversation that is there, until shortly before the network gets calm."""
    rng, desk = random.Random(7), stage.floor.desk
    end = asyncio.get_running_loop().time() + SECONDS
    while asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
        rooms = list(desk.rooms.all.values())
        if rooms:
            of = str(uuid.uuid4())
            room = rng.choice(rooms)
            await desk.speech.say(room, "agent", of, f"answer {len(sent)}", author="anna", name="Anna")
            sent[of] = room.id


async def all_lines(stage: Stage, conversation: str) -> list[StoredLine]:
    found: list[StoredLine] = []
    while page := await stage.floor.store.chats.lines(conversation, len(found)):
        found += page
    return found


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_nothing_is_lost_and_nothing_is_doubled(tmp_path: Path) -> None:
    async with chat_stage(tmp_path, limits=LIMITS) as stage:
        sent: dict[str, str] = {}
        writing = asyncio.ensure_future(replies(stage, sent))
        told = await storm(stage, tmp_path)
        await writing
        assert told["failed"] == [] and told["cuts"] > VISITORS / 2, (told["failed"][:3], told["cuts"])
        visitors = told["visitors"]
        assert len({one["conversation"] for one in visitors}) == VISITORS
        answers = 0
        for one in visitors:
            assert one["wrong"] == [] and one["pending"] == [] and one["done"], one
            stored = await all_lines(stage, one["conversation"])
            assert [line.number for line in stored] == list(range(1, len(stored) + 1))
            assert one["read"] == [[line.number, line.id, line.text, line.by] for line in stored]
            mine = {line.id: line for line in stored if line.by == "visitor"}
            assert {of: line.text for of, line in mine.items()} == one["said"]
            assert {of: line.number for of, line in mine.items()} == one["acked"]
            answers += sum(sent.get(line.id) == one["conversation"] for line in stored)
        assert answers == len(sent), "what agents wrote is all there, too"
        lines = sum(len(one["said"]) for one in visitors)
        again = sum(one["again"] for one in visitors)
        print(f"{lines} lines and {len(sent)} answers, {told['links']} connections, {told['cuts']} cut, {again} again")
        assert lines > VISITORS and again > VISITORS


async def storm(stage: Stage, folder: Path) -> Any:
    """In a process of its own."""
    out = folder / "storm.json"
    with out.open("wb") as file:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.fakes.chat_storm", str(stage.server.port), SITE, QUEUE, str(VISITORS),
            str(SECONDS), "11", stdout=file,
        )  # fmt: skip
        try:
            assert await child.wait() == 0
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
    return json.loads(out.read_text())
