"""Events as rows of the table ``events`` and back. On the hot path: a row is a tuple, its payload ASCII JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

from interaction_log.events import SCHEMA_VERSION, TYPES, Event, Recorded, from_payload

Bare = tuple[int, str | None, str, float | None, bool, int, str]
Row = tuple[int, str | None, str, float | None, bool, int, str, int | None]  # in the order of the table's columns

_COLUMNS: Final = ("at", "inferred", "interaction_id")  # not repeated in the payload
_NAMES: Final = {cls: tuple(f.name for f in fields(cls) if f.name not in _COLUMNS) for cls in TYPES.values()}
_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_decode: Final = json.JSONDecoder().decode


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda event: tuple(getattr(event, name) for name in names)


_READ: Final = {cls: _reader(names) for cls, names in _NAMES.items()}


def to_row(recorded: Recorded) -> Bare:
    """The row of an event without ``began``. Raises ``TypeError`` or ``ValueError`` for what JSON does not know."""
    event = recorded.event
    cls = type(event)
    payload = _encode(dict(zip(_NAMES[cls], _READ[cls](event), strict=True)))
    of = getattr(event, "interaction_id", None)
    return (recorded.seq, of, cls.__name__, event.at, event.inferred, SCHEMA_VERSION, payload)


def from_row(row: Any) -> Event | None:
    """The event of a row; ``None`` for a type that this version does not know (a newer one wrote it)."""
    _seq, of, name, at, inferred, _version, payload, _began = row
    if name not in TYPES:
        return None
    found: dict[str, Any] = _decode(payload)
    found["at"], found["inferred"] = at, bool(inferred)
    found["interaction_id"] = found.get("interaction_id", of)
    return from_payload(name, found)
