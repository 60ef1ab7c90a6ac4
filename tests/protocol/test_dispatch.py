"""Chats through the hub beside a simulated PBX: offered, taken, declined, passed on, withdrawn."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from agent_console import wire
from cti_gateway import attendance
from cti_gateway.dispatch import CLOCK
from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET
from interaction_log import events as e
from interaction_log.records import QueueSettings
from interaction_log.store.decisions import joined
from routing.acd.model import QueueRule
from routing.acd.why import why_not
from routing.agents import Agent
from tests.fakes.dispatch_floor import Floor, dispatch_floor
from tests.fakes.exchange import Exchange


@pytest_asyncio.fixture
async def floor(reactor: Any) -> AsyncIterator[Floor]:
    async with dispatch_floor(reactor) as made:
        yield made


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


# --- agents who vanish -----------------------------------------------------------------------------------


async def test_a_reload_of_the_page_loses_nothing_and_a_console_that_stays_away_loses_all(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await floor.sign_in()
    first = floor.chat()
    await floor.answer(first)
    floor.hub.presence("anna", 0)
    waits = floor.chat()
    assert floor.offered(waits) is None  # nobody would see it
    floor.hub.presence("anna", 1)
    assert floor.has(first) == "anna" and floor.offered(waits) == "anna"
    monkeypatch.setattr(attendance, "GRACE_SECONDS", 0.02)
    floor.hub.presence("anna", 0)
    assert [offer.result for offer in floor.hub.distributor.interactions[waits].offers] == ["cancelled"]
    await floor.exchange.until(lambda: floor.has(first) is None)
    assert floor.hub.dispatch.place(first)[0] == 1 and floor.hub.dispatch.place(waits)[0] == 2  # the age is kept
    await floor.sign_in("ben")
    assert floor.offered(first) == "ben"


async def test_what_she_had_goes_to_others_when_she_signs_out(floor: Floor) -> None:
    await floor.sign_in()
    i = floor.chat()
    await floor.answer(i)
    await floor.sign_in("ben")
    later = floor.chat()
    await floor.sign_in(state="LOGGED_OUT")
    assert floor.has(i) is None and floor.offered(i) is None and floor.offered(later) == "ben"
    await floor.answer(later, "ben")
    assert floor.offered(i) == "ben" and floor.hub.distributor.agents["anna"].in_hand == {}


# --- sent on ---------------------------------------------------------------------------------------------


async def test_sent_to_a_colleague_who_takes_it(floor: Floor) -> None:
    await floor.sign_in()
    i = floor.chat()
    await floor.answer(i)
    assert floor.hub.dispatch.send_on(i, "anna", "ben")["error"]["code"] == "cannot_take"
    await floor.sign_in("ben")
    assert floor.hub.dispatch.send_on(i, "ben", "anna")["error"]["code"] == "not_yours"
    assert floor.hub.dispatch.send_on(i, "anna", "ben") == {"ok": True}
    assert floor.offered(i) == "ben" and floor.has(i) is None
    await floor.answer(i, "ben")
    one = floor.hub.distributor.interactions[i]
    assert floor.has(i) == "ben"
    assert [(t.source, t.target, t.completed) for t in one.transfers] == [("Console/anna", "Console/ben", True)]
    assert one.offers[-1].source == "transfer"


async def test_sent_to_a_colleague_who_declines_it_comes_back(floor: Floor) -> None:
    await floor.sign_in()
    i = floor.chat()
    await floor.answer(i)
    await floor.sign_in("ben")
    floor.hub.dispatch.send_on(i, "anna", "ben")
    await floor.decline(i, "ben")
    assert floor.offered(i) == "anna"
    await floor.answer(i)
    assert floor.has(i) == "anna" and floor.hub.distributor.agents["ben"].chosen == "READY"


async def test_sent_to_another_queue_it_keeps_its_age(floor: Floor) -> None:
    queues = floor.hub.distributor.settings.queues
    queues["", "web"] = QueueSettings(name="web", pbx="", label="Web", wrap_up_seconds=0, skills={"web": {"1": 0}})
    await floor.sign_in()
    first = floor.chat()
    await floor.answer(first)
    waits = floor.chat("web", "")
    assert floor.offered(waits) is None  # nobody has the skill
    assert floor.hub.dispatch.send_on(first, "anna", "queue:nowhere")["error"]["code"] == "unknown_queue"
    assert floor.hub.dispatch.send_on(first, "anna", "queue:web") == {"ok": True}
    assert floor.hub.dispatch.place(first)[0] == 1 and floor.hub.dispatch.place(waits)[0] == 2
    floor.exchange.users.list[1] = replace(floor.exchange.users.list[1], skills={"web": 1})
    floor.hub.changed("users", "ben")
    await floor.sign_in("ben")
    await floor.exchange.until(lambda: floor.offered(first) == "ben")
    await floor.answer(first, "ben")
    one = floor.hub.distributor.interactions[first]
    assert one.queues == ["support", "web"] and one.transfers[0].completed


# --- beside calls ----------------------------------------------------------------------------------------


async def test_a_ring_that_crosses_our_pause_withdraws_the_chat(floor: Floor) -> None:
    """Asterisk rings her though she is being paused for a chat: within a second the chat is somebody else's."""
    await floor.sign_in()
    call = floor.call()  # it rings at anna in the same moment
    i = floor.chat()
    await floor.exchange.until(lambda: floor.hub.distributor.agents["anna"].talking or floor.rings("anna"))
    began = time.monotonic()
    await floor.exchange.until(lambda: floor.offered(i) is None)
    assert time.monotonic() - began < 1.0
    await floor.sign_in("ben")
    assert floor.offered(i) == "ben"
    call.give_up()


