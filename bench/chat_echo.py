"""The bare echo: the same stack as the visitors' server (uvloop, uvicorn, python-socketio, our way of writing to a
socket, the program's settings of the interpreter), and a bare group commit: a line in, one row in SQLite
(``synchronous=FULL``), the answer and the line out. It checks nothing, seals nothing and numbers no conversation.

``python -m bench.chat_echo FOLDER`` serves on a free port and prints its address. With ``direct`` behind it, lines are
read past engine.io too, as the visitors' server reads them: no task, timer or future for a message. That is the barest
that this stack can do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import socketio
import uvicorn
import uvloop

from agent_console.server import ConsoleWebSocket
from agent_console.sockets import WRITE
from cti_gateway.memory import Looks, spare_collections
from interaction_log.web.emit import QueueEmitter, make_patient

NAMESPACE = "/chat"
EVENT = f"42{NAMESPACE},"
BATCH = 500
SWITCH_SECONDS = 0.0005
"""As ``cti_gateway.composition.loop`` has it, which cannot be imported without its event loop."""
Done = Callable[[int], object]


class BareWriter:
    """One thread, one queue, one ``executemany`` a group."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inbox: queue.SimpleQueue[tuple[tuple[str, float, str], Done]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, row: tuple[str, float, str], done: Done) -> None:
        """``done`` hears its number when it is on the disk."""
        self._inbox.put((row, done))

    def _run(self) -> None:
        database = sqlite3.connect(self._path, isolation_level=None)
        for text in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE lines (id TEXT PRIMARY KEY, at REAL NOT NULL, text TEXT NOT NULL)",
        ):
            database.execute(text).fetchall()
        number = 0
        while True:
            taken = [self._inbox.get()]
            with contextlib.suppress(queue.Empty):
                while len(taken) < BATCH:
                    taken.append(self._inbox.get_nowait())
            database.execute("BEGIN IMMEDIATE")
            database.executemany("INSERT INTO lines VALUES (?, ?, ?)", [row for row, _ in taken])
            database.execute("COMMIT")
            told = [(done, number + n + 1) for n, (_, done) in enumerate(taken)]
            number += len(taken)
            self._loop.call_soon_threadsafe(_settle, told)


def _settle(told: list[tuple[Done, int]]) -> None:
    for done, number in told:
        done(number)


class Echo:
    """Visitors of no site."""

    def __init__(self, folder: Path) -> None:
        self.sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[], http_compression=False)
        self.sio.on("connect", self._came, namespace=NAMESPACE)
        self.sio.on("say", self._say, namespace=NAMESPACE)
        self._emitter = QueueEmitter(self.sio)
        self.writer = BareWriter(folder / "echo.db")

    async def _came(self, sid: str, environ: dict[str, Any], auth: dict[str, str]) -> None:
        eio_sid = self.sio.manager.eio_sid_from_sid(sid, NAMESPACE)
        make_patient(self.sio.eio.sockets[eio_sid], environ["asgi.scope"]["extensions"].get(WRITE))
        asyncio.get_running_loop().call_soon(self._send, sid, "welcome", {"conversation": None, "lines": []})

    async def _say(self, sid: str, body: dict[str, Any]) -> dict[str, Any]:
        at = time.time()
        written: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.writer.put((body["id"], at, body["text"]), written.set_result)
        number = await written
        self._send(sid, "line", line_of(number, body, at))
        return {"ok": True, "number": number, "at": at}

    def _send(self, sid: str, name: str, body: dict[str, Any]) -> None:
        eio_sid = self.sio.manager.eio_sid_from_sid(sid, NAMESPACE)
        self._emitter.send(sid, eio_sid, NAMESPACE, name, json.dumps(body, separators=(",", ":")))


def line_of(number: int, body: dict[str, Any], at: float) -> dict[str, Any]:
    """A line as everybody is told of it."""
    line = {"number": number, "id": body["id"], "by": "visitor", "name": None, "at": at, "kind": "text"}
    return {"conversation": "0" * 36, "line": {**line, "text": body["text"]}}


class Direct:
    """Before the echo: takes the lines itself."""

    def __init__(self, app: Any, writer: BareWriter) -> None:
        self._app, self._writer = app, writer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""

        async def following() -> Any:
            while True:
                message = await receive()
                text = message.get("text") or ""
                if not text.startswith(EVENT):
                    return message
                self._take(text, scope["extensions"][WRITE])

        await self._app(scope, following if scope["type"] == "websocket" else receive, send)

    def _take(self, text: str, write: Callable[[str], bool]) -> None:
        id, _, rest = text[len(EVENT) :].partition("[")
        body, at = json.loads(f"[{rest}")[1], time.time()

        def written(number: int) -> None:
            write(f'42{NAMESPACE},["line",{json.dumps(line_of(number, body, at), separators=(",", ":"))}]')
            write(f"43{NAMESPACE},{id}[{json.dumps({'ok': True, 'number': number, 'at': at}, separators=(',', ':'))}]")

        self._writer.put((body["id"], at, body["text"]), written)


async def main(folder: Path, direct: bool) -> None:
    """Serve, never end."""
    spare_collections()
    Looks().start()
    sys.setswitchinterval(SWITCH_SECONDS)
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    echo = Echo(folder)
    app = socketio.ASGIApp(echo.sio, socketio_path="/chat/socket.io")
    config = uvicorn.Config(
        Direct(app, echo.writer) if direct else app,
        ws=ConsoleWebSocket,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)
    await server.serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]), "direct" in sys.argv[2:]))
