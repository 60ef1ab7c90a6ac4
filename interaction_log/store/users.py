"""Users, passwords (argon2id) and sessions (opaque tokens, stored as SHA-256), as ``routing.ports.Users``."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from typing import Any, Final, TypeVar, get_args

import argon2
import sqlalchemy as sa

from interaction_log.precedence import beside
from interaction_log.records import Conflict, NotFound, Refused, Role, User
from interaction_log.store import schema as s
from interaction_log.store.reading import Reading
from interaction_log.store.teams_tables import roles, team_members, teams
from interaction_log.store.writing import Writing

_T = TypeVar("_T")
SESSION_SECONDS: Final = 12 * 3600.0
PASSWORD_LENGTH: Final = (8, 256)  # characters
_CACHE_SECONDS: Final = 2.0  # how long a revoked token may live on here
_CHUNK: Final = 500
_CACHE_SIZE: Final = 10_000
_SLIDE: Final = 0.02  # of the lifetime: how much of it is used before it is written down again
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
_SKILL: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_DEVICE: Final = re.compile(r"([A-Za-z0-9_.-]{1,80}:)?[A-Za-z0-9]+/[A-Za-z0-9_.+@-]{1,80}", re.ASCII)
_CHANGEABLE: Final = frozenset(f.name for f in fields(User)) - {"name", "rights"}
_HASHER: Final = argon2.PasswordHasher()  # RFC 9106 §4, second recommended option: 64 MiB, 3 passes, 4 lanes
_NOBODY: Final = "$argon2id$v=19$m=65536,t=3,p=4$Q6ZkKSsd6L/pet/aggVhRg$HovrD0YawRz8O3pDYiXOZ19HAD6rdvBiUvhN3SDYtcY"
"""What unknown names are checked against: made as any other, of a random text that nobody has kept."""


class StoredUsers:
    """``clock`` gives Unix seconds: sessions outlive the process."""

    def __init__(self, reading: Reading, writing: Writing, clock: Callable[[], float] = time.time):
        self._reading = reading
        self._writing = writing
        self._clock = clock
        # 64 MiB each, and no more at once
        self._hashing = ThreadPoolExecutor(2, thread_name_prefix="password", initializer=beside)
        self._cache: dict[str, tuple[float, User | None]] = {}
        self._generation = 0
        self._lock = threading.Lock()

    # --- users -----------------------------------------------------------------------------------

    async def all(self) -> list[User]:
        """Everybody, by name."""
        return await self._reading(lambda connection: _load(connection, None))

    async def get(self, name: str) -> User:
        """Raises ``NotFound``."""
        return await self._reading(lambda connection: _one(connection, name))

    async def create(self, user: User, password: str) -> User:
        """Raises ``Refused`` (a field, or the password is not 8 to 256 characters) or ``Conflict``."""
        _check_password(password)
        return await self._create(user, password)

    async def create_demo(self, user: User, password: str) -> User:
        """As ``create``, for the demo's short password: only ``interaction_log.demo`` calls this."""
        return await self._create(user, password)

    async def _create(self, user: User, password: str) -> User:
        _check(user)
        secret = await self._hash(password)

        def work(connection: sa.Connection) -> User:
            if _load(connection, user.name):
                raise Conflict(f"there is a user {user.name} already")
            made = _of_its_role(connection, user)
            connection.execute(sa.insert(s.users).values(**_row(made), password=secret))
            _put_devices(connection, made)
            _put_skills(connection, made)
            _put_teams(connection, made)
            return _one(connection, user.name)

        return await self._writing(work)

    async def update(self, name: str, fields: Mapping[str, Any]) -> User:
        """Change these fields. With ``version`` among them it must be the present one, else ``Conflict``."""

        def work(connection: sa.Connection) -> User:
            changed = _of_its_role(connection, _changed(_one(connection, name), fields))
            connection.execute(sa.update(s.users).where(s.users.c.name == name).values(_row(changed)))
            _put_devices(connection, changed)
            _put_skills(connection, changed)
            _put_teams(connection, changed)
            if changed.disabled:
                connection.execute(sa.delete(s.sessions).where(s.sessions.c.user == name))
            return _one(connection, name)

        user = await self._writing(work)
        self.forget()
        return user

    # --- passwords -------------------------------------------------------------------------------

    async def set_password(self, name: str, password: str) -> None:
        """Also ends all sessions of the user. Raises ``Refused`` or ``NotFound``."""
        _check_password(password)
        secret = await self._hash(password)

        def work(connection: sa.Connection) -> None:
            _one(connection, name)
            connection.execute(sa.update(s.users).where(s.users.c.name == name).values(password=secret))
            connection.execute(sa.delete(s.sessions).where(s.sessions.c.user == name))

        await self._writing(work)
        self.forget()

    async def check_password(self, name: str, password: str) -> User | None:
        """The user, if the password is right and she is not disabled. Takes the same time for unknown names."""

        def find(connection: sa.Connection) -> tuple[str, User | None]:
            found = _load(connection, name) if _NAME.fullmatch(name) else []
            if not found:
                return _NOBODY, None
            secret = connection.execute(sa.select(s.users.c.password).where(s.users.c.name == name)).scalar_one()
            return secret, found[0]

        secret, user = await self._reading(find)
        right = await self._hashed(_matches, secret, password[: PASSWORD_LENGTH[1] + 1])
        return user if right and user is not None and not user.disabled else None

    async def _hash(self, password: str) -> str:
        return await self._hashed(_HASHER.hash, password)

    async def _hashed(self, work: Callable[..., _T], *args: str) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._hashing, work, *args)

    # --- sessions --------------------------------------------------------------------------------

    async def open_session(self, name: str, lifetime_seconds: float = SESSION_SECONDS) -> str:
        """A new token of 32 random bytes; it lives ``lifetime_seconds`` from its last use."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        row = {
            "token_hash": _digest(token),
            "user": name,
            "lifetime_seconds": lifetime_seconds,
            "expires_at": now + lifetime_seconds,
        }

        def work(connection: sa.Connection) -> None:
            connection.execute(sa.delete(s.sessions).where(s.sessions.c.expires_at < now))
            connection.execute(sa.insert(s.sessions).values(row))

        await self._writing(work)
        return token

    async def session_user(self, token: str) -> User | None:
        """``None`` for unknown, expired and revoked tokens and disabled users; at most two seconds old."""
        if len(token) > 256 or not token.isascii():
            return None
        digest = _digest(token)
        until, user = self._cache.get(digest, (0.0, None))
        if until > time.monotonic():
            return user
        generation = self._generation
        found = await self._reading(lambda connection: self._find(connection, digest))
        if found is not None and found[1]:
            await self._writing(lambda connection: self._extend(connection, digest))
        user = found[0] if found is not None else None
        self._remember(digest, user, generation)
        return user

    async def session_users(self, tokens: Sequence[str]) -> dict[str, User]:
        """The users of all these sessions that are good, in one thread and few queries; extends those half used up."""
        by_digest = {_digest(token): token for token in tokens if len(token) <= 256 and token.isascii()}
        found = await self._reading(lambda connection: self._find_all(connection, list(by_digest)))
        late = [digest for digest, (_, used) in found.items() if used]
        if late:
            await self._writing(lambda connection: self._extend_all(connection, late))
        return {by_digest[digest]: user for digest, (user, _) in found.items()}

    def _find_all(self, connection: sa.Connection, digests: list[str]) -> dict[str, tuple[User, bool]]:
        people = {user.name: user for user in _load(connection, None)} if digests else {}
        now = self._clock()
        found: dict[str, tuple[User, bool]] = {}
        for at in range(0, len(digests), _CHUNK):
            query = sa.select(s.sessions).where(s.sessions.c.token_hash.in_(digests[at : at + _CHUNK]))
            for row in connection.execute(query):
                user, left = people.get(row.user), row.expires_at - now
                if user is not None and not user.disabled and left > 0:
                    found[row.token_hash] = (user, left < row.lifetime_seconds * (1 - _SLIDE))
        return found

    def _extend_all(self, connection: sa.Connection, digests: list[str]) -> None:
        for digest in digests:
            self._extend(connection, digest)

    def _find(self, connection: sa.Connection, digest: str) -> tuple[User, bool] | None:
        row = connection.execute(sa.select(s.sessions).where(s.sessions.c.token_hash == digest)).first()
        left = row.expires_at - self._clock() if row is not None else 0.0
        users = _load(connection, row.user) if row is not None and left > 0 else []
        if row is None or not users or users[0].disabled:
            return None
        return users[0], left < row.lifetime_seconds * (1 - _SLIDE)

    def _extend(self, connection: sa.Connection, digest: str) -> None:
        until = self._clock() + s.sessions.c.lifetime_seconds
        connection.execute(sa.update(s.sessions).where(s.sessions.c.token_hash == digest).values(expires_at=until))

    def _remember(self, digest: str, user: User | None, generation: int) -> None:
        with self._lock:
            if generation != self._generation:  # something was revoked meanwhile
                return
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[digest] = (time.monotonic() + _CACHE_SECONDS, user)

    def forget(self) -> None:
        """What is remembered of sessions may be wrong now: a role or a team was changed."""
        with self._lock:
            self._generation += 1
            self._cache.clear()

    async def close_session(self, token: str) -> None:
        """Revoke this token; unknown ones are nothing to complain about."""
        await self._end_sessions(s.sessions.c.token_hash == _digest(token))

    async def close_sessions_of(self, name: str) -> None:
        """Revoke all tokens of this user."""
        await self._end_sessions(s.sessions.c.user == name)

    async def _end_sessions(self, which: sa.ColumnElement[bool]) -> None:
        await self._writing(lambda connection: connection.execute(sa.delete(s.sessions).where(which)))
        self.forget()

    def close(self) -> None:
        """Wait for running work."""
        self._hashing.shutdown(wait=True)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _matches(secret: str, password: str) -> bool:
    try:
        return _HASHER.verify(secret, password.encode("utf-8", "surrogatepass"))
    except (argon2.exceptions.Argon2Error, argon2.exceptions.InvalidHashError):
        return False


def _load(connection: sa.Connection, name: str | None) -> list[User]:
    query = sa.select(s.users).order_by(s.users.c.name)
    devices = sa.select(s.user_devices).order_by(s.user_devices.c.position)
    skills = sa.select(s.user_skills).order_by(s.user_skills.c.skill)
    if name is not None:
        query, devices = query.where(s.users.c.name == name), devices.where(s.user_devices.c.user == name)
        skills = skills.where(s.user_skills.c.user == name)
    rows = connection.execute(query).all()
    grants = _grants(connection) if any(row.own_role is not None for row in rows) else {}
    belongs = _teams(connection, name) if rows else {}
    of: dict[str, list[str]] = {}
    for row in connection.execute(devices) if rows else ():
        of.setdefault(row.user, []).append(row.device)
    can: dict[str, dict[str, int]] = {}
    for row in connection.execute(skills) if rows else ():
        can.setdefault(row.user, {})[row.skill] = row.level
    return [
        User(
            name=row.name,
            display_name=row.display_name,
            role=row.role,
            devices=of.get(row.name, []),
            language=row.language,
            disabled=bool(row.disabled),
            version=row.version,
            skills=can.get(row.name, {}),
            own_role=row.own_role,
            rights=None if row.own_role is None else grants.get(row.own_role, ()),
            teams=tuple(belongs.get(row.name, ())),
        )
        for row in rows
    ]


def _grants(connection: sa.Connection) -> dict[str, tuple[str, ...]]:
    """The rights of the site's own roles. A role that is gone gives none: never more than was meant."""
    return {row.code: tuple(json.loads(row.rights)) for row in connection.execute(sa.select(roles))}


