"""Conversations, lines, files, visitors and bans, on SQLite and PostgreSQL."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

import asyncio
import random
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from interaction_log.chats import Ban, NewConversation, NewLine
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import Store
from interaction_log.store.chat_tables import chat_lines, chats
from interaction_log.store.engine import open_engine
from interaction_log.store.master_key import make
from tests.contract.test_store import postgres, url  # noqa: F401 (fixtures)

AT = 1_795_293_080.0


def line(text: str = "hello", of: str | None = None, **more: object) -> NewLine:
    return NewLine(id=of or str(uuid.uuid4()), by="visitor", at=AT, text=text, **more)  # type: ignore[arg-type]


def wanted(of: str = "c1", visitor: str = "v1", **more: object) -> NewConversation:
    client = f"client-{of}"
    values = {"id": of, "client_id": client, "visitor": visitor, "site": "shop", "queue": "support", "at": AT} | more
    return NewConversation(**values)  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[Store]:
    key = tmp_path / "key" / "master.key"
    make(key)
    one = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    yield one
    await asyncio.to_thread(one.close)


async def test_lines_have_numbers_without_gaps_in_the_order_in_which_they_were_handed_over(store: Store) -> None:
    for n in range(20):
        assert not (await store.chats.open(wanted(f"c{n}"))).again
    order = [f"c{n % 20}" for n in range(400)]
    random.Random(1).shuffle(order)
    texts: dict[str, list[str]] = {}
    for n, of in enumerate(order):
        texts.setdefault(of, []).append(str(n))
    said = await asyncio.gather(*(store.chats.say(of, line(str(n))) for n, of in enumerate(order)))
    assert store.chats.writer.groups < 200, "one transaction for each line is no group commit"
    for of, mine in texts.items():
        found = await store.chats.lines(of)
        assert [one.number for one in found] == list(range(1, len(mine) + 1))
        assert [one.text for one in found] == mine
        assert sorted((one for one in said if one.conversation == of), key=lambda one: one.number) == found
        assert (await store.chats.conversation(of)).last == len(mine)


async def test_the_same_line_again_is_stored_once_and_answered_the_same(store: Store) -> None:
    await store.chats.open(wanted("c1"))
    await store.chats.open(wanted("c2"))
    one = line("once")
    answers = await asyncio.gather(*(store.chats.say("c1", one) for _ in range(5)))
    answers.append(await store.chats.say("c1", one))
    assert {(each.number, each.id, each.text, each.at) for each in answers} == {(1, one.id, "once", AT)}
    assert [each.again for each in answers].count(False) == 1
    with pytest.raises(Conflict):
        await store.chats.say("c2", one)
    assert (await store.chats.say("c1", line("next"))).number == 2
    assert [each.text for each in await store.chats.lines("c1")] == ["once", "next"]
    assert await store.chats.lines("c2") == []


async def test_what_comes_again_among_new_lines_of_a_known_conversation_changes_no_numbers(store: Store) -> None:
    for of in ("c1", "c2"):
        await store.chats.open(wanted(of))
        await store.chats.say(of, line("first"))
    before, twice = (await store.chats.lines("c1"))[0], line("twice")
    said = [line("a"), line("first", before.id), twice, line("half \ud800"), twice, line("b")]
    one, again, new, bad, same, last = await asyncio.gather(
        *(store.chats.say("c1", each) for each in said), return_exceptions=True
    )
    assert isinstance(bad, Refused)
    assert again.again and again.number == 1  # type: ignore[union-attr]
    assert (one.number, new.number, last.number) == (2, 3, 4)  # type: ignore[union-attr]
    assert same.again and same.number == 3  # type: ignore[union-attr]
    with pytest.raises(Conflict):
        await store.chats.say("c2", twice)
    assert (await store.chats.say("c2", line("second"))).number == 2
    assert [each.text for each in await store.chats.lines("c1")] == ["first", "a", "twice", "b"]


async def test_lines_that_another_process_wrote_are_counted_too(store: Store, url: str, tmp_path: Path) -> None:
    await store.chats.open(wanted("c1"))
    await store.chats.say("c1", line("ours"))
    key = tmp_path / "key" / "master.key"
    other = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=key)
    assert (await other.chats.say("c1", line("theirs"))).number == 2
    await asyncio.to_thread(other.close)
    assert (await store.chats.say("c1", line("ours again"))).number == 3
    assert [each.text for each in await store.chats.lines("c1")] == ["ours", "theirs", "ours again"]


class AskedOnly(OrderedDict[str, Any]):
    """May be asked for one key, never gone through."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("a line went through all the conversations that are remembered")

    keys = values = items = __iter__  # type: ignore[assignment]


