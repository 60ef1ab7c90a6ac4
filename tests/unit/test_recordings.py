"""Recordings: what the PBX's words become, what a policy allows, when people are told, and that pauses end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti_gateway.ami.actions import ActionError, mixmonitor
from cti_gateway.ami.codec import Message
from cti_gateway.calls import CallTracker
from cti_gateway.control import recording as plans
from cti_gateway.control.facts import Facts, facts_of
from cti_gateway.control.plans import Plan
from cti_gateway.control.targets import Refusal, Site
from cti_gateway.recording import mutes_all
from cti_gateway.tracking.parties import PbxProfile
from interaction_log import events as e
from interaction_log.interaction import Interaction, Segment
from interaction_log.recordings import name_beneath
from routing import commands as c
from routing.recording import PauseRecording, Policy, RecordingRule, RecordingRules, RecordingWatch, ResumeRecording
from tests.unit.test_call_control import CUSTOMER, SITE, TALKING, headers, plan
from tests.unit.test_tracker import block, until

RECORDED = replace(TALKING, recorded=(CUSTOMER,))
FILE = "/var/spool/asterisk/monitor/0123.wav"
ALWAYS, ON_DEMAND, NEVER = (RecordingRule(policy) for policy in ("always", "on_demand", "never"))


# --- the PBX's words ---------------------------------------------------------------------------------


def of_customer(tracker: CallTracker, name: str, at: float, **more: str) -> Message:
    [contact] = tracker.contacts.values()
    assert contact.customer is not None
    pair = {"Channel": contact.customer.name, "Uniqueid": contact.customer.unique_id}
    return block(name, Timestamp=str(at), **pair, **more)


def the_only(tracker: CallTracker) -> Interaction:
    [one] = tracker.interactions.values()
    return one


def test_start_pause_resume_stop() -> None:
    tracker = until("BridgeEnter")
    tracker.new_recording_id = lambda: "ab" * 16
    for name, at, more in (
        ("MixMonitorStart", 100.0, {}),
        ("MixMonitorMute", 103.0, {"Direction": "both", "State": "1"}),
        ("MixMonitorMute", 104.0, {"Direction": "both", "State": "1"}),
        ("MixMonitorMute", 110.5, {"Direction": "both", "State": "0"}),
        ("MixMonitorStop", 120.0, {}),
    ):
        tracker.feed(of_customer(tracker, name, at, **more))
    [recording] = the_only(tracker).public()["recordings"]
    assert (recording["id"], recording["state"], recording["from"], recording["to"]) == (
        "ab" * 16,
        "ended",
        100.0,
        120.0,
    )
    assert recording["device"] == "PJSIP/pstn" and recording["paused_seconds"] == 7.5
    assert recording["gaps"] == [{"from": 103.0, "to": 110.5, "reason": "pbx", "until": None, "automatic": False}]


def test_a_hang_up_finishes_the_file_and_the_gap() -> None:
    tracker = until("BridgeEnter")
    tracker.feed(of_customer(tracker, "MixMonitorStart", 100.0))
    tracker.feed(of_customer(tracker, "MixMonitorMute", 103.0, Direction="both", State="1"))
    [stopped] = [
        event
        for event in tracker.feed(of_customer(tracker, "Hangup", 105.0, Cause="16"))
        if isinstance(event, e.RecordingStopped)
    ]
    assert stopped.at == 105.0
    [recording] = the_only(tracker).public()["recordings"]
    assert (recording["state"], recording["to"], recording["gaps"][0]["to"]) == ("ended", 105.0, 105.0)


def test_one_direction_alone_is_no_pause() -> None:
    tracker = until("BridgeEnter")
    tracker.feed(of_customer(tracker, "MixMonitorStart", 100.0))
    assert tracker.feed(of_customer(tracker, "MixMonitorMute", 103.0, Direction="read", State="1")) == []


@pytest.mark.parametrize("name", ["MixMonitorStart", "MixMonitorMute", "MixMonitorStop"])
def test_a_block_of_no_known_channel_is_not_believed(name: str) -> None:
    tracker = until("BridgeEnter")
    tracker.feed(of_customer(tracker, "MixMonitorStart", 100.0))
    [seen] = tracker.feed(block(name, Channel="PJSIP/pstn-0badf00d", Uniqueid="1.1", Direction="both", State="1"))
    assert isinstance(seen, e.SuspiciousBlockSeen)
    assert the_only(tracker).public()["recordings"][0]["state"] == "on"


def test_an_outbound_call_is_recorded_before_it_is_an_interaction() -> None:
    """The dialplan starts on the agent's channel, and nobody has been dialled yet."""
    tracker = CallTracker(PbxProfile(name="lab", devices=("PJSIP/10??",), trunks=("PJSIP/pstn",)))
    leg = {"Channel": "PJSIP/1001-00000001", "Uniqueid": "1.1", "Linkedid": "1.1"}
    out = {"DestChannel": "PJSIP/pstn-00000002", "DestUniqueid": "1.2", "DestLinkedid": "1.1"}
    tracker.feed(block("Newchannel", **leg, ChannelState="4", Exten="913800138000", Timestamp="50"))
    assert tracker.feed(block("MixMonitorStart", **leg, Timestamp="51")) == []
    second = {key.removeprefix("Dest"): value for key, value in out.items()}
    tracker.feed(block("Newchannel", **second, ChannelState="0", Timestamp="52"))
    told = tracker.feed(block("DialBegin", **leg, **out, DestCallerIDNum="13800138000", Timestamp="52"))
    [started] = [event for event in told if isinstance(event, e.RecordingStarted)]
    assert (started.at, started.device) == (51.0, "PJSIP/1001")


