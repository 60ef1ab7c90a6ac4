"""The decision, as transcripts: events in, commands out."""

from __future__ import annotations

from typing import Any

import pytest

from interaction_log import events as e
from interaction_log.records import QueueSettings
from routing import commands as c
from routing.agents import Agent
from routing.capacity import Capacity
from routing.distributor import Distributor, Settings, chosen_from
from routing.figures import queue_figures

ANNA, BEN = "PJSIP/1001", "PJSIP/1002"
CUSTOMER = {"id": "c1", "name": "王小明"}


class Desk:
    """A distributor with a clock, fed by short words; what it records comes back to it, as the hub does it."""

    def __init__(self, wrap_up: int = 30) -> None:
        queues = {("main", "support"): QueueSettings(name="support", pbx="main", label="", wrap_up_seconds=wrap_up)}
        self.live = Distributor(Settings(queues))
        self.now = 1000.0
        self.all: list[c.Command] = []

    def take(self, event: e.Event) -> list[c.Command]:
        commands = self.live.handle(event, self.now)
        for command in list(commands):
            if isinstance(command, c.Record):
                commands += self.take(command.event)
        self.all += commands
        return commands

    def sign_in(self, name: str = "anna", *devices: str, ready: bool = True) -> list[c.Command]:
        commands = self.take(
            e.AgentSignedIn(at=self.now, agent=name, name=name.title(), devices=list(devices or [ANNA]))
        )
        return commands + self.choose("READY", agent=name) if ready else commands

    def choose(self, state: Any, reason: str | None = None, agent: str = "anna") -> list[c.Command]:
        return self.take(e.StateChosen(at=self.now, agent=agent, state=state, reason=reason, command_id="k"))

    def member(
        self, device: str = ANNA, queue: str = "support", paused: str | None = None, **more: Any
    ) -> list[c.Command]:
        return self.take(
            e.MemberChanged(
                at=self.now,
                pbx="main",
                queue=queue,
                interface=device,
                device=device,
                member_name="",
                paused=paused is not None,
                paused_reason=paused or "",
                penalty=0,
                **more,
            )
        )

    def call(
        self, i: str = "i1", address: str | None = "+8613800138000", direction: Any = "inbound"
    ) -> list[c.Command]:
        started = e.InteractionStarted(
            at=self.now,
            interaction_id=i,
            pbx="main",
            channel="voice",
            direction=direction,
            customer_address=address,
            customer_name=None,
            dialled="800",
            unique_id=i,
            linked_id=i,
        )
        commands = self.take(started)
        if direction == "inbound":
            commands += self.take(e.QueueEntered(at=self.now, interaction_id=i, queue="support"))
        return commands

    def ring(self, device: str = ANNA, i: str = "i1") -> list[c.Command]:
        offer = e.InteractionOffered(
            at=self.now, interaction_id=i, offer_id=f"{i}/{device}", device=device, source="queue", queue="support"
        )
        return self.take(offer)

    def ring_ends(self, result: Any, device: str = ANNA, i: str = "i1") -> list[c.Command]:
        return self.take(
            e.OfferEnded(
                at=self.now, interaction_id=i, offer_id=f"{i}/{device}", device=device, result=result, ring_seconds=1.0
            )
        )

    def answer(self, device: str = ANNA, i: str = "i1") -> list[c.Command]:
        return self.ring_ends("answered", device, i) + self.take(
            e.AgentConnected(at=self.now, interaction_id=i, device=device)
        )

    def leave(self, device: str = ANNA, i: str = "i1") -> list[c.Command]:
        return self.take(e.AgentDisconnected(at=self.now, interaction_id=i, device=device))

    def end(self, i: str = "i1", outcome: Any = "answered") -> list[c.Command]:
        return self.take(e.InteractionEnded(at=self.now, interaction_id=i, outcome=outcome, ended_by="customer"))

    def found(self, strength: Any = "known", i: str = "i1", customer: Any = CUSTOMER) -> list[c.Command]:
        return self.take(e.CallerFound(at=self.now, interaction_id=i, strength=strength, customer=customer))

    def fire(self, key: str) -> list[c.Command]:
        return self.take(e.TimerFired(at=self.now, key=key))

    @property
    def anna(self) -> Agent:
        return self.live.agents["anna"]


