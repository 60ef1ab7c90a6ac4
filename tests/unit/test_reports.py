"""Definitions, periods, schedules, orders, views of customers: everything about reports that is pure."""

from __future__ import annotations

import io
import random
from datetime import datetime
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interaction_log import analytics, metrics, orders, schedules
from interaction_log.periods import MOST_PERIODS, STEPS, Step, moment, periods
from interaction_log.report_files import csv_of, rows_of, safe, xlsx_of

ZONES = (
    "UTC",
    "Europe/Berlin",
    "Asia/Shanghai",
    "America/Santiago",  # midnight is skipped
    "Australia/Lord_Howe",  # half an hour
    "America/Havana",  # midnight comes twice
    "Asia/Kathmandu",  # a quarter of an hour off
)


def test_the_page_of_metrics_is_what_the_code_says() -> None:
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert page.read_text() == metrics.page(), "run: python -m interaction_log.metrics > docs/metrics.md"


def test_metrics_have_one_name_each_and_compute_nothing_of_nothing() -> None:
    names = [one.name for one in metrics.METRICS]
    assert len(set(names)) == len(names)
    for one in metrics.METRICS:
        assert one.value({}) in (0, None), one.name
        assert one.formula and one.source and set(one.reports) <= set(metrics.REPORTS)


def test_three_service_levels_of_the_same_calls() -> None:
    sums = {"offered": 10, "answered": 6, "answered_in": 4, "given_up": 4, "given_up_in": 2, "abandoned_short": 1}
    found = metrics.values("queues", sums)
    assert found["service_level"] == round(100 * 4 / 9, 2)
    assert found["service_level_asterisk"] == round(100 * 4 / 6, 2)
    assert found["service_level_asterisk2"] == 60.0


@given(
    st.sampled_from(ZONES),
    st.sampled_from([step for step in get_args(Step) if step != "whole"]),
    st.integers(90 * 86_400, 2_000_000_000),
    st.integers(1, 40 * 86_400),
)
def test_each_second_is_in_exactly_one_whole_period(zone: str, step: Any, start: int, length: int) -> None:
    try:
        cut = periods(start, start + length, step, zone)
    except ValueError:
        assert length / 900 > MOST_PERIODS
        return
    assert cut.start <= start and cut.end >= start + length
    assert list(cut.edges) == sorted(set(cut.edges))
    for at in (start, start + length // 2, start + length - 1):
        n = cut.number(at)
        assert cut.edges[n] <= at < cut.edges[n + 1]
    again = periods(cut.start, cut.end, step, zone)
    assert again.edges == cut.edges, "whole periods stay as they are"
    labels = [cut.label(n) for n in range(len(cut))]
    assert len(set(labels)) == len(labels), "also the hour that comes twice"
    for first, length_, n in cut.runs():
        assert cut.edges[n] == first and cut.edges[n + 1] - first == length_


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/Santiago", "2026-09-06", 23),
        ("America/Santiago", "2026-04-04", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Asia/Shanghai", "2026-03-29", 24),
    ],
)
def test_days_have_the_hours_that_they_have(zone: str, day: str, hours: float) -> None:
    start = moment(day, zone)
    cut = periods(start, start + 3_600, "day", zone)
    assert len(cut) == 1 and cut.end - cut.start == hours * 3_600
    by_hour = periods(cut.start, cut.end, "hour", zone)
    assert by_hour.start == cut.start and by_hour.end == cut.end
    assert len(by_hour) == round(hours + 0.1)


def test_periods_refuse_nonsense() -> None:
    for start, end, step, zone in (
        (10.0, 10.0, "day", "UTC"),
        (float("nan"), 10.0, "day", "UTC"),
        (0.0, 1e9, "15min", "UTC"),
        (0.0, 10.0, "day", "Atlantis/Capital"),
        (0.0, 10.0, "day", "../../etc/passwd"),
    ):
        with pytest.raises(ValueError):
            periods(start, end, step, zone)  # type: ignore[arg-type]
    assert "whole" in STEPS


# --- schedules -----------------------------------------------------------------------------------


def schedule(**more: Any) -> schedules.Schedule:
    usual: dict[str, Any] = {
        "id": "s",
        "name": "Morning",
        "question": {"report": "queues"},
        "every": "day",
        "at_minute": 150,
        "zone": "Europe/Berlin",
        "recipients": ["a@example.com"],
        "created_by": "sofia",
        "created_at": 0.0,
    }
    return schedules.Schedule(**usual | more)


def local(at: float, zone: str = "Europe/Berlin") -> str:
    return datetime.fromtimestamp(at, ZoneInfo(zone)).isoformat()