def test_facts_tell_of_recordings() -> None:
    tracker = until("BridgeEnter")
    [contact] = tracker.contacts.values()
    assert contact.customer is not None
    name = contact.customer.name
    assert facts_of(tracker, contact.id, "PJSIP/1001").recorded == ()
    tracker.feed(of_customer(tracker, "MixMonitorStart", 100.0))
    now = facts_of(tracker, contact.id, "PJSIP/1001")
    assert (now.recorded, now.paused) == ((name,), False)
    tracker.feed(of_customer(tracker, "MixMonitorMute", 101.0, Direction="both", State="1"))
    assert facts_of(tracker, contact.id, "PJSIP/1001").paused


# --- plans -------------------------------------------------------------------------------------------


def code(made: Plan | Refusal) -> str:
    assert isinstance(made, Refusal), made
    return made.code


def start(facts: Facts = TALKING, site: Site = SITE, rule: RecordingRule = ON_DEMAND, consent: bool = False) -> object:
    return plans.start(facts, site, rule, FILE, consent)


def test_start_asks_the_second_user() -> None:
    made = plan(plans.start(TALKING, SITE, ON_DEMAND, FILE, False))
    assert made.system
    assert headers(made) == [("MixMonitor", {"Channel": CUSTOMER, "File": FILE, "Options": "b"})]
    assert not made.proof(TALKING) and made.proof(RECORDED)


def test_why_a_recording_cannot_start() -> None:
    asks = replace(ON_DEMAND, consent="recorded")
    refused = {
        "recording_never": plans.start(TALKING, SITE, NEVER, FILE, True),
        "no_system_user": plans.start(TALKING, replace(SITE, system=False), ON_DEMAND, FILE, True),
        "recording_off": plans.start(TALKING, SITE, ON_DEMAND, None, True),
        "recording_running": plans.start(RECORDED, SITE, ON_DEMAND, FILE, True),
        "not_in_call": plans.start(replace(TALKING, has_leg=False), SITE, ON_DEMAND, FILE, True),
        "consent_needed": plans.start(TALKING, SITE, asks, FILE, False),
    }
    assert {code(made) for made in refused.values()} == set(refused)
    assert isinstance(plans.start(TALKING, SITE, asks, FILE, True), Plan)


