"""What Asterisk itself wrote of a load of queue calls, and where our records differ from it. Pure.

Two witnesses: ``queue_log`` (one line for each step of a queued call) and the call detail records of ``cdr_csv``.
Both write whole seconds. queue_log's durations are differences of two truncated clocks, so each may be up to one
second off in both directions; that second is the tolerance, and nothing is added to it but `SLACK`.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

TOLERANCE_SECONDS: Final = 1.0
"""What truncation alone explains."""
SLACK: Final = 0.05
"""Seconds between two things that Asterisk does one after the other: it stops the waiting clock when the agent lifts,
we when the two are connected; it writes the record when the channel is gone, we close when the customer left."""

COMPLETED: Final = ("COMPLETECALLER", "COMPLETEAGENT")
TRANSFERRED: Final = ("BLINDTRANSFER", "ATTENDEDTRANSFER")


@dataclass
class QueueCall:
    """One call as queue_log tells it; seconds. ``talk`` of a transferred call ends at the transfer."""

    unique_id: str
    queue: str
    outcome: str | None = None
    wait: float | None = None
    talk: float | None = None
    agent: str | None = None
    transferred: bool = False
    ended_by: str | None = None


@dataclass
class Records:
    """All CDRs of one caller's channel; times in whole Unix seconds without time zone, only their difference counts."""

    unique_id: str
    start: str
    end: str
    duration: float
    dispositions: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    """Devices of the records with disposition ANSWERED."""


def queue_calls(lines: Iterable[Sequence[str]]) -> dict[str, QueueCall]:
    """The calls of a queue_log, by the caller's Uniqueid. ``lines``: [time, call id, queue, agent, event, data …]."""
    calls: dict[str, QueueCall] = {}
    for line in lines:
        if len(line) >= 5 and line[4] == "ENTERQUEUE":
            calls[line[1]] = QueueCall(line[1], line[2])
        elif len(line) >= 5 and line[1] in calls and line[4] in _STEPS:
            _STEPS[line[4]](calls[line[1]], line)
    return calls


def _connected(call: QueueCall, line: Sequence[str]) -> None:
    call.outcome, call.agent, call.wait = "answered", line[3], float(line[5])


def _abandoned(call: QueueCall, line: Sequence[str]) -> None:
    call.outcome, call.wait = "abandoned", float(line[7])


def _completed(call: QueueCall, line: Sequence[str]) -> None:
    call.talk = float(line[6])
    call.ended_by = "agent" if line[4] == "COMPLETEAGENT" else "customer"


def _transferred(call: QueueCall, line: Sequence[str]) -> None:
    """BLINDTRANSFER: extension, context, hold time, call time, position; ATTENDEDTRANSFER: method, id, both times."""
    call.talk, call.transferred = float(line[8]), True


_STEPS: Final[dict[str, Callable[[QueueCall, Sequence[str]], None]]] = {
    "CONNECT": _connected,
    "ABANDON": _abandoned,
    **dict.fromkeys(COMPLETED, _completed),
    **dict.fromkeys(TRANSFERRED, _transferred),
}

# The columns of cdr_csv's Master.csv with loguniqueid=yes.
_CHANNEL, _DST_CHANNEL, _START, _END = 5, 6, 9, 11
_DISPOSITION, _UNIQUE_ID = 14, 16


def call_records(text: str, channel_prefix: str) -> dict[str, Records]:
    """The records of the callers' channels (those whose name begins with the prefix), by Uniqueid."""
    found: dict[str, Records] = {}
    for row in csv.reader(io.StringIO(text)):
        if len(row) <= _UNIQUE_ID or not row[_CHANNEL].startswith(channel_prefix):
            continue
        unique_id = row[_UNIQUE_ID]
        one = found.setdefault(unique_id, Records(unique_id, row[_START], row[_END], 0.0))
        one.start, one.end = min(one.start, row[_START]), max(one.end, row[_END])
        one.duration = _seconds(one.end) - _seconds(one.start)
        one.dispositions.append(row[_DISPOSITION])
        if row[_DISPOSITION] == "ANSWERED" and row[_DST_CHANNEL]:
            one.agents.append(row[_DST_CHANNEL].rpartition("-")[0])
    return found


