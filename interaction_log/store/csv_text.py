"""A customer file's bytes as rows of cells: encoding and delimiter recognised, limits kept. Pure."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from interaction_log.periods import known_zone
from interaction_log.records import Refused

T = TypeVar("T")

MOST_BYTES: Final = 50 * 1024 * 1024
MOST_COLUMNS: Final = 100
MOST_ROWS: Final = 1_000_000
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Line:
    """One record of the file. ``line`` is where it begins, from 1; ``broken`` says why it cannot be read."""

    line: int
    cells: list[str]
    broken: str | None = None


def records(data: bytes) -> Iterator[Line]:
    """The header, then the rows that are not empty. Raises ``Refused`` with what is wrong with the whole file."""
    if len(data) > MOST_BYTES:
        raise Refused("file", f"larger than {MOST_BYTES // 1024 // 1024} MB")
    text = decoded(data)
    delimiter = max(",;\t", key=text[: text.find("\n") if "\n" in text else None].count)
    rows = 0
    for line in _lines(text, delimiter):
        if line.broken is None and not any(cell.strip() for cell in line.cells):
            continue
        rows += 1
        if rows > MOST_ROWS + 1:
            raise Refused("file", f"more than {MOST_ROWS:,} rows")
        if rows == 1 and (line.broken or len(line.cells) > MOST_COLUMNS):
            raise Refused("file", line.broken or f"more than {MOST_COLUMNS} columns")
        yield line


def _lines(text: str, delimiter: str) -> Iterator[Line]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        begin = reader.line_num + 1
        try:
            yield Line(begin, next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            why = "a quote is opened and never closed" if "unexpected end" in str(error) else str(error)
            yield Line(begin, [], why)


@dataclass(slots=True)
class Taken(Generic[T]):
    """What became of a file: rows that were read, what was taken and refused (column, reason), each with its line."""

    read: int = 0
    found: list[tuple[int, T]] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)


def taken(
    data: bytes, heading: Callable[[Sequence[str]], list[str | None]], row: Callable[[dict[str, str]], T]
) -> Taken[T]:
    """Each row made something of. ``heading`` names the columns, ``row`` raises ``ValueError(column, reason)``.

    Raises ``Refused`` for a file that is none."""
    lines, found = records(data), Taken[T]()
    try:
        names = heading(next(lines).cells)
    except StopIteration:
        raise Refused("file", "is empty") from None
    except ValueError as error:
        raise Refused("file", str(error)) from None
    for line in lines:
        found.read += 1
        cells = {name: cell.strip() for name, cell in zip(names, line.cells, strict=False) if name is not None}
        try:
            if line.broken is not None:
                raise ValueError("row", line.broken)
            found.found.append((line.line, row(cells)))
        except ValueError as error:
            column, reason = (str(one) for one in error.args[:2])
            found.refused.append((line.line, column, reason))
    return found


def checked_zone(zone: str) -> None:
    """Raises ``Refused`` for a time zone that is none."""
    try:
        known_zone(zone)
    except ValueError as error:
        raise Refused("tz", str(error)) from None


def decoded(data: bytes) -> str:
    """The text, by its byte order mark, as UTF-8, UTF-16 or GBK. Raises ``Refused``."""
    encoding = next((name for bom, name in _BOMS if data.startswith(bom)), None) or _without_bom(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Refused("file", "neither UTF-8, UTF-16 nor GBK: save it as UTF-8") from error
    if encoding == "gb18030" and not _looks_chinese(text):
        raise Refused("file", "its encoding is not clear: save it as UTF-8")
    return text


def _without_bom(data: bytes) -> str:
    zeros = data[:4_096:2].count(0), data[1:4_096:2].count(0)
    if 0 in zeros and sum(zeros) * 40 > len(
        data[:4_096]
    ):  # UTF-16: a zero in every ASCII character, delimiters at least
        return "utf-16-be" if zeros[0] else "utf-16-le"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8"


def _looks_chinese(text: str) -> bool:
    """Western text in a one-byte encoding is valid GBK now and then, but gives rare characters."""
    foreign = [c for c in text if not c.isascii()][:2_000]
    common = sum(1 for c in foreign if _is_common(c))
    return common * 10 >= len(foreign) * 7


def _is_common(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True