def of(commands: list[c.Command], *kinds: type) -> list[Any]:
    return [command for command in commands if isinstance(command, kinds)]


def test_lookup_starts_at_the_first_sight_of_a_number_and_the_pop_has_the_customer() -> None:
    desk = Desk()
    desk.sign_in()
    assert of(desk.call(), c.FindCaller) == [c.FindCaller("i1", "+8613800138000")]
    commands = desk.found()
    assert desk.live.interactions["i1"].customer_id == "c1"
    assert isinstance(of(commands, c.Record)[0].event, e.CustomerIdentified)
    pop = of(desk.ring(), c.PopScreen)
    assert [p.agent for p in pop] == ["anna"] and pop[0].match.customer == CUSTOMER
    assert desk.anna.state == "OFFERED"


def test_a_slow_lookup_delays_the_pop_by_50_ms_at_most() -> None:
    desk = Desk()
    desk.sign_in()
    desk.call()
    commands = desk.ring()
    assert not of(commands, c.PopScreen)
    assert c.StartTimer("pop:i1:anna", 0.05) in commands
    assert of(desk.fire("pop:i1:anna"), c.PopScreen) == [c.PopScreen("anna", "i1", None)]
    update = of(desk.found(), c.PopScreen, c.UpdatePop)
    assert [type(u) for u in update] == [c.UpdatePop] and update[0].match.customer == CUSTOMER


def test_an_answer_within_the_patience_shows_one_pop() -> None:
    desk = Desk()
    desk.sign_in()
    desk.call()
    desk.ring()
    commands = desk.found()
    assert len(of(commands, c.PopScreen)) == 1 and c.CancelTimer("pop:i1:anna") in commands
    assert not of(desk.fire("pop:i1:anna"), c.PopScreen, c.UpdatePop)


def test_a_withheld_number_pops_at_once() -> None:
    desk = Desk()
    desk.sign_in()
    assert not of(desk.call(address=None), c.FindCaller)
    assert of(desk.ring(), c.PopScreen)[0].match.strength == "unknown"


def test_an_internal_call_is_shown_and_leaves_no_wrap_up() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in()
    desk.call(direction="internal", address=None)
    assert of(desk.ring(), c.PopScreen)
    assert not of(desk.answer(), c.PauseMember)
    assert desk.anna.state == "BUSY"
    desk.leave()
    assert desk.anna.state == "READY"


def test_the_whole_way_of_a_call() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in()
    desk.member()
    desk.call()
    desk.found()
    desk.ring()
    answered = desk.answer()
    assert of(answered, c.ClosePop) == [c.ClosePop("anna", "i1", "answered")]
    assert of(answered, c.PauseMember) == [c.PauseMember("main", ANNA, "callweave:wrapup")]
    assert desk.anna.state == "BUSY" and desk.anna.current() == "i1"
    desk.member(paused="callweave:wrapup")
    desk.now += 60
    left = desk.leave()
    assert c.StartTimer("wrap_up:anna", 30) in left
    assert desk.anna.state == "WRAP_UP" and desk.anna.until == desk.now + 30
    desk.end()
    assert not of(left, c.ReleaseMember)
    done = desk.take(
        e.InteractionWrappedUp(at=desk.now, interaction_id="i1", agent="anna", disposition="solved", notes="ok")
    )
    assert of(done, c.ReleaseMember) == [c.ReleaseMember("main", ANNA)]
    assert c.CancelTimer("wrap_up:anna") in done and desk.anna.state == "READY" and desk.anna.until is None
    assert desk.live.interactions["i1"].disposition == "solved"


def test_the_timer_ends_the_wrap_up() -> None:
    desk = Desk()
    desk.sign_in()
    desk.call()
    desk.ring()
    desk.answer()
    desk.leave()
    commands = desk.fire("wrap_up:anna")
    events = [r.event for r in of(commands, c.Record)]
    assert isinstance(events[0], e.InteractionWrappedUp) and events[0].disposition is None
    assert desk.anna.state == "READY"
    assert not desk.fire("wrap_up:anna")


