"""vCards (2.1, 3.0, 4.0; RFC 2426, RFC 6350) as rows of cells, a column for each property that stands in the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import vobject

from interaction_log.mapping import whole_name
from interaction_log.records import Refused
from interaction_log.store.csv_text import MOST_ROWS, Line

PROPERTIES: Final = (
    *("FN", "TEL", "EMAIL", "ORG", "TITLE", "ROLE", "NOTE", "LANG", "ADR", "BDAY", "ANNIVERSARY", "URL"),
    *("CATEGORIES", "NICKNAME", "KIND", "GENDER", "X-CALLWEAVE-VIP", "X-CALLWEAVE-AGENT"),
)
_BEGIN: Final = re.compile(r"^[ \t]*BEGIN:VCARD[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_END: Final = re.compile(r"^[ \t]*END:VCARD[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_PROPERTY: Final = re.compile(r"^(?:[\w-]+\.)?([A-Za-z][A-Za-z-]*)[;:]", re.MULTILINE)
MOST_CARD: Final = 1024 * 1024
"""Characters of one card; a photograph is left out before it is read."""
_BINARY: Final = re.compile(
    r"^(?:[\w-]+\.)?(?:PHOTO|LOGO|SOUND|KEY)[;:].*(?:\r?\n[ \t].*)*(?:\r?\n(?![A-Za-z-]+[;:.]|\s*$).*)*",
    re.IGNORECASE | re.MULTILINE,
)
_SCHEME: Final = re.compile(r"^(tel|mailto):", re.IGNORECASE)


def cards(text: str) -> tuple[list[str], Iterator[Line]]:
    """The properties that we can take over, and a row for each card."""
    there = {found[1].upper() for found in _PROPERTY.finditer(text)}
    headings = [name for name in PROPERTIES if name in there or name == "FN"]
    return headings, _rows(text, headings)


def _rows(text: str, headings: list[str]) -> Iterator[Line]:
    begins = [found.start() for found in _BEGIN.finditer(text)]
    if len(begins) > MOST_ROWS:
        raise Refused("file", f"more than {MOST_ROWS:,} rows")
    line, at = 1, 0
    for begin, end in zip(begins, [*begins[1:], len(text)], strict=True):
        line, at = line + text.count("\n", at, begin), begin
        yield _row(line, text[begin:end], headings)


def _row(line: int, card: str, headings: list[str]) -> Line:
    card = _BINARY.sub("", card) if re.search("PHOTO|LOGO|SOUND|KEY", card, re.IGNORECASE) else card
    if len(card) > MOST_CARD or not _END.search(card):
        return Line(line, [], "is no whole vCard")
    try:
        found = vobject.readOne(card, ignoreUnreadable=True, allowQP=True)
        return Line(line, [_cell(found.contents, name) for name in headings])
    except Exception:  # vobject raises whatever happens to fail on a card that is not well formed
        return Line(line, [], "is no whole vCard")


def _cell(contents: dict[str, list[Any]], name: str) -> str:
    values = sorted(contents.get(name.lower(), ()), key=_preference)
    if name == "FN":
        return next((str(one.value) for one in values if str(one.value).strip()), "") or _name(contents)
    texts = [_text(one.value) for one in values]
    if name in ("TEL", "EMAIL"):
        return "\n".join(_SCHEME.sub("", one) for one in texts if one.strip())
    return "\n".join(texts) if name == "NOTE" else next((one for one in texts if one.strip()), "")


def _preference(line: Any) -> int:
    """RFC 6350 5.3: 1 is the most preferred; before, it was a type."""
    values = {key.upper(): found for key, found in line.params.items()}
    if any(kind.upper() == "PREF" for kind in values.get("TYPE", ())) or "PREF" in (
        one.upper() for one in getattr(line, "singletonparams", ())
    ):
        return 0
    first = next(iter(values.get("PREF", ())), "")
    return int(first) if first.isascii() and first.isdigit() else 101


def _name(contents: dict[str, list[Any]]) -> str:
    for one in contents.get("n", ()):
        made = whole_name(_text(getattr(one.value, "given", "")), _text(getattr(one.value, "family", "")))
        if made:
            return made
    return next((_text(one.value) for one in contents.get("org", ())), "")


def _text(value: Any) -> str:
    """A value of one or of several parts (an organisation with its department: the organisation)."""
    if isinstance(value, list):
        return str(value[0]) if value else ""
    if isinstance(value, str):
        return value
    parts = (getattr(value, name, "") for name in ("street", "box", "extended", "code", "city", "region", "country"))
    return ", ".join(_text(part) for part in parts if part and _text(part).strip())
