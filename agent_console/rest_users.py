"""``/api/users``: administrators manage users; everybody may change her own password."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from agent_console.deps import ConsoleDeps
from agent_console.models import NewPassword, NewUser, UserChange
from agent_console.problems import Problem
from agent_console.rest import given
from agent_console.rest_roles import MORE, grantable
from agent_console.rest_session import WRONG, user_view
from agent_console.sessions import Principal, signed_in
from interaction_log.records import User
from interaction_log.rights import rights_of


def _changes(before: User, after: User) -> dict[str, str]:
    """What was changed, for the audit trail: the new values, without names of people."""
    found, was = _told(after), _told(before)
    return {key: value for key, value in found.items() if value != was[key]}


def _told(user: User) -> dict[str, str]:
    return {
        "role": user.role,
        "devices": " ".join(user.devices),
        "disabled": str(user.disabled).lower(),
        "skills": " ".join(f"{skill}={level}" for skill, level in sorted(user.skills.items())),
        "own_role": user.own_role or "",
        "teams": " ".join(user.teams),
    }


def _other_role(user: User, fields: Mapping[str, Any]) -> bool:
    return any(key in fields and fields[key] != getattr(user, key) for key in ("role", "own_role"))


def _below(who: Principal, user: User) -> None:
    """Nobody changes whoever has rights that she has not herself: that would be a way to get them."""
    if not rights_of(user) <= rights_of(who.user):
        raise Problem(403, MORE)


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/users", tags=["users"])
    _add_lists(router, deps)
    _add_changes(router, deps)
    _add_passwords(router, deps)
    return router


def _add_lists(router: APIRouter, deps: ConsoleDeps) -> None:
    """Who there is, and whoever comes to them."""
    admin = signed_in(deps, "admin")

    @router.get("", dependencies=[Depends(admin)])
    async def users() -> dict[str, Any]:
        """All users, by name."""
        return {"items": [user_view(u) for u in sorted(await deps.users.all(), key=lambda u: u.name)]}

    @router.post("", status_code=201)
    async def create(body: NewUser, who: Annotated[Principal, Depends(admin)]) -> dict[str, Any]:
        """A new user; 409 if the name is taken."""
        await grantable(deps, who, body.role, body.own_role)
        user = await deps.users.create(_wanted(body), body.password)
        details = {"role": user.role, "devices": " ".join(user.devices)}
        deps.live.administered(who.user.name, "create_user", user.name, details)
        deps.live.changed("users", user.name)
        return user_view(user)


def _wanted(body: NewUser) -> User:
    return User(
        name=body.name,
        display_name=body.display_name,
        role=body.role,
        devices=body.devices,
        language=body.language,
        skills=dict(body.skills),
        own_role=body.own_role,
        teams=tuple(body.teams),
    )


def _add_changes(router: APIRouter, deps: ConsoleDeps) -> None:
    """What a user is and may do."""
    admin = signed_in(deps, "admin")

    @router.patch("/{name}")
    async def change(name: str, body: UserChange, who: Annotated[Principal, Depends(admin)]) -> dict[str, Any]:
        """Change a user. Where the role changes or she is disabled, her consoles are cut."""
        fields = given(body)
        if "role" in fields:
            fields.setdefault("own_role", None)
        before = await deps.users.get(name)
        if name == who.user.name and (fields.get("disabled") or _other_role(before, fields)):
            raise Problem(409, "You cannot take away your own rights; another administrator can.")
        _below(who, before)
        if _other_role(before, fields):
            await grantable(deps, who, fields.get("role", before.role), fields.get("own_role", before.own_role))
        user = await deps.users.update(name, fields)
        deps.live.administered(who.user.name, "change_user", name, _changes(before, user))
        if user.disabled:
            await deps.users.close_sessions_of(name)
        if user.disabled or (user.role, user.own_role) != (before.role, before.own_role):
            deps.consoles.disconnect(name)
        deps.live.changed("users", name)
        return user_view(user)


def _add_passwords(router: APIRouter, deps: ConsoleDeps) -> None:
    """Everybody may change her own."""
    anyone = signed_in(deps)

    @router.post("/{name}/password", status_code=204)
    async def password(name: str, body: NewPassword, who: Annotated[Principal, Depends(anyone)]) -> None:
        """A new password, which ends all sessions of this user. For one's own ``current`` is needed."""
        if name != who.user.name:
            if not who.may("users.write"):
                raise Problem(403, "Your role does not allow this.")
            _below(who, await deps.users.get(name))
        if name == who.user.name and await deps.users.check_password(name, body.current or "") is None:
            raise Problem(400, "The request is not valid.", [("current", WRONG)])
        await deps.users.set_password(name, body.password)
        deps.live.administered(who.user.name, "set_password", name, {})
        await deps.users.close_sessions_of(name)
        deps.consoles.disconnect(name)
