"""``/api/privacy``: access exports, erasures with preview and receipt, legal holds, retention."""

import uuid
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse, Response
from pydantic import Field
from starlette.background import BackgroundTask

from agent_console.deps import ConsoleDeps
from agent_console.models import Body
from agent_console.privacy import Privacy
from agent_console.problems import Problem
from agent_console.rfc3339 import seconds
from agent_console.sessions import Principal, may
from interaction_log.privacy.stored import Erasure, Hold
from interaction_log.records import Refused

_Id = Annotated[str, Field(min_length=1, max_length=100)]


class NewErasure(Body):
    """Whom to erase."""

    customer_id: _Id


class NewHold(Body):
    """What nothing is to be deleted of: a customer, an interaction, or a period (RFC 3339, either end may be open)."""

    kind: Literal["customer", "interaction", "period"]
    subject: _Id | None = None
    begin: Annotated[str, Field(max_length=40)] | None = None
    end: Annotated[str, Field(max_length=40)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none where the program runs without a master key."""
    router = APIRouter(prefix="/api/privacy", tags=["privacy"])
    if deps.privacy is not None:
        _people(router, deps, deps.privacy)
        _holds(router, deps, deps.privacy)
        _retention(router, deps, deps.privacy)
    return router


def _people(router: APIRouter, deps: ConsoleDeps, privacy: Privacy) -> None:
    erase, export = may(deps, "privacy.erase"), may(deps, "privacy.export")

    @router.get("/customers/{customer_id}", dependencies=[Depends(erase)])
    async def preview(customer_id: str) -> dict[str, Any]:
        """What an erasure would delete, empty and leave, and what stands against it."""
        return asdict(await privacy.stored.preview(customer_id))

    @router.get("/customers/{customer_id}/export", response_class=FileResponse)
    async def exported(customer_id: str, who: Annotated[Principal, Depends(export)]) -> FileResponse:
        """Everything that is kept of this customer, as a ZIP; it goes into the audit trail."""
        path = await privacy.export(customer_id)
        deps.live.administered(who.user.name, "access_export", customer_id, {"bytes": str(path.stat().st_size)})
        day = datetime.fromtimestamp(deps.wall(), UTC).strftime("%Y-%m-%d")
        gone = BackgroundTask(path.unlink, missing_ok=True)
        return FileResponse(path, filename=f"access-{day}.zip", media_type="application/zip", background=gone)

    @router.get("/erasures", dependencies=[Depends(erase)])
    async def erasures() -> dict[str, Any]:
        """The newest first."""
        return {"items": [_erasure(one) for one in await privacy.stored.erasures()]}

    @router.post("/erasures", status_code=202)
    async def request(body: NewErasure, who: Annotated[Principal, Depends(erase)]) -> dict[str, Any]:
        """Erase a customer; 409 where a contact runs or a legal hold stands. The work begins at once."""
        asked = await privacy.request(body.customer_id, who.user.name)
        deps.live.administered(who.user.name, "erasure_requested", asked.pseudonym, {"erasure": asked.id})
        deps.live.changed("customers", body.customer_id)
        return _erasure(asked)

    @router.get("/erasures/{erasure_id}", dependencies=[Depends(erase)])
    async def one(erasure_id: str) -> dict[str, Any]:
        """One erasure."""
        return _erasure(await privacy.stored.get(erasure_id))

    @router.get("/erasures/{erasure_id}/receipt", dependencies=[Depends(erase)], response_class=Response)
    async def receipt(erasure_id: str) -> Response:
        """The signed receipt of an erasure that is done."""
        found = await privacy.stored.get(erasure_id)
        if found.receipt is None:
            raise Problem(404, "There is no such thing.")
        name = f'attachment; filename="receipt-{found.id[:12]}.json"'
        return Response(found.receipt, media_type="application/json", headers={"Content-Disposition": name})


def _holds(router: APIRouter, deps: ConsoleDeps, privacy: Privacy) -> None:
    rules = may(deps, "privacy.rules")

    @router.get("/holds", dependencies=[Depends(rules)])
    async def holds() -> dict[str, Any]:
        """Those that stand, and those that were lifted."""
        return {"items": [asdict(one) for one in await privacy.stored.holds(all_of_them=True)]}

    @router.post("/holds", status_code=201)
    async def hold(body: NewHold, who: Annotated[Principal, Depends(rules)]) -> dict[str, Any]:
        """Keep something from being deleted."""
        made = Hold(
            id=uuid.uuid4().hex,
            kind=body.kind,
            subject=None if body.kind == "period" else body.subject or "",
            from_at=_time("begin", body.begin),
            to_at=_time("end", body.end),
            reason=body.reason,
            set_by=who.user.name,
            set_at=deps.wall(),
            lifted_by=None,
            lifted_at=None,
        )
        await privacy.stored.hold(made)
        deps.live.administered(who.user.name, "hold_set", made.subject or "period", {"hold": made.id})
        return asdict(made)

    @router.post("/holds/{hold_id}/lift")
    async def lift(hold_id: str, who: Annotated[Principal, Depends(rules)]) -> dict[str, Any]:
        """End a hold; 409 where it was lifted before."""
        lifted = await privacy.stored.lift(hold_id, who.user.name, deps.wall())
        deps.live.administered(who.user.name, "hold_lifted", lifted.subject or "period", {"hold": hold_id})
        return asdict(lifted)


def _retention(router: APIRouter, deps: ConsoleDeps, privacy: Privacy) -> None:
    rules = may(deps, "privacy.rules")

    @router.get("/retention", dependencies=[Depends(rules)])
    async def dry_run() -> dict[str, Any]:
        """The rules of the configuration, and how much would be deleted now."""
        return {"rules": [asdict(one) for one in privacy.rules], "due": await privacy.due()}

    @router.post("/retention")
    async def sweep(who: Annotated[Principal, Depends(rules)]) -> dict[str, Any]:
        """Delete what is over now instead of with the daily run; how much it was."""
        done = await privacy.sweep()
        told: dict[str, str] = {what: str(n) for what, n in done.items() if n}
        deps.live.administered(who.user.name, "retention_run", "retention", told)
        return {"deleted": done}


def _erasure(one: Erasure) -> dict[str, Any]:
    shown = asdict(one)
    shown["receipt"] = one.receipt is not None
    return shown


def _time(field: str, text: str | None) -> float | None:
    try:
        return None if text is None else seconds(text)
    except ValueError as error:
        raise Refused(field, str(error)) from None
