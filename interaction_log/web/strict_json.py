"""JSON as we accept it: no NaN, no repeated keys, no deep nesting, no number or text that cannot be kept. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
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
        return _DECODER.decode(text if isinstance(text, str) else text.decode(json.detect_encoding(text)))
    except BadJson:
        raise
    except RecursionError:
        raise BadJson("", "nested too deeply") from None
    except ValueError:  # also UnicodeDecodeError, and integers of more than 4,300 digits
        raise BadJson("", "is not JSON") from None


def check(document: Any) -> None:
    """Raise ``BadJson`` for depth, numbers or texts that we do not take."""
    _check_leaf("", document)
    stack: list[tuple[str, Any, int]] = [("", document, 0)]
    while stack:
        path, value, depth = stack.pop()
        for key, child in _children(value):
            if depth == MAX_DEPTH:
                raise BadJson(_below(path, key), "nested too deeply")
            if isinstance(child, dict | list):
                stack.append((_below(path, key), child, depth + 1))
            elif (fault := _fault(child)) is not None:
                raise BadJson(_below(path, key), fault)


def _below(path: str, key: str | int) -> str:
    return f"{path}.{key}" if path else str(key)


def _children(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        for key in value:
            _check_leaf("", key)
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _check_leaf(path: str, value: Any) -> None:
    fault = _fault(value)
    if fault is not None:
        raise BadJson(path, fault)


def _fault(value: Any) -> str | None:
    """What is wrong with a text or number."""
    if isinstance(value, str):
        return None if keepable(value) else "has a character that cannot be stored (NUL or half of a surrogate pair)"
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return "is too large a number"
    if isinstance(value, float) and not math.isfinite(value):  # 1e999
        return "is no finite number"
    return None


def keepable(text: str) -> bool:
    """Whether the database can keep this text unchanged."""
    return "\0" not in text if text.isascii() else _NOT_KEPT.search(text) is None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    found.clear()
    for key, value in pairs:
        if key in found:
            raise BadJson(key[:80] if keepable(key) else "", "is given twice")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise BadJson("", f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
_NOT_KEPT: Final = re.compile("[\0\ud800-\udfff]")


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
