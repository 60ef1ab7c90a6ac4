"""Callbacks that a visitor or an agent asked for: in line with the chats, taken at a console, called, judged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from cti_gateway.agi.lines import Question
from cti_gateway.callbacks import Callbacks, Policy, may_call
from cti_gateway.console_callbacks import ConsoleCallbacks
from cti_gateway.entry import Entry
from cti_gateway.entry_setup import tell_hours
from cti_gateway.lines import Lines
from interaction_log import events as e
from interaction_log.callback import Callback
from interaction_log.interaction import Interaction
from interaction_log.records import Conflict, NotFound, Refused
from routing.acd.why import why_not
from routing.callbacks import CallbackRules
from routing.entry import EntryRules
from routing.hours import hours
from tests.fakes.dispatch_floor import Floor, dispatch_floor

NUMBER = "+8613911112222"
NEVER = hours("UTC", [])


class Stored:
    """``store.callbacks`` in memory."""

    def __init__(self) -> None:
        self.rows: dict[str, Callback] = {}
        self.broken = False

    async def open(self) -> list[Callback]:
        return [one for one in self.rows.values() if one.open]

    async def put(self, one: Callback) -> None:
        if self.broken:
            raise RuntimeError("away")
        self.rows[one.id] = one


class Line:
    """The callbacks beside the floor."""

    def __init__(self, floor: Floor, stored: Stored) -> None:
        self.floor, self.stored = floor, stored
        rules = CallbackRules(max_attempts=2, retry_seconds=0.05)
        self.callbacks = ConsoleCallbacks(floor.hub, stored, lambda number: may_call(number, "CN", False), rules)
        floor.hub.dispatch.callbacks = self.callbacks
        floor.hub.listen(self.callbacks.noted, self.callbacks.hears)
        floor.simulator.customer = None  # type: ignore[attr-defined]

    async def wish(self, n: int = 1, **more: Any) -> Callback:
        now = self.floor.hub.wall()
        wanted = Callback(
            id=f"cb{n}", pbx="main", queue="support", address=NUMBER, name="Wang", since=now, requested_at=now,
            expires_at=now + 3600,
        )  # fmt: skip
        assert await self.floor.hub.dispatch.callback(replace(wanted, **more))
        return wanted

    def contact(self) -> str:
        """The contact that stands in line now."""
        found = [
            i for i, one in self.floor.hub.distributor.interactions.items()
            if one.channel == "callback" and not one.ended
        ]  # fmt: skip
        return found[-1] if found else ""

    async def taken(self, agent: str = "anna") -> str:
        """An agent takes it, and lifts her telephone; the customer's rings."""
        i = self.contact()
        await self.floor.exchange.until(lambda: self.floor.offered(i) == agent)
        assert await self.floor.answer(i, agent) == {"ok": True}
        pbx = self.floor.simulator.pbx
        await self.floor.exchange.until(lambda: pbx.ringing_at("PJSIP/1001"))
        ringing = pbx.ringing_at("PJSIP/1001")
        assert ringing is not None
        self.call: Any = pbx.calls[ringing]
        self.call.answer(ringing)
        return i

    async def closed(self) -> Any:
        await self.floor.exchange.until(lambda: self.floor.log.of(e.CallbackClosed))
        return self.floor.log.of(e.CallbackClosed)[-1]


@pytest_asyncio.fixture
async def line(reactor: Any) -> AsyncIterator[Line]:
    async with dispatch_floor(reactor) as floor:
        yield Line(floor, Stored())


async def test_in_its_place_among_chats_and_called_by_who_takes_it(line: Line) -> None:
    floor = line.floor
    before = floor.chat()
    await line.wish(since=floor.hub.wall())
    i = line.contact()
    after = floor.chat()
    assert [floor.hub.dispatch.place(one)[0] for one in (before, i, after)] == [1, 2, 3]
    await floor.sign_in()
    assert floor.offered(before) == "anna"
    floor.end(before, "abandoned")
    pop = await floor.screens.wait("anna", "screen_pop", lambda p: p["interaction"]["id"] == i)
    assert pop["interaction"]["channel"] == "callback" and pop["interaction"]["customer_address"] == NUMBER
    await line.taken()
    assert line.stored.rows["cb1"].state == "dialling" and floor.log.of(e.CallbackAttempted)
    assert floor.offered(after) is None  # she has no room for anything now
    line.call.customer_answers()
    await floor.exchange.until(lambda: floor.hub.distributor.agents["anna"].state == "BUSY")
    line.call.hang_up(line.call.agent)
    closed = await line.closed()
    assert (closed.state, closed.result) == ("done", "answered") and closed.closed_by is not None
    one = floor.hub.distributor.interactions[i]
    assert one.ended and one.outcome == "answered" and line.callbacks.all == {}
    await floor.exchange.until(lambda: floor.hub.distributor.agents["anna"].state == "WRAP_UP")  # of the call


