"""When a visitor may wish to be called: never when nobody calls."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from cti_gateway.chat.call_times import HOUR, LONGEST_HOURS, MOST, call_times, is_called_in
from routing.hours import Holiday, Hours, Span

SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = (Span(9 * 60, 17 * 60 + 30),)
WEEKDAYS = Hours(SHANGHAI, (OFFICE,) * 5 + ((), ()))


def at(text: str, zone: ZoneInfo = SHANGHAI) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def shown(hours: Hours, now: float) -> list[str]:
    def wall(seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, hours.zone)

    return [f"{wall(one['from']):%a %H:%M}-{wall(one['to']):%H:%M}" for one in call_times(hours, now)]


def test_on_friday_evening_the_next_is_monday_morning() -> None:
    friday = at("2026-11-20T18:40")
    assert shown(WEEKDAYS, friday)[:3] == ["Mon 09:00-12:00", "Mon 12:00-15:00", "Mon 15:00-17:00"]


def test_what_is_left_of_today_begins_with_the_next_full_hour() -> None:
    assert shown(WEEKDAYS, at("2026-11-23T13:20"))[:2] == ["Mon 14:00-17:00", "Tue 09:00-12:00"]


def test_who_is_closed_for_long_offers_none() -> None:
    away = Holiday(datetime(2026, 11, 1), datetime(2027, 1, 1))
    assert call_times(Hours(SHANGHAI, (OFFICE,) * 7, holidays=(away,)), at("2026-11-20T18:40")) == []


def test_a_window_in_which_nobody_calls() -> None:
    sunday = at("2026-11-22T09:00")
    assert not is_called_in(WEEKDAYS, sunday, sunday + 3 * HOUR)
    assert is_called_in(WEEKDAYS, sunday, sunday + 24 * HOUR + 60)


SPANS = st.tuples(st.integers(0, 1_380), st.integers(60, 1_440)).map(
    lambda pair: (Span(pair[0], max(pair[0] + 1, pair[1])),)
)


@given(
    st.lists(st.one_of(st.just(()), SPANS), min_size=7, max_size=7),
    st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "UTC"]),
    st.integers(int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2027, 12, 31, tzinfo=UTC).timestamp())),
)
def test_each_is_to_come_in_order_and_within_the_hours(week: list[tuple[Span, ...]], zone: str, now: int) -> None:
    hours = Hours(ZoneInfo(zone), tuple(week))
    before = float(now)
    found = call_times(hours, float(now))
    assert len(found) <= MOST
    for one in found:
        assert before <= one["from"] < one["to"] <= one["from"] + LONGEST_HOURS * HOUR
        before = one["to"]
        for minute in range(int(one["from"]), int(one["to"]), HOUR):
            assert hours.is_open(minute) and hours.is_open(minute + HOUR - 60)
