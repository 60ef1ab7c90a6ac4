"""What is hidden of numbers, mail addresses and payment cards. Pure.

``mask_number`` and ``mask_mail`` are for people who may not see them whole, ``mask_cards`` for everybody: a card number
has no business in a note, a chat or a mail. ``veiled`` does the first two for everything that a console is shown.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

STAR: Final = "*"

# --- payment cards -----------------------------------------------------------------------------------

CARD_DIGITS: Final = (13, 19)
"""ISO/IEC 7812-1: a primary account number has at most 19 digits; the shortest in use have 13."""
_SHOWN: Final = 4
_GAP: Final = r"[\s\-.·_/\u2010-\u2015\u2212\uff0d\uff0e\u3000\u200b\u00ad]{0,3}"
_RUN: Final = re.compile(rf"\d(?:{_GAP}\d){{{CARD_DIGITS[0] - 1},}}")
_GROUP: Final = re.compile(r"\d+")
_MOBILE: Final = re.compile(r"861[3-9][0-9]{9}")
"""A Chinese mobile with its country code has 13 digits, and one in ten of them passes Luhn's check."""


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of those before (ISO/IEC 7812-1 annex B)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return bool(digits) and total % 10 == 0


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with its card numbers hidden; ``cards``: how many there were."""

    text: str
    cards: int


def mask_cards(text: str) -> Masked:
    """Hide all but the last four digits of every payment card number in a text.

    A card number is 13 to 19 digits (of any script, full-width too) that pass Luhn's check, written in one or with
    spaces, dashes, dots or slashes between. It begins with no zero and follows no plus sign: those are telephone
    numbers. What has fewer or more digits, or fails the check, stays as it is (order numbers, IBANs).
    """
    pieces: list[str] = []
    at = cards = 0
    for run in _RUN.finditer(text):
        for start, end in _cards(text, run.start(), run.end()):
            pieces += [text[at:start], _starred(text[start:end])]
            at = end
            cards += 1
    return Masked("".join([*pieces, text[at:]]), cards) if cards else Masked(text, 0)


def _cards(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the card numbers of one run of digits are: from the left, the longest first, at whole groups of digits."""
    groups = [found.span() for found in _GROUP.finditer(text, start, end)]
    first = 0
    while first < len(groups):
        last = _card_from(text, groups, first)
        if last is None:
            first += 1
        else:
            yield groups[first][0], groups[last][1]
            first = last + 1