def _teams(connection: sa.Connection, name: str | None) -> dict[str, list[str]]:
    query = sa.select(team_members).order_by(team_members.c.team)
    found: dict[str, list[str]] = {}
    for row in connection.execute(query if name is None else query.where(team_members.c.user == name)):
        found.setdefault(row.user, []).append(row.team)
    return found


def _one(connection: sa.Connection, name: str) -> User:
    found = _load(connection, name)
    if not found:
        raise NotFound(name)
    return found[0]


def _row(user: User) -> dict[str, Any]:
    names = ("name", "display_name", "role", "language", "disabled", "version", "own_role")
    return {name: getattr(user, name) for name in names}


def _of_its_role(connection: sa.Connection, user: User) -> User:
    """With the built-in role that her own one was made from."""
    if user.own_role is None:
        return user
    base = connection.execute(sa.select(roles.c.base).where(roles.c.code == user.own_role)).scalar()
    if base is None:
        raise Refused("own_role", "there is no such role")
    return replace(user, role=base)


def _put_teams(connection: sa.Connection, user: User) -> None:
    known = set(connection.execute(sa.select(teams.c.code)).scalars()) if user.teams else set()
    if set(user.teams) - known:
        raise Refused("teams", "there is no such team")
    connection.execute(sa.delete(team_members).where(team_members.c.user == user.name))
    rows = [{"team": team, "user": user.name} for team in sorted(set(user.teams))]
    if rows:
        connection.execute(sa.insert(team_members), rows)


