"""A mailbox whose server says when letters come (IDLE, RFC 2177): Dovecot, the clock moved by hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cti_gateway.mail_fetch import IDLE_SECONDS, Postman
from cti_gateway.mail_intake import Taken
from cti_gateway.mail_rules import MailBox
from email_channel import imap as imap_module
from email_channel import letter as letters
from email_channel.imap import Account, Box, Fetched
from interaction_log.mails import Position
from tests.fakes.certificate import self_signed
from tests.fakes.dovecot import PASSWORD, USER, Dovecot
from tests.fakes.patience import PATIENCE

pytestmark = [pytest.mark.real("dovecot"), pytest.mark.timeout(120)]
POLL = 1_800.0
"""Longer than any test: what comes without the clock being moved came by itself."""


class Clock:
    """For ``Postman.timeout``: waits end when it is moved, and never by themselves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[tuple[float, asyncio.Timeout]] = []

    def __call__(self, seconds: float) -> asyncio.Timeout:
        one = asyncio.timeout(None)
        self.waits.append((self.now + seconds, one))
        return one

    def move(self, seconds: float) -> None:
        self.now += seconds
        due = [one for at, one in self.waits if at <= self.now]
        self.waits = [(at, one) for at, one in self.waits if at > self.now]
        for one in due:
            with contextlib.suppress(RuntimeError):  # over before
                one.reschedule(asyncio.get_running_loop().time())


class Positions:
    """What the store keeps of a mailbox."""

    def __init__(self) -> None:
        self.kept: Position | None = None

    async def position(self, box: str) -> Position | None:
        return self.kept

    async def move(self, box: str, position: Position, at: float) -> None:
        self.kept = position