def test_pause_and_resume_write_silence_to_all_files_of_the_call() -> None:
    both = replace(RECORDED, recorded=(CUSTOMER, "PJSIP/1001-00000001"))
    made = plan(plans.pause(both))
    assert [found["Channel"] for _, found in headers(made)] == list(both.recorded)
    assert all((found["State"], found["Direction"]) == ("1", "both") for _, found in headers(made))
    assert not made.system and not made.proof(both) and made.proof(replace(both, paused=True))
    back = plan(plans.resume(replace(both, paused=True)))
    assert headers(back)[0][1]["State"] == "0" and back.proof(both)


def test_a_pause_that_would_reach_one_of_two_files_is_refused() -> None:
    twice = replace(RECORDED, recorded_twice=True)
    assert code(plans.pause(twice, mutes_all=False)) == "recorded_twice"
    assert isinstance(plans.pause(twice, mutes_all=True), Plan)
    assert isinstance(plans.pause(RECORDED, mutes_all=False), Plan)
    assert [mutes_all(version) for version in ("11.0.0", "12.0.1", "9.0.0", "5.0.4", "")] == [True, True] + 3 * [False]


def test_only_who_has_the_customer_touches_the_recording() -> None:
    gave_away = replace(RECORDED, has_leg=False, paused=True)
    made = [plans.pause(gave_away), plans.resume(gave_away), plans.stop(gave_away, ON_DEMAND)]
    assert {code(one) for one in made} == {"not_in_call"}


def test_what_is_always_recorded_is_not_stopped() -> None:
    assert code(plans.stop(RECORDED, ALWAYS)) == "recording_always"
    assert headers(plan(plans.stop(RECORDED, NEVER)))[0][0] == "StopMixMonitor"
    assert code(plans.stop(TALKING, ON_DEMAND)) == "not_recorded"
    assert code(plans.pause(replace(RECORDED, paused=True))) == "recording_paused"
    assert code(plans.resume(RECORDED)) == "recording_not_paused"


@pytest.mark.parametrize(
    "file", ["a.wav", "/a/../b.wav", "/a b.wav", "/a\r\nAction: x", "/a,b.wav", "/${X}.wav", "//a"]
)
def test_a_file_is_a_plain_absolute_path(file: str) -> None:
    with pytest.raises(ActionError, match="File"):
        mixmonitor(CUSTOMER, file)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("/m/callweave/1.wav", "callweave/1.wav"),
        ("/m/../etc/passwd", None),
        ("/m", None),
        ("/mm/1.wav", None),
        ("1.wav", None),
        ("", None),
    ],
)
def test_the_name_beneath_the_pbxs_folder(file: str, name: str | None) -> None:
    assert name_beneath(file, "/m") == name


# --- what follows ------------------------------------------------------------------------------------


class Floor:
    """One call of the queue ``support``, in which Anna talks."""

    def __init__(self, policy: Policy, *, talking: bool = True) -> None:
        self.one = Interaction("i", pbx="main")
        self.watch = RecordingWatch(
            RecordingRules(queues={("main", "support"): RecordingRule(policy)}), {"i": self.one}.get
        )
        self.take(e.QueueEntered(at=1.0, interaction_id="i", queue="support"))
        if talking:
            self.one.segments.append(Segment("PJSIP/1001", 2.0))

    def take(self, event: e.Event, now: float = 10.0) -> list[object]:
        if isinstance(event, e.InteractionEvent):
            self.one.apply(event)
        return list(self.watch.handle(event, now))

    def start(self) -> list[object]:
        return self.take(e.RecordingStarted(at=10.0, interaction_id="i", recording_id="r", unique_id="1.1"))

    def pause(self, until: float | None = 130.0) -> list[object]:
        paused = e.RecordingPaused(
            at=10.0, interaction_id="i", recording_id="r", reason="card_data", by="anna", resume_at=until
        )
        return self.take(paused)

    def fire(self, kind: str) -> list[object]:
        return self.take(e.TimerFired(at=20.0, key=f"recording:{kind}:i"))


def codes(commands: list[object]) -> list[str]:
    return [one.code for one in commands if isinstance(one, c.Notify | c.NotifySupervisors)]


