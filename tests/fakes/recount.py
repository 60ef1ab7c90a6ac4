"""The reports once more, in plain Python over the rows, by definitions written down a second time.

Nothing of ``interaction_log.metrics``, ``periods`` or the store is used: what both say has two reasons.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.fakes.month import Month, Row

WEEK = 7 * 86_400.0
Numbers = dict[str, float | None]
Found = dict[tuple[Any, str], Numbers]


def label(at: float, zone: ZoneInfo, step: str) -> str:
    """The local beginning of the period of a moment, as RFC 3339."""
    local = datetime.fromtimestamp(at, zone)
    if step in ("15min", "30min", "hour"):
        minutes = {"15min": 15, "30min": 30, "hour": 60}[step]
        return local.replace(minute=local.minute // minutes * minutes, second=0, microsecond=0).isoformat()
    day = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if step == "week":
        day -= timedelta(days=day.weekday())
    return (day.replace(day=1) if step == "month" else day).isoformat()


def _percent(part: float, whole: float) -> float | None:
    return round(100 * part / whole, 2) if whole else None


def _mean(total: float, n: int) -> float | None:
    return round(total / n, 3) if n else None


class Recount:
    """Over one month. ``level``: seconds of the service level; ``now``: Unix seconds."""

    def __init__(
        self, month: Month, zone: str, step: str, *, now: float, end: float, level: float = 20.0, short: float = 5.0
    ):
        self.end = end
        self.month, self.zone, self.step, self.now = month, ZoneInfo(zone), step, now
        self.level, self.short = level, short
        self.by_id = {row["id"]: row for row in month.interactions}
        self.promised = {row["requested_in"] for row in month.callbacks}
        self.sent_on: dict[str, int] = defaultdict(int)
        for leg in month.legs:
            self.sent_on[leg["interaction_id"]] += leg["kind"] == "segment" and leg["result"] == "transferred"
        self.wrapped: dict[str, float] = defaultdict(float)
        for state in month.states:
            if state["state"] == "WRAP_UP":
                self.wrapped[state["interaction_id"]] += round((state["to_at"] or now) - state["from_at"], 3)
        self.labels: dict[int, str] = {}

    def label(self, at: float) -> str:
        quarter = int(at // 900)
        if quarter not in self.labels:
            self.labels[quarter] = label(quarter * 900, self.zone, self.step)
        return self.labels[quarter]

    # --- calls ---------------------------------------------------------------------------------

    def queues(self) -> Found:
        visits: dict[str, list[Row]] = defaultdict(list)
        for row in self.month.visits:
            visits[row["interaction_id"]].append(row)
        cells: dict[tuple[Any, str], list[tuple[str, float, float, Row, bool, bool]]] = defaultdict(list)
        for of, rows in visits.items():
            taken = False
            for row in sorted(rows, key=lambda row: row["n"]):
                outcome = self._visit(row, row is rows[-1], of)
                gave_up = row["result"] in ("abandoned", "timeout", "no_agent")
                wait = row["wait_seconds"]
                one = (outcome, wait if wait is not None else -1.0, self.level, self.by_id[of], gave_up, not taken)
                cells[row["queue"], self.label(row["entered_at"])].append(one)
                taken = taken or outcome == "answered"
        return self._calls(cells, lambda row: row["queue"])

    def _visit(self, row: Row, last: bool, of: str) -> str:
        result = row["result"]
        if result is None:
            return "waiting" if last and not self.by_id[of]["ended"] else "unaccounted"
        if result in ("timeout", "no_agent", "left") and not last:
            return "overflowed"
        if result != "answered" and result != "pbx_lost" and of in self.promised:
            return "callback"
        if result == "abandoned" and row["wait_seconds"] < self.short:
            return "abandoned_short"
        return {"timeout": "timed_out", "pbx_lost": "lost"}.get(result, result)

    def contacts(self, key: Callable[[Row], Any]) -> Found:
        cells: dict[tuple[Any, str], list[tuple[str, float, float, Row, bool, bool]]] = defaultdict(list)
        for row in self.month.interactions:
            if row["direction"] == "inbound":
                wait = row["wait_seconds"]
                one = (self._contact(row), wait if wait is not None else -1.0, self.level, row, False, True)
                cells[key(row), self.label(row["sorted_at"])].append(one)
        return self._calls(cells, key)

    def _contact(self, row: Row) -> str:
        outcome = row["outcome"]
        if not row["ended"]:
            return "waiting"
        if outcome in ("timeout", "no_agent", "abandoned") and row["id"] in self.promised:
            return "callback"
        if outcome == "abandoned" and row["wait_seconds"] is not None and row["wait_seconds"] < self.short:
            return "abandoned_short"
        return {"timeout": "timed_out", "pbx_lost": "lost"}.get(outcome, outcome)

    def _calls(self, cells: dict[Any, list[Any]], key: Callable[[Row], Any]) -> Found:
        again = self._again(key)
        found: Found = {}
        for at in {*cells, *again}:
            found[at] = self._numbers(cells.get(at, [])) | again.get(at, _AGAIN)
        return found

    def _numbers(self, rows: list[tuple[str, float, float, Row, bool, bool]]) -> Numbers:
        def of(name: str) -> list[Any]:
            return [row for row in rows if row[0] == name]

        answered, abandoned, short = of("answered"), of("abandoned"), of("abandoned_short")
        waits = [row[1] for row in answered]
        in_time = sum(0 <= wait <= self.level for wait in waits)
        base = len(rows) - len(short) - len(of("waiting"))
        gave_up = [row for row in rows if row[4]]
        gave_up_in = sum(0 <= row[1] <= self.level for row in gave_up)
        handled = [row[3] for row in answered if row[5]]
        talk, hold = sum(one["talk_seconds"] for one in handled), sum(one["hold_seconds"] for one in handled)
        acw = sum(self.wrapped.get(one["id"], 0.0) for one in handled)
        names = ("answered", "abandoned", "abandoned_short", "timed_out", "overflowed", "callback", "no_agent")
        more = ("left", "lost", "waiting", "busy", "no_answer", "unaccounted")
        return {
            "offered": len(rows),
            **{name: len(of(name)) for name in (*names, *more)},
            "abandon_rate": _percent(len(abandoned), base),
            "asa": _mean(sum(max(0.0, wait) for wait in waits), len(answered)),
            "abandon_wait": _mean(sum(row[1] for row in abandoned), len(abandoned)),
            "service_level": _percent(in_time, base),
            "service_level_asterisk": _percent(in_time, len(answered)),
            "service_level_asterisk2": _percent(in_time + gave_up_in, len(answered) + len(gave_up)),
            "handled": len(handled),
            "aht": _mean(talk + acw, len(handled)),
            "talk": _mean(talk - hold, len(handled)),
            "hold": _mean(hold, len(handled)),
            "acw": _mean(acw, len(handled)),
            "transfers": sum(self.sent_on[one["id"]] for one in handled),
        }

    def _again(self, key: Callable[[Row], Any]) -> Found:
        people: dict[str, list[Row]] = defaultdict(list)
        for row in self.month.interactions:
            person = row["customer_id"] or row["customer_address"]
            if row["direction"] == "inbound" and person is not None:
                people[person].append(row)
        counts: dict[Any, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("known", "again", "over", "done"), 0))
        for rows in people.values():
            rows.sort(key=lambda row: (row["sorted_at"], row["id"]))
            for n, row in enumerate(rows):
                at = row["sorted_at"]
                into = counts[key(row), self.label(at)]
                into["known"] += 1
                into["again"] += n > 0 and at - rows[n - 1]["sorted_at"] <= WEEK
                if row["outcome"] == "answered" and at + WEEK <= self.now:
                    into["over"] += 1
                    into["done"] += n == len(rows) - 1 or rows[n + 1]["sorted_at"] - at > WEEK
        return {
            at: {
                "repeats": one["again"],
                "repeat_rate": _percent(one["again"], one["known"]),
                "fcr": _percent(one["done"], one["over"]),
            }
            for at, one in counts.items()
            if at[0] is not None
        }

    # --- agents --------------------------------------------------------------------------------

    def agents(self) -> Found:
        cells: dict[Any, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        had: set[tuple[str, str]] = set()
        telephones: set[tuple[str, str]] = set()
        for leg in sorted(self.month.legs, key=lambda leg: (leg["interaction_id"], leg["kind"], leg["n"])):
            into = cells[leg["agent"], self.label(leg["from_at"])]
            if leg["kind"] == "offer":
                into["offers"] += 1
                into["offers_answered"] += leg["result"] == "answered"
                into["offers_missed"] += leg["result"] == "no_answer"
                continue
            one = (leg["interaction_id"], leg["agent"])
            into["handled"] += one not in had
            had.add(one)
            into["_talk"] += leg["to_at"] - leg["from_at"]
            into["transfers"] += leg["result"] == "transferred"
            held = self.by_id[leg["interaction_id"]]
            telephone = (leg["interaction_id"], leg["device"])
            if held.get("_device") == leg["device"] and telephone not in telephones:
                into["_hold"] += held["hold_seconds"]
            telephones.add(telephone)
        self._spend(cells)
        return {at: self._agent(one) for at, one in cells.items()}

    def _spend(self, cells: dict[Any, dict[str, float]]) -> None:
        edges = sorted(self._edges())
        for row in self.month.states:
            if row["state"] == "LOGGED_OUT":
                continue
            begin, end = max(row["from_at"], edges[0]), min(row["to_at"] or self.now, self.end)
            while begin < end:
                n = bisect_right(edges, begin)
                until = min(end, edges[n]) if n < len(edges) else end
                into = cells[row["agent"], self.label(begin)]
                into[f"in_{row['state'].lower()}"] += until - begin
                begin = until

    def _edges(self) -> Iterator[float]:
        """Where periods begin: wherever the label changes, looking at every quarter of an hour."""
        last = None
        quarter = int(self.month.start // 900)
        while quarter * 900 <= self.end:
            now = label(quarter * 900, self.zone, self.step)
            if now != last:
                yield quarter * 900.0
            last, quarter = now, quarter + 1

    @staticmethod
    def _agent(one: dict[str, float]) -> Numbers:
        n = int(one["handled"])
        states = ("in_ready", "in_offered", "in_busy", "in_wrap_up", "in_not_ready")
        ready, offered, busy, wrap, away = (one[name] for name in states)
        return {
            **{name: int(one[name]) for name in ("offers", "offers_answered", "offers_missed", "handled", "transfers")},
            **{name: round(one[name], 3) for name in states},
            "signed_in": round(ready + offered + busy + wrap + away, 3),
            "occupancy": _percent(busy + wrap, ready + offered + busy + wrap),
            "planned": 0.0,
            "adherence": None,
            "availability": _percent(ready + offered + busy + wrap, ready + offered + busy + wrap + away),
            "aht": _mean(one["_talk"] + wrap, n),
            "talk": _mean(one["_talk"] - one["_hold"], n),
            "hold": _mean(one["_hold"], n),
            "acw": _mean(wrap, n),
        }


_AGAIN: Numbers = {"repeats": 0, "repeat_rate": None, "fcr": None}


def differences(found: Found, table: dict[str, Any]) -> list[str]:
    """Where a report (as JSON) and the recount differ; a float in its last digit does not count."""
    labels = [period["label"] for period in table["periods"]]
    rows = {(row["key"], labels[row["period"]]): row for row in table["rows"]}
    wrong = []
    for at in {*rows, *found}:
        ours, theirs = rows.get(at), found.get(at)
        if ours is None or theirs is None:
            one = theirs or {name: value for name, value in (ours or {}).items() if name not in ("key", "period")}
            if any(one.values()):
                wrong.append(f"{at}: only in {'the recount' if ours is None else 'the report'}: {one}")
            continue
        for name, value in theirs.items():
            same = value == ours.get(name, 0)
            if not same and isinstance(value, float) and isinstance(ours.get(name), float):
                same = abs(value - ours[name]) < 0.0101
            if not same and name in ours:
                wrong.append(f"{at} {name}: {ours[name]} in the report, {value} counted")
    return sorted(wrong)