def test_no_wrap_up_seconds_means_ready_at_once() -> None:
    desk = Desk(wrap_up=0)
    desk.member()
    desk.sign_in()
    desk.call()
    desk.ring()
    assert not of(desk.answer(), c.PauseMember)
    desk.leave()
    assert desk.anna.state == "READY"


def test_a_state_chosen_in_mid_call_waits_until_after_it() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in()
    desk.member()
    desk.call()
    desk.ring()
    desk.answer()
    desk.member(paused="callweave:wrapup")
    chosen = desk.choose("NOT_READY", "lunch")
    assert of(chosen, c.ReportOutcome) == [c.ReportOutcome("anna", "k", True, "after_call")]
    assert desk.anna.state == "BUSY"
    desk.leave()
    assert desk.anna.state == "WRAP_UP"
    over = desk.fire("wrap_up:anna")
    assert (desk.anna.state, desk.anna.reason) == ("NOT_READY", "lunch")
    assert not of(over, c.ReleaseMember)  # one of two holders let go
    assert of(over, c.PauseMember) == [c.PauseMember("main", ANNA, "callweave:lunch")]
    desk.member(paused="callweave:lunch")
    assert of(desk.choose("READY"), c.ReleaseMember) == [c.ReleaseMember("main", ANNA)]


def test_choosing_ready_ends_the_wrap_up() -> None:
    desk = Desk()
    desk.sign_in()
    desk.call()
    desk.ring()
    desk.answer()
    desk.leave()
    commands = desk.choose("READY")
    assert desk.anna.state == "READY"
    assert any(isinstance(r.event, e.InteractionWrappedUp) for r in of(commands, c.Record))
    late = e.InteractionWrappedUp(at=1.0, interaction_id="i1", agent="anna", disposition="solved", notes=None)
    desk.take(late)
    assert desk.anna.state == "READY" and desk.live.interactions["i1"].disposition == "solved"


@pytest.mark.parametrize(
    ("result", "reason"), [("no_answer", "no_answer"), ("declined", "declined"), ("cancelled", "caller_gone")]
)
def test_a_missed_ring_closes_the_pop(result: str, reason: str) -> None:
    desk = Desk()
    desk.sign_in()
    desk.call()
    desk.found()
    desk.ring()
    assert of(desk.ring_ends(result), c.ClosePop) == [c.ClosePop("anna", "i1", reason)]
    assert desk.anna.state == "READY"


def test_of_two_that_ring_one_answers() -> None:
    desk = Desk()
    desk.sign_in("anna", ANNA)
    desk.sign_in("ben", BEN)
    desk.call()
    desk.found()
    assert of(desk.ring(ANNA) + desk.ring(BEN), c.PopScreen)
    desk.answer(ANNA)
    assert of(desk.ring_ends("cancelled", BEN), c.ClosePop) == [c.ClosePop("ben", "i1", "answered_by_other")]
    assert desk.live.agents["ben"].state == "READY"
    assert not desk.live.may_act_on("ben", "i1") and desk.live.may_act_on("anna", "i1")


def test_two_devices_of_one_agent_make_one_pop() -> None:
    desk = Desk()
    desk.sign_in("anna", ANNA, "PJSIP/1101")
    desk.call()
    desk.found()
    commands = desk.ring(ANNA) + desk.ring("PJSIP/1101")
    assert len(of(commands, c.PopScreen)) == 1
    assert not of(desk.ring_ends("cancelled", "PJSIP/1101"), c.ClosePop)
    assert of(desk.answer(ANNA), c.ClosePop) == [c.ClosePop("anna", "i1", "answered")]


def test_a_device_belongs_to_who_sat_down_last() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in("anna", ANNA)
    commands = desk.sign_in("ben", ANNA)
    assert of(commands, c.Notify)[0] == c.Notify("anna", "warning", "signed_in_elsewhere", {"device": ANNA})
    assert desk.anna.state == "LOGGED_OUT" and desk.live.agents["ben"].state == "READY"
    desk.call()
    desk.found()
    assert of(desk.ring(ANNA), c.PopScreen)[0].agent == "ben"


