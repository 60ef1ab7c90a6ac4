"""The first sheet of an Excel file as rows of cells, read as it comes; what would burst the memory is refused.

``openpyxl`` reads with ``defusedxml`` where that is installed (it is one of ours): entities are refused.
"""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any, Final

from interaction_log.records import Refused
from interaction_log.store.csv_text import MOST_COLUMNS, MOST_ROWS, Line

MOST_MEMBERS: Final = 2_000
MOST_UNPACKED: Final = 600 * 1024 * 1024
"""Bytes of all members together. ``zipfile`` reads no more of one than it says that it has."""
MOST_STRINGS: Final = 200 * 1024 * 1024
"""Of the table of texts, which is kept in memory."""
MOST_RATIO: Final = 250
"""Unpacked to packed, of members larger than a megabyte: sheets reach about 30."""
_EXACT: Final = 1e15
"""Excel keeps 15 digits of a number."""


def lines(data: bytes) -> Iterator[Line]:
    """The rows of the first sheet that are not empty, the header first. Raises ``Refused``."""
    import openpyxl  # noqa: PLC0415 (a tenth of a second, only where it is wanted)

    assert openpyxl.DEFUSEDXML, "defusedxml is needed to read Excel files"
    _check_zip(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet: Any = next((one for one in book.worksheets if one.sheet_state == "visible"), None)
        if sheet is None:
            raise Refused("file", "has no sheet")
        sheet.reset_dimensions()  # what a file says of its size is not to be believed
        yield from _rows(sheet.iter_rows(values_only=True))
    except Refused:
        raise
    except MemoryError:
        raise Refused("file", "too large to be read") from None
    except Exception as error:  # no Excel file, an entity in its XML, or whatever openpyxl happens to fail with
        raise Refused("file", "is no Excel file that can be read") from error


def _check_zip(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = packed.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise Refused("file", "is no Excel file that can be read") from error
    sizes = {one.filename: one.file_size for one in members}
    if len(members) > MOST_MEMBERS or sum(sizes.values()) > MOST_UNPACKED or _strings(sizes) > MOST_STRINGS:
        raise Refused("file", "too large to be read")
    if any(one.file_size > 1 << 20 and one.file_size > MOST_RATIO * max(1, one.compress_size) for one in members):
        raise Refused("file", "too large to be read")
    if len(sizes) < len(members):
        raise Refused("file", "is no Excel file that can be read")


def _strings(sizes: dict[str, int]) -> int:
    return sum(size for name, size in sizes.items() if name.casefold().endswith(("sharedstrings.xml", "styles.xml")))


def _rows(found: Iterator[Sequence[Any]]) -> Iterator[Line]:
    taken = 0
    for number, values in enumerate(found, 1):
        if not any(value is not None for value in values):
            continue
        cells = [text(value) for value in values]
        while cells and not cells[-1].strip():
            cells.pop()
        if not cells:
            continue
        if len(cells) > MOST_COLUMNS:
            raise Refused("file", f"more than {MOST_COLUMNS} columns")
        taken += 1
        if taken > MOST_ROWS + 1:
            raise Refused("file", f"more than {MOST_ROWS:,} rows")
        yield Line(number, cells)


def text(value: object) -> str:
    """What stands in a cell. A number that Excel rounded is given as it was rounded, so that nobody believes it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return f"{value:.0f}" if abs(value) < _EXACT and value == int(value) else f"{value:.14E}"
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else str(value)
