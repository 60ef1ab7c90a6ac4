"""Reports over REST: who may, what comes back, a number and its list, files, the check, schedules."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from agent_console.reports import ReportAccess
from interaction_log.periods import moment
from interaction_log.store import Store
from tests.fakes.console_stage import Stage, stage
from tests.fakes.month import Month, month, write

START = moment("2026-10-24", "Europe/Berlin")
ASKED = {"from": "2026-10-24", "to": "2026-10-27", "tz": "Europe/Berlin"}


@dataclass
class Site:
    on: Stage
    month: Month
    sofia: httpx.AsyncClient

    async def get(self, path: str, **params: Any) -> Any:
        got = await self.sofia.get(f"/api/reports{path}", params=ASKED | params)
        assert got.status_code == 200, got.text
        return got.json()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    url = f"sqlite:///{tmp_path}/log.db"
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    made = month(START, contacts=400, days=3, agents=6)
    await asyncio.to_thread(write, url, made)
    access = ReportAccess(
        reports=store.reports,
        customers=store.customer_views,
        orders=store.orders("CN"),
        schedules=store.schedules,
        shifts=store.shifts(),
    )
    async with stage(reports=access) as on, on.http(headers=await on.headers("sofia")) as http:
        yield Site(on, made, http)
    await asyncio.to_thread(store.close)


async def test_agents_read_no_reports(site: Site) -> None:
    async with site.on.http(headers=await site.on.headers("anna")) as http:
        for path in (
            "",
            "/table",
            "/interactions",
            "/check",
            "/customers",
            "/schedules",
            "/runs",
            "/orders",
            "/shifts",
        ):
            got = await http.get(f"/api/reports{path}", params=ASKED if path in ("/table", "/check") else {})
            assert got.status_code == 403, path
    async with site.on.http() as http:
        assert (await http.get("/api/reports/table", params=ASKED)).status_code == 401


async def test_definitions_name_every_number(site: Site) -> None:
    got = await site.get("")
    assert {"offered", "service_level_asterisk2", "occupancy"} <= {one["name"] for one in got["metrics"]}
    assert all(one["formula"] and one["source"] for one in got["metrics"])
    assert got["queues"] == sorted({row["queue"] for row in site.month.visits})
    assert len(got["agents"]) == 6 and got["mail"] is False


async def test_random_cells_open_as_many_interactions_as_they_say(site: Site) -> None:
    pick = random.Random(3)
    for report in ("queues", "contacts", "agents"):
        table = await site.get("/table", report=report, step="day")
        listed = [one["name"] for one in table["metrics"] if one["listed"] and one["unit"] == "count"]
        assert table["total"]["offered" if report != "agents" else "offers"] > 0
        for row in pick.sample(table["rows"], min(4, len(table["rows"]))):
            for name in pick.sample(listed, 5):
                asked = {"report": report, "step": "day", "metric": name, "period": row["period"], "limit": 500}
                got = await site.get("/interactions", key=row["key"], **asked)
                assert got["count"] == row[name], (report, name, row)
                assert len(got["items"]) == row[name] or name in ("transfers", "offers", "offers_missed"), (
                    report,
                    name,
                )


async def test_the_longest_day_has_an_hour_twice(site: Site) -> None:
    table = await site.get("/table", step="hour", **{"from": "2026-10-25", "to": "2026-10-26"})
    labels = [one["label"] for one in table["periods"]]
    assert len(labels) == 25 and len(set(labels)) == 25
    assert [one for one in labels if "T02:" in one] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]
    day = await site.get("/table", step="day", **{"from": "2026-10-25", "to": "2026-10-26"})
    assert sum(row["offered"] for row in table["rows"]) == day["total"]["offered"]


async def test_files_say_the_same_as_the_table(site: Site) -> None:
    table = await site.get("/table", step="day")
    got = await site.sofia.get("/api/reports/table", params=ASKED | {"format": "xlsx"})
    sheet = openpyxl.load_workbook(io.BytesIO(got.content)).worksheets[0]
    rows = [[cell.value for cell in row] for row in sheet.rows]
    assert rows[0][:4] == ["from", "to", "queue", "offered"] and rows[-1][3] == table["total"]["offered"]
    assert sum(int(row[3]) for row in rows[1:] if row[2] == "sales" and row[0] != row[1]) > 0
    got = await site.sofia.get("/api/reports/table", params=ASKED | {"format": "csv"})
    assert "attachment" in got.headers["content-disposition"]
    assert len(got.content.decode("utf-8-sig").splitlines()) == len(rows)


async def test_the_check_and_the_views(site: Site) -> None:
    check = await site.get("/check")
    assert check["holds"] and check["offered"] == len(site.month.visits) and check["hours"] == 73
    got = (await site.sofia.get("/api/reports/customers", params={"view": "churn"})).json()
    assert got["notes"] == ["no_orders"]
    body = b"number,customer,ordered_at,amount\n1,c000001,2026-10-01,5\n2,nobody,2026-10-01,5\n"
    taken = await site.sofia.post("/api/reports/orders", files={"file": ("o.csv", body)})
    assert taken.status_code == 200 and taken.json()["created"] == 1
    assert taken.json()["refused"][0]["code"] == "order_nobody"
    assert (await site.sofia.get("/api/reports/orders")).json() == {"count": 1}
    assert [row[1] for row in site.on.hub.trail] == ["import_orders"]
    got = await site.sofia.get("/api/reports/customers", params={"view": "value", "format": "csv"})
    assert b"c000001" in got.content


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"to": "2026-10-24"}, "to"),
        ({"tz": "Mars/Base"}, "tz"),
        ({"from": "lately"}, "from"),
        ({"step": "fortnight"}, "step"),
        ({"step": "15min", "to": "2027-10-24"}, "to"),
        ({"report": "queues", "group": "channel"}, "group"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_nonsense_is_refused_with_its_field(site: Site, params: dict[str, str], field: str) -> None:
    got = await site.sofia.get("/api/reports/table", params=ASKED | params)
    assert got.status_code == 400, got.text
    assert [one["field"] for one in got.json()["errors"]] == [field]


async def test_numbers_without_a_list_are_refused(site: Site) -> None:
    for asked in ({"metric": "occupancy", "report": "agents"}, {"metric": "occupancy"}, {"metric": "nothing"}):
        got = await site.sofia.get("/api/reports/interactions", params=ASKED | asked)
        assert got.status_code == 400, asked
    got = await site.sofia.get("/api/reports/interactions", params=ASKED | {"metric": "offered", "period": 9})
    assert got.status_code == 400


async def test_schedules_are_made_changed_and_deleted(site: Site) -> None:
    body = {
        "name": "Morning",
        "report": "queues",
        "every": "day",
        "at_minute": 420,
        "zone": "Asia/Shanghai",
        "recipients": ["boss@example.com"],
    }
    for wrong, field in (
        ({"recipients": ["a b@example.com"]}, "recipients.0"),
        ({"recipients": ["boss@example.com\r\nBcc: x@example.com"]}, "recipients.0"),
        ({"zone": "Mars/Base"}, "zone"),
        ({"group": "channel"}, "group"),
        ({"at_minute": 1440}, "at_minute"),
    ):
        got = await site.sofia.post("/api/reports/schedules", json=body | wrong)
        assert got.status_code == 400 and got.json()["errors"][0]["field"] == field, wrong
    one = (await site.sofia.post("/api/reports/schedules", json=body)).json()
    path = f"/api/reports/schedules/{one['id']}"
    changed = await site.sofia.put(path, json=body | {"name": "Early", "version": 1})
    assert changed.json()["name"] == "Early" and changed.json()["version"] == 2
    assert (await site.sofia.put(path, json=body | {"version": 1})).status_code == 409
    assert [row["name"] for row in (await site.sofia.get("/api/reports/schedules")).json()] == ["Early"]
    assert (await site.sofia.get("/api/reports/runs")).json() == []
    assert (await site.sofia.post(f"{path}/again", json={"due_at": 1.0})).status_code == 404
    assert (await site.sofia.delete(path)).status_code == 204
    assert (await site.sofia.delete(path)).status_code == 404
    acts = [row[1] for row in site.on.hub.trail]
    assert acts == ["schedule_report", "change_report_schedule", "delete_report_schedule"]
