"""Customers from CSV files (N41, N42, N43)."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Iterator
from pathlib import Path

import pytest

from interaction_log.records import Customer, Refused
from interaction_log.store import Store, csv_text, imports


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store.open(f"sqlite:///{tmp_path}/log.db", default_region="CN")
    yield one
    one.close()


HEADER = "name,phone,phone 2,email,organisation,language,vip,notes\n"


def read(text: str) -> imports.Rows:
    return imports.read(text.encode(), "CN")


def only(text: str) -> Customer:
    rows = read(text)
    assert rows.refused == [] and rows.read == 1
    return goods(rows)[0].checked.customer


def goods(rows: imports.Rows) -> list[imports.Good]:
    return [good for some in rows.good() for good in some]


def refusal(text: str) -> tuple[int, str | None, str]:
    rows = read(text)
    assert goods(rows) == [] and len(rows.refused) == 1, rows
    return rows.refused[0].line, rows.refused[0].field, rows.refused[0].reason


def test_all_columns() -> None:
    one = only(
        HEADER + '"王, 小明",138 0013-8000;+44 20 7946 0018,010-50881234转12,a@b.de; c@d.de,京华,zh-CN,yes,"a\n""b"""'
    )
    assert one.name == "王, 小明" and one.vip and one.notes == 'a\n"b"' and one.language == "zh-CN"
    assert one.phones == ["+8613800138000", "+442079460018", "+861050881234;ext=12"]
    assert one.emails == ["a@b.de", "c@d.de"] and one.organisation == "京华"


@pytest.mark.parametrize(
    "header",
    [
        "姓名,手机,电话2,邮箱,公司,语言,vip,备注",
        "Name;Phone1;Phone_2;E-Mail;Company;Lang;VIP;Remark",
        "notes\tmobile\tname",
    ],
)
def test_headers_in_other_words_and_delimiters(header: str) -> None:
    delimiter = max(",;\t", key=header.count)
    cells = {
        "name": "A",
        "姓名": "A",
        "Name": "A",
        "手机": "13800138000",
        "Phone1": "13800138000",
        "mobile": "13800138000",
    }
    line = delimiter.join(cells.get(one, "") for one in header.split(delimiter))
    one = only(f"{header}\r\n{line}\r\n")
    assert one.name == "A" and one.phones == ["+8613800138000"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_are_recognised(encoding: str) -> None:
    data = "姓名,电话,备注\n王小明,13800138000,偏好上午联系\n".encode(encoding)
    if encoding == "utf-16-be":
        data = codecs.BOM_UTF16_BE + data
    (good,) = goods(imports.read(data, "CN"))
    assert good.checked.customer.name == "王小明" and good.checked.customer.notes == "偏好上午联系"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"phone\n13800138000",
        b"name,name\nA,B",
        b"name,phone\nM\xfcller,1",  # Latin-1
        b"name,phone\nJos\xe9 Mu\xf1oz \xff",
        b"\xff\xfen\0a",
        b"PK\x03\x04\x14\0\x06\0\x08\0\0\0!\0",
        ",".join(["name"] * 101).encode(),
        b"name," * 1_000_000,
        b'"name,phone\nA,13800138000\n',
    ],
    ids=range(11),
)
def test_what_is_no_such_file_is_refused_whole(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        imports.read(data, "CN")
    assert refused.value.field == "file" and len(str(refused.value)) < 200


def test_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused, match="50 MB"):
        imports.read(b"name\n" + b"x" * (50 * 1024 * 1024), "CN")
    monkeypatch.setattr(csv_text, "MOST_ROWS", 10)
    with pytest.raises(Refused, match="more than 10 rows"):
        read("name\n" + "A\n" * 11)


@pytest.mark.parametrize(
    ("row", "field", "why"),
    [
        ("A,1.38E+10", "phones", "rounded"),
        ("A,1.380013E10", "phones", "rounded"),
        ("A,13800138000.0", "phones", "rounded"),
        ("A,###########", "phones", "rounded"),
        ("A,12345", "phones", "no valid"),
        ("A,138001380001234567", "phones", "no valid"),
        ("A,+cmd|' /C calc'!A0", "phones", "no valid"),
        ("A,call 13800138000", "phones", "no valid"),
        ("A,", "phones", "needed"),
        ('=HYPERLINK("x"),13800138000', "name", "formula"),
        ("@SUM(A1),13800138000", "name", "formula"),
        ("\t=1+1,13800138000", "name", "formula"),
        ("＝1,13800138000", "name", "formula"),
        ("+A,13800138000", "name", "formula"),
        (",13800138000", "name", "needed"),
        ("A\0B,13800138000", "name", "control"),
        ("A,13800138000,,nonsense", "emails", "no e-mail"),
        ("A,13800138000,,,=1", "organisation", "formula"),
        ("A,13800138000,,,,chinese language", "language", "no language"),
        ("A,13800138000,,,,,maybe", "vip", "neither"),
        ("A,13800138000,,,,,,=1+1", "notes", "formula"),
        ("A,13800138000,,,,,,,extra", "row", "more cells"),
        ('A,"13800138000', "row", "never closed"),
        ("A," + "1" * 200_000, "row", "field"),
    ],
)
def test_a_refused_row_says_line_field_and_reason(row: str, field: str, why: str) -> None:
    line, at_fault, reason = refusal(f"{HEADER}\n{row}")
    assert line == 3 and (at_fault or "").split(".")[0] == field and why in reason