async def test_not_reached_it_is_tried_again_and_given_up_in_the_end(line: Line) -> None:
    await line.floor.sign_in()
    line.floor.hub.distributor.settings.default_wrap_up_seconds = 0
    await line.wish()
    first = await line.taken()
    line.call.customer_busy()
    await line.floor.exchange.until(lambda: line.stored.rows["cb1"].state == "waiting")
    assert line.floor.hub.distributor.interactions[first].outcome == "busy"
    await line.floor.exchange.until(line.contact)
    assert line.contact() != first
    await line.taken()
    line.call.customer_no_answer()
    closed = await line.closed()
    assert (closed.state, closed.result) == ("failed", "no_answer")


async def test_a_telephone_that_is_not_lifted_was_no_try(line: Line) -> None:
    await line.floor.sign_in()
    await line.wish()
    i = line.contact()
    await line.floor.answer(i)
    pbx = line.floor.simulator.pbx
    await line.floor.exchange.until(lambda: pbx.ringing_at("PJSIP/1001"))
    ringing: Any = pbx.ringing_at("PJSIP/1001")
    pbx.calls[ringing].decline(ringing)
    await line.floor.exchange.until(lambda: line.stored.rows["cb1"].state == "waiting")
    one = line.stored.rows["cb1"]
    assert one.attempts == 0 and one.not_before > line.floor.hub.wall()
    assert line.floor.hub.distributor.interactions[i].outcome == "failed"


async def test_not_before_the_time_that_was_asked_for(line: Line) -> None:
    await line.floor.sign_in()
    begins = line.floor.hub.wall() + 0.3
    await line.wish(not_before=begins)
    assert line.contact() == ""
    await line.floor.exchange.until(line.contact)
    assert line.floor.hub.wall() >= begins
    visit = line.floor.hub.distributor.interactions[line.contact()].queue_visits[0]
    assert visit.entered_at == begins


async def test_its_time_runs_out_in_line(line: Line) -> None:
    await line.wish(expires_at=line.floor.hub.wall() + 0.1)
    i = line.contact()
    closed = await line.closed()
    assert closed.state == "expired" and line.floor.hub.dispatch.place(i) == (0, None)


async def test_called_off_and_not_while_it_is_being_called(line: Line) -> None:
    await line.floor.sign_in()
    await line.wish()
    i = line.contact()
    assert line.floor.offered(i) == "anna"
    cancelled = await line.callbacks.cancel("cb1")
    assert cancelled.state == "failed" and line.floor.offered(i) is None
    with pytest.raises(NotFound):
        await line.callbacks.cancel("cb1")
    await line.wish(2)
    await line.taken()
    with pytest.raises(Conflict):
        await line.callbacks.cancel("cb2")


async def test_who_calls_himself_and_is_answered_is_not_called_any_more(line: Line) -> None:
    await line.wish(address="+8613800138000")
    await line.floor.sign_in("ben")
    i = line.contact()
    await line.floor.exchange.until(lambda: line.floor.offered(i) == "ben")
    line.floor.hub.take([e.AgentConnected(at=line.floor.hub.wall(), interaction_id="x", device="PJSIP/1001")])
    await line.floor.sign_in("anna")
    call = line.floor.call()
    pbx = line.floor.simulator.pbx
    await line.floor.exchange.until(lambda: pbx.ringing_at("PJSIP/1001"))
    ringing: Any = pbx.ringing_at("PJSIP/1001")
    call.answer(ringing)
    closed = await line.closed()
    assert (closed.state, closed.result) == ("done", "called_again") and line.floor.offered(i) is None


async def test_who_has_no_telephone_is_not_asked(line: Line) -> None:
    await line.floor.sign_in()
    dead = e.DeviceStateChanged(at=1.0, pbx="main", device="PJSIP/1001", state="UNAVAILABLE")
    line.floor.hub.take([dead])
    await line.wish()
    i = line.contact()
    assert line.floor.offered(i) is None
    reasons = [r.code for r in why_not(line.floor.hub.dispatch.engine, i, "anna", line.floor.hub.wall())]
    assert reasons == ["not_equipped"]
    line.floor.hub.take([replace(dead, state="NOT_INUSE")])
    assert line.floor.offered(i) == "anna"


async def test_no_promise_that_would_not_survive_us_and_none_twice(line: Line) -> None:
    line.stored.broken = True
    now = line.floor.hub.wall()
    wanted = Callback(
        id="x", pbx="main", queue="support", address=NUMBER, name="", since=now, requested_at=now, expires_at=now + 9
    )
    assert not await line.floor.hub.dispatch.callback(wanted) and line.contact() == ""
    line.stored.broken = False
    assert await line.floor.hub.dispatch.callback(wanted) and await line.floor.hub.dispatch.callback(wanted)
    assert len(line.floor.log.of(e.CallbackRequested)) == 1
    assert line.callbacks.find("main", "support", NUMBER) is not None
    line.floor.hub.dispatch.callbacks = None
    assert not await line.floor.hub.dispatch.callback(wanted)


