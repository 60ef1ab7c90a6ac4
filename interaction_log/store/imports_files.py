"""A customer file of any kind as headings and rows of cells. The kind is what the bytes say, never the file's name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from interaction_log.records import Refused
from interaction_log.store import csv_text, imports_vcard, imports_xlsx
from interaction_log.store.csv_text import Line

Kind = Literal["csv", "xlsx", "vcard"]
MOST_BYTES: Final = csv_text.MOST_BYTES
_OLD_EXCEL: Final = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Source:
    """What is in a file. ``rows``: once through, those that are not empty, each with the line where it begins."""

    kind: Kind
    headings: list[str]
    rows: Iterator[Line]


def open_source(data: bytes) -> Source:
    """Raises ``Refused`` with what is wrong with the whole file; ``rows`` may raise it too."""
    if len(data) > MOST_BYTES:
        raise Refused("file", f"larger than {MOST_BYTES // 1024 // 1024} MB")
    kind = kind_of(data)
    if kind == "vcard":
        headings, rows = imports_vcard.cards(csv_text.decoded(data))
        return Source(kind, headings, rows)
    lines = imports_xlsx.lines(data) if kind == "xlsx" else csv_text.records(data)
    header = next(lines, None)
    if header is None:
        raise Refused("file", "is empty")
    return Source(kind, [cell.strip()[:200] for cell in header.cells], lines)


def kind_of(data: bytes) -> Kind:
    """Raises ``Refused`` for what none of ours can be."""
    if data.startswith(b"PK\x03\x04"):
        return "xlsx"
    if data.startswith(_OLD_EXCEL):
        raise Refused("file", "an old or protected Excel file: save it as .xlsx without a password")
    beginning = data[:400].replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").upper()
    return "vcard" if beginning.startswith(b"BEGIN:VCARD") else "csv"
