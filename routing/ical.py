"""Holidays of an iCalendar file (RFC 5545). Pure, and small on purpose.

Read: ``VEVENT`` with ``DTSTART`` (a date, or a time: of the office's wall, UTC, or with a ``TZID`` that is known),
``DTEND`` (default: one day for a date, nothing for a time), ``SUMMARY``, and ``RRULE:FREQ=YEARLY`` with
``INTERVAL=1``, ``UNTIL``, ``BYMONTH`` and ``BYMONTHDAY`` where these repeat the month and day of ``DTSTART``.
Passed over: events that are ``CANCELLED`` or ``TRANSPARENT`` (they block nobody), and what is no ``VEVENT``.
Refused with the line: any other ``RRULE``, ``RDATE``, ``EXDATE``, ``DURATION``, ``RECURRENCE-ID``, an event without
``DTSTART`` or that ends before it begins, a time zone that is not known. Half a holiday would be a surprise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from routing.hours import Holiday, HoursError, utc_wall

MOST_BYTES: Final = 1_000_000
MOST_EVENTS: Final = 2_000
_REFUSED: Final = frozenset({"RDATE", "EXDATE", "EXRULE", "DURATION", "RECURRENCE-ID"})
_LINE: Final = re.compile(r"([A-Za-z-]+)((?:;[^:\"]*(?:\"[^\"]*\"[^:\"]*)*)?):(.*)")
_UNESCAPE: Final = {"n": "\n", "N": "\n"}
_LONGEST_NAME: Final = 120


@dataclass(slots=True)
class _Event:
    line: int
    fields: dict[str, tuple[int, dict[str, str], str]] = field(default_factory=dict)


def holidays(data: bytes, zone: ZoneInfo) -> list[Holiday]:
    """The holidays of a file, as the wall of ``zone`` shows them; raises :class:`HoursError` with the line."""
    if len(data) > MOST_BYTES:
        raise HoursError("the calendar is larger than 1 MB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise HoursError("the calendar is no UTF-8") from None
    events = list(_events(text))
    if len(events) > MOST_EVENTS:
        raise HoursError(f"the calendar has more than {MOST_EVENTS} events")
    return [one for event in events if (one := _holiday(event, zone)) is not None]


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Content lines with their numbers; a line that begins with a blank goes on the one before (§3.1)."""
    current, number = "", 0
    for n, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line[:1] in (" ", "\t"):
            current += line[1:]
            continue
        if current:
            yield number, current
        current, number = line, n
    if current:
        yield number, current


def _events(text: str) -> Iterator[_Event]:
    event: _Event | None = None
    inside: list[str] = []
    for number, line in _unfolded(text):
        found = _LINE.fullmatch(line)
        if found is None:
            raise HoursError(f"line {number}: is no iCalendar")
        name, value = found[1].upper(), found[3]
        if name == "BEGIN":
            inside.append(value.upper())
            event = _Event(number) if inside[-1] == "VEVENT" else event
        elif name == "END":
            if not inside or inside.pop() != value.upper():
                raise HoursError(f"line {number}: ends what did not begin")
            if event is not None and value.upper() == "VEVENT":
                yield event
                event = None
        elif event is not None and inside[-1] == "VEVENT":
            event.fields.setdefault(name, (number, _parameters(found[2]), value))
    if inside:
        raise HoursError(f"the calendar ends within {inside[-1]}")


def _parameters(text: str) -> dict[str, str]:
    pairs = (one.partition("=") for one in text.split(";") if one)
    return {key.upper(): value.strip('"') for key, _, value in pairs}


def _holiday(event: _Event, zone: ZoneInfo) -> Holiday | None:
    have = event.fields
    if have.get("STATUS", (0, {}, ""))[2].upper() == "CANCELLED":
        return None
    if have.get("TRANSP", (0, {}, ""))[2].upper() == "TRANSPARENT":
        return None
    for name in _REFUSED & have.keys():
        raise HoursError(f"line {have[name][0]}: {name} is not understood")
    if "DTSTART" not in have:
        raise HoursError(f"line {event.line}: the event has no DTSTART")
    start, whole_days = _moment(have["DTSTART"], zone)
    end = start + timedelta(days=1 if whole_days else 0)
    if "DTEND" in have:
        end, _ = _moment(have["DTEND"], zone)
    if end < start:
        raise HoursError(f"line {have['DTEND'][0]}: the event ends before it begins")
    yearly, until = _rule(have.get("RRULE"), start)
    return Holiday(start, end, yearly, until, _plain(have.get("SUMMARY", (0, {}, ""))[2]))


def _moment(one: tuple[int, dict[str, str], str], zone: ZoneInfo) -> tuple[datetime, bool]:
    number, parameters, value = one
    try:
        if re.fullmatch(r"\d{8}", value, re.ASCII):
            return datetime.strptime(value, "%Y%m%d"), True
        moment = datetime.strptime(value.removesuffix("Z"), "%Y%m%dT%H%M%S")
        if value.endswith("Z"):
            moment = moment.replace(tzinfo=UTC)
        elif "TZID" in parameters:
            moment = moment.replace(tzinfo=ZoneInfo(parameters["TZID"]))
    except (ZoneInfoNotFoundError, OSError):
        raise HoursError(f"line {number}: the time zone is not known") from None
    except ValueError:
        raise HoursError(f"line {number}: is no date") from None
    return utc_wall(moment, zone), False


def _rule(one: tuple[int, dict[str, str], str] | None, start: datetime) -> tuple[bool, int | None]:
    """Whether it comes back every year, and the last year."""
    if one is None:
        return False, None
    number, _, value = one
    parts = dict(part.upper().partition("=")[::2] for part in value.split(";") if part)
    until = parts.pop("UNTIL", None)
    expected = {"FREQ": "YEARLY", "INTERVAL": "1", "BYMONTH": str(start.month), "BYMONTHDAY": str(start.day)}
    expected |= {"WKST": parts.get("WKST", "")}  # without effect on days of the year
    if parts.get("FREQ") != "YEARLY" or any(expected.get(key) != said for key, said in parts.items()):
        raise HoursError(f"line {number}: only RRULE:FREQ=YEARLY on the day of DTSTART is understood")
    if until is None:
        return True, None
    try:
        last = datetime.strptime(until[:8], "%Y%m%d")
    except ValueError:
        raise HoursError(f"line {number}: UNTIL is no date") from None
    ends_before = (last.month, last.day) < (start.month, start.day)
    return True, last.year - ends_before


def _plain(text: str) -> str:
    plain = re.sub(r"\\(.)", lambda m: _UNESCAPE.get(m[1], m[1]), text)
    return "".join(c if c.isprintable() else " " for c in plain)[:_LONGEST_NAME]