async def test_a_restart_keeps_the_places_and_calls_nobody_twice(line: Line) -> None:
    await line.wish()
    i = line.contact()
    again = ConsoleCallbacks(line.floor.hub, line.stored, line.callbacks.may_call, line.callbacks.rules)
    await again.start()
    assert list(again.all) == ["cb1"] and line.contact() == i  # the same contact, once
    await line.floor.sign_in()
    await line.taken()
    after = ConsoleCallbacks(line.floor.hub, line.stored, line.callbacks.may_call, line.callbacks.rules)
    line.floor.hub.dispatch.callbacks = after
    line.floor.hub.listen(after.noted, after.hears)
    line.callbacks.all.clear()
    await after.start()
    assert after.all["cb1"].state == "dialling"
    line.call.customer_answers()
    await line.floor.exchange.until(lambda: line.floor.hub.distributor.agents["anna"].state == "BUSY")
    line.call.hang_up(line.call.agent)
    closed = await line.closed()
    assert closed.state == "done" and line.floor.hub.distributor.interactions[i].ended


async def test_an_agent_asks_for_a_call_on_the_page_of_promises(line: Line) -> None:
    lines = Lines(line.floor.hub, None)  # type: ignore[arg-type]
    with pytest.raises(Refused):
        await lines.promise("13911112222", "main", "support", "", None)  # nobody takes any here
    lines.own = line.callbacks
    made = await lines.promise("139 1111 2222", "main", "support", "Wang", None)
    assert (made["number"], made["state"], made["place"]) == (NUMBER, "waiting", None)
    assert [one["id"] for one in lines.promised()] == [made["id"]] and line.contact() != ""
    with pytest.raises(Conflict):
        await lines.promise("13911112222", "main", "support", "", None)
    with pytest.raises(Refused):
        await lines.promise("+15005550006", "main", "support", "", None)  # abroad
    with pytest.raises(NotFound):
        await lines.promise("13911113333", "main", "nowhere", "", None)
    await lines.cancel(made["id"], "anna")
    assert lines.promised() == []


# --- asked for by a key in Asterisk's own queue --------------------------------------------------------------


async def nobody_takes_calls(floor: Floor) -> None:
    """Both are here, not ready, and paused at the PBX."""
    for agent in ("anna", "ben"):
        await floor.sign_in(agent, "NOT_READY")
    await floor.exchange.until(lambda: all(floor.member(f"PJSIP/100{n}").paused for n in (1, 2)))


class Keys:
    """What the dialplan asks, on the floor of a line."""

    def __init__(self, line: Line, **rules: Any) -> None:
        self.line, hub = line, line.floor.hub
        entry = Entry(hub, {("main", "support"): EntryRules(queue="support", callback=True, **rules)}, region="CN")
        self.stored = Stored()
        self.callbacks = Callbacks(hub, entry, self.stored, Policy("CN"))
        self.callbacks.line = line.callbacks
        self.entry = entry
        entry.find_callback, entry.stand_ins = self.callbacks.find, self.callbacks.stand_ins
        entry.promised = self.callbacks.promised

    async def press(self, unique_id: str = "", number: str = "13911112222") -> dict[str, str]:
        return dict(await self.callbacks.request(self._asked("callback", number, unique_id)))

    async def route(self, number: str = "13922223333") -> dict[str, str]:
        """What is told at call entry."""
        return dict(await self.entry.route(self._asked("route", number)))

    async def ahead(self, number: str = "13922223333") -> int:
        """How many are before this caller, as he is told."""
        return int((await self.route(number))["CALLWEAVE_AHEAD"])

    @staticmethod
    def _asked(kind: Any, number: str, unique_id: str = "") -> Question:
        return Question(
            id=1, kind=kind, pbx="main", queue="support", dialled="800", number=number, name="Wang",
            unique_id=unique_id, until=1e12,
        )  # fmt: skip


async def test_a_caller_who_presses_the_key_stands_in_the_one_line_at_his_place(line: Line) -> None:
    """He called before the first chat came and asks after the second: his callback is before both."""
    floor, keys = line.floor, Keys(line)
    await nobody_takes_calls(floor)
    call = floor.call()
    await floor.exchange.until(lambda: any(one.waiting_in() for one in floor.hub.distributor.interactions.values()))
    entered = next(one for one in floor.hub.distributor.interactions.values() if one.channel == "voice")
    first, second = floor.chat(), floor.chat()
    told = await keys.press(call.caller.unique_id, "13800138000")
    assert told["CALLWEAVE_CALLBACK"] == "accepted"
    call.give_up()
    one = next(iter(line.callbacks.all.values()))
    assert one.since == entered.queue_visits[0].entered_at and one.way == "console"
    assert keys.stored.rows == {} and keys.callbacks.all == {}  # nothing stands in for him in Asterisk's queue
    i = line.contact()
    assert [floor.hub.dispatch.place(c)[0] for c in (i, first, second)] == [1, 2, 3]
    assert (await keys.press("", "13800138000"))["CALLWEAVE_CALLBACK"] == "kept"
    await floor.sign_in()
    assert floor.offered(i) == "anna" and floor.offered(first) is None


