"""``/api/imports``: files of customers as jobs; ``/api/exports/customers``: customers as a file."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from agent_console.deps import ConsoleDeps
from agent_console.imports import ImportAccess
from agent_console.models import Body
from agent_console.problems import Problem
from agent_console.rest import capped
from agent_console.rest_customers import MAX_IMPORT, UPLOAD
from agent_console.sentences import coded
from agent_console.sessions import Principal, signed_in
from interaction_log.mapping import TARGETS
from interaction_log.records import Refused
from interaction_log.rights import has
from interaction_log.store.exports import FORMATS, Wanted
from interaction_log.store.imports_store import Import, ImportRow

PATH: Final = "/api/imports"
Step = Literal["read", "run", "undo"]
_STEPS: Final = {"read": "reading", "run": "importing", "undo": "undoing"}
_ACTS: Final = {"run": "import_customers", "undo": "undo_import"}


class ImportChoice(Body):
    """``mapping``: a field (or null) for each column; ``rename``: duplicates of another name are updated too."""

    mapping: Annotated[list[Annotated[str, Field(max_length=80)] | None], Field(max_length=100)]
    duplicates: Literal["update", "skip", "new"] = "update"
    rename: bool = False


class Remembered(Body):
    """``name``: of a mapping that was remembered; null: by the headings alone."""

    name: Annotated[str, Field(max_length=80)] | None = None


class Remember(Body):
    """Whose mapping is remembered."""

    import_id: Annotated[str, Field(max_length=64)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ImportsQuery(_Query):
    """A page of imports."""

    limit: int = 50
    cursor: str | None = None


class RowsQuery(_Query):
    """A page of rows: of one state; of those that seem to be somebody (``any``, or as whom)."""

    state: Annotated[str, Field(max_length=20)] | None = None
    same: Literal["any", "same", "other", "several", "file"] | None = None
    after: Annotated[int, Field(ge=0)] = 0
    limit: int = 100


class ExportQuery(_Query):
    """``q``, ``segment``: as in the list of customers."""

    format: Literal["csv", "xlsx", "vcf"] = "csv"
    q: Annotated[str, Field(max_length=200)] = ""
    segment: Annotated[str, Field(max_length=64)] | None = None


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes; none without a store for them."""
    router = APIRouter(tags=["imports"])
    if deps.imports is not None:
        _list(router, deps, deps.imports)
        _job(router, deps, deps.imports)
        _rows(router, deps, deps.imports)
        _mappings(router, deps, deps.imports)
        _export(router, deps, deps.imports)
    return router


def _list(router: APIRouter, deps: ConsoleDeps, access: ImportAccess) -> None:
    who = signed_in(deps, "supervisor", "admin")

    @router.get(PATH, dependencies=[Depends(who)])
    async def page(query: Annotated[ImportsQuery, Query()]) -> dict[str, Any]:
        """Imports, newest first."""
        found, following = await access.stored.page(capped(query.limit), query.cursor)
        return {"items": [_view(one) for one in found], "next": following}

    @router.post(PATH, status_code=201, openapi_extra=UPLOAD)
    async def give(request: Request, one: Annotated[Principal, Depends(who)]) -> dict[str, Any]:
        """Give a file (CSV, XLSX, vCard; at most 50 MB); its headings come back with a field suggested for each."""
        name, data = await _uploaded(request)
        of = await access.stored.put_file(name, data, one.user.name)
        await access.peek(of)
        job = await access.stored.get(of)
        if job.state == "failed" and job.failure is not None:
            await access.stored.drop(of)
            raise Refused(job.failure["field"], job.failure["message"])
        return _view(await access.stored.suggest(of, None))

    @router.get("/api/import-fields", dependencies=[Depends(who)])
    async def fields() -> dict[str, Any]:
        """What a column can fill: our own fields, and those that the site defined with their labels."""
        site = await access.stored.fields()
        return {"fields": list(TARGETS), "site": [{"code": one.code, "labels": one.labels} for one in site]}