def _card_from(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    begin = groups[first][0]
    if text[begin - 1 : begin] in ("+", "＋"):
        return None
    digits, found = "", None
    for last in range(first, len(groups)):
        start, end = groups[last]
        if end - start > CARD_DIGITS[1]:
            break
        digits += "".join(str(unicodedata.decimal(sign)) for sign in text[start:end])
        if len(digits) > CARD_DIGITS[1]:
            break
        if len(digits) >= CARD_DIGITS[0] and _is_card(digits) and not _goes_on(text, end):
            found = last
    return found


def _is_card(digits: str) -> bool:
    return digits[0] != "0" and len(set(digits)) > 1 and not _MOBILE.fullmatch(digits) and luhn(digits)


def _goes_on(text: str, end: int) -> bool:
    """A letter right behind: a piece of an identifier, not a number."""
    following = text[end : end + 1]
    return following.isascii() and following.isalpha()


def _starred(text: str) -> str:
    """All digits but the last four as stars, what stands between stays."""
    left = sum(1 for sign in text if sign.isdecimal())
    out = []
    for sign in text:
        out.append(STAR if sign.isdecimal() and left > _SHOWN else sign)
        left -= sign.isdecimal()
    return "".join(out)


CARD_TEXTS: Final = frozenset(
    {
        "notes",
        "note",
        "text",
        "body",
        "comment",
        "description",
        "message",
        "title",
        "summary",
        "result",
        "reason",
        "why",
    }
)
"""Fields of requests that people write into."""


def without_cards(value: Any, key: str = "") -> tuple[Any, int]:
    """A request's document with the card numbers in its texts hidden, and how many there were. Values of custom fields
    are texts too."""
    if isinstance(value, str):
        masked = mask_cards(value) if key in CARD_TEXTS else Masked(value, 0)
        return masked.text, masked.cards
    if isinstance(value, Mapping):
        inside = "text" if key == "fields" else ""
        parts = {name: without_cards(child, inside or name) for name, child in value.items()}
        return {name: child for name, (child, _) in parts.items()}, sum(count for _, count in parts.values())
    if isinstance(value, list):
        found = [without_cards(child, key) for child in value]
        return [child for child, _ in found], sum(count for _, count in found)
    return value, 0


# --- numbers and mail addresses ----------------------------------------------------------------------

_SHORTEST: Final = 7
"""Fewer digits are an extension or a service number."""


def mask_number(number: str) -> str:
    """``+8613800138000`` as ``+86138****8000``: four digits before the last four are hidden (of 7 to 9: all but two to
    four of the last). Extensions and service numbers of up to six digits stay."""
    main, sign, extension = number.partition(";")
    count = sum(1 for one in main if one.isdecimal())
    if count < _SHORTEST:
        return number
    shown = 4 if count >= 10 else count - 5
    hidden = range(count - shown - 4 if count >= 10 else 0, count - shown)
    out, n = [], 0
    for one in main:
        out.append(STAR if one.isdecimal() and n in hidden else one)
        n += one.isdecimal()
    return "".join(out) + sign + extension


def mask_mail(address: str) -> str:
    """``anna.li@example.com`` as ``a***@example.com``."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***{at}{domain}" if at else address


_MAIL: Final = re.compile(
    r"[^\s@<>\"'(),;:，。；：（）《》]+@[^\s@<>\"'(),;:，。；：（）《》]+\.[^\s@<>\"'(),;:，。；：（）《》.]+"
)
_NUMBER: Final = re.compile(
    r"(?<![\w.*+])(?:\+[0-9][0-9 ()\-]{5,20}[0-9]|[0-9]{7,15}|[0-9]{3,4}[ \-][0-9]{3,4}[ \-]?[0-9]{4})"
    r"(?![\w*]|\.[0-9])",
    re.ASCII,
)


def mask_personal(text: str) -> str:
    """A text with every mail address and everything that looks like a telephone number masked."""
    masked = _MAIL.sub(lambda found: mask_mail(found[0]), text) if "@" in text else text
    return _NUMBER.sub(lambda found: mask_number(found[0]), masked)


_PLAIN: Final = frozenset(
    {
        "id",
        "ids",
        "hash",
        "cursor",
        "next",
        "token",
        "password",
        "sip_uri",
        "username",
        "code",
        "key",
        "ref",
        "file",
        "device",
        "devices",
        "queue",
        "queues",
        "pbx",
        "url",
        "version",
        "state",
    }
)
"""Fields that are no words about people; others whose names end with ``_id`` or ``_ids`` are none either."""


def is_plain(key: str) -> bool:
    """Whether a field of this name is left as it is."""
    return key in _PLAIN or key.endswith(("_id", "_ids", "_at"))


def veiled(value: Any, key: str = "", text: Callable[[str], str] = mask_personal) -> Any:
    """What a person without ``customers.see_numbers`` is shown: any JSON value with its numbers and mails masked."""
    if isinstance(value, str):
        return value if is_plain(key) else text(value)
    if isinstance(value, Mapping):
        return {name: veiled(child, str(name), text) for name, child in value.items()}
    if isinstance(value, list | tuple):
        return [veiled(child, key, text) for child in value]
    return value


def without_fields(value: Any, codes: frozenset[str] | None) -> Any:
    """The same without the custom fields of these codes (``None``: without any), wherever a record stands in it."""
    if isinstance(value, Mapping):
        shown = {}
        for name, child in value.items():
            if name == "fields" and isinstance(child, Mapping):
                shown[name] = {} if codes is None else {k: v for k, v in child.items() if k not in codes}
            else:
                shown[name] = without_fields(child, codes)
        return shown
    if isinstance(value, list | tuple):
        return [without_fields(child, codes) for child in value if not _of_field(child, codes)]
    return value


def _of_field(value: Any, codes: frozenset[str] | None) -> bool:
    """Whether this is what is said about such a field: ``{"field": "fields.income", …}``."""
    name = value.get("field") if isinstance(value, Mapping) else None
    if not isinstance(name, str) or not name.startswith("fields."):
        return False
    return codes is None or name.removeprefix("fields.") in codes


def unveiled(given: Any, known: Any) -> Any:
    """What a person who was shown ``known`` veiled sent back, with the numbers and addresses that she was not shown in
    the places of their masks. A mask that stands for nothing known stays, for who checks numbers to refuse."""
    originals: dict[str, str] = {}
    for text in _texts(known):
        for pattern, mask in ((_MAIL, mask_mail), (_NUMBER, mask_number)):
            for found in pattern.findall(text):
                originals.setdefault(mask(found), found)
        originals.setdefault(mask_personal(text), text)
    masks = sorted((mask for mask, text in originals.items() if mask != text), key=len, reverse=True)
    return _put_back(given, masks, originals) if masks else given


def _texts(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, str) and not is_plain(key):
        yield value
    elif isinstance(value, Mapping):
        for name, child in value.items():
            yield from _texts(child, str(name))
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _texts(child, key)


def _put_back(given: Any, masks: list[str], originals: Mapping[str, str]) -> Any:
    if isinstance(given, str):
        for mask in masks:
            if mask in given:
                given = given.replace(mask, originals[mask])
        return given
    if isinstance(given, Mapping):
        return {name: _put_back(child, masks, originals) for name, child in given.items()}
    if isinstance(given, list):
        return [_put_back(child, masks, originals) for child in given]
    return given
