"""Satisfaction: links that ask (``/survey/TOKEN``, without signing in and without JavaScript), answers for reading."""

from dataclasses import asdict
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from agent_console.deps import ConsoleDeps
from agent_console.models import Body
from agent_console.sessions import Principal, signed_in
from agent_console.survey_page import Ask, page, words_of
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store.surveys_store import StoredSurveys
from interaction_log.surveys import MOST_COMMENT, key_score
from interaction_log.web.limits import Window
from interaction_log.web.origin import client_address

PAGE: Final = "/survey/{token}"
A_MINUTE: Final = 30
"""Requests for these pages from one address: nobody guesses 192 random bits, but nobody shall try either."""
_TOKEN: Final = 64


class AskFor(Body):
    """What is asked after a contact."""

    kind: Literal["csat", "nps"] = "csat"


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(tags=["surveys"])
    if deps.surveys is not None:
        _pages(router, deps, deps.surveys)
        _answers(router, deps, deps.surveys)
    return router


def _pages(router: APIRouter, deps: ConsoleDeps, stored: StoredSurveys) -> None:
    window = Window(A_MINUTE, 60.0)

    def too_many(request: Request) -> Response | None:
        wait = window.attempt(client_address(request.scope, deps.trusted_proxies), deps.now())
        return _said(request, 429, "too_many", {"Retry-After": str(max(1, round(wait)))}) if wait > 0 else None

    @router.get(PAGE, include_in_schema=False)
    async def ask(token: str, request: Request) -> Response:
        """The question."""
        if (refused := too_many(request)) is not None:
            return refused
        try:
            survey = await stored.asked(token[:_TOKEN])
        except NotFound:
            return _said(request, 404, "gone")
        return _html(request, 200, Ask(survey.kind))

    @router.post(PAGE, include_in_schema=False)
    async def answer(token: str, request: Request) -> Response:
        """The answer; the link is good no more then."""
        if (refused := too_many(request)) is not None:
            return refused
        form = _form(await request.body())
        comment = form.get("comment", [""])[0][:MOST_COMMENT]
        try:
            survey = await stored.asked(token[:_TOKEN])
            score = key_score(survey.kind, form.get("score", [""])[0])
            if score is None:
                return _html(request, 400, Ask(survey.kind, "choose", comment))
            await stored.answer_link(token[:_TOKEN], score, comment or None)
        except (NotFound, Conflict):
            return _said(request, 404, "gone")
        except Refused:
            return _html(request, 400, Ask(survey.kind, "choose", comment))
        return _said(request, 200, "thanks")


def _form(body: bytes) -> dict[str, list[str]]:
    """The fields of a form; none of what is no form."""
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=4)
    except ValueError:
        return {}


def _html(request: Request, status: int, ask: Ask) -> Response:
    language, words = words_of(request.headers.get("accept-language", ""))
    shown = Ask(ask.kind, words[ask.fault] if ask.fault else "", ask.comment)
    return HTMLResponse(page(language, words, shown), status)


def _said(request: Request, status: int, what: str, headers: dict[str, str] | None = None) -> Response:
    language, words = words_of(request.headers.get("accept-language", ""))
    return HTMLResponse(page(language, words, None, words[what]), status, headers)


def _answers(router: APIRouter, deps: ConsoleDeps, stored: StoredSurveys) -> None:
    anyone = signed_in(deps)

    @router.get("/api/customers/{customer_id}/surveys", dependencies=[Depends(anyone)])
    async def of_customer(customer_id: str) -> dict[str, Any]:
        """What this person answered, newest first."""
        return {"items": [asdict(one) for one in await stored.of_customer(customer_id)]}

    @router.post("/api/interactions/{interaction_id}/survey", status_code=201)
    async def ask(
        interaction_id: str, body: AskFor, who: Annotated[Principal, Depends(signed_in(deps, "supervisor", "admin"))]
    ) -> dict[str, Any]:
        """A link that asks the customer of this contact, once. It is shown now and never again."""
        token = await stored.link(interaction_id, body.kind)
        deps.live.administered(who.user.name, "ask_survey", interaction_id, {"kind": body.kind})
        return {"path": PAGE.format(token=token)}
