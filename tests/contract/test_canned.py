"""Canned replies: what they may hold, and how they are kept, on SQLite and PostgreSQL."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from interaction_log.canned import CannedReply, checked, serves
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import Store
from tests.contract.test_store import postgres, url  # noqa: F401 (fixtures)


def reply(**more: object) -> CannedReply:
    values: dict[str, object] = {"id": "", "shortcut": "hi", "texts": {"en": "Good morning {visitor}"}} | more
    return CannedReply(**values)  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def store(url: str) -> AsyncIterator[Store]:
    one = await asyncio.to_thread(Store.open, url, default_region="CN")
    yield one
    await asyncio.to_thread(one.close)


async def test_made_changed_and_retired(store: Store) -> None:
    made = await store.canned.create(reply(queues=["sales", "sales"], texts={"en": "Hi", "zh-CN": "您好，{agent}"}))
    assert made.queues == ["sales"] and made.version == 1
    changed = await store.canned.put(reply(id=made.id, shortcut="hello", retired=True))
    assert (changed.version, changed.retired) == (2, True)
    assert await store.canned.all() == [changed]
    with pytest.raises(Conflict):
        await store.canned.put(reply(id=made.id))
    with pytest.raises(NotFound):
        await store.canned.put(reply(id="none"))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"shortcut": "a b"}, "shortcut"),
        ({"shortcut": ""}, "shortcut"),
        ({"shortcut": "x" * 41}, "shortcut"),
        ({"texts": {}}, "texts"),
        ({"texts": {"english!": "x"}}, "texts"),
        ({"texts": {"en": " "}}, "texts.en"),
        ({"texts": {"en": "x" * 4_001}}, "texts.en"),
        ({"texts": {"en": "your {password}"}}, "texts.en"),
        ({"queues": [str(n) for n in range(201)]}, "queues"),
    ],
)
def test_what_is_refused(given: dict[str, object], field: str) -> None:
    with pytest.raises(Refused) as refused:
        checked(reply(**given))
    assert refused.value.field == field


def test_placeholders_are_kept_in_their_short_form() -> None:
    texts = {"en": "Dear {customer.name}, {agent.name} of {queue.label}\x07"}
    assert checked(reply(texts=texts)).texts == {"en": "Dear {visitor}, {agent} of {queue}"}


def test_who_may_use_which() -> None:
    one = reply(queues=["sales"], teams=["north"])
    assert serves(one, "sales", frozenset({"north"}), "H")
    assert serves(one, None, frozenset({"north", "south"}), "")
    assert not serves(one, "support", frozenset({"north"}), "h")
    assert not serves(one, "sales", frozenset(), "h")
    assert not serves(one, "sales", frozenset({"north"}), "x")
    assert not serves(reply(retired=True), None, frozenset(), "")
