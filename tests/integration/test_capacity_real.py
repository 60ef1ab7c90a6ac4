"""One budget over chats and calls at a real Asterisk: full with chats she is paused there, with room released."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from interaction_log import events as e
from tests.fakes.dispatch_floor import Floor
from tests.fakes.exchange import Exchange
from tests.fakes.patience import PATIENCE
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk")]

ANNA, BEN = "PJSIP/1001", "PJSIP/1002"


class Site(Floor):
    """Anna ready at her desk, nobody else in the queue; chats, and real callers."""

    def __init__(self, on: Stage, exchange: Exchange) -> None:
        super().__init__(None, exchange)  # type: ignore[arg-type]
        self.stage = on

    async def pause(self, wanted: str | None, seconds: float = PATIENCE) -> None:
        """Wait until Asterisk says that Anna is paused for this, or not at all."""
        async with asyncio.timeout(seconds):
            while await self._pause() != wanted:  # noqa: ASYNC110 (the PBX must be asked)
                await asyncio.sleep(0.05)

    async def _pause(self) -> str | None:
        listed = await self.stage.pbx.ami.listed("QueueStatus", "QueueMember")
        mine = [one for one in listed if one["Location"] == ANNA and one["Queue"] == "support"]
        return mine[0]["PausedReason"] if mine[0]["Paused"] == "1" else None

    def voice(self) -> list[Any]:
        every = self.hub.distributor.interactions.values()
        return [one for one in every if one.channel == "voice" and not one.ended]


@pytest_asyncio.fixture
async def site(stage: Stage, reactor: Any) -> AsyncIterator[Site]:  # noqa: F811
    for device in (BEN, "PJSIP/1003", "PJSIP/1004"):
        await stage.pbx.ami.action("QueuePause", (), Interface=device, Paused="true", Reason="test")
    exchange = Exchange(stage.pbx.ports.ami, reactor, secret=stage.pbx.secret)
    exchange.catalogue.wrap_up = 0
    async with exchange:
        made = Site(stage, exchange)
        await made.sign_in()
        yield made


async def test_full_with_chats_she_is_not_rung_and_with_room_at_once(site: Site) -> None:
    i = site.chat()
    await site.pause("callweave:capacity")
    await site.answer(i)
    customer = site.stage.customer("13800138000", "800")
    await site.exchange.until(lambda: any(one.waiting_in() for one in site.voice()))
    (call,) = site.voice()
    later = site.chat()
    assert site.offered(later) == "anna"  # the budget has room for three chats, and for no call beside one
    await site.decline(later)
    site.end(later, "abandoned")
    assert await site._pause() == "callweave:capacity" and not call.offers
    site.end(i)
    await site.pause(None)
    mine = await (await site.stage.anna.rings()).answer()
    await site.exchange.until(lambda: site.hub.distributor.agents["anna"].state == "BUSY")
    beside = site.chat()
    assert site.offered(beside) is None  # a call takes the whole budget
    await mine.hang_up()
    await site.exchange.until(lambda: site.offered(beside) == "anna")
    await customer.ended()


async def test_a_ring_that_crosses_our_pause_takes_the_chat_away_within_a_second(site: Site) -> None:
    """The call is under way when the chat is offered: Asterisk rings before it has seen our pause, or it does not."""
    customer = site.stage.customer("13800138000", "800")
    i = site.chat()
    assert site.offered(i) == "anna"
    await site.exchange.until(lambda: any(one.waiting_in() or one.offers for one in site.voice()))
    (call,) = site.voice()
    await site.exchange.until(lambda: call.offers or site.hub.distributor.agents["anna"].in_hand)
    if call.offers:  # it crossed
        await site.exchange.until(lambda: site.offered(i) is None)
        (rang,) = [one for one in site.log.of(e.InteractionOffered) if one.interaction_id == call.id]
        (over,) = [one for one in site.log.of(e.OfferEnded) if one.interaction_id == i]
        assert over.result == "cancelled" and over.at - rang.at < 1.0
    else:  # the pause was there first
        await site.pause("callweave:capacity")
        assert site.offered(i) == "anna"
    await customer.hang_up()
    await site.exchange.until(lambda: not site.voice())
    await site.exchange.until(lambda: site.offered(i) == "anna")
