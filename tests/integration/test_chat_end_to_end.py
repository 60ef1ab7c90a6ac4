"""Web chat through the whole program: a process, a visitor's and agents' sockets, files, mails, kill -9."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio

from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from tests.fakes.chat_visitor import VisitorClient
from tests.fakes.patience import PATIENCE
from tests.fakes.program import Desk, Program, prepare
from tests.fakes.smtp import SmtpServer

SITE = """
[mail]
host = "127.0.0.1"
port = {smtp}
tls = "none"
sender = "help@shop.example"
[[site]]
key = "shop"
queues = ["support"]
callback = true
trail = true
[[site.form]]
code = "name"
label = {{ en = "Name" }}
"""


class Shop:
    """The program with a site, and where its mails go."""

    def __init__(self, program: Program, post: SmtpServer) -> None:
        self.program, self.post = program, post

    def visitor(self, token: str = "") -> VisitorClient:
        return VisitorClient(self.program.url, token=token)

    async def lines(self, token: str, chat: str) -> Any:
        async with self.program.http(token) as http:
            return await http.get(f"/api/chats/{chat}/lines")


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    server = SimulatorServer(Simulator())
    async with SmtpServer() as post:
        config = await prepare(tmp_path, port=await server.start(), secret=SECRET, more=SITE.format(smtp=post.port))
        try:
            async with Program(tmp_path, "--config", str(config)) as program:
                yield Shop(program, post)
        finally:
            await server.stop()


async def ready(desk: Desk) -> None:
    assert (await desk.done("set_state", state="READY"))["ok"]


async def taken(desk: Desk, chat: str) -> None:
    await desk.wait("chat", lambda m: m["chat"]["interaction_id"] == chat and m["chat"]["state"] == "offered")
    assert (await desk.command("answer", interaction_id=chat))["ok"]
    await desk.wait("chat", lambda m: m["chat"]["interaction_id"] == chat and desk.name in m["chat"]["members"])


async def said(desk: Desk, chat: str, text: str, **more: Any) -> None:
    body = {"id": str(uuid.uuid4()), "interaction_id": chat, "text": text} | more
    ack = await desk._client.call("chat_send", body, namespace="/agent", timeout=10)
    assert ack["ok"], ack


async def test_a_chat_through_the_whole_program(shop: Shop) -> None:
    program = shop.program
    async with Desk(program, "anna") as anna, Desk(program, "ben") as ben, shop.visitor() as visitor:
        await ready(anna)
        chat = (await visitor.open(form={"name": "Wang"}))["id"]
        assert (await visitor.say("my parcel is lost"))["number"] == 1
        pop = await anna.wait("screen_pop", lambda p: p["interaction"]["id"] == chat)
        assert pop["interaction"]["channel"] == "chat" and pop["interaction"]["customer_name"] == "Wang"
        await taken(anna, chat)
        await visitor.line("joined")
        await said(anna, chat, "good morning")
        await visitor.line("good morning")
        async with shop.visitor(visitor.token) as tab:
            await tab.say("this is my other tab")
            await visitor.line("this is my other tab")
            assert tab.texts()[:3] == ["my parcel is lost", "joined", "good morning"]
        async with visitor.http() as http:
            given = await http.post("/chat/api/files", params={"name": "bill.pdf"}, content=b"%PDF-1.4 x")
            assert given.status_code == 201, given.text
        assert (await visitor.say(file=given.json()["id"]))["ok"]
        shown = await anna.wait("chat_line", lambda m: m["line"].get("file"))
        async with program.http(anna.token) as http:
            file = await http.get(f"/api/chats/files/{shown['line']['file']['id']}")
            assert file.content == b"%PDF-1.4 x" and "sandbox" in file.headers["content-security-policy"]
            assert file.headers["content-type"] == "application/octet-stream"
            assert file.headers["content-disposition"].startswith("attachment")
            sent = await http.post(f"/api/chats/{chat}/files", files={"file": ("a.png", b"\x89PNG", "image/png")})
            assert sent.status_code == 201, sent.text
        async with program.http(ben.token) as http:
            assert (await http.get(f"/api/chats/files/{file.url.path.rsplit('/', 1)[1]}")).status_code == 404
        picture = {"id": str(uuid.uuid4()), "interaction_id": chat, "file": sent.json()["id"]}
        assert (await anna._client.call("chat_send_file", picture, namespace="/agent", timeout=10))["ok"]
        told = await visitor.wait("line", lambda m: m["line"].get("file", {}).get("name") == "a.png")
        async with visitor.http() as http:
            assert (await http.get(f"/chat/api/files/{told['line']['file']['id']}")).content == b"\x89PNG"
        await ready(ben)
        assert (await anna.done("transfer", interaction_id=chat, to="ben", kind="blind"))["ok"]
        await taken(ben, chat)
        first = await ben.wait("chat", lambda m: m["chat"]["lines"])
        assert "my parcel is lost" in [line["text"] for line in first["chat"]["lines"]]
        whole = (await shop.lines(ben.token, chat)).json()["items"]
        assert [line["number"] for line in whole] == list(range(1, len(whole) + 1))
        await said(ben, chat, "Ben here")
        await visitor.line("Ben here")
        sofia = await program.sign_in("sofia")
        assert (await shop.lines(sofia, chat)).status_code == 200
        assert (await ben.command("chat_close", interaction_id=chat))["ok"]
        ended = await visitor.wait("conversation", lambda m: m["state"] == "ended")
        assert ended["ended_by"] == "agent"
        assert (await visitor.call("rate", score=5, comment="thanks"))["ok"]
        assert (await visitor.call("mail_transcript", address="wang@example.com"))["ok"]
        assert (await ben.done("wrap_up", interaction_id=chat, disposition="resolved", notes="sent again"))["ok"]
        assert anna.chain_is_whole() and ben.chain_is_whole()
    one = next(i for i in await program.interactions() if i["id"] == chat)
    assert (one["channel"], one["outcome"], one["ended_by"], one["queue"]) == ("chat", "answered", "agent", "support")
    assert [s["agent"] for s in one["segments"]] == ["Console/anna", "Console/ben"]
    assert (one["disposition"], one["notes"], one["talk_seconds"] > 0) == ("resolved", "sent again", True)
    assert [(t["to"], t["completed"]) for t in one["transfers"]] == [("Console/ben", True)]
    await _found_and_counted(shop, sofia, chat)
    async with asyncio.timeout(PATIENCE):
        while not shop.post.mails:  # noqa: ASYNC110 (the mail server has no news)
            await asyncio.sleep(0.02)
    mail = shop.post.mails[0]
    assert mail.recipients == ["wang@example.com"] and "Ben here" in mail.mail.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert "Traceback" not in program.errors()


async def _found_and_counted(shop: Shop, token: str, chat: str) -> None:
    """In the full text by what was said, and in the reports of the channel."""
    async with shop.program.http(token) as http:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = (await http.get("/api/search", params={"q": "parcel"})).json()["items"]
                if found:
                    break
                await asyncio.sleep(0.05)  # the index follows the log
        assert [one["ref"] for one in found] == [chat]
        today = datetime.now(UTC).date()
        asked = {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=2)), "tz": "UTC"}
        for channel, contacts in (("chat", 1), ("voice", 0)):
            told = {**asked, "report": "contacts", "channel": channel}
            total = (await http.get("/api/reports/table", params=told)).json()["total"]
            assert (total["offered"], total["answered"]) == (contacts, contacts), total
        agents = (await http.get("/api/reports/table", params={**asked, "report": "agents", "channel": "chat"})).json()
        assert {row["key"] for row in agents.get("of_keys", ())} == {"anna", "ben"}, agents


async def test_who_is_banned_is_cut_and_gets_in_no_more(shop: Shop) -> None:
    program = shop.program
    async with Desk(program, "anna") as anna, shop.visitor() as visitor, shop.visitor() as other:
        await ready(anna)
        chat = (await visitor.open())["id"]
        await taken(anna, chat)
        await visitor.say("you are stupid")
        whom = {"interaction_id": chat, "why": "insults", "hours": 1}
        async with program.http(anna.token) as http:
            assert (await http.post("/api/chat-bans", json=whom)).status_code == 403, "agents ask a supervisor"
        async with program.http(await program.sign_in("sofia")) as http:
            made = await http.post("/api/chat-bans", json=whom)
            assert made.status_code == 201, made.text
            ban = made.json()
            assert (ban["kind"], ban["value"], ban["by"]) == ("visitor", visitor.visitor, "sofia")
            over = await anna.wait("chat", lambda m: m["chat"]["state"] == "ended")
            assert over["chat"]["interaction_id"] == chat
            await visitor.gone()
            async with visitor.http() as mine:
                again = await mine.post("/chat/api/visitor", json={"site": "shop", "token": visitor.token})
                assert (again.status_code, again.json()["code"]) == (403, "banned")
            assert (await other.open())["state"] in ("waiting", "offered"), "others are left alone"
            [stands] = (await http.get("/api/chat-bans")).json()["items"]
            assert stands == ban
            which = {"kind": "visitor", "value": visitor.visitor}
            assert (await http.delete("/api/chat-bans", params=which)).status_code == 204
            async with visitor.http() as mine:
                again = await mine.post("/chat/api/visitor", json={"site": "shop", "token": visitor.token})
                assert again.status_code == 200, "from this moment on"
            everybody = await http.post("/api/chat-bans", json={"address": "127.0.0.1", "why": "a flood"})
            assert everybody.status_code == 201, everybody.text
            await other.gone()
            async with other.http() as mine:
                assert (await mine.post("/chat/api/visitor", json={"site": "shop"})).status_code == 403


async def test_a_kill_in_mid_chat_costs_no_line(shop: Shop) -> None:
    program = shop.program
    async with Desk(program, "anna") as anna, shop.visitor() as visitor:
        await ready(anna)
        chat = (await visitor.open())["id"]
        await taken(anna, chat)
        for n in range(10):
            assert (await visitor.say(f"line {n}"))["ok"]
        await said(anna, chat, "the last before")
        token, hers = visitor.token, anna.token
        await program.kill()
    await program.start()
    desk = Desk(program, "anna")
    await desk.open(token=hers)
    try:
        snapshot = await desk.wait("snapshot")
        [view] = snapshot["chats"]
        assert (view["interaction_id"], view["state"], view["members"]) == (chat, "talking", ["anna"])
        async with shop.visitor(token) as visitor:
            welcome = visitor.of("welcome")[0]
            assert welcome["conversation"]["id"] == chat and welcome["conversation"]["state"] == "talking"
            texts = [line["text"] for line in welcome["lines"]]
            assert texts == ["joined", *(f"line {n}" for n in range(10)), "the last before"]
            assert (await visitor.say("and on"))["number"] == 13
            await desk.wait("chat_line", lambda m: m["line"]["text"] == "and on")
            await said(desk, chat, "yes")
            await visitor.line("yes")
            assert (await visitor.call("leave"))["ok"]
        one = await program.only()
        assert (one["id"], one["outcome"], one["ended_by"]) == (chat, "answered", "customer")
    finally:
        await desk.close()


async def test_a_message_is_on_the_list_of_missed_contacts(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        told = {"id": str(uuid.uuid4()), "text": "please write to me", "reply_to": "wang@example.com"}
        assert (await visitor.call("leave_message", **told))["ok"]
    token = await shop.program.sign_in("anna")
    async with shop.program.http(token) as http:
        page = (await http.get("/api/missed")).json()
    [entry] = page["items"]
    assert (entry["kind"], entry["text"], entry["reply_to"], entry["queue"]) == (
        "chat",
        "please write to me",
        "wang@example.com",
        "support",
    )
