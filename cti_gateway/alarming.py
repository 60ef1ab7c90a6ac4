"""Alarms at work: figures and limits raise and clear them, supervisors see them, the database keeps them.

What is raised is held here and shown to whoever comes late. Writing follows behind in order; while the database is away
it waits, and what is shown does not.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

from agent_console.wire import AlarmView, QueueView
from interaction_log.alarms import Alarm, AlarmRule, Target
from routing import commands as c
from routing.alarms import Alarms, Change, Raised
from routing.limits import NOT_RESPONDING

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)

TICK: Final = "alarms:tick"
SOON_SECONDS: Final = 1.0
"""How often figures are compared while somebody waits or an alarm is raised: a wait grows without an event."""
CALM_SECONDS: Final = 5.0
"""And else: what leaves the last half hour changes a rate."""
RETRY_SECONDS: Final = 5.0
STATES: Final = ("stuck_offered", "stuck_wrap_up", "pause_too_long", "agent_not_responding", "dead_call")
"""Limits (``routing.limits``) that are over when the state that they are about ends."""


class Kept(Protocol):
    """Where rules and alarms are: ``store.alarms``."""

    async def rules(self) -> list[AlarmRule]:
        """All rules."""
        ...

    async def raised(self) -> list[Alarm]:
        """Alarms that did not end."""
        ...

    async def put(self, one: Alarm) -> None:
        """Write an alarm as it is now."""
        ...


class Alarming:
    """Which alarms are raised, for supervisors."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._kept: Kept | None = None
        self._alarms = Alarms()
        self._targets: dict[Target, str] = {}
        self._raised: dict[str, Alarm] = {}
        self._unwritten: dict[str, Alarm] = {}
        self._writer: asyncio.Task[None] | None = None

    async def load(self, kept: Kept) -> None:
        """Rules, and what was raised when the process before ours ended. Call before any event."""
        self._kept = kept
        self._alarms.set_rules(await kept.rules(), self._hub.wall())
        for one in await kept.raised():
            target = (one.rule or "", one.pbx or "", one.queue or "", one.channel or "")
            if one.rule in self._alarms.rules:
                self._raised[one.id] = one
                self._targets[target] = one.id
            else:  # a limit raises anew what still lasts
                self._write(replace(one, cleared_at=self._hub.wall(), ended="restart"))
        self._alarms.restore(self._targets)
        self._wind()

    async def rules_changed(self) -> None:
        """Somebody changed a threshold."""
        if self._kept is not None:
            rules = await self._kept.rules()
            self._tell(self._alarms.set_rules(rules, self._hub.wall()))
            self._hub.board.changed()
            self._wind()

    # --- figures ---------------------------------------------------------------------------------------

    def look(self, views: Iterable[QueueView]) -> None:
        """Compare with figures that were just counted."""
        now = self._hub.wall()
        local = datetime.fromtimestamp(now, self._hub.live.counts.zone)
        readings = self._hub.live.readings(views)
        self._tell(self._alarms.look(readings, now, local.hour * 60 + local.minute), self._over(now))
        self._wind()

    def fired(self, key: str) -> bool:
        """A timer ran out; whether it was ours."""
        if key == TICK:
            self._hub.board.changed()
            self._wind()
        return key == TICK

    def _wind(self) -> None:
        """The next look, where time alone may change something and somebody cares."""
        timers = self._hub.timers
        if timers.running(TICK) or not (self._alarms.rules or self._raised or self._hub.screens.overseen):
            return
        soon = self._alarms.rules and (self._hub.live.counts.waiting() or self._alarms.raised())
        timers.start(TICK, SOON_SECONDS if soon or self._raised else CALM_SECONDS)

    def _tell(self, changes: Iterable[Change], cleared: Iterable[Alarm] = ()) -> None:
        raised: list[str] = []
        over = list(cleared)
        for change in changes:
            if isinstance(change, Raised):
                one = _of_rule(change)
                self._raised[one.id] = one
                self._targets[change.target] = one.id
                raised.append(one.id)
                self._write(one)
            else:
                over += self._clear(self._targets.pop(change.target, ""), change.at, change.why)
        if raised or over:
            self._publish(raised, over)

    def _clear(self, alarm_id: str, at: float, why: str) -> list[Alarm]:
        one = self._raised.pop(alarm_id, None)
        if one is None:
            return []
        over = replace(one, cleared_at=at, ended=why)
        self._write(over)
        return [over]

    # --- limits ----------------------------------------------------------------------------------------

    def noticed(self, command: c.NotifySupervisors) -> None:
        """A limit told supervisors something: what lasts is an alarm until it is over."""
        if command.code not in STATES:
            return
        params = dict(command.params)
        about = params.get("agent") or params.get("interaction_id")
        for one in self._raised.values():
            if one.code == command.code and about in (one.params.get("agent"), one.params.get("interaction_id")):
                return
        call = self._hub.distributor.interactions.get(params.get("interaction_id", ""))
        queue = call.queue if call is not None and "agent" not in params else None  # whose supervisors are to see it
        one = Alarm(
            id=str(uuid.uuid4()), code=command.code, raised_at=self._hub.wall(), params=params, queue=queue,
            pbx=call.pbx if call is not None and queue is not None else None,
        )  # fmt: skip
        self._raised[one.id] = one
        self._write(one)
        self._publish([one.id], [])
        self._wind()

    def _over(self, now: float) -> list[Alarm]:
        """Alarms of limits whose state ended."""
        gone = [one.id for one in self._raised.values() if one.code in STATES and not self._lasts(one)]
        return [over for alarm_id in gone for over in self._clear(alarm_id, now, "over")]

    def _lasts(self, one: Alarm) -> bool:
        live = self._hub.distributor
        if one.code == "dead_call":
            call = live.interactions.get(one.params.get("interaction_id", ""))
            return call is not None and not call.ended
        agent = live.agents.get(one.params.get("agent", ""))
        if agent is None:
            return False
        if one.code == "stuck_offered":
            return agent.state == "OFFERED"
        if one.code == "stuck_wrap_up":
            return agent.state == "WRAP_UP"
        reason = NOT_RESPONDING if one.code == "agent_not_responding" else one.params.get("reason", "")
        return agent.state == "NOT_READY" and (agent.reason or "") == reason

    # --- people ----------------------------------------------------------------------------------------

    def find(self, alarm_id: str) -> Alarm | None:
        """One that is raised."""
        return self._raised.get(alarm_id)

    def acknowledge(self, alarm_id: str, by: str) -> bool:
        """Somebody looks after it; ``False``: it is over."""
        one = self._raised.get(alarm_id)
        if one is None:
            return False
        if one.acknowledged_by is None:
            self._raised[one.id] = replace(one, acknowledged_by=by, acknowledged_at=self._hub.wall())
            self._write(self._raised[one.id])
            self._publish([], [])
        return True

    def views(self) -> list[AlarmView]:
        """Those that are raised, newest first, with what is measured now."""
        values = {alarm_id: self._alarms.value(target) for target, alarm_id in self._targets.items()}
        found = [self._view(one, values.get(one.id)) for one in self._raised.values()]
        return sorted(found, key=lambda one: one["raised_at"], reverse=True)

    def _view(self, one: Alarm, value: float | None = None) -> AlarmView:
        """Who looks after it by her own name; the record has the user's."""
        user = self._hub.people.get(one.acknowledged_by or "")
        return view(one if user is None else replace(one, acknowledged_by=user.display_name), value)

    def _publish(self, raised: list[str], cleared: list[Alarm]) -> None:
        body = {"alarms": self.views(), "raised": raised, "cleared": [self._view(one) for one in cleared]}
        self._hub.screens.publish_supervisors("alarms", body)

    # --- the database ----------------------------------------------------------------------------------

    def _write(self, one: Alarm) -> None:
        if self._kept is None:
            return
        self._unwritten[one.id] = one
        if self._writer is None or self._writer.done():
            self._writer = self._hub.spawn(self._write_all(self._kept))

    async def _write_all(self, kept: Kept) -> None:
        while self._unwritten:
            one = next(iter(self._unwritten.values()))
            try:
                await kept.put(one)
            except Exception as error:
                log.warning("an alarm could not be written yet: %s", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if self._unwritten.get(one.id) is one:
                del self._unwritten[one.id]


def _of_rule(change: Raised) -> Alarm:
    rule = change.rule
    _, pbx, queue, channel = change.target
    return Alarm(
        id=str(uuid.uuid4()),
        code="threshold",
        raised_at=change.at,
        level=rule.level,
        rule=rule.id,
        name=rule.name,
        measure=rule.measure,
        sound=rule.sound,
        pbx=pbx or None,
        queue=queue or None,
        channel=channel or None,
        value=change.value,
        limit=rule.limit,
    )


def view(one: Alarm, value: float | None = None) -> AlarmView:
    """An alarm as screens have it; ``value``: what is measured now."""
    return {
        "id": one.id,
        "code": one.code,
        "rule": one.rule,
        "name": one.name,
        "level": one.level,
        "sound": one.sound,
        "measure": one.measure,
        "pbx": one.pbx,
        "queue": one.queue,
        "channel": one.channel,
        "value": one.value if value is None else value,
        "limit": one.limit,
        "params": one.params,
        "raised_at": one.raised_at,
        "cleared_at": one.cleared_at,
        "acknowledged_by": one.acknowledged_by,
        "acknowledged_at": one.acknowledged_at,
    }
