"""The table of rights is whole: every route, every command; and the built-in roles do what they always did."""

from __future__ import annotations

import types
from typing import Any, cast, get_args

import httpx
import pytest
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from agent_console import problems
from agent_console.access import AGENT_COMMANDS, ANY_OF, OPEN, OVERSIGHT, ROUTES, SUPERVISOR_COMMANDS, allows
from agent_console.app import build_app
from agent_console.consoles import Consoles
from agent_console.deps import ConsoleDeps
from agent_console.sessions import SignedIn
from agent_console.wire import CLIENT_COMMANDS
from agent_console.wire import SUPERVISOR_COMMANDS as OVERSIGHT_COMMANDS
from interaction_log.records import Role, User
from interaction_log.rights import BUILT_IN, RIGHTS, Team, has, sight_of
from tests.fakes.console_stage import RecordingHub, seeded

ROLES: tuple[Role, ...] = get_args(Role)


def person(role: Role, name: str = "anna", rights: tuple[str, ...] | None = None) -> User:
    return User(name=name, display_name=name, role=role, rights=rights)


class Anything:
    """Stands for a part that is only passed on while routes are made."""

    def __getattr__(self, name: str) -> Any:
        return Anything()

    def __call__(self, *args: Any, **more: Any) -> Any:
        return Anything()


def api() -> Any:
    """The whole API: every optional part is there."""
    store = seeded()
    given: dict[str, Any] = {
        name: Anything() for name, one in ConsoleDeps.__dataclass_fields__.items() if one.default is None
    }
    given |= {
        "users": store.users,
        "customers": store.customers,
        "interactions": store.interactions,
        "catalogue": store.catalogue,
        "live": RecordingHub(store),
        "consoles": Consoles(store.log.next_seq),
        "missed": store.missed,
        "public_url": None,
    }
    return build_app(ConsoleDeps(**given)).api


def operations() -> list[tuple[str, str]]:
    document = api().openapi()
    methods = ("get", "post", "put", "patch", "delete")
    return [(m.upper(), path) for path, item in document["paths"].items() for m in item if m in methods]


def test_every_route_has_its_line() -> None:
    missing = [f"{method} {path}" for method, path in operations() if f"{method} {path}" not in ROUTES]
    assert not missing, (
        "these routes have no line in ROUTES of agent_console/access.py. Add for each of them which right of "
        f"interaction_log/rights.py it needs (or ANYONE, or OPEN): {missing}"
    )


async def test_a_route_without_a_line_is_shut_and_one_with_a_converter_has_its_own() -> None:
    async def anna(_token: str) -> User:
        return person("agent")

    async def nothing() -> None:
        return None

    users = types.SimpleNamespace(session_user=anna)
    live = types.SimpleNamespace(attempted=lambda who, what: None)
    guard = Depends(SignedIn(cast("ConsoleDeps", types.SimpleNamespace(users=users, live=live, public_url=None))))
    app = FastAPI()
    for path in ("/api/nowhere-listed", "/api/imports/{import_id:path}", "/api/gaps"):
        app.get(path, dependencies=[guard])(nothing)
    problems.install(app)
    transport, token = httpx.ASGITransport(app=app), {"Authorization": "Bearer t"}
    async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=token) as http:
        assert (await http.get("/api/nowhere-listed")).status_code == 403
        assert (await http.get("/api/imports/a/b")).status_code == 403, "an agent may not: the line is found"
        assert (await http.get("/api/gaps")).status_code == 200


def test_no_line_is_for_nothing() -> None:
    there = {f"{method} {path}" for method, path in operations()}
    hidden = [(method, route.path) for route in routes_of(api()) for method in route.methods]
    there |= {line for line in ROUTES for method, path in hidden if line == f"{method} {path}"}
    assert not set(ROUTES) - there, "these lines of agent_console/access.py name no route (any more): remove them"


@pytest.mark.parametrize(
    ("table", "models", "name"),
    [(AGENT_COMMANDS, CLIENT_COMMANDS, "AGENT"), (SUPERVISOR_COMMANDS, OVERSIGHT_COMMANDS, "SUPERVISOR")],
    ids=["agent", "supervisor"],
)
def test_every_command_has_its_line(table: Any, models: Any, name: str) -> None:
    assert set(table) == set(models), (
        f"{name}_COMMANDS of agent_console/access.py and of agent_console/wire.py differ: "
        f"add {sorted(set(models) - set(table))}, remove {sorted(set(table) - set(models))}"
    )


def test_the_table_names_rights_that_exist() -> None:
    named = {
        need for needs in (*ROUTES.values(), *AGENT_COMMANDS.values(), *SUPERVISOR_COMMANDS.values()) for need in needs
    }
    assert named - {"open"} - set(ANY_OF) <= set(RIGHTS), "add the right to RIGHTS of interaction_log/rights.py"
    assert all(set(rights) <= set(RIGHTS) for rights in BUILT_IN.values())


