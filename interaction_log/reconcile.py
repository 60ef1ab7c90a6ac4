"""The log beside what Asterisk itself wrote: ``queue_log`` and the call detail records of ``cdr_csv``. Pure.

Both witnesses write whole seconds: a duration is the difference of two readings of a clock without fractions. Ours is
read off the same clock in the same way, so that truncation explains nothing any more: nearly all are equal. One may be
a second off where the clock's second changed between the moment that Asterisk wrote down and the one that it told us.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from math import floor
from typing import Any, Final

TOLERANCE_SECONDS: Final = 1
"""Whole seconds. What Asterisk writes down and what it tells are two things that it does one after the other: it stops
the waiting clock when the agent lifts, we when the two are connected; it ends the record when the channel is gone, we
when the customer left. The clock's second may change in between."""

COMPLETED: Final = ("COMPLETECALLER", "COMPLETEAGENT")
TRANSFERRED: Final = ("BLINDTRANSFER", "ATTENDEDTRANSFER")
_RESULTS: Final = {
    "EXITWITHTIMEOUT": "timeout",
    "EXITEMPTY": "no_agent",
    "EXITWITHKEY": "left",
    "JOINEMPTY": "no_agent",
}


@dataclass
class QueueCall:
    """One visit of a queue as queue_log tells it; seconds. ``talk`` of a transferred call ends at the transfer.

    ``result``: answered, abandoned, timeout, no_agent, left; ``None``: the file ends before.
    """

    unique_id: str
    queue: str
    at: float
    result: str | None = None
    wait: float | None = None
    talk: float | None = None
    agent: str | None = None
    transferred: bool = False
    ended_by: str | None = None


@dataclass
class CallRecords:
    """All CDRs of one channel; ``start`` and ``end`` as written, without a time zone: only their difference counts."""

    unique_id: str
    start: str
    end: str
    agents: list[str] = field(default_factory=list)
    """Devices of the records with disposition ANSWERED."""

    @property
    def seconds(self) -> float:
        """From the first record's start to the last one's end."""
        return _seconds(self.end) - _seconds(self.start)


# --- reading -------------------------------------------------------------------------------------


def queue_log(text: str) -> dict[str, list[QueueCall]]:
    """The visits of a queue_log file, by the caller's Uniqueid. Lines that are none are passed over."""
    calls: dict[str, list[QueueCall]] = {}
    for line in text.splitlines():
        parts = line.split("|")
        if len(parts) >= 5:
            _take(calls, parts)
    return calls


def _take(calls: dict[str, list[QueueCall]], line: Sequence[str]) -> None:
    mine = calls.get(line[1])
    if line[4] in ("ENTERQUEUE", "JOINEMPTY"):
        calls.setdefault(line[1], []).append(QueueCall(line[1], line[2], _number(line, 0) or 0.0))
        mine = calls[line[1]]
    step = _STEPS.get(line[4])
    if mine and step is not None:
        step(mine[-1], line)


def _number(line: Sequence[str], place: int) -> float | None:
    try:
        return float(line[place])
    except (IndexError, ValueError):
        return None


def _connected(call: QueueCall, line: Sequence[str]) -> None:
    call.result, call.agent, call.wait = "answered", line[3], _number(line, 5)


def _abandoned(call: QueueCall, line: Sequence[str]) -> None:
    """Position, original position, hold time."""
    call.result, call.wait = "abandoned", _number(line, 7)


def _left(call: QueueCall, line: Sequence[str]) -> None:
    """EXITWITHTIMEOUT and EXITEMPTY: position, original position, wait; EXITWITHKEY: the key before them."""
    call.result = _RESULTS[line[4]]
    call.wait = _number(line, 8 if line[4] == "EXITWITHKEY" else 7)


def _completed(call: QueueCall, line: Sequence[str]) -> None:
    call.talk = _number(line, 6)
    call.ended_by = "agent" if line[4] == "COMPLETEAGENT" else "customer"


def _transferred(call: QueueCall, line: Sequence[str]) -> None:
    """BLINDTRANSFER: extension, context, hold time, call time, position; ATTENDEDTRANSFER: method, id, both times."""
    call.talk, call.transferred = _number(line, 8), True


_STEPS: Final[dict[str, Callable[[QueueCall, Sequence[str]], None]]] = {
    "CONNECT": _connected,
    "ABANDON": _abandoned,
    **dict.fromkeys(_RESULTS, _left),
    **dict.fromkeys(COMPLETED, _completed),
    **dict.fromkeys(TRANSFERRED, _transferred),
}

# The columns of cdr_csv's Master.csv with loguniqueid=yes.
_CHANNEL, _DST_CHANNEL, _START, _END = 5, 6, 9, 11
_DISPOSITION, _UNIQUE_ID = 14, 16


def call_records(text: str, trunks: Sequence[str] = ("*",)) -> dict[str, CallRecords]:
    """The records of channels of these devices (globs as in ``[[pbx]] trunks``), by Uniqueid."""
    found: dict[str, CallRecords] = {}
    for row in csv.reader(io.StringIO(text)):
        if len(row) <= _UNIQUE_ID or not any(fnmatchcase(_device(row[_CHANNEL]), glob) for glob in trunks):
            continue
        unique_id = row[_UNIQUE_ID]
        one = found.setdefault(unique_id, CallRecords(unique_id, row[_START], row[_END]))
        one.start, one.end = min(one.start, row[_START]), max(one.end, row[_END])
        if row[_DISPOSITION] == "ANSWERED" and row[_DST_CHANNEL]:
            one.agents.append(_device(row[_DST_CHANNEL]))
    return found


def _device(channel: str) -> str:
    return channel.rpartition("-")[0]


def _seconds(stamp: str) -> float:
    return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()


