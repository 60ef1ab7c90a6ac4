"""Callweave as a process of its own, and a console that talks to it as a browser does."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import socketio

from interaction_log.records import User
from interaction_log.store import Store
from tests.fakes import forge
from tests.fakes.patience import PATIENCE

PASSWORD = "correct horse battery"
PEOPLE = (
    User(name="anna", display_name="Anna", role="agent", devices=["PJSIP/1001"]),
    User(name="ben", display_name="Ben", role="agent", devices=["PJSIP/1002"]),
    User(name="sofia", display_name="Sofia", role="supervisor"),
)
TOML = """
[http]
port = 0
[database]
url = "sqlite:///callweave.db"
journal = "journal"
[[pbx]]
name = "lab"
port = {port}
username = "{username}"
secret = "{secret}"
devices = ["PJSIP/10??"]
trunks = ["PJSIP/pstn"]
outbound_prefix = "9"
{more}
[[queue]]
name = "support"
wrap_up_seconds = {wrap_up}
"""
SESSIONS = "sessions.json"
"""Tokens by person, open from the start."""


async def prepare(
    folder: Path,
    *,
    port: int,
    secret: str,
    username: str = "callweave",
    wrap_up: int = 30,
    more: str = "",
    people: Sequence[User] = (),
) -> Path:
    """A configuration and a database with one customer, three people and these."""
    config = folder / "callweave.toml"
    config.touch(mode=0o600)
    config.write_text(TOML.format(port=port, username=username, secret=secret, wrap_up=wrap_up, more=more))
    database, sessions = await _made((*PEOPLE, *people))
    (folder / "callweave.db").write_bytes(database)
    (folder / SESSIONS).write_text(json.dumps(sessions))
    return config


_MADE: dict[str, tuple[bytes, dict[str, list[str]]]] = {}


async def _made(people: Sequence[User]) -> tuple[bytes, dict[str, list[str]]]:
    """The database, and tokens by person. Made once for all tests: passwords cost a quarter of a second each."""
    if (known := _MADE.get(repr(people))) is not None:
        return known
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "callweave.db"
        store = await asyncio.to_thread(Store.open, f"sqlite:///{path}", default_region="CN")
        for user in people:
            await store.users.create(user, PASSWORD)
        await store.customers.create({"name": "李雷", "phones": ["+8613800138000"]})
        sessions = {user.name: [await store.users.open_session(user.name) for _ in range(4)] for user in people}
        await asyncio.to_thread(store.close)
        assert not path.with_name("callweave.db-wal").exists(), "all of it is in the one file"
        return _MADE.setdefault(repr(people), (path.read_bytes(), sessions))


class Program:
    """``cti run`` as a child. `url` is where it serves, once it says that it is ready."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder, self.arguments = folder, arguments
        self.url = ""
        self.said: list[str] = []
        self.process: forge.Forged | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._reader: asyncio.Task[None] | None = None
        opened = folder / SESSIONS
        self._sessions: dict[str, list[str]] = json.loads(opened.read_text()) if opened.exists() else {}
        self._mine: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.kill()  # one that was too slow must not go on beside the next test
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, _: object, __: TracebackType | None) -> None:
        await self.kill()
        if kind is not None:
            print(self.errors())
        self._errors.close()

    async def start(self, within: float = 2 * PATIENCE) -> None:
        """Return when it is ready."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("CTI_")}
        self.process = await forge.fork(
            ["run", *self.arguments],
            cwd=self.folder,
            env=environ | {"CTI_HTTP__PORT": "0", "PYTHONPATH": str(Path(__file__).parents[2])},
            stderr=self._errors.fileno(),
        )
        async with asyncio.timeout(within):
            while True:
                line = (await self.process.stdout.readline()).decode()
                if not line:
                    raise RuntimeError(f"it ended: {self.errors()}")
                self.said.append(line)
                if found := re.search(r"is ready: (https?://\S+)/", line):
                    self.url = found[1]
                    break
        self._reader = asyncio.ensure_future(self._read_on())

    async def _read_on(self) -> None:
        assert self.process is not None
        while line := await self.process.stdout.readline():
            self.said.append(line.decode())

    def errors(self) -> str:
        """What it wrote to stderr."""
        self._errors.seek(0)
        return self._errors.read().decode()

    async def end(self, how: signal.Signals = signal.SIGTERM, within: float = 12.0) -> int:
        """Ask it to end; its exit code."""
        assert self.process is not None
        self.process.send_signal(how)
        code = await asyncio.wait_for(self.process.wait(), within)
        if self._reader is not None:
            await self._reader
        return code

    async def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process is not None and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()

    def http(self, token: str = "") -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=PATIENCE)

    async def sign_in(self, name: str, password: str = PASSWORD) -> str:
        """A token: one of those that were open from the start, else by the password."""
        if password == PASSWORD and self._sessions.get(name):
            return self._sessions[name].pop()
        async with self.http() as http:
            answer = await http.post("/api/session", json={"username": name, "password": password})
            answer.raise_for_status()
            return str(answer.json()["token"])

    async def interactions(self, name: str = "sofia", password: str = PASSWORD) -> list[dict[str, Any]]:
        """The whole log."""
        if name not in self._mine:
            self._mine[name] = await self.sign_in(name, password)
        async with self.http(self._mine[name]) as http:
            answer = await http.get("/api/interactions", params={"limit": 100})
            answer.raise_for_status()
            return list(answer.json()["items"])

    async def log(
        self, so: Callable[[list[dict[str, Any]]], object] | None = None, seconds: float = PATIENCE
    ) -> list[dict[str, Any]]:
        """The log, once it is so; by default: once no call in it is open."""
        found: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(seconds):
                while not (found and (so(found) if so else all(one["ended_at"] is not None for one in found))):
                    await asyncio.sleep(0.05)  # over REST
                    found = await self.interactions()
        except TimeoutError:
            raise TimeoutError(found) from None
        return found

    async def only(
        self, so: Callable[[dict[str, Any]], object] | None = None, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """The only interaction of the log, once it is so; by default: once it is over."""

        def one(log: list[dict[str, Any]]) -> object:
            assert len(log) == 1, [(item["direction"], item["customer_address"]) for item in log]
            return so(log[0]) if so else log[0]["ended_at"] is not None

        return (await self.log(one, seconds))[0]


class Desk:
    """One console of one agent. Keeps all messages."""

    def __init__(self, program: Program, name: str, password: str = PASSWORD) -> None:
        self.program, self.name, self.password = program, name, password
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.token = ""
        self._client = socketio.AsyncClient(reconnection=False)
        self._news = asyncio.Event()
        self._ids = itertools.count(1)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, token: str = "", after: int | None = None) -> None:
        self.token = token or await self.program.sign_in(self.name, self.password)
        self._client = socketio.AsyncClient(reconnection=False)
        self._client.on("*", self._take, namespace="/agent")
        auth = {"token": self.token} | ({} if after is None else {"after": after})
        await self._client.connect(
            self.program.url, auth=auth, namespaces=["/agent"], transports=["websocket"], wait_timeout=PATIENCE
        )

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self._client.disconnect()

    def _take(self, name: str, body: dict[str, Any]) -> None:
        self.got.append((name, body))
        self._news.set()

    def of(self, name: str) -> list[dict[str, Any]]:
        return [body for what, body in self.got if what == name]

    async def wait(
        self, name: str, which: Callable[[dict[str, Any]], object] = lambda _: True, seconds: float = PATIENCE
    ) -> dict[str, Any]:
        """The first such message, also of before."""
        async with asyncio.timeout(seconds):
            while True:
                self._news.clear()
                found = next((body for body in self.of(name) if which(body)), None)
                if found is not None:
                    return found
                await self._news.wait()

    async def state(self, state: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until the last word about this agent is this state."""
        async with asyncio.timeout(seconds):
            while True:
                self._news.clear()
                last = self.agent()
                if last is not None and last["state"] == state:
                    return last
                await self._news.wait()

    def agent(self) -> dict[str, Any] | None:
        """What was said of this agent last."""
        said = [b["agent"] for what, b in self.got if what in ("snapshot", "agent_state")]
        return said[-1] if said else None

    async def command(self, name: str, **body: Any) -> dict[str, Any]:
        """The acknowledgement; the command's id is in it as ``id``."""
        number = f"{self.name}-{next(self._ids)}-{id(self):x}"
        ack = await self._client.call(name, {"id": number, **body}, namespace="/agent", timeout=PATIENCE)
        return {**ack, "id": number}

    async def done(self, name: str, **body: Any) -> dict[str, Any]:
        """Do it; the observed outcome."""
        ack = await self.command(name, **body)
        assert ack["ok"], ack
        return await self.wait("command_result", lambda m: m["id"] == ack["id"])

    def chain_is_whole(self) -> bool:
        numbers = [(body["prev"], body["seq"]) for _, body in self.got]
        return all(b[0] == a[1] and b[1] > a[1] for a, b in itertools.pairwise(numbers))
