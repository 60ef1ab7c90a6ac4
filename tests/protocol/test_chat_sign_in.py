"""A visitor who signs in at the site while he talks: the same conversation goes on as his, and as nobody else's."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import pytest_asyncio
import socketio

from interaction_log.chats import Ban
from interaction_log.store import Store
from tests.fakes.chat_floor import SITE, chat_floor
from tests.fakes.chat_stage import Stage, chat_stage, until
from webchat.tokens import UserKey

SECRET = b"k" * 32
pytestmark = pytest.mark.timeout(60)


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with chat_stage(tmp_path, keys=(UserKey("1", "HS256", SECRET),)) as one:
        one.floor.desk.vouched._claims = one.floor.store.identity.claims
        one.floor.hub.customers = one.floor.store.customers
        yield one


def signed(sub: str = "li", **more: Any) -> str:
    now = time.time()
    told = {"iss": SITE, "aud": "callweave", "sub": sub, "jti": uuid.uuid4().hex, "iat": now, "exp": now + 60} | more
    return jwt.encode(told, SECRET, algorithm="HS256", headers={"kid": "1"})


async def talking(stage: Stage) -> tuple[Any, Any, str]:
    """An anonymous visitor's token, his browser, and the conversation that Anna has with him."""
    token = await stage.token()
    browser = await stage.browser(token["token"])
    await stage.floor.sign_in("anna")
    chat = (await browser.open())["conversation"]["id"]
    assert await stage.floor.answer(chat) == {"ok": True}
    assert (await browser.say("before"))["ok"]
    await stage.floor.settled()
    return token, browser, chat


def shown(stage: Stage, chat: str) -> Any:
    """How Anna's console sees it now."""
    views = [body["chat"] for who, name, body in stage.floor.screens.shown if (who, name) == ("anna", "chat")]
    return next(one for one in reversed(views) if one["interaction_id"] == chat)


async def test_the_conversation_goes_on_as_the_users(stage: Stage) -> None:
    made = await stage.floor.store.customers.create({"name": "李雷", "emails": ["li@example.com"]})
    token, browser, chat = await talking(stage)
    assert shown(stage, chat)["visitor"]["verified"] is False
    known = await stage.token(token=token["token"], user_token=signed(name="Li Lei", email="li@example.com"))
    assert known["token"] == token["token"] and known["visitor"] != token["visitor"] and known["name"] == "Li Lei"
    await asyncio.wait_for(browser.closed.wait(), 10)
    again = await stage.browser(token["token"], after=0)
    greeted = again.of("welcome")[0]
    assert greeted["visitor"] == known["visitor"] and greeted["conversation"]["id"] == chat
    assert [one["text"] for one in again.lines() if one["kind"] == "text"] == ["before"]
    assert (await again.say("after"))["ok"]
    await stage.floor.send(chat, "good to see you")
    await again.wait("line", lambda body: body["line"]["text"] == "good to see you")
    await stage.floor.settled()
    who = shown(stage, chat)["visitor"]
    assert (who["verified"], who["name"]) == (True, "Li Lei")
    assert stage.floor.hub.distributor.interactions[chat].customer_id == made.id
    claims = [(one.kind, one.value, one.source) for one in await stage.floor.store.identity.claims.of(made.id)]
    assert ("login", "shop:li", "site") in claims
    stored = await stage.floor.store.chats.conversation(chat)
    assert (stored.visitor, stored.name) == (known["visitor"], "Li Lei")


async def test_another_users_token_does_not_take_it_over(stage: Stage) -> None:
    token, _, chat = await talking(stage)
    known = await stage.token(token=token["token"], user_token=signed())
    other = await stage.token(token=token["token"], user_token=signed("han"))
    assert other["visitor"] != known["visitor"] and other["token"] != token["token"]
    theirs = await stage.browser(other["token"])
    assert theirs.of("welcome")[0]["conversation"] is None
    assert (await stage.floor.store.chats.conversation(chat)).visitor == known["visitor"]
    assert stage.floor.desk.rooms.all[chat].login == "shop:li"