def test_signing_in_waits_for_a_choice_and_again_changes_nothing() -> None:
    desk = Desk()
    desk.member()
    commands = desk.sign_in(ready=False)
    assert (desk.anna.state, desk.anna.reason) == ("NOT_READY", "signed_in")
    assert of(commands, c.PauseMember) == [c.PauseMember("main", ANNA, "callweave:signed_in")]
    desk.choose("READY")
    assert not of(desk.sign_in(ready=False), c.Record)
    assert desk.anna.state == "READY"


def test_logging_out_pauses_and_a_ring_pops_nothing() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in()
    assert of(desk.choose("LOGGED_OUT"), c.PauseMember) == [c.PauseMember("main", ANNA, "callweave:logged_out")]
    desk.call()
    desk.found()
    assert not of(desk.ring(), c.PopScreen)
    desk.answer()
    assert desk.anna.state == "LOGGED_OUT"


def test_a_pause_by_others_is_shown_and_never_ended_by_us() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in()
    desk.member(paused="supervisor")
    assert (desk.anna.state, desk.anna.reason) == ("NOT_READY", "pbx:supervisor")
    assert not of(desk.choose("READY"), c.ReleaseMember)
    assert desk.anna.state == "NOT_READY"
    desk.member()
    assert desk.anna.state == "READY"


def test_a_pause_by_others_in_one_of_two_queues_leaves_her_ready() -> None:
    desk = Desk()
    desk.member(queue="support")
    desk.member(queue="vip")
    desk.sign_in()
    desk.member(queue="vip", paused="fewer")
    assert desk.anna.state == "READY"
    desk.member(queue="support", paused="fewer")
    assert desk.anna.state == "NOT_READY"


def test_our_pause_ended_by_others_makes_her_ready() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in()
    desk.choose("NOT_READY", "lunch")
    desk.member(paused="callweave:lunch")
    commands = desk.member()
    assert desk.anna.state == "READY"
    assert of(commands, c.Notify)[0].code == "released_at_pbx"


def test_an_unpause_that_is_our_own_late_echo_changes_nothing() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in()
    desk.choose("NOT_READY", "lunch")
    desk.member(paused="callweave:lunch")
    desk.choose("READY")
    desk.choose("NOT_READY", "break")
    desk.member()  # the echo of the release
    assert desk.anna.state == "NOT_READY"
    assert not of(desk.member(paused="callweave:break"), c.PauseMember, c.ReleaseMember)


def test_a_pause_right_after_a_release_is_asked_for_though_the_old_one_still_shows() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in()
    desk.choose("NOT_READY", "lunch")
    desk.member(paused="callweave:lunch")
    assert of(desk.choose("READY"), c.ReleaseMember)
    assert of(desk.choose("NOT_READY", "lunch"), c.PauseMember)  # the release is on its way
    assert not of(desk.member(), c.Notify)  # its echo, and nobody else's doing
    assert desk.anna.state == "NOT_READY"
    desk.member(paused="callweave:lunch")
    assert not of(desk.fire("pause:main:PJSIP/1001"), c.PauseMember)


def test_a_pause_that_is_not_seen_is_asked_for_again_ever_more_rarely() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in()
    first = desk.choose("NOT_READY", "lunch")
    assert of(first, c.StartTimer) == [c.StartTimer(f"pause:main:{ANNA}", 2.0)]
    again = desk.fire(f"pause:main:{ANNA}")
    assert of(again, c.PauseMember) and of(again, c.StartTimer) == [c.StartTimer(f"pause:main:{ANNA}", 4.0)]
    told: list[c.Notify] = []
    for _ in range(8):
        again = desk.fire(f"pause:main:{ANNA}")
        told += of(again, c.Notify)
    assert [n.code for n in told] == ["member_not_paused"] and told[0].agent == "anna"
    assert of(again, c.StartTimer)[0].seconds == 60.0
    desk.member(paused="callweave:lunch")
    assert not desk.fire(f"pause:main:{ANNA}")


def test_a_new_membership_copies_the_pause() -> None:
    desk = Desk()
    desk.member()
    desk.sign_in()
    desk.choose("NOT_READY", "lunch")
    desk.member(paused="callweave:lunch")
    assert of(desk.member(queue="vip"), c.PauseMember) == [c.PauseMember("main", ANNA, "callweave:lunch")]