def test_numbers_as_people_write_them() -> None:
    written = [
        "+86 138-0013 8000",
        "0086 138 0013 8001",
        "（010）5088-1234",
        "１３８００１３８００２",
        "+44 (20) 7946-0018",
    ]
    rows = read("name,phone\n" + "".join(f"A{n},{one}\n" for n, one in enumerate(written)))
    assert [good.checked.customer.phones[0] for good in goods(rows)] == [
        "+8613800138000",
        "+8613800138001",
        "+861050881234",
        "+8613800138002",
        "+442079460018",
    ]


def test_the_same_number_twice_in_a_file() -> None:
    rows = read("name,phone,email\nA,13800138000,\nB,+86 13800138000,\nC,,X@y.de\nD,,x@Y.de\n")
    assert [good.checked.customer.name for good in goods(rows)] == ["A", "C"]
    assert [(one.line, one.field) for one in rows.refused] == [(3, "phones"), (5, "emails")]
    assert rows.refused[0].reason == "+8613800138000 stands in line 2 already"
    assert rows.refused[0].row == {"name": "B", "phone": "+86 13800138000", "email": ""}


def test_lines_are_counted_as_an_editor_shows_them() -> None:
    rows = read('name,phone,notes\nA,13800138000,"one\ntwo\nthree"\n\nB,no,\n')
    assert [one.line for one in rows.refused] == [6]


async def test_a_dry_run_tells_the_same_and_does_nothing(store: Store) -> None:
    data = b"name,phone\nA,13800138000\nB,1\nC,13800138001\n"
    dry = await store.customers.import_csv(data, dry_run=True)
    assert (await store.customers.search("", 10, None))[0] == []
    wet = await store.customers.import_csv(data, dry_run=False)
    assert dry == wet and (wet.read, wet.created, wet.updated, len(wet.refused)) == (3, 2, 0, 1)
    assert [c.name for c in (await store.customers.search("", 10, None))[0]] == ["A", "C"]
    again = await store.customers.import_csv(data, dry_run=False)
    assert (again.created, again.updated) == (0, 2)
    assert len((await store.customers.search("", 10, None))[0]) == 2


async def test_live_customers_are_merged_by_rule_only(store: Store) -> None:
    wang = await store.customers.create(
        {"name": "王小明", "phones": ["13800138000"], "emails": ["A@b.de"], "vip": True, "notes": "keep"}
    )
    other = await store.customers.create({"name": "Li", "phones": ["13800138001"]})
    data = (
        "name,phone,email,organisation,vip\n"
        "王小明,13800138000;13800138005,a@B.de;n@b.de,京华,\n"  # the same person: fill in
        "Wang,13800138000,,,\n"  # hers is another name
        "Li,13800138001;13800138000,,,\n"  # numbers of two people
        "New,,A@b.de,,\n"
    ).encode()
    report = await store.customers.import_csv(data, dry_run=False)
    assert (report.created, report.updated) == (0, 1)
    assert [one.line for one in report.refused] == [3, 4, 5]
    assert all("already" in one.reason for one in report.refused)
    merged = await store.customers.get(wang.id)
    assert merged.phones == ["+8613800138000", "+8613800138005"] and merged.emails == ["A@b.de", "n@b.de"]
    assert merged.organisation == "京华" and merged.vip and merged.notes == "keep"
    assert await store.customers.get(other.id) == other


async def test_a_large_file_while_the_loop_goes_on(store: Store) -> None:
    """A fifth of N43: calls go on meanwhile. How fast it is, and how long the loop waits, is in bench/writer.py."""
    lines = [f"Customer {n},1{38 + n % 2}{n:08d},c{n}@example.com,ACME {n % 100}" for n in range(20_000)]
    data = ("name,phone,email,organisation\n" + "\n".join(lines)).encode()
    turns, done = 0, asyncio.Event()

    async def count_turns() -> None:
        nonlocal turns
        while not done.is_set():
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count_turns())
    report = await store.customers.import_csv(data, dry_run=False)
    done.set()
    await counting
    assert (report.read, report.created, report.refused) == (20_000, 20_000, [])
    assert turns > 100  # the loop was never handed to the import
