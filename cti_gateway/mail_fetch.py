"""A mailbox is read: from where we were, letter by letter; one is marked as taken only when it is on our disk.

Where the server says when letters come (IDLE, RFC 2177) they are here at once; else it is asked again and again.

How far we are is a UID under a UIDVALIDITY (RFC 3501, 2.3.1.1). The first time, and when the server numbered its
letters anew, what nobody has read yet counts as new; a letter that we know by its Message-ID is never taken twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol

from agent_console.ports import Part
from cti_gateway.mail_intake import Taken
from cti_gateway.mail_rules import MailBox
from email_channel.imap import Box, Fetched, MailboxAway
from interaction_log.mails import Position

if TYPE_CHECKING:
    from interaction_log.store.mails import StoredMails

log = logging.getLogger(__name__)
MOST_SECONDS: Final = 300.0
"""Between two tries while the mailbox is away: twice as long each time, up to this."""
AGAIN_SECONDS: Final = 0.5
"""Half of the first wait: a server that was there a moment ago is asked again soon."""
IDLE_SECONDS: Final = 240.0
"""So long nothing is asked at most: a link of which the other end is gone without a word is found then, so a letter is
here within five minutes whatever happens. RFC 2177 wants less than 29; firewalls forget silent links after ten."""
TRIES: Final = 5
"""So often a letter is tried that cannot be taken; then people have to look at it, and the next one comes."""


class Takes(Protocol):
    """What takes letters (``Intake.take``)."""

    def __call__(self, box: MailBox, fetched: Fetched) -> Awaitable[Taken]:
        """On the disk when it returns."""
        ...


class Postman:
    """Reads one mailbox again and again. ``wall``: Unix seconds."""

    def __init__(self, box: MailBox, mails: StoredMails, take: Takes, wall: Callable[[], float]) -> None:
        self.box, self._mails, self._take, self._wall = box, mails, take, wall
        self.open: Callable[[], Box] = lambda: Box(box.account)
        self.timeout: Callable[[float], asyncio.Timeout] = asyncio.timeout
        """The clock of its waits."""
        self.waits = False
        """Whether the server tells us when letters come."""
        self._again = AGAIN_SECONDS
        self.taken: Counter[str] = Counter()
        """How many of each kind; ``stuck``: those that could not be taken."""
        self._tries: Counter[int] = Counter()
        self._fault: str | None = "not read yet"
        self._since = wall()
        self._now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Read from now on."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Read no more; what is being taken is taken again next time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def look(self) -> None:
        """Look now, and not only when it is time."""
        self._now.set()

    def part(self) -> Part:
        """For the health page; without it the program is ready all the same."""
        age = max(0.0, self._wall() - self._since)
        stuck = f"{self.taken['stuck']} letters could not be taken" if self.taken["stuck"] else None
        return Part(
            name=f"mailbox {self.box.name}", ok=self._fault is None, state="up" if self._fault is None else "lost",
            age_seconds=age, detail=self._fault or stuck or self._how(), required=False,
        )  # fmt: skip

    def _how(self) -> str:
        return "the server says when letters come" if self.waits else f"looked at every {self.box.poll:.0f} s"

    async def _run(self) -> None:
        while True:
            self._now.clear()
            wait = self.box.poll
            try:
                await self.session()
            except MailboxAway as error:
                self._told(str(error))
                self._again = wait = min(MOST_SECONDS, 2 * self._again)
            except Exception as error:  # our own database
                self._told(f"letters cannot be kept: {type(error).__name__}")
            await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        """Until it is time, or somebody says that there is something to look at."""
        with contextlib.suppress(TimeoutError):
            async with self.timeout(seconds):
                await self._now.wait()

    def _told(self, fault: str | None) -> None:
        if fault != self._fault:
            self._fault, self._since = fault, self._wall()
            level = logging.INFO if fault is None else logging.WARNING
            log.log(level, "mailbox %s: %s", self.box.name, fault or "is read")

    async def session(self) -> None:
        """Take what is new, and what comes, for as long as the server tells us; a server that does not, or where it is
        switched off, is read once. Raises ``MailboxAway``, and the database's errors."""
        async with self._connected() as box:
            await self._all(box)
            while self.box.idle and box.can_idle and await self._idled(box):
                await self._all(box)

    async def round(self) -> None:
        """Take what is new. Raises ``MailboxAway``, and the database's errors."""
        async with self._connected() as box:
            await self._all(box)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Box]:
        box = self.open()
        try:
            await asyncio.to_thread(box.__enter__)
            yield box
        except asyncio.CancelledError:
            box.abort()  # the thread that waits for the server ends with that
            raise
        except BaseException:
            await asyncio.to_thread(box.close)
            raise
        await asyncio.to_thread(box.close)

    async def _all(self, box: Box) -> None:
        await self._read(box)
        while await asyncio.to_thread(box.grew):  # while we read: of that an IDLE says nothing any more
            await self._read(box)
        self._again = AGAIN_SECONDS
        self._told(None)

    async def _idled(self, box: Box) -> bool:
        """Until there may be news, or it is time to ask. No thread waits meanwhile. ``False``: the server refuses."""
        if not await asyncio.to_thread(box.idle):
            return False
        loop, number = asyncio.get_running_loop(), box.socket
        loop.add_reader(number, self._now.set)
        self.waits = True
        try:
            if not box.spoke:
                await self._pause(IDLE_SECONDS)
        except asyncio.CancelledError:
            loop.remove_reader(number)
            box.drop()
            raise
        finally:
            self.waits = False
            loop.remove_reader(number)
        self._now.clear()
        await asyncio.to_thread(box.done)
        return True

    async def _read(self, box: Box) -> None:
        known = await self._mails.position(self.box.name)
        if known is not None and known.validity == box.validity:
            for uid in await asyncio.to_thread(box.after, known.uid):
                await self._one(box, uid)
                await self._moved(box, uid)
            return
        newest = await asyncio.to_thread(box.newest)
        for uid in await asyncio.to_thread(box.unseen):
            if uid <= newest:  # later ones come with the next round
                await self._one(box, uid)
        await self._moved(box, newest)

    async def _moved(self, box: Box, uid: int) -> None:
        await self._mails.move(self.box.name, Position(box.validity, uid), self._wall())

    async def _one(self, box: Box, uid: int) -> None:
        fetched = await asyncio.to_thread(box.fetch, uid, self.box.letter_bytes)
        if fetched is None:
            return
        try:
            taken = await self._take(self.box, fetched)
        except Exception:
            self._tries[uid] += 1
            if self._tries[uid] < TRIES:
                raise
            log.exception("a letter could not be taken, and is left marked in the mailbox %s", self.box.name)
            self.taken["stuck"] += 1
            del self._tries[uid]
            await asyncio.to_thread(box.flag, uid)
            return
        self._tries.pop(uid, None)
        if not taken.again:
            self.taken["held" if taken.held else taken.kind] += 1
        await asyncio.to_thread(box.taken, [uid])
