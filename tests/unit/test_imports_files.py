"""Files of customers: what each kind gives, and what is refused before it can hurt."""

from __future__ import annotations

import datetime
import io
import zipfile
from typing import Any

import openpyxl
import pytest
import vobject

from interaction_log import mapping
from interaction_log.records import Customer, Refused
from interaction_log.store import imports_xlsx
from interaction_log.store.exports import card
from interaction_log.store.exports_text import safe
from interaction_log.store.imports_files import open_source


def xlsx(*rows: Any) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def repacked(data: bytes, name: str, change: bytes) -> bytes:
    """The same zip with another content of one member."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.namelist():
            new.writestr(one, change if one == name else old.read(one))
    return made.getvalue()


def cells(data: bytes) -> list[list[str]]:
    return [line.cells for line in open_source(data).rows]


# --- Excel -------------------------------------------------------------------------------------------


def test_cells_are_read_as_people_see_them() -> None:
    day = datetime.datetime(2026, 1, 31)
    data = xlsx(["name", "phone"], [], ["王", 13800138000, True, day, 1.5, "=1+1", None], [None, None])
    source = open_source(data)
    assert source.kind == "xlsx" and source.headings == ["name", "phone"]
    (line,) = source.rows
    assert line.line == 3 and line.cells[:4] == ["王", "13800138000", "yes", "2026-01-31"]


@pytest.mark.parametrize(
    ("value", "said"),
    [(13800138000.0, "13800138000"), (10**17, "1.00000000000000E+17"), (0.5, "5.00000000000000E-01"), (False, "no")],
)
def test_a_number_that_was_rounded_is_not_believed(value: object, said: str) -> None:
    assert imports_xlsx.text(value) == said


def test_bombs_are_refused_before_they_are_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = repacked(xlsx(["name"]), "xl/worksheets/sheet1.xml", b" " * 30_000_000)
    with pytest.raises(Refused, match="too large"):
        cells(bomb)
    monkeypatch.setattr(imports_xlsx, "MOST_UNPACKED", 1_000)
    with pytest.raises(Refused, match="too large"):
        cells(xlsx(["name"], ["A"]))


@pytest.mark.parametrize(
    "sheet",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet>&b;</worksheet>',
        b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><worksheet>&a;</worksheet>',
        b"<worksheet",
        b"",
    ],
)
def test_entities_and_broken_sheets_are_refused(sheet: bytes) -> None:
    with pytest.raises(Refused):
        cells(repacked(xlsx(["name"]), "xl/worksheets/sheet1.xml", sheet))


def test_wide_sheets_and_lies_about_the_size() -> None:
    with pytest.raises(Refused, match="columns"):
        cells(xlsx(["name"], [None] * 200 + ["far"]))
    data = xlsx(["name"], ["A"])
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        sheet = packed.read("xl/worksheets/sheet1.xml")
    lying = repacked(data, "xl/worksheets/sheet1.xml", sheet.replace(b'ref="A1:A2"', b'ref="A1:XFD1048576"'))
    assert cells(lying) == [["A"]]


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"PK\x03\x04" + b"\x00" * 200, b"\xd0\xcf\x11\xe0 old"])
def test_what_is_no_excel_file_is_said_so(data: bytes) -> None:
    with pytest.raises(Refused, match="Excel"):
        cells(data)


# --- vCards ------------------------------------------------------------------------------------------

CARDS = """BEGIN:VCARD\r
VERSION:3.0\r
N:王;小明;;;\r
TEL;TYPE=CELL:138 0013 8000\r
TEL;TYPE=PREF,WORK:tel:+44-20-7946-0018;ext=12\r
item1.EMAIL;TYPE=INTERNET:a@example.com\r
ORG:Org\\, Ltd;Dept\r
NOTE:one\\nlong\r
  line\r
PHOTO;ENCODING=b;TYPE=JPEG:AAAA\r
 BBBB\r