# --- comparing -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """One disagreement about one call: whose witness, what, theirs and ours."""

    unique_id: str
    witness: str
    what: str
    theirs: object
    ours: object
    interaction: str | None = None


@dataclass
class Comparison:
    """The table of differences (empty: all agree) and what was compared."""

    differences: list[Difference] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)
    equal: Counter[str] = field(default_factory=Counter)
    """How many durations were the same to the second, by what was compared."""

    def same(self, of: tuple[str, str | None], witness: str, what: str, theirs: object, ours: object) -> None:
        """Both must be equal."""
        self.compared[f"{witness} {what}"] += 1
        if theirs != ours:
            self.differences.append(Difference(of[0], witness, what, theirs, ours, of[1]))

    def near(
        self,
        of: tuple[str, str | None],
        what: tuple[str, str],
        theirs: float | None,
        began: float | None,
        seconds: float | None,
    ) -> None:
        """Both must be within the tolerance. Ours: Unix seconds of its beginning, and how long it was."""
        key = " ".join(what)
        self.compared[key] += 1
        ours = floor(began + seconds) - floor(began) if began is not None and seconds is not None else None
        if theirs is None or ours is None or abs(theirs - ours) > TOLERANCE_SECONDS:
            self.differences.append(Difference(of[0], *what, theirs, seconds if ours is None else ours, of[1]))
        else:
            self.equal[key] += theirs == ours


def compare(
    interactions: Iterable[Mapping[str, Any]],
    queued: Mapping[str, Sequence[QueueCall]] | None,
    records: Mapping[str, CallRecords] | None,
) -> Comparison:
    """Every inbound call once, and what the log says of it beside what the witnesses say; ``None``: no such file.

    ``interactions``: objects of DESIGN 6.1. Calls that still run are passed over.
    """
    result = Comparison()
    theirs = {*(queued or ()), *(records or ())}
    ours: dict[str, list[Mapping[str, Any]]] = {}
    for item in interactions:
        if item["channel"] != "voice" or item["direction"] != "inbound" or item["outcome"] is None:
            continue
        known = next((one for one in item["unique_ids"] if one in theirs), None)
        ours.setdefault(known or next(iter(item["unique_ids"]), str(item.get("id"))), []).append(item)
    for unique_id in sorted({*ours, *theirs}):
        _call(result, unique_id, ours.get(unique_id, []), queued, records)
    return result


def _call(
    result: Comparison,
    unique_id: str,
    found: Sequence[Mapping[str, Any]],
    queued: Mapping[str, Sequence[QueueCall]] | None,
    records: Mapping[str, CallRecords] | None,
) -> None:
    of = (unique_id, found[0].get("id") if found else None)
    finished = [one for one in (queued or {}).get(unique_id, ()) if one.result is not None]
    if found or finished or unique_id in (records or {}):
        result.same(of, "log", "times in our log", 1, len(found))
    if len(found) != 1:
        return
    if queued is not None:
        _compare_queue(result, of, found[0], finished)
    if records is not None:
        _compare_records(result, of, found[0], records.get(unique_id))


def _visits(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (visit for visit in item["queue_visits"] if visit["result"] not in (None, "pbx_lost"))


def _compare_queue(
    result: Comparison, of: tuple[str, str | None], item: Mapping[str, Any], calls: Sequence[QueueCall]
) -> None:
    ours = list(_visits(item))
    result.same(of, "queue_log", "visits", len(calls), len(ours))
    if len(ours) != len(calls):
        return
    for call, visit in zip(calls, ours, strict=True):
        result.same(of, "queue_log", "queue", call.queue, visit["queue"])
        result.same(of, "queue_log", "result", call.result, visit["result"])
        if call.wait is not None:
            result.near(of, ("queue_log", "wait"), call.wait, visit["entered_at"], visit["wait_seconds"])
    answered = [call for call in calls if call.result == "answered"]
    if len(answered) == 1:
        _compare_talk(result, of, item, answered[0])


def _compare_talk(result: Comparison, of: tuple[str, str | None], item: Mapping[str, Any], call: QueueCall) -> None:
    first: Mapping[str, Any] = item["segments"][0] if item["segments"] else {"agent": None, "from": 0.0, "to": None}
    result.same(of, "queue_log", "agent", call.agent, first["agent"])
    result.same(of, "queue_log", "transferred", call.transferred, bool(item["transfers"]))
    talk = first["to"] - first["from"] if call.transferred and first["to"] else item["talk_seconds"]
    if call.talk is not None:
        result.near(of, ("queue_log", "talk"), call.talk, first["from"], talk)
    if not call.transferred and call.ended_by is not None:
        result.same(of, "queue_log", "ended by", call.ended_by, item["ended_by"])


def _compare_records(
    result: Comparison, of: tuple[str, str | None], item: Mapping[str, Any], one: CallRecords | None
) -> None:
    result.same(of, "cdr", "written", True, one is not None)
    if one is None:
        return
    whole = item["ended_at"] is not None and item["started_at"] is not None
    seconds = item["ended_at"] - item["started_at"] if whole else None
    result.near(of, ("cdr", "duration"), one.seconds, item["started_at"], seconds)
    if item["segments"]:
        result.same(of, "cdr", "agent", True, item["segments"][0]["agent"] in one.agents)
    else:
        result.same(of, "cdr", "agent", [], one.agents)


def began(unique_ids: Iterable[str]) -> tuple[float, float] | None:
    """When the first and the last of these calls began: a Uniqueid (``[SYSTEM-]SECONDS.N``) has Unix seconds."""
    times = []
    for one in unique_ids:
        seconds = one.rpartition("-")[2].partition(".")[0]
        if seconds.isdigit():
            times.append(float(seconds))
    return (min(times), max(times) + 1.0) if times else None