def _seconds(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()


@dataclass(frozen=True)
class Difference:
    """One disagreement: whose witness, what, theirs and ours."""

    unique_id: str
    witness: str
    what: str
    theirs: object
    ours: object


@dataclass
class Comparison:
    """The table of differences (must be empty) and what was compared."""

    differences: list[Difference] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)
    largest: dict[str, float] = field(default_factory=dict)
    """Largest difference in seconds that was within the tolerance, by what was compared."""

    def same(self, unique_id: str, witness: str, what: str, theirs: object, ours: object) -> None:
        """Both must be equal."""
        self.compared[f"{witness} {what}"] += 1
        if theirs != ours:
            self.differences.append(Difference(unique_id, witness, what, theirs, ours))

    def near(self, unique_id: str, witness: str, what: str, theirs: float | None, ours: float | None) -> None:
        """Both must be within the tolerance."""
        key = f"{witness} {what}"
        self.compared[key] += 1
        off = abs(theirs - ours) if theirs is not None and ours is not None else float("inf")
        if off > TOLERANCE_SECONDS + SLACK:
            self.differences.append(Difference(unique_id, witness, what, theirs, ours))
        else:
            self.largest[key] = max(self.largest.get(key, 0.0), off)


def compare(
    interactions: Iterable[dict[str, Any]], queued: dict[str, QueueCall], records: dict[str, Records]
) -> Comparison:
    """Every call once, and what we say of it beside what both witnesses say."""
    result = Comparison()
    ours: dict[str, list[dict[str, Any]]] = {}
    for item in interactions:
        caller = next((one for one in item["unique_ids"] if one in queued or one in records), None)
        ours.setdefault(caller or f"(of ours only: {item['unique_ids'][:1]})", []).append(item)
    for unique_id in sorted({*ours, *queued, *records}):
        found = ours.get(unique_id, [])
        expected = 1 if unique_id in queued or unique_id in records else 0
        result.same(unique_id, "log", "times in our log", expected, len(found))
        if len(found) == expected == 1:
            _compare_queue(result, found[0], queued.get(unique_id), unique_id)
            _compare_records(result, found[0], records.get(unique_id), unique_id)
    return result


def _compare_queue(result: Comparison, item: dict[str, Any], call: QueueCall | None, unique_id: str) -> None:
    result.same(unique_id, "queue_log", "entered", call is not None, bool(item["queue_visits"]))
    if call is None:
        return
    result.same(unique_id, "queue_log", "queue", call.queue, item["queue"])
    result.same(unique_id, "queue_log", "outcome", call.outcome, item["outcome"])
    result.near(unique_id, "queue_log", "wait", call.wait, item["wait_seconds"])
    if call.outcome != "answered":
        return
    first: dict[str, Any] = item["segments"][0] if item["segments"] else {"agent": None, "from": 0.0, "to": None}
    result.same(unique_id, "queue_log", "agent", call.agent, first["agent"])
    result.same(unique_id, "queue_log", "transferred", call.transferred, bool(item["transfers"]))
    talk = first["to"] - first["from"] if call.transferred and first["to"] else item["talk_seconds"]
    result.near(unique_id, "queue_log", "talk", call.talk, talk)
    if not call.transferred:
        result.same(unique_id, "queue_log", "ended by", call.ended_by, item["ended_by"])


def _compare_records(result: Comparison, item: dict[str, Any], one: Records | None, unique_id: str) -> None:
    result.same(unique_id, "cdr", "written", True, one is not None)
    if one is None:
        return
    whole = item["ended_at"] is not None and item["started_at"] is not None
    result.near(unique_id, "cdr", "duration", one.duration, item["ended_at"] - item["started_at"] if whole else None)
    if item["segments"]:
        result.same(unique_id, "cdr", "agent", True, item["segments"][0]["agent"] in one.agents)
    else:
        result.same(unique_id, "cdr", "agent", [], one.agents)
