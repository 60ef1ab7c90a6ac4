"""A visitors' server that a test tells what to say: the widget's screens in every state, over the real protocol."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import socketio
import uvicorn
from socketio.exceptions import ConnectionRefusedError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from tests.fakes.patience import PATIENCE
from webchat.demo import POLICY, DemoShop
from webchat.wire import VISITOR_COMMANDS

WIDGET = Path(__file__).parents[2] / "webchat" / "widget" / "dist" / "widget.js"
NAMESPACE = "/chat"
SITE: dict[str, Any] = {
    "site": "demo",
    "queue": "support",
    "open": True,
    "opens_at": None,
    "staffed": True,
    "estimate": 60.0,
    "form": [],
    "consent": None,
    "message": True,
    "callback": True,
    "call_times": None,
    "mail": True,
    "files": True,
    "file_bytes": 2_000_000,
    "trail": False,
    "invitations": [],
    "theme": {},
    "proof_bits": 0,
}
ARABIC = {
    "title": "تحدث معنا",
    "open": "افتح المحادثة",
    "close": "أغلق المحادثة",
    "greeting": "مرحبًا! كيف يمكننا مساعدتك؟",
    "start": "ابدأ المحادثة",
    "write": "اكتب رسالة",
    "send": "إرسال",
    "you": "أنت",
    "with": "أنت تتحدث مع {name}.",
    "waiting": "يرجى الانتظار، سيكون أحدنا معك قريبًا.",
    "ended": "انتهت المحادثة.",
}
"""Some of a site's own texts; what is not among them stays English."""
CONVERSATION: dict[str, Any] = {
    "id": "",
    "state": "waiting",
    "queue": "support",
    "agent": None,
    "position": 1,
    "estimate": 90.0,
    "last": 0,
    "seen": 0,
    "ended_by": None,
    "rating": None,
    "callback": None,
    "cobrowse": "off",
}


