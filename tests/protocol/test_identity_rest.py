"""``/api/customers``: merges, claims, shared numbers and suggestions, by role, over a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from cti_gateway.identity_upkeep import IdentityUpkeep
from interaction_log.store import Store
from routing.identity_ports import Identity
from tests.fakes.console_stage import Stage, stage

NUMBER, OFFICE = "+442079460018", "+861050881234"


@dataclass
class Office:
    """A console over a real store of customers."""

    on: Stage
    http: httpx.AsyncClient
    store: Store

    async def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.http.request(method, path, headers=await self.on.headers(who), **more)

    async def add(self, name: str, *phones: str, **more: Any) -> str:
        return (await self.store.customers.create({"name": name, "phones": list(phones), **more})).id


@pytest_asyncio.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    store = Store.open(f"sqlite:///{tmp_path}/log.db", default_region="CN")
    upkeep = IdentityUpkeep(store.identity, store.audit, lambda: 1.0)
    of = store.identity
    identity = Identity(merges=of.merges, claims=of.claims, suggestions=of.suggestions, upkeep=upkeep)
    async with stage(customers=store.customers, identity=identity) as on, on.http() as http:
        yield Office(on, http, store)
    store.close()


async def test_merged_listed_and_undone_with_a_trail(office: Office) -> None:
    kept, other = await office.add("A", NUMBER, language="en"), await office.add("B", OFFICE, language="fr")
    preview = (await office.ask("sofia", "GET", f"/api/customers/{kept}/merge", params={"other": other})).json()
    assert [one["field"] for one in preview["differences"]] == ["name", "language"]
    body = {"other": other, "take": ["language"]}
    done = await office.ask("sofia", "POST", f"/api/customers/{kept}/merge", json=body)
    assert done.status_code == 200 and done.json()["taken"] == ["language"]
    merge = done.json()["id"]
    read = (await office.ask("anna", "GET", f"/api/customers/{other}")).json()
    assert (read["id"], read["language"], read["phones"]) == (kept, "fr", [NUMBER, OFFICE])
    listed = (await office.ask("anna", "GET", f"/api/customers/{other}/merges")).json()
    assert [one["id"] for one in listed["members"]] == [kept, other]
    assert [(one["id"], one["by"], one["undone_at"]) for one in listed["items"]] == [(merge, "sofia", None)]
    path = f"/api/customers/{kept}/merges/{merge}/undo"
    assert (await office.ask("anna", "POST", path)).status_code == 403
    assert (await office.ask("sofia", "POST", f"/api/customers/{kept}/merges/none/undo")).status_code == 404
    assert (await office.ask("sofia", "POST", path)).json()["undone_by"] == "sofia"
    again = await office.ask("sofia", "POST", path)
    assert (again.status_code, again.json()["code"]) == (409, "merge_undone")
    assert (await office.ask("anna", "GET", f"/api/customers/{other}")).json()["id"] == other
    assert [(who, what, of) for who, what, of, _ in office.on.hub.trail if what != "forbidden"] == [
        ("sofia", "merge_customers", kept),
        ("sofia", "undo_merge", kept),
    ]
    assert {key for topic, key in office.on.hub.changes if topic == "customers"} == {kept, other}
    assert NUMBER not in str(office.on.hub.trail)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/customers/suggestions", None),
        ("POST", "/api/customers/suggestions/refresh", None),
        ("POST", "/api/customers/suggestions/dismiss", {"one": "a", "other": "b"}),
        ("PUT", f"/api/customers/shared-numbers/{OFFICE}", {"kind": "phone"}),
        ("DELETE", f"/api/customers/shared-numbers/{OFFICE}", None),
        ("GET", "/api/customers/a/merge?other=b", None),
        ("POST", "/api/customers/a/merge", {"other": "b"}),
    ],
)
async def test_agents_do_not_merge(office: Office, method: str, path: str, body: Any) -> None:
    assert (await office.ask("anna", method, path, json=body)).status_code == 403


async def test_wrong_requests_are_named(office: Office) -> None:
    kept = await office.add("A", NUMBER)
    same = await office.ask("sofia", "POST", f"/api/customers/{kept}/merge", json={"other": kept})
    assert same.status_code == 400
    assert [(one["field"], one["code"]) for one in same.json()["errors"]] == [("other", "same_person")]
    for path, body in (
        (f"/api/customers/{kept}/merge", {"other": "nobody"}),
        ("/api/customers/x/merge", {"other": kept}),
    ):
        assert (await office.ask("sofia", "POST", path, json=body)).status_code == 404
    extra = await office.ask("sofia", "POST", f"/api/customers/{kept}/merge", json={"other": "b", "force": True})
    assert extra.status_code == 400
    assert (await office.ask("anna", "GET", "/api/customers/nobody/claims")).status_code == 404
    assert (await office.ask("anna", "GET", "/api/customers/nobody/merges")).status_code == 404


async def test_suggested_and_dismissed(office: Office) -> None:
    one, other = await office.add("Emily Carter", NUMBER), await office.add("emily carter", NUMBER)
    assert (await office.ask("sofia", "POST", "/api/customers/suggestions/refresh")).json() == {"found": 1}
    (pair,) = (await office.ask("sofia", "GET", "/api/customers/suggestions")).json()["items"]
    assert {pair["one"]["id"], pair["other"]["id"]} == {one, other}
    assert {reason["code"] for reason in pair["reasons"]} == {"same_number", "same_name"}
    body = {"one": one, "other": other}
    assert (await office.ask("sofia", "POST", "/api/customers/suggestions/dismiss", json=body)).status_code == 204
    assert (await office.ask("sofia", "GET", "/api/customers/suggestions")).json()["items"] == []


async def test_claims_and_shared_numbers(office: Office) -> None:
    wang = await office.add("王小明", OFFICE)
    path = f"/api/customers/{wang}/claims"
    made = await office.ask("anna", "POST", path, json={"kind": "email", "value": "Wang@Example.com"})
    assert made.status_code == 201 and made.json()["strength"] == "known"
    wrong = await office.ask("anna", "POST", path, json={"kind": "phone", "value": "12"})
    assert [one["code"] for one in wrong.json()["errors"]] == ["not_phone"]
    items = {one["source"]: one for one in (await office.ask("anna", "GET", path)).json()["items"]}
    assert set(items) == {"record", "confirmed"}
    held = await office.ask("anna", "DELETE", f"{path}/{items['record']['id']}")
    assert (held.status_code, held.json()["code"]) == (409, "claim_in_record")
    assert (await office.ask("anna", "DELETE", f"{path}/{items['confirmed']['id']}")).status_code == 204
    shared = f"/api/customers/shared-numbers/{OFFICE}"
    assert (await office.ask("sofia", "PUT", shared, json={"note": "总机"})).json()["people"] == 1
    listed = (await office.ask("anna", "GET", "/api/customers/shared-numbers")).json()
    assert [one["value"] for one in listed["items"]] == [OFFICE]
    assert (await office.store.customers.find_caller(OFFICE)).strength == "candidates"
    assert (await office.ask("sofia", "DELETE", shared)).status_code == 204
    assert (await office.ask("sofia", "DELETE", shared)).status_code == 404
