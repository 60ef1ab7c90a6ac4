"""Who waits: callers for whom agents may go, and promised callbacks. Fulfils ``agent_console.lines.Lines``."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Protocol

from agent_console.lines import CallbackView, WaitingView
from cti_gateway.callbacks import Callbacks
from cti_gateway.console_callbacks import ConsoleCallbacks
from cti_gateway.entry import waiting_since
from cti_gateway.hub import Hub
from interaction_log.callback import Callback
from interaction_log.identity import parse_phone
from interaction_log.interaction import Interaction
from interaction_log.records import Conflict, NotFound, Refused
from routing.entry import place_of

_MOST = 200


class History(Protocol):
    """What is needed of ``store.callbacks``."""

    async def recent(self, limit: int) -> list[Callback]:
        """The last ones, newest first."""
        ...


class Lines:
    """``callbacks`` is set when call entry is open; without it nobody is promised anything."""

    def __init__(self, hub: Hub, history: History) -> None:
        self._hub, self._history = hub, history
        self.callbacks: Callbacks | None = None
        self.region = "CN"
        """ISO 3166-1 alpha-2, for numbers without a country code."""
        self.own: ConsoleCallbacks | None = None
        """Those that were asked for outside a call."""

    def waiting(self, agent: str) -> list[WaitingView]:
        """See ``agent_console.lines``."""
        live = self._hub.distributor
        her = live.agents.get(agent)
        if her is None or not her.signed_in:
            return []
        queues = set(self._hub.windows.agent(agent)["queues"])
        pbxs = {name for name in self._hub.pbxs if live.devices_of(her, name)}
        found = [
            one
            for one in live.interactions.values()
            if (one.ended, one.channel, one.direction) == (False, "voice", "inbound")
            and one.pbx in pbxs
            and _queue(one) in queues
        ]
        return sorted(map(self._waiting, found), key=lambda one: one["since"] or 0.0)[:_MOST]

    def _waiting(self, one: Interaction) -> WaitingView:
        view, visit = self._hub.windows.interaction(one.id), one.waiting_in()
        return {
            "interaction_id": one.id,
            "pbx": one.pbx,
            "queue": visit.queue if visit is not None else "",
            "number": one.customer_address,
            "name": one.customer_name,
            "customer_name": view["customer_name_known"] if view is not None else None,
            "since": visit.entered_at if visit is not None else None,
            "ringing": bool(one.open_offers()),
        }

    def promised(self) -> list[CallbackView]:
        """See ``agent_console.lines``."""
        kept = [part.all.values() for part in (self.callbacks, self.own) if part is not None]
        every = sorted((one for part in kept for one in part), key=lambda one: one.since)
        return [_view(one, self._place(one, every)) for one in every if one.open]

    def _place(self, one: Callback, every: Sequence[Callback]) -> int:
        """Behind the callers who wait and the promises that are older."""
        entered = waiting_since(self._hub.distributor.interactions.values(), one.pbx, one.queue)
        line = [c.since for c in every if (c.pbx, c.queue) == (one.pbx, one.queue) and c.open and c is not one]
        return place_of(one.since, (*entered, *line))

    async def promise(self, number: str, pbx: str, queue: str, name: str, not_before: float | None) -> CallbackView:
        """See ``agent_console.lines``."""
        own, phone = self.own, parse_phone(number, self.region)
        if own is None or phone is None or not own.may_call(phone.e164):
            raise Refused("number", f"{number} is no valid telephone number")
        if (pbx, queue) not in self._hub.distributor.settings.queues:
            raise NotFound(queue)
        if own.find(pbx, queue, phone.e164) is not None:
            raise Conflict("it exists already")
        now = self._hub.wall()
        begins = max(0.0, not_before or 0.0)
        wanted = Callback(
            id=str(uuid.uuid4()),
            pbx=pbx,
            queue=queue,
            address=phone.e164,
            name=name,
            since=now,
            requested_at=now,
            expires_at=max(now, begins) + own.rules.expire_seconds,
            not_before=begins if begins > now else 0.0,
        )
        if not await own.promise(wanted):
            raise Conflict("The database is away; please try again.")
        return _view(own.all.get(wanted.id, wanted), None)

    async def past(self, limit: int) -> Sequence[CallbackView]:
        """See ``agent_console.lines``."""
        return [_view(one, None) for one in await self._history.recent(limit) if not one.open]

    async def cancel(self, callback_id: str, by: str) -> CallbackView:
        """See ``agent_console.lines``."""
        part = self.own if self.own is not None and callback_id in self.own.all else self.callbacks
        if part is None:
            raise NotFound(callback_id)
        changed = await part.cancel(callback_id)
        told = {"queue": changed.queue, "pbx": changed.pbx}
        self._hub.administered(by, "callback_cancelled", callback_id, told)
        return _view(changed, None)


def _queue(one: Interaction) -> str | None:
    visit = one.waiting_in()
    return visit.queue if visit is not None else None


def _view(one: Callback, place: int | None) -> CallbackView:
    return {
        "id": one.id,
        "pbx": one.pbx,
        "queue": one.queue,
        "number": one.address,
        "name": one.name,
        "since": one.since,
        "requested_at": one.requested_at,
        "expires_at": one.expires_at,
        "state": one.state,
        "attempts": one.attempts,
        "not_before": one.not_before,
        "requested_in": one.requested_in,
        "result": one.result,
        "place": place,
    }