async def test_a_call_takes_her_budget(floor: Floor) -> None:
    await floor.sign_in()
    call = floor.call()
    await floor.exchange.until(lambda: floor.rings("anna"))
    i = floor.chat()
    assert floor.offered(i) is None
    reasons = [one.code for one in why_not(floor.hub.dispatch.engine, i, "anna", floor.hub.wall())]
    assert reasons == ["no_room"]
    call.give_up()
    await floor.exchange.until(lambda: floor.offered(i) == "anna")


async def test_a_telephone_that_is_busy_with_a_call_that_we_do_not_see_counts(floor: Floor) -> None:
    await floor.sign_in()
    busy = e.DeviceStateChanged(at=floor.hub.wall(), pbx="main", device="PJSIP/1001", state="INUSE")
    floor.hub.take([busy])
    i = floor.chat()
    assert floor.offered(i) is None
    floor.hub.take([replace(busy, state="NOT_INUSE")])
    assert floor.offered(i) == "anna"


async def test_commands_for_a_telephone_are_refused_on_a_chat(floor: Floor) -> None:
    await floor.sign_in()
    i = floor.chat()
    await floor.answer(i)
    for name, command in (
        ("hold", wire.Hold(id="1", interaction_id=i)),
        ("mute", wire.Mute(id="2", interaction_id=i)),
        ("park", wire.Park(id="3", interaction_id=i)),
        ("conference", wire.Conference(id="4", interaction_id=i)),
        ("start_recording", wire.StartRecording(id="5", interaction_id=i)),
        ("pick_up", wire.PickUp(id="6", interaction_id=i)),
        ("complete_transfer", wire.CompleteTransfer(id="7", interaction_id=i)),
    ):
        answer = await floor.exchange.command("anna", name, command)
        assert answer["error"]["code"] == "no_call", name
    assert floor.has(i) == "anna"


async def test_a_lost_link_touches_no_chat(floor: Floor) -> None:
    await floor.sign_in()
    i = floor.chat()
    await floor.answer(i)
    floor.hub.take([e.LinkLost(at=floor.hub.wall(), pbx="main", reason="test")])
    restored = e.LinkRestored(at=floor.hub.wall(), pbx="main", gap_seconds=1, restarted=True, closed=0, opened=0)
    floor.hub.take([restored])
    assert floor.has(i) == "anna" and not floor.hub.distributor.interactions[i].ended


# --- wrap-up ---------------------------------------------------------------------------------------------


