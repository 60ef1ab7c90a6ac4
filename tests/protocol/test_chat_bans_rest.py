"""Bans over REST: who may, whom, and what is refused. What becomes of a visitor is in test_chat_end_to_end.py."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent_console.chat_bans import ChatBans
from agent_console.chats import ChatAccess
from interaction_log.chats import Ban
from tests.fakes.chat_floor import ChatFloor, chat_floor
from tests.fakes.console_stage import Stage, stage
from webchat.gate import ban_place, place_of


@contextlib.asynccontextmanager
async def site(folder: Path) -> AsyncIterator[tuple[ChatFloor, Stage, list[Ban | None]]]:
    """The floor's chats behind a console server; what changed, as the visitors' server is told it."""
    changed: list[Ban | None] = []
    async with chat_floor(folder) as floor:
        access = ChatAccess(
            stored=floor.store.chats,
            canned=floor.store.canned,
            concerned=lambda user, of: user in ("anna", "sofia") and of in floor.desk.rooms.all,
            bans=ChatBans(place=ban_place, changed=changed.append),
        )
        async with stage(chats=access) as on:
            yield floor, on, changed


async def ask(on: Stage, who: str, method: str, path: str = "/api/chat-bans", **more: Any) -> httpx.Response:
    async with on.http() as http:
        return await http.request(method, path, headers=await on.headers(who) if who else {}, **more)


async def test_a_visitor_and_an_address_are_banned_for_a_time(tmp_path: Path) -> None:
    async with site(tmp_path) as (floor, on, changed):
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        whom = {"interaction_id": chat, "hours": 2, "why": "insults"}
        for who, status in (("", 401), ("anna", 403), ("sofia", 201), ("admin", 404)):
            assert (await ask(on, who, "POST", json=whom)).status_code == status, who
        made = (await ask(on, "sofia", "POST", json={"address": "2001:db8::7", "why": "a flood"})).json()
        assert (made["kind"], made["value"]) == ("address", place_of("2001:db8::7")) == ("address", "2001:db8::/64")
        assert made["until"] - made["at"] == pytest.approx(86_400), "a day, where nothing is said"
        shown = (await ask(on, "sofia", "GET")).json()["items"]
        assert [(one["kind"], one["value"], one["by"], one["why"]) for one in shown] == [
            ("address", "2001:db8::/64", "sofia", "a flood"),
            ("visitor", visitor.id, "sofia", "insults"),
        ]
        assert [one.value for one in changed if one is not None] == [visitor.id, "2001:db8::/64"]
        assert (await ask(on, "anna", "GET")).status_code == 403
        for one in shown:
            which = {"kind": one["kind"], "value": one["value"]}
            for who, status in (("anna", 403), ("sofia", 204), ("sofia", 404)):
                assert (await ask(on, who, "DELETE", params=which)).status_code == status, who
        acts = [entry[:3] for entry in on.hub.trail]
        assert ("sofia", "ban_visitor", visitor.id) in acts and ("sofia", "lift_ban", "address") in acts
        assert "2001" not in str(on.hub.trail), "nobody can erase the trail"
        assert changed[-2:] == [None, None] and (await ask(on, "sofia", "GET")).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"why": "x"}, "body"),
        ({"why": "x", "interaction_id": "c", "address": "192.0.2.1"}, "body"),
        ({"why": "", "address": "192.0.2.1"}, "why"),
        ({"why": "x", "address": "the neighbour"}, "address"),
        ({"why": "x", "address": "192.0.2.1", "hours": 0}, "hours"),
        ({"why": "x", "address": "192.0.2.1", "hours": 9_000}, "hours"),
    ],
)
async def test_what_makes_no_sense_is_refused(tmp_path: Path, body: dict[str, Any], field: str) -> None:
    async with site(tmp_path) as (_, on, changed):
        answer = await ask(on, "sofia", "POST", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field), answer.text
        assert not changed and (await ask(on, "sofia", "GET")).json()["items"] == []
