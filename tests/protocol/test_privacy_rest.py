"""Privacy over REST: who may, what stands against an erasure, the archive, the receipt."""

from __future__ import annotations

import asyncio
import io
import json
import time
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from cti_gateway.retention import PrivacyWork, SiteFiles
from interaction_log.privacy import receipts
from interaction_log.store import Store
from interaction_log.store.master_key import load, make
from interaction_log.store.retention import Rule
from tests.fakes.console_stage import Stage, stage

NAME = "Zqmark Wong"


@dataclass
class Trail:
    """The part of the hub that privacy needs."""

    pbxs: dict[str, Any] = field(default_factory=dict)
    told: list[tuple[str, str, str]] = field(default_factory=list)

    def wall(self) -> float:
        return time.time()

    def administered(self, actor: str, action: str, subject: str, details: Mapping[str, str]) -> None:
        self.told.append((actor, action, subject))


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[tuple[Stage, httpx.AsyncClient, Store]]:
    """An administrator at a console whose privacy stands on a real store."""
    make(folder / "key")
    store = await asyncio.to_thread(
        Store.open, f"sqlite:///{folder}/log.db", default_region="CN", master_key=folder / "key"
    )
    hub: Any = Trail()
    work = PrivacyWork(hub, store, SiteFiles(None, {}), [Rule(what="events", days=90)])
    work.start()
    try:
        async with stage(privacy=work) as on, on.http(headers=await on.headers("admin")) as http:
            yield on, http, store
    finally:
        await work.stop()
        await asyncio.to_thread(store.close)


async def test_agents_and_supervisors_may_nothing_of_it(tmp_path: Path) -> None:
    async with site(tmp_path) as (on, _admin, _store):
        for name in ("anna", "sofia"):
            async with on.http(headers=await on.headers(name)) as http:
                for path in ("erasures", "holds", "retention", "customers/x", "customers/x/export"):
                    assert (await http.get(f"/api/privacy/{path}")).status_code == 403, (name, path)
                assert (await http.post("/api/privacy/erasures", json={"customer_id": "x"})).status_code == 403
                assert (await http.post("/api/privacy/retention")).status_code == 403


async def test_from_the_archive_to_the_receipt(tmp_path: Path) -> None:
    async with site(tmp_path) as (on, http, store):
        made = await store.customers.create({"name": NAME, "phones": ["+8613812345678"]})
        got = await http.get(f"/api/privacy/customers/{made.id}/export")
        assert got.headers["content-type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(got.content)) as archive:
            assert json.loads(archive.read("data/customers.json"))[0]["name"] == NAME
        plan = (await http.get(f"/api/privacy/customers/{made.id}")).json()
        assert plan["customer_ids"] == [made.id] and plan["obstacles"] == []
        assert {"customers", "customer_phones"} <= {one["table"] for one in plan["parts"]}
        asked = await http.post("/api/privacy/erasures", json={"customer_id": made.id})
        assert asked.status_code == 202
        where = f"/api/privacy/erasures/{asked.json()['id']}"
        async with asyncio.timeout(20):
            while (await http.get(where)).json()["state"] != "done":  # noqa: ASYNC110 (a state)
                await asyncio.sleep(0.05)
        receipt = (await http.get(f"{where}/receipt")).text
        assert receipts.check(receipt, load(tmp_path / "key").public)[0]
        assert NAME not in receipt and made.id not in receipt
        assert (await http.get(f"/api/privacy/customers/{made.id}")).status_code == 404
        assert (await http.get("/api/privacy/erasures")).json()["items"][0]["receipt"] is True
        assert [one[1] for one in on.hub.trail] == ["access_export", "erasure_requested"]


async def test_a_hold_stands_against_it_until_it_is_lifted(tmp_path: Path) -> None:
    async with site(tmp_path) as (_on, http, store):
        made = await store.customers.create({"name": NAME})
        body = {"kind": "customer", "subject": made.id, "reason": "court"}
        assert (await http.post("/api/privacy/holds", json={**body, "subject": "nobody"})).status_code == 404
        assert (await http.post("/api/privacy/holds", json={"kind": "period", "reason": "x"})).status_code == 400
        wrong = {"kind": "period", "reason": "x", "begin": "yesterday"}
        assert (await http.post("/api/privacy/holds", json=wrong)).status_code == 400
        held = await http.post("/api/privacy/holds", json=body)
        assert held.status_code == 201
        refused = await http.post("/api/privacy/erasures", json={"customer_id": made.id})
        assert refused.status_code == 409 and refused.json()["code"] == "erase_held"
        lift = f"/api/privacy/holds/{held.json()['id']}/lift"
        assert (await http.post(lift)).json()["lifted_by"] == "admin"
        assert (await http.post(lift)).status_code == 409
        assert (await http.post("/api/privacy/erasures", json={"customer_id": made.id})).status_code == 202


async def test_the_dry_run_and_the_run(tmp_path: Path) -> None:
    async with site(tmp_path) as (_on, http, _store):
        found = (await http.get("/api/privacy/retention")).json()
        assert found["rules"] == [{"what": "events", "days": 90, "channel": None, "queue": None}]
        assert set(found["due"].values()) == {0}
        assert set((await http.post("/api/privacy/retention")).json()["deleted"].values()) == {0}