async def test_after_a_chat_comes_its_wrap_up_and_nothing_new_meanwhile(floor: Floor) -> None:
    queue = floor.hub.distributor.settings.queues["main", "support"]
    floor.hub.distributor.settings.queues["main", "support"] = replace(queue, wrap_up_seconds=30)
    await floor.sign_in()
    first, second = floor.chat(), floor.chat()
    await floor.answer(first)
    await floor.answer(second)
    anna = floor.hub.distributor.agents["anna"]
    floor.end(first)
    assert (anna.state, anna.wrapping) == ("WRAP_UP", first) and floor.has(second) == "anna"
    third = floor.chat()
    assert floor.offered(third) is None
    floor.end(second)
    assert (anna.state, anna.wrapping, list(anna.to_wrap)) == ("WRAP_UP", first, [second])
    assert [one.id for one in floor.hub.distributor.interactions_of("anna")] == [first, second]
    await floor.exchange.command("anna", "wrap_up", wire.WrapUp(id="w1", interaction_id=first, disposition="done"))
    assert (anna.state, anna.wrapping) == ("WRAP_UP", second)
    await floor.exchange.command("anna", "wrap_up", wire.WrapUp(id="w2", interaction_id=second, disposition="done"))
    assert floor.offered(third) == "anna"


# --- waiting ---------------------------------------------------------------------------------------------


async def test_it_waits_as_long_as_its_queue_allows(floor: Floor) -> None:
    rule = QueueRule(name="main:support", longest_wait=0.05, then="callback")
    floor.hub.dispatch.configure([rule], {})
    told: list[tuple[str, str]] = []
    floor.hub.dispatch.on_divert = lambda i, then: told.append((i, then))
    i = floor.chat()
    await floor.exchange.until(lambda: told)
    assert told == [(i, "callback")] and floor.hub.dispatch.place(i) == (0, None)
    assert [v.result for v in floor.hub.distributor.interactions[i].queue_visits] == ["timeout"]


async def test_without_anybody_who_says_what_follows_it_ends(floor: Floor) -> None:
    floor.hub.dispatch.configure([QueueRule(name="main:support", longest_wait=0.05)], {})
    i = floor.chat()
    await floor.exchange.until(lambda: floor.hub.distributor.interactions[i].ended)
    assert floor.hub.distributor.interactions[i].outcome == "timeout"


async def test_who_waits_is_told_the_place_and_an_estimate_only_when_there_is_one(floor: Floor) -> None:
    await floor.sign_in()
    clock = floor.hub.wall()
    floor.hub.wall = lambda: clock
    for _ in range(3):
        i = floor.chat()
        await floor.answer(i)
        clock += 60
        floor.end(i)
    assert floor.hub.dispatch.attended("main", "support") and not floor.hub.dispatch.attended("main", "elsewhere")
    waiting = [floor.chat() for _ in range(6)]
    for one in waiting[:3]:
        await floor.answer(one)
    assert [floor.hub.dispatch.place(one) for one in waiting[3:]] == [(1, 20.0), (2, 40.0), (3, 60.0)]
    away = wire.SetState(id="away", state="NOT_READY", reason="lunch")
    assert await floor.exchange.command("anna", "set_state", away) == {"ok": True}
    assert floor.hub.dispatch.place(waiting[3]) == (1, None)


# --- a restart -------------------------------------------------------------------------------------------


