"""``/api/roles``, ``/api/teams``: what people may do and whose contacts they see. Every change is in the audit trail.

Nobody gives away what she has not: a role's rights must be among the maker's own.
"""

from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends

from agent_console.deps import ConsoleDeps
from agent_console.models import Code, RoleChange, TeamChange
from agent_console.problems import Problem
from agent_console.sessions import Principal, may
from interaction_log.records import NotFound, Role
from interaction_log.rights import BUILT_IN, RIGHTS, OwnRole, Team, rights_of
from routing.ports import Teams

MORE = "You cannot give rights that you do not have yourself."


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(prefix="/api", tags=["roles and teams"])
    if deps.teams is not None:
        _roles(router, deps, deps.teams)
        _teams(router, deps, deps.teams)
    return router


def _role_view(role: OwnRole, built_in: bool = False) -> dict[str, Any]:
    rights = sorted(role.rights)
    return {
        "code": role.code,
        "labels": role.labels,
        "base": role.base,
        "rights": rights,
        "version": role.version,
        "built_in": built_in,
    }


def _team_view(team: Team) -> dict[str, Any]:
    return {
        "code": team.code,
        "label": team.label,
        "members": list(team.members),
        "queues": list(team.queues),
        "version": team.version,
    }


def _roles(router: APIRouter, deps: ConsoleDeps, kept: Teams) -> None:
    writer = may(deps, "roles.write")

    @router.get("/roles", dependencies=[Depends(may(deps, "users.write"))])
    async def roles() -> dict[str, Any]:
        """The built-in roles, then the site's own; ``rights``: all that there are."""
        always = [OwnRole(code=role, labels={}, base=role, rights=tuple(r)) for role, r in BUILT_IN.items()]
        own = [_role_view(role) for role in await kept.roles()]
        return {"items": [_role_view(role, built_in=True) for role in always] + own, "rights": list(RIGHTS)}

    @router.put("/roles/{code}")
    async def put_role(code: Code, body: RoleChange, who: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """Make or change one; whoever has it has its rights at once."""
        if not rights_of(who.user).issuperset(set(body.rights) & set(RIGHTS)):
            raise Problem(403, MORE, [("rights", MORE)])
        wanted = OwnRole(
            code=code,
            labels=cast(dict[str, str], dict(body.labels)),
            base=body.base,
            rights=tuple(body.rights),
            version=body.version,
        )
        before = next((set(role.rights) for role in await kept.roles() if role.code == code), set())
        role = await kept.put_role(wanted)
        after = set(role.rights)
        details = {"given": " ".join(sorted(after - before)), "taken": " ".join(sorted(before - after))}
        deps.live.administered(who.user.name, "change_role", code, details)
        deps.live.changed("users", "*")
        return _role_view(role)

    @router.delete("/roles/{code}", status_code=204)
    async def remove_role(code: Code, who: Annotated[Principal, Depends(writer)]) -> None:
        """Remove one that nobody has; 409 while somebody does."""
        if code in BUILT_IN:
            raise Problem(409, "This role is always there.")
        await kept.remove_role(code)
        deps.live.administered(who.user.name, "remove_role", code, {})


def _teams(router: APIRouter, deps: ConsoleDeps, kept: Teams) -> None:
    writer = may(deps, "roles.write")

    @router.get("/teams", dependencies=[Depends(may(deps, "users.write"))])
    async def teams() -> dict[str, Any]:
        """All teams."""
        return {"items": [_team_view(team) for team in await kept.teams()]}

    @router.put("/teams/{code}")
    async def put_team(code: Code, body: TeamChange, who: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """Make or change one."""
        wanted = Team(
            code=code,
            label=body.label,
            members=tuple(body.members),
            queues=tuple(body.queues),
            version=body.version,
        )
        team = await kept.put_team(wanted)
        details = {"members": " ".join(team.members), "queues": " ".join(team.queues)}
        deps.live.administered(who.user.name, "change_team", code, details)
        deps.live.changed("users", "*")
        return _team_view(team)

    @router.delete("/teams/{code}", status_code=204)
    async def remove_team(code: Code, who: Annotated[Principal, Depends(writer)]) -> None:
        """Remove one; its members stay."""
        await kept.remove_team(code)
        deps.live.administered(who.user.name, "remove_team", code, {})
        deps.live.changed("users", "*")


async def grantable(deps: ConsoleDeps, who: Principal, role: str, own_role: str | None) -> None:
    """403 where somebody would get rights that ``who`` has not. Raises ``NotFound`` for no such role."""
    wanted = BUILT_IN[cast(Role, role)]
    if own_role is not None:
        found = [one for one in await deps.teams.roles() if one.code == own_role] if deps.teams is not None else []
        if not found:
            raise NotFound(own_role)
        wanted = frozenset(found[0].rights)
    if not wanted <= rights_of(who.user):
        raise Problem(403, MORE, [("role", MORE)])
