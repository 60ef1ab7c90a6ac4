"""Callbacks: taken at call entry, called when their turn comes, closed by what the log shows of the call.

The decision whose turn it is, is ``routing.callbacks``. Near the head of the line a Local channel (a stand-in) waits in
the PBX's queue at the caller's place; the agent who answers it is connected with the customer's phone, which is dialled
then. The tracker sees that as any outbound call, so that the outcome is read from the interaction; and whether the
stand-in is still there, is read from the tracker's channels.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

import phonenumbers

from cti_gateway.agi.lines import Question, Variables
from cti_gateway.ami import actions
from cti_gateway.ami.encode import EncodeError
from cti_gateway.ami.session import AskFailed
from cti_gateway.dialling import dial_string
from cti_gateway.entry import Entry, agents_of, call_id, waiting_since
from cti_gateway.hub import Hub
from cti_gateway.pbx import Pbx
from interaction_log import events as e
from interaction_log.callback import Callback
from interaction_log.identity import caller_address
from interaction_log.interaction import Interaction
from interaction_log.records import Conflict, NotFound
from routing.callbacks import CallbackRules, Trigger, expired, moved, turns
from routing.entry import place_of

log = logging.getLogger(__name__)

CHANNEL: Final = "Local/s@callweave-callback/n"
"""What waits in the queue for the customer; the context is in the sample ``extensions.conf``."""
WAIT_SECONDS: Final = 1800.0
"""How long it waits there for an agent; the same number stands in the dialplan. After that another takes its place."""
APPEAR_SECONDS: Final = 5.0
"""So long the PBX may take to show the stand-in, and the customer's call after it is gone."""
CLOCK_SECONDS: Final = 1.0
"""How far the PBX's clock may be behind ours."""
LOOK_SECONDS: Final = 1.0
PUT_SECONDS: Final = 0.5
"""How long a caller waits for the promise to be on disk; then we make none."""
MOST_OPEN: Final = 2_000
_NEVER: Final = frozenset({phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST})
"""Kinds of numbers that nobody is called back on: a caller id can be forged, and such a call costs us."""