def guards(route: APIRoute) -> list[SignedIn]:
    """The guards of a route, those of its dependencies too."""
    found, stack = [], [route.dependant]
    while stack:
        one = stack.pop()
        stack += one.dependencies
        if isinstance(one.call, SignedIn):
            found.append(one.call)
    return found


def routes_of(app: Any) -> list[APIRoute]:
    """All of them, those of routers that are included too."""
    found: list[APIRoute] = []
    stack = list(app.routes)
    while stack:
        one = stack.pop()
        if isinstance(one, APIRoute):
            found.append(one)
        stack += getattr(one, "routes", None) or []
        included = getattr(one, "original_router", None) or getattr(one, "router", None)
        stack += getattr(included, "routes", None) or []
    return found


def test_a_route_that_is_not_open_asks_who_it_is() -> None:
    found = routes_of(api())
    assert len(found) >= len(ROUTES) - 5
    open_paths = {line.split(" ", 1)[1] for line, needs in ROUTES.items() if needs == OPEN}
    naked = [
        r.path
        for r in found
        if not guards(r) and r.include_in_schema and not any(p.endswith(r.path) for p in open_paths)
    ]
    assert not naked, f"these routes have no signed_in(deps) or may(deps, ...): {naked}"


def test_the_built_in_roles_may_what_they_always_might() -> None:
    """What ``signed_in(deps, *roles)`` says in a route is what its line says of the three roles."""
    for route in routes_of(api()):
        for method in route.methods - {"HEAD"}:
            lines = [line for line in ROUTES if line.startswith(f"{method} ") and line.endswith(route.path)]
            for guard in guards(route):
                if guard.roles and len(lines) == 1:
                    may = {role for role in ROLES if allows(person(role), ROUTES[lines[0]])}
                    assert may == set(guard.roles), (
                        f"{lines[0]}: the route asks for {sorted(guard.roles)}, its right in agent_console/access.py "
                        f"is had by {sorted(may)}: let both say the same"
                    )


BEFORE: dict[str, set[str]] = {
    "GET /api/users": {"admin"},
    "PATCH /api/users/{name}": {"admin"},
    "PUT /api/queues/{name}": {"admin"},
    "PUT /api/skills/{code}": {"admin"},
    "GET /api/agents": {"supervisor", "admin"},
    "GET /api/devices": {"supervisor", "admin"},
    "GET /api/health": {"supervisor", "admin"},
    "DELETE /api/customers/{customer_id}": {"supervisor", "admin"},
    "POST /api/customers/import": {"supervisor", "admin"},
    "POST /api/customers": {"agent", "supervisor", "admin"},
    "GET /api/interactions": {"agent", "supervisor", "admin"},
    "GET /api/missed": {"agent", "supervisor", "admin"},
}
"""As it was before there were rights."""


@pytest.mark.parametrize("line", BEFORE)
def test_what_roles_might_before_rights_they_may_now(line: str) -> None:
    assert {role for role in ROLES if allows(person(role), ROUTES[line])} == BEFORE[line]


def test_commands_by_role() -> None:
    for name, needs in AGENT_COMMANDS.items():
        assert all(allows(person(role), needs) for role in ROLES), name
    for needs in (*SUPERVISOR_COMMANDS.values(), OVERSIGHT):
        assert {role for role in ROLES if allows(person(role), needs)} == {"supervisor", "admin"}


def test_a_role_of_the_sites_own_has_its_rights_and_no_others() -> None:
    clerk = person("supervisor", rights=("customers.read",))
    assert has(clerk, "customers.read") and not has(clerk, "live.read", "customers.read")
    assert not allows(clerk, OVERSIGHT) and not allows(clerk, ROUTES["GET /api/interactions"])
    assert allows(person("agent", rights=("interactions.read_all",)), ROUTES["GET /api/interactions"])


def test_who_is_in_sight() -> None:
    red = Team(code="red", label="Red", members=("sofia", "anna"), queues=("support",))
    blue = Team(code="blue", label="Blue", members=("ben",), queues=("sales",))
    sofia = person("supervisor", "sofia")
    assert sight_of(sofia, []).everything and sight_of(person("admin", "admin"), [red, blue]).everything
    seen = sight_of(sofia, [red, blue])
    assert (seen.agents, seen.queues) == ({"sofia", "anna"}, {"support"})
    assert sight_of(person("agent", "anna"), [red]).agents == {"anna"}
    outside = sight_of(person("supervisor", "olga"), [red, blue])
    assert (outside.agents, outside.queues) == ({"olga"}, frozenset()), "out of every team is no way to see more"
