"""What our log says of a load of calls on a real Asterisk, beside what Asterisk itself wrote: no difference."""

from __future__ import annotations

import pytest

from bench.asterisk import product, reconcile, table
from interaction_log.reconcile import call_records, compare, queue_log
from tests.pbx.fixtures import need_asterisk

CALLS = 40
RATE = 5.0
MOST = 0.5
"""Of the durations are equal to the second; on an idle machine all are."""
DURATIONS = ("queue_log wait", "queue_log talk", "cdr duration")

QUEUE_LOG = """\
100|q|NONE|NONE|QUEUESTART|
101|1.1|bench|NONE|ENTERQUEUE||1390|1
103|1.1|bench|PJSIP/1001|CONNECT|2|1.2|1
110|1.1|bench|PJSIP/1001|COMPLETEAGENT|2|7|1
104|1.3|bench|NONE|ENTERQUEUE||1391|1
108|1.3|bench|NONE|ABANDON|1|1|4
105|1.5|bench|NONE|ENTERQUEUE||1392|1
106|1.5|bench|PJSIP/1002|CONNECT|1|1.6|1
109|1.5|bench|PJSIP/1002|BLINDTRANSFER|851|from-internal|1|3|1
"""
CDR = "\n".join(
    f'"","139{n}","850","from-pstn","x","PJSIP/pstn-0{n}","{to}","Queue","bench","2026-11-21 10:00:{start}",'
    f'"2026-11-21 10:00:{start}","2026-11-21 10:00:{end}",9,9,"ANSWERED","DOCUMENTATION","1.{n}",""'
    for n, to, start, end in ((1, "PJSIP/1001-01", "01", "10"), (3, "", "04", "08"), (5, "PJSIP/1002-02", "05", "12"))
)


def item(unique_id: str, **fields: object) -> dict[str, object]:
    visit = {"queue": "bench", "result": fields["outcome"], "wait_seconds": fields["wait_seconds"]}
    visit["entered_at"] = fields["started_at"]
    fields.pop("unique_ids", None)
    usual: dict[str, object] = {
        "unique_ids": [unique_id],
        "channel": "voice",
        "direction": "inbound",
        "queue_visits": [visit],
        "transfers": [],
        "segments": [],
        "talk_seconds": 0.0,
        "ended_by": "customer",
    }
    return usual | fields


def segment(agent: str, start: float, end: float) -> dict[str, object]:
    return {"agent": f"PJSIP/{agent}", "from": start, "to": end}


def right() -> list[dict[str, object]]:
    return [
        item(
            "1.1",
            outcome="answered",
            wait_seconds=2.4,
            talk_seconds=7.0,
            segments=[segment("1001", 103.1, 110.1)],
            ended_by="agent",
            started_at=101.2,
            ended_at=110.1,
        ),
        item("1.3", outcome="abandoned", wait_seconds=3.9, started_at=104.1, ended_at=108.0),
        item(
            "1.5",
            outcome="answered",
            wait_seconds=1.0,
            talk_seconds=6.0,
            segments=[segment("1002", 106.0, 109.2)],
            transfers=[{}],
            started_at=105.0,
            ended_at=112.0,
        ),
    ]


def differences(items: list[dict[str, object]]) -> set[tuple[str, str]]:
    found = compare(items, queue_log(QUEUE_LOG), call_records(CDR, ["PJSIP/pstn"])).differences
    return {(one.unique_id, one.what) for one in found}


def test_the_comparison_finds_nothing_where_all_agree() -> None:
    assert differences(right()) == set()
    found = compare(right(), queue_log(QUEUE_LOG), call_records(CDR, ["PJSIP/pstn"]))
    assert found.equal == {"queue_log wait": 3, "queue_log talk": 2, "cdr duration": 3}


def test_a_clock_without_fractions_is_no_difference() -> None:
    """From 101.98 to 103.02 Asterisk counts two seconds, from 101.02 to 103.98 too."""
    for entered, waited in ((101.98, 1.04), (101.02, 2.96)):
        items = right()
        items[0]["queue_visits"] = [
            {"queue": "bench", "result": "answered", "entered_at": entered, "wait_seconds": waited}
        ]
        found = compare(items, queue_log(QUEUE_LOG), call_records(CDR, ["PJSIP/pstn"]))
        assert found.differences == [] and found.equal["queue_log wait"] == 3


def test_the_comparison_finds_calls_that_are_missing_doubled_or_invented() -> None:
    items = right()
    assert differences(items[1:]) == {("1.1", "times in our log")}
    assert differences([*items, items[0]]) == {("1.1", "times in our log")}
    invented = item("1.7", outcome="abandoned", wait_seconds=1.0, started_at=106.0, ended_at=107.0)
    assert differences([*items, invented]) == {("1.7", "visits"), ("1.7", "written")}


@pytest.mark.parametrize(
    ("call", "field", "value", "what"),
    [
        (0, "outcome", "abandoned", "result"),
        (0, "wait_seconds", 3.9, "wait"),
        (0, "talk_seconds", 5.8, "talk"),
        (0, "ended_by", "customer", "ended by"),
        (1, "wait_seconds", None, "wait"),
        (1, "ended_at", 106.5, "duration"),
        (2, "transfers", [], "transferred"),
    ],
)
def test_the_comparison_finds_what_differs(call: int, field: str, value: object, what: str) -> None:
    items = right()
    del items[call]["queue_visits"]
    items[call] = item(f"1.{2 * call + 1}", **items[call] | {field: value})
    assert what in {one for _, one in differences(items)}


@pytest.mark.real("asterisk")
@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_every_call_is_in_our_log_as_asterisk_wrote_it() -> None:
    need_asterisk()
    result = await reconcile(CALLS, RATE, product)
    print(table(result))
    assert result["in_queue_log"] == result["in_cdr"] == result["in_our_log"] == CALLS
    assert min(result["answered"], result["abandoned"], result["transferred"]) > 0, "the load has lost its mixture"
    assert result["differences"] == [], table(result)
    for what in DURATIONS:  # what Asterisk counts, not only within what is allowed
        assert result["equal_to_the_second"][what] > MOST * result["compared"][what], table(result)