def test_leftover_pauses_of_an_earlier_process_are_released_or_adopted() -> None:
    desk = Desk()
    assert of(desk.member(BEN, paused="callweave:wrapup"), c.ReleaseMember) == [c.ReleaseMember("main", BEN)]
    assert not of(desk.member(BEN, paused="holiday"), c.ReleaseMember)
    ready = Agent("anna", "Anna", [ANNA], state="READY", chosen="READY")
    lunch = Agent("cho", "Cho", ["PJSIP/1003"], state="NOT_READY", reason="lunch")
    lunch.chosen, lunch.chosen_reason = chosen_from("NOT_READY", "lunch")
    desk.live.restore([], [ready, lunch], desk.now)
    assert of(desk.member(ANNA, paused="callweave:wrapup"), c.ReleaseMember)
    assert not of(desk.member("PJSIP/1003", paused="callweave:lunch"), c.ReleaseMember, c.PauseMember)


def test_what_she_does_survives_a_restart() -> None:
    desk = Desk()
    desk.sign_in()
    desk.call()
    desk.ring()
    desk.answer()
    later = Desk()
    anna = Agent("anna", "Anna", [ANNA], state="BUSY", chosen="READY")
    later.live.restore([desk.live.interactions["i1"]], [anna], later.now)
    assert later.anna.state == "BUSY" and later.live.may_act_on("anna", "i1")
    assert c.StartTimer("wrap_up:anna", 30) in later.leave()


def test_a_wrap_up_goes_on_for_what_is_left_after_a_restart() -> None:
    desk = Desk()
    desk.call()
    anna = Agent("anna", "Anna", [ANNA], state="WRAP_UP", chosen="READY", until=desk.now + 12, wrapping="i1")
    commands = desk.live.restore([desk.live.interactions["i1"]], [anna], desk.now)
    assert commands == [c.StartTimer("wrap_up:anna", 12.0)]
    ben = Agent("ben", "Ben", [BEN], state="BUSY", chosen="READY")
    assert isinstance(of(desk.live.restore([], [ben], desk.now), c.Record)[0].event, e.AgentStateChanged)
    assert desk.live.agents["ben"].state == "READY"


def test_an_end_leaves_nothing_ringing_or_talking() -> None:
    desk = Desk()
    desk.sign_in("anna", ANNA)
    desk.sign_in("ben", BEN)
    desk.call()
    desk.found()
    desk.ring(ANNA)
    desk.ring(BEN)
    desk.answer(ANNA)
    commands = desk.end(outcome="pbx_lost")
    assert of(commands, c.ClosePop) == [c.ClosePop("ben", "i1", "ended")]
    assert desk.anna.state == "WRAP_UP" and desk.live.agents["ben"].state == "READY"


def test_a_lifted_phone_is_no_moment_of_readiness() -> None:
    desk = Desk()
    desk.sign_in()
    desk.call()
    desk.ring()
    lifted = desk.ring_ends("answered")
    assert desk.anna.state == "OFFERED" and not of(lifted, c.Record)
    assert c.StartTimer("answering:anna", 30.0) in lifted
    desk.fire("answering:anna")
    assert desk.anna.state == "READY"
    desk.call("i2")
    desk.ring(i="i2")
    desk.ring_ends("answered", i="i2")
    assert c.CancelTimer("answering:anna") in desk.end("i2", "abandoned")
    assert desk.anna.state == "READY"


def test_a_second_call_ends_the_wrap_up_of_the_first() -> None:
    desk = Desk()
    desk.sign_in()
    for i in ("i1", "i2"):
        desk.call(i)
        desk.found(i=i)
    desk.ring(i="i1")
    desk.answer(i="i1")
    desk.leave(i="i1")
    commands = desk.ring(i="i2") + desk.answer(i="i2")
    assert [r.event.interaction_id for r in of(commands, c.Record) if isinstance(r.event, e.InteractionWrappedUp)] == [
        "i1"
    ]
    desk.leave(i="i2")
    assert desk.anna.state == "WRAP_UP" and desk.anna.current() == "i2"


def test_old_interactions_are_forgotten() -> None:
    desk = Desk()
    desk.call("i1")
    desk.end("i1")
    desk.now += 901
    desk.call("i2")
    desk.end("i2")
    assert list(desk.live.interactions) == ["i2"]


