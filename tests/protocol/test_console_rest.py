"""REST on a real server: sign-in, roles, problem documents, limits, headers."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from agent_console.ports import Part
from tests.fakes.console_stage import PASSWORD, Stage, seeded, stage, stored, until

NOBODY, AGENT, SUPERVISOR, ADMIN = "", "anna", "sofia", "admin"
EVERYBODY = {NOBODY, AGENT, SUPERVISOR, ADMIN}
SIGNED_IN = {AGENT, SUPERVISOR, ADMIN}
OVERSEERS = {SUPERVISOR, ADMIN}
ADMINS = {ADMIN}

NEW_USER = {"name": "carl", "display_name": "Carl", "role": "agent", "password": "long enough"}
# One row per route: who may, with a request that is good for those who may.
ROLES: dict[tuple[str, str], tuple[set[str], str, Any, int]] = {
    ("GET", "/healthz"): (EVERYBODY, "/healthz", None, 200),
    ("GET", "/readyz"): (EVERYBODY, "/readyz", None, 200),
    ("GET", "/metrics"): (EVERYBODY, "/metrics", None, 200),
    ("POST", "/api/session"): (EVERYBODY, "/api/session", {"username": "ben", "password": PASSWORD}, 200),
    ("GET", "/api/session"): (SIGNED_IN, "/api/session", None, 200),
    ("DELETE", "/api/session"): (SIGNED_IN, "/api/session", None, 204),
    ("GET", "/api/users"): (ADMINS, "/api/users", None, 200),
    ("POST", "/api/users"): (ADMINS, "/api/users", NEW_USER, 201),
    ("PATCH", "/api/users/{name}"): (ADMINS, "/api/users/ben", {"display_name": "Benjamin"}, 200),
    ("POST", "/api/users/{name}/password"): (ADMINS, "/api/users/ben/password", {"password": "long enough"}, 204),
    # This stage has no index: who may ask is told that there is none (test_search_rest has one).
    ("GET", "/api/search"): (SIGNED_IN, "/api/search?q=lei", None, 404),
    ("GET", "/api/customers/{customer_id}/history"): (SIGNED_IN, "/api/customers/c1/history", None, 404),
    ("GET", "/api/queues"): (SIGNED_IN, "/api/queues", None, 200),
    ("PUT", "/api/queues/{name}"): (ADMINS, "/api/queues/support", {"label": "Support"}, 200),
    ("GET", "/api/pause-reasons"): (SIGNED_IN, "/api/pause-reasons", None, 200),
    ("PUT", "/api/pause-reasons/{code}"): (ADMINS, "/api/pause-reasons/tea", {"labels": {"en": "Tea"}}, 200),
    ("GET", "/api/dispositions"): (SIGNED_IN, "/api/dispositions", None, 200),
    ("PUT", "/api/dispositions/{code}"): (ADMINS, "/api/dispositions/sold", {"labels": {"en": "Sold"}}, 200),
    ("GET", "/api/campaigns"): (SIGNED_IN, "/api/campaigns", None, 200),
    ("PUT", "/api/campaigns/{code}"): (ADMINS, "/api/campaigns/spring", {"labels": {"en": "Spring"}}, 200),
    ("GET", "/api/skills"): (SIGNED_IN, "/api/skills", None, 200),
    ("PUT", "/api/skills/{code}"): (ADMINS, "/api/skills/mandarin", {"labels": {"en": "Mandarin"}}, 200),
    ("GET", "/api/customers"): (SIGNED_IN, "/api/customers", None, 200),
    ("POST", "/api/customers"): (SIGNED_IN, "/api/customers", {"name": "New"}, 201),
    ("GET", "/api/customers/{customer_id}"): (SIGNED_IN, "/api/customers/c1", None, 200),
    ("PATCH", "/api/customers/{customer_id}"): (SIGNED_IN, "/api/customers/c1", {"vip": True}, 200),
    ("DELETE", "/api/customers/{customer_id}"): (OVERSEERS, "/api/customers/c1", None, 204),
    ("GET", "/api/customers/{customer_id}/timeline"): (SIGNED_IN, "/api/customers/c1/timeline", None, 200),
    ("POST", "/api/customers/import"): (OVERSEERS, "/api/customers/import", b"name,phone\nEve,+4930123\n", 200),
    ("GET", "/api/interactions"): (SIGNED_IN, "/api/interactions", None, 200),
    ("GET", "/api/colleagues"): (SIGNED_IN, "/api/colleagues", None, 200),
    ("GET", "/api/missed"): (SIGNED_IN, "/api/missed", None, 200),
    ("GET", "/api/missed/{interaction_id}"): (SIGNED_IN, "/api/missed/m0", None, 200),
    ("POST", "/api/missed/{interaction_id}"): (SIGNED_IN, "/api/missed/m0", {"state": "calling", "version": 1}, 200),
    ("GET", "/api/voicemail/{message_id}/audio"): (SIGNED_IN, "/api/voicemail/none/audio", None, 404),
    ("POST", "/api/voicemail/{message_id}/heard"): (SIGNED_IN, "/api/voicemail/none/heard", None, 404),
    ("GET", "/api/interactions/{interaction_id}"): (SIGNED_IN, "/api/interactions/i0", None, 200),
    ("GET", "/api/interactions/{interaction_id}/decisions"): (SIGNED_IN, "/api/interactions/i0/decisions", None, 200),
    ("GET", "/api/agents"): (OVERSEERS, "/api/agents", None, 200),
    ("GET", "/api/agents/{name}/why"): (SIGNED_IN, "/api/agents/anna/why", None, 200),
    ("GET", "/api/devices"): (OVERSEERS, "/api/devices", None, 200),
    ("GET", "/api/health"): (OVERSEERS, "/api/health", None, 200),
    ("GET", "/api/phone"): (SIGNED_IN, "/api/phone", None, 200),
    ("GET", "/api/gaps"): (SIGNED_IN, "/api/gaps", None, 200),
}


async def ask(on: Stage, http: httpx.AsyncClient, method: str, url: str, body: Any, who: str) -> httpx.Response:
    headers = await on.headers(who) if who else {}
    if isinstance(body, bytes):
        return await http.request(method, url, files={"file": ("c.csv", body)}, headers=headers)
    return await http.request(method, url, json=body, headers=headers)


async def test_every_route_has_a_row() -> None:
    async with stage() as on, on.http() as http:
        paths = (await http.get("/api/openapi.json")).json()["paths"]
        known = {(method.upper(), path) for path, methods in paths.items() for method in methods}
        assert known == set(ROLES)
        hidden = {r.path for r in on.app.api.routes if isinstance(r, APIRoute) and not r.include_in_schema}
        assert hidden == {"/api/openapi.json", "/api/{path:path}"}


@pytest.mark.parametrize("row", ROLES, ids=" ".join)
async def test_who_may(row: tuple[str, str]) -> None:
    allowed, url, body, status = ROLES[row]
    async with stage() as on:
        for who in sorted(EVERYBODY):
            on.store.become(seeded())
            await on.store.customers.create({"name": "Lin", "phones": ["+8613800138000"]})
            async with on.http() as http:
                got = await ask(on, http, row[0], url, body, who)
            expected = status if who in allowed else (403 if who else 401)
            assert got.status_code == expected, (who, got.text)
            if expected in (401, 403):
                assert got.headers["content-type"] == "application/problem+json"


async def test_why_is_told_to_herself_and_to_supervisors_only() -> None:
    async with stage() as on, on.http() as http:
        expected = [("anna", "ben", 403), ("sofia", "ben", 200), ("sofia", "nobody", 404), ("anna", "nobody", 403)]
        for who, name, status in expected:
            got = await http.get(f"/api/agents/{name}/why", headers=await on.headers(who))
            assert got.status_code == status, (who, name)


# --- sign-in -----------------------------------------------------------------------------------------


async def test_sign_in_gives_a_token_and_a_cookie() -> None:
    async with stage() as on, on.http() as http:
        got = await http.post("/api/session", json={"username": "anna", "password": PASSWORD})
        cookie = got.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Secure" not in cookie and "Path=/" in cookie
        assert got.json()["token"] in cookie
        assert (await http.get("/api/session")).json()["user"]["role"] == "agent"
        gone = await http.delete("/api/session", headers={"Origin": on.url})
        assert gone.status_code == 204
        assert (await http.get("/api/session")).status_code == 401


async def test_the_cookie_is_secure_behind_tls() -> None:
    async with stage(public_url="https://calls.example") as on, on.http() as http:
        got = await http.post("/api/session", json={"username": "anna", "password": PASSWORD})
        assert "Secure" in got.headers["set-cookie"]


async def test_unknown_names_and_wrong_passwords_look_the_same() -> None:  # N54
    async with stage() as on, on.http() as http:
        await on.store.users.update("ben", {"disabled": True})
        answers = [
            await http.post("/api/session", json={"username": name, "password": password})
            for name, password in [("anna", "wrong"), ("nobody", "wrong"), ("ben", PASSWORD), ("аnna", PASSWORD)]
        ]
        assert {a.status_code for a in answers} == {401}
        assert len({a.text for a in answers}) == 1


async def test_a_name_may_be_tried_ten_times_a_minute() -> None:  # N54
    async with stage() as on, on.http() as http:
        tries = [await http.post("/api/session", json={"username": "anna", "password": str(n)}) for n in range(11)]
        assert [t.status_code for t in tries] == [401] * 10 + [429]
        assert 1 <= int(tries[-1].headers["retry-after"]) <= 61
        right = await http.post("/api/session", json={"username": "ANNA", "password": PASSWORD})
        assert right.status_code == 429
        other = await http.post("/api/session", json={"username": "ben", "password": PASSWORD})
        assert other.status_code == 200


async def test_an_address_that_fails_all_the_time_is_slowed_whatever_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_console.rest_session.FAILURES_PER_MINUTE", 5)
    async with stage() as on, on.http() as http:
        tries = [await http.post("/api/session", json={"username": f"n{n}", "password": "x"}) for n in range(6)]
        assert [t.status_code for t in tries] == [401] * 5 + [429]


async def test_two_hundred_tries_at_once_are_not_all_checked(monkeypatch: pytest.MonkeyPatch) -> None:  # N54
    monkeypatch.setattr("agent_console.rest_session.FAILURES_PER_MINUTE", 1_000)
    async with stage() as on, on.http() as http:
        checks = 0
        real = on.store.users.check_password

        async def slow(name: str, password: str) -> Any:
            nonlocal checks
            checks += 1
            await asyncio.sleep(0.02)
            return await real(name, password)

        on.store.users.check_password = slow  # type: ignore[method-assign]
        tries = [http.post("/api/session", json={"username": f"n{n}", "password": "x"}) for n in range(200)]
        statuses = [t.status_code for t in await asyncio.gather(*tries)]
        assert set(statuses) == {401, 429}
        assert checks < 200
        good = await http.post("/api/session", json={"username": "anna", "password": PASSWORD})
        assert good.status_code == 200


async def test_a_password_of_a_megabyte_is_refused_before_it_is_hashed() -> None:  # N54
    async with stage() as on, on.http() as http:
        on.store.users.check_password = None  # type: ignore[method-assign,assignment]
        for size, status in [(1_000_000, 400), (2_000_000, 413)]:
            got = await http.post("/api/session", json={"username": "anna", "password": "x" * size})
            assert got.status_code == status
            assert got.json()["status"] == status


async def test_the_address_behind_a_proxy_counts_only_if_the_proxy_is_trusted() -> None:  # N56
    for proxies, expected in [((), 429), (("127.0.0.0/8",), 401)]:
        async with stage(trusted_proxies=proxies, sign_ins_per_minute=2) as on, on.http() as http:
            for n in range(3):
                got = await http.post(
                    "/api/session",
                    json={"username": "anna", "password": "x"},
                    headers={"X-Forwarded-For": f"<script>, 192.0.2.{n}"},
                )
            assert got.status_code == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic YW5uYTp4"},
        {"Authorization": "Bearer " + "x" * 5_000},
        {"Cookie": "callweave_session=wrong"},
        {"Cookie": "callweave_session"},
        {"Cookie": '="=;;;\\'},
    ],
)
async def test_a_wrong_credential_is_401(headers: dict[str, str]) -> None:  # N18
    async with stage() as on, on.http() as http:
        got = await http.get("/api/session", headers=headers)
        assert got.status_code == 401
        assert got.headers["www-authenticate"].startswith("Bearer")


async def test_a_wrong_bearer_is_not_saved_by_a_good_cookie() -> None:
    async with stage() as on, on.http(cookies={"callweave_session": await on.token("anna")}) as http:
        assert (await http.get("/api/session")).status_code == 200
        assert (await http.get("/api/session", headers={"Authorization": "Bearer x"})).status_code == 401


@pytest.mark.parametrize(
    ("origin", "site", "cookie", "bearer"),
    [
        ("same", None, 201, 201),
        (None, None, 403, 201),
        (None, "same-origin", 201, 201),
        (None, "cross-site", 403, 403),
        (None, "same-site", 403, 403),
        ("https://evil.example", None, 403, 403),
        ("null", None, 403, 403),
        ("http://127.0.0.1.evil.example", None, 403, 403),
        ("http://127.0.0.1@evil.example", None, 403, 403),
        ("public", None, 201, 201),
    ],
)
async def test_pages_of_other_sites_change_nothing(
    origin: str | None, site: str | None, cookie: int, bearer: int
) -> None:  # N21
    async with stage(public_url="https://calls.example") as on:
        headers = {}
        if origin:
            headers["Origin"] = {"same": on.url, "public": "https://calls.example"}.get(origin, origin)
        if site:
            headers["Sec-Fetch-Site"] = site
        token = await on.token("anna")
        async with on.http() as http:
            by_cookie = headers | {"Cookie": f"callweave_session={token}"}
            assert (await http.post("/api/customers", json={"name": "A"}, headers=by_cookie)).status_code == cookie
            by_token = headers | {"Authorization": f"Bearer {token}"}
            assert (await http.post("/api/customers", json={"name": "A"}, headers=by_token)).status_code == bearer


async def test_own_password_needs_the_old_one_and_ends_the_sessions() -> None:
    async with stage() as on, on.http() as http:
        headers = await on.headers("anna")
        for current, status in [(None, 400), ("wrong", 400), (PASSWORD, 204)]:
            body = {"password": "another long one"} | ({"current": current} if current else {})
            got = await http.post("/api/users/anna/password", json=body, headers=headers)
            assert got.status_code == status
        assert (await http.get("/api/session", headers=headers)).status_code == 401
        got = await http.post("/api/session", json={"username": "anna", "password": "another long one"})
        assert got.status_code == 200


async def test_an_administrator_keeps_her_own_rights() -> None:
    async with stage() as on, on.http() as http:
        headers = await on.headers("admin")
        for body in ({"disabled": True}, {"role": "agent"}):
            assert (await http.patch("/api/users/admin", json=body, headers=headers)).status_code == 409
        assert (await http.patch("/api/users/admin", json={"language": "de"}, headers=headers)).status_code == 200


async def test_a_change_on_an_old_version_is_a_conflict() -> None:
    async with stage() as on, on.http() as http:
        headers = await on.headers("admin")
        body = {"display_name": "B", "version": 1}
        assert (await http.patch("/api/users/ben", json=body, headers=headers)).json()["version"] == 2
        got = await http.patch("/api/users/ben", json=body, headers=headers)
        assert (got.status_code, got.json()["title"]) == (409, "Conflict")
        assert on.hub.changes == [("users", "ben")]


# --- bodies and queries ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b'"x"', "body"),
        (b"{}", "name"),
        (b'{"name": 5}', "name"),
        (b'{"name": null}', "name"),
        (b'{"name": ""}', "name"),
        (b'{"name": "A", "id": "c1"}', "id"),
        (b'{"name": "A", "vip": 1}', "vip"),
        (b'{"name": "A", "vip": "true"}', "vip"),
        (b'{"name": "A", "phones": "+49"}', "phones"),
        (b'{"name": "A", "phones": ["+4930123", 7]}', "phones.1"),
        (b'{"name": "A", "phones": ["+4930123", "none"]}', "phones.1"),
        (b'{"name": "A", "name": "B"}', "name"),
        (b'{"name": NaN}', "body"),
        (b'{"name": 1e999}', "name"),
        (b'{"name": ' + b"9" * 400 + b"}", "name"),
        (b'{"name": ' + b"9" * 5000 + b"}", "body"),
        (b'{"name": "\\ud800"}', "name"),
        (b'{"name": "a\\u0000"}', "name"),
        (b'{"name": "\xff"}', "body"),
        (b'{"name": ' + b"[" * 100 + b"]" * 100 + b"}", "name." + ".".join(["0"] * 16)),
        (b"[" * 100_000, "body"),
        (b'{"name": "A", "language": "english please"}', "language"),
        (b'{"name": "' + b"x" * 201 + b'"}', "name"),
    ],
)
async def test_a_bad_body_is_400_and_names_the_field(body: bytes, field: str) -> None:  # N44
    async with stage() as on, on.http() as http:
        headers = {**await on.headers("anna"), "Content-Type": "application/json"}
        got = await http.post("/api/customers", content=body, headers=headers)
        assert got.status_code == 400, got.text
        assert got.headers["content-type"] == "application/problem+json"
        assert got.json()["errors"][0]["field"] == field
        assert on.store.customers.records == {}


async def test_a_form_is_no_json() -> None:
    async with stage() as on, on.http() as http:
        got = await http.post("/api/customers", data={"name": "A"}, headers=await on.headers("anna"))
        assert (got.status_code, got.json()["errors"][0]["field"]) == (400, "Content-Type")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=-1", "limit"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=1e3", "limit"),
        ("limit=" + "9" * 5000, "limit"),
        ("sort=id%3Bdrop", "sort"),
        ("from=2026-02-30T00:00:00Z", "from"),
        ("from=0000-01-01T00:00:00Z", "from"),
        ("to=9999-12-31T23:59:59-12:00", "to"),
        ("to=2026-01-01", "to"),
        ("to=2026-01-01T00:00:00", "to"),
        ("to=1795293080", "to"),
        ("from=1960-01-01T00:00:00Z", "from"),
        ("from=%D9%A2026-01-01T00:00:00Z", "from"),
        ("cursor=abc", "cursor"),
        ("start=2026-01-01T00:00:00Z", "start"),
    ],
)
async def test_a_bad_query_is_400_and_names_the_field(query: str, field: str) -> None:  # N46, N47
    async with stage() as on, on.http() as http:
        got = await http.get(f"/api/interactions?{query}", headers=await on.headers("sofia"))
        assert got.status_code == 400, got.text
        assert got.json()["errors"][0]["field"] == field


async def test_pages_are_capped_and_lead_to_the_next() -> None:  # N47
    async with stage() as on, on.http() as http:
        on.store.interactions.items = [stored(f"x{n}", "anna", "PJSIP/1001", 1e6 + n) for n in range(450)]
        headers, seen, cursor = await on.headers("sofia"), [], ""
        while cursor is not None:
            url = f"/api/interactions?limit=1000000000{'&cursor=' + cursor if cursor else ''}"
            page = (await http.get(url, headers=headers)).json()
            assert len(page["items"]) <= 200
            seen += [i["id"] for i in page["items"]]
            cursor = page["next"]
        assert seen == [f"x{n}" for n in range(450)]


async def test_interactions_between_two_times() -> None:
    async with stage() as on, on.http() as http:
        url = "/api/interactions?from=1970-01-12T13:46:41Z&to=1970-01-12T21:46:42+08:00"  # a plus unescaped
        got = await http.get(url, headers=await on.headers("admin"))
        assert [i["id"] for i in got.json()["items"]] == ["i1"]


async def test_an_agent_sees_her_own_contacts_only() -> None:  # N45
    async with stage() as on, on.http() as http:
        headers = await on.headers("anna")
        assert [i["id"] for i in (await http.get("/api/interactions", headers=headers)).json()["items"]] == ["i0"]
        assert (await http.get("/api/interactions?agent=ben", headers=headers)).status_code == 403
        others = await http.get("/api/interactions/i1", headers=headers)
        none = await http.get("/api/interactions/i999", headers=headers)
        assert (others.status_code, others.text) == (none.status_code, none.text) == (404, none.text)
        assert (await http.get("/api/interactions/i1", headers=await on.headers("sofia"))).status_code == 200
        assert (await http.get("/api/interactions/i1/decisions", headers=headers)).status_code == 404


@pytest.mark.parametrize("path", ["/api/customers/nobody", "/api/customers/nobody/timeline", "/api/nothing", "/api/"])
async def test_what_is_not_there_is_a_problem_document(path: str) -> None:
    async with stage() as on, on.http() as http:
        got = await http.get(path, headers=await on.headers("admin"))
        assert (got.status_code, got.headers["content-type"]) == (404, "application/problem+json")


async def test_what_fails_inside_says_nothing_of_it(caplog: pytest.LogCaptureFixture) -> None:
    async with stage() as on, on.http() as http:
        headers = await on.headers("anna")

        async def broken(*args: Any) -> Any:
            raise RuntimeError("secret detail")

        on.store.customers.search = broken  # type: ignore[method-assign]
        got = await http.get("/api/customers", headers=headers)
        assert got.status_code == 500
        assert "secret" not in got.text
        assert caplog.text.count("RuntimeError: secret detail") == 1
        on.store.users.fail = True
        away = await http.get("/api/customers", headers=headers)
        assert (away.status_code, away.headers["retry-after"]) == (503, "5")


# --- import ------------------------------------------------------------------------------------------


async def test_import_reports_every_refused_row() -> None:
    async with stage() as on, on.http() as http:
        headers = await on.headers("sofia")
        data = "name,phone\n林,+8613800138000\nEve,letters\n".encode()
        dry = await http.post("/api/customers/import?dry_run=true", files={"file": ("c.csv", data)}, headers=headers)
        assert on.store.customers.records == {} and on.hub.changes == []
        got = await http.post("/api/customers/import", files={"file": ("c.csv", data)}, headers=headers)
        assert got.json() == dry.json()
        assert (got.json()["read"], got.json()["created"]) == (2, 1)
        assert got.json()["refused"][0]["line"] == 3
        assert on.hub.changes == [("customers", "*")]


async def test_import_limits() -> None:
    async with stage() as on, on.http() as http:
        headers = await on.headers("sofia")
        none = await http.post("/api/customers/import", data={"file": "text"}, headers=headers)
        assert none.status_code == 400
        two = [("file", ("a.csv", b"x")), ("file", ("b.csv", b"x"))]
        assert (await http.post("/api/customers/import", files=two, headers=headers)).status_code == 400
        large = await http.post("/api/customers/import", files={"file": ("a", b"x" * (51 << 20))}, headers=headers)
        assert large.status_code == 413


async def test_nobody_uploads_without_signing_in() -> None:
    async with stage() as on, on.http() as http:
        began = time.monotonic()
        got = await http.post("/api/customers/import", files={"file": ("a", b"x" * (20 << 20))})
        assert got.status_code == 401
        assert time.monotonic() - began < 10


# --- monitoring --------------------------------------------------------------------------------------


async def test_health_tells_whether_sign_in_works() -> None:
    async with stage() as on, on.http() as http:
        assert (await http.get("/healthz")).status_code == 200
        on.store.users.fail = True
        await asyncio.sleep(1.05)  # for a second the last answer holds
        assert (await http.get("/healthz")).status_code == 503
        ready = await http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["parts"][0]["name"] == "sign_in"


async def test_ready_names_each_part_without_its_details() -> None:
    async with stage() as on, on.http() as http:
        on.hub.parts = [
            Part(name="pbx main", ok=False, state="lost", age_seconds=3.0, detail="10.0.0.1 refused", required=False)
        ]
        got = await http.get("/readyz")
        assert got.status_code == 200
        assert "10.0.0.1" not in got.text
        on.hub.parts[0] = Part(name="pbx main", ok=False, state="lost", age_seconds=3.0)
        assert (await http.get("/readyz")).status_code == 503
        full = (await http.get("/api/health", headers=await on.headers("sofia"))).json()
        assert [p["name"] for p in full["parts"]] == ["sign_in", "pbx main"]


# --- pages and headers --------------------------------------------------------------------------------


async def test_the_browser_app(tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<title>app</title>")
    (dist / "assets" / "index-abc123.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    async with stage(dist=dist) as on, on.http() as http:
        for path in ("/", "/customers", "/customers/c1", "/index.html"):
            page = await http.get(path)
            assert (page.status_code, page.text) == (200, "<title>app</title>"), path
            assert page.headers["cache-control"] == "no-cache"
        asset = await http.get("/assets/index-abc123.js")
        assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert "javascript" in asset.headers["content-type"]
        for path in (
            "/assets/none.js",
            "/none.png",
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/assets/..%2f..%2fsecret.txt",
        ):
            got = await http.get(path)
            assert "secret" not in got.text
            assert got.status_code == 404, path


async def test_a_missing_browser_app_says_so(tmp_path: Path) -> None:
    async with stage(dist=tmp_path / "none") as on, on.http() as http:
        page = await http.get("/")
        assert page.status_code == 503
        assert "make setup" in page.text
        assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/api/session", "/api/nothing", "/healthz", "/socket.io/?EIO=4&transport=polling"]
)
async def test_every_answer_has_the_security_headers(path: str) -> None:
    async with stage() as on, on.http() as http:
        headers = (await http.get(path)).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
        assert "access-control-allow-origin" not in headers


async def test_the_host_is_never_reflected() -> None:  # N56
    async with stage() as on, on.http() as http:
        headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "<script>"}
        for path in ("/", "/api/session", "/api/session/", "/api/nothing", "/healthz", "/customers/", "/assets"):
            got = await http.get(path, headers=headers)
            assert "evil" not in got.text + str(got.headers), path
            assert "script>" not in got.text or path in ("/", "/customers/")


# --- the wire ----------------------------------------------------------------------------------------


async def exchange(on: Stage, data: bytes, seconds: float = 5.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", on.server.port)
    try:
        writer.write(data)
        async with asyncio.timeout(seconds):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize(
    "data",
    [
        b"POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(20_000)) + b"\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"garbage\r\n\r\n",
    ],
    ids=["CL and TE", "two CL", "long header", "many headers", "long path", "TLS", "garbage"],
)
async def test_a_request_that_is_none_is_refused(data: bytes) -> None:  # N55
    async with stage() as on, on.http() as http:
        got = await exchange(on, data)
        assert got == b"" or got.split()[1] in (b"400", b"431"), got[:100]
        assert (await http.get("/healthz")).status_code == 200


async def test_slow_headers_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:  # N55
    monkeypatch.setattr("agent_console.server.HEADER_SECONDS", 0.5)
    async with stage() as on, on.http() as http:
        openings = [asyncio.open_connection("127.0.0.1", on.server.port) for _ in range(200)]
        sockets = await asyncio.gather(*openings)
        for _, writer in sockets:
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX-")
        assert (await http.get("/healthz")).status_code == 200
        await until(lambda: all(reader.at_eof() for reader, _ in sockets) or _drain(sockets), 5)
        for _, writer in sockets:
            writer.close()


def _drain(sockets: list[Any]) -> bool:
    return all(reader.at_eof() or reader.exception() is not None for reader, _ in sockets)


async def test_a_slow_body_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:  # N55
    monkeypatch.setattr("agent_console.guard.BODY_SECONDS", 0.3)
    async with stage() as on:
        head = b"POST /api/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
        assert b" 408 " in await exchange(on, head)


async def test_no_log_line_can_be_forged(caplog: pytest.LogCaptureFixture) -> None:  # N57
    caplog.set_level("DEBUG")
    async with stage() as on, on.http() as http:
        await http.post("/api/session", json={"username": "x\n2026-01-01 ERROR forged\x1b[31m", "password": "y"})
        await http.get("/api/customers/%0a2026-01-01%20ERROR%20forged", headers=await on.headers("anna"))
        for record in caplog.records:
            if record.name.startswith(("agent_console", "uvicorn", "engineio", "socketio")):
                assert "\n2026" not in record.getMessage() and "\x1b" not in record.getMessage()
    assert PASSWORD not in caplog.text


async def test_open_api_describes_the_bodies() -> None:
    async with stage() as on, on.http() as http:
        document = (await http.get("/api/openapi.json")).json()
        assert document["info"]["title"] == "Callweave"
        schema = document["components"]["schemas"]["NewCustomer"]
        assert schema["additionalProperties"] is False
        names = {p["name"] for p in document["paths"]["/api/interactions"]["get"]["parameters"]}
        assert names == {"from", "to", "queue", "agent", "customer_id", "limit", "cursor"}
        assert "422" not in json.dumps(document)
        assert document["components"]["schemas"]["Problem"]