async def test_a_caller_is_told_how_many_of_all_media_are_due_before_him(line: Line) -> None:
    """Callers, a callback that waits at the consoles, a chat; not what somebody has in hand, and not his own."""
    floor, keys = line.floor, Keys(line)
    await floor.sign_in()
    await floor.answer(floor.chat())  # in her hands: not waiting
    await nobody_takes_calls(floor)
    assert await keys.ahead() == 0
    call = floor.call()
    await floor.exchange.until(lambda: any(_waits(one) for one in floor.hub.distributor.interactions.values()))
    assert await keys.ahead() == 1
    assert await keys.ahead("13800138000") == 0  # it is he who waits
    wanted = await line.wish(address="+8613911112222")
    chat = floor.chat()
    assert await keys.ahead() == 3
    assert await keys.ahead("13911112222") == 1  # he keeps the place of his callback, behind the caller alone
    told = await keys.route("13911112222")
    assert (told["CALLWEAVE_KEEPS_PLACE"], told["CALLWEAVE_POSITION"]) == ("1", "2")  # among who stands in Asterisk's
    floor.end(chat, "abandoned")
    assert await keys.ahead() == 2
    await line.callbacks.cancel(wanted.id)
    call.give_up()
    await floor.exchange.until(lambda: not any(_waits(one) for one in floor.hub.distributor.interactions.values()))
    assert await keys.ahead() == 0


async def test_callbacks_that_the_queue_makes_count_when_they_are_due(line: Line) -> None:
    keys = Keys(line, callback_by="queue")
    await nobody_takes_calls(line.floor)
    assert (await keys.press())["CALLWEAVE_CALLBACK"] == "accepted"
    assert await keys.ahead() == 1 and await keys.ahead("13911112222") == 0
    (one,) = keys.callbacks.all.values()
    keys.callbacks.all[one.id] = replace(one, not_before=line.floor.hub.wall() + 600)
    assert await keys.ahead() == 0  # after a try that reached nobody: not before its time


def _waits(one: Interaction) -> bool:
    return one.channel == "voice" and one.waiting_in() is not None


async def test_a_site_may_have_the_queue_make_them(line: Line) -> None:
    keys = Keys(line, callback_by="queue")
    assert (await keys.press())["CALLWEAVE_CALLBACK"] == "accepted"
    assert line.callbacks.all == {} and [one.way for one in keys.callbacks.all.values()] == ["queue"]


async def test_no_promise_by_key_that_would_not_survive_us(line: Line) -> None:
    keys = Keys(line)
    line.stored.broken = True
    assert (await keys.press())["CALLWEAVE_CALLBACK"] == "refused"
    assert line.callbacks.all == {}


async def test_who_calls_himself_meanwhile_is_not_called(line: Line) -> None:
    """His telephone is busy with us: it was no try, and his place is kept."""
    floor = line.floor
    await nobody_takes_calls(floor)
    call = floor.call()
    await floor.exchange.until(lambda: any(one.waiting_in() for one in floor.hub.distributor.interactions.values()))
    wanted = await line.wish(address="+8613800138000", since=1.0)
    i = line.contact()
    await floor.sign_in()
    await floor.exchange.until(lambda: floor.offered(i) == "anna")
    assert await floor.answer(i) == {"ok": True}
    await floor.exchange.until(lambda: line.stored.rows[wanted.id].state == "waiting")
    assert line.stored.rows[wanted.id].attempts == 0 and not floor.log.of(e.CallbackAttempted)
    call.give_up()


async def test_callbacks_by_key_wait_until_their_queue_opens(line: Line) -> None:
    """The hours of call entry hold for them, where the queue has no others; chats are not concerned."""
    floor = line.floor
    entry = Entry(
        floor.hub, {("main", "support"): EntryRules(queue="support", callback=True, hours=NEVER)}, region="CN"
    )
    tell_hours(floor.hub, entry)
    await line.wish()
    i, chat = line.contact(), floor.chat()
    await floor.sign_in()
    assert floor.offered(i) is None and floor.offered(chat) == "anna"
    assert "closed" in [one.code for one in why_not(floor.hub.dispatch.engine, i, "anna", floor.hub.wall())]
