"""Events as rows of the table ``events`` and back. On the hot path: a row is a tuple, its payload ASCII JSON."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterable
from dataclasses import fields
from operator import attrgetter
from typing import Any, Final

import orjson

from interaction_log.events import SCHEMA_VERSION, TYPES, Event, InteractionEvent, Recorded, from_payload

Bare = tuple[int, str | None, str, float | None, bool, int, str]
Row = tuple[int, str | None, str, float | None, bool, int, str, int | None]  # in the order of the table's columns

_decode: Final = json.JSONDecoder().decode


def _no_json(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is no JSON value")


# The encoder that ``json.dumps`` makes anew for every call, made once: a third of its time. Python's own fallback
# where there is no C one. No check for cycles (events are trees), ASCII only, no spaces.
_json: Final[Any] = json.encoder
_parts: Final[Callable[[Any, int], Iterable[str]]] = (
    _json.c_make_encoder(None, _no_json, _json.encode_basestring_ascii, None, ":", ",", False, False, True)
    if _json.c_make_encoder is not None
    else lambda value, _level: json.JSONEncoder(separators=(",", ":")).iterencode(value)
)
_PLAIN: Final = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS
_ESCAPED: Final = "callweave-json"  # a codec's error handler: characters beyond ASCII as JSON writes them


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    quoted: str = _json.encode_basestring_ascii(error.object[error.start : error.end])
    return quoted[1:-1], error.end


codecs.register_error(_ESCAPED, _escape)


def encode(value: object) -> str:
    """ASCII JSON. Raises ``TypeError`` or ``ValueError`` for what JSON does not know."""
    try:
        text = orjson.dumps(value, None, _PLAIN).decode()
    except TypeError:  # half a character, a number of more than 64 bits, a key that is no text
        return "".join(_parts(value, 0))
    return text if text.isascii() else text.encode("ascii", _ESCAPED).decode()


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda event: tuple(getattr(event, name) for name in names)


def _shape(cls: type[Event]) -> tuple[str, tuple[str, ...], Callable[[Any], tuple[Any, ...]], bool]:
    of_interaction = issubclass(cls, InteractionEvent)
    columns = {"at", "inferred", *(["interaction_id"] if of_interaction else [])}  # not repeated in the payload
    names = tuple(f.name for f in fields(cls) if f.name not in columns)
    return cls.__name__, names, _reader(names), of_interaction


_SHAPES: Final = {cls: _shape(cls) for cls in TYPES.values()}


def to_row(recorded: Recorded) -> Bare:
    """The row of an event without ``began``. Raises ``TypeError`` or ``ValueError`` for what JSON does not know."""
    event: Any = recorded.event
    name, names, read, of_interaction = _SHAPES[type(event)]
    payload = encode(dict(zip(names, read(event), strict=False)))  # as many of the one as of the other
    of = event.interaction_id if of_interaction else None
    return (recorded.seq, of, name, event.at, event.inferred, SCHEMA_VERSION, payload)


def from_row(row: Any) -> Event | None:
    """The event of a row; ``None`` for a type that this version does not know (a newer one wrote it)."""
    _seq, of, name, at, inferred, _version, payload, _began = row
    if name not in TYPES:
        return None
    found: dict[str, Any] = _decode(payload)
    found["at"], found["inferred"] = at, bool(inferred)
    if of is not None:
        found["interaction_id"] = of
    return from_payload(name, found)
