"""``/api/audit``: the audit trail, to be read, checked and taken away as a file."""

import csv
import io
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from agent_console.deps import ConsoleDeps
from agent_console.problems import Problem
from agent_console.rest import capped, moment
from agent_console.sessions import Principal, may
from interaction_log.trail import AuditFilter, AuditRow, Head
from routing.ports import Trail

_CHUNK: Final = 1_000
_COLUMNS: Final = ("n", "at", "actor", "action", "subject", "outcome", "reason", "details", "hash")
_Word = Annotated[str, Field(min_length=1, max_length=200)]


class AuditQuery(BaseModel):
    """Which entries."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    actor: _Word | None = None
    action: _Word | None = None
    subject: _Word | None = None
    outcome: _Word | None = None
    start: Annotated[str | None, Field(alias="from", max_length=40)] = None
    end: Annotated[str | None, Field(alias="to", max_length=40)] = None

    def only(self) -> AuditFilter:
        """As the store takes it."""
        return AuditFilter(
            actor=self.actor,
            action=self.action,
            subject=self.subject,
            outcome=self.outcome,
            start=moment("from", self.start),
            end=moment("to", self.end),
        )


class AuditPage(AuditQuery):
    """One page of them."""

    limit: int = 100
    before: Annotated[int | None, Field(ge=1)] = None


class Noted(BaseModel):
    """A head that was noted before."""

    model_config = ConfigDict(extra="forbid")
    head: Annotated[str | None, Field(max_length=100)] = None


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a trail."""
    router = APIRouter(prefix="/api/audit", tags=["audit"])
    if deps.trail is not None:
        _routes(router, deps, deps.trail)
    return router


def _routes(router: APIRouter, deps: ConsoleDeps, trail: Trail) -> None:
    reader = may(deps, "audit.read")

    @router.get("", dependencies=[Depends(reader)])
    async def page(query: Annotated[AuditPage, Query()]) -> dict[str, Any]:
        """Entries, the newest first; ``next`` is the ``before`` of the next page."""
        limit = capped(query.limit)
        rows = await trail.page(limit, query.before, query.only())
        following = rows[-1].n if len(rows) == limit else None
        return {"items": [_view(row) for row in rows], "next": following, "actions": await trail.actions()}

    @router.get("/check", dependencies=[Depends(reader)])
    async def check(query: Annotated[Noted, Query()]) -> dict[str, Any]:
        """Follow the chain from its beginning; ``head``: also compare with one that was noted before."""
        try:
            noted = Head.read(query.head) if query.head else None
        except ValueError:
            raise Problem(400, "The request is not valid.", [("head", "is no head of the audit trail")]) from None
        found = await trail.verify(noted)
        return {
            "rows": found.rows,
            "head": f"{found.rows}:{found.last_hash}",
            "broken_at": found.broken_at,
            "why": found.why,
        }

    @router.get("/export", response_class=StreamingResponse)
    async def export(
        query: Annotated[AuditQuery, Query()], who: Annotated[Principal, Depends(reader)]
    ) -> StreamingResponse:
        """All of them as CSV (UTF-8), the newest first. That somebody took them is in the trail too."""
        only = query.only()
        deps.live.administered(who.user.name, "export_audit", "audit", _asked(query))
        headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
        return StreamingResponse(_lines(trail, only), media_type="text/csv; charset=utf-8", headers=headers)


def _asked(query: AuditQuery) -> dict[str, str]:
    return {key: str(value) for key, value in query.model_dump(exclude_none=True, by_alias=True).items()}


def _view(row: AuditRow) -> dict[str, Any]:
    entry = row.entry
    return {
        "n": row.n,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "outcome": entry.outcome,
        "reason": entry.reason,
        "details": entry.details,
        "hash": row.hash,
    }


async def _lines(trail: Trail, only: AuditFilter) -> AsyncIterator[str]:
    yield "\ufeff" + ",".join(_COLUMNS) + "\r\n"
    before: int | None = None
    while True:
        rows = await trail.page(_CHUNK, before, only)
        if rows:
            yield _csv(rows)
            before = rows[-1].n
        if len(rows) < _CHUNK:
            return


def _csv(rows: list[AuditRow]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows:
        shown = _view(row) | {"details": json.dumps(row.entry.details, ensure_ascii=False, sort_keys=True)}
        writer.writerow([_cell(shown[name]) for name in _COLUMNS])
    return out.getvalue()


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is told to be none."""
    return "'" + value if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
