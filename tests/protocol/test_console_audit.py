"""What the console server hands to the audit trail: administrators' changes of users, and what roles forbid (N19)."""

from __future__ import annotations

from tests.fakes.console_stage import stage


async def test_changes_of_users_are_on_record_without_secrets() -> None:
    async with stage() as on, on.http(headers=await on.headers("admin")) as http:
        made = {"name": "carl", "display_name": "Carl", "role": "agent", "password": "long enough", "devices": []}
        assert (await http.post("/api/users", json=made)).status_code == 201
        change = {"devices": ["PJSIP/1003"], "role": "supervisor", "display_name": "Karl"}
        assert (await http.patch("/api/users/carl", json=change)).status_code == 200
        assert (await http.post("/api/users/carl/password", json={"password": "even longer"})).status_code == 204
        refused = await http.post("/api/users", json=made)
        assert refused.status_code == 409
        assert on.hub.trail == [
            ("admin", "create_user", "carl", {"role": "agent", "devices": ""}),
            ("admin", "change_user", "carl", {"role": "supervisor", "devices": "PJSIP/1003"}),
            ("admin", "set_password", "carl", {}),
        ]
        assert "long" not in repr(on.hub.trail) and "Karl" not in repr(on.hub.trail)


async def test_what_a_role_forbids_is_on_record() -> None:
    async with stage() as on, on.http(headers=await on.headers("anna")) as http:
        for method, path in (("GET", "/api/users"), ("PATCH", "/api/users/ben"), ("GET", "/api/agents/ben/why")):
            assert (await http.request(method, path, json={"role": "admin"})).status_code == 403
        assert on.hub.trail == [
            ("anna", "forbidden", "GET /api/users", {}),
            ("anna", "forbidden", "PATCH /api/users/{name}", {}),
            ("anna", "forbidden", "GET /api/agents/{name}/why", {}),
        ]
