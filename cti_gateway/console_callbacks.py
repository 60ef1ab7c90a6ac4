"""Callbacks stand in the same line as chats, wherever they were asked for; an agent is asked to take one.

Each stay in line is a contact of the channel ``callback``; who takes it has the customer called from her telephone, and
what becomes of that call (a contact of its own) decides. Where a site wants those of its callers made by
the PBX's own queue, something waits there for them instead: ``callbacks``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, cast

from cti_gateway.callbacks import CLOCK_SECONDS, MOST_OPEN, Stored
from interaction_log import events as e
from interaction_log.callback import Callback
from interaction_log.identity import interaction_id
from interaction_log.interaction import Interaction
from interaction_log.records import Conflict, NotFound
from routing.callbacks import CallbackRules, Trigger, moved

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 60.0
"""So long after an agent took it there must be a call; else it was none and waits again."""
TIMER: Final = "dispatch:callback:"
_Over = Literal["done", "failed", "expired"]
_OVER: Final[dict[Trigger, e.Outcome]] = {"withdrawn": "cancelled", "time_over": "timeout", "not_tried": "failed"}


class MayCall(Protocol):
    """Whether a number may be called back (``callbacks.may_call``)."""

    def __call__(self, address: str) -> bool:
        """E.164."""
        ...


class ConsoleCallbacks:
    """All open ones. Fulfils ``cti_gateway.chat.wishes.CallbackLine``."""

    def __init__(self, hub: Hub, store: Stored, may_call: MayCall, rules: CallbackRules) -> None:
        self.hub, self.store, self.may_call, self.rules = hub, store, may_call, rules
        self.all: dict[str, Callback] = {}
        self._of: dict[str, str] = {}
        """Callback by the interaction in which it waits or is called now."""
        self._lifting: set[str] = set()
        """Where it is not known yet whether the agent lifted: a call that ends before that was no try."""
        self._turn = asyncio.Lock()
        self._methods: dict[type[e.Event], Callable[[Any], None]] = {
            e.AgentConnected: self._connected,
            e.InteractionEnded: self._ended,
        }

    @property
    def hears(self) -> Iterable[type[e.Event]]:
        """The kinds of events that :meth:`noted` takes."""
        return self._methods

    def noted(self, event: e.Event) -> None:
        """One of them."""
        if self.all:
            self._methods[type(event)](event)

    # --- asked for -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Take over what the store has."""
        for one in await self.store.open():
            if one.way == "console":
                self.all[one.id] = one
                self._of |= {i.id: one.id for i in self._running() if _waits_for(i, one)}
                self._appoint(one)

    def _running(self) -> list[Interaction]:
        return [i for i in self.hub.distributor.interactions.values() if i.channel == "callback" and not i.ended]

    async def promise(self, wanted: Callback) -> bool:
        """Take one in; on disk when it returns, and in the log. ``since``: its place; ``not_before``: not earlier.

        The same id again is the same promise. False: there are too many, or the store does not take it.
        """
        if wanted.id in self.all:
            return True
        one = replace(wanted, way="console", name=wanted.name[:80])
        if len(self.all) >= MOST_OPEN:
            return False
        try:
            await self.store.put(one)
        except Exception as error:  # whatever the store says: no promise that would not survive us
            log.error("a callback could not be stored: %s", type(error).__name__)
            return False
        self.all[one.id] = one
        asked = e.CallbackRequested(
            at=self.hub.wall(), callback_id=one.id, pbx=one.pbx, queue=one.queue, address=one.address,
            since=one.since, expires_at=one.expires_at, requested_in=one.requested_in,
        )  # fmt: skip
        self.hub.take([asked])
        self._appoint(one)
        return True

    def find(self, pbx: str, queue: str, address: str) -> Callback | None:
        """The open one of this number for this queue."""
        return next((c for c in self.all.values() if (c.pbx, c.queue, c.address) == (pbx, queue, address)), None)

    async def cancel(self, callback_id: str) -> Callback:
        """Call it off. Raises ``NotFound``, or ``Conflict`` while the customer is being called."""
        async with self._turn:
            one = self.all.get(callback_id)
            if one is None:
                raise NotFound(callback_id)
            if one.state == "dialling":
                raise Conflict("It is this callback's turn now; it cannot be cancelled any more.")
            return await self._move(one, "withdrawn", "cancelled")

    # --- in line -------------------------------------------------------------------------------------

    def _appoint(self, one: Callback) -> None:
        """When something is to be done about it next."""
        now = self.hub.wall()
        if one.state == "dialling":
            self.hub.timers.start(TIMER + one.id, LOOK_SECONDS)
        elif one.not_before > now:
            self.hub.timers.start(TIMER + one.id, min(one.not_before, one.expires_at) - now)
        else:
            self._stand(one)
            self.hub.timers.start(TIMER + one.id, max(0.0, one.expires_at - now))

    def fired(self, key: str) -> bool:
        """A timer ran out; whether it was ours."""
        if not key.startswith(TIMER):
            return False
        one = self.all.get(key.removeprefix(TIMER))
        if one is not None:
            self.hub.spawn(self._look(one.id))
        return True

    async def _look(self, callback_id: str) -> None:
        async with self._turn:
            one = self.all.get(callback_id)
            if one is None:
                return
            if one.state == "dialling":
                await self._look_for_the_call(one)
            elif self.hub.wall() >= one.expires_at:
                await self._move(one, "time_over", "expired")
            else:
                self._appoint(one)

    async def _look_for_the_call(self, one: Callback) -> None:
        calls = [i for i in self.hub.distributor.interactions.values() if _is_try(i, one)]
        if any(not call.ended for call in calls):
            self._appoint(one)
        elif calls:
            await self._judged(one, calls[-1])
        else:
            await self._move(one, "not_tried", "no_call")

    def _stand(self, one: Callback) -> None:
        """It becomes a contact in line: due since it was asked for, or since the time that was asked for."""
        of = _stay(one)
        self._of[of] = one.id
        if of in self.hub.distributor.interactions:
            return  # it stands there since before a restart
        at = max(one.since, one.not_before)
        started = e.InteractionStarted(
            at=at, interaction_id=of, pbx=one.pbx, channel="callback", direction="inbound",
            customer_address=one.address, customer_name=one.name or None, dialled=None, unique_id="", linked_id="",
        )  # fmt: skip
        self.hub.take([started, e.QueueEntered(at=at, interaction_id=of, queue=one.queue)])

    # --- called --------------------------------------------------------------------------------------

    def accepted(self, interaction: str, agent: str) -> None:
        """An agent takes it: the customer is called from her telephone."""
        one = self.all.get(self._of.get(interaction, ""))
        if one is not None:
            self.hub.spawn(self._call(one.id, agent))

    async def _call(self, callback_id: str, agent: str) -> None:
        """Stored first: after a crash nobody is called twice."""
        async with self._turn:
            one = self.all.get(callback_id)
            if one is None or one.state != "waiting":
                return
            one = await self._move(one, "turn_came")
            if self._calls_himself(one):
                await self._move(one, "not_tried", "called_again")
                return
            self.hub.take([e.CallbackAttempted(at=self.hub.wall(), callback_id=one.id, attempt=one.attempts)])
        self._lifting.add(one.id)
        try:
            outcome = await self.hub.desk.call_for(agent, one.address, one.pbx, one.queue)
        finally:
            self._lifting.discard(one.id)
        async with self._turn:
            if self.all.get(one.id) is not one:
                return
            if not outcome.ok:
                await self._move(one, "not_tried", outcome.code or "failed")
                return
            over = [i for i in self.hub.distributor.interactions.values() if i.ended and _is_try(i, one)]
            if over:
                await self._judged(one, over[-1])

    def _calls_himself(self, one: Callback) -> bool:
        """Whether he waits or talks now: he has his place, and his telephone is busy with us."""
        calls = self.hub.distributor.interactions.values()
        mine = (call for call in calls if call.customer_address == one.address and call.direction == "inbound")
        return any(call.channel == "voice" and not call.ended for call in mine)

    def _ended(self, event: e.InteractionEnded) -> None:
        call = self.hub.distributor.interactions.get(event.interaction_id)
        if call is None or call.channel != "voice" or call.direction != "outbound":
            return
        for one in list(self.all.values()):
            if one.state == "dialling" and one.id not in self._lifting and _is_try(call, one):
                self.hub.spawn(self._judge(one.id, call))

    async def _judge(self, callback_id: str, call: Interaction) -> None:
        async with self._turn:
            one = self.all.get(callback_id)
            if one is not None and one.state == "dialling":
                await self._judged(one, call)

    async def _judged(self, one: Callback, call: Interaction) -> None:
        trigger: Trigger = "reached" if call.answered else "not_reached"
        await self._move(one, trigger, "answered" if call.answered else call.outcome or "failed", call)

    def _connected(self, event: e.AgentConnected) -> None:
        """He called himself meanwhile, and somebody talks to him."""
        call = self.hub.distributor.interactions.get(event.interaction_id)
        if call is None or call.channel != "voice" or call.direction != "inbound" or call.customer_address is None:
            return
        for one in list(self.all.values()):
            if one.state == "waiting" and one.address == call.customer_address:
                self.hub.spawn(self._called_again(one.id, call))

    async def _called_again(self, callback_id: str, call: Interaction) -> None:
        async with self._turn:
            one = self.all.get(callback_id)
            if one is not None and one.state == "waiting":
                await self._move(one, "reached", "called_again", call)

    # --- how it goes on ------------------------------------------------------------------------------

    async def _move(self, one: Callback, trigger: Trigger, result: str | None = None, call: Any = None) -> Callback:
        """The one place where a callback's state changes."""
        changed = moved(one, trigger, self.hub.wall(), self.rules, result)
        if changed is one:
            return one
        await self.store.put(changed)
        self.all[one.id] = changed
        if trigger == "turn_came":
            self._appoint(changed)
            return changed
        self._out_of_line(one, self._outcome(trigger, call), call)
        if changed.open:
            self._appoint(changed)
            return changed
        del self.all[one.id]
        self.hub.timers.cancel(TIMER + one.id)
        told = e.CallbackClosed(
            at=self.hub.wall(), callback_id=one.id, state=cast("_Over", changed.state), result=changed.result,
            closed_by=call.id if call is not None else None,
        )  # fmt: skip
        self.hub.take([told])
        return changed

    @staticmethod
    def _outcome(trigger: Trigger, call: Interaction | None) -> e.Outcome:
        if trigger == "reached":
            return "answered"
        return _OVER.get(trigger) or (call.outcome if call is not None and call.outcome is not None else "failed")

    def _out_of_line(self, one: Callback, outcome: e.Outcome, call: Interaction | None) -> None:
        """The contact that stood in line, or was in an agent's hands, is over."""
        for of in [of for of, callback in self._of.items() if callback == one.id]:
            del self._of[of]
            contact = self.hub.distributor.interactions.get(of)
            if contact is not None and not contact.ended:
                by = call.ended_by if call is not None else "system"
                now = self.hub.wall()
                self.hub.take([e.InteractionEnded(at=now, interaction_id=of, outcome=outcome, ended_by=by)])


def _stay(one: Callback) -> str:
    """The id of the contact as which it stands in line this time."""
    return interaction_id("callback", one.id, str(int(one.not_before * 1000)))


def _waits_for(contact: Interaction, one: Callback) -> bool:
    """Whether this is the contact of before a restart as which it waits or is called."""
    return (contact.pbx, contact.queue, contact.customer_address) == (one.pbx, one.queue, one.address)


def _is_try(call: Interaction, one: Callback) -> bool:
    """Whether this is the call of this try: outbound to the same number, begun after it."""
    fits = (call.channel, call.direction, call.customer_address) == ("voice", "outbound", one.address)
    return fits and (call.started_at or 0.0) >= one.not_before - CLOCK_SECONDS
