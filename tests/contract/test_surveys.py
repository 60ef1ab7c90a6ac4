"""Customers' answers, on SQLite and PostgreSQL."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

from pathlib import Path

import pytest

from interaction_log import events as e
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store import EventLog, Store, surveys_store
from interaction_log.surveys import LINK_SECONDS, key_score
from tests.contract.test_missed import call
from tests.contract.test_store import log, postgres, store, tell, url  # noqa: F401 (fixtures)

AT = 1_795_293_080.0


async def a_call(store: Store, log: EventLog, of: str = "i1") -> str:
    """An answered call of a customer; the customer's id."""
    who = (await store.customers.create({"name": "Anna", "phones": ["+8613800138001"]})).id
    events = call(AT, id=of, answered=2.0)
    customer = {"id": who, "name": "Anna", "phones": [], "emails": []}
    found = e.CallerFound(at=AT, interaction_id=of, strength="known", customer=customer)
    await tell(log, events[0], found, *events[1:])
    return who


async def test_an_answer_by_keys_is_in_the_table_and_in_the_timeline(store: Store, log: EventLog) -> None:
    who = await a_call(store, log)
    done = await store.surveys.answer("i1", "csat", 4, channel="voice")
    assert (done.customer_id, done.kind, done.score, done.channel) == (who, "csat", 4, "voice")
    assert done.queue == "support" and done.agent is not None and done.answered_at is not None
    assert await store.surveys.of_interaction("i1") == done
    assert await store.surveys.of_customer(who) == [done]
    with pytest.raises(Conflict):
        await store.surveys.answer("i1", "nps", 9, channel="chat")
    with pytest.raises(Conflict):
        await store.surveys.link("i1", "csat")


async def test_a_link_is_good_once(store: Store, log: EventLog) -> None:
    await a_call(store, log)
    old = await store.surveys.link("i1", "nps")
    token = await store.surveys.link("i1", "nps")
    for wrong in (old, token[:-1], "", token + "x"):
        with pytest.raises(NotFound):
            await store.surveys.asked(wrong)
    assert (await store.surveys.asked(token)).score is None
    with pytest.raises(Refused):
        await store.surveys.answer_link(token, 11, None)
    done = await store.surveys.answer_link(token, 10, "  很好\nthanks ")
    assert (done.score, done.comment, done.channel) == (10, "很好\nthanks", "email")
    with pytest.raises(NotFound):
        await store.surveys.answer_link(token, 1, None)


async def test_a_link_grows_old(store: Store, log: EventLog) -> None:
    await a_call(store, log)
    token = await store.surveys.link("i1", "csat")
    late = surveys_store.StoredSurveys(store._reading, store._writing, lambda: AT * 2 + LINK_SECONDS)
    with pytest.raises(NotFound):
        await late.asked(token)


async def test_only_contacts_of_the_log_are_asked_about(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await store.surveys.answer("none", "csat", 3, channel="voice")
    for kind, score in (("csat", 0), ("csat", 6), ("nps", 11), ("nps", -1), ("stars", 3)):
        with pytest.raises(Refused):
            await store.surveys.answer("none", kind, score, channel="voice")


@pytest.mark.parametrize(
    ("kind", "keys", "score"),
    [
        ("csat", "5", 5),
        ("csat", "6", None),
        ("csat", "0", None),
        ("nps", "10", 10),
        ("nps", "0", 0),
        ("nps", "11", None),
    ]
    + [("nps", keys, None) for keys in ("", "*", "#", "010", "1a", "１")],
)
def test_keys_as_scores(kind: str, keys: str, score: int | None) -> None:
    assert key_score(kind, keys) == score
