"""A hub beside a simulated PBX, with chats: for tests of the distribution."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from agent_console import wire
from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from interaction_log import events as e
from tests.fakes.exchange import Exchange


class Floor:
    """A simulated PBX with the queue ``support``, anna and ben in it, and chats."""

    def __init__(self, simulator: Simulator, exchange: Exchange) -> None:
        self.simulator, self.exchange = simulator, exchange
        self.hub, self.log, self.screens = exchange.hub, exchange.log, exchange.screens
        self.n = 0
        self.port, self.reactor = 0, None

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

    def call(self) -> QueueCall:
        return QueueCall(self.simulator.pbx, self.simulator.pbx.queues["support"], "13800138000", "Li Lei")

    def rings(self, agent: str) -> bool:
        """Whether a telephone of hers does."""
        one = self.hub.distributor.agents[agent]
        return any(i not in one.in_hand for i in one.offers.values())

    def member(self, interface: str = "PJSIP/1001") -> Any:
        return self.simulator.pbx.queues["support"].member(interface)


@asynccontextmanager
async def dispatch_floor(reactor: Any) -> AsyncIterator[Floor]:
    """The floor, with a queue that leaves no wrap-up."""
    simulator = Simulator()
    server = SimulatorServer(simulator)
    port = await server.start()
    try:
        exchange = Exchange(port, reactor, secret=SECRET)
        exchange.catalogue.wrap_up = 0
        async with exchange:
            made = Floor(simulator, exchange)
            made.port, made.reactor = port, reactor
            yield made
    finally:
        await server.stop()
