"""Business hours: texts, weeks, exceptions, holidays, and what an iCalendar file may say."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from routing.hours import Hours, HoursError, hours
from routing.ical import MOST_BYTES, holidays

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = SHANGHAI, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def calendar(*lines: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR", ""]).encode()


def event(*lines: str) -> bytes:
    return calendar("BEGIN:VEVENT", *lines, "END:VEVENT")


OFFICE = hours(
    "Asia/Shanghai",
    ["mon-fri 09:00-12:00", "mon-fri 13:00-18:00", "sat 22:00-06:00"],
    ["2026-11-24 closed", "2026-11-22 10:00-11:00 14:00-15:00"],
)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-23 08:59:59", False),  # Monday
        ("2026-11-23 09:00", True),
        ("2026-11-23 12:00", False),  # the break
        ("2026-11-23 13:00", True),
        ("2026-11-23 18:00", False),
        ("2026-11-24 10:00", False),  # exception: closed
        ("2026-11-28 23:59", True),  # Saturday, over midnight
        ("2026-11-29 05:59", True),
        ("2026-11-29 06:00", False),
        ("2026-11-22 10:30", True),  # exception: other hours on a Sunday
        ("2026-11-22 05:00", False),  # … in place of Saturday night's rest
        ("2026-11-22 14:59", True),
    ],
)
def test_the_week_and_its_exceptions(when: str, is_open: bool) -> None:
    assert OFFICE.is_open(at(when)) is is_open


def test_when_it_opens_next() -> None:
    assert OFFICE.next_opening(at("2026-11-23 18:30")) == at("2026-11-25 09:00")
    assert OFFICE.next_opening(at("2026-11-23 10:00")) == at("2026-11-23 10:00")
    assert OFFICE.next_change(at("2026-11-23 10:00")) == at("2026-11-23 12:00")
    assert hours("UTC", []).next_opening(0.0) is None
    assert hours("UTC", ["mon-sun 00:00-24:00"]).next_change(0.0) is None


def test_a_week_that_wraps() -> None:
    weekend = hours("UTC", ["sat-mon 10:00-11:00"])
    assert [bool(spans) for spans in weekend.week] == [True, False, False, False, False, True, True]


def test_clocks_that_are_changed() -> None:
    night = hours("Europe/Berlin", ["mon-sun 02:30-05:00"])
    # 29 March 2026: 02:00 becomes 03:00. It opens when the gap is over, and 02:30 is never.
    assert night.next_opening(at("2026-03-29 01:00", BERLIN)) == at("2026-03-29 03:00", BERLIN)
    # 25 October 2026: 02:00 to 03:00 comes twice.
    first, second = at("2026-10-25 02:45", BERLIN, 0), at("2026-10-25 02:45", BERLIN, 1)
    assert second - first == 3600 and night.is_open(first) and night.is_open(second)
    between = at("2026-10-25 02:15", BERLIN, 1)
    assert not night.is_open(between)


@pytest.mark.parametrize(
    "text",
    ["", "mon 9:00-12:00", "monday 09:00-12:00", "mon-foo 09:00-12:00", "mon 09:60-12:00", "mon 24:00-01:00"],
)
def test_what_is_no_period(text: str) -> None:
    with pytest.raises(HoursError):
        hours("UTC", [text])


@pytest.mark.parametrize("text", ["2026-02-30 closed", "closed", "2026-01-01 10:00-09:00", "2026-01-01 open"])
def test_what_is_no_exception(text: str) -> None:
    with pytest.raises(HoursError):
        hours("UTC", [], [text])


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../etc/passwd", "", "/etc/localtime"])
def test_what_is_no_zone(zone: str) -> None:
    with pytest.raises(HoursError):
        hours(zone, [])


def always(data: bytes, zone: ZoneInfo = SHANGHAI) -> Hours:
    base = hours(zone.key, ["mon-sun 00:00-24:00"])
    return Hours(base.zone, base.week, base.exceptions, tuple(holidays(data, zone)))


def test_a_holiday_of_several_days_ends_before_dtend() -> None:
    office = always(event("DTSTART;VALUE=DATE:20261001", "DTEND;VALUE=DATE:20261008", "SUMMARY:国庆节"))
    assert office.is_open(at("2026-09-30 23:59")) and not office.is_open(at("2026-10-01 00:00"))
    assert not office.is_open(at("2026-10-07 23:59")) and office.is_open(at("2026-10-08 00:00"))
    assert office.next_opening(at("2026-10-03 12:00")) == at("2026-10-08 00:00")
    assert office.is_open(at("2027-10-01 12:00"))


def test_a_holiday_that_comes_every_year_until_it_does_not() -> None:
    office = always(event("DTSTART;VALUE=DATE:20200101", "RRULE:FREQ=YEARLY;UNTIL=20271231"))
    assert not office.is_open(at("2026-01-01 12:00")) and not office.is_open(at("2027-01-01 12:00"))
    assert office.is_open(at("2028-01-01 12:00")) and office.is_open(at("2019-01-01 12:00"))


def test_a_yearly_holiday_over_new_years_eve_and_one_on_a_leap_day() -> None:
    office = always(event("DTSTART;VALUE=DATE:20201231", "DTEND;VALUE=DATE:20210103", "RRULE:FREQ=YEARLY"))
    assert not office.is_open(at("2027-01-02 12:00")) and office.is_open(at("2027-01-03 00:00"))
    leap = always(event("DTSTART;VALUE=DATE:20240229", "RRULE:FREQ=YEARLY"))
    assert not leap.is_open(at("2028-02-29 12:00")) and leap.is_open(at("2027-02-28 12:00"))


def test_hours_of_a_day_in_other_zones() -> None:
    utc = always(event("DTSTART:20261224T040000Z", "DTEND:20261224T100000Z"))
    assert not utc.is_open(at("2026-12-24 12:00")) and utc.is_open(at("2026-12-24 18:00"))
    there = always(event('DTSTART;TZID="Europe/Berlin":20261224T120000', "DTEND;TZID=Europe/Berlin:20261224T130000"))
    assert not there.is_open(at("2026-12-24 19:30")) and there.is_open(at("2026-12-24 12:30"))


def test_what_blocks_nobody_is_passed_over_and_lines_are_unfolded() -> None:
    data = calendar(
        "BEGIN:VEVENT", "DTSTART;VALUE=DATE:20260501", "STATUS:CANCELLED", "END:VEVENT",
        "BEGIN:VEVENT", "DTSTART;VALUE=DATE:20260502", "TRANSP:TRANSPARENT", "END:VEVENT",
        "BEGIN:VTODO", "DTSTART;VALUE=DATE:20260503", "END:VTODO",
        "BEGIN:VEVENT", "DTSTART;VALUE=DA", " TE:20260504", "SUMMARY:a\\, b\\n c",
        "BEGIN:VALARM", "DURATION:PT1H", "END:VALARM", "END:VEVENT",
    )  # fmt: skip
    (one,) = holidays(data, SHANGHAI)
    assert (one.start.day, one.name) == (4, "a, b  c")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=WEEKLY"), "line 5"),
        (("DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=YEARLY;BYDAY=2SU"), "line 5"),
        (("DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=YEARLY;COUNT=3"), "line 5"),
        (("DTSTART;VALUE=DATE:20260101", "EXDATE;VALUE=DATE:20270101"), "EXDATE"),
        (("DTSTART;VALUE=DATE:20260101", "DURATION:P2D"), "DURATION"),
        (("DTSTART;VALUE=DATE:20260101", "DTEND;VALUE=DATE:20251231"), "ends before"),
        (("SUMMARY:nothing",), "no DTSTART"),
        (("DTSTART;TZID=Custom/Zone:20260101T000000",), "time zone"),
        (("DTSTART:20261332",), "no date"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(lines: tuple[str, ...], says: str) -> None:
    with pytest.raises(HoursError, match=says):
        holidays(event(*lines), SHANGHAI)


@pytest.mark.parametrize(
    "data", [b"hello", b"\xff\xfe", b"BEGIN:VCALENDAR\r\n", b"END:VEVENT\r\n", b"A" * (MOST_BYTES + 1)]
)
def test_what_is_no_calendar(data: bytes) -> None:
    with pytest.raises(HoursError):
        holidays(data, SHANGHAI)
