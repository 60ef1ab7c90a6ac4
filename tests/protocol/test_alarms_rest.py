"""Thresholds and alarms over REST: made, changed, taken away; what makes no sense is refused; sight by team."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_console.alarms import AlarmAccess
from interaction_log.alarms import Alarm, StaffMessage
from interaction_log.records import User
from interaction_log.rights import Sight
from interaction_log.store import Store
from tests.fakes.console_stage import Stage, stage

RULE: dict[str, Any] = {"name": "Long line", "measure": "waiting", "limit": 5}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    one = Store.open(f"sqlite:///{tmp_path}/a.db", default_region="CN")
    yield one
    one.close()


class Narrow:
    """Sofia sees the queue support alone."""

    async def sight(self, user: User) -> Sight:
        team = frozenset({user.name, "anna"})
        return Sight(everything=user.role == "admin", agents=team, queues=frozenset({"support"}))


@asynccontextmanager
async def staged(store: Store, changes: list[int], **more: Any) -> AsyncIterator[Stage]:
    async def changed() -> None:
        changes.append(1)

    async with stage(alarms=AlarmAccess(store.alarms, changed), **more) as on:
        yield on


async def test_a_threshold_is_made_changed_and_taken_away(store: Store) -> None:
    changes: list[int] = []
    async with staged(store, changes) as on, on.http(headers=await on.headers("sofia")) as http:
        sent = RULE | {"queue": "support", "quiet": {"from": "22:00", "until": "06:30"}, "clear_at": 2}
        made = await http.post("/api/alarm-rules", json=sent)
        assert made.status_code == 201, made.text
        rule = made.json()
        assert (rule["quiet"], rule["clear_at"], rule["version"]) == ({"from": "22:00", "until": "06:30"}, 2.0, 1)
        assert (await http.get("/api/alarm-rules")).json()["items"] == [rule]
        body = RULE | {"limit": 9, "level": "critical", "version": 1}
        changed = await http.put(f"/api/alarm-rules/{rule['id']}", json=body)
        assert (changed.json()["limit"], changed.json()["version"], changed.json()["quiet"]) == (9.0, 2, None)
        late = await http.put(f"/api/alarm-rules/{rule['id']}", json=body)
        assert late.status_code == 409
        assert (await http.delete(f"/api/alarm-rules/{rule['id']}")).status_code == 204
        assert (await http.delete(f"/api/alarm-rules/{rule['id']}")).status_code == 404
        assert (await http.get("/api/alarm-rules")).json()["items"] == []
        assert [(who, what) for who, what, *_ in on.hub.trail] == [
            ("sofia", "make_alarm_rule"), ("sofia", "change_alarm_rule"), ("sofia", "remove_alarm_rule"),
        ]  # fmt: skip
        assert len(changes) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": "5"},
        {"measure": "weather"},
        {"measure": "service_level", "limit": 101},
        {"measure": "service_level", "limit": 80, "clear_at": 70},
        {"clear_at": 5},
        {"window": "week"},
        {"least": 0},
        {"raise_after": 3601},
        {"quiet": {"from": "24:00", "until": "06:00"}},
        {"quiet": {"from": "22:00"}},
        {"channel": "fax"},
        {"level": "loud"},
        {"name": ""},
        {"unknown": 1},
    ],
    ids=repr,
)
async def test_what_makes_no_sense_is_refused(store: Store, wrong: dict[str, Any]) -> None:
    async with staged(store, []) as on, on.http(headers=await on.headers("sofia")) as http:
        got = await http.post("/api/alarm-rules", json=RULE | wrong)
        assert got.status_code in (400, 422), got.text
        assert await store.alarms.rules() == []


async def test_an_agent_may_neither_see_nor_set_them(store: Store) -> None:
    async with staged(store, []) as on, on.http(headers=await on.headers("anna")) as http:
        for method, path in (("GET", "/api/alarm-rules"), ("POST", "/api/alarm-rules"), ("GET", "/api/alarms")):
            assert (await http.request(method, path, json=RULE)).status_code == 403


async def test_a_supervisor_sets_those_of_her_queues_alone(store: Store) -> None:
    foreign = await store.alarms.make_rule(RULE | {"queue": "sales"}, "admin", 1.0)
    mine = await store.alarms.make_rule(RULE | {"queue": "support"}, "admin", 1.0)
    async with staged(store, [], teams=Narrow()) as on, on.http(headers=await on.headers("sofia")) as http:
        seen = (await http.get("/api/alarm-rules")).json()["items"]
        assert [one["id"] for one in seen] == [mine.id]
        for queue in ("sales", None):
            refused = await http.post("/api/alarm-rules", json=RULE | {"queue": queue})
            assert refused.status_code == 400 and refused.json()["errors"][0]["field"] == "queue"
        body = RULE | {"queue": "support", "version": 1}
        assert (await http.put(f"/api/alarm-rules/{foreign.id}", json=body)).status_code == 404
        assert (await http.delete(f"/api/alarm-rules/{foreign.id}")).status_code == 404
        assert (await http.put(f"/api/alarm-rules/{mine.id}", json=body)).status_code == 200


async def test_past_alarms_come_page_by_page_and_by_team(store: Store) -> None:
    for n in range(5):
        queue = "support" if n % 2 == 0 else "sales"
        await store.alarms.put(Alarm(id=f"a{n}", code="threshold", raised_at=1_000.0 + n, queue=queue, name="Line"))
    await store.alarms.put(Alarm(id="a4", code="threshold", raised_at=1_004.0, queue="support", cleared_at=1_009.0))
    async with staged(store, [], teams=Narrow()) as on:
        async with on.http(headers=await on.headers("admin")) as http:
            first = (await http.get("/api/alarms", params={"limit": 3})).json()
            assert [one["id"] for one in first["items"]] == ["a4", "a3", "a2"]
            assert first["items"][0]["cleared_at"] == 1_009.0
            rest = (await http.get("/api/alarms", params={"limit": 3, "cursor": first["next"]})).json()
            assert [one["id"] for one in rest["items"]] == ["a1", "a0"] and rest["next"] is None
            part = {"from": "1970-01-01T00:16:41Z", "to": "1970-01-01T00:16:43Z"}
            assert [one["id"] for one in (await http.get("/api/alarms", params=part)).json()["items"]] == ["a2", "a1"]
            assert (await http.get("/api/alarms", params={"cursor": "x"})).status_code == 400
        async with on.http(headers=await on.headers("sofia")) as http:
            mine = (await http.get("/api/alarms")).json()["items"]
            assert [one["id"] for one in mine] == ["a4", "a2", "a0"]
            assert (await http.get("/api/alarms", params={"queue": "sales"})).json()["items"] == []


async def test_past_alarms_of_agents_are_those_of_her_team(store: Store) -> None:
    """A limit is about an agent: her supervisors find it, those of other teams do not; nor what is about neither."""
    for n, params in enumerate(({"agent": "anna"}, {"agent": "ben"}, {"interaction_id": "i"})):
        await store.alarms.put(Alarm(id=f"a{n}", code="stuck_wrap_up", raised_at=1_000.0 + n, params=params))
    dead = Alarm(id="a3", code="dead_call", raised_at=1_003.0, params={"interaction_id": "i"}, queue="support")
    await store.alarms.put(dead)
    async with staged(store, [], teams=Narrow()) as on:
        for who, seen in (("sofia", ["a3", "a0"]), ("admin", ["a3", "a2", "a1", "a0"])):
            async with on.http(headers=await on.headers(who)) as http:
                assert [one["id"] for one in (await http.get("/api/alarms")).json()["items"]] == seen


async def test_messages_are_kept_with_their_receipts_and_forgotten(store: Store) -> None:
    one = StaffMessage(id="m", at=5.0, by="sofia", to="all", text="Hello", readers={"anna": None, "ben": None})
    await store.messages.put(one)
    assert await store.messages.unread(0.0) == [one]
    assert await store.messages.read("m", "anna", 6.0) and not await store.messages.read("m", "anna", 7.0)
    answer = StaffMessage(id="r", at=8.0, by="ben", to="supervisors", text="Yes", reply_to="m")
    await store.messages.put(answer)
    recent = await store.messages.recent()
    assert [message.id for message in recent] == ["m", "r"] and recent[0].readers == {"anna": 6.0, "ben": 8.0}
    assert await store.messages.unread(0.0) == []
    assert await store.messages.forget(6.0) == 1 and await store.messages.forget(6.0) == 0
    assert [message.id for message in await store.messages.recent()] == ["r"]
