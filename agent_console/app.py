"""REST and Socket.IO in one ASGI application; :func:`build_app` puts the parts together."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import socketio
from fastapi import FastAPI, Request
from fastapi.responses import Response

from agent_console import (
    describing,
    health,
    problems,
    rest_alarms,
    rest_audit,
    rest_cases,
    rest_catalogue,
    rest_chat_bans,
    rest_chat_sites,
    rest_chats,
    rest_colleagues,
    rest_customers,
    rest_held_mail,
    rest_identity,
    rest_imports,
    rest_interactions,
    rest_knowledge,
    rest_lines,
    rest_live,
    rest_missed,
    rest_phone,
    rest_privacy,
    rest_recordings,
    rest_records,
    rest_reports,
    rest_roles,
    rest_search,
    rest_session,
    rest_surveys,
    rest_tasks,
    rest_users,
    rest_voicemail,
)
from agent_console.choices import Choices
from agent_console.commands import Commands
from agent_console.deps import ConsoleDeps
from agent_console.dialling import unmasking
from agent_console.guard import Guard, Receive, Scope, Send
from agent_console.metrics import Metrics
from agent_console.sip_relay import SipRelay
from agent_console.snapshots import Snapshots
from agent_console.sockets import ConsoleSockets
from agent_console.static import BrowserApp
from agent_console.veil import Veil
from agent_console.watch import watch_sessions
from agent_console.wire import SUPERVISOR_COMMANDS
from interaction_log.web.connections import PeerServer
from interaction_log.web.emit import emitter_for

__all__ = ["ConsoleApp", "ConsoleDeps", "build_app"]


class SocketApp:
    """python-socketio's ASGI application, which neither ends with an exception nor leaves a dead connection behind."""

    def __init__(self, sockets: PeerServer[Any]):
        self._sockets = sockets
        self._inner = socketio.ASGIApp(sockets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "websocket":
            await self._sockets.websocket(self._inner, dict(scope), receive, send)
        else:
            await self._inner(scope, receive, send)


class ConsoleApp:
    """The ASGI application. ``start`` and ``stop`` run its background work; ``agent_console.server`` calls them."""

    def __init__(self, deps: ConsoleDeps, api: FastAPI, sockets: ConsoleSockets):
        self.deps = deps
        self.api = api
        self.sockets = sockets
        self._guard = Guard(
            Veil(api, sockets.sensitive), SocketApp(sockets), deps.public_url, SipRelay(deps), deps.visitors
        )
        self._watch: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        await self._guard(scope, receive, send)

    def start(self) -> None:
        """Begin to watch the sessions."""
        self._watch = asyncio.ensure_future(watch_sessions(self.deps, self.sockets.sensitive))
        if self.deps.visitors is not None:
            self.deps.visitors.start()

    async def stop(self) -> None:
        """End all that runs in the background."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        if self.deps.visitors is not None:
            await self.deps.visitors.stop()
        await self.sockets.stop()


def build_app(deps: ConsoleDeps) -> ConsoleApp:
    """The application over these stores and this hub; connects ``deps.consoles`` with its sockets."""
    metrics = Metrics(deps.live, deps.consoles, deps.wall)
    commands = Commands(unmasking(deps, deps.live.submit), metrics.shown, deps.now)
    oversight = Commands(deps.live.oversee, metrics.shown, deps.now, SUPERVISOR_COMMANDS)
    choices = Choices(deps)
    sockets = ConsoleSockets(deps, commands, oversight, Snapshots(deps, choices).prepare)
    deps.consoles.observe = metrics.observe
    deps.consoles.attach(emitter_for(sockets, deps.queue_limit), sockets.cut)
    return ConsoleApp(deps, _api(deps, metrics, choices), sockets)


def _api(deps: ConsoleDeps, metrics: Metrics, choices: Choices) -> FastAPI:
    api = FastAPI(title="Callweave", version=deps.version, openapi_url=None, docs_url=None, redoc_url=None)
    describing.describe(api)
    problems.install(api)
    parts = health.Health(deps)
    api.include_router(health.routes(deps, parts, metrics))
    for module in (rest_roles, rest_audit, rest_search, rest_privacy):
        api.include_router(module.routes(deps))
    api.include_router(rest_identity.routes(deps))  # its /suggestions is no customer
    for module in (rest_session, rest_users, rest_customers, rest_interactions, rest_phone):
        api.include_router(module.routes(deps))
    api.include_router(rest_catalogue.routes(deps, choices))
    for module in (rest_records, rest_cases, rest_tasks):
        api.include_router(module.routes(deps))
    for module in (rest_missed, rest_voicemail, rest_lines):
        api.include_router(module.routes(deps))
    api.include_router(rest_recordings.routes(deps))
    api.include_router(rest_reports.routes(deps))
    api.include_router(rest_colleagues.routes(deps))
    api.include_router(rest_surveys.routes(deps))
    for part in (rest_imports, rest_knowledge, rest_chats, rest_chat_sites, rest_chat_bans, rest_held_mail):
        api.include_router(part.routes(deps))
    api.include_router(rest_live.routes(deps, parts))
    api.include_router(rest_alarms.routes(deps))

    @api.api_route("/api/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    async def nothing(path: str, request: Request) -> Response:
        return problems.answer(404, "There is no such thing.")

    api.mount("/", BrowserApp(deps.dist), name="browser")
    return api