class Reader:
    """A postman over a real mailbox, and what he brought."""

    def __init__(self, account: Account, **more: Any) -> None:
        self.clock, self.came, self.boxes, self.faults = Clock(), list[str](), list[Box](), list[str]()
        box = MailBox(name="help", account=account, address="help@shop.example", queue="q", poll=POLL)
        mails: Any = Positions()
        self.postman = Postman(replace(box, **more), mails, self._take, lambda: self.clock.now)
        self.postman.timeout = self.clock
        self.postman.open = self._open
        self.make: Callable[[], Box] = lambda: Box(account)

    def _open(self) -> Box:
        self.boxes.append(self.make())
        return self.boxes[-1]

    async def _take(self, box: MailBox, fetched: Fetched) -> Taken:
        self.came.append(letters.read(fetched.raw).text)
        return Taken(kind="letter")

    async def until(self, true: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():  # noqa: ASYNC110 (the mailbox has no event)
                await asyncio.sleep(0.02)

    async def until_tried(self, true: Callable[[], object]) -> None:
        """The same, while the waits between its tries pass."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                self.clock.move(1.0)
                await asyncio.sleep(0.02)

    async def waiting(self) -> None:
        """Until it is told of letters, and its clock runs."""
        await self.until(lambda: self.postman.waits and self.clock.waits)


def text(what: str) -> bytes:
    return f"From: li@example.com\nMessage-ID: <{what}@example.com>\n\n{what}".encode()


def account_of(server: Dovecot, **more: Any) -> Account:
    told: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "tls": "none", "user": USER, "password": PASSWORD}
    return Account(**(told | more))


@contextlib.asynccontextmanager
async def reading(account: Account, **more: Any) -> AsyncIterator[Reader]:
    one = Reader(account, **more)
    one.postman.start()
    try:
        yield one
    finally:
        await one.postman.stop()


@pytest.mark.parametrize("tls", ["none", "tls", "starttls"])
async def test_a_letter_is_here_without_anybody_asking(tmp_path: Path, tls: str) -> None:
    pem, key = await asyncio.to_thread(self_signed, tmp_path, "localhost")
    async with Dovecot(pem, key) as server:
        port = server.tls_port if tls == "tls" else server.port
        async with reading(account_of(server, host="localhost", port=port, tls=tls, ca=str(pem))) as one:
            await one.waiting()
            for number in range(3):
                await asyncio.to_thread(server.deliver, text(f"letter {number}"))
                await one.until(lambda: len(one.came) == number + 1)  # noqa: B023 (called here)
            await one.waiting()
            assert one.came == ["letter 0", "letter 1", "letter 2"] and one.clock.now == 0.0
            assert len(one.boxes) == 1, "one connection, kept"
            assert (one.postman.part().detail, one.postman.part().ok) == ("the server says when letters come", True)
            flags = await asyncio.to_thread(server.flags)
            assert all("Seen" in each for each in flags)


def _after_one_more(server: Dovecot, name: str, once: set[str]) -> Callable[..., Any]:
    """A method of ``Box`` before which, the first time, a letter comes."""
    real = getattr(Box, name)

    def method(self: Box, *args: Any) -> Any:
        if name in once:
            once.discard(name)
            server.deliver(text(f"before {name}"))
        return real(self, *args)

    return method


async def test_what_comes_between_reading_and_waiting_is_not_missed(monkeypatch: Any) -> None:
    async with Dovecot() as server:
        once = {"taken", "idle"}
        for name in ("taken", "idle"):
            monkeypatch.setattr(Box, name, _after_one_more(server, name, once))
        await asyncio.to_thread(server.deliver, text("first"))
        async with reading(account_of(server)) as one:
            await one.until(lambda: len(one.came) == 3)
            assert one.came == ["first", "before taken", "before idle"] and one.clock.now == 0.0


def _noted(times: list[float], clock: Clock, real: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Box) -> Any:
        times.append(clock.now)
        return real(self)

    return method


async def test_it_asks_anew_long_before_the_server_may_hang_up(monkeypatch: Any) -> None:
    begun, ended = list[float](), list[float]()
    async with Dovecot() as server, reading(account_of(server)) as one:
        for name, times in (("idle", begun), ("done", ended)):
            monkeypatch.setattr(Box, name, _noted(times, one.clock, getattr(Box, name)))
        for number in range(1, 4):
            await one.waiting()
            one.clock.move(IDLE_SECONDS)
            await one.until(lambda: len(begun) >= number and len(ended) >= number)  # noqa: B023 (called here)
        await one.waiting()
        assert len(one.boxes) == 1 and IDLE_SECONDS < 29 * 60
        await asyncio.to_thread(server.deliver, text("after it"))
        await one.until(lambda: one.came == ["after it"])


async def test_a_server_that_cannot_is_asked_again_and_again() -> None:
    async with Dovecot(more="imap_capability = IMAP4rev1 UIDPLUS MOVE") as server, reading(account_of(server)) as one:
        for number in range(2):
            await one.until(lambda: one.postman.part().ok and one.clock.waits)
            assert not one.postman.waits and one.postman.part().detail == "looked at every 1800 s"
            await asyncio.to_thread(server.deliver, text(f"letter {number}"))
            assert len(one.came) == number, "nobody told us"
            one.clock.move(POLL)
            await one.until(lambda: len(one.came) == number + 1)  # noqa: B023 (called here)
        assert len(one.boxes) == 3, "a connection a look"


async def test_where_it_is_switched_off_the_server_is_not_asked_to_tell() -> None:
    async with Dovecot() as server, reading(account_of(server), idle=False) as one:
        await one.until(lambda: one.postman.part().ok and one.clock.waits)
        assert one.boxes[0].can_idle and not one.postman.waits


class Relay:
    """Between us and the server. ``dead``: what is connected now hears nothing any more, and is not hung up."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._dead: set[asyncio.StreamWriter] = set()
        self._all: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Relay:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in self._all:
            one.close()

    def die(self) -> None:
        self._dead.update(self._all)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._all += [writer, back]
        for one in (self._carry(reader, back), self._carry(there, writer)):
            task = asyncio.create_task(one)
            self._tasks.add(task)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65_536):
            if writer not in self._dead:
                writer.write(piece)
        if writer not in self._dead:
            writer.close()


async def test_a_link_that_died_without_a_word_is_found_and_made_anew(monkeypatch: Any) -> None:
    monkeypatch.setattr(imap_module, "SECONDS", 2.0)  # so long an answer is waited for
    async with Dovecot() as server, Relay(server.port) as relay, reading(account_of(server, port=relay.port)) as one:
        await one.waiting()
        relay.die()
        await asyncio.to_thread(server.deliver, text("unheard"))
        first = len(one.boxes)
        one.clock.move(IDLE_SECONDS)
        await one.until(lambda: not one.postman.part().ok)
        assert "cannot wait for letters" in (one.postman.part().detail or "") and one.came == []
        await one.until_tried(lambda: one.came == ["unheard"] and one.postman.part().ok)
        assert len(one.boxes) > first


async def test_a_server_that_goes_is_seen_at_once_and_found_again() -> None:
    async with Dovecot() as server, reading(account_of(server)) as one:
        await one.waiting()
        await server.stop()
        await one.until(lambda: not one.postman.part().ok)
        await server.start()
        await asyncio.to_thread(server.deliver, text("back"))
        await one.until_tried(lambda: one.came == ["back"] and one.postman.part().ok)


async def test_it_ends_at_once_while_it_waits() -> None:
    async with Dovecot() as server, reading(account_of(server)) as one:
        await one.waiting()
        async with asyncio.timeout(PATIENCE):
            await one.postman.stop()
        assert not one.postman.waits