def test_a_daily_report_comes_once_a_day_also_when_the_clocks_are_moved() -> None:
    start, end = moment("2026-03-28", "Europe/Berlin"), moment("2026-03-31", "Europe/Berlin")
    assert [local(at) for at in schedules.due(schedule(), start, end)] == [
        "2026-03-28T02:30:00+01:00",
        "2026-03-29T03:00:00+02:00",  # half past two does not exist
        "2026-03-30T02:30:00+02:00",
    ]
    start, end = moment("2026-10-24", "Europe/Berlin"), moment("2026-10-27", "Europe/Berlin")
    found = list(schedules.due(schedule(), start, end))
    assert [local(at) for at in found] == [
        "2026-10-24T02:30:00+02:00",
        "2026-10-25T02:30:00+02:00",  # the first of two
        "2026-10-26T02:30:00+01:00",
    ]
    assert list(schedules.due(schedule(), found[1], end)) == found[2:], "after a run the next one"


def test_what_a_report_covers() -> None:
    monday = moment("2026-11-02", "Europe/Berlin") + 7 * 3_600
    for every, first, last in (
        ("day", "2026-11-01", "2026-11-02"),
        ("week", "2026-10-26", "2026-11-02"),
        ("month", "2026-10-01", "2026-11-01"),
    ):
        covered = schedules.covered(schedule(every=every), monday)
        assert covered == (moment(first, "Europe/Berlin"), moment(last, "Europe/Berlin"))
    due = list(schedules.due(schedule(every="month", at_minute=0), monday, monday + 100 * 86_400))
    assert [local(at)[:10] for at in due] == ["2026-12-01", "2027-01-01", "2027-02-01"]


# --- orders and customers ------------------------------------------------------------------------


def test_orders_out_of_rows() -> None:
    row = {"number": "A-1", "customer": "c1", "ordered_at": "2026-10-25", "amount": "1,234.50", "currency": "eur"}
    one = orders.order(row, zone="Europe/Berlin", currency="CNY")
    assert (one.amount, one.currency, one.ordered_at) == (123_450, "EUR", moment("2026-10-25", "Europe/Berlin"))
    assert orders.order(row | {"amount": "-3", "currency": ""}, zone="UTC", currency="CNY").amount == -300
    for field, value in (
        ("amount", "12,5"),
        ("amount", "1.005"),
        ("amount", "NaN"),
        ("amount", "1e99"),
        ("ordered_at", "yesterday"),
        ("ordered_at", "1960-01-01"),
        ("currency", "Euro"),
        ("number", ""),
        ("product", "x" * 300),
    ):
        with pytest.raises(ValueError) as caught:
            orders.order(row | {field: value}, zone="UTC", currency="CNY")
        assert caught.value.args[0] == field
    assert orders.heading(["Number", "Customer", "Ordered at", "AMOUNT", "colour"])[-1] is None
    with pytest.raises(ValueError, match="ordered_at, amount"):
        orders.heading(["number", "customer"])


def test_rfm_segments_and_habits() -> None:
    found = {analytics.rfm_segment(r, f) for r in range(1, 6) for f in range(1, 6)}
    assert found == set(analytics.RFM_SEGMENTS)
    day = analytics.DAY
    assert analytics.overdue(0, 20 * day, 3, 40 * day) == 2.0
    assert analytics.overdue(0, 20 * day, 2, 40 * day) is None
    assert analytics.overdue(5, 5, 4, 40 * day) is None
    for count in (1, 4, 5, 13):
        cut = [analytics.quintile(rank, count) for rank in range(count)]
        assert cut == sorted(cut) and cut[0] == 1 and cut[-1] == min(count, 5)


def test_files_are_safe_and_whole() -> None:
    assert safe("=1+1") == "'=1+1" and safe(-3.0) == -3.0 and safe("售后") == "售后"
    assert csv_of([["a", None], ["=x", 1.5]]) == b"\xef\xbb\xbfa,\r\n'=x,1.5\r\n"
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(xlsx_of([("a/b" * 20, [["x", None], ["售后", 2]])])))
    assert [[cell.value for cell in row] for row in book.worksheets[0].rows] == [["x", None], ["售后", 2]]
    answer = {
        "metrics": [{"name": "offered"}],
        "group": "queue",
        "periods": [{"label": "A", "until": "B"}],
        "rows": [{"key": "q", "period": 0, "offered": random.Random(1).randrange(9)}],
        "of_keys": [{"key": "q", "offered": 2}],
        "total": {"offered": 2},
    }
    assert rows_of(answer)[0] == ["from", "to", "queue", "offered"]
    assert rows_of(answer)[-1] == ["A", "B", "total", 2]
