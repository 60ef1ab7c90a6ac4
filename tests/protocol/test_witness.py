"""What a call proves of its number: weighed before the caller counts as known, and kept as claims."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio

from agent_console import wire
from cti_gateway.agi.lines import Question, encode, question_from
from cti_gateway.agi.lines import decode as decode_line
from cti_gateway.entry import Entry
from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from cti_gateway.witness import Witness
from interaction_log import events as e
from interaction_log.evidence import Policy
from interaction_log.persons import Seen
from tests.fakes.exchange import LI_LEI, Exchange
from tests.fakes.proxy import Proxy
from tests.protocol.test_hub import Floor


@dataclass
class Kept:
    """``routing.identity_ports.Claims.saw`` that remembers; ``broken``: the database is away."""

    seen: list[Seen] = field(default_factory=list)
    broken: bool = False

    async def saw(self, seen: Sequence[Seen]) -> None:
        if self.broken:
            raise OSError("away")
        self.seen += seen


class Scene(Floor):
    """A floor with a witness."""

    kept: Kept
    witness: Witness

    async def pop(self, number: str = "13800138000") -> Any:
        """The pop of a call."""
        self.call(number)
        return await self.screens.wait("anna", "screen_pop", lambda p: p["interaction"]["state"] == "ringing")

    def asked(self, unique_id: str, **more: Any) -> Question:
        told: dict[str, Any] = {
            "id": 1,
            "kind": "route",
            "pbx": self.pbx.name,
            "queue": "support",
            "dialled": "800",
            "number": "13800138000",
            "name": "",
            "unique_id": unique_id,
            "until": 0.0,
        }
        return Question(**(told | more))


@pytest_asyncio.fixture
async def scene(reactor: Any) -> AsyncIterator[Scene]:
    simulator = Simulator()
    server = SimulatorServer(simulator)
    port = await server.start()
    try:
        async with Proxy(port) as proxy, Exchange(proxy.port, reactor, secret=SECRET) as exchange:
            one = Scene(simulator, server, proxy, exchange)
            one.kept = Kept()
            one.witness = Witness(exchange.hub, one.kept, Policy())  # type: ignore[arg-type]
            one.witness.start()
            yield one
            one.kept.broken = False
            await one.witness.stop()
    finally:
        await server.stop()


async def test_who_was_known_and_whom_an_agent_chose_is_kept(scene: Scene) -> None:
    await scene.sign_in()
    pop = await scene.pop()
    of = pop["interaction"]["id"]
    chosen = wire.Identify(id="c", interaction_id=of, customer_id=str(LI_LEI["id"]))
    assert (await scene.exchange.command("anna", "identify", chosen))["ok"]
    await scene.exchange.until(lambda: len(scene.kept.seen) >= 2)
    found = {(one.source, one.value, one.by, one.strength, one.customer_id) for one in scene.kept.seen}
    assert found == {
        ("network", "+8613800138000", None, "known", LI_LEI["id"]),
        ("agent", "+8613800138000", "anna", "maybe", LI_LEI["id"]),
    }
    assert {one.interaction_id for one in scene.kept.seen} == {of}


async def test_a_database_that_is_away_loses_no_claim(scene: Scene) -> None:
    scene.kept.broken = True
    await scene.sign_in()
    pop = await scene.pop()
    chosen = wire.Identify(id="c", interaction_id=pop["interaction"]["id"], customer_id=str(LI_LEI["id"]))
    assert (await scene.exchange.command("anna", "identify", chosen))["ok"]
    scene.kept.broken = False
    await scene.exchange.until(lambda: {one.source for one in scene.kept.seen} == {"network", "agent"})


@pytest.mark.parametrize(
    ("told", "strength"),
    [
        ({"presentation": "35"}, "unknown"),
        ({"verified": "signature_validation", "attested": "A"}, "unknown"),
        ({"verified": "success", "attested": "B"}, "maybe"),
    ],
)
async def test_what_call_entry_learns_takes_a_name_back(scene: Scene, told: dict[str, str], strength: str) -> None:
    await scene.sign_in()
    pop = await scene.pop()
    assert pop["strength"] == "known"
    one = scene.hub.distributor.interactions[pop["interaction"]["id"]]
    entry = Entry(scene.hub, {}, region="CN")
    variables = dict(await entry.route(scene.asked(one.unique_ids[0], **told)))
    assert variables["__CALLWEAVE_ID"] == one.id
    assert "CALLERID(name)" not in variables
    updated = await scene.screens.wait("anna", "screen_pop_updated")
    assert updated["strength"] == strength
    assert one.customer_id is None
    assert [event.customer_id for event in scene.log.of(e.CustomerIdentified)] == [LI_LEI["id"], None]


async def test_what_is_told_before_the_look_up_counts_too_and_an_agent_decides(scene: Scene) -> None:
    await scene.sign_in()
    scene.exchange.customers.delay = 0.2
    scene.call()
    pop = await scene.screens.wait("anna", "screen_pop")
    one = scene.hub.distributor.interactions[pop["interaction"]["id"]]
    scene.exchange.customers.delay = 0.0
    entry = Entry(scene.hub, {}, region="CN")
    await entry.route(scene.asked(one.unique_ids[0], verified="success", attested="C"))
    updated = await scene.screens.wait("anna", "screen_pop_updated")
    assert (updated["strength"], one.customer_id) == ("maybe", None)
    chosen = wire.Identify(id="c", interaction_id=one.id, customer_id=str(LI_LEI["id"]))
    assert (await scene.exchange.command("anna", "identify", chosen))["ok"]
    await entry.route(scene.asked(one.unique_ids[0], verified="invalid_header"))
    assert one.customer_id == LI_LEI["id"], "an agent's word stands"
    await scene.exchange.until(lambda: len(scene.kept.seen) > 0)
    (claim,) = scene.kept.seen
    assert (claim.source, claim.details["attestation"]) == ("agent", "C")


async def test_a_signed_number_is_known(scene: Scene) -> None:
    await scene.sign_in()
    pop = await scene.pop()
    one = scene.hub.distributor.interactions[pop["interaction"]["id"]]
    entry = Entry(scene.hub, {}, region="CN")
    await entry.route(scene.asked(one.unique_ids[0], verified="success", attested="A", presentation="1"))
    assert one.customer_id == LI_LEI["id"]
    assert len(scene.log.of(e.CustomerIdentified)) == 1
    await scene.exchange.until(lambda: bool(scene.kept.seen) and "attestation" in scene.kept.seen[-1].details)
    kept = scene.kept.seen[-1]
    assert (kept.source, kept.rule, kept.details["attestation"]) == ("network", "attested", "A")


def test_a_question_of_an_older_front_has_no_evidence() -> None:
    texts = {"pbx": "", "queue": "", "dialled": "800", "number": "138", "name": "", "unique_id": "1.1"}
    question = Question(id=1, kind="route", until=2.0, attested="A", verified="success", **texts)
    told = decode_line(encode(question))
    assert question_from(told).attested == "A"
    for name in ("presentation", "verified", "attested"):
        del told[name]
    assert question_from(told).attested == ""
