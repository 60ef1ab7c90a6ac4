"""The visitors' Socket.IO: nothing lost, nothing doubled, limits, and what is not taken."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import socketio

from interaction_log.chats import Ban
from tests.fakes.chat_floor import SITE
from tests.fakes.chat_stage import WAIT, Browser, Stage, chat_stage, raw_socket, until


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with chat_stage(tmp_path) as one:
        yield one


def numbers(browser: Browser) -> list[int]:
    return [line["number"] for line in browser.lines()]


async def refused(stage: Stage, token: str, **how: Any) -> Any:
    one = stage.tab(token)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await one.connect(**how)
    return one.refusal["data"]


# --- a conversation --------------------------------------------------------------------------------------


@pytest.mark.parametrize("polling", [False, True])
async def test_a_conversation_over_both_ways(stage: Stage, polling: bool) -> None:
    visitor = await stage.browser(polling=polling)
    welcome = visitor.of("welcome")[0]
    assert welcome["conversation"] is None and welcome["lines"] == []
    opened = await visitor.open()
    assert opened["ok"] and opened["conversation"]["state"] in ("waiting", "offered")
    await stage.floor.sign_in("anna")
    chat = opened["conversation"]["id"]
    await visitor.wait("conversation", lambda one: one["state"] == "offered")
    assert (await stage.floor.answer(chat))["ok"]
    await visitor.wait("conversation", lambda one: one["state"] == "talking")
    await visitor.wait("line", lambda one: one["line"]["text"] == "joined")
    said = await visitor.say("hello <b>you</b>")
    assert said["ok"] and said["number"] == 2
    await visitor.wait("line", lambda one: one["line"]["text"] == "hello <b>you</b>")
    assert (await stage.floor.send(chat, "good day"))["ok"]
    line = (await visitor.wait("line", lambda one: one["line"]["text"] == "good day"))["line"]
    assert line["by"] == "agent" and line["number"] == said["number"] + 1
    assert numbers(visitor) == list(range(1, line["number"] + 1))
    assert (await visitor.ask("leave"))["ok"]
    await visitor.wait("conversation", lambda one: one["state"] == "ended")


async def test_the_acknowledgement_comes_after_the_commit(stage: Stage) -> None:
    visitor = await stage.browser()
    chat = (await visitor.open())["conversation"]["id"]
    for n in range(20):
        number = (await visitor.say(str(n)))["number"]
        assert (await stage.floor.store.chats.lines(chat, number - 1))[0].text == str(n)


async def test_the_same_line_five_times_is_stored_once(stage: Stage) -> None:
    visitor, of = await stage.browser(), str(uuid.uuid4())
    chat = (await visitor.open())["conversation"]["id"]
    answers = await asyncio.gather(*(visitor.say("once", of) for _ in range(5)))
    assert len({json.dumps(one) for one in answers}) == 1 and answers[0]["ok"]
    again = await stage.browser(visitor.token)
    assert await again.say("once", of) == answers[0]
    assert [one.text for one in await stage.floor.store.chats.lines(chat)].count("once") == 1


async def test_a_second_tab_sees_everything_in_the_same_order(stage: Stage) -> None:
    one = await stage.browser()
    await one.open()
    await one.say("from the first")
    two = await stage.browser(one.token)
    assert two.of("welcome")[0]["conversation"]["id"] and "from the first" in [line["text"] for line in two.lines()]
    await two.say("from the second")
    await asyncio.gather(*(tab.say(f"{n}") for n in range(10) for tab in (one, two)))
    last = max(numbers(two) + numbers(one))
    for tab in (one, two):
        await until(lambda tab=tab: len(numbers(tab)) >= 22)  # type: ignore[misc]
    assert last <= 22 + 2
    lines = sorted(one.lines(), key=lambda line: line["number"])
    assert lines == sorted(two.lines(), key=lambda line: line["number"])
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))


async def test_who_comes_back_gets_what_he_missed(stage: Stage) -> None:
    visitor = await stage.browser()
    chat = (await visitor.open())["conversation"]["id"]
    await visitor.say("one")
    known = max(numbers(visitor) or [0])
    await visitor.close()
    await until(lambda: stage.deps.tabs.count == 0)
    await stage.floor.sign_in()
    await stage.floor.answer(chat)
    for text in ("two", "three"):
        await stage.floor.send(chat, text)
    back = await stage.browser(visitor.token, after=known)
    texts = [line["text"] for line in back.of("welcome")[0]["lines"]]
    assert [one for one in texts if one != "joined"] == ["two", "three"]
    fetched = await back.ask("fetch", after=0)
    assert [line["number"] for line in fetched["lines"]] == list(range(1, len(fetched["lines"]) + 1))


async def test_from_another_network_it_is_the_same_conversation(stage: Stage) -> None:
    """A telephone leaves the house: another address, another way, the same token."""
    at_home = await stage.browser(address="192.0.2.1")
    chat = (await at_home.open())["conversation"]["id"]
    first = await at_home.say("from the sofa")
    await at_home.close()
    on_the_way = await stage.browser(at_home.token, after=first["number"], polling=True, address="2001:db8::7")
    welcome = on_the_way.of("welcome")[0]
    assert (welcome["conversation"]["id"], welcome["lines"]) == (chat, [])
    assert (await on_the_way.say("from the bus"))["number"] == first["number"] + 1
    assert [one.text for one in await stage.floor.store.chats.lines(chat)] == ["from the sofa", "from the bus"]


async def test_what_is_said_while_a_tab_is_welcomed_is_not_missing(stage: Stage) -> None:
    visitor = await stage.browser()
    chat = (await visitor.open())["conversation"]["id"]
    await stage.floor.sign_in()
    await stage.floor.answer(chat)
    lines = stage.floor.chats.lines

    async def slowly(*given: Any) -> Any:
        found = await lines(*given)
        await stage.floor.send(chat, "in between")
        return found

    stage.floor.chats.lines = slowly  # type: ignore[method-assign]
    late = await stage.browser(visitor.token)
    await late.wait("line", lambda one: one["line"]["text"] == "in between")
    assert late.told[0][0] == "welcome"
    assert sorted(numbers(late)) == list(range(1, len(numbers(late)) + 1))


async def test_signs_are_thinned_out_and_the_last_one_arrives(stage: Stage) -> None:
    visitor = await stage.browser()
    await visitor.open()
    seen: list[int] = []
    stage.floor.chats.seen = lambda who, number: seen.append(number)  # type: ignore[method-assign]
    for number in range(30):
        assert (await visitor.ask("seen", number=number)) == {"ok": True}
    await until(lambda: seen and seen[-1] == 29)
    assert len(seen) <= 8


# --- who may come ----------------------------------------------------------------------------------------


async def test_only_a_token_of_the_site_opens_it(stage: Stage) -> None:
    for token in ("", "x" * 43, "é" * 43, None, 7):
        assert (await refused(stage, token))["code"] == "unauthorized"  # type: ignore[arg-type]
    token = (await stage.token())["token"]
    assert (await refused(stage, token[:-1] + ("x" if token[-1] != "x" else "y")))["code"] == "unauthorized"


@pytest.mark.parametrize("polling", [False, True])
async def test_only_pages_of_the_site_open_it(stage: Stage, polling: bool) -> None:
    token = (await stage.token())["token"]
    one = stage.tab(token)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await one.connect(origin="https://evil.example", polling=polling)
    assert stage.deps.tabs.count == 0
    assert (await stage.browser(token, origin=None, polling=polling)).of("welcome")
    assert (await stage.browser(token, origin=stage.base, polling=polling)).of("welcome")


async def test_a_banned_visitor_is_cut_and_does_not_come_back(stage: Stage) -> None:
    visitor = await stage.browser()
    of = visitor.of("welcome")[0]["visitor"]
    until_ = stage.deps.wall() + 60
    await stage.floor.store.chats.ban(Ban(kind="visitor", value=of, until=until_, by="sofia", at=1.0))
    stage.deps.tabs.drop(of)
    await asyncio.wait_for(visitor.closed.wait(), WAIT)
    stage.deps._bans_at = float("-inf")
    assert (await refused(stage, visitor.token))["code"] == "banned"


async def test_connections_and_tabs_are_limited(stage: Stage) -> None:
    stage.set_limits(tabs=2, address_connections=3)
    one = await stage.browser()
    await stage.browser(one.token)
    assert (await refused(stage, one.token))["code"] == "too_many"
    other = await stage.browser()
    assert (await refused(stage, other.token))["code"] == "too_many"
    await one.close()
    gate = stage.deps.gates[SITE]
    await until(lambda: gate.count == 2)
    assert (await stage.browser(other.token)).of("welcome")


async def test_one_visitor_reads_no_other_ones_lines(stage: Stage) -> None:
    one, two = await stage.browser(), await stage.browser()
    await one.open()
    await one.say("secret")
    assert await two.ask("fetch", after=0) == {"ok": True, "lines": []}
    assert (await two.say("x"))["error"]["code"] == "no_conversation"
    await two.open()
    await two.say("mine")
    assert all(line["text"] != "secret" for line in (await two.ask("fetch", after=0))["lines"])
    assert not any(body["line"]["text"] == "secret" for body in two.of("line"))


# --- limits ----------------------------------------------------------------------------------------------


async def test_too_many_lines_are_refused_with_the_time_to_wait(stage: Stage) -> None:
    stage.set_limits(lines_per_minute=60, line_burst=4)
    visitor = await stage.browser()
    await visitor.open()  # counts as well
    answers = [await visitor.say(str(n)) for n in range(5)]
    assert [one["ok"] for one in answers] == [True, True, True, False, False]
    assert answers[-1]["error"]["code"] == "too_many" and 0 < answers[-1]["error"]["wait"] <= 1.1
    other = await stage.browser()
    assert (await other.open())["ok"], "nobody else is refused"


async def test_commands_are_answered_in_their_order_by_whom_ever_they_are_read(stage: Stage) -> None:
    session, ws = await raw_socket(stage.base)
    token = json.dumps({"token": (await stage.token())["token"]})
    ways = ["42/chat,", "42/chat?read=by-socketio,", "42/chat,", "42/chat,", "42/chat?,", "42/chat,"]
    for packet in (f"40/chat,{token}", *(f'{way}{n}["none",{{}}]' for n, way in enumerate(ways * 4))):
        await ws.send_str(packet)  # nobody waits for having signed in
    answered: list[int] = []
    async with asyncio.timeout(WAIT):
        while len(answered) < len(ways) * 4:
            packet = await ws.receive_str()
            if packet.startswith("43/chat,"):
                answered.append(int(packet[8 : packet.index("[")]))
    await session.close()
    assert answered == list(range(len(ways) * 4))


async def test_a_flood_of_packets_ends_with_the_connection(stage: Stage) -> None:
    session, ws = await raw_socket(stage.base)
    token = (await stage.token())["token"]
    await ws.send_str(f"40/chat,{json.dumps({'token': token})}")
    for n in range(1_000):
        await ws.send_str(f'42/chat,{n}["fetch",{{}}]')
    closed = False
    async with asyncio.timeout(WAIT):
        async for message in ws:
            closed = message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        closed = True
    await session.close()
    assert closed
    await until(lambda: stage.deps.tabs.count == 0)


@pytest.mark.parametrize(
    "packet",
    [
        '2["say",{}]',
        '2/agent,1["set_state",{}]',
        "2/chat,1[",
        '2/chat,1["say",{"id":1,"id":2}]',
        "2/chat,1" + "[" * 10_000,
        '51-/chat,["say",{"_placeholder":true,"num":0}]',
        "9",
        '2/chat,1{"a":1}x',
        '4{"a":1}',
        "",
        '0/chat,{"token":"x"}',
    ],
)
async def test_what_cannot_be_read_ends_the_connection_and_nothing_else(stage: Stage, packet: str) -> None:
    calm = await stage.browser()
    await calm.open()
    session, ws = await raw_socket(stage.base)
    await ws.send_str(f"40/chat,{json.dumps({'token': (await stage.token())['token']})}")
    assert (await ws.receive_str(timeout=WAIT)).startswith("40/chat,")
    await ws.send_str(f"4{packet}")
    async with asyncio.timeout(WAIT):
        async for _ in ws:
            pass
    await session.close()
    assert (await calm.say("still here"))["ok"]


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("say", {"id": "nonsense", "text": "x"}, "id"),
        ("say", {"id": str(uuid.uuid4()), "text": 7}, "text"),
        ("say", {"id": str(uuid.uuid4()), "text": "x" * 4_001}, "text"),
        ("say", {"id": str(uuid.uuid4()), "text": "a\0b"}, "text"),
        ("fetch", {"after": -1}, "after"),
        ("fetch", {"after": 1.5}, "after"),
        ("fetch", {"limit": 10_000}, "limit"),
        ("rate", {"score": 6}, "score"),
        ("open", {"id": str(uuid.uuid4()), "queue": "x", "form": {str(n): "" for n in range(30)}}, "form"),
        ("connect", {}, None),
        ("disconnect", {}, None),
        ("__proto__", {}, None),
    ],
)
async def test_what_is_not_right_is_refused_with_its_field(stage: Stage, name: str, body: Any, field: str) -> None:
    visitor = await stage.browser()
    answer = await visitor.ask(name, **body)
    assert not answer["ok"] and answer["error"]["code"] == "invalid" and answer["error"].get("field") == field
    assert (await visitor.open())["ok"], "the connection stays"


async def test_who_does_not_sign_in_is_closed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interaction_log.web.connections.SIGN_IN_SECONDS", 0.1)
    session, ws = await raw_socket(stage.base)
    async with asyncio.timeout(WAIT):
        async for _ in ws:
            pass
    await session.close()


async def test_a_tab_that_does_not_read_is_cut_and_fetches_later(stage: Stage) -> None:
    visitor = await stage.browser()
    chat = (await visitor.open())["conversation"]["id"]
    session, ws = await raw_socket(stage.base)
    await ws.send_str(f"40/chat,{json.dumps({'token': visitor.token})}")
    await until(lambda: stage.deps.tabs.connected(visitor.of("welcome")[0]["visitor"]) == 2)
    ws._response.connection.transport.pause_reading()
    store, text = stage.floor.store.chats, "x" * 3_500
    room = stage.floor.desk.rooms.all[chat]
    for _ in range(3_000):
        stage.app.screens.tell(room.visitor, "line", {"conversation": chat, "line": {"number": 1, "text": text}})
        if stage.deps.tabs.cuts:
            break
        await asyncio.sleep(0)
    assert stage.deps.tabs.cuts == 1, "the queue of a slow reader must not grow without end"
    await session.close()
    assert (await visitor.say("I read"))["ok"] and await store.lines(chat)


async def test_while_the_database_is_away_nothing_is_acknowledged(stage: Stage) -> None:
    visitor, of = await stage.browser(), str(uuid.uuid4())
    chat = (await visitor.open())["conversation"]["id"]
    writer = stage.floor.store.chats.writer
    once = writer._once

    def away(jobs: Any) -> Any:
        raise OSError("the disk is away")

    writer._once = away  # type: ignore[method-assign]
    answer = await visitor.say("keep this", of)
    assert not answer["ok"] and answer["error"]["code"] == "unavailable" and answer["error"]["wait"] > 0
    writer._once = once  # type: ignore[method-assign]
    assert (await visitor.say("keep this", of))["ok"]
    assert [one.text for one in await stage.floor.store.chats.lines(chat)].count("keep this") == 1
