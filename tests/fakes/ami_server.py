"""A manager interface by script: it logs clients in as Asterisk does and says what a test tells it to say."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cti_gateway.ami.codec import Message

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
Answer = Callable[[Message], bytes | None]


def block(*headers: tuple[str, str]) -> bytes:
    """Bytes of one message."""
    return "".join(f"{key}: {value}\r\n" for key, value in headers).encode() + b"\r\n"


def event(name: str, **headers: str) -> bytes:
    """Bytes of one event."""
    return block(("Event", name), ("Privilege", "call,all"), *headers.items())


def success(action: Message, **headers: str) -> bytes:
    """Bytes of a good response."""
    return block(("Response", "Success"), ("ActionID", action.action_id), *headers.items())


def error(action: Message, message: str) -> bytes:
    """Bytes of a bad response."""
    return block(("Response", "Error"), ("ActionID", action.action_id), ("Message", message))


def listing(action: Message, items: Iterable[tuple[str, dict[str, str]]], complete: str) -> bytes:
    """Bytes of a response, its items and the event that ends the list."""
    tag = ("ActionID", action.action_id)
    parts = [success(action, EventList="start", Message="will follow")]
    parts += [block(("Event", name), tag, *headers.items()) for name, headers in items]
    return b"".join(parts) + block(
        ("Event", complete), tag, ("EventList", "Complete"), ("ListItems", str(len(parts) - 1))
    )


@dataclass
class FakeSession:
    """One client of the fake."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    user: str | None = None
    events: bool = False
    challenge: str = ""
    seen: list[Message] = field(default_factory=list)


class FakePbx:
    """Listens on a free port of 127.0.0.1. What it does is set by its attributes, also while it runs."""

    def __init__(self, users: dict[str, str] | None = None, tls: object = None) -> None:
        self.users = {"cti": "secret"} if users is None else users
        self.banner: bytes | None = BANNER
        self.after_login = event("FullyBooted", Uptime="100")
        self.offers_md5 = True
        self.mute = False
        """Reads and never answers."""
        self.answers: dict[str, Answer] = {"Ping": lambda action: success(action, Ping="Pong")}
        self.sessions: list[FakeSession] = []
        self.connections = 0
        self.logins: list[tuple[str, bool]] = []
        """User and whether he got in."""
        self.actions: list[Message] = []
        self.port = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FakePbx:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def listen(self) -> None:
        """Open the port; the same one again after `close`."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)  # type: ignore[arg-type]
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Close the port and all connections, as a dying PBX does."""
        if self._server is not None:
            self._server.close()
        self.drop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server = None

    def drop(self) -> None:
        """Close all connections."""
        for session in self.sessions:
            session.writer.transport.abort()
        self.sessions.clear()

    def emit(self, data: bytes) -> None:
        """Write to all who have logged in and want events."""
        for session in self.sessions:
            if session.user and session.events:
                session.writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        session = FakeSession(reader, writer)
        self.sessions.append(session)
        try:
            if self.banner is not None:
                writer.write(self.banner)
            while True:
                raw = await reader.readuntil(b"\r\n\r\n")
                self._take(session, Message(raw[:-4]))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            if session in self.sessions:
                self.sessions.remove(session)
            with contextlib.suppress(Exception):
                writer.close()

    def _take(self, session: FakeSession, action: Message) -> None:
        self.actions.append(action)
        session.seen.append(action)
        if self.mute:
            return
        name = action.get("Action")
        if name == "Challenge":
            session.challenge = "123456789"
            answer = success(action, Challenge=session.challenge) if self.offers_md5 else error(action, "No challenge")
        elif name == "Login":
            answer = self._login(session, action)
        elif name == "Logoff":
            answer = block(("Response", "Goodbye"), ("ActionID", action.action_id))
        else:
            answer = self.answers.get(name, lambda a: error(a, "Invalid/unknown command"))(action) or b""
        session.writer.write(answer)
        if name == "Logoff":
            session.writer.close()

    def _login(self, session: FakeSession, action: Message) -> bytes:
        user = action.get("Username")
        secret = self.users.get(user, "\0")
        key = hashlib.md5((session.challenge + secret).encode()).hexdigest()
        good = action.get("Key") == key if action.get("AuthType") == "MD5" else action.get("Secret") == secret
        self.logins.append((user, good))
        if not good:
            return error(action, "Authentication failed")
        session.user = user
        session.events = action.get("Events") == "on"
        return success(action, Message="Authentication accepted") + self.after_login
