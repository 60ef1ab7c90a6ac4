"""Stops 1 to 4 and 6 together: the simulated PBX over real TCP, the hub, consoles in memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from agent_console import wire
from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from interaction_log import events as e
from tests.fakes.exchange import LI_LEI, Exchange
from tests.fakes.proxy import Proxy


class Floor:
    """The simulator behind a bad network, and an exchange."""

    def __init__(self, simulator: Simulator, server: SimulatorServer, proxy: Proxy, exchange: Exchange) -> None:
        self.simulator, self.server, self.proxy, self.exchange = simulator, server, proxy, exchange
        self.hub, self.log, self.screens, self.pbx = exchange.hub, exchange.log, exchange.screens, exchange.pbx

    def call(self, number: str = "13800138000", name: str = "Li Lei") -> QueueCall:
        return QueueCall(self.simulator.pbx, self.simulator.pbx.queues["support"], number, name)

    async def sign_in(self, agent: str = "anna", state: Any = "READY") -> None:
        self.hub.presence(agent, 1)
        await self.exchange.command(agent, "set_state", wire.SetState(id=f"s-{agent}", state=state))

    def state(self, agent: str = "anna") -> str:
        return self.hub.distributor.agents[agent].state

    def member(self, interface: str = "PJSIP/1001") -> Any:
        return self.simulator.pbx.queues["support"].member(interface)

    async def talk(self, agent: str = "anna") -> tuple[QueueCall, str]:
        """A call that this agent has answered; its interaction id."""
        call = self.call()
        pop = await self.screens.wait(agent, "screen_pop", lambda p: p["interaction"]["state"] == "ringing")
        i = pop["interaction"]["id"]
        assert await self.exchange.command(agent, "answer", wire.Answer(id=f"a-{i}", interaction_id=i)) == {"ok": True}
        await self.exchange.until(lambda: self.state(agent) == "BUSY")
        return call, i


@pytest_asyncio.fixture
async def floor(reactor: Any) -> AsyncIterator[Floor]:
    simulator = Simulator()
    server = SimulatorServer(simulator)
    port = await server.start()
    try:
        async with Proxy(port) as proxy, Exchange(proxy.port, reactor, secret=SECRET) as exchange:
            yield Floor(simulator, server, proxy, exchange)
    finally:
        await server.stop()


async def test_a_call_from_ring_to_the_next_one(floor: Floor) -> None:
    await floor.sign_in()
    call, i = await floor.talk()
    (pop,) = floor.screens.of("anna", "screen_pop")
    assert pop["customer"] == LI_LEI and pop["strength"] == "known" and not pop["looking_up"]
    assert pop["queue"] == "support" and pop["waited_seconds"] >= 0
    assert 0 <= pop["emitted_at"] - pop["pbx_received_at"] < 0.2
    assert floor.screens.of("anna", "screen_pop_closed") == [{"interaction_id": i, "reason": "answered"}]
    result = await floor.screens.wait("anna", "command_result", lambda m: m["id"] == f"a-{i}")
    assert result["ok"]
    await floor.exchange.until(lambda: floor.member().paused)
    assert floor.member().reason == "callweave:wrapup"
    view = floor.hub.snapshot("anna")
    assert [one["state"] for one in view["interactions"]] == ["talking"] and not view["pops"]

    hang_up = wire.HangUp(id="h", interaction_id=i)
    assert (await floor.exchange.command("anna", "hang_up", hang_up))["ok"]
    await floor.exchange.until(lambda: floor.state() == "WRAP_UP")
    done = wire.WrapUp(id="w", interaction_id=i, disposition="solved", notes="says hello")
    assert (await floor.exchange.command("anna", "wrap_up", done))["ok"]
    assert floor.state() == "READY"
    await floor.exchange.until(lambda: not floor.member().paused)
    (ended,) = floor.log.of(e.InteractionEnded)
    assert (ended.outcome, ended.ended_by) == ("answered", "agent")
    numbers = [one.seq for one in floor.log.recorded]
    assert numbers == sorted(set(numbers))
    assert not floor.log.of(e.CallerFound, e.TimerFired)
    assert call.stage == "ended"

    floor.call("13911112222", "Han Meimei")
    second = await floor.screens.wait("anna", "screen_pop", lambda p: p["interaction"]["id"] != i)
    assert second["customer"] is None and second["strength"] == "unknown"


async def test_a_slow_database_delays_no_pop_by_more_than_50_ms(floor: Floor) -> None:
    floor.exchange.customers.delay = 0.4
    await floor.sign_in()
    floor.call()
    pop = await floor.screens.wait("anna", "screen_pop")
    assert pop["looking_up"] and pop["customer"] is None
    assert pop["emitted_at"] - pop["pbx_received_at"] < 0.15
    updated = await floor.screens.wait("anna", "screen_pop_updated")
    assert updated["customer"] == LI_LEI and not updated["looking_up"]
    assert floor.hub.snapshot("anna")["pops"][0]["customer"] == LI_LEI


async def test_a_broken_database_makes_an_unknown_caller(floor: Floor) -> None:
    floor.exchange.customers.broken = True
    await floor.sign_in()
    floor.call()
    pop = await floor.screens.wait("anna", "screen_pop")
    assert pop["strength"] == "unknown" and floor.hub.counters()["lookups_failed"] == 1


async def test_a_caller_who_gives_up_takes_the_pop_away(floor: Floor) -> None:
    await floor.sign_in()
    call = floor.call()
    await floor.screens.wait("anna", "screen_pop")
    call.hang_up(call.caller)
    closed = await floor.screens.wait("anna", "screen_pop_closed")
    assert closed["reason"] == "caller_gone"
    await floor.exchange.until(lambda: floor.state() == "READY")


async def test_pauses_reach_the_pbx_and_come_back_from_it(floor: Floor) -> None:
    await floor.sign_in(state="READY")
    refused = await floor.exchange.command("anna", "set_state", wire.SetState(id="1", state="NOT_READY", reason="gym"))
    assert refused["error"]["field"] == "reason"
    await floor.exchange.command("anna", "set_state", wire.SetState(id="2", state="NOT_READY", reason="lunch"))
    await floor.exchange.until(lambda: floor.member().paused)
    assert floor.member().reason == "callweave:lunch"
    floor.simulator.pbx.pause("PJSIP/1001", False, "", "")
    await floor.exchange.until(lambda: floor.state() == "READY")
    floor.simulator.pbx.pause("PJSIP/1001", True, "meeting", "")
    await floor.exchange.until(lambda: floor.state() == "NOT_READY")
    assert floor.hub.distributor.agents["anna"].reason == "pbx:meeting"
    floor.simulator.pbx.pause("PJSIP/1001", False, "", "")
    await floor.exchange.until(lambda: floor.state() == "READY")
    assert not floor.member().paused


async def test_nobody_acts_on_another_agents_call(floor: Floor) -> None:
    await floor.sign_in("anna")
    await floor.sign_in("ben", "NOT_READY")
    _, i = await floor.talk("anna")
    for name, command in {
        "answer": wire.Answer(id="1", interaction_id=i),
        "hang_up": wire.HangUp(id="2", interaction_id=i),
        "note": wire.Note(id="3", interaction_id=i, text="mine now"),
        "wrap_up": wire.WrapUp(id="4", interaction_id=i),
        "identify": wire.Identify(id="5", interaction_id=i, customer_id="c1"),
    }.items():
        for who in ("ben", "sofia", "nobody"):
            answer = await floor.exchange.command(who, name, command)
            assert not answer["ok"], (who, name)
    assert floor.state("anna") == "BUSY" and not floor.log.of(e.NoteWritten)
    assert not floor.hub.snapshot("ben")["interactions"]


async def test_choosing_and_creating_the_customer(floor: Floor) -> None:
    await floor.sign_in()
    floor.call("13911112222", "")
    pop = await floor.screens.wait("anna", "screen_pop")
    i = pop["interaction"]["id"]
    missing = await floor.exchange.command("anna", "identify", wire.Identify(id="1", interaction_id=i, customer_id="x"))
    assert missing["error"]["code"] == "unknown_customer"
    bad = await floor.exchange.command("anna", "identify", wire.Identify(id="2", interaction_id=i, create={}))
    assert bad["error"]["field"] == "create.name"
    made = wire.Identify(id="3", interaction_id=i, create={"name": "韩梅梅"})
    assert (await floor.exchange.command("anna", "identify", made))["ok"]
    updated = await floor.screens.wait("anna", "screen_pop_updated")
    assert updated["customer"]["name"] == "韩梅梅"
    shown = await floor.screens.wait("anna", "interaction", lambda m: m["interaction"]["customer_name_known"])
    assert shown["interaction"]["customer_id"] == "new0"
    assert floor.log.of(e.CustomerIdentified)[-1].agent == "anna"


async def test_dialling(floor: Floor) -> None:
    await floor.sign_in()
    for bad in ("1\r\nApplication: System", "1&PJSIP/x", "${SHELL(id)}", "٣٣٣٣٣٣٣٣", "+86" + "1" * 25):
        answer = await floor.exchange.command("anna", "dial", wire.Dial.model_construct(id="b", to=bad))
        assert answer["error"]["code"] == "invalid_number"
    accepted = await floor.exchange.command("anna", "dial", wire.Dial(id="d", to="+86 139 1111 2222"))
    assert accepted["ok"]
    await floor.exchange.until(lambda: floor.simulator.pbx.ringing_at("PJSIP/1001"))
    ringing = floor.simulator.pbx.ringing_at("PJSIP/1001")
    assert ringing is not None
    floor.simulator.pbx.calls[ringing].answer(ringing)
    result = await floor.screens.wait("anna", "command_result", lambda m: m["id"] == "d")
    assert result["ok"]
    await floor.exchange.until(lambda: floor.log.of(e.InteractionStarted))
    started = floor.log.of(e.InteractionStarted)[0]
    assert (started.direction, started.customer_address) == ("outbound", "+8613911112222")
    shown = await floor.screens.wait("anna", "interaction")
    i = shown["interaction"]["id"]
    assert (await floor.exchange.command("anna", "hang_up", wire.HangUp(id="h", interaction_id=i)))["ok"]
    await floor.exchange.until(lambda: floor.log.of(e.InteractionEnded))
    assert floor.log.of(e.InteractionEnded)[0].outcome == "cancelled"


async def test_a_phone_that_is_not_lifted_is_told(floor: Floor) -> None:
    await floor.sign_in()
    await floor.exchange.command("anna", "dial", wire.Dial(id="d", to="13911112222"))
    await floor.exchange.until(lambda: floor.simulator.pbx.ringing_at("PJSIP/1001"))
    ringing = floor.simulator.pbx.ringing_at("PJSIP/1001")
    assert ringing is not None
    floor.simulator.pbx.calls[ringing].decline(ringing)
    result = await floor.screens.wait("anna", "command_result", lambda m: m["id"] == "d")
    assert result["error"]["code"] == "phone_not_lifted"


async def test_a_cut_link_in_mid_call(floor: Floor) -> None:
    await floor.sign_in()
    call, i = await floor.talk()
    floor.proxy.reset()
    await floor.screens.wait("*", "notice", lambda n: n["code"] == "pbx_lost")
    assert floor.hub.snapshot("anna")["pbx"][0]["state"] == "lost"
    before = time.monotonic()
    await floor.exchange.until(lambda: floor.pbx.ready_since is not None)
    assert time.monotonic() - before < 5
    await floor.screens.wait("*", "notice", lambda n: n["code"] == "pbx_restored" and n["pbx"][0]["state"] == "up")
    assert floor.state() == "BUSY"
    call.hang_up(call.caller)
    await floor.exchange.until(lambda: floor.log.of(e.InteractionEnded))
    assert len(floor.log.of(e.InteractionStarted)) == 1
    assert floor.log.of(e.InteractionEnded)[0].interaction_id == i
    await floor.exchange.until(lambda: floor.state() == "WRAP_UP")


async def test_a_call_that_ended_while_the_link_was_cut(floor: Floor) -> None:
    await floor.sign_in()
    call, i = await floor.talk()
    floor.proxy.reset()
    call.hang_up(call.caller)
    await floor.screens.wait("*", "notice", lambda n: n["code"] == "pbx_lost")
    await floor.exchange.until(lambda: floor.pbx.ready_since is not None)
    (ended,) = floor.log.of(e.InteractionEnded)
    assert ended.interaction_id == i and ended.inferred and ended.outcome == "answered"
    assert floor.state() == "WRAP_UP"
    restored = floor.log.of(e.LinkRestored)[-1]
    assert restored.closed == 1 and restored.gap_seconds is not None and not restored.restarted


async def test_a_call_that_began_while_the_link_was_cut_is_opened_and_popped(floor: Floor) -> None:
    await floor.sign_in()
    floor.proxy.blackhole = True
    floor.call()
    await floor.exchange.until(lambda: floor.simulator.pbx.ringing_at("PJSIP/1001"))
    floor.proxy.blackhole = False
    floor.proxy.reset()
    pop = await floor.screens.wait("anna", "screen_pop")
    assert pop["customer"] == LI_LEI
    assert len(floor.log.of(e.InteractionStarted)) == 1


async def test_a_half_open_link_is_found_within_15_s(floor: Floor) -> None:
    floor.proxy.blackhole = True
    before = time.monotonic()
    await floor.screens.wait("*", "notice", lambda n: n["code"] == "pbx_lost", seconds=16)
    assert time.monotonic() - before < 15
    floor.proxy.blackhole = False
    await floor.exchange.until(lambda: floor.pbx.ready_since is not None)


async def test_pauses_are_released_at_the_end(floor: Floor) -> None:
    floor.simulator.pbx.pause("PJSIP/1002", True, "meeting", "")
    await floor.sign_in(state="NOT_READY")
    assert floor.state() == "NOT_READY"
    await floor.exchange.until(lambda: floor.member().paused)
    await floor.exchange.until(lambda: floor.pbx.members.members["support", "PJSIP/1001"].paused)
    assert await floor.pbx.release_ours() == 1
    assert not floor.member().paused and floor.member("PJSIP/1002").paused


async def test_a_forged_hangup_is_not_believed_and_the_pbx_is_asked(floor: Floor) -> None:
    await floor.sign_in()
    call, i = await floor.talk()
    channel = call.caller.name
    forged = f"Event: Hangup\r\nChannel: {channel}\r\nUniqueid: 1.1\r\nCause: 16\r\n\r\n".encode()
    before = floor.hub.counters()["ami_messages"]
    for _ in range(50):
        floor.simulator.broadcast(forged)
    await floor.exchange.until(lambda: floor.hub.counters()["ami_suspicious_blocks"] == 50)
    await floor.exchange.until(lambda: floor.hub.counters()["ami_messages"] > before + 50)  # the list of channels
    assert len(floor.log.of(e.SuspiciousBlockSeen)) == 1
    assert floor.state() == "BUSY" and not floor.log.of(e.InteractionEnded)
    assert floor.hub.distributor.interactions[i].open_segment("PJSIP/1001") is not None


async def test_a_refused_login_and_a_log_in_trouble_are_told(floor: Floor) -> None:
    from interaction_log.store import LogState

    floor.hub.log_changed(LogState("journaling", 3, 1.0, "the database is locked"))
    floor.hub.log_changed(LogState("ok", 0, 2.0))
    floor.pbx.on_refused("main", "the PBX refuses the login of 'callweave': Authentication failed")
    codes = [body["code"] for body in floor.screens.of("*", "notice")]
    assert codes[-3:] == ["log_degraded", "log_ok", "pbx_refused"]


async def test_health_and_numbers(floor: Floor) -> None:
    await floor.exchange.until(lambda: all(part.ok for part in floor.hub.health()))
    assert {part.name for part in floor.hub.health()} == {"pbx main", "pbx main actions"}
    assert floor.hub.gauges()["pbx_up"] == 1 and floor.hub.counters()["ami_messages"] > 0
    assert {d["device"] for d in floor.hub.devices()} >= {"PJSIP/1001", "PJSIP/1002"}
    assert floor.hub.snapshot("sofia")["agent"]["state"] == "LOGGED_OUT"
    assert floor.hub.supervisor_snapshot()["queues"][0]["label"] == "Support"


@pytest.mark.parametrize("poison", ["handle"])
async def test_an_event_that_breaks_the_decision_stops_nothing(floor: Floor, poison: str) -> None:
    original = floor.hub.distributor.handle

    def handle(event: e.Event, now: float) -> Any:
        if isinstance(event, e.QueueEntered):
            raise RuntimeError("poison")
        return original(event, now)

    floor.hub.distributor.handle = handle  # type: ignore[method-assign]
    await floor.sign_in()
    floor.call()
    await floor.screens.wait("anna", "screen_pop")
    assert floor.hub.counters()["events_failed"] == 1
    assert floor.log.of(e.QueueEntered)
    await asyncio.sleep(0)
