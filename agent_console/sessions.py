"""Who is asking: bearer token or cookie to user, roles, and the page that the request came from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final, Literal

from fastapi import Request

from agent_console.access import Needs, allows, route_needs
from agent_console.deps import ConsoleDeps
from agent_console.problems import Problem
from agent_console.veil import tell
from interaction_log import rights
from interaction_log.records import Role, User
from interaction_log.rights import Sight
from interaction_log.web.origin import Header, from_our_page, header

COOKIE: Final = "callweave_session"
MAX_TOKEN: Final = 512
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
UNAUTHORISED: Final = {"WWW-Authenticate": 'Bearer realm="callweave"'}
Source = Literal["bearer", "cookie"]


@dataclass(frozen=True, slots=True)
class Credential:
    """A token and where it was found."""

    token: str
    source: Source


@dataclass(frozen=True, slots=True)
class Principal:
    """The signed-in user of a request."""

    user: User
    token: str

    @property
    def oversees(self) -> bool:
        """Whether contacts of others may be seen; of whom is :func:`sight_of`'s."""
        return rights.oversees(self.user)

    def may(self, *wanted: str) -> bool:
        """Whether she has all of these rights."""
        return rights.has(self.user, *wanted)


def credential(headers: Sequence[Header]) -> Credential | None:
    """The token of a request. An ``Authorization`` header decides, even a wrong one: the cookie is then not asked."""
    if any(key == b"authorization" for key, _ in headers):
        kind, _, token = (header(headers, b"authorization") or "").partition(" ")
        return _usable(token.strip(), "bearer") if kind.lower() == "bearer" else None
    return _usable(cookie_token(headers), "cookie")


def _usable(token: str | None, source: Source) -> Credential | None:
    if not token or len(token) > MAX_TOKEN or not token.isascii() or not token.isprintable():
        return None
    return Credential(token, source)


def cookie_token(headers: Sequence[Header]) -> str | None:
    """The value of the session cookie."""
    try:
        found = SimpleCookie(header(headers, b"cookie") or "").get(COOKIE)
    except CookieError:
        return None
    return found.value if found is not None else None


def check_page(headers: Sequence[Header], source: Source | None, public_url: str | None) -> str | None:
    """Why a request that changes something is refused: a foreign page sent it, or a cookie came without a page."""
    ours = from_our_page(headers, public_url)
    if ours is False:
        return "This request came from a page of another site."
    if ours is None and source == "cookie":
        return "A request with the session cookie needs an Origin header of this site."
    return None


class SignedIn:
    """The FastAPI dependency of :func:`signed_in` and :func:`may`: the user of the request, or 401 or 403.

    The table ``access.ROUTES`` decides where the route has a line that names rights; ``roles`` count for those that
    have none. ``rights`` must be there too.
    """

    def __init__(self, deps: ConsoleDeps, roles: tuple[Role, ...] = (), wanted: tuple[str, ...] = ()):
        self._deps = deps
        self.roles = roles
        self.rights = wanted

    async def __call__(self, request: Request) -> Principal:
        """Who asks."""
        headers = request.scope["headers"]
        found = credential(headers)
        if request.method not in SAFE:
            refusal = check_page(headers, found.source if found else None, self._deps.public_url)
            if refusal is not None:
                raise Problem(403, refusal)
        user = await self._deps.users.session_user(found.token) if found else None
        if found is None or user is None or user.disabled:
            raise Problem(401, "Please sign in.", headers=UNAUTHORISED)
        path = str(getattr(request.scope.get("route"), "path_format", ""))  # as the table has it: no converters
        if not self._allowed(user, route_needs(request.method, path)):
            self._deps.live.attempted(user.name, f"{request.method} {path}")
            raise Problem(403, "Your role does not allow this.")
        tell(request.scope, user)
        return Principal(user, found.token)

    def _allowed(self, user: User, needs: Needs | None) -> bool:
        if needs is None and not self.roles and not self.rights:
            return False  # nobody said who may: better shut than open
        listed = allows(user, needs) if needs else not self.roles or user.role in self.roles
        return listed and rights.has(user, *self.rights)


def signed_in(deps: ConsoleDeps, *roles: Role) -> Callable[[Request], Awaitable[Principal]]:
    """A FastAPI dependency: the user of the request; 401, or 403 where ``access.ROUTES`` asks for more than she has.

    ``roles`` (none given: any) count for routes that have no line there yet.
    """
    return SignedIn(deps, roles)


def may(deps: ConsoleDeps, *wanted: str) -> Callable[[Request], Awaitable[Principal]]:
    """The same for a route that needs these rights (``interaction_log.rights.RIGHTS``)."""
    found = rights.unknown(wanted)
    if found:
        raise ValueError(f"there is no right {found[0]}")
    return SignedIn(deps, wanted=wanted)


async def sight_of(deps: ConsoleDeps, user: User) -> Sight:
    """Whose contacts this user sees."""
    if deps.teams is None:
        return rights.sight_of(user, ())
    return await deps.teams.sight(user)
