"""The sites with a chat as administrators see them: what is configured and who comes from there, and never a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agent_console.chat_sites import ChatSite, ChatSites
from agent_console.chats import ChatAccess
from config.settings import from_data
from cti_gateway.chat_setup import rules_of, shown_of, site_of
from tests.fakes.chat_floor import QUEUE, SITE, chat_floor
from tests.fakes.console_stage import stage

SECRET = "never to be shown, at least 32 bytes long"


def shown(tmp_path: Path, **more: Any) -> ChatSite:
    """The site of the floor, from a configuration."""
    given = {"key": SITE, "queues": [QUEUE], "origins": ["https://shop.example"]} | more
    table = from_data({"queue": [{"name": QUEUE, "pbx": ""}], "site": [given]}, {}, tmp_path).site[0]
    return shown_of(site_of(table), rules_of(table, {QUEUE: ""}))


async def test_what_administrators_see_of_a_site(tmp_path: Path) -> None:
    site = shown(
        tmp_path,
        user_key=[{"kid": "2026-1", "alg": "HS256", "secret": SECRET}],
        form=[{"code": "name", "label": {"en": "Name"}}],
        consent={"version": "7", "text": {"en": "We keep it."}},
        callback=True,
        closing=[{"queue": QUEUE, "idle_seconds": 60}],
    )
    rules = {"consent": {"version": "7", "text": {"en": "We keep it."}}}
    async with chat_floor(tmp_path, **rules) as floor:
        sites = ChatSites(stored=floor.store.chats, sites=[site], connected=lambda: {SITE: 3})
        chats = ChatAccess(
            stored=floor.store.chats, canned=floor.store.canned, concerned=lambda user, of: False, sites=sites
        )
        async with stage(chats=chats, public_url="https://desk.example") as on, on.http() as http:
            for who in ("anna", "sofia"):
                assert (await http.get("/api/chat-sites", headers=await on.headers(who))).status_code == 403
            headers = await on.headers("admin")
            [first] = (await http.get("/api/chat-sites", headers=headers)).json()["items"]
            assert (first["last_at"], first["open"], first["connected"]) == (None, 0, 3)
            visitor = await floor.visitor()
            await floor.open(visitor, consent="7")
            await floor.chats.leave(visitor)
            floor.now += 60
            await floor.open(visitor, consent="7")
            answer = await http.get("/api/chat-sites", headers=headers)
            [found] = answer.json()["items"]
    assert (found["last_at"], found["open"]) == (floor.now, 1)
    assert found["script"] == ('<script src="https://desk.example/chat/widget.js" data-site="shop" async></script>')
    assert (found["key"], found["origins"], found["queues"]) == (SITE, ["https://shop.example"], [QUEUE])
    assert found["keys"] == [{"kid": "2026-1", "alg": "HS256"}] and SECRET not in answer.text
    assert found["offers"] == ["message", "callback", "files"] and found["forms"] == {"": ["name"]}
    assert found["closing"][QUEUE] == {"idle": 60.0, "warning": 120.0, "gone": 1800.0}
    assert [(one["version"], one["text"]) for one in found["consents"]] == [("7", {"en": "We keep it."})]
