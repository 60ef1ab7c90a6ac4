"""``/api/customers``: merges and their undoing, claims, shared numbers, suggestions."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field

from agent_console.deps import ConsoleDeps
from agent_console.models import Body, Cursor, Limit
from agent_console.models import Query as QueryModel
from agent_console.problems import Problem
from agent_console.rest import capped
from agent_console.sessions import Principal, may
from agent_console.views import customer_view
from interaction_log.evidence import Kind
from interaction_log.persons import Merge
from interaction_log.records import NotFound
from routing.identity_ports import Identity

Id = Annotated[str, Field(min_length=1, max_length=64)]
Address = Annotated[str, Field(min_length=1, max_length=254)]


class MergeRequest(Body):
    """``other`` becomes a part of the customer of the path. ``take``: fields to take over from it; left out: gaps
    are filled, nothing is replaced."""

    other: Id
    take: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=200)] | None = None


class Pair(Body):
    """Two records."""

    one: Id
    other: Id


class NewClaim(Body):
    """An address of this customer."""

    kind: Kind
    value: Address


class Shared(Body):
    """A number or mailbox that several people use."""

    kind: Kind = "phone"
    note: Annotated[str, Field(max_length=200)] | None = None


class PairsQuery(QueryModel):
    """A page of suggestions."""

    limit: Limit = 20
    cursor: Cursor | None = None


class OtherQuery(QueryModel):
    """The record that would be merged."""

    other: Id


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; to be put before those of single customers."""
    router = APIRouter(prefix="/api/customers", tags=["identity"])
    if deps.identity is not None:
        _suggestions(router, deps, deps.identity)
        _shared(router, deps, deps.identity)
        _merge(router, deps, deps.identity)
        _merges(router, deps, deps.identity)
        _claims(router, deps, deps.identity)
    return router


def _suggestions(router: APIRouter, deps: ConsoleDeps, identity: Identity) -> None:
    merges = may(deps, "customers.merge")

    @router.get("/suggestions", dependencies=[Depends(merges)])
    async def suggestions(query: Annotated[PairsQuery, Query()]) -> dict[str, Any]:
        """Pairs of records that may be one person, the surest first, with the reasons."""
        found, following = await identity.suggestions.page(capped(query.limit), query.cursor)
        items = [{**asdict(s), "one": customer_view(s.one), "other": customer_view(s.other)} for s in found]
        return {"items": items, "next": following}

    @router.post("/suggestions/refresh", dependencies=[Depends(merges)])
    async def refresh() -> dict[str, Any]:
        """Look through all records now, beside the calls."""
        return {"found": await identity.upkeep.refresh() if identity.upkeep is not None else 0}

    @router.post("/suggestions/dismiss", status_code=204)
    async def dismiss(body: Pair, who: Annotated[Principal, Depends(merges)]) -> None:
        """They are two people: never suggested again."""
        await identity.suggestions.dismiss(body.one, body.other, by=who.user.name, at=deps.wall())
        deps.live.administered(who.user.name, "not_one_person", body.one, {"other": body.other})


def _shared(router: APIRouter, deps: ConsoleDeps, identity: Identity) -> None:
    merges = may(deps, "customers.merge")

    @router.get("/shared-numbers", dependencies=[Depends(may(deps, "customers.read"))])
    async def shared() -> dict[str, Any]:
        """Numbers and mailboxes that several people use, and those that look so."""
        hints = await identity.claims.shared_hints(identity.shared_from)
        return {"items": [asdict(s) for s in await identity.claims.shared()], "hints": [asdict(h) for h in hints]}

    @router.put("/shared-numbers/{value}")
    async def share(value: str, body: Shared, who: Annotated[Principal, Depends(merges)]) -> dict[str, Any]:
        """It identifies nobody any more: candidates at most."""
        name = who.user.name
        found = await identity.claims.share(body.kind, value, by=name, at=deps.wall(), note=body.note)
        deps.live.administered(name, "share_number", body.kind, {"people": str(found.people)})
        return asdict(found)

    @router.delete("/shared-numbers/{value}", status_code=204)
    async def unshare(value: str, who: Annotated[Principal, Depends(merges)]) -> None:
        """It identifies again."""
        await identity.claims.unshare(value)
        deps.live.administered(who.user.name, "unshare_number", "", {})


