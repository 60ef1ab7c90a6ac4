"""Why does she get no calls: a table of facts and what is found in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from routing.why import Facts, Finding, Held, Phone, Place, explain

ANNA = "PJSIP/1001"
FREE = Place(pbx="main", queue="support", device=ANNA, ringinuse=False)
READY = Facts(
    agent="anna",
    state="READY",
    since=900.0,
    phones=(Phone(device=ANNA, state="NOT_INUSE"),),
    places=(FREE,),
    known_devices=frozenset({ANNA}),
)
HERSELF = Held(reason="training", by="Anna", since=950.0, own=True)
BY_SOFIA = Held(reason="training", by="Sofia", since=950.0, own=False)


def phone(**more: object) -> tuple[Phone, ...]:
    return (replace(READY.phones[0], **more),)  # type: ignore[arg-type]


def place(**more: object) -> tuple[Place, ...]:
    return (replace(FREE, **more),)  # type: ignore[arg-type]


TABLE: dict[str, tuple[Facts, list[str]]] = {
    "nothing is wrong": (READY, ["nobody_waits"]),
    "callers wait and nothing is wrong": (replace(READY, places=place(waiting=2)), ["callers_wait"]),
    "logged out": (replace(READY, state="LOGGED_OUT"), ["logged_out"]),
    "lunch": (replace(READY, state="NOT_READY", reason="lunch"), ["not_ready"]),
    "just signed in": (replace(READY, state="NOT_READY", reason="signed_in"), ["not_yet_ready"]),
    "missed three": (replace(READY, state="NOT_READY", reason="not_responding"), ["not_responding"]),
    "paused by somebody else everywhere": (
        replace(READY, state="NOT_READY", reason="pbx:boss", places=place(paused=True, paused_reason="boss")),
        ["paused_by_others", "paused_in_queue"],
    ),
    "paused by somebody else in one of two": (
        replace(READY, places=(FREE, replace(FREE, queue="sales", paused=True, paused_reason="boss"))),
        ["paused_in_queue", "nobody_waits"],
    ),
    "paused herself in one of two": (
        replace(
            READY,
            places=(FREE, replace(FREE, queue="sales", paused=True, paused_reason="callweave:training", held=HERSELF)),
        ),
        ["paused_herself_in_queue", "nobody_waits"],
    ),
    "a supervisor and somebody else paused her in both": (
        replace(
            READY,
            places=(
                replace(FREE, paused=True, paused_reason="boss"),
                replace(FREE, queue="sales", paused=True, paused_reason="callweave:training", held=BY_SOFIA),
            ),
        ),
        ["paused_in_queue", "held_in_queue"],
    ),
    "our pause is still there": (
        replace(READY, places=place(paused=True, paused_reason="callweave:wrapup")),
        ["our_pause_remains", "nobody_waits"],
    ),
    "our pause is there because she wants it": (
        replace(READY, state="NOT_READY", reason="lunch", holders=("callweave:lunch",), places=place(paused=True)),
        ["not_ready", "paused_in_queue"],
    ),
    "wrap-up": (replace(READY, state="WRAP_UP", until=1030.0), ["wrap_up"]),
    "wrap-up that needs a disposition": (
        replace(READY, state="WRAP_UP", needs_disposition=True),
        ["needs_disposition"],
    ),
    "in a call": (replace(READY, state="BUSY", phones=phone(state="INUSE")), ["in_call"]),
    "it rings": (replace(READY, state="OFFERED", phones=phone(state="RINGING")), ["rings_now"]),
    "unregistered": (replace(READY, phones=phone(state="UNAVAILABLE")), ["phone_unreachable"]),
    "one of two phones is dead": (
        replace(READY, phones=(*READY.phones, Phone(device="PJSIP/1101", state="UNAVAILABLE"))),
        ["phone_unreachable", "nobody_waits"],
    ),
    "no such phone": (replace(READY, phones=phone(device="PJSIP/1O01")), ["phone_unknown"]),
    "a colleague sits there": (replace(READY, phones=phone(taken_by="Ben")), ["phone_taken"]),
    "a private call": (replace(READY, phones=phone(state="INUSE")), ["phone_in_use"]),
    "a private call, and the queue rings phones in use": (
        replace(READY, phones=phone(state="INUSE"), places=place(ringinuse=True)),
        ["nobody_waits"],
    ),
    "a chat in hand": (
        replace(READY, in_hand={"chat": 1}, capacity_used=33),
        ["capacity", "nobody_waits"],
    ),
    "full with chats": (
        replace(READY, in_hand={"chat": 3}, capacity_used=99, room_for_a_call=False, holders=("callweave:capacity",)),
        ["full"],
    ),
    "one chat, and a call would not fit beside it": (
        replace(READY, in_hand={"chat": 1}, capacity_used=33, room_for_a_call=False),
        ["full"],
    ),
    "no phone": (replace(READY, phones=(), places=()), ["no_phone"]),
    "in no queue": (replace(READY, places=()), ["no_queue"]),
    "behind others": (replace(READY, places=place(penalty=2, ahead=1)), ["behind_others", "nobody_waits"]),
    "a penalty, and nobody ahead is free": (replace(READY, places=place(penalty=2)), ["nobody_waits"]),
    "the link is down": (replace(READY, links_down=("main",)), ["link_down", "nobody_waits"]),
    "dead phone and lunch": (
        replace(READY, state="NOT_READY", reason="lunch", phones=phone(state="INVALID")),
        ["not_ready", "phone_unreachable"],
    ),
}


@pytest.mark.parametrize("what", TABLE)
def test_findings(what: str) -> None:
    facts, codes = TABLE[what]
    found = explain(facts)
    assert [one.code for one in found] == codes
    weights = [one.weight for one in found]
    assert weights == sorted(weights, key=["blocks", "limits", "info"].index)


def test_who_why_and_when_are_told() -> None:
    paused = place(paused=True, paused_reason="boss", queue="sales")
    told = explain(replace(READY, places=paused, last_call=880.0, until=None))
    assert told == [
        Finding("paused_in_queue", "blocks", {"queue": "sales", "reason": "boss"}),
        Finding("last_call", "info", at=880.0),
    ]
    (lunch,) = explain(replace(READY, state="NOT_READY", reason="lunch"))
    full = replace(READY, in_hand={"chat": 2, "email": 1}, capacity_used=116, room_for_a_call=False)
    assert explain(full)[0] == Finding(
        "full", "blocks", {"chat": "2", "email": "1", "used": "116", "budget": "100", "call": "100"}
    )
    assert (lunch.params, lunch.at) == ({"reason": "lunch"}, 900.0)


def test_a_pause_in_one_queue_names_queue_reason_and_who() -> None:
    there = replace(FREE, queue="sales", paused=True, paused_reason="callweave:training", held=BY_SOFIA)
    (held, _) = explain(replace(READY, places=(FREE, there)))
    params = {"queue": "sales", "reason": "training", "by": "Sofia"}
    assert held == Finding("held_in_queue", "limits", params, 950.0)
    assert explain(replace(READY, places=(there,)))[0].weight == "blocks"
