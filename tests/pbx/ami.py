"""A small AMI client for the laboratory.

It is written apart from the product's own codec and session on purpose: what the tests believe about a PBX must not
come from the code under test. It drives scenarios; it is not fit for anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterable

from tests.fakes.patience import PATIENCE

Block = dict[str, str]
Test = Callable[[Block], bool]


def parse(raw: bytes) -> Block:
    """Read one AMI block; of equal headers the first wins, `Output` lines are joined."""
    block: Block = {}
    for line in raw.decode("utf-8", "replace").split("\r\n"):
        key, colon, value = line.partition(":")
        if not colon:
            continue
        if key == "Output":
            block[key] = block[key] + "\n" + value[1:] if key in block else value[1:]
        else:
            block.setdefault(key, value.strip())
    return block


class AmiRefused(Exception):
    """The PBX answered an action with an error; the text is the PBX's."""


class Ami:
    """One logged-in connection: actions with answers, and all events kept in `events`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[Block]] = {}
        self._watchers: list[tuple[Test, asyncio.Future[Block]]] = []
        self.events: list[Block] = []
        self.closed = asyncio.Event()
        self._task = asyncio.ensure_future(self._read())

    @classmethod
    async def connect(cls, port: int, user: str, secret: str, host: str = "127.0.0.1") -> Ami:
        """Connect and sign in; raises OSError (nobody there) or AmiRefused (wrong secret)."""
        reader, writer = await asyncio.open_connection(host, port)
        await asyncio.wait_for(reader.readuntil(b"\r\n"), 5)
        ami = cls(reader, writer)
        try:
            await ami.action("Login", Username=user, Secret=secret)
        except BaseException:
            await ami.close()
            raise
        return ami

    async def _read(self) -> None:
        try:
            while True:
                self._take(parse(await self._reader.readuntil(b"\r\n\r\n")))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.closed.set()
            for future in [*self._answers.values(), *(future for _, future in self._watchers)]:
                if not future.done():
                    future.set_exception(ConnectionError("the PBX closed the AMI connection"))
                    future.exception()

    def _take(self, block: Block) -> None:
        if "Event" not in block:  # OriginateResponse is an event with a Response header
            future = self._answers.pop(block.get("ActionID", ""), None)
            if future and not future.done():
                future.set_result(block)
            return
        self.events.append(block)
        for test, future in list(self._watchers):
            if not future.done() and test(block):
                future.set_result(block)

    async def action(self, name: str, variables: Iterable[str] = (), /, **headers: str | int) -> Block:
        """Send an action and return its answer within 10 s; raises AmiRefused when it says Error."""
        action_id = f"lab-{next(self._ids)}"
        lines = [f"Action: {name}", f"ActionID: {action_id}", *(f"{key}: {value}" for key, value in headers.items())]
        lines += [f"Variable: {one}" for one in variables]
        future: asyncio.Future[Block] = asyncio.get_running_loop().create_future()
        self._answers[action_id] = future
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        answer = await asyncio.wait_for(future, 10)
        if answer["Response"] == "Error":
            raise AmiRefused(f"{name}: {answer.get('Message', '')}")
        return answer

    async def listed(self, name: str, event: str, /, **headers: str | int) -> list[Block]:
        """Send an action that answers by a list; return the blocks of that event."""
        mark = len(self.events)
        answer = await self.action(name, (), **headers)
        action_id = answer["ActionID"]
        await self.wait(lambda b: b.get("ActionID") == action_id and b.get("EventList") == "Complete", since=mark)
        return [b for b in self.events[mark:] if b.get("ActionID") == action_id and b.get("Event") == event]

    async def wait(self, test: Test, within: float = PATIENCE, since: int | None = None) -> Block:
        """Return the first event (from index `since`, else from now on) that passes the test."""
        for block in self.events[since:] if since is not None else ():
            if test(block):
                return block
        future: asyncio.Future[Block] = asyncio.get_running_loop().create_future()
        entry = (test, future)
        self._watchers.append(entry)
        try:
            return await asyncio.wait_for(future, within)
        finally:
            self._watchers.remove(entry)

    async def close(self) -> None:
        """Close the connection and end the reading task."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
