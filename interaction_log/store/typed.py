"""Values of the fields that a site defined, checked by their types. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from interaction_log.cases import CODE, check_labels
from interaction_log.records import CustomField, Refused

TYPES: Final = ("text", "number", "date", "choice", "flag")
OF: Final = ("person", "organisation", "any")
LONGEST: Final = 2_000
MOST_CHOICES: Final = 200
MOST_FIELDS: Final = 100
_LARGEST: Final = 1e15

Value = str | float | bool


def check_field(one: CustomField) -> CustomField:
    """The definition, or ``Refused`` with the name of what is wrong."""
    if not CODE.fullmatch(one.code):
        raise Refused("code", "1 to 64 of a-z, 0-9, dash and underscore")
    check_labels(one.labels, "labels")
    if one.type not in TYPES:
        raise Refused("type", f"one of {', '.join(TYPES)}")
    if one.of not in OF:
        raise Refused("of", f"one of {', '.join(OF)}")
    if not 0 <= one.position <= 10_000:
        raise Refused("position", "0 to 10000")
    _check_choices(one)
    return one


def _check_choices(one: CustomField) -> None:
    if (one.type == "choice") != bool(one.choices) or len(one.choices) > MOST_CHOICES:
        raise Refused("choices", f"1 to {MOST_CHOICES} choices" if one.type == "choice" else "only a choice has them")
    codes = [choice.code for choice in one.choices]
    for n, choice in enumerate(one.choices):
        if not CODE.fullmatch(choice.code):
            raise Refused(f"choices.{n}.code", "1 to 64 of a-z, 0-9, dash and underscore")
        if codes.index(choice.code) != n:
            raise Refused(f"choices.{n}.code", "is given twice")
        check_labels(choice.labels, f"choices.{n}.labels")


def typed(
    old: Mapping[str, Value], given: object, site: Sequence[CustomField], kind: str, new: bool
) -> dict[str, Value]:
    """The values with those that are given (``None`` empties one). Raises ``Refused`` that names ``fields.CODE``.

    Required fields must be there where a value is given or the record is ``new``. What belongs to a field that the
    site has taken away stays.
    """
    found = dict(old)
    if given is not None:
        if not isinstance(given, dict):
            raise Refused("fields", "values by the field's code are needed")
        known = {one.code: one for one in site if not one.retired}
        for code, value in given.items():
            _lay(found, known.get(code), code, value)
    if new or given is not None:
        _check_required(found, site, kind)
    return found


def _lay(found: dict[str, Value], one: CustomField | None, code: str, value: object) -> None:
    where = f"fields.{str(code)[:64]}"
    if one is None:
        raise Refused(where, "there is no such field")
    checked = _value(one, value, where)
    if checked is None:
        found.pop(one.code, None)
    else:
        found[one.code] = checked


def _check_required(found: Mapping[str, Value], site: Sequence[CustomField], kind: str) -> None:
    for one in site:
        if one.required and not one.retired and one.of in (kind, "any") and one.code not in found:
            raise Refused(f"fields.{one.code}", "is missing")


def _value(one: CustomField, value: object, where: str) -> Value | None:
    if value is None or value == "":
        return None
    if one.type == "flag":
        if not isinstance(value, bool):
            raise Refused(where, "true or false is needed")
        return value
    if one.type == "number":
        return _number(value, where)
    if not isinstance(value, str):
        raise Refused(where, "a text is needed")
    checked: str | None = _CHECKS[one.type](one, value.strip(), where)
    return checked


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Refused(where, "a number is needed")
    if abs(value) > _LARGEST:
        raise Refused(where, "a number is needed")
    return float(value)


def _text(one: CustomField, text: str, where: str) -> str | None:
    if len(text) > LONGEST:
        raise Refused(where, f"longer than {LONGEST} characters")
    if not text.translate({9: " ", 10: " ", 13: " "}).isprintable():
        raise Refused(where, "holds control characters")
    return text or None


def _date(one: CustomField, text: str, where: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise Refused(where, "is no date such as 2026-01-31") from None


def _choice(one: CustomField, text: str, where: str) -> str:
    codes = [choice.code for choice in one.choices]
    if text not in codes:
        raise Refused(where, f"one of {', '.join(codes)}")
    return text


_CHECKS: Final[Mapping[str, Any]] = {"text": _text, "date": _date, "choice": _choice}


def values_of(values: Mapping[str, Value], site: Sequence[CustomField]) -> dict[str, tuple[str | None, float | None]]:
    """What filters compare: case-folded text or number, by code; nothing of sensitive fields."""
    found: dict[str, tuple[str | None, float | None]] = {}
    for one in site:
        value = values.get(one.code)
        if value is None or one.sensitive:
            continue
        if one.type in ("number", "flag"):
            found[one.code] = (None, float(value))
        else:
            found[one.code] = (str(value).casefold() if one.type == "text" else str(value), None)
    return found
