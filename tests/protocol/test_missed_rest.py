"""The missed calls over REST: what is shown, who may have them, and that nobody is called twice."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.console_stage import stage
from tests.fakes.memory_missed import missed_call

FIELDS = {
    "id",
    "number",
    "pbx",
    "queue",
    "name",
    "customer_id",
    "customer_name",
    "first_at",
    "last_at",
    "waited_seconds",
    "outcome",
    "tries",
    "state",
    "worked_by",
    "changed_at",
    "result",
    "note",
    "resolved_by",
    "call_id",
    "call_outcome",
    "called_at",
    "version",
    "kind",
    "messages",
    "callback",
}


async def test_the_list_and_its_counts() -> None:
    async with stage() as on, on.http(headers=await on.headers("anna")) as http:
        on.store.missed.records["m1"] = missed_call("m1", 1_000_100.0, "+8613900139000")
        got = (await http.get("/api/missed", params={"limit": 1})).json()
        assert [one["id"] for one in got["items"]] == ["m1"] and set(got["items"][0]) == FIELDS
        assert (got["open"], got["calling"]) == (2, 0)
        assert (await http.get("/api/missed", params={"queue": "none"})).json()["items"] == []
        assert (await http.get("/api/missed", params={"state": "done"})).json()["items"] == []
        assert (await http.get("/api/missed", params={"state": "maybe"})).status_code == 400
        assert (await http.get("/api/missed/none")).status_code == 404


async def test_of_two_who_click_at_once_one_calls() -> None:
    async with stage() as on, on.http() as http:
        heads = [await on.headers(name) for name in ("anna", "ben")]
        body = {"state": "calling", "version": 1}
        got = await asyncio.gather(*(http.post("/api/missed/m0", json=body, headers=head) for head in heads))
        assert sorted(one.status_code for one in got) == [200, 409]
        (won,) = [one.json() for one in got if one.status_code == 200]
        (lost,) = [one for one in got if one.status_code == 409]
        assert lost.headers["content-type"] == "application/problem+json"
        assert won["state"] == "calling" and won["version"] == 2
        other = heads[0 if won["worked_by"] == "ben" else 1]
        now = body | {"version": 2}
        refused = await http.post("/api/missed/m0", json=now, headers=other)
        assert refused.status_code == 409 and f"{won['worked_by']} is calling" in refused.json()["detail"]
        freed = await http.post("/api/missed/m0", json=now | {"state": "open"}, headers=await on.headers("sofia"))
        assert freed.json()["worked_by"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "gone", "version": 1}, "state"),
        ({"state": "done"}, "version"),
        ({"state": "done", "version": 0}, "version"),
        ({"state": "done", "version": 1, "result": "Not A Code"}, "result"),
        ({"state": "done", "version": 1, "note": "x" * 2001}, "note"),
        ({"state": "done", "version": 1, "by": "ben"}, "by"),
    ],
)
async def test_bad_requests_name_the_field(body: dict[str, object], field: str) -> None:
    async with stage() as on, on.http(headers=await on.headers("anna")) as http:
        got = await http.post("/api/missed/m0", json=body)
        assert got.status_code == 400 and [one["field"] for one in got.json()["errors"]] == [field]
        assert on.store.missed.records["m0"].version == 1


async def test_closing_with_a_result_and_a_note() -> None:
    async with stage() as on, on.http(headers=await on.headers("anna")) as http:
        got = await http.post("/api/missed/m0", json={"state": "done", "version": 1, "result": "solved", "note": "好"})
        assert (got.json()["result"], got.json()["note"], got.json()["worked_by"]) == ("solved", "好", "anna")
        assert (await http.get("/api/missed")).json()["items"] == []
