"""``/api/reports``: reports, what is behind their numbers, the check that they add up, orders, schedules by mail."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import Field

from agent_console.deps import ConsoleDeps
from agent_console.models import Body
from agent_console.problems import Problem
from agent_console.reports import ReportAccess
from agent_console.rest_customers import UPLOAD, uploaded
from agent_console.sentences import coded
from agent_console.sessions import Principal, may, sight_of
from interaction_log import metrics, report_files
from interaction_log.periods import STEPS, Step, known_zone, moment
from interaction_log.records import Refused
from interaction_log.reports import GROUPS, Group, Question
from interaction_log.schedules import Schedule
from interaction_log.store.reports import as_json

_Name = Annotated[str, Field(max_length=80)]
_Seconds = Annotated[float, Field(ge=0, le=86_400)]
_ADDRESS: Final = re.compile(r"[^@\s<>,;\"\x00-\x1f]{1,64}@[^@\s<>,;\"\x00-\x1f]{1,189}")


class ReportQuery(Body):
    """``from`` and ``to``: a day in the zone ``tz`` (2026-11-01) or an RFC 3339 time; the end is not in it."""

    model_config = Body.model_config | {"strict": False}
    report: metrics.Report = "queues"
    start: Annotated[str, Field(alias="from", max_length=40)]
    end: Annotated[str, Field(alias="to", max_length=40)]
    step: Step = "day"
    tz: Annotated[str, Field(max_length=64)] = "UTC"
    group: Group | None = None
    queue: _Name | None = None
    agent: _Name | None = None
    channel: _Name | None = None
    short: _Seconds = metrics.SHORT_ABANDON_SECONDS
    level: _Seconds | None = None
    repeat_days: Annotated[float, Field(gt=0, le=366)] = metrics.REPEAT_DAYS

    def question(self) -> Question:
        """What is asked; raises ``Refused`` for a time or a zone that is none."""
        return Question(
            report=self.report,
            start=_moment("from", self.start, self.tz),
            end=_moment("to", self.end, self.tz),
            step=self.step,
            zone=self.tz,
            group=self.group,
            queue=self.queue,
            agent=self.agent,
            channel=self.channel,
            short=self.short,
            level=self.level,
            repeat_days=self.repeat_days,
        )


class TableQuery(ReportQuery):
    """``format``: JSON, or a file; ``lang``: of the file's headings."""

    format: Literal["json", "csv", "xlsx"] = "json"


class BehindQuery(ReportQuery):
    """A number: its metric, its group (``key``; ``nokey``: those of none; neither: all), its period (from 0)."""

    metric: Annotated[str, Field(max_length=40)]
    key: Annotated[str, Field(max_length=200)] | None = None
    nokey: bool = False
    period: Annotated[int, Field(ge=0)] | None = None
    limit: Annotated[int, Field(ge=1)] = 50
    cursor: Annotated[str, Field(max_length=500)] | None = None


class CustomersQuery(Body):
    """``view``: one of the seven."""

    model_config = Body.model_config | {"strict": False}
    view: Literal["profile", "loyalty", "value", "mix", "outlook", "campaigns", "churn", "rfm"] = "profile"
    tz: Annotated[str, Field(max_length=64)] = "UTC"
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    format: Literal["json", "csv", "xlsx"] = "json"


class ZoneQuery(Body):
    """``tz``: of times without an offset."""

    model_config = Body.model_config | {"strict": False}
    tz: Annotated[str, Field(max_length=64)] = "UTC"


class OrdersQuery(Body):
    """``tz``: of days without a time; ``currency``: of rows without one."""

    model_config = Body.model_config | {"strict": False}
    tz: Annotated[str, Field(max_length=64)] = "UTC"
    currency: Annotated[str, Field(pattern=r"^[A-Za-z]{3}$")] = "CNY"
    dry_run: bool = False