async def test_a_line_asks_for_its_conversation_and_looks_through_no_others(store: Store) -> None:
    for of in ("c1", "c2"):
        await store.chats.open(wanted(of))
    store.chats._lines._rooms = AskedOnly()
    again = line("once")
    for _ in range(2):  # the second time the careful way
        await asyncio.gather(*(store.chats.say(of, line()) for of in ("c1", "c2", "c1")), store.chats.say("c2", again))
    assert [one.number for one in await store.chats.lines("c2")] == [1, 2, 3]


async def test_ranges(store: Store) -> None:
    await store.chats.open(wanted())
    for n in range(1, 31):
        await store.chats.say("c1", line(str(n)))
    numbers = [one.number for one in await store.chats.lines("c1", 10)]
    assert numbers == list(range(11, 31))
    assert [one.number for one in await store.chats.lines("c1", 10, limit=3)] == [11, 12, 13]
    assert [one.number for one in await store.chats.lines("c1", before=21, limit=3)] == [18, 19, 20]
    assert [one.number for one in await store.chats.lines("c1", 5, before=8)] == [6, 7]
    assert await store.chats.lines("nothing") == []


async def test_what_stands_against_one_line_is_no_fault_of_the_others(store: Store) -> None:
    await store.chats.open(wanted())
    told = [line("a"), line("half \ud800"), line("b"), line("file", file="nothing", kind="file")]
    answers = await asyncio.gather(
        *(store.chats.say("c1", one) for one in told), store.chats.say("nowhere", line()), return_exceptions=True
    )
    assert [type(one) for one in answers[1::2]] == [Refused, Refused] and isinstance(answers[4], NotFound)
    assert [one.text for one in await store.chats.lines("c1")] == ["a", "b"]


async def test_everything_that_can_be_typed_comes_back(store: Store) -> None:
    await store.chats.open(wanted())
    for text in (
        "\0",
        "\u202eevil",
        "Z̸͑a̶l̴g̷o",
        "<img src=x onerror=alert(1)>",
        "😀" * 100,
        "\r\n\t",
        "'\"; DROP TABLE chats",
    ):
        await store.chats.say("c1", line(text, name="anna 李"))
        found = (await store.chats.lines("c1"))[-1]
        assert (found.text, found.name) == (text, "anna 李")


async def test_a_conversation_begins_once_and_changes(store: Store) -> None:
    first = await store.chats.open(wanted(form={"name": "Li", "order": "17"}, consent="2", page="https://shop/x"))
    assert (first.state, first.last, first.form, first.again) == ("waiting", 0, {"name": "Li", "order": "17"}, False)
    again = await store.chats.open(wanted(form={}))
    assert again.again and again.form == first.form and again.id == first.id
    with pytest.raises(Conflict):
        await store.chats.open(wanted(visitor="another"))
    told = await store.chats.update(
        "c1", state="talking", agent="anna", seen_by_agent=3, callback={"phone": "+86"}, pages=[{"url": "/a", "at": 1}]
    )
    assert (told.state, told.agent, told.seen_by_agent, told.callback) == ("talking", "anna", 3, {"phone": "+86"})
    told = await store.chats.update("c1", name="Li", comment="fine", rating=5)
    assert (told.form, told.pages, told.rating, told.comment) == (first.form, ({"url": "/a", "at": 1},), 5, "fine")
    assert await store.chats.conversation("c1") == told
    await store.chats.open(wanted("c2", at=AT + 1))
    assert [one.id for one in await store.chats.open_ones()] == ["c1", "c2"]
    assert [one.id for one in await store.chats.of_visitor("v1")] == ["c2", "c1"]
    await store.chats.update("c1", state="ended", ended_at=AT + 9, ended_by="visitor")
    assert [one.id for one in await store.chats.open_ones()] == ["c2"]
    for missing in (store.chats.update("c9", agent=None), store.chats.conversation("c9")):
        with pytest.raises(NotFound):
            await missing


