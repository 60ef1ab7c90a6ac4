"""Plans and targets of call control: what is asked of the PBX, what proves it, what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti_gateway.control import plans
from cti_gateway.control.facts import Facts
from cti_gateway.control.plans import Plan
from cti_gateway.control.targets import Refusal, Site, Target, find_target, number_of
from cti_gateway.tracking.parties import PbxProfile

ANNA, BEN, CUSTOMER = "PJSIP/1001-00000001", "PJSIP/1002-00000002", "PJSIP/pstn-00000000"
SITE = Site(
    profile=PbxProfile(outbound_prefix="9", queue_extensions=(("support", "800"),)),
    context="from-internal",
    agents={"anna": "PJSIP/1001", "ben": "PJSIP/1002", "carla": "PJSIP/carla", "dan": "PJSIP/1004"},
    people=frozenset({"anna", "ben", "carla", "dan", "eve"}),
    queues=frozenset({"support", "sales", "600"}),
    device_states={"PJSIP/1002": "NOT_INUSE", "PJSIP/1003": "NOT_INUSE", "PJSIP/1004": "UNAVAILABLE"},
    system=True,
)
TALKING = Facts(
    "i",
    "PJSIP/1001",
    mine=ANNA,
    customer=CUSTOMER,
    customer_hears=frozenset({ANNA}),
    with_devices=frozenset({"PJSIP/1001"}),
    hears=frozenset({CUSTOMER}),
    has_leg=True,
)
ASKING = replace(TALKING, customer_hears=frozenset(), with_devices=frozenset(), hears=frozenset({BEN}), target=BEN)
THREE = replace(TALKING, customer_hears=frozenset({ANNA, BEN}), hears=frozenset({CUSTOMER, BEN}), target=BEN)
ENDED = Facts("i", "PJSIP/1001", ended=True)
BEN_AT = Target("agent", "1002", "ben", agent="ben", device="PJSIP/1002")


def plan(made: Plan | Refusal) -> Plan:
    assert isinstance(made, Plan), made
    return made


def headers(made: Plan) -> list[tuple[str, dict[str, str]]]:
    return [(action.name, dict(action.headers)) for action in made.actions]


@pytest.mark.parametrize(
    ("text", "kind", "exten", "device"),
    [
        ("ben", "agent", "1002", "PJSIP/1002"),
        ("agent:ben", "agent", "1002", "PJSIP/1002"),
        ("support", "queue", "800", None),
        ("600", "queue", "600", None),
        ("number:600", "extension", "600", None),
        ("1003", "extension", "1003", "PJSIP/1003"),
        ("500", "extension", "500", None),
        ("*97", "extension", "*97", None),
        ("+86 138 0013 8000", "number", "913800138000", None),
    ],
)
def test_targets(text: str, kind: str, exten: str, device: str | None) -> None:
    found = find_target(text, SITE)
    assert isinstance(found, Target), found
    assert (found.kind, found.exten, found.device) == (kind, exten, device)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("eve", "not_there"),
        ("dan", "not_reachable"),
        ("carla", "no_number"),
        ("sales", "no_number"),
        ("agent:zoe", "unknown_target"),
        ("queue:zoe", "unknown_target"),
        ("zoe", "invalid_number"),
        ("1003\r\nAction: Hangup", "invalid_number"),
        ("1003\n", "invalid_number"),
        ("1003&1004", "invalid_number"),
        ("${SHELL(id)}", "invalid_number"),
        ("1" * 300, "invalid_number"),
        ("١٠٠٣", "invalid_number"),
        ("", "invalid_number"),
    ],
)
def test_targets_that_are_none(text: str, code: str) -> None:
    found = find_target(text, SITE)
    assert isinstance(found, Refusal) and (found.code, found.field) == (code, "to")


def test_the_number_of_a_phone() -> None:
    assert number_of("PJSIP/1001") == "1001"
    assert number_of("PJSIP/alice") is None and number_of("SIP/1-1") is None


def test_hold_needs_the_second_user_and_is_proven_by_the_phone() -> None:
    made = plan(plans.hold(TALKING, SITE, True))
    assert made.system and headers(made) == [("PJSIPNotify", {"Endpoint": "1001", "Variable": "Event=hold"})]
    assert not made.proof(TALKING) and made.proof(replace(TALKING, held=True))
    for site, facts, code in (
        (replace(SITE, system=False), TALKING, "use_the_phone"),
        (SITE, replace(TALKING, device="SIP/1001"), "use_the_phone"),
        (SITE, replace(TALKING, held=True), "already"),
        (SITE, replace(TALKING, has_leg=False), "not_in_call"),
    ):
        refusal = plans.hold(facts, site, True)
        assert isinstance(refusal, Refusal) and refusal.code == code


def test_tones_go_to_the_customer_one_by_one() -> None:
    made = plan(plans.send_dtmf(TALKING, "1#"))
    assert headers(made) == [("PlayDTMF", {"Channel": CUSTOMER, "Digit": d}) for d in "1#"]
    assert made.gap > 0 and made.proof(TALKING) and not made.proof(ENDED)
    for digits in ("", "1,2", "1\n", "x", "1" * 33, "١"):
        refusal = plans.send_dtmf(TALKING, digits)
        assert isinstance(refusal, Refusal) and refusal.field == "digits"
    waiting = plans.send_dtmf(ASKING, "1")
    assert isinstance(waiting, Refusal) and waiting.code == "not_connected"


def test_asking_is_proven_by_a_ring() -> None:
    made = plan(plans.start_asking(TALKING, SITE, BEN_AT))
    assert headers(made) == [("Atxfer", {"Channel": ANNA, "Exten": "1002", "Context": "from-internal"})]
    assert not made.proof(TALKING) and made.proof(ASKING)
    assert not made.proof(replace(ASKING, target=None))  # the phone of a colleague must ring
    outside = plan(plans.start_asking(TALKING, SITE, Target("number", "913800138000", "…")))
    assert outside.proof(replace(ASKING, target=None))


def test_who_cannot_be_sent_anywhere() -> None:
    for facts, code in (
        (replace(TALKING, has_leg=False), "not_in_call"),
        (replace(TALKING, calls_herself=True), "internal_call"),
        (ASKING, "not_connected"),
        (THREE, "already_there"),
    ):
        for make in (plans.start_asking, plans.send_away):
            with_ben = facts if facts is not THREE else replace(THREE, with_devices=frozenset({"PJSIP/1002"}))
            refusal = make(with_ben, SITE, BEN_AT)
            assert isinstance(refusal, Refusal) and refusal.code == code
    herself = plans.start_asking(TALKING, SITE, replace(BEN_AT, device="PJSIP/1001"))
    assert isinstance(herself, Refusal) and herself.code == "already_there"


def test_a_blind_transfer_is_proven_by_her_leaving() -> None:
    made = plan(plans.send_away(TALKING, SITE, Target("queue", "800", "support")))
    assert headers(made)[0][0] == "BlindTransfer"
    assert not made.proof(TALKING) and made.proof(replace(TALKING, customer_hears=frozenset(), has_leg=False))


def test_complete_cancel_swap_join() -> None:
    done = plan(plans.complete(ASKING))
    assert headers(done) == [("Hangup", {"Channel": ANNA, "Cause": "16"})]
    assert not done.proof(ASKING)
    assert done.proof(replace(ASKING, hears=frozenset(), customer_hears=frozenset({BEN}), has_leg=False))
    back = plan(plans.cancel(ASKING))
    assert headers(back)[0][0] == "CancelAtxfer" and back.proof(TALKING) and not back.proof(THREE)
    other = plan(plans.swap(ASKING))
    assert [h["Digit"] for _, h in headers(other)] == ["*", "4"]
    assert all(h["Receive"] == "true" and h["Channel"] == ANNA for _, h in headers(other))
    swapped = replace(ASKING, customer_hears=frozenset({ANNA}), hears=frozenset({CUSTOMER}))
    assert other.proof(swapped) and not other.proof(ASKING)
    all_three = plan(plans.join(ASKING))
    assert [h["Digit"] for _, h in headers(all_three)] == ["*", "3"] and all_three.proof(THREE)
    for make in (plans.swap, plans.join):
        assert isinstance(make(TALKING), Refusal)


def test_only_the_added_party_can_be_dropped() -> None:
    made = plan(plans.drop(THREE, BEN))
    assert headers(made) == [("Hangup", {"Channel": BEN, "Cause": "16"})] and made.proof(TALKING)
    for facts, party in ((THREE, None), (THREE, CUSTOMER), (TALKING, BEN), (THREE, ANNA)):
        assert isinstance(plans.drop(facts, party), Refusal)


def test_parking() -> None:
    made = plan(plans.park(TALKING))
    assert headers(made) == [("Park", {"Channel": CUSTOMER, "TimeoutChannel": ANNA})]
    parked = replace(TALKING, parked=True)
    assert made.proof(parked) and plans.retrieve(parked, "701") == "701"
    for facts, space in ((TALKING, "701"), (parked, None), (parked, "701\r\n"), (parked, "70a")):
        assert isinstance(plans.retrieve(facts, space), Refusal)
    for facts in (THREE, ASKING, replace(TALKING, has_leg=False), replace(TALKING, calls_herself=True)):
        assert isinstance(plans.park(facts), Refusal)


def test_picking_up() -> None:
    waits = Facts("i", "PJSIP/1001", customer=CUSTOMER, waiting_in="support")
    assert plans.pick_up(waits, ["support"]) is None
    other = plans.pick_up(waits, ["sales"])
    assert other is not None and other.code == "not_your_queue"
    for facts in (TALKING, ENDED, replace(waits, waiting_in=None)):
        refusal = plans.pick_up(facts, ["support"])
        assert refusal is not None and refusal.code == "not_waiting"
    assert headers(plans.bring_together(CUSTOMER, ANNA)) == [("Bridge", {"Channel1": CUSTOMER, "Channel2": ANNA})]
