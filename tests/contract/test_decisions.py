"""Chats in the log: at whose console they were, and why they went there, on both databases."""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa

from interaction_log import events as e
from interaction_log.store import Store
from interaction_log.store.schema import legs
from tests.contract.test_store_log import Site, postgres, site, url

__all__ = ["postgres", "site", "url"]


def chat(of: str, at: float) -> list[e.Event]:
    common: Any = {"interaction_id": of}
    because = {"queue": "main:support", "waited": 1.0, "idle": 9.0}
    others = [{"agent": "ben", "reasons": [{"code": "no_room", "params": {"used": "99"}}]}]
    return [
        e.InteractionStarted(
            at=at, pbx="main", channel="chat", direction="inbound", customer_address=None, customer_name="Wang",
            dialled=None, unique_id="", linked_id="", **common,
        ),
        e.QueueEntered(at=at, queue="support", **common),
        e.AgentChosen(
            at=at, offer_id="o1", agent="anna", line="main:support", because=because, others=others, **common
        ),
        e.InteractionOffered(at=at, offer_id="o1", device="Console/anna", source="queue", queue="support", **common),
        e.OfferDeclined(at=at + 1, offer_id="o1", agent="anna", reason="break", **common),
        e.OfferEnded(at=at + 1, offer_id="o1", device="Console/anna", result="declined", ring_seconds=1.0, **common),
        e.AgentChosen(at=at + 2, offer_id="o2", agent="ben", line="main:support", because={}, others=[], **common),
        e.InteractionOffered(at=at + 2, offer_id="o2", device="Console/ben", source="queue", queue="support", **common),
        e.OfferEnded(at=at + 3, offer_id="o2", device="Console/ben", result="answered", ring_seconds=1.0, **common),
        e.QueueLeft(at=at + 3, queue="support", result="answered", **common),
        e.AgentConnected(at=at + 3, device="Console/ben", **common),
        e.InteractionEnded(at=at + 9, outcome="answered", ended_by="customer", **common),
    ]  # fmt: skip


async def test_who_was_asked_and_why_is_read_with_what_came_of_it(site: Site) -> None:
    of, other = str(uuid.uuid4()), str(uuid.uuid4())
    await site.keep(*chat(of, 100.0), *chat(other, 200.0))
    store = Store.open(site.url, default_region="CN")
    try:
        first, second = await store.interactions.decisions(of)
        item = await store.interactions.get(of)
        assert await store.interactions.decisions(str(uuid.uuid4())) == []
    finally:
        store.close()
    assert (first["agent"], first["result"], first["reason"], first["at"], first["ended_at"]) == (
        "anna", "declined", "break", 100.0, 101.0,
    )  # fmt: skip
    assert first["because"]["idle"] == 9.0 and first["others"][0]["reasons"][0]["code"] == "no_room"
    assert (second["agent"], second["result"], second["reason"]) == ("ben", "answered", None)
    assert item["channel"] == "chat" and item["wait_seconds"] == 3.0


async def test_a_console_says_itself_whose_it_is(site: Site) -> None:
    """Nobody signed in at it as at a telephone, and yet the reports know the agent."""
    of = str(uuid.uuid4())
    await site.keep(*chat(of, 100.0))
    with site.reader.connect() as connection:
        rows = connection.execute(sa.select(legs.c.kind, legs.c.agent, legs.c.device).order_by(legs.c.kind, legs.c.n))
        found = [tuple(row) for row in rows]
    assert found == [
        ("offer", "anna", "Console/anna"), ("offer", "ben", "Console/ben"), ("segment", "ben", "Console/ben"),
    ]  # fmt: skip