@dataclass
class ChatRoom:
    """One visitor's conversation, and all that his widget asked."""

    site: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(SITE))
    conversation: dict[str, Any] | None = None
    lines: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refuse: Callable[[str, dict[str, Any]], dict[str, Any] | None] = lambda name, body: None
    lose_answers: bool = False
    """What is asked is done, and the answer never goes out."""
    banned: bool = False
    looks: int = 0
    """How often it was asked what the site offers."""
    url: str = ""
    tokens: int = 0
    files: dict[str, bytes] = field(default_factory=dict)
    sio: Any = None

    def of(self, name: str) -> list[dict[str, Any]]:
        """All commands of one name that came."""
        return [body for asked, body in self.asked if asked == name]

    async def until(self, so: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait for a state."""
        async with asyncio.timeout(seconds):
            while not so():  # noqa: ASYNC110 (a state that others change)
                await asyncio.sleep(0.02)

    async def turn(self, **fields: Any) -> None:
        """The conversation changes."""
        self.conversation = {**(self.conversation or CONVERSATION), **fields}
        await self.sio.emit("conversation", self.conversation, namespace=NAMESPACE)

    async def write(
        self, text: str, by: str = "agent", kind: str = "text", name: str | None = "Anna", **more: Any
    ) -> None:
        """Somebody writes a line."""
        line = self._line(
            {"id": f"other-{len(self.lines) + 1}", "by": by, "kind": kind, "name": name, "text": text, **more}
        )
        await self.sio.emit("line", {"conversation": self._id, "line": line}, namespace=NAMESPACE)

    async def typing(self, seconds: float) -> None:
        """The agent types."""
        message = {"conversation": self._id, "name": "Anna", "until": time.time() + seconds}
        await self.sio.emit("typing", message, namespace=NAMESPACE)

    async def cut(self) -> None:
        """All connections break."""
        for sid in list(self.sio.manager.get_participants(NAMESPACE, None)):
            await self.sio.disconnect(sid[0], namespace=NAMESPACE)

    @property
    def _id(self) -> str:
        return self.conversation["id"] if self.conversation else ""

    def _line(self, fields: dict[str, Any]) -> dict[str, Any]:
        line = {"number": len(self.lines) + 1, "at": time.time(), **fields}
        self.lines.append(line)
        if self.conversation:
            self.conversation["last"] = line["number"]
        return line

    # --- what the widget asks ------------------------------------------------------------------------

    async def connect(self, sid: str, environ: dict[str, Any], auth: dict[str, Any]) -> None:
        """A tab comes."""
        if self.banned:
            raise ConnectionRefusedError("banned", {"code": "banned"})
        after = auth.get("after", 0)
        await self.sio.emit(
            "welcome",
            {
                "visitor": "visitor-1",
                "server_time": time.time(),
                "conversation": self.conversation,
                "lines": [line for line in self.lines if line["number"] > after][:200],
            },
            to=sid,
            namespace=NAMESPACE,
        )

    async def command(self, name: str, sid: str, body: dict[str, Any]) -> dict[str, Any]:
        """A command; it must be one of the contract."""
        VISITOR_COMMANDS[name].model_validate(body)
        self.asked.append((name, body))
        error = self.refuse(name, body)
        if error is not None:
            return {"ok": False, "error": error}
        answer = await getattr(self, f"_{name}", self._nothing)(body)
        if self.lose_answers:
            await self.sio.disconnect(sid, namespace=NAMESPACE)
        return {"ok": True, **answer}

    async def _nothing(self, body: dict[str, Any]) -> dict[str, Any]:
        return {}

    async def _open(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.conversation is None or self.conversation["state"] == "ended":
            self.lines = []
            self.conversation = {**CONVERSATION, "id": body["id"]}
        return {"conversation": self.conversation}

    async def _say(self, body: dict[str, Any]) -> dict[str, Any]:
        line = next((one for one in self.lines if one["id"] == body["id"]), None)
        if line is None:
            file = body.get("file")
            fields = {"id": body["id"], "by": "visitor", "name": None, "text": body.get("text", ""), "kind": "text"}
            if file:
                view = {"id": file, "name": "notes.txt", "type": "text/plain", "size": len(self.files[file])}
                fields |= {"kind": "file", "file": view}
            line = self._line(fields)
            await self.sio.emit("line", {"conversation": self._id, "line": line}, namespace=NAMESPACE)
        return {"number": line["number"], "at": line["at"]}

    async def _fetch(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"lines": [line for line in self.lines if line["number"] > body.get("after", 0)][:200]}

    async def _leave(self, body: dict[str, Any]) -> dict[str, Any]:
        await self.turn(state="ended", ended_by="visitor")
        return {"conversation": self.conversation}

    async def _leave_message(self, body: dict[str, Any]) -> dict[str, Any]:
        self.conversation = {**CONVERSATION, "id": body["id"], "state": "ended", "ended_by": "message"}
        return {"conversation": self.conversation}

    async def _request_callback(self, body: dict[str, Any]) -> dict[str, Any]:
        callback = {"phone": body["phone"], "state": "waiting", "from": body.get("since"), "to": body.get("until")}
        ended = {"state": "ended", "ended_by": "callback", "callback": callback}
        self.conversation = {**(self.conversation or {**CONVERSATION, "id": body["id"]}), **ended}
        return {"conversation": self.conversation}

    async def _cancel_callback(self, body: dict[str, Any]) -> dict[str, Any]:
        assert self.conversation is not None
        await self.turn(callback={**self.conversation["callback"], "state": "cancelled"})
        return {"conversation": self.conversation}

    async def _rate(self, body: dict[str, Any]) -> dict[str, Any]:
        await self.turn(rating=body["score"])
        return {"conversation": self.conversation}

    async def _cobrowse(self, body: dict[str, Any]) -> dict[str, Any]:
        await self.turn(cobrowse="on" if body["on"] else "off")
        return {"conversation": self.conversation}

    # --- what it fetches -----------------------------------------------------------------------------

    async def look(self, request: Request) -> Response:
        """The site."""
        self.looks += 1
        return JSONResponse(self.site)

    async def visitor(self, request: Request) -> Response:
        """A token."""
        self.tokens += 1
        token = {"token": "t", "visitor": "visitor-1", "name": None, "expires_at": time.time() + 86_400}
        return JSONResponse(token)

    async def upload(self, request: Request) -> Response:
        """A file."""
        content, name = await request.body(), request.query_params["name"]
        identity = f"file-{len(self.files) + 1}"
        self.files[identity] = content
        kind = request.headers.get("content-type", "")
        return JSONResponse({"id": identity, "name": name, "type": kind, "size": len(content)})

    async def download(self, request: Request) -> Response:
        """A file again."""
        return Response(self.files[request.path_params["id"]], media_type="application/octet-stream")


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A shop</title><script src="/chat/widget.js" data-site="demo" {data} async></script></head>
<body><main><h1>A shop</h1><p>What a fine day.</p></main></body></html>"""


async def _page(request: Request) -> Response:
    """A page as strict as can be; its query becomes the script's ``data-`` attributes."""
    data = " ".join(f'data-{name}="{value}"' for name, value in request.query_params.items())
    return HTMLResponse(PAGE.format(data=data), headers={"Content-Security-Policy": POLICY})


async def _texts(request: Request) -> Response:
    return JSONResponse(ARABIC)


async def _widget(request: Request) -> Response:
    return FileResponse(WIDGET, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _app(room: ChatRoom) -> Any:
    room.sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[], ping_interval=25, ping_timeout=20)
    room.sio.on("connect", room.connect, namespace=NAMESPACE)
    for name in VISITOR_COMMANDS:

        async def ask(sid: str, body: dict[str, Any], name: str = name) -> dict[str, Any]:
            return await room.command(name, sid, body)

        room.sio.on(name, ask, namespace=NAMESPACE)
    routes = [
        Route("/chat/widget.js", _widget),
        Route("/chat/api/site", room.look),
        Route("/chat/api/visitor", room.visitor, methods=["POST"]),
        Route("/chat/api/files", room.upload, methods=["POST"]),
        Route("/chat/api/files/{id}", room.download),
        Route("/page", _page),
        Route("/texts.json", _texts),
        Mount("/chat/demo", DemoShop()),
    ]
    return socketio.ASGIApp(room.sio, Starlette(routes=routes), socketio_path="/chat/socket.io")


@contextlib.asynccontextmanager
async def chat_room(**site: Any) -> AsyncIterator[ChatRoom]:
    """A running room; ended with the test."""
    room = ChatRoom()
    room.site |= site
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            _app(room), log_level="error", lifespan="off", ws="websockets-sansio", timeout_graceful_shutdown=1
        )
    )
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    room.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with contextlib.closing(listening):
        serving = asyncio.ensure_future(server.serve([listening]))
        try:
            await room.until(lambda: server.started)
            yield room
        finally:
            server.should_exit = True
            await serving