END:VCARD\r
\r
begin:vcard
VERSION:4.0
FN:Emily Carter
TEL;VALUE=uri;PREF=2:tel:+442079460018
TEL;PREF=1:+442079460019
LANG:fr
end:vcard
BEGIN:VCARD
VERSION:2.1
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E5=BC=A0=E4=
=BC=9F
TEL;CELL;PREF:13800138001
END:VCARD
BEGIN:VCARD
FN:cut off
"""


def test_cards_of_three_versions() -> None:
    source = open_source(CARDS.encode())
    assert source.headings == ["FN", "TEL", "EMAIL", "ORG", "NOTE", "LANG"]
    wang, emily, zhang, broken = source.rows
    phones = "+44-20-7946-0018;ext=12\n138 0013 8000"
    assert wang.cells == ["王小明", phones, "a@example.com", "Org, Ltd", "one\nlong line", ""]
    assert emily.cells[:2] == ["Emily Carter", "+442079460019\n+442079460018"] and emily.cells[5] == "fr"
    assert zhang.cells[:2] == ["张伟", "13800138001"]
    assert broken.broken == "is no whole vCard" and (wang.line, emily.line) == (1, 14)
    assert mapping.given(mapping.suggest(source.headings), wang.cells)["phones"] == phones.split("\n")


def test_a_card_of_ours_is_read_by_others_and_by_us() -> None:
    one = Customer(
        id="1d9c1e2a-0000-4000-8000-000000000000",
        name="王, 小明; \\ Ltd",
        phones=["+8613800138000", "+861050881234;ext=12"],
        emails=["a@example.com"],
        organisation="Org; Ltd",
        language="zh-CN",
        vip=True,
        notes="第一行\nsecond, " + "长" * 100,
    )
    text = card(one)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    other = vobject.readOne(text)
    assert other.fn.value == one.name and other.note.value == one.notes and other.org.value == ["Org; Ltd"]
    source = open_source(text.encode())
    given = mapping.given(mapping.suggest(source.headings), next(source.rows).cells)
    assert (given["name"], given["phones"], given["notes"]) == (one.name, one.phones, one.notes)


# --- mapping -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "target"),
    [
        ("E-mail 2 - Value", "emails"),
        ("Phone 1 - Value", "phones"),
        ("First Name", "given_name"),
        ("手机号码", "phones"),
        ("公司名称", "organisation"),
        ("Account_Manager", "agent"),
        ("Colour", None),
        ("", None),
    ],
)
def test_headings_that_people_write(heading: str, target: str | None) -> None:
    assert mapping.suggest([heading]) == [target]


def test_a_mapping_is_suggested_by_name_heading_and_content() -> None:
    samples = [["Anna", "138 0013 8000", "a@example.com", "b@example.com"]]
    assert mapping.suggest(["Who", "?", "x", "mail"], samples) == [None, "phones", "emails", "emails"]
    remembered = {"Who": "name", "?": None}
    assert mapping.suggest(["Who", "?", "name"], samples, remembered) == ["name", None, None]
    assert mapping.suggest(["name", "customer"]) == ["name", None]


def test_names_of_two_parts() -> None:
    columns = ["family_name", "given_name"]
    assert mapping.given(columns, ["Carter", "Emily"]) == {"name": "Emily Carter"}
    assert mapping.given(columns, ["王", "小明"]) == {"name": "王小明"}
    assert mapping.given(columns, ["", "Cher"]) == {"name": "Cher"}


@pytest.mark.parametrize(
    ("columns", "at_fault"),
    [
        ([None, None], "mapping"),
        (["name"], "mapping"),
        (["name", "name"], "mapping.1"),
        (["name", "password"], "mapping.1"),
        (["name", "fields.none"], "mapping.1"),
    ],
)
def test_a_mapping_that_does_not_fit(columns: list[str | None], at_fault: str) -> None:
    with pytest.raises(Refused) as error:
        mapping.check_mapping(columns, 2, ["tier"])
    assert error.value.field == at_fault


@pytest.mark.parametrize(("cell", "amount"), [("1,234.50", 1234.5), ("¥99", 99.0), ("100元", 100.0), ("-1", -1.0)])
def test_amounts(cell: str, amount: float) -> None:
    assert mapping.number("value", cell) == amount
    for wrong in ("1.234,50", "12,34", "a lot", "１2x", ""):
        with pytest.raises(Refused):
            mapping.number("value", wrong)


# --- export ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+SUM(A1)", "-2+3", "@x", "\t=1", "＝1", "\r=1", "+86 138x"])
def test_what_a_spreadsheet_would_run_is_defused(text: str) -> None:
    assert safe(text) == "'" + text


@pytest.mark.parametrize("text", ["+8613800138000", "+44 20 7946 0018", "+861050881234;ext=12", "Anna", "", "1-2"])
def test_the_rest_stays(text: str) -> None:
    assert safe(text) == text
