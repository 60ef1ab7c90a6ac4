"""Typed fields, consents, relations and segments of customers."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from agent_console.deps import ConsoleDeps
from agent_console.records_bodies import (
    ConsentBody,
    FieldBody,
    FilterBody,
    PurposeBody,
    RelationBody,
    SegmentBody,
    SegmentChange,
)
from agent_console.rest import given
from agent_console.sessions import Principal, may, signed_in
from interaction_log.records import CustomField, FieldChoice, Purpose
from interaction_log.store.site_records import SiteRecords


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(prefix="/api", tags=["records"])
    if deps.records is not None:
        for add in (_fields, _purposes, _consents, _relations, _segments, _changed_segments):
            add(router, deps, deps.records)
    return router


def _fields(router: APIRouter, deps: ConsoleDeps, records: SiteRecords) -> None:
    @router.get("/custom-fields", dependencies=[Depends(signed_in(deps))])
    async def fields() -> dict[str, Any]:
        """The fields that the site keeps of customers, in order."""
        return {"items": [asdict(one) for one in await records.fields.all()]}

    @router.put("/custom-fields/{code}")
    async def put(
        code: str, body: FieldBody, who: Annotated[Principal, Depends(may(deps, "catalogue.write"))]
    ) -> dict[str, Any]:
        """Create or change a field; its type stays."""
        choices = [FieldChoice(**one.model_dump()) for one in body.choices]
        one = CustomField(code=code, choices=choices, **body.model_dump(exclude={"choices"}))
        await records.fields.put(one)
        deps.live.administered(who.user.name, "custom_field_changed", code, {})
        return asdict(one)


def _purposes(router: APIRouter, deps: ConsoleDeps, records: SiteRecords) -> None:
    @router.get("/consent-purposes", dependencies=[Depends(signed_in(deps))])
    async def purposes() -> dict[str, Any]:
        """What customers may agree to, in order."""
        return {"items": [asdict(one) for one in await records.fields.purposes()]}

    @router.put("/consent-purposes/{code}")
    async def put(
        code: str, body: PurposeBody, who: Annotated[Principal, Depends(may(deps, "catalogue.write"))]
    ) -> dict[str, Any]:
        """Create or change a purpose."""
        one = Purpose(code=code, **body.model_dump())
        await records.fields.put_purpose(one)
        deps.live.administered(who.user.name, "consent_purpose_changed", code, {"version": one.version})
        return asdict(one)


def _consents(router: APIRouter, deps: ConsoleDeps, records: SiteRecords) -> None:
    @router.get("/customers/{customer_id}/consents", dependencies=[Depends(may(deps, "customers.read"))])
    async def consents(customer_id: str) -> dict[str, Any]:
        """All that this customer said, the newest first; the newest of a purpose and channel counts."""
        await deps.customers.get(customer_id)
        return {"items": [asdict(one) for one in await records.consents.of(customer_id)]}

    @router.post("/customers/{customer_id}/consents", status_code=201)
    async def say(
        customer_id: str, body: ConsentBody, who: Annotated[Principal, Depends(may(deps, "customers.write"))]
    ) -> dict[str, Any]:
        """Write down what the customer said; it is put on record."""
        one = await records.consents.say(customer_id, given(body), who.user.name, deps.wall())
        details = {"purpose": one.purpose, "channel": one.channel, "state": one.state, "version": one.version}
        deps.live.administered(who.user.name, "consent", customer_id, details)
        return asdict(one)


def _relations(router: APIRouter, deps: ConsoleDeps, records: SiteRecords) -> None:
    writer = may(deps, "customers.write")

    @router.get("/customers/{customer_id}/relations", dependencies=[Depends(may(deps, "customers.read"))])
    async def relations(customer_id: str) -> dict[str, Any]:
        """Whom this customer has to do with."""
        await deps.customers.get(customer_id)
        return {"items": [asdict(one) for one in await records.relations.of(customer_id)]}

    @router.post("/customers/{customer_id}/relations", status_code=201)
    async def add(customer_id: str, body: RelationBody, who: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """This customer is ``kind`` of the other; the other end reads it the other way round."""
        by, at = who.user.name, deps.wall()
        return asdict(await records.relations.add(customer_id, body.kind, body.other, by, at, body.note))

    @router.delete("/customers/{customer_id}/relations/{relation_id}", status_code=204, dependencies=[Depends(writer)])
    async def remove(customer_id: str, relation_id: str) -> None:
        """Take a relation away."""
        await records.relations.remove(customer_id, relation_id)


def _segments(router: APIRouter, deps: ConsoleDeps, records: SiteRecords) -> None:
    reader = Depends(may(deps, "customers.read"))

    @router.get("/segments", dependencies=[reader])
    async def segments() -> dict[str, Any]:
        """The saved filters, by name."""
        return {"items": [asdict(one) for one in await records.segments.all()]}

    @router.get("/segments/{segment_id}", dependencies=[reader])
    async def read(segment_id: str) -> dict[str, Any]:
        """One of them, with the number of its customers now."""
        one = await records.segments.get(segment_id)
        return {**asdict(one), "count": await records.segments.count(one.filter, deps.wall())}

    @router.post("/segments/count", dependencies=[reader])
    async def count(body: FilterBody) -> dict[str, Any]:
        """How many customers a filter finds now."""
        return {"count": await records.segments.count(body.filter, deps.wall())}


def _changed_segments(router: APIRouter, deps: ConsoleDeps, records: SiteRecords) -> None:
    writer = may(deps, "catalogue.write")

    @router.post("/segments", status_code=201)
    async def create(body: SegmentBody, who: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """Save a filter."""
        one = await records.segments.create(body.name, body.filter, who.user.name, deps.wall())
        deps.live.administered(who.user.name, "segment_created", one.id, {})
        return asdict(one)

    @router.patch("/segments/{segment_id}")
    async def change(
        segment_id: str, body: SegmentChange, who: Annotated[Principal, Depends(writer)]
    ) -> dict[str, Any]:
        """Another name or filter."""
        one = await records.segments.change(
            segment_id, deps.wall(), version=body.version, name=body.name, raw=body.filter
        )
        deps.live.administered(who.user.name, "segment_changed", one.id, {})
        return asdict(one)

    @router.delete("/segments/{segment_id}", status_code=204)
    async def delete(segment_id: str, who: Annotated[Principal, Depends(writer)]) -> None:
        """Take it away; not while a rule uses it."""
        await records.segments.delete(segment_id)
        deps.live.administered(who.user.name, "segment_deleted", segment_id, {})