class Stored(Protocol):
    """What is needed of ``store.callbacks``."""

    async def open(self) -> list[Callback]:
        """Those that are not over."""
        ...

    async def put(self, one: Callback) -> None:
        """Create or replace."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """``region``: ISO 3166-1 alpha-2; ``abroad``: whether numbers of other countries are called back."""

    region: str
    abroad: bool = False
    rules: CallbackRules = field(default_factory=CallbackRules)


class Line(Protocol):
    """The one line of chats, mails and callbacks (``console_callbacks``)."""

    async def promise(self, wanted: Callback) -> bool:
        """Take one in; on disk when it returns. False: no promise."""
        ...

    def find(self, pbx: str, queue: str, address: str) -> Callback | None:
        """The open one of this number for this queue."""
        ...


class Callbacks:
    """All open callbacks for which something waits in the PBX's queue; others are passed on to ``line``."""

    def __init__(
        self, hub: Hub, entry: Entry, store: Stored, policy: Policy, *, wall: Callable[[], float] = time.time
    ) -> None:
        self.hub, self.entry, self.store, self.policy, self.wall = hub, entry, store, policy, wall
        self.all: dict[str, Callback] = {}
        self.line: Line | None = None
        """Who is asked for by key stands there, where his queue's callbacks are made at consoles."""
        self._missing: dict[str, float] = {}
        """Since when a stand-in is not there, by callback."""
        self._turn = asyncio.Lock()
        """What is looked at and what people call off do not meet."""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take over what the store has, and begin to look."""
        for one in await self.store.open():
            if one.way == "queue":
                self.all[one.id] = one
        self._task = asyncio.create_task(self._keep_looking())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def stand_ins(self, pbx: str, queue: str) -> tuple[float, ...]:
        """Since when those wait whose place in the PBX's queue is taken."""
        mine = (c for c in self.all.values() if (c.pbx, c.queue, c.state) == (pbx, queue, "dialling"))
        return tuple(one.since for one in mine)

    def promised(self, pbx: str, queue: str, since: float, but: str | None) -> int:
        """How many of them are due, and were before ``since``; another's than this address's."""
        now = self.wall()
        mine = [c for c in self.all.values() if (c.pbx, c.queue) == (pbx, queue) and c.address != but]
        return sum(c.since <= since and (c.state == "dialling" or c.not_before <= now < c.expires_at) for c in mine)

    def find(self, pbx: str, queue: str, address: str) -> Callback | None:
        """The open callback of this caller for this queue."""
        mine = (c for c in self.all.values() if (c.pbx, c.queue, c.address) == (pbx, queue, address))
        found = next((one for one in mine if one.open), None)
        return self.line.find(pbx, queue, address) if found is None and self.line is not None else found

    # --- asked for -----------------------------------------------------------------------------------

    async def request(self, question: Question) -> Variables:
        """The dialplan asks for a callback: ``accepted``, ``kept`` (there is one already) or ``refused``."""
        pbx, address = self.entry.pbx_of(question), caller_address(question.number, self.policy.region)
        if pbx is None or address is None:
            return [("CALLWEAVE_CALLBACK", "refused")]
        rules = self.entry.rules_of(pbx.name, question)
        since, interaction = self._place(pbx, rules.queue, question.unique_id)
        place = place_of(since, waiting_since(self._interactions(), pbx.name, rules.queue))
        ahead = self.entry.ahead(pbx.name, rules.queue, address, since)
        told = [("CALLWEAVE_POSITION", str(place)), ("CALLWEAVE_AHEAD", str(ahead))]
        if self.find(pbx.name, rules.queue, address) is not None:
            return [("CALLWEAVE_CALLBACK", "kept"), *told]
        if not rules.callback or not self.may_call(address) or len(self.all) >= MOST_OPEN:
            return [("CALLWEAVE_CALLBACK", "refused"), *told]
        line = self.line if rules.callback_by == "console" else None
        taken = await self._promise(pbx.name, rules.queue, address, question.name, since, interaction, line)
        return [("CALLWEAVE_CALLBACK", "accepted" if taken else "refused"), *told]

    async def _promise(
        self, pbx: str, queue: str, address: str, name: str, since: float, interaction: str | None, line: Line | None
    ) -> bool:
        now = self.wall()
        expires = now + self.policy.rules.expire_seconds
        one = Callback(
            id=str(uuid.uuid4()), pbx=pbx, queue=queue, address=address, name=name[:80], since=since,
            requested_at=now, expires_at=expires, requested_in=interaction,
        )  # fmt: skip
        if line is not None:
            return await self._passed_on(one, line)
        self.all[one.id] = one  # at once, so that a second question finds it
        try:
            await asyncio.wait_for(self.store.put(one), PUT_SECONDS)
        except Exception as error:  # whatever the store says: no promise that would not survive us
            del self.all[one.id]
            log.error("a callback could not be stored: %s", type(error).__name__)
            self.hub.spawn(self.store.put(replace(one, state="failed", result="not_promised")))  # it may come late
            return False
        asked = e.CallbackRequested(
            at=now, callback_id=one.id, pbx=pbx, queue=queue, address=address, since=since, expires_at=expires,
            requested_in=interaction,
        )  # fmt: skip
        self.hub.take([asked])
        return True

    async def _passed_on(self, one: Callback, line: Line) -> bool:
        """Into the one line, at the place that he had in the queue."""
        try:
            async with asyncio.timeout(PUT_SECONDS):
                return await line.promise(one)
        except TimeoutError:
            log.error("a callback could not be stored in time")
            self.hub.spawn(self.store.put(replace(one, state="failed", result="not_promised")))  # it may come late
            return False

    def _place(self, pbx: Pbx, queue: str, unique_id: str) -> tuple[float, str | None]:
        """When this call entered the queue (now, if it did not), and which interaction it is."""
        one = self.hub.distributor.interactions.get(call_id(pbx, unique_id))
        if one is None:
            return self.wall(), None
        entered = [v.entered_at for v in one.queue_visits if v.queue == queue and v.entered_at is not None]
        return (entered[-1] if entered else self.wall()), one.id

    def may_call(self, address: str) -> bool:
        """Whether this is a number that a caller may have us dial."""
        return may_call(address, self.policy.region, self.policy.abroad)

    async def cancel(self, callback_id: str) -> Callback:
        """An agent cancels it. Raises ``NotFound``, or ``Conflict`` while an agent or the customer is rung for it."""
        async with self._turn:
            one = self.all.get(callback_id)
            if one is None:
                raise NotFound(callback_id)
            if one.state == "dialling":
                raise Conflict("It is this callback's turn now; it cannot be cancelled any more.")
            return await self._move(one, "withdrawn", "cancelled")

    # --- called back ---------------------------------------------------------------------------------

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.all:
                try:
                    async with self._turn:
                        await self.look()
                except Exception:  # one that cannot be handled must not stop the others
                    log.exception("the callbacks could not be looked at")

    async def look(self) -> None:
        """See what became of those that are called, whose time is over, whose turn it is."""
        now = self.wall()
        for one in expired(list(self.all.values()), now):
            await self._move(one, "time_over", "expired")
        calls: dict[tuple[str, str | None], list[Interaction]] = {}
        for call in self._interactions():
            calls.setdefault((call.pbx, call.customer_address), []).append(call)
        for one in list(self.all.values()):
            await self._follow(one, calls.get((one.pbx, one.address), []))
        for pbx, queue in {(c.pbx, c.queue) for c in self.all.values() if c.state == "waiting"}:
            await self._call_those_due(pbx, queue, now)

    async def _follow(self, one: Callback, mine: list[Interaction]) -> None:
        again = next((i for i in mine if i.direction == "inbound" and (i.answered_at or 0.0) > one.requested_at), None)
        if one.state == "waiting":
            if again is not None:
                await self._move(one, "reached", "called_again", again.id)
            return
        call = next((i for i in mine if _is_try(i, one)), None)
        if call is not None:
            await self._judge(one, call)
        elif any(i.direction == "inbound" and not i.ended for i in mine):
            await self._call_off(one)
        elif self._is_gone(one):
            await self._move(one, "not_tried", "no_agent")

    async def _call_off(self, one: Callback) -> None:
        """The customer calls again and waits at his place: nothing shall stand in for him."""
        pbx = self.hub.pbxs[one.pbx]
        with suppress(AskFailed):
            await pbx.link.ask(actions.Action("Hangup", (("Channel", stand_in(one)),)))
        await self._move(one, "not_tried", "called_again")

    def _is_gone(self, one: Callback) -> bool:
        """Whether the stand-in has not been there for some seconds, though the PBX tells us everything."""
        pbx = self.hub.pbxs.get(one.pbx)
        if pbx is None or pbx.ready_since is None or stand_in(one) in pbx.tracker.topology.by_id:
            self._missing.pop(one.id, None)
            return False
        return self._clock() - self._missing.setdefault(one.id, self._clock()) > APPEAR_SECONDS

    async def _judge(self, one: Callback, call: Interaction) -> None:
        if call.answered:
            await self._move(one, "reached", "answered", call.id)
        elif call.ended and any("Local/" in unique_id for unique_id in call.unique_ids):
            await self._move(one, "not_tried", "no_agent")  # our half never left the queue: the PBX names no call
        elif call.ended:
            await self._move(one, "not_reached", call.outcome or "failed", call.id)

    async def _call_those_due(self, name: str, queue: str, now: float) -> None:
        pbx, rules = self.hub.pbxs.get(name), self.entry.rules.get((name, queue))
        if pbx is None or pbx.ready_since is None or (rules is not None and not rules.open_at(now)):
            return
        talking = {i.customer_address for i in self._interactions() if i.pbx == name and not i.ended}
        line = [c for c in self.all.values() if (c.pbx, c.queue) == (name, queue)]
        line = [c for c in line if c.state == "dialling" or c.address not in talking]  # who waits himself is not called
        entered = waiting_since(self._interactions(), name, queue)
        for one in turns(line, entered, agents_of(self.hub.distributor, name, queue), now):
            await self._dial(pbx, one, place_of(one.since, (*entered, *self.stand_ins(name, queue))))

    async def _dial(self, pbx: Pbx, one: Callback, place: int) -> None:
        """Stored first: after a crash nobody is called twice."""
        one = await self._move(one, "turn_came")
        self.hub.take([e.CallbackAttempted(at=self.wall(), callback_id=one.id, attempt=one.attempts)])
        rules = self.entry.rules.get((one.pbx, one.queue))
        told = [("QUEUE", one.queue), ("POSITION", str(place)), ("PRIORITY", str(rules.priority if rules else 0))]
        try:
            exten = dial_string(one.address, pbx.profile)
            action = actions.originate(
                CHANNEL, exten=exten, context=pbx.context, timeout=WAIT_SECONDS, caller_number=exten,
                variables=[(f"__CALLWEAVE_{name}", value) for name, value in told],
            )  # fmt: skip
            await pbx.link.ask(actions.Action(action.name, (*action.headers, ("ChannelId", stand_in(one)))))
        except (AskFailed, EncodeError) as error:
            log.warning("PBX %s: a callback could not be begun: %s", pbx.name, error)
            await self._move(one, "not_tried", "refused")

    async def _move(
        self, one: Callback, trigger: Trigger, result: str | None = None, call: str | None = None
    ) -> Callback:
        """The one place where a callback's state changes."""
        changed = moved(one, trigger, self.wall(), self.policy.rules, result)
        if changed is one:
            return one
        self._missing.pop(one.id, None)
        await self.store.put(changed)
        self.all[one.id] = changed
        if changed.state != "waiting" and changed.state != "dialling":  # noqa: PLR1714 (mypy reads it only so)
            del self.all[one.id]
            closed = e.CallbackClosed(
                at=self.wall(), callback_id=one.id, state=changed.state, result=result, closed_by=call
            )
            self.hub.take([closed])
        return changed

    def _interactions(self) -> Sequence[Interaction]:
        return list(self.hub.distributor.interactions.values())

    @staticmethod
    def _clock() -> float:
        return asyncio.get_running_loop().time()


def may_call(address: str, region: str, abroad: bool) -> bool:
    """Whether this number (E.164) may be called back: valid, of our country (or ``abroad``), of no costly kind."""
    if not address.startswith("+"):
        return False
    try:
        number = phonenumbers.parse(address, None)
    except phonenumbers.NumberParseException:
        return False
    near = abroad or number.country_code == phonenumbers.country_code_for_region(region)
    return near and phonenumbers.is_valid_number(number) and phonenumbers.number_type(number) not in _NEVER


def stand_in(one: Callback) -> str:
    """The Uniqueid of what waits in the queue for this try, as Asterisk's look: something, seconds, a number."""
    return f"callweave{one.id.replace('-', '')}-{int(one.not_before)}.{one.attempts}"


def _is_try(call: Interaction, one: Callback) -> bool:
    """Whether this is the call of this try: outbound to the same number, begun after it."""
    return call.direction == "outbound" and (call.started_at or 0.0) >= one.not_before - CLOCK_SECONDS
