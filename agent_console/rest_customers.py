"""``/api/customers``: search, read, create, change, delete, timeline, import."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from agent_console.deps import ConsoleDeps
from agent_console.models import CustomerChange, CustomerQuery, ImportQuery, NewCustomer, TimelineQuery
from agent_console.problems import Problem
from agent_console.rest import capped, given, moment
from agent_console.sentences import coded
from agent_console.sessions import Principal, signed_in
from agent_console.veil import SEES
from agent_console.views import customer_view
from interaction_log.masking import unveiled

MAX_IMPORT = 50 * 1024 * 1024
IMPORT_PATHS = frozenset({"/api/customers/import", "/api/imports", "/api/reports/orders"})
"""Where large files are taken."""
UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


def routes(deps: ConsoleDeps) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/customers", tags=["customers"])
    _import(router, deps)
    _collection(router, deps)
    _one(router, deps)
    return router


def _collection(router: APIRouter, deps: ConsoleDeps) -> None:
    anyone = Depends(signed_in(deps))

    @router.get("")
    async def search(
        query: Annotated[CustomerQuery, Query()], who: Annotated[Principal, Depends(signed_in(deps))]
    ) -> dict[str, Any]:
        """Customers whose name, organisation, number or mail contains ``q``. Who is shown numbers masked finds by
        names only: parts of a number would tell the rest."""
        limit, names = capped(query.limit), not who.may(SEES)
        found, following = await deps.customers.search(query.q, limit, query.cursor, query.segment, names)
        return {"items": [customer_view(c) for c in found], "next": following}

    @router.post("", status_code=201, dependencies=[anyone])
    async def create(body: NewCustomer) -> dict[str, Any]:
        """A new customer."""
        customer = await deps.customers.create(given(body))
        deps.live.changed("customers", customer.id)
        return dict(customer_view(customer))


def _one(router: APIRouter, deps: ConsoleDeps) -> None:
    anyone = Depends(signed_in(deps))

    @router.get("/{customer_id}", dependencies=[anyone])
    async def read(customer_id: str) -> dict[str, Any]:
        """One customer."""
        return dict(customer_view(await deps.customers.get(customer_id)))

    @router.patch("/{customer_id}")
    async def change(
        customer_id: str, body: CustomerChange, who: Annotated[Principal, Depends(signed_in(deps))]
    ) -> dict[str, Any]:
        """Change a customer; lists are replaced as a whole. What was shown masked comes back as it is."""
        fields = given(body)
        if not who.may(SEES):
            fields = unveiled(fields, asdict(await deps.customers.get(customer_id)))
        customer = await deps.customers.update(customer_id, fields)
        deps.live.changed("customers", customer_id)
        return dict(customer_view(customer))

    @router.delete("/{customer_id}", status_code=204, dependencies=[Depends(signed_in(deps, "supervisor", "admin"))])
    async def delete(customer_id: str) -> None:
        """Forget a customer; the interactions stay."""
        await deps.customers.delete(customer_id)
        deps.live.changed("customers", customer_id)

    @router.get("/{customer_id}/timeline", dependencies=[anyone])
    async def timeline(customer_id: str, query: Annotated[TimelineQuery, Query()]) -> dict[str, Any]:
        """What happened with this customer, newest first."""
        await deps.customers.get(customer_id)
        before = moment("before", query.before)
        return {"items": await deps.customers.timeline(customer_id, capped(query.limit), before)}


def _import(router: APIRouter, deps: ConsoleDeps) -> None:
    @router.post("/import", dependencies=[Depends(signed_in(deps, "supervisor", "admin"))], openapi_extra=UPLOAD)
    async def import_csv(request: Request, query: Annotated[ImportQuery, Query()]) -> dict[str, Any]:
        """Import a CSV file (field ``file``, at most 50 MB); every refused row comes back with its reason."""
        data = await uploaded(request)
        report = await deps.customers.import_csv(data, query.dry_run)
        if not query.dry_run:
            deps.live.changed("customers", "*")
        refused = [asdict(row) | coded(row.reason) for row in report.refused]
        return {"read": report.read, "created": report.created, "updated": report.updated, "refused": refused}


async def uploaded(request: Request) -> bytes:
    """The field ``file`` of a form."""
    try:
        async with request.form(max_files=1, max_fields=0) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Problem(400, "The request is not valid.", [("file", "is missing")])
            if file.size is not None and file.size > MAX_IMPORT:
                raise Problem(413, "The file is larger than 50 MB.")
            return await file.read()
    except MultiPartException as error:
        raise Problem(400, "The request is not valid.", [("file", error.message)]) from None
