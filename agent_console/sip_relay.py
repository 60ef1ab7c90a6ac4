"""SIP over WebSocket on our own origin: ``/sip/{pbx}`` is carried to the PBX's own ``ws``, for signed-in people.

So one address, one TLS certificate and one sign-in serve both, and the PBX's HTTP port need not be reachable.
A frame is passed on when the PBX has taken the one before: nothing piles up here. Nothing of a frame is ever logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, unquote

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from agent_console.deps import ConsoleDeps
from agent_console.guard import Message, Receive, Scope, Send
from agent_console.phones import Account, BrowserPhones, account_of
from agent_console.sessions import check_page, credential
from agent_console.sip_frames import MAX_MESSAGE, Refused, check
from interaction_log.records import User

LOG = logging.getLogger(__name__)
PATH: Final = "/sip/"
OPEN_SECONDS: Final = 5.0
STUCK_SECONDS: Final = 10.0
"""How long one side may take nothing before the connection ends."""
BACKLOG: Final = 32
"""Frames of the PBX that may wait for the browser; then the PBX's socket is not read."""
MAX_TAB: Final = 64
POLICY, AWAY, ELSEWHERE, TAKEN = 1008, 1013, 4009, 4010
"""Close codes: not allowed; the PBX does not answer; the telephone is at another place; it was taken over there."""


@dataclass(eq=False)
class Line:
    """One open relay: whose it is, and how to end it."""

    account: Account
    token: str
    tab: str
    over: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = 1000

    def end(self, code: int) -> None:
        """Let it go; the first reason counts."""
        if not self.over.is_set():
            self.code = code
            self.over.set()


class Frames:
    """The browser's side of a relay, as ASGI gives it."""

    def __init__(self, receive: Receive, send: Send):
        self._receive, self._send = receive, send

    async def next(self) -> str | None:
        """The next frame; ``None`` when the browser went away. Bytes are no SIP of a browser: :class:`Refused`."""
        message: Message = await self._receive()
        if message["type"] == "websocket.disconnect":
            return None
        text = message.get("text")
        if not isinstance(text, str):
            raise Refused("not text")
        return text

    async def put(self, text: str) -> None:
        """To the browser; ``TimeoutError`` where it takes nothing."""
        async with asyncio.timeout(STUCK_SECONDS):
            await self._send({"type": "websocket.send", "text": text})


class SipRelay:
    """ASGI application for ``/sip/{pbx}``. One telephone is at one place: a second asks first (``?take=1``)."""

    def __init__(self, deps: ConsoleDeps):
        self._deps = deps
        self._phones: dict[str, BrowserPhones] = {one.pbx: one for one in deps.browser_phones}
        self._lines: dict[tuple[str, str], Line] = {}

    @property
    def open(self) -> int:
        """How many telephones are connected now."""
        return len(self._lines)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI, WebSocket only."""
        await receive()  # websocket.connect
        line = await self._admit(scope)
        if line is None:
            await send({"type": "websocket.close", "code": POLICY})
            return
        await send({"type": "websocket.accept", "subprotocol": "sip"})
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if not self._take(line, query.get("take") == ["1"]):
            await send({"type": "websocket.close", "code": ELSEWHERE})
            return
        try:
            await self._carry(line, Frames(receive, send))
        finally:
            if self._lines.get(_key(line)) is line:
                del self._lines[_key(line)]
            with contextlib.suppress(Exception):  # it is closed already when the browser left
                await send({"type": "websocket.close", "code": line.code})

    # ---- Who may -----------------------------------------------------------------------------------------
    async def _admit(self, scope: Scope) -> Line | None:
        headers = scope["headers"]
        found = credential(headers)
        if found is None or "sip" not in scope.get("subprotocols", ()):
            return None
        if check_page(headers, found.source, self._deps.public_url) is not None:
            return None
        user = await self._user(found.token)
        account = self._account(scope, user) if user is not None else None
        if account is None:
            return None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return Line(account, found.token, query.get("tab", [""])[0][:MAX_TAB])

    def _account(self, scope: Scope, user: User) -> Account | None:
        pbx = unquote(str(scope["path"]).removeprefix(PATH))
        return account_of(self._phones.values(), user.devices, pbx) if pbx in self._phones else None

    async def _user(self, token: str) -> User | None:
        user = await self._deps.users.session_user(token)
        return None if user is None or user.disabled else user

    def _take(self, line: Line, by_force: bool) -> bool:
        """Make it the one; the same tab comes back after a cut, another one only when its person said so."""
        other = self._lines.get(_key(line))
        if other is not None:
            if other.tab != line.tab and not by_force:
                return False
            other.end(TAKEN)
        self._lines[_key(line)] = line
        return True

    # ---- Carrying ----------------------------------------------------------------------------------------
    async def _carry(self, line: Line, browser: Frames) -> None:
        url = self._phones[line.account.pbx].websocket_url
        try:
            pbx = await connect(
                url,
                subprotocols=[Subprotocol("sip")],
                compression=None,
                max_size=MAX_MESSAGE,
                max_queue=BACKLOG,
                ping_interval=None,  # the browser's own keep-alive and registration pass through here
                open_timeout=OPEN_SECONDS,
                close_timeout=1.0,
                proxy=None,
            )
        except (OSError, TimeoutError, WebSocketException) as error:
            LOG.warning("the SIP WebSocket of PBX %s cannot be reached: %s", line.account.pbx, type(error).__name__)
            line.end(AWAY)
            return
        try:
            await self._until_one_ends(line, browser, pbx)
        finally:
            await pbx.close()

    async def _until_one_ends(self, line: Line, browser: Frames, pbx: ClientConnection) -> None:
        work: list[Callable[[], Awaitable[None]]] = [
            lambda: self._to_pbx(line, browser, pbx),
            lambda: self._to_browser(line, browser, pbx),
            lambda: self._while_signed_in(line),
            lambda: _wait(line.over),
        ]
        tasks = [asyncio.ensure_future(one()) for one in work]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            for result in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(result, Exception):
                    LOG.debug("a SIP relay ended: %s", type(result).__name__)
            line.end(1001)

    async def _to_pbx(self, line: Line, browser: Frames, pbx: ClientConnection) -> None:
        try:
            while (frame := await browser.next()) is not None:
                check(frame, line.account.username)
                async with asyncio.timeout(STUCK_SECONDS):
                    await pbx.send(frame)
        except Refused as refused:
            LOG.warning("a SIP message of %s was refused: %s", line.account.device, refused)
            line.end(POLICY)
        except ConnectionClosed:
            line.end(AWAY)

    async def _to_browser(self, line: Line, browser: Frames, pbx: ClientConnection) -> None:
        async for frame in pbx:
            await browser.put(frame if isinstance(frame, str) else frame.decode("utf-8", "replace"))
        line.end(AWAY)

    async def _while_signed_in(self, line: Line) -> None:
        """Return when the session ended, the person was disabled or got another telephone."""
        while True:
            await asyncio.sleep(self._deps.revocation_check_seconds)
            try:
                user = await self._user(line.token)
            except Exception as error:  # the database is away: nobody is cut for that
                LOG.debug("a session could not be checked: %s", type(error).__name__)
                continue
            phones = [self._phones[line.account.pbx]]
            if user is None or account_of(phones, user.devices) != line.account:
                line.end(POLICY)
                return


def _key(line: Line) -> tuple[str, str]:
    return line.account.pbx, line.account.device


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
