"""Transcripts, files and canned replies over REST: who may, what is refused, what a browser is told of a file."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent_console.chats import ChatAccess
from cti_gateway.chat_setup import AgentFiles
from interaction_log.records import User
from interaction_log.store.chat_folder import ChatFolder
from tests.fakes.chat_floor import ChatFloor, chat_floor
from tests.fakes.console_stage import Stage, stage
from webchat.sites import Site

HELLO = {"shortcut": "hello", "texts": {"en": "Good morning {visitor}", "zh-CN": "您好"}}


@contextlib.asynccontextmanager
async def site(folder: Path) -> AsyncIterator[tuple[ChatFloor, Stage]]:
    """The floor's chats behind a console server."""
    async with chat_floor(folder) as floor:
        rooms, store = floor.desk.rooms, floor.store
        files = AgentFiles(ChatFolder(folder / "files"), store.chats, [Site(key="s", origins=())], lambda: floor.now)

        def concerned(user: str, of: str) -> bool:
            return of in rooms.all and user in rooms.all[of].audience

        access = ChatAccess(stored=store.chats, canned=store.canned, concerned=concerned, files=files)
        async with stage(chats=access) as on:
            yield floor, on


async def ask(on: Stage, who: str, method: str, path: str, **more: Any) -> httpx.Response:
    async with on.http() as http:
        return await http.request(method, path, headers=await on.headers(who) if who else {}, **more)


async def test_the_transcript_is_for_who_is_in_the_chat(tmp_path: Path) -> None:
    async with site(tmp_path) as (floor, on):
        visitor = await floor.visitor()
        chat = await floor.talking(visitor)
        for n in range(5):
            await floor.say(visitor, f"line {n}")
        path = f"/api/chats/{chat}/lines"
        whole = (await ask(on, "anna", "GET", path)).json()["items"]
        assert [line["number"] for line in whole] == [1, 2, 3, 4, 5, 6]
        after = (await ask(on, "anna", "GET", path, params={"after": 2, "limit": 2})).json()["items"]
        assert [line["text"] for line in after] == ["line 1", "line 2"]
        before = (await ask(on, "anna", "GET", path, params={"before": 4, "limit": 2})).json()["items"]
        assert [line["number"] for line in before] == [2, 3]
        assert (await ask(on, "ben", "GET", path)).status_code == 404
        assert (await ask(on, "", "GET", path)).status_code == 401
        for wrong in ({"limit": 0}, {"limit": 201}, {"after": -1}, {"other": 1}):
            assert (await ask(on, "anna", "GET", path, params=wrong)).status_code == 400
        assert (await ask(on, "anna", "GET", "/api/chats/none/lines")).status_code == 404


async def test_files_are_inert(tmp_path: Path) -> None:
    async with site(tmp_path) as (floor, on):
        chat = await floor.talking(await floor.visitor())
        path = f"/api/chats/{chat}/files"
        page = ("page.html", b"<script>alert(1)</script>", "text/html")
        given = await ask(on, "anna", "POST", path, files={"file": page})
        assert given.status_code == 201, given.text
        got = await ask(on, "anna", "GET", f"/api/chats/files/{given.json()['id']}")
        assert got.content == page[1] and got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-disposition"] == "attachment; filename*=utf-8''page.html"
        assert (
            got.headers["x-content-type-options"] == "nosniff" and "sandbox" in got.headers["content-security-policy"]
        )
        picture = await ask(on, "anna", "POST", path, files={"file": ("图.png", b"\x89PNG", "image/png")})
        shown = await ask(on, "anna", "GET", f"/api/chats/files/{picture.json()['id']}")
        assert shown.headers["content-type"] == "image/png" and shown.headers["content-disposition"].startswith(
            "inline"
        )
        assert (await ask(on, "ben", "GET", f"/api/chats/files/{picture.json()['id']}")).status_code == 404
        assert (await ask(on, "ben", "POST", path, files={"file": page})).status_code == 404
        assert (await ask(on, "anna", "POST", path, files={"file": ("e", b"", "text/plain")})).status_code == 400
        assert (await ask(on, "anna", "POST", path, files={"other": page})).status_code == 400
        huge = ("h", b"x" * 5_000_001, "text/plain")
        assert (await ask(on, "anna", "POST", path, files={"file": huge})).status_code == 413


async def test_canned_replies_by_right_queue_and_team(tmp_path: Path) -> None:
    async with site(tmp_path) as (_, on):
        made = await ask(on, "sofia", "POST", "/api/canned-replies", json=HELLO)
        assert made.status_code == 201 and made.json()["version"] == 1
        north = HELLO | {"shortcut": "help", "teams": ["north"], "queues": ["sales"]}
        assert (await ask(on, "sofia", "POST", "/api/canned-replies", json=north)).status_code == 201

        async def seen(who: str, **more: Any) -> list[str]:
            got = await ask(on, who, "GET", "/api/canned-replies", params=more)
            return [one["shortcut"] for one in got.json()["items"]]

        assert await seen("anna") == ["hello"] and await seen("anna", q="x") == []
        on.store.users.records["anna"] = User(
            name="anna", display_name="Anna", role="agent", devices=["PJSIP/1001"], teams=("north",)
        )
        assert await seen("anna") == ["hello", "help"] and await seen("anna", queue="support") == ["hello"]
        assert await seen("sofia", all=True) == ["hello", "help"] and await seen("anna", all=True) == ["hello", "help"]
        path = f"/api/canned-replies/{made.json()['id']}"
        gone = await ask(on, "sofia", "PUT", path, json=HELLO | {"retired": True})
        assert gone.status_code == 200 and await seen("anna") == ["help"]
        assert (await ask(on, "sofia", "PUT", path, json=HELLO)).status_code == 409
        assert (await ask(on, "sofia", "PUT", "/api/canned-replies/none", json=HELLO)).status_code == 404
        for method, where in (("POST", "/api/canned-replies"), ("PUT", path)):
            assert (await ask(on, "anna", method, where, json=HELLO)).status_code == 403
        acts = [act for _, act, _, _ in on.hub.trail if act.endswith("canned_reply")]
        assert acts == ["write_canned_reply", "write_canned_reply", "retire_canned_reply"]


@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"shortcut": "a b"}, "shortcut", "canned_shortcut"),
        ({"texts": {"en": "{password}"}}, "texts.en", "canned_place"),
        ({"texts": {}}, "texts", "canned_texts"),
    ],
)
async def test_what_is_refused_names_the_field(tmp_path: Path, given: dict[str, Any], field: str, code: str) -> None:
    async with site(tmp_path) as (_, on):
        got = await ask(on, "sofia", "POST", "/api/canned-replies", json=HELLO | given)
        assert got.status_code in (400, 422), got.text
        [error] = got.json()["errors"]
        assert (error["field"], error["code"]) == (field, code)
