"""Skills at a real Asterisk: penalties and memberships follow what the administrator says, at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from interaction_log.records import User
from interaction_log.store import Store
from tests.fakes.overseer import Overseer
from tests.fakes.patience import PATIENCE
from tests.fakes.program import PASSWORD, Desk, Program, prepare
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk")]

ANNA = "PJSIP/1001"
MANDARIN = {"mandarin": {"5": 0, "3": 4}}


class Site:
    """The PBX, the program, Anna ready at her desk, Sofia who oversees, and Ada who administers."""

    def __init__(self, on: Stage, program: Program, anna: Desk, sofia: Overseer, token: str) -> None:
        self.stage, self.program, self.anna, self.sofia, self.token = on, program, anna, sofia, token

    async def put(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """As the administrator's page does it."""
        async with self.program.http(self.token) as http:
            answer = await http.request(method, path, json=body)
            assert answer.is_success, answer.text
            return dict(answer.json())

    async def queue(self, name: str, **more: Any) -> None:
        body = {"pbx": "lab", "label": name.title(), "service_level_seconds": 20, "wrap_up_seconds": 1}
        await self.put("PUT", f"/api/queues/{name}", body | more)

    async def membership(self, queue: str, wanted: tuple[bool, int] | None, seconds: float = PATIENCE) -> None:
        """Wait until Asterisk has Anna there like this (paused, penalty), or not at all."""
        async with asyncio.timeout(seconds):
            while await self._of(queue) != wanted:  # noqa: ASYNC110 (the PBX must be asked)
                await asyncio.sleep(0.05)

    async def explained(self, code: str) -> None:
        """Wait until this is among the reasons why Anna has no calls."""
        async with asyncio.timeout(PATIENCE):
            while code not in await self.sofia.why_codes("anna"):  # noqa: ASYNC110 (a supervisor asks)
                await asyncio.sleep(0.05)

    async def _of(self, queue: str) -> tuple[bool, int] | None:
        listed = await self.stage.pbx.ami.listed("QueueStatus", "QueueMember")
        mine = [one for one in listed if one["Location"] == ANNA and one["Queue"] == queue]
        return (mine[0]["Paused"] == "1", int(mine[0]["Penalty"])) if mine else None


@pytest_asyncio.fixture
async def site(stage: Stage, tmp_path: Path) -> AsyncIterator[Site]:  # noqa: F811
    config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=stage.pbx.secret, wrap_up=1)
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'callweave.db'}", default_region="CN")
    await store.users.create(User(name="ada", display_name="Ada", role="admin"), PASSWORD)
    await asyncio.to_thread(store.close)
    await stage.pbx.ami.action("QueuePenalty", (), Interface=ANNA, Penalty="0")  # whatever a test left behind
    async with contextlib.AsyncExitStack() as stack:
        program = await stack.enter_async_context(Program(tmp_path, "--config", str(config)))
        anna = await stack.enter_async_context(Desk(program, "anna"))
        sofia = await stack.enter_async_context(Overseer(program, "sofia"))
        await anna.done("set_state", state="READY")
        await anna.state("READY")
        yield Site(stage, program, anna, sofia, await program.sign_in("ada"))
        assert await program.end() == 0
        assert "Traceback" not in program.errors()


async def test_penalties_follow_the_skills_at_once(site: Site) -> None:
    await site.membership("support", (False, 0))
    await site.put("PUT", "/api/skills/mandarin", {"labels": {"en": "Mandarin", "zh-CN": "普通话"}})
    await site.queue("support", skills=MANDARIN)
    user = await site.put("PATCH", "/api/users/anna", {"skills": {"mandarin": 3}})
    assert user["skills"] == {"mandarin": 3}
    await site.membership("support", (False, 4))
    seen = await site.sofia.wait("agent_state", lambda m: m["agent"].get("penalties", {}).get("support") == 4)
    assert seen["agent"]["skills"] == {"mandarin": 3}
    # somebody else changes it behind our back, and a reload sets what the file says: it is put back
    await site.stage.pbx.ami.action("QueuePenalty", (), Interface=ANNA, Queue="support", Penalty="7")
    await site.membership("support", (False, 4))
    # a supervisor's own decision stays, and is explained
    done = await site.sofia.done("join_queue", agent="anna", queue="support", penalty=2, why="short of people")
    assert done["ok"], done
    await site.explained("penalty_by_hand")
    # until an administrator changes her skills
    await site.put("PATCH", "/api/users/anna", {"skills": {"mandarin": 5}})
    await site.membership("support", (False, 0))
    await site.put("PATCH", "/api/users/anna", {"skills": {"mandarin": 3}})
    await site.membership("support", (False, 4))
    # Ben has no skill that matters here; he stays what the PBX says, so Anna stands behind him
    async with Desk(site.program, "ben") as ben:
        await ben.done("set_state", state="READY")
        await site.explained("behind_skilled")


async def test_members_come_and_go_with_their_skills_and_never_unpaused(site: Site) -> None:
    await site.anna.done("set_state", state="NOT_READY", reason="lunch")
    await site.anna.state("NOT_READY")
    await site.put("PATCH", "/api/users/anna", {"skills": {"mandarin": 3}})
    ami = site.stage.pbx.ami
    since = len(ami.events)
    await site.queue("sales", skills=MANDARIN, skill_members=True)
    added = await ami.wait(lambda b: b.get("Event") == "QueueMemberAdded", since=since)
    assert (added["Queue"], added["Paused"], added["PausedReason"]) == ("sales", "1", "callweave:lunch")
    await site.membership("sales", (True, 4))
    await site.anna.done("set_state", state="READY")
    await site.membership("sales", (False, 4))
    # what a supervisor ends stays ended; when she signs in anew her skills count again
    assert (await site.sofia.done("leave_queue", agent="anna", queue="sales", why="training"))["ok"]
    await site.membership("sales", None)
    await site.anna.done("set_state", state="LOGGED_OUT")
    await site.anna.state("LOGGED_OUT")
    await site.anna.done("set_state", state="READY")
    await site.membership("sales", (False, 4))
    await site.put("PATCH", "/api/users/anna", {"skills": {}})
    await site.membership("sales", None)
    assert "skills_missing" in await site.sofia.why_codes("anna")
