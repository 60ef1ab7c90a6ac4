"""Roles of the site's own and teams, as the administrator makes them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import sqlalchemy as sa

from interaction_log.records import Conflict, NotFound, Refused, Role
from interaction_log.rights import BUILT_IN, EVERYTHING, OwnRole, Person, Sight, Team, has, sight_of, unknown
from interaction_log.store import schema as s
from interaction_log.store.reading import Reading
from interaction_log.store.teams_tables import roles, team_members, teams
from interaction_log.store.writing import Writing

_CODE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_FRESH_SECONDS: Final = 2.0
_MOST_MEMBERS: Final = 5_000


class StoredTeams:
    """``changed`` is called after every change: sessions that were remembered have other rights now."""

    def __init__(self, reading: Reading, writing: Writing, changed: Callable[[], None] = lambda: None):
        self._reading = reading
        self._writing = writing
        self._changed = changed
        self._kept: tuple[float, list[Team]] | None = None

    # --- roles -----------------------------------------------------------------------------------

    async def roles(self) -> list[OwnRole]:
        """The site's own, by code."""
        return await self._reading(_roles)

    async def put_role(self, role: OwnRole) -> OwnRole:
        """Make it, or change it (``version`` must be the present one, 1 for a new one). Users have it at once.

        Raises ``Refused`` or ``Conflict``. The base of a role that somebody has cannot be changed.
        """
        _check_role(role)

        def work(connection: sa.Connection) -> OwnRole:
            before = next((one for one in _roles(connection) if one.code == role.code), None)
            _check_version(before, role)
            if before is not None and before.base != role.base and _has_role(connection, role.code):
                raise Refused("base", "somebody has this role")
            made = OwnRole(
                code=role.code,
                labels=role.labels,
                base=role.base,
                rights=tuple(sorted(set(role.rights))),
                version=role.version if before is None else role.version + 1,
            )
            _replace(connection, roles, before is not None, _role_row(made))
            return made

        made = await self._writing(work)
        self._moved()
        return made

    async def remove_role(self, code: str) -> None:
        """Raises ``NotFound``, or ``Conflict`` while somebody has it."""

        def work(connection: sa.Connection) -> None:
            if _has_role(connection, code):
                raise Conflict("somebody has this role")
            if not connection.execute(sa.delete(roles).where(roles.c.code == code)).rowcount:
                raise NotFound(code)

        await self._writing(work)
        self._moved()

    # --- teams -----------------------------------------------------------------------------------

    async def teams(self) -> list[Team]:
        """All, by code, with their members."""
        return await self._reading(_teams)

    async def put_team(self, team: Team) -> Team:
        """Make it, or change it (``version`` must be the present one, 1 for a new one). Raises ``Refused``,
        ``Conflict``."""
        _check_team(team)

        def work(connection: sa.Connection) -> Team:
            before = next((one for one in _teams(connection) if one.code == team.code), None)
            _check_version(before, team)
            version = team.version if before is None else team.version + 1
            row = {
                "code": team.code,
                "label": team.label,
                "queues": json.dumps(sorted(set(team.queues))),
                "version": version,
            }
            _replace(connection, teams, before is not None, row)
            _put_members(connection, team)
            return next(one for one in _teams(connection) if one.code == team.code)

        made = await self._writing(work)
        self._moved()
        return made

    async def remove_team(self, code: str) -> None:
        """Its members stay. Raises ``NotFound``."""

        def work(connection: sa.Connection) -> None:
            if not connection.execute(sa.delete(teams).where(teams.c.code == code)).rowcount:
                raise NotFound(code)
            connection.execute(sa.delete(team_members).where(team_members.c.team == code))

        await self._writing(work)
        self._moved()

    # --- what is seen ----------------------------------------------------------------------------

    async def sight(self, user: Person) -> Sight:
        """Whose contacts this person sees; at most two seconds old."""
        if has(user, "interactions.read_all"):
            return EVERYTHING
        return sight_of(user, await self._recent())

    async def _recent(self) -> Sequence[Team]:
        now = time.monotonic()
        if self._kept is None or now - self._kept[0] > _FRESH_SECONDS:
            self._kept = (now, await self.teams())
        return self._kept[1]

    def _moved(self) -> None:
        self._kept = None
        self._changed()


def _roles(connection: sa.Connection) -> list[OwnRole]:
    return [
        OwnRole(
            code=row.code,
            labels=json.loads(row.labels),
            base=cast(Role, row.base),
            rights=tuple(json.loads(row.rights)),
            version=row.version,
        )
        for row in connection.execute(sa.select(roles).order_by(roles.c.code))
    ]


def _role_row(role: OwnRole) -> dict[str, Any]:
    return {
        "code": role.code,
        "labels": json.dumps(role.labels),
        "base": role.base,
        "rights": json.dumps(list(role.rights)),
        "version": role.version,
    }


def _teams(connection: sa.Connection) -> list[Team]:
    of: dict[str, list[str]] = {}
    for row in connection.execute(sa.select(team_members).order_by(team_members.c.user)):
        of.setdefault(row.team, []).append(row.user)
    return [
        Team(
            code=row.code,
            label=row.label,
            members=tuple(of.get(row.code, ())),
            queues=tuple(json.loads(row.queues)),
            version=row.version,
        )
        for row in connection.execute(sa.select(teams).order_by(teams.c.code))
    ]


def _has_role(connection: sa.Connection, code: str) -> bool:
    return connection.execute(sa.select(s.users.c.name).where(s.users.c.own_role == code).limit(1)).first() is not None


def _replace(connection: sa.Connection, table: sa.Table, there: bool, row: dict[str, Any]) -> None:
    connection.execute(
        sa.update(table).where(table.c.code == row["code"]).values(row) if there else sa.insert(table).values(row)
    )


def _put_members(connection: sa.Connection, team: Team) -> None:
    wanted = sorted(set(team.members))
    known = set(connection.execute(sa.select(s.users.c.name)).scalars())
    for n, name in enumerate(wanted):
        if name not in known:
            raise Refused(f"members.{n}", "there is no user of this name")
    connection.execute(sa.delete(team_members).where(team_members.c.team == team.code))
    if wanted:
        connection.execute(sa.insert(team_members), [{"team": team.code, "user": name} for name in wanted])


def _check_version(before: OwnRole | Team | None, wanted: OwnRole | Team) -> None:
    if wanted.version != (1 if before is None else before.version):
        raise Conflict(f"{wanted.code} was changed meanwhile")


def _check_code(code: str) -> None:
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise Refused("code", "1 to 64 of a-z, 0-9, dash and underscore")


def _check_role(role: OwnRole) -> None:
    _check_code(role.code)
    if role.code in BUILT_IN:
        raise Refused("code", "this is a built-in role")
    if role.base not in BUILT_IN:
        raise Refused("base", f"one of {', '.join(BUILT_IN)}")
    if not role.labels or not all(isinstance(text, str) and 1 <= len(text) <= 100 for text in role.labels.values()):
        raise Refused("labels", "a text in at least one language")
    if unknown(role.rights):
        raise Refused("rights", "there is no such right")


def _check_team(team: Team) -> None:
    _check_code(team.code)
    if not 1 <= len(team.label.strip()) <= 100 or not team.label.isprintable():
        raise Refused("label", "1 to 100 characters")
    if len(team.members) > _MOST_MEMBERS or len(team.queues) > _MOST_MEMBERS:
        raise Refused("members", f"at most {_MOST_MEMBERS}")
    if not all(1 <= len(queue) <= 80 for queue in team.queues):
        raise Refused("queues", "1 to 80 characters")