def test_the_link_to_the_pbx_is_told() -> None:
    desk = Desk()
    lost = desk.take(e.LinkLost(at=1.0, pbx="main", reason="the connection broke"))
    assert of(lost, c.Notify)[0].code == "pbx_lost" and of(lost, c.Notify)[0].agent is None
    back = e.LinkRestored(at=2.0, pbx="main", gap_seconds=1.0, restarted=False, closed=0, opened=0)
    assert of(desk.take(back), c.Notify)[0].code == "pbx_restored"


def test_events_of_unknown_interactions_and_strangers_do_nothing() -> None:
    desk = Desk()
    assert not desk.ring(i="ghost")
    assert not desk.choose("READY", agent="nobody")
    assert not desk.fire("nonsense") and not desk.fire("wrap_up:nobody") and not desk.fire("pop:a:b")


def test_queue_figures() -> None:
    desk = Desk()
    desk.take(e.QueueSeen(at=1.0, pbx="main", queue="support"))
    for device in (ANNA, BEN, "PJSIP/1003", "PJSIP/1004"):
        desk.member(device)
    desk.member("PJSIP/1004", paused="holiday")
    desk.take(e.DeviceStateChanged(at=1.0, pbx="main", device=BEN, state="INUSE"))
    desk.call("i1")
    desk.now += 5
    desk.call("i2")
    (one,) = queue_figures(desk.live)
    assert (one.queue, one.label, one.waiting, one.longest_wait_since) == ("support", "support", 2, 1000.0)
    assert (one.ready, one.busy, one.not_ready) == (2, 1, 1)


# --- wrap-ups beside other work --------------------------------------------------------------------------


def _chat(desk: Desk, i: str) -> None:
    desk.take(
        e.InteractionStarted(
            at=desk.now, interaction_id=i, pbx="main", channel="chat", direction="inbound", customer_address=None,
            customer_name=None, dialled=None, unique_id="", linked_id="",
        )
    )  # fmt: skip
    desk.take(e.QueueEntered(at=desk.now, interaction_id=i, queue="support"))
    desk.take(e.AgentConnected(at=desk.now, interaction_id=i, device="Console/anna"))
    desk.take(e.InteractionEnded(at=desk.now, interaction_id=i, outcome="answered", ended_by="customer"))


def test_wrap_ups_that_hold_their_weight_run_beside_each_other_each_in_its_time() -> None:
    desk = Desk()
    desk.live.settings.capacity = Capacity(wrap_up="weight")
    desk.sign_in()
    desk.member()
    for i in ("a", "b"):
        _chat(desk, i)
    anna = desk.live.agents["anna"]
    timers = [one for one in desk.all if isinstance(one, c.StartTimer) and one.key.startswith("beside:")]
    assert [(one.key, one.seconds) for one in timers] == [("beside:a:anna", 30), ("beside:b:anna", 30)]
    assert (anna.state, list(anna.to_wrap), anna.room_for_a_call) == ("READY", ["a", "b"], False)
    told = [one.event for one in desk.all if isinstance(one, c.Record) and isinstance(one.event, e.AgentStateChanged)]
    assert [one.to_wrap for one in told][-2:] == [["a"], ["a", "b"]]  # a restart finds it in the log
    desk.take(e.TimerFired(at=desk.now, key="beside:a:anna"))
    assert list(anna.to_wrap) == ["b"]
    desk.take(e.InteractionWrappedUp(at=desk.now, interaction_id="b", agent="anna", disposition="solved", notes=None))
    assert not anna.to_wrap and anna.room_for_a_call
    assert any(isinstance(one, c.CancelTimer) and one.key == "beside:b:anna" for one in desk.all)


def test_who_goes_home_leaves_no_wrap_up_behind() -> None:
    desk = Desk()
    desk.live.settings.capacity = Capacity(wrap_up="weight")
    desk.sign_in()
    _chat(desk, "a")
    desk.choose("LOGGED_OUT")
    over = [
        one.event for one in desk.all if isinstance(one, c.Record) and isinstance(one.event, e.InteractionWrappedUp)
    ]
    assert [(one.interaction_id, one.agent) for one in over] == [("a", "anna")]
    assert not desk.live.agents["anna"].to_wrap