def _merge(router: APIRouter, deps: ConsoleDeps, identity: Identity) -> None:
    merges = may(deps, "customers.merge")

    @router.get("/{customer_id}/merge", dependencies=[Depends(merges)])
    async def preview(customer_id: str, query: Annotated[OtherQuery, Query()]) -> dict[str, Any]:
        """What a merge would do: the fields that differ, and which of both would stay."""
        found = await identity.merges.preview(customer_id, query.other)
        people = {"kept": customer_view(found.kept), "merged": customer_view(found.merged)}
        return {**asdict(found), **people}

    @router.post("/{customer_id}/merge")
    async def merge(customer_id: str, body: MergeRequest, who: Annotated[Principal, Depends(merges)]) -> dict[str, Any]:
        """Make another record a part of this one; it can be undone."""
        name = who.user.name
        done = await identity.merges.merge(customer_id, body.other, at=deps.wall(), by=name, take=body.take)
        deps.live.administered(name, "merge_customers", done.kept, {"merged": done.merged, "merge": done.id})
        await _tell(deps, identity, done)
        return asdict(done)


def _merges(router: APIRouter, deps: ConsoleDeps, identity: Identity) -> None:
    @router.get("/{customer_id}/merges", dependencies=[Depends(may(deps, "customers.read"))])
    async def merges(customer_id: str) -> dict[str, Any]:
        """The records that are this person, the head first, and all merges with those that were undone."""
        members = await identity.merges.members(customer_id)
        found = await identity.merges.of(customer_id)
        return {"members": [customer_view(m) for m in members], "items": [asdict(m) for m in found]}

    @router.post("/{customer_id}/merges/{merge_id}/undo")
    async def undo(
        customer_id: str, merge_id: str, who: Annotated[Principal, Depends(may(deps, "customers.merge"))]
    ) -> dict[str, Any]:
        """Both are what they were, in any order with other merges."""
        if merge_id not in {one.id for one in await identity.merges.of(customer_id)}:
            raise NotFound(merge_id)
        undone = await identity.merges.undo(merge_id, at=deps.wall(), by=who.user.name)
        details = {"merged": undone.merged, "merge": undone.id}
        deps.live.administered(who.user.name, "undo_merge", undone.kept, details)
        await _tell(deps, identity, undone)
        return asdict(undone)


async def _tell(deps: ConsoleDeps, identity: Identity, merge: Merge) -> None:
    """Calls of each of the records show who it is now."""
    ids = dict.fromkeys([merge.kept, merge.merged])
    for of in (merge.kept, merge.merged):
        try:
            ids |= dict.fromkeys(one.id for one in await identity.merges.members(of))
        except NotFound:
            continue
    for of in ids:
        deps.live.changed("customers", of)


def _claims(router: APIRouter, deps: ConsoleDeps, identity: Identity) -> None:
    writes = may(deps, "customers.write")

    @router.get("/{customer_id}/claims", dependencies=[Depends(may(deps, "customers.read"))])
    async def claims(customer_id: str) -> dict[str, Any]:
        """All that speaks for who this is: address, source, strength and time."""
        return {"items": [asdict(one) for one in await identity.claims.of(customer_id)]}

    @router.post("/{customer_id}/claims", status_code=201)
    async def confirm(customer_id: str, body: NewClaim, who: Annotated[Principal, Depends(writes)]) -> dict[str, Any]:
        """A user confirms that this address belongs to this customer."""
        found = await identity.claims.confirm(customer_id, body.kind, body.value, by=who.user.name, at=deps.wall())
        return asdict(found)

    @router.delete("/{customer_id}/claims/{claim_id}", status_code=204)
    async def withdraw(customer_id: str, claim_id: str, who: Annotated[Principal, Depends(writes)]) -> None:
        """It was wrong. What stands in the record is changed there."""
        found = {one.id: one for one in await identity.claims.of(customer_id)}
        if claim_id not in found:
            raise NotFound(claim_id)
        if found[claim_id].source == "record":
            raise Problem(409, "This stands in the record itself: change the record.")
        await identity.claims.withdraw(claim_id)
        deps.live.administered(who.user.name, "withdraw_claim", customer_id, {"source": found[claim_id].source})