async def test_files_belong_to_their_conversation_and_are_said_when_clean(store: Store) -> None:
    for of in ("c1", "c2"):
        await store.chats.open(wanted(of))
    about = {"name": "bill.pdf", "type": "application/pdf", "size": 3, "sha256": "00", "by": "visitor", "at": AT}
    put = await store.chats.put_file("c1", id="f1", scan="waiting", **about)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await store.chats.put_file("c9", id="f9", scan="clean", **about)  # type: ignore[arg-type]
    with pytest.raises(Refused):
        await store.chats.say("c1", line(kind="file", file="f1"))
    clean = await store.chats.scanned("f1", "clean")
    assert clean.scan == "clean" and clean.name == "bill.pdf" and put.scan == "waiting"
    with pytest.raises(Refused):
        await store.chats.say("c2", line(kind="file", file="f1"))
    said = await store.chats.say("c1", line(kind="file", file="f1"))
    assert said.file == clean == await store.chats.file("f1")
    assert [one.file for one in await store.chats.lines("c1")] == [clean]
    assert await store.chats.files_of("c1") == [clean] and await store.chats.files_of("c2") == []
    gone = await store.chats.scanned("f1", "refused", kept=False)
    assert (gone.scan, gone.kept) == ("refused", False)
    with pytest.raises(NotFound):
        await store.chats.file("f2")


async def test_visitors_and_tokens(store: Store) -> None:
    chat = store.chats
    one = await chat.make_visitor("shop", "hash1", at=AT, expires_at=AT + 10)
    again = await chat.make_visitor("shop", "hash1", at=AT, expires_at=AT + 10)
    assert one == again and one.subject is None
    assert await chat.visitor_of("hash1", AT + 9) == one
    assert await chat.visitor_of("hash1", AT + 10) is None and await chat.visitor_of("other", AT) is None
    told = {"email": "li@example.com"}
    signed = await chat.make_visitor("shop", "hash2", at=AT, expires_at=AT + 99, subject="li", attributes=told)
    later = await chat.make_visitor("shop", "hash3", at=AT, expires_at=AT + 99, subject="li", attributes={"vip": "1"})
    elsewhere = await chat.make_visitor("blog", "hash4", at=AT, expires_at=AT + 99, subject="li")
    assert signed.id == later.id != elsewhere.id != one.id
    found = await chat.visitor_of("hash2", AT)
    assert found is not None and (found.subject, found.attributes) == ("li", {"vip": "1"})
    await chat.prolong("hash1", AT + 50)
    assert (await chat.visitor_of("hash1", AT + 40)) is not None
    with pytest.raises(NotFound):
        await chat.prolong("nothing", AT)
    await chat.open(wanted(visitor=one.id))
    assert await chat.expire(AT + 98) == 1, "the token; he has a conversation"
    assert (await chat.visitor(one.id)).id == one.id
    assert await chat.expire(AT + 100) == 5, "three tokens, two visitors without a conversation"
    with pytest.raises(NotFound):
        await chat.visitor(signed.id)


async def test_a_signed_token_is_used_from_one_place_while_it_is_good(store: Store) -> None:
    async def use(site: str, jti: str, place: str, now: float) -> bool:
        return await store.chats.use_token(site, jti, place, until=AT + 300, now=now)

    assert await use("shop", "1", "192.0.2.1", AT)
    assert await use("shop", "1", "192.0.2.1", AT + 1), "the answer may have got lost"
    assert not await use("shop", "1", "192.0.2.2", AT + 2)
    assert await use("blog", "1", "192.0.2.2", AT + 2) and await use("shop", "2", "192.0.2.2", AT + 3)
    assert not await use("shop", "1", "192.0.2.2", AT + 299) and await use("shop", "1", "192.0.2.2", AT + 300)
    assert await store.chats.expire(AT + 299) == 0 and await store.chats.expire(AT + 300) == 3


async def test_who_signs_in_takes_what_he_says_now_along(store: Store) -> None:
    chat = store.chats

    async def sign_in(token: str, subject: str = "li") -> Any:
        return await chat.sign_in(
            "shop", token, at=AT, expires_at=AT + 99, subject=subject, attributes={"name": subject}
        )

    one = await chat.make_visitor("shop", "h1", at=AT, expires_at=AT + 10)
    assert await sign_in("h1") is None, "he says nothing"
    assert await sign_in("unknown") is None
    over = await chat.open(wanted("c0", visitor=one.id))
    await chat.update(over.id, state="ended", ended_at=AT)
    assert await sign_in("h1") is None, "that is over"
    await chat.open(wanted(visitor=one.id))
    before, user = await sign_in("h1")
    assert before == one.id != user.id and (user.subject, user.attributes) == ("li", {"name": "li"})
    assert (await chat.conversation("c1")).visitor == user.id
    assert (await chat.conversation("c0")).visitor == one.id, "what was over stays where it was"
    found = await chat.visitor_of("h1", AT + 50)
    assert found is not None and (found.id, found.subject) == (user.id, "li")
    assert await sign_in("h1", "han") is None, "somebody is vouched for already"
    two = await chat.make_visitor("shop", "h2", at=AT, expires_at=AT + 10)
    await chat.open(wanted("c2", visitor=two.id))
    assert await sign_in("h2") is None, "that user talks elsewhere"
    assert (await chat.conversation("c2")).visitor == two.id
    assert (await sign_in("h2", "han"))[1].id == (await chat.conversation("c2")).visitor