class ScheduleBody(Body):
    """A schedule. ``question``: as in ``GET /api/reports/table``, without times and zone."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    report: metrics.Report
    step: Step = "day"
    group: Group | None = None
    queue: _Name | None = None
    agent: _Name | None = None
    channel: _Name | None = None
    every: Literal["day", "week", "month"]
    at_minute: Annotated[int, Field(ge=0, lt=1_440)]
    zone: Annotated[str, Field(max_length=64)]
    recipients: Annotated[list[Annotated[str, Field(max_length=254)]], Field(min_length=1, max_length=20)]
    format: Literal["csv", "xlsx"] = "xlsx"
    language: Annotated[str, Field(max_length=20)] = "en"
    enabled: bool = True

    def given(self) -> dict[str, Any]:
        """Fields of a ``Schedule``. Raises ``Refused``."""
        _zone("zone", self.zone)
        if self.group is not None and self.group not in GROUPS[self.report]:
            raise Refused("group", "this report cannot be grouped so")
        for n, address in enumerate(self.recipients):
            if not _ADDRESS.fullmatch(address):
                raise Refused(f"recipients.{n}", "is no mail address")
        names = ("report", "step", "group", "queue", "agent", "channel")
        question = {name: getattr(self, name) for name in names}
        return {
            **{name: getattr(self, name) for name in ("name", "every", "at_minute", "zone", "recipients")},
            **{name: getattr(self, name) for name in ("format", "language", "enabled")},
            "question": question,
        }


class ScheduleChange(ScheduleBody):
    """The whole schedule as it shall be; ``version``: refused if it was changed meanwhile."""

    version: int


class RunBody(Body):
    """Which run (Unix seconds)."""

    due_at: float


def _moment(field: str, text: str, zone: str) -> float:
    _zone("tz", zone)
    try:
        return moment(text, zone)
    except ValueError:
        raise Refused(field, "is no day (2026-11-01) and no RFC 3339 time") from None


def _zone(field: str, name: str) -> None:
    try:
        known_zone(name)
    except ValueError as error:
        raise Refused(field, str(error)) from None


@dataclass(frozen=True, slots=True)
class _Parts:
    deps: ConsoleDeps
    access: ReportAccess
    reader: Callable[[Request], Awaitable[Principal]]
    writer: Callable[[Request], Awaitable[Principal]]


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(prefix="/api/reports", tags=["reports"])
    if deps.reports is not None:
        parts = _Parts(deps, deps.reports, may(deps, "reports.read"), may(deps, "reports.write"))
        _definitions(router, parts)
        _tables(router, parts)
        _check(router, parts)
        _customers(router, parts)
        _shifts(router, parts)
        _schedules(router, parts)
        _runs(router, parts)
    return router


def _definitions(router: APIRouter, parts: _Parts) -> None:
    @router.get("")
    async def definitions(who: Annotated[Principal, Depends(parts.reader)]) -> dict[str, Any]:
        """Every number with its formula and source; reports, groups, steps; the queues and agents that there are.

        ``everybody``: whether this person sees everybody's contacts, which the check and the customers' views need.
        """
        return {
            "everybody": (await sight_of(parts.deps, who.user)).everything,
            "metrics": [
                {"name": one.name, "unit": one.unit, "formula": one.formula, "source": one.source}
                | {"reports": one.reports, "listed": one.listed is not None}
                for one in metrics.METRICS
            ],
            "reports": {name: {"groups": GROUPS[name]} for name in metrics.REPORTS},
            "steps": STEPS,
            "mail": parts.access.mail,
            **await parts.access.reports.choices(),
        }


def _tables(router: APIRouter, parts: _Parts) -> None:
    reports, wall = parts.access.reports, parts.deps.wall

    @router.get("/table", response_model=None)
    async def table(
        query: Annotated[TableQuery, Query()], who: Annotated[Principal, Depends(parts.reader)]
    ) -> dict[str, Any] | Response:
        """A report as JSON, CSV or XLSX."""
        found = await reports.table(query.question(), wall(), await sight_of(parts.deps, who.user))
        answer = await asyncio.to_thread(as_json, found)
        if query.format == "json":
            return answer
        rows = await asyncio.to_thread(report_files.rows_of, answer)
        name = f"{query.report}-{answer['periods'][0]['label'][:10]}"
        return await _file(query.format, name, rows)

    @router.get("/interactions")
    async def behind(
        query: Annotated[BehindQuery, Query()], who: Annotated[Principal, Depends(parts.reader)]
    ) -> dict[str, Any]:
        """The interactions behind a number, oldest first, and how many were counted."""
        question = query.question()
        found = await reports.behind(
            question,
            query.metric,
            key=query.key if query.key is not None or query.nokey else ...,
            period=_period(question, query.period),
            limit=query.limit,
            cursor=query.cursor,
            now=wall(),
            sight=await sight_of(parts.deps, who.user),
        )
        return {"items": found.items, "next": found.next, "count": found.count}


def _period(question: Question, number: int | None) -> tuple[float, float] | None:
    if number is None:
        return None
    try:
        edges = question.periods().edges
    except ValueError as error:
        raise Refused("to", str(error)) from None
    if number + 1 >= len(edges):
        raise Refused("period", "there is no such period")
    return edges[number], edges[number + 1]


async def _file(kind: Literal["csv", "xlsx"], name: str, rows: report_files.Rows) -> Response:
    content = await report_files.in_child(kind, [(name, rows)])
    headers = {"Content-Disposition": f'attachment; filename="{name}.{kind}"', "Cache-Control": "no-store"}
    return Response(content, media_type=report_files.TYPES[kind], headers=headers)


def _check(router: APIRouter, parts: _Parts) -> None:
    @router.get("/check")
    async def check(
        query: Annotated[ReportQuery, Query()], who: Annotated[Principal, Depends(parts.reader)]
    ) -> dict[str, Any]:
        """Whether the log adds up, by queue and hour and agent; for those who see everybody's contacts."""
        if not (await sight_of(parts.deps, who.user)).everything:
            raise Problem(403, "Your role does not allow this.")
        found = await parts.access.reports.check(query.question(), parts.deps.wall())
        return {"holds": found.holds, **asdict(found)}


