"""``/api/alarm-rules`` and ``/api/alarms``: thresholds of queues, and the alarms that were raised with their ends."""

from dataclasses import asdict
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Query
from pydantic import Field, model_validator

from agent_console.alarms import AlarmAccess
from agent_console.deps import ConsoleDeps
from agent_console.models import Body, Cursor, Limit, QueueName, Text
from agent_console.models import Query as Asked
from agent_console.problems import Problem
from agent_console.rest import capped, moment
from agent_console.sessions import Principal, may, sight_of
from interaction_log.alarms import AlarmRule, Level, Measure, WindowName
from interaction_log.rights import Sight

_Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_Delay = Annotated[float, Field(ge=0, le=3_600)]
MOST_SECONDS = 86_400.0
MOST_CONTACTS = 10_000.0


class QuietTime(Body):
    """Clock times in the site's zone, ``HH:MM``; it may go over midnight."""

    begin: Annotated[_Clock, Field(alias="from")]
    end: Annotated[_Clock, Field(alias="until")]

    def minutes(self) -> tuple[int, int]:
        """Of the day."""
        return _minute(self.begin), _minute(self.end)


class RuleBody(Body):
    """A threshold (``interaction_log.alarms.AlarmRule``). ``limit``: contacts, seconds or percent, by ``measure``."""

    name: Text
    measure: Measure
    limit: Annotated[float, Field(ge=0, le=MOST_SECONDS)]
    clear_at: Annotated[float, Field(ge=0, le=MOST_SECONDS)] | None = None
    pbx: Annotated[str, Field(max_length=80)] | None = None
    queue: QueueName | None = None
    channel: Annotated[str, Field(pattern=r"^(voice|chat|email|callback)$")] | None = None
    combined: bool = False
    window: WindowName = "half_hour"
    least: Annotated[int, Field(ge=1, le=10_000)] = 5
    raise_after: _Delay = 0.0
    clear_after: _Delay = 10.0
    quiet: QuietTime | None = None
    level: Level = "warning"
    sound: bool = False
    enabled: bool = True

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        rate = self.measure in ("service_level", "abandon_rate")
        most = 100.0 if rate else MOST_SECONDS if self.measure == "longest_wait" else MOST_CONTACTS
        if self.limit > most:
            raise ValueError(f"limit: at most {most:.0f} here")
        if self.measure not in ("nobody_ready", "service_level") and self.limit == 0:
            raise ValueError("limit: 0 would always be reached")
        below = self.measure == "service_level"
        if self.clear_at is not None and (self.clear_at < self.limit if below else self.clear_at >= self.limit):
            raise ValueError("clear_at: must be on the other side of the limit")
        return self

    def given(self) -> dict[str, Any]:
        """Fields of an ``AlarmRule``."""
        quiet = self.quiet.minutes() if self.quiet is not None else None
        return {**self.model_dump(exclude={"version"}), "quiet": quiet}


class RuleChange(RuleBody):
    """The whole rule as it shall be; ``version``: refused if it was changed meanwhile."""

    version: Annotated[int, Field(ge=1)]


class AlarmsQuery(Asked):
    """``from`` and ``to``: RFC 3339 times between which alarms were raised."""

    since: Annotated[str | None, Field(alias="from")] = None
    until: Annotated[str | None, Field(alias="to")] = None
    queue: QueueName | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(prefix="/api", tags=["alarms"])
    if deps.alarms is not None:
        _rules(router, deps, deps.alarms)
        _history(router, deps, deps.alarms)
    return router


def _rules(router: APIRouter, deps: ConsoleDeps, access: AlarmAccess) -> None:
    stored = access.stored

    @router.get("/alarm-rules")
    async def rules(who: Annotated[Principal, Depends(may(deps, "live.read"))]) -> dict[str, Any]:
        """The thresholds of queues in sight."""
        sight = await sight_of(deps, who.user)
        return {"items": [rule_view(rule) for rule in await stored.rules() if _in_sight(rule.queue, sight)]}

    @router.post("/alarm-rules", status_code=201)
    async def make(body: RuleBody, who: Annotated[Principal, Depends(may(deps, "supervise.alarms"))]) -> dict[str, Any]:
        """A new threshold; it counts at once."""
        await _seen(deps, who, body.queue)
        rule = await stored.make_rule(body.given(), who.user.name, deps.wall())
        await _done(deps, access, who, "make_alarm_rule", rule)
        return rule_view(rule)

    @router.put("/alarm-rules/{rule_id}")
    async def change(
        rule_id: str, body: RuleChange, who: Annotated[Principal, Depends(may(deps, "supervise.alarms"))]
    ) -> dict[str, Any]:
        """Change it: an alarm that it raised is over, and raised anew where the new threshold is reached."""
        await _own(deps, who, access, rule_id)
        await _seen(deps, who, body.queue)
        rule = await stored.change_rule(rule_id, body.given(), body.version, who.user.name, deps.wall())
        await _done(deps, access, who, "change_alarm_rule", rule)
        return rule_view(rule)

    @router.delete("/alarm-rules/{rule_id}", status_code=204)
    async def remove(rule_id: str, who: Annotated[Principal, Depends(may(deps, "supervise.alarms"))]) -> None:
        """Take it away, and end its alarms."""
        rule = await _own(deps, who, access, rule_id)
        await stored.remove_rule(rule_id)
        await _done(deps, access, who, "remove_alarm_rule", rule)


def _history(router: APIRouter, deps: ConsoleDeps, access: AlarmAccess) -> None:
    @router.get("/alarms")
    async def alarms(
        query: Annotated[AlarmsQuery, Query()], who: Annotated[Principal, Depends(may(deps, "live.read"))]
    ) -> dict[str, Any]:
        """Alarms of queues and agents in sight, newest first; what is about neither, for who sees everything."""
        sight = await sight_of(deps, who.user)
        queues = None if sight.everything else sorted(sight.queues)
        items, cursor = await access.stored.page(
            since=moment("from", query.since),
            until=moment("to", query.until),
            queue=query.queue,
            limit=capped(query.limit),
            cursor=query.cursor,
            within=queues,
            agents=sorted(sight.agents),
        )
        return {"items": [asdict(one) for one in items], "next": cursor}


async def _own(deps: ConsoleDeps, who: Principal, access: AlarmAccess, rule_id: str) -> AlarmRule:
    """The rule, if it is in sight."""
    sight = await sight_of(deps, who.user)
    rule = next((one for one in await access.stored.rules() if one.id == rule_id), None)
    if rule is None or not _in_sight(rule.queue, sight):
        raise Problem(404, "There is no such rule.")
    return rule


async def _seen(deps: ConsoleDeps, who: Principal, queue: str | None) -> None:
    if not _in_sight(queue, await sight_of(deps, who.user)):
        raise Problem(400, "The request is not valid.", [("queue", "must be a queue of your teams")])


def _in_sight(queue: str | None, sight: Sight) -> bool:
    return sight.everything if queue is None else sight.sees_queue(queue)


async def _done(deps: ConsoleDeps, access: AlarmAccess, who: Principal, action: str, rule: AlarmRule) -> None:
    details = {"name": rule.name, "measure": rule.measure, "limit": f"{rule.limit:g}", "queue": rule.queue or "*"}
    deps.live.administered(who.user.name, action, rule.id, details)
    await access.changed()


def rule_view(rule: AlarmRule) -> dict[str, Any]:
    """A rule as the API gives it."""
    quiet = {"from": _clock(rule.quiet[0]), "until": _clock(rule.quiet[1])} if rule.quiet is not None else None
    return asdict(rule) | {"quiet": quiet}


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
