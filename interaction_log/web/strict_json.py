"""JSON as we accept it: no NaN, no repeated keys, no deep nesting, no number or text that cannot be kept. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 16  # our own requests nest three deep
MAX_INTEGER: Final = 2**53 - 1  # the largest that a browser reads back unchanged


class BadJson(ValueError):
    """``path`` names the place (``phones.0``, empty: the document), the message says what is wrong."""

    def __init__(self, path: str, message: str):
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def loads(text: str | bytes) -> Any:
    """Parse and check, or raise ``BadJson``; never anything else."""
    document = parse(text)
    check(document)
    return document


def parse(text: str | bytes) -> Any:
    """Parse, or raise ``BadJson``; the values are not checked."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except BadJson:
        raise
    except RecursionError:
        raise BadJson("", "nested too deeply") from None
    except ValueError:  # also UnicodeDecodeError, and integers of more than 4,300 digits
        raise BadJson("", "is not JSON") from None


def check(document: Any) -> None:
    """Raise ``BadJson`` for depth, numbers or texts that we do not take."""
    stack: list[tuple[str, Any, int]] = [("", document, 0)]
    while stack:
        path, value, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise BadJson(path, "nested too deeply")
        _check_leaf(path, value)
        stack.extend((f"{path}.{key}" if path else key, child, depth + 1) for key, child in _children(value))


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            _check_leaf("", key)
            yield str(key), child
    elif isinstance(value, list):
        for position, child in enumerate(value):
            yield str(position), child


def _check_leaf(path: str, value: Any) -> None:
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise BadJson(path, "is too large a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise BadJson(path, "is no finite number")  # 1e999
    if isinstance(value, str) and not keepable(value):
        raise BadJson(path, "has a character that cannot be stored (NUL or half of a surrogate pair)")


def keepable(text: str) -> bool:
    """Whether the database can keep this text unchanged."""
    return "\0" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadJson(key[:80] if keepable(key) else "", "is given twice")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise BadJson("", f"{name} is not JSON")


class Codec:
    """``json`` for python-socketio: strict on the way in; the commands check the values, to name the field."""

    @staticmethod
    def loads(text: str) -> Any:
        """As :func:`parse`."""
        return parse(text)

    @staticmethod
    def dumps(value: Any, **options: Any) -> str:
        """As ``json.dumps``."""
        return json.dumps(value, **options)
