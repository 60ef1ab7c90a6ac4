"""Who the visitor is, as far as his site vouches for him. What he types about himself is shown and proves nothing."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from cti_gateway.chat.room import Room
from cti_gateway.desk import caller_found
from interaction_log import events as e
from interaction_log.evidence import Evidence, Kind, folded, judge
from interaction_log.identity import parse_phone
from interaction_log.persons import Seen
from interaction_log.records import Match, Refused
from webchat.ports import Visitor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)
TYPED: Final[dict[str, Kind]] = {"email": "email", "phone": "phone"}
"""Fields of the form by which customers are suggested."""


def login_of(visitor: Visitor) -> str | None:
    """As which user his site vouches for him: logins of two sites are two."""
    if visitor.subject is None:
        return None
    try:
        return folded("login", f"{visitor.site}:{visitor.subject}"[:254])
    except Refused:
        return None


class Claims(Protocol):
    """What is needed of ``store.identity.claims``."""

    async def who(self, evidence: Evidence) -> Match:
        """Who a piece of evidence speaks for."""
        ...

    async def saw(self, seen: Sequence[Seen]) -> None:
        """Keep these."""
        ...


class Vouched:
    """Looks visitors up. ``region``: ISO 3166-1 alpha-2, for numbers without a country code."""

    def __init__(self, hub: Hub, claims: Claims | None, region: str) -> None:
        self._hub, self._claims, self._region = hub, claims, region
        self.rooms: dict[str, Room] = {}
        """``Rooms.all``."""

    def chosen(self, event: e.CustomerIdentified) -> None:
        """An agent said who it is: the login that the site vouches for suggests him from now on."""
        room = self.rooms.get(event.interaction_id)
        if self._claims is None or room is None or not room.login or not event.agent or not event.customer_id:
            return
        verdict = judge(Evidence(kind="login", value=room.login, source="agent"))
        seen = Seen(
            customer_id=event.customer_id, kind="login", value=room.login, source="agent", strength=verdict.strength,
            rule=verdict.rule, at=self._hub.wall(), interaction_id=room.id, by=event.agent,
        )  # fmt: skip
        self._hub.spawn(self._keep(self._claims, seen))

    @staticmethod
    async def _keep(claims: Claims, seen: Seen) -> None:
        await claims.saw([seen])

    def look_up(self, room: Room, visitor: Visitor) -> None:
        """Find out who he is; the pop shows it."""
        self.remember(room, visitor)
        if self._claims is not None:
            self._hub.spawn(self._found(self._claims, room, visitor))

    @staticmethod
    def remember(room: Room, visitor: Visitor) -> None:
        """As which user the site vouches for him."""
        room.login = login_of(visitor)

    async def _found(self, claims: Claims, room: Room, visitor: Visitor) -> None:
        try:
            match = await self._match(claims, self.evidence(visitor), room)
        except Exception as error:  # the chat goes on with somebody unknown
            log.warning("a visitor could not be looked up: %s", type(error).__name__)
            return
        if match.strength != "unknown":
            self._hub.take([caller_found(self._hub.wall(), room.id, match)])

    def evidence(self, visitor: Visitor) -> list[Evidence]:
        """What the site's signed token says: the login, the mail address, the number."""
        login = login_of(visitor)
        if login is None:
            return []
        told = [Evidence(kind="login", value=login, source="site")]
        mail, phone = visitor.attributes.get("email", ""), visitor.attributes.get("phone", "")
        if mail:
            told.append(Evidence(kind="email", value=mail, source="site"))
        number = parse_phone(phone, self._region) if phone else None
        if number is not None:
            told.append(Evidence(kind="phone", value=number.e164, source="site"))
        return [self._comparable(one) for one in told]

    @staticmethod
    def _comparable(one: Evidence) -> Evidence:
        try:
            return replace(one, value=folded(one.kind, one.value))
        except Refused:
            return replace(one, value="")

    async def _match(self, claims: Claims, told: list[Evidence], room: Room) -> Match:
        """The first piece that identifies; else the first that suggests; else what he typed suggests."""
        best = Match(strength="unknown")
        for one in told:
            found = await claims.who(one) if one.value else best
            if found.strength == "known":
                await self._claimed(claims, found, told, room)
                return await self._whole(found)
            best = found if best.strength == "unknown" else best
        return await self._whole(best if best.strength != "unknown" else await self._suggested(claims, room))

    async def _claimed(self, claims: Claims, match: Match, told: list[Evidence], room: Room) -> None:
        """Who is known by one piece has the login too, from now on."""
        login, of = told[0], str((match.customer or {})["id"])
        if not login.value:
            return
        verdict = judge(login)
        seen = Seen(
            customer_id=of, kind="login", value=login.value, source="site", strength=verdict.strength,
            rule=verdict.rule, at=self._hub.wall(), interaction_id=room.id,
        )  # fmt: skip
        await claims.saw([seen])

    async def _suggested(self, claims: Claims, room: Room) -> Match:
        """By what he typed: a candidate to look at, never more."""
        for code, kind in TYPED.items():
            typed = room.form.get(code, "")
            number = parse_phone(typed, self._region) if kind == "phone" and typed else None
            value = number.e164 if number is not None else typed if kind == "email" else ""
            if not value:
                continue
            found = await claims.who(self._comparable(Evidence(kind=kind, value=value, source="record")))
            people = [found.customer] if found.customer is not None else []
            if people or found.candidates:
                return Match(strength="candidates", candidates=[*people, *found.candidates])
        return Match(strength="unknown")

    async def _whole(self, match: Match) -> Match:
        """With the history that a pop shows."""
        if match.customer is None or match.strength != "known":
            return match
        return await self._hub.customers.match_of(str(match.customer["id"]))