def _put_devices(connection: sa.Connection, user: User) -> None:
    connection.execute(sa.delete(s.user_devices).where(s.user_devices.c.user == user.name))
    rows = [{"user": user.name, "device": device, "position": n} for n, device in enumerate(user.devices)]
    if rows:
        connection.execute(sa.insert(s.user_devices), rows)


def _put_skills(connection: sa.Connection, user: User) -> None:
    connection.execute(sa.delete(s.user_skills).where(s.user_skills.c.user == user.name))
    rows = [{"user": user.name, "skill": skill, "level": level} for skill, level in user.skills.items()]
    if rows:
        connection.execute(sa.insert(s.user_skills), rows)


def _changed(user: User, fields: Mapping[str, Any]) -> User:
    for name in fields:
        if name not in _CHANGEABLE:
            raise Refused(name, "cannot be changed")
    if "version" in fields and fields["version"] != user.version:
        raise Conflict(f"{user.name} was changed meanwhile")
    changed = replace(user, **{**fields, "version": user.version + 1})
    _check(changed)
    return changed


def _check(user: User) -> None:
    if not _NAME.fullmatch(user.name):
        raise Refused("name", "1 to 64 of a-z, 0-9, dot, dash and underscore, beginning with a letter or digit")
    if not isinstance(user.display_name, str) or not 1 <= len(user.display_name.strip()) <= 100:
        raise Refused("display_name", "1 to 100 characters")
    if not user.display_name.isprintable():
        raise Refused("display_name", "holds control characters")
    if user.role not in get_args(Role):
        raise Refused("role", f"one of {', '.join(get_args(Role))}")
    if user.own_role is not None and not isinstance(user.own_role, str):
        raise Refused("own_role", "a text is needed")
    if not isinstance(user.teams, list | tuple) or not all(isinstance(team, str) for team in user.teams):
        raise Refused("teams", "a list of texts is needed")
    if not isinstance(user.disabled, bool):
        raise Refused("disabled", "true or false is needed")
    if user.language is not None and (not isinstance(user.language, str) or len(user.language) > 20):
        raise Refused("language", "no language tag")
    _check_devices(user.devices)
    _check_skills(user.skills)


def _check_skills(skills: dict[str, int]) -> None:
    if not isinstance(skills, dict) or len(skills) > 50:
        raise Refused("skills", "at most 50")
    for skill, level in skills.items():
        if not isinstance(skill, str) or not _SKILL.fullmatch(skill):
            raise Refused("skills", "1 to 64 of a-z, 0-9, dash and underscore")
        if type(level) is not int or not 1 <= level <= 5:
            raise Refused(f"skills.{skill}", "a level of 1 to 5")


def _check_devices(devices: list[str]) -> None:
    if not isinstance(devices, list) or len(devices) > 20 or len(set(devices)) != len(devices):
        raise Refused("devices", "a list of at most 20 different devices")
    for n, device in enumerate(devices):
        if not isinstance(device, str) or not _DEVICE.fullmatch(device):
            raise Refused(
                f"devices.{n}", "TECHNOLOGY/name, as in PJSIP/1001 (or berlin:PJSIP/1001 with the PBX's name)"
            )


def _check_password(password: str) -> None:
    shortest, longest = PASSWORD_LENGTH
    if not isinstance(password, str) or not shortest <= len(password) <= longest:
        raise Refused("password", f"{shortest} to {longest} characters")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise Refused("password", "holds characters that cannot be stored") from None
