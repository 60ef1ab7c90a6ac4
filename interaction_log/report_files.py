"""A report as a file: CSV and XLSX. XLSX takes seconds of computing, so it is made by a process of its own.

``python -m interaction_log.report_files csv|xlsx`` reads ``{"sheets": [{"name", "rows": [[cell …] …]}]}`` as JSON from
standard input and writes the file to standard output.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

Cell = str | float | None
Rows = Sequence[Sequence[Cell]]
TYPES: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_SHEET: Final = 31  # characters in the name of a sheet


def safe(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula, as text (OWASP, CSV injection)."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def csv_of(rows: Rows) -> bytes:
    """RFC 4180 with a byte order mark: without it, Excel takes Chinese for Latin-1."""
    text = io.StringIO()
    csv.writer(text).writerows([safe(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def xlsx_of(sheets: Sequence[tuple[str, Rows]]) -> bytes:
    """One sheet each, the first row frozen."""
    from openpyxl import Workbook  # noqa: PLC0415 (a quarter of a second, only where it is wanted)

    book = Workbook(write_only=True)
    for name, rows in sheets:
        sheet = book.create_sheet("".join("_" if one in "[]:*?/\\" else one for one in name)[:_SHEET] or "report")
        sheet.freeze_panes = "A2"
        for row in rows:
            sheet.append([safe(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rows_of(answer: Mapping[str, Any], names: Mapping[str, str] | None = None) -> list[list[Cell]]:
    """A report (``reports.as_json``) as rows: from, to, group, then a column for each metric; totals at the end."""
    said = names or {}
    metrics = [one["name"] for one in answer["metrics"]]
    head: list[Cell] = [said.get(name, name) for name in ("from", "to", answer["group"])]
    rows: list[list[Cell]] = [[*head, *(said.get(name, name) for name in metrics)]]
    spans = answer["periods"]
    for row in answer["rows"]:
        span = spans[row["period"]]
        rows.append([span["label"], span["until"], row["key"], *(row[name] for name in metrics)])
    whole: list[Cell] = [spans[0]["label"], spans[-1]["until"]]
    for row in answer["of_keys"]:
        rows.append([*whole, row["key"], *(row[name] for name in metrics)])
    return [*rows, [*whole, said.get("total", "total"), *(answer["total"][name] for name in metrics)]]


def made(kind: str, sheets: Sequence[tuple[str, Rows]]) -> bytes:
    """The file; CSV has the first sheet alone."""
    return csv_of(sheets[0][1]) if kind == "csv" else xlsx_of(sheets)


async def in_child(kind: str, sheets: Sequence[tuple[str, Rows]]) -> bytes:
    """The file, made by another process: spreadsheets are slow, and this one moves calls."""
    given = {"sheets": [{"name": name, "rows": rows} for name, rows in sheets]}
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "interaction_log.report_files",
        kind,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        out, _nothing = await child.communicate(await asyncio.to_thread(lambda: json.dumps(given).encode()))
    except asyncio.CancelledError:
        child.kill()
        await child.wait()
        raise
    if child.returncode:
        raise RuntimeError(f"the file could not be made: exit code {child.returncode}")
    return out


def main() -> None:
    """Standard input to standard output."""
    given = json.load(sys.stdin.buffer)
    sys.stdout.buffer.write(made(sys.argv[1], [(one["name"], one["rows"]) for one in given["sheets"]]))


if __name__ == "__main__":
    main()
