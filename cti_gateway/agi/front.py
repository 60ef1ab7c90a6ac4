"""The process in front of the gateway: it takes the FastAGI connections and always answers.

It asks the gateway over a unix socket. When the gateway is slow, frozen or not there, the caller gets the default (the
queue that the dialplan itself named) within ``patience``: Asterisk has no read time-out of its own (AMI-FACTS 7).
It knows nothing that could be lost, so it may be ended and started at any time; it needs nothing of the gateway to run.

Alone: ``cti agi-front``, or ``python -m cti_gateway.agi.front --port 4573 --socket PATH``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import ipaddress
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cti_gateway.agi import lines
from cti_gateway.agi.codec import AgiError, Conversation, Environment

log = logging.getLogger(__name__)

PORT: Final = 4573
"""The port of FastAGI (Asterisk's default)."""
PATIENCE_SECONDS: Final = 0.8
"""How long the gateway is waited for; the caller goes on within a second (AMI-FACTS 7)."""
READ_SECONDS: Final = 2.0
"""How long Asterisk may take for its next line; on one machine it takes microseconds."""
MOST_CALLS: Final = 500
"""More connections at once are closed unheard: the dialplan goes on by itself then."""
MOST_UNSENT: Final = 256 * 1024
"""Bytes that a gateway which does not read may leave lying; above, it is not even asked."""
RECONNECT_SECONDS: Final = 0.25
END_SECONDS: Final = 1.0
MAX_READ: Final = 16_384
ADDRESS_TAKEN: Final = 75
"""Exit code: somebody else listens there already, probably the front of a gateway that died (sysexits EX_TEMPFAIL)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen, whom to ask. ``allowed``: networks that may ask; empty: everybody who can connect."""

    socket: Path
    host: str = "127.0.0.1"
    port: int = PORT
    patience: float = PATIENCE_SECONDS
    allowed: tuple[str, ...] = ()
    child: bool = False


class Front:
    """Listens, asks, answers."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.port = settings.port
        self.answered = self.defaulted = self.failed = 0
        self.stopping = asyncio.Event()
        self._networks = [ipaddress.ip_network(one, strict=False) for one in settings.allowed]
        self._waiting: dict[int, asyncio.Future[lines.Variables]] = {}
        self._number = 0
        self._gateway: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; raises ``OSError``."""
        self._server = await asyncio.start_server(self._taken, self.settings.host, self.settings.port, backlog=256)
        self.port = self._server.sockets[0].getsockname()[1]
        self._keeper = asyncio.create_task(self._keep_link())

    async def stop(self) -> None:
        """Take no more calls, let those that are being answered end."""
        if self._server is not None:
            self._server.close()
        if self._calls:
            await asyncio.wait(set(self._calls), timeout=END_SECONDS)
        for task in (*self._calls, *([self._keeper] if self._keeper else [])):
            task.cancel()

    # --- Asterisk ------------------------------------------------------------------------------------

    def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._calls) >= MOST_CALLS or not self._may_ask(writer):
            self.failed += 1
            writer.transport.abort()
            return
        task = asyncio.create_task(self._call(reader, writer))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    def _may_ask(self, writer: asyncio.StreamWriter) -> bool:
        if not self._networks:
            return True
        peer = ipaddress.ip_address(writer.get_extra_info("peername")[0])
        return any(peer in network for network in self._networks)

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Conversation()
        try:
            while talk.asked is None:
                await self._read(reader, writer, talk)
            until = time.monotonic() + self.settings.patience
            variables = await self._answer(talk.asked, until)
            writer.write(talk.answer(lines.commands(variables)))
            while not talk.over:
                await self._read(reader, writer, talk)
        except (ValueError, TimeoutError, OSError, EOFError) as error:  # ValueError: AgiError, or a query that is none
            self.failed += 1
            log.warning("a call could not be answered: %s", type(error).__name__)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: Conversation) -> None:
        async with asyncio.timeout(READ_SECONDS):
            data = await reader.read(MAX_READ)
        if not data:
            raise EOFError
        writer.write(talk.receive(data))

    async def _answer(self, asked: Environment, until: float) -> lines.Variables:
        self._number += 1
        question = None if asked.torn else lines.question_of(asked, self._number, until)
        if question is not None:
            try:
                variables = await self._ask(question)
                lines.commands(variables)  # what cannot be said must not be begun
                self.answered += 1
                return variables
            except (TimeoutError, ConnectionError, AgiError) as error:
                log.warning("the gateway did not answer (%s): the caller gets the default", type(error).__name__)
        self.defaulted += 1
        return lines.default_answer(asked)

    # --- the gateway ---------------------------------------------------------------------------------

    async def _ask(self, question: lines.Question) -> lines.Variables:
        gateway = self._gateway
        if gateway is None or gateway.transport.get_write_buffer_size() > MOST_UNSENT:
            raise ConnectionError
        waiting = self._waiting[question.id] = asyncio.get_running_loop().create_future()
        try:
            gateway.write(lines.encode(question))
            return await asyncio.wait_for(waiting, question.until - time.monotonic())
        finally:
            self._waiting.pop(question.id, None)

    async def _keep_link(self) -> None:
        """Connect to the gateway whenever it is there."""
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(self.settings.socket, limit=lines.MAX_LINE)
            except OSError:
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            log.info("the gateway is there")
            writer.write(lines.encode({"hello": {"pid": os.getpid(), "child": self.settings.child, "port": self.port}}))
            self._gateway = writer
            try:
                await self._listen(reader)
            finally:
                self._lost(writer)
            await asyncio.sleep(RECONNECT_SECONDS)

    def _lost(self, writer: asyncio.StreamWriter) -> None:
        log.warning("the gateway is gone: callers get the default")
        self._gateway = None
        writer.close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError())

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: a line over the limit
            while line := await reader.readline():
                self._heard(line)

    def _heard(self, line: bytes) -> None:
        try:
            data = lines.decode(line)
            if data.get("stop") is True and self.settings.child:
                self.stopping.set()
                return
            waiting = self._waiting.get(data.get("id", 0))
            if waiting is not None and not waiting.done():
                waiting.set_result(lines.variables_from(data))
        except (lines.LineError, TypeError):  # TypeError: an id that cannot be one
            log.warning("the gateway said what is no answer")


async def serve(settings: Settings) -> int:
    """Run until SIGTERM, SIGINT or the gateway's word; the exit code."""
    front = Front(settings)
    try:
        await front.start()
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        print(f"cti agi-front: {where} cannot be listened on: {os.strerror(error.errno or 0)}", file=sys.stderr)
        return ADDRESS_TAKEN if error.errno == errno.EADDRINUSE else 1
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, front.stopping.set)
    log.info("listening on %s:%d", settings.host, front.port)
    await front.stopping.wait()
    await front.stop()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run alone; returns the exit code."""
    made = argparse.ArgumentParser(prog="cti agi-front", description="answers FastAGI, with or without the gateway")
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=PORT)
    made.add_argument("--socket", type=Path, required=True, help="where the gateway listens")
    made.add_argument("--patience", type=float, default=PATIENCE_SECONDS, metavar="SECONDS")
    made.add_argument("--allow", action="append", default=[], metavar="NETWORK")
    made.add_argument("--child", action="store_true", help="ends when the gateway that started it says so")
    given = made.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s agi-front: %(message)s")
    settings = Settings(given.socket, given.host, given.port, given.patience, tuple(given.allow), given.child)
    return asyncio.run(serve(settings))


if __name__ == "__main__":
    sys.exit(main())