def test_a_recording_against_the_rule_is_told_once() -> None:
    floor = Floor("never")
    assert codes(floor.start()) == ["recording_forbidden"]
    assert codes(floor.take(e.AgentConnected(at=11.0, interaction_id="i", device="PJSIP/1001"))) == []
    assert codes(Floor("always").start()) == codes(Floor("on_demand").start()) == []


def test_a_call_that_must_be_recorded_and_is_not() -> None:
    floor = Floor("always")
    connected = e.AgentConnected(at=11.0, interaction_id="i", device="PJSIP/1001")
    assert floor.take(connected) == [c.StartTimer("recording:missing:i", 5.0)]
    assert codes(floor.fire("missing")) == ["recording_missing"]
    floor.start()
    assert floor.fire("missing") == []
    assert Floor("on_demand").take(connected) == []


def test_a_pause_ends_by_itself_and_supervisors_are_told() -> None:
    floor = Floor("always")
    floor.start()
    assert floor.pause() == [c.StartTimer("recording:resume:i", 120.0)]
    assert floor.fire("resume") == [ResumeRecording("i")]
    told = floor.take(e.RecordingResumed(at=130.0, interaction_id="i", recording_id="r", automatic=True))
    assert codes(told) == ["recording_pause_ran_out", "recording_resumed"]
    assert floor.fire("resume") == []


def test_a_pause_that_the_agent_ends_is_nothing_to_tell() -> None:
    floor = Floor("always")
    floor.start()
    floor.pause()
    told = floor.take(e.RecordingResumed(at=30.0, interaction_id="i", recording_id="r", by="anna"))
    assert told == [c.CancelTimer("recording:resume:i")]


def test_a_pause_of_the_dialplan_lasts() -> None:
    floor = Floor("always")
    floor.start()
    assert floor.pause(until=None) == []


def test_a_recording_that_begins_during_a_pause_is_paused_too() -> None:
    floor = Floor("always")
    floor.start()
    floor.pause()
    second = e.RecordingStarted(at=12.0, interaction_id="i", recording_id="r2", unique_id="1.2")
    assert PauseRecording("i", "anna", 130.0) in floor.take(second)
    assert codes(list(floor.watch.not_paused("i", "pbx_lost"))) == ["recording_not_paused", "recording_not_paused"]
    floor.take(e.RecordingResumed(at=30.0, interaction_id="i", recording_id="r", by="anna"))
    third = e.RecordingStarted(at=31.0, interaction_id="i", recording_id="r3", unique_id="1.3")
    assert not [one for one in floor.take(third) if isinstance(one, PauseRecording)]


def test_what_cannot_be_resumed_is_told_once_and_tried_again() -> None:
    floor = Floor("always")
    floor.start()
    floor.pause()
    first, second = (list(floor.watch.not_resumed("i", "pbx_lost")) for _ in range(2))
    assert codes(first) == ["recording_not_resumed", "recording_not_resumed"] and codes(second) == []
    assert first[0] == second[0] == c.StartTimer("recording:resume:i", 5.0)
    floor.take(e.InteractionEnded(at=140.0, interaction_id="i", outcome="answered", ended_by="agent"))
    assert list(floor.watch.not_resumed("i", "pbx_lost")) == []


def test_after_our_own_end_pauses_go_on() -> None:
    floor = Floor("always")
    floor.start()
    floor.pause()
    for now, seconds in ((100.0, 30.0), (500.0, 5.0)):
        assert list(floor.watch.restore([floor.one], now)) == [c.StartTimer("recording:resume:i", seconds)]


def test_the_rule_is_that_of_the_queue_in_which_the_call_is() -> None:
    rules = RecordingRules(direct=NEVER, queues={("main", "support"): ALWAYS})
    one = Interaction("i", pbx="main")
    assert rules.of(one) == NEVER
    one.apply(e.QueueEntered(at=1.0, interaction_id="i", queue="support"))
    assert rules.of(one) == ALWAYS
    one.apply(e.QueueLeft(at=2.0, interaction_id="i", queue="support", result="timeout"))
    one.apply(e.QueueEntered(at=2.0, interaction_id="i", queue="sales"))
    assert rules.of(one) == RecordingRule()