async def test_a_user_who_talks_elsewhere_keeps_that_conversation(stage: Stage) -> None:
    token, _, chat = await talking(stage)
    elsewhere = await stage.token(user_token=signed())
    own = await stage.browser(elsewhere["token"])
    mine = (await own.open())["conversation"]["id"]
    known = await stage.token(token=token["token"], user_token=signed())
    assert known["visitor"] == elsewhere["visitor"] and known["token"] != token["token"]
    browser = await stage.browser(known["token"])
    assert browser.of("welcome")[0]["conversation"]["id"] == mine
    assert (await stage.floor.store.chats.conversation(chat)).visitor == token["visitor"]


async def test_a_conversation_that_is_over_stays_nobodys(stage: Stage) -> None:
    token, browser, chat = await talking(stage)
    assert (await browser.ask("leave"))["ok"]
    await stage.floor.settled()
    known = await stage.token(token=token["token"], user_token=signed())
    assert known["visitor"] != token["visitor"] and known["token"] != token["token"]
    assert (await stage.floor.store.chats.conversation(chat)).visitor == token["visitor"]


async def test_whoever_is_banned_stays_so(stage: Stage) -> None:
    token, _, chat = await talking(stage)
    at = time.time()
    await stage.floor.store.chats.ban(Ban(kind="visitor", value=token["visitor"], until=at + 60, by="sofia", at=at))
    stage.deps._bans_at = float("-inf")
    async with stage.http() as http:
        body = {"site": SITE, "token": token["token"], "user_token": signed()}
        answer = await http.post("/chat/api/visitor", json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "banned")
    assert (await stage.floor.store.chats.conversation(chat)).visitor == token["visitor"]


async def test_a_connection_that_was_being_made_comes_again_as_the_user(stage: Stage) -> None:
    """The token was read before the visitor signed in, and is used after."""
    token, browser, chat = await talking(stage)
    read, go = asyncio.Event(), asyncio.Event()
    plain = stage.deps.store.visitor_of

    async def slow(hashed: str, now: float) -> Any:
        found = await plain(hashed, now)
        read.set()
        await go.wait()
        return found

    stage.deps.store.visitor_of = slow  # type: ignore[method-assign]
    late = stage.tab(token["token"])
    coming = asyncio.ensure_future(late.connect())
    await asyncio.wait_for(read.wait(), 10)
    stage.deps.store.visitor_of = plain  # type: ignore[method-assign]
    await stage.token(token=token["token"], user_token=signed())
    go.set()
    with pytest.raises(socketio.exceptions.ConnectionError):
        await coming
    await until(lambda: late.refusal is not None)
    assert late.refusal["data"]["code"] == "unavailable"
    await browser.close()
    again = await stage.browser(token["token"])
    assert again.of("welcome")[0]["conversation"]["id"] == chat


async def test_a_used_token_is_refused_after_a_restart_too(tmp_path: Path) -> None:
    """Shown from one address before, from another one after it; and by who takes over as well."""
    async with chat_stage(tmp_path / "a", keys=(UserKey("1", "HS256", SECRET),)) as one:
        token = signed()
        async with one.http({"X-Forwarded-For": "192.0.2.1"}) as http:
            assert (await http.post("/chat/api/visitor", json={"site": SITE, "user_token": token})).status_code == 200
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'a' / 'chats.db'}", default_region="CN")
    try:
        async with chat_stage(tmp_path / "b", keys=(UserKey("1", "HS256", SECRET),)) as two:
            two.deps.store = store.chats
            for address, code in (("192.0.2.2", 401), ("192.0.2.1", 200)):
                async with two.http({"X-Forwarded-For": address}) as http:
                    answer = await http.post("/chat/api/visitor", json={"site": SITE, "user_token": token})
                    assert answer.status_code == code, answer.text
    finally:
        await asyncio.to_thread(store.close)


async def test_after_a_restart_he_is_still_the_user(tmp_path: Path) -> None:
    async with chat_floor(tmp_path) as floor:
        one = await floor.visitor("v1")
        chat = await floor.talking(one)
        joined = await floor.store.chats.sign_in(
            SITE, "hash-v1", at=floor.now, expires_at=floor.now + 9, subject="li", attributes={"name": "Li"}
        )
        assert joined is not None and joined[0] == one.id
        await floor.desk.stop()
        await floor.start()
        room = floor.desk.rooms.all[chat]
        assert (room.visitor, room.verified, room.login) == (joined[1].id, True, "shop:li")