async def test_a_restart_knows_who_has_what_and_who_waits(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    await floor.sign_in()
    has = floor.chat()
    await floor.answer(has)
    asked = floor.chat()
    assert floor.offered(asked) == "anna"
    rows = [deepcopy(one) for one in floor.hub.distributor.interactions.values() if not one.ended]
    agents = [Agent("anna", "Anna", ["PJSIP/1001"], state="OFFERED", chosen="READY", since=1.0)]
    monkeypatch.setattr(attendance, "GRACE_SECONDS", 0.5)
    async with Exchange(floor.port, floor.reactor, secret=SECRET) as after:
        await after.hub.restore(rows, agents)
        again = Floor(floor.simulator, after)
        assert again.has(has) == "anna" and again.offered(asked) is None  # nobody sees an offer yet
        assert after.hub.dispatch.place(asked)[0] == 1
        after.hub.presence("anna", 1)
        assert again.offered(asked) == "anna" and after.hub.distributor.agents["anna"].in_hand == {
            has: "chat", asked: "chat",
        }  # fmt: skip
        after.hub.presence("anna", 0)
        await after.until(lambda: again.has(has) is None)
        assert after.hub.dispatch.place(has)[0] == 1 and after.hub.dispatch.place(asked)[0] == 2


# --- why -------------------------------------------------------------------------------------------------


async def test_every_decision_is_in_the_log_with_its_reasons(floor: Floor) -> None:
    i = floor.chat()
    (nobody,) = floor.log.of(e.AgentChosen)
    assert (nobody.interaction_id, nobody.agent, nobody.line, nobody.others) == (i, None, "main:support", [])
    await floor.sign_in("ben", state="NOT_READY")
    await floor.sign_in()
    chosen = floor.log.of(e.AgentChosen)[-1]
    assert chosen.agent == "anna" and chosen.because["queue"] == "main:support" and chosen.because["waited"] >= 0
    assert chosen.others == [{"agent": "ben", "reasons": [{"code": "not_ready", "params": {}}]}]
    await floor.exchange.command("anna", "decline", wire.Decline(id="d", interaction_id=i, reason="break"))
    (declined,) = floor.log.of(e.OfferDeclined)
    assert (declined.agent, declined.reason, declined.offer_id) == ("anna", "break", chosen.offer_id)
    payloads = [(type(r.event).__name__, r.event.at, e.to_payload(r.event)) for r in floor.log.recorded]
    read = joined(
        (kind, at, said) for kind, at, said in payloads if kind in {"AgentChosen", "OfferDeclined", "OfferEnded"}
    )
    assert [(one["agent"], one["result"], one["reason"]) for one in read] == [
        (None, None, None), ("anna", "declined", "break"),
    ]  # fmt: skip


# --- one line over all media -----------------------------------------------------------------------------


async def away(floor: Floor, agent: str) -> None:
    """At lunch, and paused for it."""
    reason = wire.SetState(id=f"away-{agent}", state="NOT_READY", reason="lunch")
    assert await floor.exchange.command(agent, "set_state", reason) == {"ok": True}
    device = floor.hub.people[agent].devices[0]
    await floor.exchange.until(lambda: floor.member(device).paused)


def waiting(floor: Floor) -> list[str]:
    """The callers who wait and ring at nobody's."""
    every = floor.hub.distributor.interactions.values()
    return [one.id for one in every if one.channel == "voice" and one.waiting_in() and not one.open_offers()]


async def test_who_waits_longest_comes_first_caller_or_chat(floor: Floor) -> None:
    """An agent becomes free: an older caller is left to Asterisk, an older chat is offered at once."""
    floor.hub.dispatch.attendance.voice.seconds = 60.0  # however slow this machine is
    for agent in ("anna", "ben"):
        await floor.sign_in(agent)
        await away(floor, agent)
    call = floor.call()
    await floor.exchange.until(lambda: waiting(floor))
    younger = floor.chat()
    await floor.sign_in()
    assert floor.offered(younger) is None
    await floor.exchange.until(lambda: floor.rings("anna"))
    assert floor.offered(younger) is None
    call.give_up()
    await floor.exchange.until(lambda: floor.offered(younger) == "anna")
    floor.end(younger)

    await away(floor, "anna")
    older = floor.chat()
    second = floor.call()
    await floor.exchange.until(lambda: waiting(floor))
    await floor.sign_in()
    assert floor.offered(older) == "anna"
    second.give_up()


async def test_her_phone_is_not_released_for_a_moment_where_an_older_chat_is_next(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She comes back from lunch, a chat is the oldest: from one pause to the other, without a gap for a ring."""
    seen: list[tuple[bool, str]] = []
    emit = floor.simulator.pbx.emit

    def told(name: str, level: str, headers: Any, *more: Any) -> Any:
        fields = dict(headers)
        if name == "QueueMemberPause" and fields["Interface"] == "PJSIP/1001":
            seen.append((fields["Paused"] == "1", fields["PausedReason"]))
        return emit(name, level, headers, *more)

    monkeypatch.setattr(floor.simulator.pbx, "emit", told)
    for agent in ("anna", "ben"):
        await floor.sign_in(agent)
        await away(floor, agent)
    older = floor.chat()
    call = floor.call()
    await floor.exchange.until(lambda: waiting(floor))
    await floor.sign_in()
    assert floor.offered(older) == "anna"
    await floor.exchange.until(lambda: floor.member().reason == "callweave:capacity")
    assert seen == [(True, "callweave:lunch"), (True, "callweave:capacity")]
    floor.end(older)  # and now the caller
    await floor.exchange.until(lambda: floor.rings("anna"))
    call.give_up()


async def test_who_is_left_to_a_caller_is_asked_as_soon_as_he_rings_elsewhere(floor: Floor) -> None:
    """By what Asterisk tells, and not by time."""
    floor.hub.dispatch.attendance.voice.seconds = 3600.0
    for agent in ("anna", "ben"):
        await floor.sign_in(agent)
        await away(floor, agent)
    call = floor.call()
    await floor.exchange.until(lambda: waiting(floor))
    chat = floor.chat()
    await floor.sign_in("anna")
    await floor.sign_in("ben")
    await floor.exchange.until(lambda: floor.rings("anna") or floor.rings("ben"))
    await floor.exchange.until(lambda: floor.offered(chat) is not None)
    assert not floor.rings(str(floor.offered(chat)))  # one has the caller, the other the chat
    call.give_up()


async def test_a_chat_that_ends_leaves_her_to_the_older_caller(floor: Floor) -> None:
    """Full with a chat she ends it: the caller waits longer than the next chat, and is before it."""
    floor.hub.distributor.settings.capacity.weights["chat"] = 100  # type: ignore[index]
    floor.hub.dispatch.attendance.voice.seconds = 3600.0
    await floor.sign_in("ben")
    await away(floor, "ben")
    await floor.sign_in()
    first = floor.chat()
    assert await floor.answer(first) == {"ok": True}
    await floor.exchange.until(lambda: floor.member().reason == "callweave:capacity")
    call = floor.call()
    await floor.exchange.until(lambda: waiting(floor))
    second = floor.chat()
    assert floor.offered(second) is None
    floor.end(first)
    assert floor.offered(second) is None
    await floor.exchange.until(lambda: floor.rings("anna"))
    call.give_up()
    await floor.exchange.until(lambda: floor.offered(second) == "anna")


@pytest.mark.parametrize("over", ["declined", "not answered", "withdrawn", "moved"])
async def test_an_offer_that_is_over_leaves_her_to_the_older_caller(floor: Floor, over: str) -> None:
    """However it ended: the caller waits longer than the next chat, and is before it."""
    floor.hub.dispatch.attendance.voice.seconds = 3600.0
    first, call = await asked_while_a_caller_waits(floor)
    second = floor.chat()
    await offer_over(floor, first, over)
    assert floor.offered(second) is None
    await floor.exchange.until(lambda: floor.rings("anna"))
    call.give_up()
    await floor.exchange.until(lambda: floor.offered(second) == "anna")


@pytest.mark.parametrize("over", ["declined", "not answered", "withdrawn", "moved"])
async def test_an_offer_that_is_over_makes_room_for_the_older_chat(
    floor: Floor, over: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is offered at once, and her phone stays paused: Asterisk has no moment in which to ring her."""
    floor.hub.dispatch.attendance.voice.seconds = 3600.0
    await floor.sign_in("ben")
    await away(floor, "ben")
    await floor.sign_in()
    first, second = floor.chat(), floor.chat()
    await floor.exchange.until(lambda: floor.member().reason == "callweave:capacity")
    call = floor.call()
    await floor.exchange.until(lambda: waiting(floor))
    told: list[str | None] = []
    pbx = floor.hub.pbxs["main"]
    pause = pbx.pause

    def seen(device: str, reason: str | None, still: Any = ()) -> None:
        told.append(reason)
        pause(device, reason, still)

    monkeypatch.setattr(pbx, "pause", seen)
    await offer_over(floor, first, over)
    assert floor.offered(second) == "anna" and None not in told
    call.give_up()


async def asked_while_a_caller_waits(floor: Floor) -> tuple[str, QueueCall]:
    """Anna is asked to take a chat, which fills her; ben is at lunch."""
    await floor.sign_in("ben")
    await away(floor, "ben")
    await floor.sign_in()
    first = floor.chat()
    assert floor.offered(first) == "anna"
    await floor.exchange.until(lambda: floor.member().reason == "callweave:capacity")
    call = floor.call()
    await floor.exchange.until(lambda: waiting(floor))
    return first, call


async def offer_over(floor: Floor, chat: str, how: str) -> None:
    """She is not asked any more."""
    if how == "declined":
        assert await floor.decline(chat) == {"ok": True}
    elif how == "withdrawn":
        floor.end(chat, "abandoned")
    elif how == "moved":  # she does not serve that queue
        floor.hub.take([e.QueueEntered(at=floor.hub.wall(), interaction_id=chat, queue="sales")])
    else:
        until, wall = floor.hub.dispatch.offers.until(chat), floor.hub.wall
        assert until is not None
        floor.hub.wall = lambda: max(wall(), until)
        assert floor.hub.dispatch.fired(CLOCK)
    assert floor.offered(chat) is None


async def test_a_dead_telephone_keeps_nobody_for_callers(floor: Floor) -> None:
    floor.hub.dispatch.attendance.voice.seconds = 3600.0
    for agent in ("anna", "ben"):
        await floor.sign_in(agent)
        await away(floor, agent)
    call = floor.call()
    await floor.exchange.until(lambda: waiting(floor))
    chat = floor.chat()
    floor.hub.take([e.DeviceStateChanged(at=1.0, pbx="main", device="PJSIP/1001", state="UNAVAILABLE")])
    await floor.sign_in()
    assert floor.offered(chat) == "anna"
    call.give_up()


async def test_a_caller_whom_asterisk_does_not_put_through_keeps_nobody_for_long(floor: Floor) -> None:
    floor.hub.dispatch.attendance.voice.seconds = 0.05
    started = e.InteractionStarted(
        at=1.0, interaction_id="ghost", pbx="main", channel="voice", direction="inbound", customer_address=None,
        customer_name=None, dialled=None, unique_id="g", linked_id="g",
    )  # fmt: skip
    floor.hub.take([started, e.QueueEntered(at=1.0, interaction_id="ghost", queue="support")])
    i = floor.chat()
    await floor.sign_in()
    assert floor.offered(i) is None
    await floor.exchange.until(lambda: floor.offered(i) == "anna")


async def test_his_own_agent_and_a_vip_as_soon_as_he_is_known(floor: Floor) -> None:
    floor.hub.dispatch.configure([QueueRule(name="main:support", vip_head_start=3600.0)], {})
    first, vip = floor.chat(), floor.chat()
    customer = {"id": "c9", "name": "Zhao", "vip": True, "agent": "ben"}
    found = e.CallerFound(at=1.0, interaction_id=vip, strength="known", customer=customer)
    floor.hub.take([found])
    assert floor.hub.dispatch.place(vip)[0] == 1 and floor.hub.dispatch.place(first)[0] == 2
    third = floor.chat()
    floor.hub.take([e.CallerFound(at=1.0, interaction_id=third, strength="known", timeline=[{"agent": "ben"}],
                                  customer={**customer, "id": "c8", "vip": False, "agent": None})])  # fmt: skip
    await floor.sign_in("ben")
    assert floor.offered(vip) == "ben"
    chosen = floor.log.of(e.AgentChosen)[-1]
    assert chosen.agent == "ben"
    await floor.answer(vip, "ben")
    assert floor.offered(first) == "ben"  # the older before who had her last


async def test_who_is_paused_in_a_queue_gets_its_chats_neither(floor: Floor) -> None:
    await floor.sign_in()
    where: dict[str, Any] = {"at": floor.hub.wall(), "agent": "anna", "pbx": "main", "queue": "support"}
    floor.hub.take([e.QueuePaused(**where, holder="agent", reason="training", by="anna")])
    i = floor.chat()
    assert floor.offered(i) is None
    floor.hub.take([e.QueueResumed(**where, holder="agent", by="anna")])
    assert floor.offered(i) == "anna"
