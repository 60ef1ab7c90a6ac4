"""The decision at call entry, as a table; and the states of a callback."""

from __future__ import annotations

from typing import Any

import pytest

from routing.callbacks import TABLE, Callback, CallbackRules, expired, moved, turns
from routing.entry import EntryFacts, EntryQuestion, EntryRules, LastTalk, Person, decide
from routing.hours import hours

NOW = 1_795_293_080.0
DAY = 86_400.0
RULES = EntryRules(
    queue="support",
    priority=1,
    vip_priority=7,
    language="en",
    overflow="sales",
    overflow_waiting=3,
    overflow_without_agents=True,
    closed="night",
    last_agent_days=30,
    callback=True,
    callback_waiting=2,
)
CLOSED = EntryRules(queue="support", hours=hours("UTC", []), closed="night")
LI = Person(name="李雷", language="zh")
VIP = Person(name="Wang", vip=True)
READY = {"anna": "PJSIP/1001", "ben": "SIP/1002"}
LATELY = LastTalk(agent="anna", at=NOW - 3 * DAY)


def facts(**more: Any) -> EntryFacts:
    return EntryFacts(**({"rules": RULES, "agents": 1} | more))


CASES: list[tuple[EntryFacts, dict[str, Any]]] = [
    (facts(), {"result": "queue", "queue": "support", "priority": 1, "language": "en", "why": "", "agent_queue": ""}),
    (facts(person=LI), {"language": "zh", "name": "李雷", "why": "known"}),
    (facts(person=Person(name="Maybe", sure=False)), {"name": ""}),
    (facts(person=VIP), {"priority": 7, "why": "known,vip"}),
    (facts(rules=CLOSED), {"result": "closed", "target": "night"}),
    (facts(rules=CLOSED, person=VIP, callback_since=NOW - 9), {"result": "closed"}),
    (facts(ready=READY, last_talk=LATELY), {"agent": "anna", "agent_queue": "agent-1001", "agent_seconds": 15}),
    (facts(ready=READY, last_talk=LastTalk(agent="anna", at=NOW - 31 * DAY)), {"agent": ""}),
    (facts(ready=READY, last_talk=LastTalk(agent="anna", at=NOW + 60)), {"agent": ""}),  # a clock that was wrong
    (facts(ready={}, last_talk=LATELY), {"agent": ""}),
    (
        facts(ready=READY, last_talk=LATELY, person=Person(name="x", own_agent="ben")),
        {"agent": "ben", "agent_queue": "agent-1002"},
    ),
    (
        facts(ready={"anna": "PJSIP/1001"}, last_talk=LATELY, person=Person(name="x", own_agent="ben")),
        {"agent": "anna"},
    ),
    (facts(ready=READY, last_talk=LATELY, entered=(1.0, 2.0, 3.0)), {"agent": "anna", "result": "queue"}),
    (facts(entered=(1.0, 2.0, 3.0)), {"result": "overflow", "target": "sales"}),
    (facts(entered=(1.0, 2.0, 3.0), overflow_open=False), {"result": "queue"}),
    (facts(agents=0), {"result": "overflow", "why": "overflow"}),
    (facts(entered=(1.0, 2.0)), {"result": "queue", "offer_callback": True}),
    (facts(entered=(1.0,)), {"offer_callback": False}),
    (facts(entered=(NOW - 90, NOW - 30, NOW - 10), callback_since=NOW - 60), {"position": 2, "keeps_place": True}),
    (facts(callback_since=NOW - 60), {"position": 1, "result": "queue", "offer_callback": False}),
]


@pytest.mark.parametrize(("given", "expected"), CASES)
def test_the_table(given: EntryFacts, expected: dict[str, Any]) -> None:
    answer = decide(EntryQuestion(dialled="800", address="+8613800138000"), given, NOW)
    assert {name: getattr(answer, name) for name in expected} == expected


def test_nobody_without_a_number_is_offered_a_callback() -> None:
    answer = decide(EntryQuestion(dialled="800", address=None), facts(entered=(1.0, 2.0)), NOW)
    assert not answer.offer_callback


# --- callbacks -------------------------------------------------------------------------------------------


def callback(**more: Any) -> Callback:
    base = {"id": "c1", "pbx": "lab", "queue": "support", "address": "+8613800138000", "name": "", "since": 100.0}
    return Callback(**(base | {"requested_at": 130.0, "expires_at": 10_000.0} | more))


RULES_OF_THREE = CallbackRules(max_attempts=2, retry_seconds=60.0)


def test_tries_are_counted_and_end() -> None:
    one = moved(callback(), "turn_came", 200.0, RULES_OF_THREE)
    assert (one.state, one.attempts) == ("dialling", 1)
    one = moved(one, "not_reached", 210.0, RULES_OF_THREE, "no_answer")
    assert (one.state, one.not_before, one.since, one.result) == ("waiting", 270.0, 100.0, None)
    one = moved(moved(one, "turn_came", 300.0, RULES_OF_THREE), "not_reached", 310.0, RULES_OF_THREE, "busy")
    assert (one.state, one.result, one.attempts) == ("failed", "busy", 2)


def test_what_never_rang_is_no_try() -> None:
    one = moved(moved(callback(), "turn_came", 200.0, RULES_OF_THREE), "not_tried", 201.0, RULES_OF_THREE)
    assert (one.state, one.attempts, one.not_before) == ("waiting", 0, 216.0)


def test_what_is_closed_stays_closed() -> None:
    for state in ("done", "failed", "expired"):
        assert TABLE[state] == {}
    done = moved(callback(), "reached", 1.0, RULES_OF_THREE, "answered")
    assert moved(done, "turn_came", 2.0, RULES_OF_THREE) is done and not done.open


def test_turns_go_by_time_through_callers_and_callbacks() -> None:
    early, late = callback(), callback(id="c2", since=300.0)
    line = [late, early]
    assert turns(line, [200.0], 1, 500.0) == [early]
    assert turns(line, [50.0], 1, 500.0) == []
    assert turns(line, [50.0], 2, 500.0) == [early]
    assert turns(line, [50.0, 200.0], 4, 500.0) == [early, late]
    assert turns(line, [], 0, 500.0) == [early]


def test_one_that_is_dialled_stands_in_the_line_too() -> None:
    dialled, other = callback(state="dialling"), callback(id="c2", since=300.0)
    assert turns([dialled, other], [], 1, 500.0) == []
    assert turns([dialled, other], [], 2, 500.0) == [other]


def test_expiry_spares_a_call_that_runs() -> None:
    line = [callback(expires_at=400.0), callback(id="c2", expires_at=400.0, state="dialling")]
    assert [one.id for one in expired(line, 500.0)] == ["c1"]
    assert turns(line, [], 5, 500.0) == []
