"""``/api/tasks`` and ``/api/task-rules``: what is to be done, and what makes such things by itself."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from agent_console.deps import ConsoleDeps
from agent_console.records_bodies import NewTask, RuleBody, RuleChange, TaskChange, TaskQuery
from agent_console.rest import capped, given, moment
from agent_console.sessions import Principal, may
from interaction_log.store.tasks import StoredTasks


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(prefix="/api", tags=["tasks"])
    if deps.records is not None:
        _tasks(router, deps, deps.records.tasks)
        _rules(router, deps, deps.records.tasks)
    return router


def _tasks(router: APIRouter, deps: ConsoleDeps, tasks: StoredTasks) -> None:
    worker = may(deps, "cases.work")

    @router.get("/tasks")
    async def page(query: Annotated[TaskQuery, Query()], who: Annotated[Principal, Depends(worker)]) -> dict[str, Any]:
        """Tasks, what is due first first; ``due``: how many of one's own are due now."""
        found, following = await tasks.page(
            owner=query.owner,
            state=query.state,
            customer_id=query.customer_id,
            case_id=query.case_id,
            due_before=moment("due_before", query.due_before),
            limit=capped(query.limit),
            cursor=query.cursor,
        )
        due = await tasks.count_due(who.user.name, deps.wall())
        return {"items": [asdict(one) for one in found], "next": following, "due": due}

    @router.post("/tasks", status_code=201)
    async def create(body: NewTask, who: Annotated[Principal, Depends(worker)]) -> dict[str, Any]:
        """A new task; its owner is told when it is due."""
        fields = {name: value for name, value in given(body).items() if name != "owner" or value is not None}
        return asdict(await tasks.create(fields, who.user.name, deps.wall()))

    @router.get("/tasks/{task_id}", dependencies=[Depends(worker)])
    async def read(task_id: str) -> dict[str, Any]:
        """One task."""
        return asdict(await tasks.get(task_id))

    @router.patch("/tasks/{task_id}", dependencies=[Depends(worker)])
    async def change(task_id: str, body: TaskChange) -> dict[str, Any]:
        """Change a task or its state; another due time reminds again."""
        return asdict(await tasks.change(task_id, given(body), deps.wall()))


def _rules(router: APIRouter, deps: ConsoleDeps, tasks: StoredTasks) -> None:
    writer = may(deps, "catalogue.write")

    @router.get("/task-rules", dependencies=[Depends(writer)])
    async def rules() -> dict[str, Any]:
        """The rules that make tasks."""
        return {"items": [asdict(one) for one in await tasks.rules()]}

    @router.post("/task-rules", status_code=201)
    async def create(body: RuleBody, who: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """A rule; it runs when its time of the day comes next."""
        rule = await tasks.create_rule(body.model_dump(), deps.wall())
        deps.live.administered(who.user.name, "task_rule_created", rule.id, {})
        return asdict(rule)

    @router.patch("/task-rules/{rule_id}")
    async def change(rule_id: str, body: RuleChange, who: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """Change a rule."""
        rule = await tasks.change_rule(rule_id, given(body))
        deps.live.administered(who.user.name, "task_rule_changed", rule.id, {})
        return asdict(rule)

    @router.delete("/task-rules/{rule_id}", status_code=204)
    async def delete(rule_id: str, who: Annotated[Principal, Depends(writer)]) -> None:
        """Take it away; its tasks stay."""
        await tasks.delete_rule(rule_id)
        deps.live.administered(who.user.name, "task_rule_deleted", rule_id, {})