def _customers(router: APIRouter, parts: _Parts) -> None:
    @router.get("/customers", response_model=None)
    async def customers(
        query: Annotated[CustomersQuery, Query()], who: Annotated[Principal, Depends(parts.reader)]
    ) -> dict[str, Any] | Response:
        """One of the views of customers; for those who see everybody's contacts."""
        _zone("tz", query.tz)
        if not (await sight_of(parts.deps, who.user)).everything:
            raise Problem(403, "Your role does not allow this.")
        found = await parts.access.customers.view(query.view, query.tz, query.limit, parts.deps.wall())
        if query.format == "json":
            return found
        rows = [row for part in found["tables"] for row in ([part["columns"], *part["rows"], []])]
        return await _file(query.format, f"customers-{query.view}", rows)

    @router.get("/orders", dependencies=[Depends(parts.reader)])
    async def orders() -> dict[str, int]:
        """How many orders were imported."""
        return {"count": await parts.access.orders.count()}

    @router.post("/orders", openapi_extra=UPLOAD)
    async def take(
        request: Request, query: Annotated[OrdersQuery, Query()], who: Annotated[Principal, Depends(parts.writer)]
    ) -> dict[str, Any]:
        """Orders out of a CSV file (field ``file``); each row that is refused comes back with its reason."""
        data = await uploaded(request)
        report = await parts.access.orders.import_csv(
            data, zone=query.tz, currency=query.currency.upper(), dry_run=query.dry_run, now=parts.deps.wall()
        )
        if not query.dry_run:
            details = {"created": str(report.created), "updated": str(report.updated)}
            parts.deps.live.administered(who.user.name, "import_orders", "orders", details)
        return asdict(report) | {"refused": [asdict(one) | coded(one.reason) for one in report.refused]}


def _shifts(router: APIRouter, parts: _Parts) -> None:
    @router.get("/shifts", dependencies=[Depends(parts.reader)])
    async def shifts() -> dict[str, int]:
        """How many stretches are planned."""
        return {"count": await parts.access.shifts.count()}

    @router.post("/shifts", openapi_extra=UPLOAD)
    async def take(
        request: Request, query: Annotated[ZoneQuery, Query()], who: Annotated[Principal, Depends(parts.writer)]
    ) -> dict[str, Any]:
        """Planned shifts out of a CSV file (field ``file``: agent, from, to, kind); refused rows with their reason."""
        report = await parts.access.shifts.import_csv(await uploaded(request), zone=query.tz)
        details = {"taken": str(report.taken), "replaced": str(report.replaced)}
        parts.deps.live.administered(who.user.name, "import_shifts", "shifts", details)
        return asdict(report) | {"refused": [asdict(one) | coded(one.reason) for one in report.refused]}


def _schedules(router: APIRouter, parts: _Parts) -> None:
    stored, live = parts.access.schedules, parts.deps.live

    @router.get("/schedules", dependencies=[Depends(parts.reader)])
    async def every() -> list[dict[str, Any]]:
        """All schedules, by name."""
        return [_view(one) for one in await stored.all()]

    @router.post("/schedules", status_code=201)
    async def create(body: ScheduleBody, who: Annotated[Principal, Depends(parts.writer)]) -> dict[str, Any]:
        """A new schedule."""
        one = await stored.create(body.given(), who.user.name, parts.deps.wall())
        live.administered(who.user.name, "schedule_report", one.id, {"every": one.every})
        return _view(one)

    @router.put("/schedules/{schedule_id}")
    async def change(
        schedule_id: str, body: ScheduleChange, who: Annotated[Principal, Depends(parts.writer)]
    ) -> dict[str, Any]:
        """Replace it."""
        one = await stored.update(schedule_id, body.given(), body.version)
        live.administered(who.user.name, "change_report_schedule", schedule_id, {"every": one.every})
        return _view(one)

    @router.delete("/schedules/{schedule_id}", status_code=204)
    async def delete(schedule_id: str, who: Annotated[Principal, Depends(parts.writer)]) -> Response:
        """Delete it with its runs."""
        await stored.delete(schedule_id)
        live.administered(who.user.name, "delete_report_schedule", schedule_id, {})
        return Response(status_code=204)


def _runs(router: APIRouter, parts: _Parts) -> None:
    stored = parts.access.schedules

    @router.get("/runs", dependencies=[Depends(parts.reader)])
    async def runs() -> list[dict[str, Any]]:
        """What was due, newest first, and what became of it."""
        return [asdict(one) for one in await stored.runs()]

    @router.post("/schedules/{schedule_id}/again", status_code=204, dependencies=[Depends(parts.writer)])
    async def again(schedule_id: str, body: RunBody) -> Response:
        """Send a run once more."""
        await stored.again(schedule_id, body.due_at, parts.deps.wall())
        return Response(status_code=204)


def _view(one: Schedule) -> dict[str, Any]:
    question = one.question
    return {**{key: value for key, value in asdict(one).items() if key != "question"}, **question}
