"""Whatever order across channels, whatever is missing or repeated: the tracker does not raise, and adds up."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cti_gateway.ami.codec import Message
from cti_gateway.calls import TABLE, CallTracker, PbxProfile
from cti_gateway.replay import messages
from interaction_log import events as e
from interaction_log.interaction import Interaction, fold
from tests.golden.story import STORIES

PROFILE = PbxProfile(name="lab", devices=("PJSIP/1???",), trunks=("PJSIP/pstn",))
TRACES = {s.name: [m for part in s.variants["main"] for m in messages(part)] for s in STORIES}


def run(stream: list[Message]) -> tuple[CallTracker, list[e.Event]]:
    tracker = CallTracker(PROFILE)
    return tracker, [event for m in stream for event in tracker.feed(m)] + tracker.flush()


def check(tracker: CallTracker, found: list[e.Event]) -> None:
    told = fold([x for x in found if isinstance(x, e.InteractionEvent)])
    for interaction_id, interaction in told.items():
        assert interaction.public() == tracker.interactions[interaction_id].public()
        assert interaction.ended == (interaction_id not in tracker.contacts)
        if interaction.ended:
            assert interaction.outcome is not None
            assert all(o.result is not None for o in interaction.offers)
            assert not any(s.open for s in interaction.segments)
            assert interaction.waiting_in() is None


@pytest.mark.parametrize("name", sorted(TRACES))
def test_the_events_are_the_whole_truth(name: str) -> None:
    check(*run(TRACES[name]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(TRACES)), st.randoms(use_true_random=False), st.floats(0, 0.5))
def test_lost_and_repeated_messages_never_break_it(name: str, rng: random.Random, share: float) -> None:
    stream: list[Message] = []
    for message in TRACES[name]:
        if rng.random() >= share:
            stream += [message] * (2 if rng.random() < share else 1)
    check(*run(stream))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(TRACES)), st.randoms(use_true_random=False), st.integers(1, 12))
def test_any_order_never_breaks_it(name: str, rng: random.Random, window: int) -> None:
    keyed = sorted(enumerate(TRACES[name]), key=lambda p: p[0] + rng.random() * window)
    check(*run([m for _, m in keyed]))


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(TABLE)),
    st.dictionaries(
        st.sampled_from(
            [
                "Channel",
                "Uniqueid",
                "Linkedid",
                "DestChannel",
                "DestUniqueid",
                "Queue",
                "Interface",
                "Timestamp",
                "BridgeUniqueid",
                "TransfererChannel",
                "Response",
                "New",
                "Uptime",
                "ChannelState",
                "Wait",
            ]
        ),
        st.text(st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), max_size=20),
        max_size=8,
    ),
)
def test_no_block_raises(name: str, headers: dict[str, str]) -> None:
    run([Message.of([("Event", name), *headers.items()])] * 2)


class Calls(RuleBasedStateMachine):
    """Callers come, wait, ring, talk and go; what the tracker says is what was played."""

    def __init__(self) -> None:
        super().__init__()
        self.tracker = CallTracker(PROFILE)
        self.found: list[e.Event] = []
        self.now = 1_000_000.0
        self.count = 0
        self.waiting: list[str] = []
        self.ringing: dict[str, str] = {}
        self.talking: dict[str, str] = {}
        self.played: dict[str, str] = {}

    def say(self, name: str, **headers: str) -> None:
        self.now += 0.5
        block = [("Event", name), ("Privilege", "call,all"), ("Timestamp", f"{self.now:.6f}"), *headers.items()]
        self.found += self.tracker.feed(Message.of(block))

    def caller(self, uid: str) -> dict[str, str]:
        return {"Channel": f"PJSIP/pstn-{uid.partition('.')[2]:0>8}", "Uniqueid": uid, "Linkedid": uid, "Exten": "800"}

    def agent(self, uid: str, prefix: str = "") -> dict[str, str]:
        number = uid.partition(".")[2]
        return {f"{prefix}Channel": f"PJSIP/1001-{number:0>8}", f"{prefix}Uniqueid": uid, f"{prefix}Linkedid": uid}

    def new_uid(self) -> str:
        self.count += 1
        return f"1000000.{self.count}"

    @rule()
    def arrive(self) -> None:
        uid = self.new_uid()
        self.say("Newchannel", ChannelState="4", CallerIDNum="13800138000", **self.caller(uid))
        self.say("QueueCallerJoin", Queue="support", Position="1", **self.caller(uid))
        self.waiting.append(uid)

    @precondition(lambda self: self.waiting)
    @rule()
    def ring(self) -> None:
        uid, phone = self.waiting.pop(0), self.new_uid()
        linked = {**self.agent(phone), "Linkedid": uid}
        self.say("Newchannel", ChannelState="0", **linked)
        self.say("DialBegin", **self.caller(uid), **self.agent(phone, "Dest"))
        self.ringing[uid] = phone

    @precondition(lambda self: self.ringing)
    @rule()
    def answer(self) -> None:
        uid, phone = self.ringing.popitem()
        self.say("DialEnd", DialStatus="ANSWER", **self.caller(uid), **self.agent(phone, "Dest"))
        self.say("QueueCallerLeave", Queue="support", **self.caller(uid))
        bridge = f"b{uid}"
        self.say("BridgeEnter", BridgeUniqueid=bridge, **self.caller(uid))
        self.say("BridgeEnter", BridgeUniqueid=bridge, **{**self.agent(phone), "Linkedid": uid})
        self.talking[uid] = phone

    @precondition(lambda self: self.ringing)
    @rule()
    def ring_in_vain(self) -> None:
        uid, phone = self.ringing.popitem()
        self.say("DialEnd", DialStatus="NOANSWER", **self.caller(uid), **self.agent(phone, "Dest"))
        self.say("Hangup", Cause="0", **{**self.agent(phone), "Linkedid": uid})
        self.waiting.append(uid)

    @precondition(lambda self: self.talking)
    @rule()
    def agent_hangs_up(self) -> None:
        uid, phone = self.talking.popitem()
        agent = {**self.agent(phone), "Linkedid": uid}
        self.say("HangupRequest", **agent)
        self.say("BridgeLeave", BridgeUniqueid=f"b{uid}", **agent)
        self.say("BridgeLeave", BridgeUniqueid=f"b{uid}", **self.caller(uid))
        self.say("Hangup", Cause="16", **agent)
        self.say("Hangup", Cause="16", **self.caller(uid))
        self.played[uid] = "answered"

    @precondition(lambda self: self.waiting)
    @rule()
    def give_up(self) -> None:
        uid = self.waiting.pop()
        self.say("HangupRequest", **self.caller(uid))
        self.say("QueueCallerAbandon", Queue="support", **self.caller(uid))
        self.say("QueueCallerLeave", Queue="support", **self.caller(uid))
        self.say("Hangup", Cause="0", **self.caller(uid))
        self.played[uid] = "abandoned"

    @rule()
    def somebody_lies(self) -> None:
        for uid in [*self.talking, *self.waiting][:1]:
            self.say("Hangup", Channel="PJSIP/pstn-ffffffff", Uniqueid=uid, Linkedid=uid, Cause="16")

    @invariant()
    def it_is_as_played(self) -> None:
        told: dict[str, Interaction] = {i.unique_ids[0]: i for i in self.tracker.interactions.values()}
        assert {u: told[u].outcome for u in self.played} == self.played
        for uid in self.waiting:
            assert told[uid].waiting_in() is not None
        for uid in self.ringing:
            assert len(told[uid].open_offers()) == 1
        for uid in self.talking:
            assert told[uid].open_segment("PJSIP/1001") is not None
        assert len(told) == len(self.played) + len(self.waiting) + len(self.ringing) + len(self.talking)
        check(self.tracker, self.found)


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
