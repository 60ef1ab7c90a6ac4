"""Fields, consents, relations, segments, tasks and cases by REST, over a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from interaction_log.records import User
from interaction_log.store import Store
from tests.fakes.console_stage import Stage, stage


@dataclass
class Office:
    """A console over a real store of customers."""

    on: Stage
    http: httpx.AsyncClient
    store: Store

    async def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.http.request(method, path, headers=await self.on.headers(who), **more)

    async def did(self, who: str, method: str, path: str, **more: Any) -> dict[str, Any]:
        answer = await self.ask(who, method, path, **more)
        assert answer.status_code in (200, 201), answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def wrong(self, who: str, method: str, path: str, **more: Any) -> tuple[int, list[str]]:
        answer = await self.ask(who, method, path, **more)
        return answer.status_code, [one["field"] for one in answer.json().get("errors", [])]


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    store = Store.open(f"sqlite:///{tmp_path}/log.db", default_region="CN")
    for name in ("anna", "ben"):
        await store.users.create(User(name=name, display_name=name.title(), role="agent"), "a password")
    async with stage(customers=store.customers, records=store.records) as on, on.http() as http:
        yield Office(on, http, store)
    store.close()


FIELD = {"labels": {"en": "Seats", "zh-CN": "席位数"}, "type": "number"}


async def test_a_field_of_the_site_from_its_definition_to_a_filter(office: Office) -> None:
    assert (await office.ask("anna", "PUT", "/api/custom-fields/seats", json=FIELD)).status_code == 403
    await office.did("admin", "PUT", "/api/custom-fields/seats", json=FIELD)
    assert office.on.hub.trail[-1][:3] == ("admin", "custom_field_changed", "seats")
    status, fields = await office.wrong("admin", "PUT", "/api/custom-fields/seats", json=FIELD | {"type": "text"})
    assert (status, fields) == (400, ["type"])
    body = {"name": "王小明", "kind": "organisation", "value": 10.5, "channel": "email", "fields": {"seats": 12}}
    made = await office.did("anna", "POST", "/api/customers", json=body)
    assert {name: made[name] for name in body} == body
    path = f"/api/customers/{made['id']}"
    assert await office.wrong("anna", "PATCH", path, json={"fields": {"seats": "many"}}) == (400, ["fields.seats"])
    assert await office.wrong("anna", "PATCH", path, json={"fields": {"no": 1}}) == (400, ["fields.no"])
    assert (await office.did("anna", "PATCH", path, json={"fields": {"seats": None}}))["fields"] == {}
    await office.did("anna", "PATCH", path, json={"fields": {"seats": 7}})

    raw = {"parts": [{"field": "fields.seats", "is": "more", "value": 5}]}
    assert await office.did("anna", "POST", "/api/segments/count", json={"filter": raw}) == {"count": 1}
    assert (await office.ask("anna", "POST", "/api/segments", json={"name": "x", "filter": raw})).status_code == 403
    one = await office.did("admin", "POST", "/api/segments", json={"name": "Many seats", "filter": raw})
    listed = await office.did("anna", "GET", "/api/customers", params={"segment": one["id"]})
    assert [c["name"] for c in listed["items"]] == ["王小明"]
    assert (await office.did("anna", "GET", f"/api/segments/{one['id']}"))["count"] == 1
    assert (await office.ask("anna", "GET", "/api/customers", params={"segment": "none"})).status_code == 404
    bad = {"name": "y", "filter": {"parts": [{"field": "fields.seats", "is": "more", "value": "x"}]}}
    assert await office.wrong("admin", "POST", "/api/segments", json=bad) == (400, ["filter.parts.0.value"])


async def test_a_consent_is_put_on_record(office: Office) -> None:
    made = await office.did("anna", "POST", "/api/customers", json={"name": "A"})
    path = f"/api/customers/{made['id']}/consents"
    body = {"purpose": "marketing", "channel": "email", "state": "given", "source": "call"}
    said = await office.did("anna", "POST", path, json=body)
    assert (said["by"], said["version"]) == ("anna", "1")
    assert office.on.hub.trail[-1] == (
        "anna",
        "consent",
        made["id"],
        {"purpose": "marketing", "channel": "email", "state": "given", "version": "1"},
    )
    assert (await office.did("anna", "GET", path))["items"] == [said]
    assert (await office.ask("anna", "GET", "/api/customers/nobody/consents")).status_code == 404
    assert (await office.wrong("anna", "POST", path, json=body | {"purpose": "x"}))[1] == ["purpose"]
    purpose = {"labels": {"en": "Calls"}, "texts": {"en": "May we call?"}, "version": "1"}
    await office.did("admin", "PUT", "/api/consent-purposes/calls", json=purpose)
    other = purpose | {"texts": {"en": "May we ever call?"}}
    assert (await office.wrong("admin", "PUT", "/api/consent-purposes/calls", json=other))[1] == ["version"]


async def test_relations_by_both_ends(office: Office) -> None:
    one = await office.did("anna", "POST", "/api/customers", json={"name": "Emily"})
    firm = await office.did("anna", "POST", "/api/customers", json={"name": "Carter", "kind": "organisation"})
    path = f"/api/customers/{one['id']}/relations"
    await office.did("anna", "POST", path, json={"kind": "works_for", "other": firm["id"]})
    (seen,) = (await office.did("anna", "GET", f"/api/customers/{firm['id']}/relations"))["items"]
    assert (seen["kind"], seen["name"]) == ("employs", "Emily")
    assert (await office.wrong("anna", "POST", path, json={"kind": "works_for", "other": firm["id"]}))[0] == 409
    gone = await office.ask("anna", "DELETE", f"{path}/{seen['id']}")
    assert gone.status_code == 204 and (await office.did("anna", "GET", path))["items"] == []


async def test_a_case_from_opened_to_closed(office: Office) -> None:
    made = await office.did("anna", "POST", "/api/customers", json={"name": "A"})
    body = {"type": "complaint", "title": "Broken", "customer_id": made["id"], "owner": "ben"}
    case = await office.did("anna", "POST", "/api/cases", json=body)
    assert (case["number"], case["state"], case["opened_by"]) == (1, "new", "anna") and case["due_at"] > case[
        "opened_at"
    ]
    assert ("customers", made["id"]) in office.on.hub.changes  # who has her on the screen sees the case
    path = f"/api/cases/{case['id']}"
    moved = await office.did("ben", "PATCH", path, json={"state": "waiting", "note": "asked", "version": 1})
    assert [step["what"] for step in moved["history"]] == ["noted", "changed", "opened"]
    late = await office.ask("anna", "PATCH", path, json={"title": "Other", "version": 1})
    assert late.status_code == 409 and late.json()["code"] == "entry_changed"
    never = await office.ask("anna", "PATCH", path, json={"state": "new", "version": 2})
    assert never.status_code == 409
    assert (never.json()["code"], never.json()["params"]) == ("case_way", {"here": "waiting", "to": "new"})
    assert await office.wrong("anna", "POST", "/api/cases", json=body | {"owner": "nobody"}) == (400, ["owner"])
    assert (await office.ask("anna", "GET", "/api/cases/none")).status_code == 404
    assert (await office.did("anna", "GET", "/api/cases", params={"owner": "ben"}))["items"][0]["id"] == case["id"]
    assert (await office.did("anna", "GET", "/api/cases", params={"owner": "-"}))["items"] == []
    await office.did("anna", "PATCH", path, json={"state": "closed", "version": 2})
    assert (await office.did("anna", "GET", "/api/cases", params={"phase": "active"}))["items"] == []
    assert (await office.ask("anna", "GET", "/api/cases", params={"due_before": "soon"})).status_code == 400


async def test_types_of_cases_are_for_administrators(office: Office) -> None:
    found = await office.did("anna", "GET", "/api/case-types")
    assert [one["code"] for one in found["items"]] == ["service_request", "complaint", "order", "return"]
    kind = {name: found["items"][0][name] for name in ("labels", "states")} | {"due_minutes": 60}
    assert (await office.ask("anna", "PUT", "/api/case-types/warranty", json=kind)).status_code == 403
    await office.did("admin", "PUT", "/api/case-types/warranty", json=kind)
    states = [kind["states"][0] | {"next": []}, *kind["states"][1:]]
    wrong = await office.wrong("admin", "PUT", "/api/case-types/warranty", json=kind | {"states": states})
    assert wrong == (400, ["states.1"])  # it can never be reached
    assert {one["name"] for one in (await office.did("anna", "GET", "/api/owners"))["items"]} >= {"anna", "ben"}


async def test_tasks_and_the_rules_that_make_them(office: Office) -> None:
    body = {"title": "Call back", "due": "2026-11-27T10:00", "zone": "Asia/Shanghai"}
    task = await office.did("anna", "POST", "/api/tasks", json=body)
    assert (task["owner"], task["due_at"]) == ("anna", 1_795_744_800)
    assert await office.wrong("anna", "POST", "/api/tasks", json={"title": "x", "due": "2026-11-27T10:00"}) == (
        400,
        ["zone"],
    )
    path = f"/api/tasks/{task['id']}"
    await office.did("ben", "PATCH", path, json={"due_at": 5.0, "version": 1})
    listed = await office.did("anna", "GET", "/api/tasks", params={"owner": "anna"})
    assert listed["due"] == 1 and [one["id"] for one in listed["items"]] == [task["id"]]
    assert (await office.ask("anna", "PATCH", path, json={"state": "done", "version": 1})).status_code == 409
    assert (await office.did("anna", "PATCH", path, json={"state": "done"}))["state"] == "done"
    assert (await office.did("anna", "GET", "/api/tasks"))["items"] == []

    segment = await office.did("admin", "POST", "/api/segments", json={"name": "All", "filter": {"parts": []}})
    rule = {"title": "Hello", "segment_id": segment["id"], "owner": "ben", "zone": "Europe/Berlin"}
    assert (await office.ask("anna", "POST", "/api/task-rules", json=rule)).status_code == 403
    made = await office.did("admin", "POST", "/api/task-rules", json=rule)
    changed = await office.did("admin", "PATCH", f"/api/task-rules/{made['id']}", json={"most": 5, "version": 1})
    assert changed["most"] == 5 and changed["version"] == 2
    assert (await office.ask("admin", "DELETE", f"/api/segments/{segment['id']}")).status_code == 409
    assert (await office.ask("admin", "DELETE", f"/api/task-rules/{made['id']}")).status_code == 204
    assert (await office.ask("admin", "DELETE", f"/api/segments/{segment['id']}")).status_code == 204


@pytest.mark.parametrize("path", ["cases", "tasks", "custom-fields", "segments", "case-types", "owners"])
async def test_nobody_reads_without_signing_in(office: Office, path: str) -> None:
    assert (await office.http.get(f"/api/{path}")).status_code == 401
