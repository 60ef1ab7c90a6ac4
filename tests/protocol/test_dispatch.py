"""Chats through the hub beside a simulated PBX: offered, taken, declined, passed on, withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from agent_console import wire
from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from interaction_log import events as e
from routing.acd.model import QueueRule
from tests.fakes.exchange import Exchange


class Floor:
    """A simulated PBX with the queue ``support``, anna and ben in it, and chats."""

    def __init__(self, simulator: Simulator, exchange: Exchange) -> None:
        self.simulator, self.exchange = simulator, exchange
        self.hub, self.log, self.screens = exchange.hub, exchange.log, exchange.screens
        self.n = 0

    async def sign_in(self, agent: str = "anna", state: Any = "READY") -> None:
        self.hub.presence(agent, 1)
        await self.exchange.command(agent, "set_state", wire.SetState(id=f"s-{agent}", state=state))

    def chat(self, queue: str = "support", pbx: str = "main") -> str:
        self.n += 1
        i, now = f"chat-{self.n}", self.hub.wall()
        started = e.InteractionStarted(
            at=now, interaction_id=i, pbx=pbx, channel="chat", direction="inbound", customer_address=None,
            customer_name="Wang", dialled=None, unique_id="", linked_id="",
        )  # fmt: skip
        self.hub.take([started, e.QueueEntered(at=now, interaction_id=i, queue=queue)])
        return i

    def end(self, i: str, outcome: Any = "answered") -> None:
        self.hub.take([e.InteractionEnded(at=self.hub.wall(), interaction_id=i, outcome=outcome, ended_by="customer")])

    async def answer(self, i: str, agent: str = "anna") -> Any:
        return await self.exchange.command(agent, "answer", wire.Answer(id=f"a-{i}", interaction_id=i))

    async def decline(self, i: str, agent: str = "anna") -> Any:
        return await self.exchange.command(agent, "decline", wire.Decline(id=f"d-{i}", interaction_id=i))

    def offered(self, i: str) -> str | None:
        """To whom it is offered now."""
        one = self.hub.distributor.interactions[i]
        return next((offer.agent.removeprefix("Console/") for offer in one.open_offers()), None)

    def has(self, i: str) -> str | None:
        one = self.hub.distributor.interactions[i]
        return next((s.agent.removeprefix("Console/") for s in one.segments if s.open), None)

    def member(self, interface: str = "PJSIP/1001") -> Any:
        return self.simulator.pbx.queues["support"].member(interface)


@pytest_asyncio.fixture
async def floor(reactor: Any) -> AsyncIterator[Floor]:
    simulator = Simulator()
    server = SimulatorServer(simulator)
    port = await server.start()
    try:
        exchange = Exchange(port, reactor, secret=SECRET)
        exchange.catalogue.wrap_up = 0
        async with exchange:
            yield Floor(simulator, exchange)
    finally:
        await server.stop()


async def test_a_chat_from_the_line_to_the_agent_and_away(floor: Floor) -> None:
    await floor.sign_in()
    i = floor.chat()
    assert floor.offered(i) == "anna" and floor.hub.dispatch.place(i) == (1, None)
    pop = await floor.screens.wait("anna", "screen_pop")
    assert pop["interaction"]["id"] == i and pop["interaction"]["channel"] == "chat" and pop["queue"] == "support"
    assert await floor.answer(i) == {"ok": True}
    assert floor.has(i) == "anna" and floor.hub.dispatch.place(i) == (0, None)
    one = floor.hub.distributor.interactions[i]
    assert one.answered and [v.result for v in one.queue_visits] == ["answered"]
    closed = await floor.screens.wait("anna", "screen_pop_closed")
    assert closed == {"interaction_id": i, "reason": "answered"}
    floor.end(i)
    assert floor.hub.distributor.agents["anna"].in_hand == {} and floor.has(i) is None
    assert not floor.hub.dispatch.engine.held and not floor.hub.dispatch.engine.lines.waiting


async def test_who_is_full_with_chats_is_paused_and_released_at_once(floor: Floor) -> None:
    await floor.sign_in()
    i = floor.chat()
    await floor.exchange.until(lambda: floor.member().paused)
    assert floor.member().reason == "callweave:capacity"
    await floor.answer(i)
    more = [floor.chat() for _ in range(3)]
    for one in more[:2]:
        assert floor.offered(one) == "anna"
        await floor.answer(one)
    assert floor.offered(more[2]) is None and floor.member().reason == "callweave:capacity"
    floor.end(i)
    assert floor.offered(more[2]) == "anna"
    for one in more:
        floor.end(one)
    await floor.exchange.until(lambda: not floor.member().paused)


async def test_declined_it_goes_to_the_next_and_not_back(floor: Floor) -> None:
    await floor.sign_in()
    i = floor.chat()
    await floor.sign_in("ben")
    assert floor.offered(i) == "anna"
    assert await floor.decline(i) == {"ok": True}
    assert floor.offered(i) == "ben"
    assert (await floor.answer(i))["error"]["code"] == "offer_over"
    assert await floor.answer(i, "ben") == {"ok": True}
    results = [offer.result for offer in floor.hub.distributor.interactions[i].offers]
    assert results == ["declined", "answered"]


async def test_not_answered_it_goes_on_and_she_is_not_responding(floor: Floor) -> None:
    floor.hub.dispatch.configure([QueueRule(name="main:support", offer_seconds=0.05, again_seconds=0.05)], {})
    await floor.sign_in()
    i = floor.chat()
    await floor.exchange.until(lambda: floor.hub.distributor.agents["anna"].chosen == "NOT_READY")
    assert floor.hub.distributor.agents["anna"].reason == "not_responding"
    offers = floor.hub.distributor.interactions[i].offers
    assert [offer.result for offer in offers] == ["no_answer"] * 3 and floor.offered(i) is None


async def test_the_visitor_leaves_while_it_is_offered(floor: Floor) -> None:
    await floor.sign_in()
    i = floor.chat()
    floor.end(i, "abandoned")
    one = floor.hub.distributor.interactions[i]
    assert [offer.result for offer in one.offers] == ["cancelled"]
    assert [visit.result for visit in one.queue_visits] == ["abandoned"]
    assert floor.hub.distributor.agents["anna"].state == "READY" and not floor.hub.dispatch.engine.lines.waiting
    closed = await floor.screens.wait("anna", "screen_pop_closed")
    assert closed["interaction_id"] == i
