"""``/api/chats``: transcripts and files of chats, for who is in them or may read the contact; canned replies."""

from dataclasses import asdict
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from agent_console.chats import ChatAccess, ChatFiles, agent_line, file_view
from agent_console.deps import ConsoleDeps
from agent_console.files import respond
from agent_console.models import Body, Code, Language, QueueName
from agent_console.problems import Problem
from agent_console.rest_customers import UPLOAD
from agent_console.rest_interactions import may_read
from agent_console.sessions import Principal, signed_in
from interaction_log.canned import CannedReply, serves
from interaction_log.chats import MOST_LINES
from interaction_log.records import NotFound

CANNED: Final = "/api/canned-replies"
PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What a browser may show in place: it cannot run as a page of ours."""
INERT: Final = "default-src 'none'; sandbox"
"""The policy of a file: whatever it is, nothing in it runs."""


class LinesQuery(BaseModel):
    """Lines after a number, or the last ones before one."""

    model_config = ConfigDict(extra="forbid")
    after: Annotated[int, Field(ge=0, le=2**31)] = 0
    before: Annotated[int, Field(ge=0, le=2**31)] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_LINES)] = MOST_LINES


class CannedQuery(BaseModel):
    """``q``: how the shortcut begins; ``all``: for who writes them, also those that are retired or for others."""

    model_config = ConfigDict(extra="forbid")
    q: Annotated[str, Field(max_length=40)] = ""
    queue: Annotated[str, Field(max_length=80)] | None = None
    all: bool = False


class CannedBody(Body):
    """A canned reply. ``version``: as it was seen, 1 for a new one."""

    shortcut: Annotated[str, Field(max_length=40)]
    texts: Annotated[dict[Language, Annotated[str, Field(max_length=4_000)]], Field(max_length=20)]
    queues: Annotated[list[QueueName], Field(max_length=200, default_factory=list)]
    teams: Annotated[list[Code], Field(max_length=200, default_factory=list)]
    retired: bool = False
    version: Annotated[int, Field(ge=1)] = 1

    def reply(self, of: str) -> CannedReply:
        """As the store takes it."""
        return CannedReply(id=of, **self.model_dump())


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without chats."""
    router = APIRouter(tags=["chats"])
    if deps.chats is not None:
        _canned(router, deps, deps.chats)
        _files(router, deps, deps.chats)
        _lines(router, deps, deps.chats)
    return router


async def _allow(deps: ConsoleDeps, access: ChatAccess, who: Principal, conversation: str) -> None:
    """Who is in it or is asked to take it, and who may read the contact. Raises ``NotFound`` for all others."""
    if access.concerned(who.user.name, conversation):
        return
    item = await deps.interactions.get(conversation)
    if item.get("channel") not in ("chat", "email") or not await may_read(deps, item, who):
        raise NotFound(conversation)


def _lines(router: APIRouter, deps: ConsoleDeps, access: ChatAccess) -> None:
    @router.get("/api/chats/{interaction_id}/lines")
    async def lines(
        interaction_id: str,
        query: Annotated[LinesQuery, Query()],
        who: Annotated[Principal, Depends(signed_in(deps))],
    ) -> dict[str, Any]:
        """What was written, in order; 404 also for a chat that is not yours to see."""
        await _allow(deps, access, who, interaction_id)
        conversation = await access.conversation(interaction_id)
        found = await access.stored.lines(conversation, query.after, query.before, query.limit)
        return {"items": [agent_line(line, whole=True) for line in found]}


# --- files -----------------------------------------------------------------------------------------------


def _files(router: APIRouter, deps: ConsoleDeps, access: ChatAccess) -> None:
    @router.post("/api/chats/{interaction_id}/files", status_code=201, openapi_extra=UPLOAD)
    async def give(
        interaction_id: str, request: Request, who: Annotated[Principal, Depends(signed_in(deps))]
    ) -> dict[str, Any]:
        """Give a file to a chat that one is in; ``chat_send_file`` sends it."""
        if not access.concerned(who.user.name, interaction_id):
            raise NotFound(interaction_id)
        if access.files is None:
            raise Problem(409, "No files are sent in chats here.")
        name, media, content = await _uploaded(request, access.files)
        return dict(file_view(await access.files.take(await access.conversation(interaction_id), name, media, content)))

    @router.get("/api/chats/files/{file_id}", response_class=Response)
    async def file(file_id: str, request: Request, who: Annotated[Principal, Depends(signed_in(deps))]) -> Response:
        """A file of a chat that one may see: downloaded, or a picture that is shown; nothing in it runs."""
        one = await access.stored.file(file_id)
        await _allow(deps, access, who, one.conversation)
        if access.files is None or one.scan != "clean" or not one.kept:
            raise Problem(404, "There is no such file.")
        answer = await respond(request, *access.files.place(one))
        inline = one.type in PICTURES
        answer.headers["Content-Type"] = one.type if inline else "application/octet-stream"
        kind = "inline" if inline else "attachment"
        answer.headers["Content-Disposition"] = f"{kind}; filename*=utf-8''{quote(one.name, safe='')}"
        answer.headers["Content-Security-Policy"] = INERT
        return answer


async def _uploaded(request: Request, files: ChatFiles) -> tuple[str, str, bytes]:
    try:
        async with request.form(max_files=1, max_fields=0) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Problem(400, "The request is not valid.", [("file", "is missing")])
            if file.size is not None and file.size > files.most:
                raise Problem(413, "The request is too large.")
            media = (file.content_type or "").partition(";")[0].strip().lower()
            return file.filename or "file", media or "application/octet-stream", await file.read()
    except MultiPartException as error:
        raise Problem(400, "The request is not valid.", [("file", error.message)]) from None


# --- canned replies --------------------------------------------------------------------------------------


def _canned(router: APIRouter, deps: ConsoleDeps, access: ChatAccess) -> None:
    writer = signed_in(deps, "supervisor", "admin")

    @router.get(CANNED)
    async def page(
        query: Annotated[CannedQuery, Query()], who: Annotated[Principal, Depends(signed_in(deps))]
    ) -> dict[str, Any]:
        """Those that she may use, by shortcut."""
        found = await access.canned.all()
        if not (query.all and who.may("knowledge.write")):
            hers = frozenset(who.user.teams)
            found = [one for one in found if serves(one, query.queue, hers, query.q)]
        return {"items": [asdict(one) for one in found]}

    @router.post(CANNED, status_code=201)
    async def create(body: CannedBody, who: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """A new one."""
        made = await access.canned.create(body.reply(""))
        deps.live.administered(who.user.name, "write_canned_reply", made.id, {"shortcut": made.shortcut})
        return asdict(made)

    @router.put(CANNED + "/{reply_id}")
    async def put(reply_id: str, body: CannedBody, who: Annotated[Principal, Depends(writer)]) -> dict[str, Any]:
        """Change one; 409 where somebody was faster."""
        changed = await access.canned.put(body.reply(reply_id))
        act = "retire_canned_reply" if changed.retired else "write_canned_reply"
        deps.live.administered(who.user.name, act, changed.id, {"shortcut": changed.shortcut})
        return asdict(changed)
