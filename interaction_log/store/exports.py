"""Customers as a file: CSV, Excel or vCard, page by page, so that the whole is never in memory (but for Excel's own).

Headings are those that an import understands, so that what went out can come in again.
"""

from __future__ import annotations

import csv
import io
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa

from interaction_log.records import Customer, CustomField
from interaction_log.store import segments
from interaction_log.store.custom_fields import defined
from interaction_log.store.exports_text import safe
from interaction_log.store.schema import customers
from interaction_log.store.sealed_fields import opened

Format = Literal["csv", "xlsx", "vcf"]
FORMATS: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "vcf": "text/vcard; charset=utf-8",
}
"""The media type of each."""
COLUMNS: Final = (
    *("name", "phone", "email", "organisation", "language", "vip", "notes", "agent", "kind", "channel", "value"),
)
_PAGE: Final = 500
_PIECE: Final = 64 * 1024
_NOT_IN_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NUMBER_LIKE: Final = re.compile(r"\+?[0-9][0-9 ()./-]{2,}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which customers, and what of them. ``text``, ``segment``: as in the list of customers; ``sensitive``: also the
    site's fields that are marked so."""

    format: Format
    text: str = ""
    segment: str | None = None
    sensitive: bool = False


def pieces(engine: sa.Engine, wanted: Wanted) -> Iterator[bytes]:
    """The file. Raises ``NotFound`` for a segment that is none."""
    with engine.connect() as connection:
        site = [one for one in defined(connection) if not one.retired and (wanted.sensitive or not one.sensitive)]
    yield from _WRITERS[wanted.format](_customers(engine, wanted), site)


def _customers(engine: sa.Engine, wanted: Wanted) -> Iterator[Customer]:
    after: tuple[str, str] | None = None
    while True:
        with engine.connect() as connection:
            rows = _page(connection, wanted, after)
        for row in rows:
            yield Customer(**opened(row.public))
        if len(rows) < _PAGE:
            return
        after = (rows[-1].sort_name, rows[-1].id)


def _page(connection: sa.Connection, wanted: Wanted, after: tuple[str, str] | None) -> Sequence[Any]:
    c = customers.c
    query = sa.select(c.sort_name, c.id, c.public).order_by(c.sort_name, c.id).limit(_PAGE)
    text = " ".join(wanted.text.split()).casefold()
    if _NUMBER_LIKE.fullmatch(text):
        text = re.sub(r"[ ()./-]", "", text)
    if text:
        query = query.where(c.search.contains(text, autoescape=True))
    if wanted.segment is not None:
        query = query.where(segments.where(connection, wanted.segment, time.time()))
    if after is not None:
        query = query.where(sa.tuple_(c.sort_name, c.id) > sa.tuple_(*after))
    return connection.execute(query).all()


def cells(customer: Customer, site: Sequence[CustomField]) -> list[Any]:
    """In the order of ``COLUMNS`` and of the site's fields."""
    c = customer
    own = (c.name, "; ".join(c.phones), "; ".join(c.emails), c.organisation, c.language, "yes" if c.vip else "no")
    rest = (c.notes, c.agent, c.kind, c.channel, _number(c.value))
    return [*own, *rest, *(_number(c.fields.get(one.code)) for one in site)]


def _number(value: object) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _csv(found: Iterator[Customer], site: Sequence[CustomField]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    text.write("\ufeff")  # tells spreadsheets that this is UTF-8
    writer.writerow([*COLUMNS, *(one.code for one in site)])
    for customer in found:
        writer.writerow([safe(cell) for cell in cells(customer, site)])
        if text.tell() > _PIECE:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _xlsx(found: Iterator[Customer], site: Sequence[CustomField]) -> Iterator[bytes]:
    from openpyxl import Workbook  # noqa: PLC0415 (a tenth of a second, only where it is wanted)

    book = Workbook(write_only=True)
    sheet = book.create_sheet("Customers")
    sheet.append([*COLUMNS, *(one.code for one in site)])
    for customer in found:
        sheet.append([_excel(sheet, cell) for cell in cells(customer, site)])
    with tempfile.TemporaryFile() as packed:
        book.save(packed)
        packed.seek(0)
        while piece := packed.read(_PIECE):
            yield piece


def _excel(sheet: Any, value: Any) -> Any:
    """Text stays text: what begins with ``=`` would be a formula otherwise."""
    if not isinstance(value, str):
        return value
    text = _NOT_IN_XML.sub("", value)[:32_767]
    if not text.startswith("="):
        return text
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415

    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    return cell


def _vcf(found: Iterator[Customer], site: Sequence[CustomField]) -> Iterator[bytes]:
    some: list[str] = []
    for customer in found:
        some.append(card(customer))
        if len(some) == _PAGE:
            yield "".join(some).encode()
            some = []
    yield "".join(some).encode()


def card(customer: Customer) -> str:
    """A vCard 4.0 (RFC 6350)."""
    c = customer
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"UID:urn:uuid:{c.id}"]
    lines += [f"KIND:{'org' if c.kind == 'organisation' else 'individual'}", f"FN:{_escaped(c.name)}"]
    lines += [f"TEL;VALUE=uri:tel:{number}" for number in c.phones] + [f"EMAIL:{_escaped(mail)}" for mail in c.emails]
    for name, value in (("ORG", c.organisation), ("LANG", c.language), ("NOTE", c.notes)):
        if value:
            lines.append(f"{name}:{_escaped(value)}")
    lines += [f"X-CALLWEAVE-VIP:{'yes' if c.vip else 'no'}"]
    if c.agent:
        lines.append(f"X-CALLWEAVE-AGENT:{_escaped(c.agent)}")
    return "".join(_folded(line) + "\r\n" for line in [*lines, "END:VCARD"])


def _escaped(text: str) -> str:
    r"""RFC 6350 3.4: backslash, comma, semicolon and line break."""
    text = text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")
    return re.sub(r"\r\n|\r|\n", r"\\n", text)


def _folded(line: str) -> str:
    """RFC 6350 3.2: no line longer than 75 octets, no character cut in two."""
    if len(line.encode()) <= 75:
        return line
    parts, size = [""], 0
    for character in line:
        size += len(character.encode())
        if size > 75:
            parts.append("")
            size = 1 + len(character.encode())
        parts[-1] += character
    return "\r\n ".join(parts)


_WRITERS: Final[Mapping[str, Callable[[Iterator[Customer], Sequence[CustomField]], Iterator[bytes]]]] = {
    "csv": _csv,
    "xlsx": _xlsx,
    "vcf": _vcf,
}