def _job(router: APIRouter, deps: ConsoleDeps, access: ImportAccess) -> None:
    who = signed_in(deps, "supervisor", "admin")

    @router.get(PATH + "/{import_id}", dependencies=[Depends(who)])
    async def read(import_id: str) -> dict[str, Any]:
        """One import, with how far it is."""
        return _view(await access.stored.get(import_id))

    @router.patch(PATH + "/{import_id}", dependencies=[Depends(who)])
    async def choose(import_id: str, body: ImportChoice) -> dict[str, Any]:
        """Which column is what, and what becomes of duplicates; another mapping wants another dry run."""
        return _view(await access.stored.choose(import_id, body.mapping, body.duplicates, body.rename))

    @router.post(PATH + "/{import_id}/suggest", dependencies=[Depends(who)])
    async def suggest(import_id: str, body: Remembered) -> dict[str, Any]:
        """Map the columns anew: as under a name, or by their headings."""
        return _view(await access.stored.suggest(import_id, body.name))

    @router.post(PATH + "/{import_id}/{step}", status_code=202)
    async def begin(import_id: str, step: Step, one: Annotated[Principal, Depends(who)]) -> dict[str, Any]:
        """``read``: the dry run; ``run``: take the rows; ``undo``: take all of it back. It goes on by itself."""
        job = await access.stored.begin(import_id, _STEPS[step], one.user.name)
        if step in _ACTS:
            details = {"rows": str(job.total or 0), "duplicates": job.duplicates}
            deps.live.administered(one.user.name, _ACTS[step], import_id, details)
        access.wake()
        return _view(job)

    @router.delete(PATH + "/{import_id}", status_code=204, dependencies=[Depends(who)])
    async def drop(import_id: str) -> None:
        """Forget a file that nothing was taken from, or an import that was undone."""
        await access.stored.drop(import_id)


def _rows(router: APIRouter, deps: ConsoleDeps, access: ImportAccess) -> None:
    anyone = Depends(signed_in(deps, "supervisor", "admin"))

    @router.get(PATH + "/{import_id}/rows", dependencies=[anyone])
    async def rows(import_id: str, query: Annotated[RowsQuery, Query()]) -> dict[str, Any]:
        """What will become, or became, of each row."""
        found, following = await access.stored.rows(
            import_id, state=query.state, same=query.same, after=query.after, limit=capped(query.limit)
        )
        return {"items": [asdict(one) | coded(one.reason or "") for one in found], "next": following}

    @router.get(PATH + "/{import_id}/report", dependencies=[anyone])
    async def report(import_id: str) -> Response:
        """The same of all rows as a CSV file."""
        await access.stored.get(import_id)
        return _file(access.stored.report(import_id, _words), FORMATS["csv"], "import-report.csv")


def _mappings(router: APIRouter, deps: ConsoleDeps, access: ImportAccess) -> None:
    who = signed_in(deps, "supervisor", "admin")

    @router.get("/api/import-mappings", dependencies=[Depends(who)])
    async def mappings() -> dict[str, Any]:
        """Mappings that have a name: field by heading."""
        return {"items": [{"name": n, "columns": c} for n, c in (await access.stored.mappings()).items()]}

    @router.put("/api/import-mappings/{name}", status_code=204)
    async def remember(name: str, body: Remember, one: Annotated[Principal, Depends(who)]) -> None:
        """Remember the mapping of an import under a name."""
        await access.stored.remember(name, body.import_id, one.user.name)

    @router.delete("/api/import-mappings/{name}", status_code=204, dependencies=[Depends(who)])
    async def forget(name: str) -> None:
        """Forget it."""
        await access.stored.forget(name)


def _export(router: APIRouter, deps: ConsoleDeps, access: ImportAccess) -> None:
    who = signed_in(deps, "supervisor", "admin")

    @router.get("/api/exports/customers")
    async def export(query: Annotated[ExportQuery, Query()], one: Annotated[Principal, Depends(who)]) -> Response:
        """All customers, or those of the list's filter, as CSV, XLSX or vCard. It is put on record."""
        details = {"format": query.format, "filtered": "yes" if query.q or query.segment else "no"}
        deps.live.administered(one.user.name, "export_customers", "customers", details)
        sensitive = has(one.user, "customers.see_sensitive")
        wanted = Wanted(query.format, query.q, query.segment, sensitive)
        return _file(access.export(wanted), FORMATS[query.format], f"customers.{query.format}")


def _file(pieces: AsyncIterator[Any], media: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingResponse(pieces, media_type=media, headers=headers)


def _view(job: Import) -> dict[str, Any]:
    found = asdict(job)
    if job.failure is not None:
        found["failure"] = job.failure | coded(job.failure["message"])
    return found


def _words(row: ImportRow) -> Sequence[str]:
    return (str(row.line), row.state, row.field or "", row.reason or "", row.customer_name or "", row.customer_id or "")


async def _uploaded(request: Request) -> tuple[str, bytes]:
    try:
        async with request.form(max_files=1, max_fields=0) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Problem(400, "The request is not valid.", [("file", "is missing")])
            if file.size is not None and file.size > MAX_IMPORT:
                raise Problem(413, "The file is larger than 50 MB.")
            return file.filename or "file", await file.read()
    except MultiPartException as error:
        raise Problem(400, "The request is not valid.", [("file", error.message)]) from None
