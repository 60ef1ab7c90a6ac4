"""The table of transfers: whatever is seen, in whatever order, a transfer ends once and never goes on after that."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from cti_gateway.control.facts import Facts
from cti_gateway.control.targets import Target
from cti_gateway.control.transfers import OVER, TABLE, Kind, Seen, State, Transfer, look

ANNA, BEN, CUSTOMER = "PJSIP/1001-1", "PJSIP/1002-2", "PJSIP/pstn-0"
SEEN: tuple[Seen, ...] = get_args(Seen)
STATES: tuple[State, ...] = get_args(State)


def transfer(kind: Kind = "attended", device: str | None = "PJSIP/1002") -> Transfer:
    return Transfer("t", "i", kind, "anna", "PJSIP/1001", Target("agent", "1002", "ben", "ben", device), 0.0)


facts = st.builds(
    Facts,
    st.just("i"),
    st.just("PJSIP/1001"),
    mine=st.sampled_from([None, ANNA]),
    in_bridge=st.booleans(),
    customer=st.just(CUSTOMER),
    customer_hears=st.frozensets(st.sampled_from([ANNA, BEN])),
    with_devices=st.frozensets(st.sampled_from(["PJSIP/1001", "PJSIP/1002"])),
    hears=st.frozensets(st.sampled_from([CUSTOMER, BEN])),
    target=st.sampled_from([None, BEN]),
    has_leg=st.booleans(),
    ended=st.booleans(),
)


def test_the_table_knows_every_state_and_nothing_else() -> None:
    assert set(TABLE) == set(STATES)
    assert {seen for ways in TABLE.values() for seen in ways} <= set(SEEN)
    assert {"completed", "cancelled", "failed", "returned"} == OVER
    reached = {after for ways in TABLE.values() for after in ways.values()}
    assert reached | {"starting"} == set(STATES)
    assert all("gone" in TABLE[state] for state in STATES if state not in OVER)  # the customer can always leave


@given(st.lists(st.sampled_from(SEEN)))
def test_it_ends_once(seen: list[Seen]) -> None:
    one = transfer()
    ends = 0
    for number, what in enumerate(seen):
        before = one.over
        moved = one.step(what, float(number))
        assert not (before and moved)
        ends += one.over and not before
        assert (one.error is not None) <= (one.state in ("failed", "returned"))
    assert ends <= 1


@given(st.lists(st.tuples(facts, st.booleans(), st.booleans())))
def test_whatever_is_so_each_look_is_a_step_or_nothing(story: list[tuple[Facts, bool, bool]]) -> None:
    one = transfer()
    for now, asked_back, released in story:
        one.asked_back, one.released = one.asked_back or asked_back, one.released or released
        seen = look(one, now)
        if seen is None:
            continue
        assert seen in TABLE[one.state]
        assert one.step(seen, 1.0)
        if now.ended:
            assert one.state == "failed"


@given(facts)
def test_the_same_facts_again_change_nothing_more(now: Facts) -> None:
    one = transfer()
    for _ in range(4):  # starting, ringing, consulting, over
        seen = look(one, now)
        if seen is not None:
            one.step(seen, 1.0)
    assert look(one, now) is None


TALKING = Facts(
    "i",
    "PJSIP/1001",
    mine=ANNA,
    in_bridge=True,
    customer=CUSTOMER,
    customer_hears=frozenset({ANNA}),
    with_devices=frozenset({"PJSIP/1001"}),
    hears=frozenset({CUSTOMER}),
    has_leg=True,
)
MUSIC = replace(TALKING, customer_hears=frozenset(), with_devices=frozenset(), hears=frozenset())
RINGING = replace(MUSIC, target=BEN)
ASKING = replace(RINGING, hears=frozenset({BEN}))
MOVED = replace(
    MUSIC,
    mine=None,
    in_bridge=False,
    has_leg=False,
    customer_hears=frozenset({BEN}),
    with_devices=frozenset({"PJSIP/1002"}),
)


def run(one: Transfer, *story: Facts) -> list[State]:
    states = []
    for now in story:
        seen = look(one, now)
        if seen is not None:
            one.step(seen, 1.0)
        states.append(one.state)
    return states


def test_stories() -> None:
    assert run(transfer(), TALKING, MUSIC, RINGING, ASKING, MOVED) == [
        "starting",
        "starting",
        "ringing",
        "consulting",
        "completed",
    ]
    assert run(transfer(), RINGING, TALKING) == ["ringing", "failed"]
    called_off = transfer()
    run(called_off, RINGING, ASKING)
    called_off.asked_back = True
    assert run(called_off, TALKING) == ["cancelled"] and called_off.error is None
    swapped = replace(TALKING, target=BEN)
    assert run(transfer(), RINGING, ASKING, swapped, ASKING, MOVED)[-3:] == ["consulting", "consulting", "completed"]
    blind = transfer("blind")
    run(blind, RINGING)
    blind.released = True
    assert run(blind, replace(MUSIC, target=BEN), TALKING) == ["ringing", "returned"]
    assert blind.error is not None and blind.error.code == "not_taken"
    three = replace(TALKING, customer_hears=frozenset({ANNA, BEN}), target=BEN)
    assert run(transfer("conference"), RINGING, ASKING, three) == ["ringing", "consulting", "completed"]
    queue = transfer(device=None)
    assert run(queue, TALKING, MUSIC) == ["starting", "ringing"]


def test_it_does_not_ring_before_the_sender_stands_where_the_target_will_be() -> None:
    between = replace(RINGING, in_bridge=False)
    assert run(transfer("blind"), TALKING, between, RINGING) == ["starting", "starting", "ringing"]


def test_a_sender_who_comes_last_into_the_conference_has_not_left() -> None:
    one = transfer("conference")
    run(one, RINGING, ASKING)
    coming = replace(MUSIC, customer_hears=frozenset({BEN}), with_devices=frozenset({"PJSIP/1002"}), target=BEN)
    three = replace(TALKING, customer_hears=frozenset({ANNA, BEN}), target=BEN)
    assert run(one, coming) == ["consulting"]
    assert look(one, three) == "joined"
    assert look(one, MOVED) == "taken"  # she has gone indeed
