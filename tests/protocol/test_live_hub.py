"""Live figures, alarms, assigning and messages at the hub, beside a simulated PBX; clocks driven by the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from agent_console import wire
from agent_console.lens import narrowed
from cti_gateway.alarming import STATES, TICK
from cti_gateway.board import FIGURES
from interaction_log.alarms import Alarm, AlarmRule, StaffMessage
from interaction_log.rights import Sight
from routing import commands as c
from routing.figures import queue_figures
from tests.fakes.dispatch_floor import Floor, dispatch_floor


class Kept:
    """Rules and alarms in memory."""

    def __init__(self, *rules: AlarmRule, raised: tuple[Alarm, ...] = ()) -> None:
        self.given, self.before, self.put_down = list(rules), list(raised), dict[str, Alarm]()

    async def rules(self) -> list[AlarmRule]:
        return self.given

    async def raised(self) -> list[Alarm]:
        return self.before

    async def put(self, one: Alarm) -> None:
        self.put_down[one.id] = one


@pytest_asyncio.fixture
async def floor(reactor: Any) -> AsyncIterator[Floor]:
    async with dispatch_floor(reactor) as made:
        yield made


def rule(**given: Any) -> AlarmRule:
    usual: dict[str, Any] = {"id": "r", "name": "Line", "measure": "waiting", "limit": 2, "clear_after": 0.0}
    return AlarmRule(**usual | given)


def look(floor: Floor) -> None:
    """Count the figures now, as the board does."""
    floor.hub.timers.cancel(FIGURES)
    floor.hub.board.fired(FIGURES)


async def oversee(floor: Floor, name: str, command: Any, by: str = "sofia") -> Any:
    answer = floor.hub.oversee(by, name, command)
    return answer if isinstance(answer, dict) else await answer


async def outcome(floor: Floor, name: str, command: Any) -> Any:
    """Accepted; what came of it."""
    ack = await oversee(floor, name, command)
    assert ack == {"ok": True}, ack
    return await floor.screens.wait("supervisors", "command_result", lambda one: one["id"] == command.id)


def figures(floor: Floor, channel: str = "chat") -> Any:
    queue = next(one for one in floor.hub.windows.queues() if one["queue"] == "support")
    return next((one for one in queue["channels"] if one["channel"] == channel), None)


# --- figures ---------------------------------------------------------------------------------------------


async def test_a_chat_is_counted_from_its_line_to_its_end(floor: Floor) -> None:
    await floor.sign_in()
    i = floor.chat()
    waits = figures(floor)
    assert (waits["waiting"], waits["talking"], waits["today"]["offered"], waits["today"]["counted"]) == (1, 0, 1, 0)
    assert waits["today"]["service_level"] is None
    await floor.answer(i)
    talks = figures(floor)
    assert (talks["waiting"], talks["talking"], talks["today"]["answered"]) == (0, 1, 1)
    assert talks["half_hour"]["service_level"] == 100.0
    assert floor.hub.windows.agent("anna")["in_hand"] == {"chat": 1}
    shown = await floor.screens.wait("supervisors", "agent_state", lambda m: m["agent"].get("in_hand") == {"chat": 1})
    assert shown["agent"]["agent"] == "anna"
    floor.end(i)
    assert (figures(floor)["talking"], floor.hub.windows.agent("anna")["in_hand"]) == (0, {})


async def test_agents_are_told_of_queues_without_what_supervisors_see(floor: Floor) -> None:
    await floor.sign_in()
    floor.chat()
    look(floor)
    mine = (await floor.screens.wait("anna", "queues"))["queues"]
    theirs = (await floor.screens.wait("supervisors", "queues"))["queues"]
    assert all("channels" not in one for one in mine) and all(one["channels"] for one in theirs if one["waiting"])
    assert all("channels" not in one for one in floor.hub.snapshot("anna")["queues"])


async def test_who_waits_is_counted_as_by_going_through_everything(floor: Floor) -> None:
    ids = [floor.chat() for _ in range(5)]
    for one in ids[:2]:
        floor.end(one, "abandoned")
    counted = {
        (one["pbx"], one["queue"]): (one["waiting"], one["longest_wait_since"]) for one in floor.hub.windows.queues()
    }
    plain = {
        (one.pbx, one.queue): (one.waiting, one.longest_wait_since) for one in queue_figures(floor.hub.distributor)
    }
    assert counted == plain and counted["main", "support"][0] == 3


# --- alarms ----------------------------------------------------------------------------------------------


async def test_waiting_raises_an_alarm_that_a_late_joiner_sees_and_that_clears(floor: Floor) -> None:
    kept = Kept(rule())
    await floor.hub.alarms.load(kept)
    first, second = floor.chat(), floor.chat()
    look(floor)
    told = await floor.screens.wait("supervisors", "alarms", lambda m: m["raised"])
    (alarm,) = told["alarms"]
    assert (alarm["queue"], alarm["channel"], alarm["value"], alarm["limit"]) == ("support", "chat", 2.0, 2)
    assert floor.hub.supervisor_snapshot()["alarms"] == [alarm]
    assert (await outcome(floor, "acknowledge_alarm", wire.AcknowledgeAlarm(id="a", alarm=alarm["id"])))["ok"]
    assert floor.hub.supervisor_snapshot()["alarms"][0]["acknowledged_by"] == "Sofia"
    floor.end(first, "abandoned")
    look(floor)
    over = await floor.screens.wait("supervisors", "alarms", lambda m: m["cleared"])
    assert over["alarms"] == [] and over["cleared"][0]["id"] == alarm["id"]
    await floor.exchange.until(lambda: [one.ended for one in kept.put_down.values()] == ["measured"])
    assert kept.put_down[alarm["id"]].acknowledged_by == "sofia"
    floor.end(second, "abandoned")
    again = await oversee(floor, "acknowledge_alarm", wire.AcknowledgeAlarm(id="b", alarm=alarm["id"]))
    assert again["error"]["code"] == "alarm_over"


async def test_the_clock_alone_raises_the_alarm_of_a_long_wait(floor: Floor) -> None:
    hub = floor.hub
    await hub.alarms.load(Kept(rule(measure="longest_wait", limit=60)))
    i = floor.chat()
    look(floor)
    assert hub.alarms.views() == [] and hub.timers.running(TICK)
    hub.distributor.interactions[i].queue_visits[-1].entered_at = hub.wall() - 61
    hub.live.counts.changed(hub.distributor.interactions[i], hub.wall())
    hub.timers.cancel(TICK)
    hub.alarms.fired(TICK)
    await floor.exchange.until(hub.alarms.views)
    assert hub.alarms.views()[0]["measure"] == "longest_wait"


async def test_an_alarm_of_before_a_restart_is_shown_and_raised_no_second_time(floor: Floor) -> None:
    before = Alarm(
        id="old", code="threshold", raised_at=1.0, rule="r", measure="waiting", pbx="main", queue="support",
        channel="chat", value=2.0, limit=2.0,
    )  # fmt: skip
    stuck = Alarm(id="stuck", code="stuck_wrap_up", raised_at=1.0, params={"agent": "anna"})
    gone = Alarm(id="gone", code="threshold", raised_at=1.0, rule="removed", queue="support")
    kept = Kept(rule(), raised=(before, stuck, gone))
    ids = [floor.chat(), floor.chat()]
    await floor.hub.alarms.load(kept)
    look(floor)
    assert [one["id"] for one in floor.hub.alarms.views()] == ["old"]
    assert [one for one in floor.screens.of("supervisors", "alarms") if one["raised"]] == []
    await floor.exchange.until(lambda: len(kept.put_down) == 2)
    assert {one.id: one.ended for one in kept.put_down.values()} == {"stuck": "restart", "gone": "restart"}
    floor.end(ids[0], "abandoned")
    look(floor)
    assert floor.hub.alarms.views() == []


async def test_a_limit_is_an_alarm_until_its_state_is_over(floor: Floor) -> None:
    await floor.sign_in()
    hub = floor.hub
    kept = Kept()
    await hub.alarms.load(kept)
    await floor.exchange.command("anna", "set_state", wire.SetState(id="1", state="NOT_READY", reason="lunch"))
    params = {"agent": "anna", "name": "Anna", "seconds": "60", "reason": "lunch"}
    for _ in range(2):  # told again, it is the same
        hub.carry_out(c.NotifySupervisors("warning", "pause_too_long", params))
    (alarm,) = hub.supervisor_snapshot()["alarms"]
    assert (alarm["code"], alarm["params"], alarm["rule"]) == ("pause_too_long", params, None)
    hub.carry_out(c.NotifySupervisors("info", "voicemail_left", {}))
    assert len(hub.alarms.views()) == 1 and "voicemail_left" not in STATES
    await floor.exchange.command("anna", "set_state", wire.SetState(id="2", state="READY"))
    look(floor)
    assert hub.alarms.views() == []
    await floor.exchange.until(lambda: [one.ended for one in kept.put_down.values()] == ["over"])


async def test_a_rule_that_is_taken_away_ends_its_alarm(floor: Floor) -> None:
    kept = Kept(rule(limit=1))
    await floor.hub.alarms.load(kept)
    floor.chat()
    look(floor)
    assert len(floor.hub.alarms.views()) == 1
    kept.given = []
    await floor.hub.alarms.rules_changed()
    assert floor.hub.alarms.views() == []
    over = floor.screens.of("supervisors", "alarms")[-1]
    assert [one["rule"] for one in over["cleared"]] == ["r"]


class Broken(Kept):
    """A database that is away for the first time."""

    tries = 0

    async def put(self, one: Alarm) -> None:
        self.tries += 1
        if self.tries == 1:
            raise OSError("away")
        await super().put(one)


async def test_an_alarm_is_shown_while_the_database_is_away_and_written_later(floor: Floor, monkeypatch: Any) -> None:
    monkeypatch.setattr("cti_gateway.alarming.RETRY_SECONDS", 0.01)
    kept = Broken(rule(limit=1))
    await floor.hub.alarms.load(kept)
    floor.chat()
    look(floor)
    assert len(floor.hub.alarms.views()) == 1
    await floor.exchange.until(lambda: kept.put_down)
    assert kept.tries == 2


def test_a_supervisor_is_told_of_her_teams_alarms_and_messages_alone() -> None:
    sight = Sight(agents=frozenset({"sofia", "anna"}), queues=frozenset({"support"}))
    alarm = {"queue": "support", "params": {}}
    foreign = {"queue": "sales", "params": {}}
    everything: dict[str, Any] = {"queue": None, "params": {}}
    ours, theirs = {"queue": None, "params": {"agent": "anna"}}, {"queue": None, "params": {"agent": "ben"}}
    shown = narrowed(
        "alarms", {"alarms": [alarm, foreign, everything, ours, theirs], "cleared": [foreign], "raised": []}, sight
    )
    assert shown == {"alarms": [alarm, ours], "cleared": [], "raised": []}
    message = {"by": "paul", "readers": [{"agent": "ben"}]}
    assert narrowed("staff_message", {"message": message}, sight) is None
    mine = {"by": "paul", "readers": [{"agent": "ben"}, {"agent": "anna"}]}
    assert narrowed("staff_message", {"message": mine}, sight) == {"message": mine}
    whole = {"agents": [], "queues": [], "interactions": [], "alarms": [alarm, foreign], "messages": [message, mine]}
    snapshot = narrowed("snapshot", whole, sight)
    assert snapshot is not None and (snapshot["alarms"], snapshot["messages"]) == ([alarm], [mine])


# --- assigning -------------------------------------------------------------------------------------------


async def test_a_waiting_chat_is_given_to_an_agent(floor: Floor) -> None:
    i = floor.chat()
    await floor.sign_in("ben", "NOT_READY")
    await floor.sign_in()
    assert floor.offered(i) == "anna"
    ended = await outcome(floor, "assign", wire.Assign(id="x", agent="ben", why="knows her", interaction_id=i))
    assert not ended["ok"] and ended["error"]["code"] == "cannot_take"  # she is not ready
    await floor.sign_in("ben")
    assert (await outcome(floor, "assign", wire.Assign(id="y", agent="ben", why="knows her", interaction_id=i)))["ok"]
    assert floor.offered(i) == "ben"
    told = await floor.screens.wait("ben", "notice", lambda m: m["code"] == "assigned")
    assert told["params"] == {"by": "Sofia", "queue": "support"}
    assert await floor.answer(i, "ben") == {"ok": True}
    late = await oversee(floor, "assign", wire.Assign(id="z", agent="ben", why="again", interaction_id=i))
    assert late["error"]["code"] == "not_waiting"


async def test_a_waiting_caller_is_brought_to_an_agent_of_any_state_who_is_in_no_call(floor: Floor) -> None:
    """On the simulator as on a real PBX: her phone rings for him, lifted she has him, and he is out of the line."""
    for agent in ("anna", "ben"):
        await floor.sign_in(agent, "NOT_READY")
    await floor.exchange.until(lambda: all(floor.member(f"PJSIP/100{n}").paused for n in (1, 2)))
    call, live = floor.call(), floor.hub.distributor
    await floor.exchange.until(lambda: any(one.waiting_in() for one in live.interactions.values()))
    i = next(iter(live.interactions))
    assert "pick_up" not in floor.exchange.pbx.cannot
    wanted = wire.Assign(id="x", agent="ben", why="knows him", interaction_id=i)
    assert await oversee(floor, "assign", wanted) == {"ok": True}
    pbx = floor.simulator.pbx
    await floor.exchange.until(lambda: pbx.ringing_at("PJSIP/1002"))
    ringing = pbx.ringing_at("PJSIP/1002")
    assert ringing is not None and live.interactions[i].waiting_in() is not None  # he keeps his place until she lifts
    pbx.calls[ringing].answer(ringing)
    await floor.exchange.until(lambda: live.agents["ben"].state == "BUSY")
    one = live.interactions[i]
    assert one.waiting_in() is None and one.segments[-1].agent == "PJSIP/1002" and not pbx.waiting["support"]
    pbx.calls[call.caller].hang_up(call.caller)
    await floor.exchange.until(lambda: one.ended)
    assert one.outcome == "answered" and [v.result for v in one.queue_visits] == ["answered"]


async def test_a_pbx_that_cannot_join_calls_says_so(floor: Floor) -> None:
    for agent in ("anna", "ben"):
        await floor.sign_in(agent, "NOT_READY")
    await floor.exchange.until(lambda: all(floor.member(f"PJSIP/100{n}").paused for n in (1, 2)))
    call, live = floor.call(), floor.hub.distributor
    await floor.exchange.until(lambda: any(one.waiting_in() for one in live.interactions.values()))
    floor.exchange.pbx.cannot = ("pick_up",)
    wanted = wire.Assign(id="x", agent="ben", why="knows him", interaction_id=next(iter(live.interactions)))
    assert (await oversee(floor, "assign", wanted))["error"]["code"] == "cannot_bring"
    call.give_up()


async def test_nobody_assigns_what_she_does_not_see(floor: Floor) -> None:
    i = floor.chat()
    await floor.sign_in()

    async def narrow(_: Any) -> Sight:
        return Sight(agents=frozenset({"sofia", "anna"}), queues=frozenset({"sales"}))

    floor.hub.supervision.hands.sight = narrow
    ended = await outcome(floor, "assign", wire.Assign(id="x", agent="anna", why="mine", interaction_id=i))
    assert ended["error"]["code"] == "unknown_call"
    refused = await oversee(floor, "assign", wire.Assign(id="y", agent="nobody", why="mine", interaction_id=i))
    assert refused["error"]["code"] == "not_signed_in"
    agent = await oversee(floor, "assign", wire.Assign(id="z", agent="anna", why="mine", interaction_id=i), by="ben")
    assert agent["error"]["code"] == "forbidden"


# --- messages --------------------------------------------------------------------------------------------


class Messages:
    """A store of messages in memory."""

    def __init__(self) -> None:
        self.given: list[StaffMessage] = []
        self.receipts: list[tuple[str, str]] = []

    async def put(self, one: StaffMessage) -> None:
        self.given.append(one)

    async def read(self, message_id: str, agent: str, at: float) -> bool:
        self.receipts.append((message_id, agent))
        return True

    async def unread(self, since: float) -> list[StaffMessage]:
        return [one for one in self.given if None in one.readers.values()]

    async def recent(self, limit: int = 50) -> list[StaffMessage]:
        return self.given[-limit:]

    async def forget(self, before: float) -> int:
        return 0


async def test_a_message_is_shown_until_it_is_read_and_answered(floor: Floor) -> None:
    kept = Messages()
    await floor.hub.messages.load(kept)
    await floor.sign_in()
    await floor.sign_in("ben")
    sent = wire.SendMessage(id="m", to="all", text=" Meeting at ten ", urgent=True)
    assert (await outcome(floor, "send_message", sent))["ok"]
    got = (await floor.screens.wait("anna", "staff_message"))["message"]
    assert (got["text"], got["by_name"], got["urgent"]) == ("Meeting at ten", "Sofia", True) and "readers" not in got
    assert [one["id"] for one in floor.hub.snapshot("ben")["messages"]] == [got["id"]]
    assert await floor.exchange.command("anna", "read_message", wire.ReadMessage(id="r", message=got["id"])) == {
        "ok": True
    }
    assert floor.hub.snapshot("anna")["messages"] == [] and kept.receipts == [(got["id"], "anna")]
    answer = wire.TellSupervisors(id="t", text="I am late", reply_to=got["id"])
    assert await floor.exchange.command("ben", "send_message", answer) == {"ok": True}
    assert floor.hub.snapshot("ben")["messages"] == []
    shown = floor.hub.supervisor_snapshot()["messages"]
    assert [one["text"] for one in shown] == ["Meeting at ten", "I am late"]
    assert all(one["read_at"] is not None for one in shown[0]["readers"])
    assert (shown[1]["by"], shown[1]["to"], shown[1]["reply_to"]) == ("ben", "supervisors", got["id"])
    foreign = await floor.exchange.command("sofia", "read_message", wire.ReadMessage(id="f", message=got["id"]))
    assert foreign["error"]["code"] == "unknown_message"


async def test_a_message_goes_to_a_queue_or_to_one_who_is_away(floor: Floor) -> None:
    await floor.sign_in()
    queue = wire.SendMessage(id="q", to="queue:support", text="Hello")
    assert (await outcome(floor, "send_message", queue))["ok"]
    assert len(floor.hub.snapshot("anna")["messages"]) == 1
    assert (await outcome(floor, "send_message", wire.SendMessage(id="b", to="ben", text="Call me")))["ok"]
    assert [one["text"] for one in floor.hub.snapshot("ben")["messages"]] == ["Call me"]
    nobody = await outcome(floor, "send_message", wire.SendMessage(id="n", to="queue:nothing", text="Hello"))
    assert nobody["error"]["code"] == "nobody_there"


async def test_messages_of_before_a_restart_are_shown_still(floor: Floor) -> None:
    kept = Messages()
    now = floor.hub.wall()
    kept.given = [StaffMessage(id="m", at=now - 5, by="sofia", to="anna", text="Later", readers={"anna": None})]
    await floor.hub.messages.load(kept)
    assert [one["text"] for one in floor.hub.snapshot("anna")["messages"]] == ["Later"]
    assert floor.hub.snapshot("ben")["messages"] == []
