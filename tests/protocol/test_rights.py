"""Rights over the wire: routes and commands refused, numbers masked, card numbers hidden, supervisors by team."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import socketio.exceptions

from agent_console.consoles import SUPERVISORS
from agent_console.visible import visible
from agent_console.wire import Note
from interaction_log.records import AuditEntry, Customer, CustomField, User
from interaction_log.rights import BUILT_IN, OwnRole, Sight, Team, sight_of
from interaction_log.trail import AuditCheck, AuditFilter, AuditRow, Head
from tests.fakes.console_stage import PASSWORD, seeded, stage, until
from tests.fakes.memory_store import MemoryStore

NUMBER, HIDDEN = "+8613800138000", "+86138****8000"
CARD = "4111 1111 1111 1111"


class MemoryTeams:
    """``routing.ports.Teams``."""

    def __init__(self) -> None:
        self.own: dict[str, OwnRole] = {}
        self.kept: dict[str, Team] = {}

    async def roles(self) -> list[OwnRole]:
        return list(self.own.values())

    async def put_role(self, role: OwnRole) -> OwnRole:
        self.own[role.code] = role
        return role

    async def remove_role(self, code: str) -> None:
        del self.own[code]

    async def teams(self) -> list[Team]:
        return list(self.kept.values())

    async def put_team(self, team: Team) -> Team:
        self.kept[team.code] = team
        return team

    async def remove_team(self, code: str) -> None:
        del self.kept[code]

    async def sight(self, user: User) -> Sight:
        return sight_of(user, list(self.kept.values()))


class MemoryTrail:
    """``routing.ports.Trail``."""

    def __init__(self, count: int) -> None:
        entries = [AuditEntry(at=1000.0 + n, actor="=admin", action="merge", subject=f"c{n}") for n in range(count)]
        self.rows = [AuditRow(n=n + 1, entry=entry, hash="ab" * 32) for n, entry in enumerate(entries)]

    async def page(self, limit: int, before: int | None, only: AuditFilter | None) -> list[AuditRow]:
        found = [r for r in reversed(self.rows) if before is None or r.n < before]
        return [r for r in found if only is None or only.subject in (None, r.entry.subject)][:limit]

    async def actions(self) -> list[str]:
        return ["merge"]

    async def verify(self, noted: Head | None = None) -> AuditCheck:
        return AuditCheck(rows=len(self.rows), last_hash="ab" * 32)


def with_rights(store: MemoryStore, name: str, *without: str, more: tuple[str, ...] = ()) -> None:
    """This person has an own role: hers without some rights."""
    user = store.users.records[name]
    rights = tuple(sorted((BUILT_IN[user.role] - set(without)) | set(more)))
    store.users.records[name] = replace(user, own_role="special", rights=rights)


def site() -> MemoryStore:
    store = seeded()
    customer = Customer(
        id="c1", name="王小明", phones=[NUMBER], emails=["wang@example.com"], notes="ruf 13800138000 an"
    )
    store.customers.records["c1"] = customer
    store.interactions.items[0] |= {"customer_address": NUMBER, "customer_id": "c1"}
    return store


async def test_who_may_not_see_numbers_gets_them_masked_everywhere() -> None:
    store = site()
    with_rights(store, "anna", "customers.see_numbers")
    async with stage(store=store) as on, on.http(headers=await on.headers("anna")) as http:
        for path in ("/api/customers?q=王", "/api/customers/c1", "/api/interactions", "/api/interactions/i0"):
            text = (await http.get(path)).text
            assert HIDDEN in text and "13800138000" not in text and "wang@" not in text, path
        assert (await http.get("/api/customers/c1")).json()["emails"] == ["w***@example.com"]
        async with on.http(headers=await on.headers("ben")) as whole:
            assert NUMBER in (await whole.get("/api/customers/c1")).text


async def test_pops_and_snapshots_are_masked_and_a_click_still_dials() -> None:
    store = site()
    with_rights(store, "anna", "customers.see_numbers")
    async with stage(store=store) as on, on.console("anna") as anna, on.console("ben") as ben:
        assert (await anna.wait("snapshot"))[0]["recent"][0]["customer_address"] == HIDDEN
        pop = {"interaction": {"id": "i9", "customer_address": NUMBER}, "customer": {"id": "c1", "phones": [NUMBER]}}
        for name in ("anna", "ben"):
            on.consoles.publish(name, "screen_pop", pop)
        assert (await anna.wait("screen_pop"))[0]["customer"]["phones"] == [HIDDEN]
        assert (await ben.wait("screen_pop"))[0]["customer"]["phones"] == [NUMBER]
        assert anna.chain_is_whole()
        for n, context in enumerate(({"customer_id": "c1"}, {"interaction_id": "i0"})):
            assert (await anna.command("dial", {"id": f"d{n}", "to": HIDDEN, **context}))["ok"]
            assert on.hub.commands[-1][2].to == NUMBER  # type: ignore[attr-defined]
        ack = await anna.command("dial", {"id": "d9", "to": "+86139****8000", "customer_id": "c1"})
        assert not ack["ok"] and ack["error"]["code"] == "unknown_number"
        async with on.console("anna", after=pop_seq(anna)) as again:  # what is sent again is masked too
            on.consoles.publish("anna", "screen_pop", pop)
            assert (await again.wait("screen_pop"))[-1]["customer"]["phones"] == [HIDDEN]


def pop_seq(console: Any) -> int:
    return int(console.messages("snapshot")[0]["seq"])


async def test_card_numbers_are_hidden_before_they_are_kept_and_the_person_is_told() -> None:
    async with stage(store=site()) as on, on.console("anna") as anna, on.http(headers=await on.headers("anna")) as http:
        ack = await anna.command(
            "note", {"id": "n1", "interaction_id": "i0", "text": f"卡 {CARD}, order 12345678901234"}
        )
        assert ack == {"ok": True, "cards": 1}
        note = on.hub.commands[-1][2]
        assert isinstance(note, Note) and note.text == "卡 **** **** **** 1111, order 12345678901234"
        wrap = {"id": "w1", "interaction_id": "i0", "disposition": "solved", "notes": CARD.replace(" ", "")}
        assert (await anna.command("wrap_up", wrap)).get("cards") == 1
        assert on.hub.commands[-1][2].notes == "************1111"  # type: ignore[attr-defined]
        answer = await http.patch("/api/customers/c1", json={"notes": f"zahlt mit {CARD}"})
        assert answer.json()["notes"] == "zahlt mit **** **** **** 1111"
        assert answer.headers["x-callweave-masked"] == "cards"
        plain = await http.patch("/api/customers/c1", json={"notes": "4111 1111 1111 1112"})
        assert plain.json()["notes"] == "4111 1111 1111 1112" and "x-callweave-masked" not in plain.headers


REFUSED = [
    ("customers.read", "GET", "/api/customers", None),
    ("customers.write", "POST", "/api/customers", {"name": "x"}),
    ("missed.work", "GET", "/api/missed", None),
    ("interactions.read_own", "GET", "/api/interactions", None),
]


@pytest.mark.parametrize(("right", "method", "path", "body"), REFUSED, ids=[one[0] for one in REFUSED])
async def test_without_its_right_a_route_is_403(right: str, method: str, path: str, body: Any) -> None:
    store = site()
    async with stage(store=store) as on, on.http(headers=await on.headers("anna")) as http:
        assert (await http.request(method, path, json=body)).status_code < 300
        with_rights(store, "anna", right)
        assert (await http.request(method, path, json=body)).status_code == 403
        assert on.hub.trail[-1][:3] == ("anna", "forbidden", f"{method} {path}")


async def test_without_its_right_a_command_is_refused_and_on_record() -> None:
    store = site()
    with_rights(store, "anna", "calls.dial", "customers.write")
    with_rights(store, "sofia", "supervise.listen")
    async with (
        stage(store=store) as on,
        on.console("anna") as anna,
        on.console("sofia", namespace=SUPERVISORS) as sofia,
    ):
        for name, body in (
            ("dial", {"to": "13800138000"}),
            ("identify", {"interaction_id": "i0", "create": {"name": "x"}}),
        ):
            ack = await anna.command(name, {"id": name, **body})
            assert not ack["ok"] and ack["error"]["code"] == "forbidden", name
        assert (await anna.command("identify", {"id": "i", "interaction_id": "i0", "customer_id": "c1"}))["ok"]
        ack = await sofia.command("listen", {"id": "l", "agent": "anna", "why": "training", "mode": "listen"})
        assert ack["error"]["code"] == "forbidden"
        assert (await sofia.command("force_state", {"id": "f", "agent": "anna", "why": "x", "state": "READY"}))["ok"]
        assert ("sofia", "forbidden", "/supervisor listen", {}) in on.hub.trail


async def test_the_supervisors_namespace_needs_its_right() -> None:
    store = site()
    with_rights(store, "sofia", "live.read")
    with_rights(store, "ben", more=("live.read",))
    async with stage(store=store) as on:
        with pytest.raises(socketio.exceptions.ConnectionError):
            async with on.console("sofia", namespace=SUPERVISORS):
                pass
        async with on.console("ben", namespace=SUPERVISORS) as ben, on.http(headers=await on.headers("ben")) as http:
            assert await ben.wait("snapshot")
            assert (await http.get("/api/agents")).status_code == 200


async def test_a_supervisor_sees_her_team_only() -> None:
    store, teams = site(), MemoryTeams()
    teams.kept["red"] = Team(code="red", label="Red", members=("sofia", "anna"), queues=("support",))
    async with (
        stage(store=store, teams=teams, revocation_check_seconds=0.3) as on,
        on.http(headers=await on.headers("sofia")) as http,
        on.console("sofia", namespace=SUPERVISORS) as sofia,
        on.console("admin", namespace=SUPERVISORS) as admin,
    ):
        snapshot = (await sofia.wait("snapshot"))[0]
        assert {agent["agent"] for agent in snapshot["agents"]} == {"anna", "sofia"}
        assert {agent["agent"] for agent in (await http.get("/api/agents")).json()["items"]} == {"anna", "sofia"}
        assert [item["id"] for item in (await http.get("/api/interactions")).json()["items"]] == ["i0"]
        assert (await http.get("/api/interactions/i0")).status_code == 200
        assert (await http.get("/api/interactions/i1")).status_code == 404
        for agent in ("ben", "anna"):
            on.consoles.publish_supervisors("agent_state", {"agent": {"agent": agent}})
        for queue, device in (("sales", "PJSIP/1002"), ("support", "PJSIP/1002"), ("sales", "PJSIP/1001")):
            call = {"id": queue + device, "queue": queue, "queues": [], "segments": [{"agent": device}], "offers": []}
            on.consoles.publish_supervisors("interaction", {"interaction": call})
        on.consoles.publish_supervisors("queues", {"queues": [{"queue": "sales"}, {"queue": "support"}]})
        on.consoles.publish_supervisors("notice", {"level": "info", "code": "x", "params": {"agent": "ben"}})
        on.consoles.publish_supervisors("notice", {"level": "info", "code": "last", "params": {}})
        await admin.wait("notice", 2)
        assert [one["code"] for one in await sofia.wait("notice")] == ["last"]
        assert [one["agent"]["agent"] for one in sofia.messages("agent_state")] == ["anna"]
        assert [one["interaction"]["id"] for one in sofia.messages("interaction")] == [
            "supportPJSIP/1002",
            "salesPJSIP/1001",
        ]
        assert [one["queues"] for one in sofia.messages("queues")] == [[{"queue": "support"}]]
        assert len(admin.messages("interaction")) == 3 and sofia.chain_is_whole() and admin.chain_is_whole()
        order = {"id": "f", "agent": "ben", "why": "x", "state": "READY"}
        assert (await sofia.command("force_state", order))["error"]["code"] == "unknown_agent"
        assert (await sofia.command("force_state", order | {"agent": "anna", "id": "g"}))["ok"]
        teams.kept["red"] = replace(teams.kept["red"], members=("sofia",))  # she is cut, and comes back to less
        await until(lambda: not sofia.client.connected)


async def test_rights_that_are_taken_away_cut_the_console() -> None:
    store = site()
    async with stage(store=store, revocation_check_seconds=0.3) as on, on.console("anna") as anna:
        await anna.wait("snapshot")
        with_rights(store, "anna", "customers.see_numbers")
        await until(lambda: not anna.client.connected)


async def test_roles_and_teams_are_made_by_administrators_and_on_record() -> None:
    teams = MemoryTeams()
    role = {"labels": {"en": "Clerk", "zh-CN": "文员"}, "base": "agent", "rights": ["customers.read"], "version": 1}
    async with stage(store=site(), teams=teams) as on, on.http(headers=await on.headers("admin")) as http:
        assert (await http.put("/api/roles/clerk", json=role)).status_code == 200
        listed = (await http.get("/api/roles")).json()
        assert [one["code"] for one in listed["items"]] == ["agent", "supervisor", "admin", "clerk"]
        assert "privacy.erase" in listed["rights"] and listed["items"][3]["labels"]["zh-CN"] == "文员"
        assert (await http.patch("/api/users/anna", json={"own_role": "clerk"})).status_code == 200
        team = {"label": "Red", "members": ["anna"], "queues": ["support"], "version": 1}
        assert (await http.put("/api/teams/red", json=team)).status_code == 200
        assert (await http.delete("/api/teams/red")).status_code == 204
        assert (await http.delete("/api/roles/agent")).status_code == 409
        acts = [entry[1] for entry in on.hub.trail]
        assert acts == ["change_role", "change_user", "change_team", "remove_team"]
        async with on.http(headers=await on.headers("sofia")) as other:
            for method, path in (("GET", "/api/roles"), ("PUT", "/api/roles/x"), ("DELETE", "/api/teams/red")):
                answer = await other.request(method, path, json=role if method == "PUT" else None)
                assert answer.status_code == 403, (method, path)


async def test_nobody_gives_rights_that_she_has_not() -> None:
    store, teams = site(), MemoryTeams()
    with_rights(store, "sofia", more=("users.write", "roles.write"))
    role = {"labels": {"en": "x"}, "base": "agent", "rights": ["privacy.erase"], "version": 1}
    async with stage(store=store, teams=teams) as on, on.http(headers=await on.headers("sofia")) as http:
        assert (await http.put("/api/roles/mighty", json=role)).status_code == 403
        assert (await http.patch("/api/users/ben", json={"role": "admin"})).status_code == 403
        assert (await http.patch("/api/users/admin", json={"disabled": True})).status_code == 403
        assert (await http.post("/api/users/admin/password", json={"password": "mine now, ha"})).status_code == 403
        assert (await http.patch("/api/users/ben", json={"display_name": "Benno"})).status_code == 200
        new = {"name": "eve", "display_name": "Eve", "role": "admin", "password": "long enough"}
        assert (await http.post("/api/users", json=new)).status_code == 403
        assert (await http.patch("/api/users/sofia", json={"role": "admin"})).status_code == 409


async def test_the_trail_is_read_filtered_checked_and_exported() -> None:
    async with stage(trail=MemoryTrail(2_500)) as on, on.http(headers=await on.headers("admin")) as http:
        page = (await http.get("/api/audit?limit=2")).json()
        assert [one["n"] for one in page["items"]] == [2500, 2499] and page["next"] == 2499
        assert (await http.get("/api/audit?subject=c7")).json()["items"][0]["n"] == 8
        check = (await http.get("/api/audit/check")).json()
        assert check["rows"] == 2500 and check["broken_at"] is None and check["head"].startswith("2500:abab")
        assert (await http.get("/api/audit/check?head=nonsense")).status_code == 400
        answer = await http.get("/api/audit/export")
        lines = answer.text.splitlines()
        assert len(lines) == 2501 and lines[1].startswith("2500,") and "'=admin" in lines[1]
        assert on.hub.trail[-1][:2] == ("admin", "export_audit")
        async with on.http(headers=await on.headers("sofia")) as other:
            for path in ("/api/audit", "/api/audit/check", "/api/audit/export"):
                assert (await other.get(path)).status_code == 403


async def test_signing_in_tells_the_browser_what_it_may_show() -> None:
    async with stage(store=site()) as on, on.http() as http:
        user = (await http.post("/api/session", json={"username": "anna", "password": PASSWORD})).json()["user"]
        assert set(user["rights"]) == BUILT_IN["agent"] and user["own_role"] is None and user["teams"] == []


async def test_parts_of_a_number_find_nothing_where_it_is_masked() -> None:
    async with stage() as on:
        async with on.http(headers=await on.headers("sofia")) as http:
            await http.post("/api/customers", json={"name": "Mia", "phones": ["+8613800138009"]})
            assert len((await http.get("/api/customers", params={"q": "0138009"})).json()["items"]) == 1
            assert not (await visible(on.deps, on.store.users.records["sofia"])).veiled
        with_rights(on.store, "sofia", "customers.see_numbers")
        async with on.http(headers=await on.headers("sofia")) as http:
            for text, count in (("0138009", 0), ("+86138", 0), ("mia", 1)):
                assert len((await http.get("/api/customers", params={"q": text})).json()["items"]) == count, text
        assert (await visible(on.deps, on.store.users.records["sofia"])).veiled


async def test_a_file_cannot_be_masked_so_it_is_refused() -> None:
    store = site()
    with_rights(store, "admin", "customers.see_numbers")
    async with stage(store=store, trail=MemoryTrail(3)) as on, on.http(headers=await on.headers("admin")) as http:
        assert (await http.get("/api/audit/export")).status_code == 403
        assert (await http.get("/api/audit")).status_code == 200


async def test_what_was_shown_masked_comes_back_whole() -> None:
    store = site()
    with_rights(store, "anna", "customers.see_numbers")
    store.interactions.items[0]["notes"] = "ruf 13900139000 an"
    async with stage(store=store) as on, on.http(headers=await on.headers("anna")) as http, on.console("anna") as anna:
        shown = (await http.get("/api/customers/c1")).json()
        changed = {key: shown[key] for key in ("phones", "emails", "notes")} | {"name": "王大明"}
        changed["notes"] += "，又及"
        assert (await http.patch("/api/customers/c1", json=changed)).status_code == 200
        kept = store.customers.records["c1"]
        assert (kept.name, kept.phones, kept.emails) == ("王大明", [NUMBER], ["wang@example.com"])
        assert kept.notes == "ruf 13800138000 an，又及"
        note = (await http.get("/api/interactions/i0")).json()["notes"]
        assert note == "ruf 139****9000 an"
        assert (await anna.command("note", {"id": "n", "interaction_id": "i0", "text": f"{note}!"}))["ok"]
        assert on.hub.commands[-1][2].text == "ruf 13900139000 an!"  # type: ignore[attr-defined]


class SensitiveFields:
    """``records.fields``: the passport is sensitive."""

    async def all(self) -> list[CustomField]:
        return [
            CustomField(code="passport", labels={"en": "Passport"}, type="text", sensitive=True),
            CustomField(code="city", labels={"en": "City"}, type="text"),
        ]


async def test_sensitive_fields_are_left_out_of_answers_and_messages() -> None:
    store = site()
    store.customers.records["c1"] = replace(store.customers.records["c1"], fields={"passport": "E77", "city": "x"})
    with_rights(store, "anna", "customers.see_sensitive")
    async with stage(store=store) as on:
        sensitive = on.app.sockets.sensitive
        sensitive.codes = None  # nothing is known yet: every field is hidden
        async with on.http(headers=await on.headers("anna")) as http, on.console("anna") as anna:
            assert (await http.get("/api/customers/c1")).json()["fields"] == {}
            sensitive.codes = frozenset(one.code for one in await SensitiveFields().all() if one.sensitive)
            assert (await http.get("/api/customers/c1")).json()["fields"] == {"city": "x"}
            pop = {"customer": {"id": "c1", "fields": {"passport": "E77", "city": "x"}, "phones": [NUMBER]}}
            on.consoles.publish("anna", "screen_pop", pop)
            customer = (await anna.wait("screen_pop"))[0]["customer"]
            assert customer["fields"] == {"city": "x"} and customer["phones"] == [NUMBER]
        async with on.http(headers=await on.headers("ben")) as http:
            assert (await http.get("/api/customers/c1")).json()["fields"] == {"passport": "E77", "city": "x"}
