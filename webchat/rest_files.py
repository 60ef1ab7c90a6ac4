"""``/chat/api/files``: files of conversations, up and down; never shown by a browser in place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, NoReturn
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from interaction_log.chats import ChatFile
from interaction_log.records import NotFound
from interaction_log.store.chat_folder import ChatFolder, FileRefused, safe_name
from interaction_log.web.origin import client_address, header
from webchat.asked import Asked, Problem, content_of
from webchat.gate import SiteGate, place_of
from webchat.ports import Visitor
from webchat.tokens import token_hash, usable

CHUNK: Final = 64 * 1024
INERT: Final = {
    "Content-Type": "application/octet-stream",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-store",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_FILE_STATUS: Final = {"empty": 422, "too_large": 413, "file_refused": 422, "scan_unavailable": 503, "disk_full": 507}


class VisitorFiles(Asked):
    """Up and down."""

    async def _who(self, request: Request) -> tuple[Visitor, SiteGate]:
        scheme, _, token = (header(request.scope["headers"], b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not usable(token):
            raise Problem(401, "unauthorized")
        stored = await self._deps.store.visitor_of(token_hash(token), self._deps.wall())
        gate = self._deps.gates.get(stored.site) if stored is not None else None
        if stored is None or gate is None:
            raise Problem(401, "unauthorized")
        self._page_of(request, gate)
        address = client_address(request.scope, self._deps.trusted_proxies)
        await self._deps.refresh_bans()
        if (stored.id, place_of(address), self._deps.wall()) in self._deps.bans:
            raise Problem(403, "banned")
        visitor = Visitor(
            id=stored.id, site=stored.site, subject=stored.subject, attributes=stored.attributes, address=address
        )
        return visitor, gate

    def _folder(self, gate: SiteGate) -> ChatFolder:
        if self._deps.folder is None or not gate.site.files:
            raise Problem(404, "no_files")
        return self._deps.folder

    async def upload(self, request: Request) -> Response:
        """``POST /chat/api/files?name=NAME``."""
        visitor, gate = await self._who(request)
        folder = self._folder(gate)
        declared = header(request.scope["headers"], b"content-length") or "0"
        if declared.isdecimal() and int(declared[:20]) > gate.site.file_bytes:
            raise Problem(413, "too_large")
        conversation = await self._deps.chats.current(visitor)
        if conversation is None or conversation["state"] == "ended":
            raise Problem(409, "no_conversation")
        of = conversation["id"]
        if len(await self._deps.store.files_of(of)) >= gate.site.limits.files:
            raise Problem(429, "too_many_files")
        wait = gate.line(visitor.id, place_of(visitor.address), self._deps.now())
        if wait:
            raise Problem(429, "too_many", wait=wait)
        file = await self._keep(request, folder, gate.site.file_bytes, of)
        return JSONResponse({"id": file.id, "name": file.name, "type": file.type, "size": file.size}, 201)

    async def _keep(self, request: Request, folder: ChatFolder, most: int, of: str) -> ChatFile:
        kind = (header(request.scope["headers"], b"content-type") or "").partition(";")[0].strip().lower()
        plain = kind.isascii() and kind.isprintable() and 3 <= len(kind) <= 100 and kind.count("/") == 1
        try:
            got = await folder.receive(content_of(request), most)
        except FileRefused as error:
            raise Problem(_FILE_STATUS[error.code], error.code) from None
        try:
            return await self._deps.store.put_file(
                of,
                id=got.id,
                name=safe_name(request.query_params.get("name", "")),
                type=kind if plain else "application/octet-stream",
                size=got.size,
                sha256=got.sha256,
                by="visitor",
                at=self._deps.wall(),
                scan="clean",
            )
        except BaseException:
            await folder.remove(got.id)
            raise

    async def download(self, request: Request) -> Response:
        """``GET /chat/api/files/{id}``: of his own conversation, clean, always as an attachment."""
        visitor, gate = await self._who(request)
        folder = self._folder(gate)
        try:
            file = await self._deps.store.file(request.path_params["id"])
            conversation = await self._deps.store.conversation(file.conversation)
        except NotFound:
            _not_there()
        if conversation.visitor != visitor.id or file.scan != "clean" or not file.kept:
            _not_there()
        content = await folder.open(file.id)
        if content is None:
            _not_there()
        headers = {
            **INERT,
            "Content-Length": str(file.size),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        }
        return StreamingResponse(_chunks(content), headers=headers)


def _not_there() -> NoReturn:
    raise Problem(404, "no_file")


async def _chunks(content: Any) -> AsyncIterator[bytes]:
    try:
        while chunk := await asyncio.to_thread(content.read, CHUNK):
            yield chunk
    finally:
        content.close()
