"""Segments: saved filters over customers. One meaning in two forms: here in plain Python, in the store as SQL.

A filter is JSON: a group ``{"match": "all" | "any", "parts": [...]}`` of groups and conditions, a condition being
``{"field": "vip", "is": "yes", "value": …}``. Fields of the record are named in :data:`FIELDS`, those of the site are
``fields.CODE``. An empty field fulfils only ``empty``, ``is_not``, ``none_of``, ``no`` and ``older``: who was never
contacted was not contacted for sixty days. Texts are compared case-folded. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

from interaction_log.records import CustomField, Refused

Kind = Literal["text", "number", "date", "choice", "flag", "moment"]
DAY_SECONDS: Final = 86_400.0
DEEPEST: Final = 4
MOST_PARTS: Final = 50
LONGEST_TEXT: Final = 200
MOST_DAYS: Final = 36_500

OPERATORS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "text": ("is", "is_not", "contains", "begins", "filled", "empty"),
    "number": ("equals", "less", "at_most", "more", "at_least", "filled", "empty"),
    "date": ("on", "before", "after", "filled", "empty"),
    "choice": ("one_of", "none_of", "filled", "empty"),
    "flag": ("yes", "no"),
    "moment": ("older", "newer"),
}
"""What may be asked of each kind of field."""

FIELDS: Final[Mapping[str, Kind]] = {
    "name": "text",
    "organisation": "text",
    "kind": "choice",
    "language": "choice",
    "channel": "choice",
    "agent": "choice",
    "vip": "flag",
    "value": "number",
    "phone": "flag",
    "email": "flag",
    "open_cases": "number",
    "last_contact": "moment",
}
"""The record's own fields. ``phone``, ``email``: there is one. ``last_contact``: the newest interaction's beginning."""

_WITHOUT_VALUE: Final = frozenset({"filled", "empty", "yes", "no"})


@dataclass(frozen=True, slots=True)
class Condition:
    """One question about one field. ``value`` has the type of the field: folded text, float, ISO date, list, days."""

    field: str
    kind: Kind
    op: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Group:
    """Several questions of which ``all`` or ``any`` must be answered with yes. An empty group: all customers."""

    match: Literal["all", "any"]
    parts: tuple[Condition | Group, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A saved filter. ``filter``: the JSON as it was given."""

    id: str
    name: str
    filter: dict[str, Any]
    created_by: str
    changed_at: float
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A customer as filters see her: ``values`` by field (custom ones as ``fields.CODE``), absent where empty."""

    values: Mapping[str, Any] = field(default_factory=dict)
    last_contact: float | None = None


def parse(raw: object, site: Sequence[CustomField]) -> Group:
    """The filter of this JSON. Raises ``Refused``; its field says where (``filter.parts.0.value``)."""
    known: dict[str, Kind] = dict(FIELDS)
    known |= {f"fields.{one.code}": one.type for one in site if not one.sensitive}
    found = _node(raw, known, "filter", 1)
    return found if isinstance(found, Group) else Group("all", (found,))


def _node(raw: object, known: Mapping[str, Kind], where: str, depth: int) -> Group | Condition:
    if not isinstance(raw, dict):
        raise Refused(where, "a group or a condition is needed")
    return _group(raw, known, where, depth) if "parts" in raw else _condition(raw, known, where)


def _group(raw: dict[str, Any], known: Mapping[str, Kind], where: str, depth: int) -> Group:
    parts = raw["parts"]
    match = raw.get("match", "all")
    if match not in ("all", "any"):
        raise Refused(f"{where}.match", "one of all, any")
    if not isinstance(parts, list):
        raise Refused(f"{where}.parts", "a list is needed")
    if len(parts) > MOST_PARTS or depth > DEEPEST:
        raise Refused(f"{where}.parts", "too many conditions")
    return Group(match, tuple(_node(one, known, f"{where}.parts.{n}", depth + 1) for n, one in enumerate(parts)))


def _condition(raw: dict[str, Any], known: Mapping[str, Kind], where: str) -> Condition:
    name, op = raw.get("field"), raw.get("is")
    if not isinstance(name, str) or name not in known:
        raise Refused(f"{where}.field", "there is no such field")
    kind = known[name]
    if op not in OPERATORS[kind]:
        raise Refused(f"{where}.is", f"one of {', '.join(OPERATORS[kind])}")
    if op in _WITHOUT_VALUE:
        return Condition(name, kind, op)
    return Condition(name, kind, op, _value(kind, raw.get("value"), f"{where}.value"))


def _value(kind: Kind, raw: object, where: str) -> Any:
    if kind == "text":
        return _text(raw, where).casefold()
    if kind == "choice":
        if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_PARTS:
            raise Refused(where, "a list of texts is needed")
        return [_text(one, where) for one in raw]
    if kind == "date":
        return _day(raw, where)
    number = _number(raw, where)
    if kind == "moment" and not (0 <= number <= MOST_DAYS):
        raise Refused(where, f"0 to {MOST_DAYS}")
    return number


def _text(raw: object, where: str) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise Refused(where, "a text is needed")
    if len(raw) > LONGEST_TEXT:
        raise Refused(where, f"longer than {LONGEST_TEXT} characters")
    if not raw.isprintable():
        raise Refused(where, "holds control characters")
    return raw


def _day(raw: object, where: str) -> str:
    try:
        return date.fromisoformat(_text(raw, where)).isoformat()
    except ValueError as error:
        if isinstance(error, Refused):
            raise
        raise Refused(where, "is no date such as 2026-01-31") from None


def _number(raw: object, where: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw) or abs(raw) > 1e15:
        raise Refused(where, "a number is needed")
    return float(raw)


def matches(node: Group | Condition, facts: Facts, now: float) -> bool:
    """Whether this customer is in it. ``now``: Unix seconds."""
    if isinstance(node, Group):
        found = (matches(one, facts, now) for one in node.parts)
        return not node.parts or (all(found) if node.match == "all" else any(found))
    if node.kind == "moment":
        newer = facts.last_contact is not None and facts.last_contact >= now - node.value * DAY_SECONDS
        return newer if node.op == "newer" else not newer
    return _holds(node, facts.values.get(node.field))


def _holds(one: Condition, value: Any) -> bool:
    if one.kind == "flag":
        return bool(value) == (one.op == "yes")
    if one.kind == "text" and isinstance(value, str):
        value = value.casefold()
    if value is None or value == "":
        return one.op in ("empty", "is_not", "none_of")
    return bool(_COMPARE[one.op](value, one.value))


_COMPARE: Final[dict[str, Any]] = {
    "is": lambda a, b: a == b,
    "is_not": lambda a, b: a != b,
    "contains": lambda a, b: b in a,
    "begins": lambda a, b: a.startswith(b),
    "filled": lambda a, b: True,
    "empty": lambda a, b: False,
    "equals": lambda a, b: a == b,
    "less": lambda a, b: a < b,
    "at_most": lambda a, b: a <= b,
    "more": lambda a, b: a > b,
    "at_least": lambda a, b: a >= b,
    "on": lambda a, b: a == b,
    "before": lambda a, b: a < b,
    "after": lambda a, b: a > b,
    "one_of": lambda a, b: a in b,
    "none_of": lambda a, b: a not in b,
}
