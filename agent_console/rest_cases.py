"""``/api/cases`` and ``/api/case-types``: matters that span interactions."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from agent_console.deps import ConsoleDeps
from agent_console.records_bodies import CaseChange, CaseQuery, CaseTypeBody, LinkBody, NewCase
from agent_console.rest import capped, given, moment
from agent_console.sessions import Principal, may, signed_in
from interaction_log.cases import CaseState, CaseType
from interaction_log.store.cases import StoredCases


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(prefix="/api", tags=["cases"])
    if deps.records is not None:
        _owners(router, deps)
        _collection(router, deps, deps.records.cases)
        _one(router, deps, deps.records.cases)
        _types(router, deps, deps.records.cases)
    return router


def _owners(router: APIRouter, deps: ConsoleDeps) -> None:
    @router.get("/owners", dependencies=[Depends(may(deps, "cases.work"))])
    async def owners() -> dict[str, Any]:
        """Everybody to whom a case or a task can be given, with name and nothing more."""
        there = [user for user in await deps.users.all() if not user.disabled]
        return {"items": [{"name": user.name, "display_name": user.display_name} for user in there]}


def _collection(router: APIRouter, deps: ConsoleDeps, cases: StoredCases) -> None:
    worker = may(deps, "cases.work")

    @router.get("/cases", dependencies=[Depends(worker)])
    async def page(query: Annotated[CaseQuery, Query()]) -> dict[str, Any]:
        """Cases, what is due first first."""
        found, following = await cases.page(
            state=query.state,
            phase=query.phase,
            type=query.type,
            owner="" if query.owner == "-" else query.owner,
            customer_id=query.customer_id,
            interaction_id=query.interaction_id,
            due_before=moment("due_before", query.due_before),
            text=query.q,
            limit=capped(query.limit),
            cursor=query.cursor,
        )
        return {"items": found, "next": following}

    @router.post("/cases", status_code=201)
    async def create(body: NewCase, who: Annotated[Principal, Depends(worker)]) -> dict[str, Any]:
        """Open a case; its due time comes from its type, in business time."""
        return _told(deps, await cases.create(given(body), who.user.name, deps.wall()))


def _one(router: APIRouter, deps: ConsoleDeps, cases: StoredCases) -> None:
    worker = may(deps, "cases.work")

    @router.get("/cases/{case_id}", dependencies=[Depends(worker)])
    async def read(case_id: str) -> dict[str, Any]:
        """A case with its history and its interactions."""
        return await cases.get(case_id)

    @router.patch("/cases/{case_id}")
    async def change(case_id: str, body: CaseChange, who: Annotated[Principal, Depends(worker)]) -> dict[str, Any]:
        """Change a case or its state; 409 for a state that may not follow, or when somebody else was faster."""
        return _told(deps, await cases.change(case_id, given(body), who.user.name, deps.wall()))

    @router.post("/cases/{case_id}/interactions")
    async def link(case_id: str, body: LinkBody, who: Annotated[Principal, Depends(worker)]) -> dict[str, Any]:
        """Put an interaction of any channel into the case."""
        return _told(deps, await cases.link(case_id, body.interaction_id, who.user.name, deps.wall()))

    @router.delete("/cases/{case_id}/interactions/{interaction_id}")
    async def unlink(case_id: str, interaction_id: str, who: Annotated[Principal, Depends(worker)]) -> dict[str, Any]:
        """Take it out again."""
        return _told(deps, await cases.unlink(case_id, interaction_id, who.user.name, deps.wall()))


def _types(router: APIRouter, deps: ConsoleDeps, cases: StoredCases) -> None:
    @router.get("/case-types", dependencies=[Depends(signed_in(deps))])
    async def types() -> dict[str, Any]:
        """The types with their tables of states; ``calendars``: names of hours that a due time may count in."""
        return {"items": [asdict(one) for one in await cases.types()], "calendars": list(deps.calendars)}

    @router.put("/case-types/{code}")
    async def put(
        code: str, body: CaseTypeBody, who: Annotated[Principal, Depends(may(deps, "catalogue.write"))]
    ) -> dict[str, Any]:
        """Create or replace a type."""
        states = [CaseState(**one.model_dump()) for one in body.states]
        kind = CaseType(code=code, states=states, **body.model_dump(exclude={"states"}))
        await cases.put_type(kind)
        deps.live.administered(who.user.name, "case_type_changed", code, {})
        return asdict(kind)


def _told(deps: ConsoleDeps, case: dict[str, Any]) -> dict[str, Any]:
    """Whoever has this customer on the screen sees the case."""
    if case["customer_id"] is not None:
        deps.live.changed("customers", case["customer_id"])
    return case
