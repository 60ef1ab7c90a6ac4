"""The bare echo: the same stack as the visitors' server (uvloop, uvicorn, python-socketio, our way of writing to a
socket), and a bare group commit: a line in, one row in SQLite (``synchronous=FULL``), the answer and the line out.

``python -m bench.chat_echo FOLDER`` serves on a free port and prints its address.
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
from pathlib import Path
from typing import Any

import socketio
import uvicorn
import uvloop

from agent_console.server import ConsoleWebSocket
from agent_console.sockets import WRITE
from interaction_log.web.emit import QueueEmitter, make_patient

NAMESPACE = "/chat"
BATCH = 500


class BareWriter:
    """One thread, one queue, one ``executemany`` a group."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inbox: queue.SimpleQueue[tuple[tuple[str, float, str], asyncio.Future[int]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def put(self, row: tuple[str, float, str]) -> asyncio.Future[int]:
        """Done when it is on the disk."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._inbox.put((row, future))
        return future

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
            done = [(future, number + n + 1) for n, (_, future) in enumerate(taken)]
            number += len(taken)
            taken[0][1].get_loop().call_soon_threadsafe(_settle, done)


def _settle(done: list[tuple[asyncio.Future[int], int]]) -> None:
    for future, number in done:
        if not future.done():
            future.set_result(number)


class Echo:
    """Visitors of no site."""

    def __init__(self, folder: Path) -> None:
        self.sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins=[], http_compression=False)
        self.sio.on("connect", self._came, namespace=NAMESPACE)
        self.sio.on("say", self._say, namespace=NAMESPACE)
        self._emitter = QueueEmitter(self.sio)
        self._writer = BareWriter(folder / "echo.db")

    async def _came(self, sid: str, environ: dict[str, Any], auth: dict[str, str]) -> None:
        eio_sid = self.sio.manager.eio_sid_from_sid(sid, NAMESPACE)
        make_patient(self.sio.eio.sockets[eio_sid], environ["asgi.scope"]["extensions"].get(WRITE))
        asyncio.get_running_loop().call_soon(self._send, sid, "welcome", {"conversation": None, "lines": []})

    async def _say(self, sid: str, body: dict[str, Any]) -> dict[str, Any]:
        at = time.time()
        number = await self._writer.put((body["id"], at, body["text"]))
        line = {"number": number, "id": body["id"], "by": "visitor", "name": None, "at": at, "kind": "text"}
        self._send(sid, "line", {"conversation": "0" * 36, "line": {**line, "text": body["text"]}})
        return {"ok": True, "number": number, "at": at}

    def _send(self, sid: str, name: str, body: dict[str, Any]) -> None:
        eio_sid = self.sio.manager.eio_sid_from_sid(sid, NAMESPACE)
        self._emitter.send(sid, eio_sid, NAMESPACE, name, json.dumps(body, separators=(",", ":")))


async def main(folder: Path) -> None:
    """Serve, never end."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        socketio.ASGIApp(Echo(folder).sio, socketio_path="/chat/socket.io"),
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
    uvloop.run(main(Path(sys.argv[1])))
