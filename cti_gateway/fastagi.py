"""Where the gateway is asked at call entry, on Twisted: FastAGI itself, and the unix socket of the process in front.

Both hand a :class:`~cti_gateway.agi.lines.Question` to one ``ask`` and say what it answers. Deferreds end here.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

from cti_gateway.agi import lines
from cti_gateway.agi.codec import AgiError, Conversation, Environment
from cti_gateway.agi.lines import Question, Variables
from cti_gateway.bridge import as_future

log = logging.getLogger(__name__)

Ask = Callable[[Question], Awaitable[Variables]]
Spawn = Callable[[Coroutine[Any, Any, None]], object]

SILENCE_SECONDS: Final = 5.0
"""A FastAGI connection on which nothing was said for so long is closed: no caller is held by it."""
PATIENCE_SECONDS: Final = 0.8
MOST_ASKING: Final = 200
"""Questions that are being answered at once; more get no answer, so that the front gives its default."""


class _Asking:
    """What both protocols share: the answers that are being made."""

    def __init__(self, ask: Ask, spawn: Spawn) -> None:
        self.ask, self.spawn = ask, spawn
        self.running = 0
        self.answered = self.late = self.failed = 0

    async def variables(self, question: Question) -> Variables | None:
        """The answer; ``None`` if there is none in time."""
        if time.monotonic() >= question.until or self.running >= MOST_ASKING:
            self.late += 1
            return None
        self.running += 1
        try:
            found = await self.ask(question)
        except Exception:
            self.failed += 1
            log.exception("a question at call entry could not be answered")
            return None
        finally:
            self.running -= 1
        self.answered += 1
        return found


class _FrontLink(LineOnlyReceiver):
    """One process in front of us. It may be of an earlier life of ours."""

    delimiter = b"\n"
    MAX_LENGTH = lines.MAX_LINE

    def __init__(self, asking: _Asking, server: EntryServer) -> None:
        self.asking, self.server = asking, server
        self.hello: dict[str, Any] = {}
        self.wire: Any = None  # Twisted's interfaces mean nothing to a type checker without a plug-in

    def connectionMade(self) -> None:
        self.wire = self.transport
        self.server.fronts.add(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.server.fronts.discard(self)

    def lineReceived(self, line: bytes) -> None:
        try:
            data = lines.decode(line)
            if isinstance(data.get("hello"), dict):
                self.hello = data["hello"]
                return
            question = lines.question_from(data)
        except lines.LineError:
            log.warning("the process in front asked what is no question")
            return
        self.asking.spawn(self._answer(question))

    async def _answer(self, question: Question) -> None:
        variables = await self.asking.variables(question)
        if variables is not None:
            self.say({"id": question.id, "set": variables})

    def say(self, data: dict[str, Any]) -> None:
        """Send one object."""
        if self.connected:
            self.wire.write(lines.encode(data))


class _AgiCall(Protocol):
    """One call that asks us directly, without the process in front."""

    def __init__(self, asking: _Asking, clock: Any, number: int) -> None:
        self.asking, self.clock, self.number = asking, clock, number
        self.talk = Conversation()
        self.wire: Any = None
        self._silence: Any = None

    def connectionMade(self) -> None:
        self.wire = self.transport
        self._silence = self.clock.callLater(SILENCE_SECONDS, self._close)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.talk.over = True
        if self._silence is not None and self._silence.active():
            self._silence.cancel()

    def dataReceived(self, data: bytes) -> None:
        before = self.talk.asked
        try:
            self._write(self.talk.receive(data))
        except AgiError as error:
            log.warning("a call that asked directly was not understood: %s", error)
            self._close()
            return
        if self.talk.asked is not None and before is None:
            self.asking.spawn(self._answer(self.talk.asked))
        if self.talk.over:
            self._close()

    async def _answer(self, asked: Environment) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        try:
            question = None if asked.torn else lines.question_of(asked, self.number, until)
            found = await self.asking.variables(question) if question is not None else None
            commands = lines.commands(lines.default_answer(asked) if found is None else found)
        except ValueError:  # AgiError, or a query that is none
            commands = []
        if not self.talk.over:
            self._write(self.talk.answer(commands))
            if not commands:
                self._close()

    def _write(self, data: bytes) -> None:
        if data:
            self.wire.write(data)

    def _close(self) -> None:
        self.wire.loseConnection()


class _Fronts(Factory):
    def __init__(self, server: EntryServer) -> None:
        self.server = server

    def buildProtocol(self, addr: IAddress | None) -> _FrontLink:
        return _FrontLink(self.server.asking, self.server)


class _Calls(Factory):
    def __init__(self, server: EntryServer, clock: Any) -> None:
        self.server, self.clock = server, clock
        self._numbers = itertools.count(1)

    def buildProtocol(self, addr: IAddress | None) -> _AgiCall:
        return _AgiCall(self.server.asking, self.clock, next(self._numbers))


class EntryServer:
    """Listens on the unix socket and, where wanted, on a TCP port for FastAGI itself."""

    def __init__(self, ask: Ask, spawn: Spawn, reactor: Any, clock: Any) -> None:
        self.asking = _Asking(ask, spawn)
        self.fronts: set[_FrontLink] = set()
        self.port = 0
        self._reactor, self._clock = reactor, clock
        self._ports: list[Any] = []

    def listen_unix(self, path: Path) -> None:
        """Listen for the process in front. A socket that an earlier life left is removed: one process leads."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        self._ports.append(self._reactor.listenUNIX(os.fspath(path), _Fronts(self), mode=0o660))

    def listen_tcp(self, host: str, port: int) -> int:
        """Listen for FastAGI itself; the port (0: any free one). Raises ``OSError``'s like of Twisted."""
        listening = self._reactor.listenTCP(port, _Calls(self, self._clock), interface=host)
        self._ports.append(listening)
        self.port = listening.getHost().port
        return self.port

    def dismiss(self) -> None:
        """Tell the fronts that a gateway started to end."""
        for front in list(self.fronts):
            front.say({"stop": True})

    async def stop(self) -> None:
        """Close everything."""
        for port in self._ports:
            closing = port.stopListening()
            if closing is not None:
                await as_future(closing)
        for front in list(self.fronts):
            front.wire.loseConnection()
