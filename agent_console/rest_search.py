"""``/api/search`` over everything that one may see, and a customer's whole history."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi import Query as Parameter
from pydantic import Field

from agent_console.deps import ConsoleDeps
from agent_console.models import Cursor, Limit, Query, QueueName
from agent_console.problems import Problem
from agent_console.rest import capped, moment
from agent_console.sessions import Principal, signed_in
from agent_console.visible import visible
from interaction_log.found import MOST_PER_PAGE, Question

Kinds = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(default_factory=list, max_length=20)]


class SearchQuery(Query):
    """What is asked for. ``from`` and ``to``: RFC 3339, from <= it < to. Several ``kind``: any of them."""

    q: Annotated[str, Field(max_length=200)] = ""
    kind: Kinds
    start: Annotated[str | None, Field(alias="from", max_length=40)] = None
    end: Annotated[str | None, Field(alias="to", max_length=40)] = None
    queue: QueueName | None = None
    agent: Annotated[str, Field(max_length=80)] | None = None
    channel: Annotated[str, Field(max_length=20)] | None = None
    customer_id: Annotated[str, Field(max_length=64)] | None = None
    limit: Limit = 30
    cursor: Cursor | None = None


class HistoryQuery(Query):
    """Which part of a history. Several ``kind``: any of them; none: all. ``before``: RFC 3339, this moment too."""

    kind: Kinds
    before: Annotated[str, Field(max_length=40)] | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes."""
    router = APIRouter(tags=["search"])
    anyone = signed_in(deps)

    @router.get("/api/search")
    async def search(
        query: Annotated[SearchQuery, Parameter()], who: Annotated[Principal, Depends(anyone)]
    ) -> dict[str, Any]:
        """Documents that hold all the words, newest first. ``reached``: it stopped there in time; ``next`` goes on.
        ``filling``: a new index is still being filled, ask again."""
        if deps.search is None:
            raise Problem(404, "There is no such thing.")
        people = await deps.search.members(query.customer_id) if query.customer_id else ()
        question = Question(
            text=query.q,
            kinds=tuple(query.kind),
            start=moment("from", query.start),
            end=moment("to", query.end),
            queue=query.queue,
            agent=query.agent,
            channel=query.channel,
            customer_ids=people,
            limit=min(query.limit, MOST_PER_PAGE),
            cursor=query.cursor,
        )
        page = await deps.search.find(question, await visible(deps, who.user))
        found = [asdict(one) for one in page.items]
        return {"items": found, "next": page.next, "reached": page.reached, "filling": page.filling}

    @router.get("/api/customers/{customer_id}/history", dependencies=[Depends(anyone)])
    async def history(customer_id: str, query: Annotated[HistoryQuery, Parameter()]) -> dict[str, Any]:
        """All that happened with this person, newest first: contacts with their legs, and what else is kept of it."""
        if deps.history is None:
            raise Problem(404, "There is no such thing.")
        await deps.customers.get(customer_id)
        before = moment("before", query.before)
        items, following = await deps.history.page(customer_id, query.kind, capped(query.limit), query.cursor, before)
        return {"items": items, "next": following}

    return router