async def test_what_visitors_agreed_to_is_kept_by_version(store: Store) -> None:
    async def keep(version: str, text: str, at: float, site: str = "shop") -> None:
        await store.chats.keep_consent(site, version, {"en": text}, at)

    await keep("1", "We keep it.", AT)
    await keep("1", "We keep it.", AT + 1)
    await keep("2", "We keep it for 90 days.", AT + 2)
    await keep("2", "We keep it for 30 days.", AT + 3)  # changed without a new version
    await keep("1", "Other.", AT + 4, "blog")
    kept = [(one.version, one.since, one.text["en"]) for one in await store.chats.consents("shop")]
    assert kept == [
        ("1", AT, "We keep it."),
        ("2", AT + 2, "We keep it for 90 days."),
        ("2", AT + 3, "We keep it for 30 days."),
    ]
    assert len(await store.chats.consents("blog")) == 1 and await store.chats.consents("none") == []


async def test_bans(store: Store) -> None:
    one = Ban(kind="address", value="192.0.2.1", until=AT + 10, by="sofia", at=AT, why="spam")
    longer = Ban(kind="address", value="192.0.2.1", until=AT + 20, by="sofia", at=AT, why="spam")
    other = Ban(kind="visitor", value="v1", until=AT + 5, by="sofia", at=AT)
    for ban in (one, longer, other):
        await store.chats.ban(ban)
    assert await store.chats.bans(AT) == [longer, other]
    assert await store.chats.bans(AT + 6) == [longer]
    await store.chats.lift_ban("address", "192.0.2.1")
    with pytest.raises(NotFound):
        await store.chats.lift_ban("address", "192.0.2.1")
    assert await store.chats.expire(AT + 6) == 1 and await store.chats.bans(AT) == []


async def test_after_a_restart_the_numbers_go_on(store: Store, url: str, tmp_path: Path) -> None:
    await store.chats.open(wanted())
    await store.chats.say("c1", line("a"))
    other = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=tmp_path / "key" / "master.key")
    assert (await other.chats.say("c1", line("b"))).number == 2
    await asyncio.to_thread(other.close)
    # The first one remembers another last number; the database knows better.
    assert (await store.chats.say("c1", line("c"))).number == 3
    assert [one.text for one in await store.chats.lines("c1")] == ["a", "b", "c"]


async def test_nothing_that_was_said_stands_in_clear(store: Store, url: str) -> None:
    await store.chats.open(wanted(name="zqmark", form={"q": "zqmark"}, page="https://zqmark"))
    await store.chats.say("c1", line("zqmark", name="zqmark"))
    await store.chats.put_file(
        "c1", id="f", name="zqmark", type="t", size=1, sha256="", by="visitor", at=1, scan="clean"
    )
    await store.chats.make_visitor("shop", "h", at=AT, expires_at=AT, subject="zqmark", attributes={"a": "zqmark"})
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        for table in ("chats", "chat_lines", "chat_files", "chat_visitors"):
            rows = connection.execute(sa.select(sa.text("*")).select_from(sa.table(table))).all()
            assert rows and "zqmark" not in repr(rows), table
    engine.dispose()


async def test_a_destroyed_key_takes_all_with_it(store: Store, url: str) -> None:
    await store.chats.open(wanted(name="Li"))
    await store.chats.say("c1", line("secret"))
    await store.chats.update("c1", state="ended")
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.update(chats).values(key="destroyed"))
    assert [(one.number, one.text) for one in await store.chats.lines("c1")] == [(1, "")]
    assert (await store.chats.conversation("c1")).name is None
    with pytest.raises(NotFound):
        await store.chats.say("c1", line("more"))
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(chat_lines)).scalar_one() == 1
    engine.dispose()


async def test_what_comes_from_a_site(store: Store) -> None:
    assert await store.chats.of_site("shop") == (0, None)
    await store.chats.open(wanted("c1"))
    await store.chats.open(wanted("c2", at=AT + 5))
    await store.chats.open(wanted("c3", site="blog", at=AT + 9))
    await store.chats.update("c1", state="ended", ended_at=AT + 1)
    assert await store.chats.of_site("shop") == (1, AT + 5) and await store.chats.of_site("blog") == (1, AT + 9)
