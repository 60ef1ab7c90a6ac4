"""Search and history over REST: what is asked of the store, as whom, and what is refused."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import pytest

from agent_console.visible import visible
from interaction_log.found import Found, FoundPage, Question, Scope
from interaction_log.rights import Sight
from tests.fakes.console_stage import stage

FOUND = Found(kind="case", ref="k1", at=5.0, title="Lamp", snippet="broken", title_marks=[(0, 4)], marks=[])


@dataclass
class Asked:
    """Both ports, that note what they were asked."""

    questions: list[tuple[Question, Scope]] = field(default_factory=list)
    pages: list[tuple[str, list[str], int, str | None, float | None]] = field(default_factory=list)

    async def find(self, question: Question, scope: Scope) -> FoundPage:
        self.questions.append((question, scope))
        return FoundPage(items=[FOUND], next="n", reached=4.0, filling=True)

    async def members(self, customer_id: str) -> tuple[str, ...]:
        return (customer_id, "merged")

    async def page(
        self, customer_id: str, kinds: Collection[str], limit: int, cursor: str | None, before: float | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        self.pages.append((customer_id, list(kinds), limit, cursor, before))
        return [], None


async def test_the_question_and_the_answer() -> None:
    asked = Asked()
    async with stage(search=asked, history=asked) as on, on.http(headers=await on.headers("sofia")) as http:
        query = "q=lamp&kind=case&kind=task&from=1970-01-01T00:00:10Z&queue=support&customer_id=c0&limit=7&cursor=x"
        got = (await http.get(f"/api/search?{query}")).json()
        assert got["next"] == "n" and got["reached"] == 4.0 and got["filling"] is True
        (item,) = got["items"]
        assert item["kind"] == "case" and item["title_marks"] == [[0, 4]] and "customer_name" in item
        ((question, scope),) = asked.questions
        assert scope == Scope(everything=True)
        assert question == Question(
            text="lamp", kinds=("case", "task"), start=10.0, queue="support", customer_ids=("c0", "merged"), limit=7,
            cursor="x",
        )  # fmt: skip


async def test_an_agent_sees_customers_and_what_is_hers() -> None:
    asked = Asked()
    async with stage(search=asked, history=asked) as on, on.http(headers=await on.headers("anna")) as http:
        assert (await http.get("/api/search", params={"q": "lamp"})).status_code == 200
        scope = asked.questions[0][1]
        assert not scope.everything and {"kind:customer", "agent:anna"} <= scope.labels
        assert scope.allows(["kind:customer"]) and scope.allows(["kind:interaction", "agent:anna"])
        assert not scope.allows(["kind:interaction", "agent:ben", "queue:sales"])


async def test_a_team_widens_what_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hers(*_: object) -> Sight:
        return Sight(agents=frozenset({"anna", "ben"}), queues=frozenset({"sales"}))

    monkeypatch.setattr("agent_console.visible.sight_of", hers)
    async with stage() as on:
        found = await visible(on.deps, on.store.users.records["anna"])
        assert {"agent:ben", "queue:sales"} <= found.labels


@pytest.mark.parametrize(
    "query", ["q=" + "x" * 201, "from=yesterday", "unknown=1", "limit=0", "cursor=" + "x" * 513, "kind="]
)
async def test_what_is_no_question_is_refused(query: str) -> None:
    asked = Asked()
    async with stage(search=asked, history=asked) as on, on.http(headers=await on.headers("anna")) as http:
        assert (await http.get(f"/api/search?{query}")).status_code == 400
        assert not asked.questions


async def test_nobody_searches_without_signing_in() -> None:
    async with stage(search=Asked()) as on, on.http() as http:
        assert (await http.get("/api/search", params={"q": "x"})).status_code == 401


async def test_the_history_of_a_customer() -> None:
    asked = Asked()
    async with stage(search=asked, history=asked) as on, on.http(headers=await on.headers("anna")) as http:
        of = (await http.post("/api/customers", json={"name": "Mia"})).json()["id"]
        path = f"/api/customers/{of}/history"
        assert (await http.get(path)).json() == {"items": [], "next": None}
        await http.get(path, params={"kind": ["case", "voice"], "limit": 5, "before": "1970-01-01T00:01:00Z"})
        assert asked.pages == [(of, [], 50, None, None), (of, ["case", "voice"], 5, None, 60.0)]
        assert (await http.get("/api/customers/nobody/history")).status_code == 404
