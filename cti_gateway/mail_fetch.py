"""A mailbox is read: from where we were, letter by letter; one is marked as taken only when it is on our disk.

How far we are is a UID under a UIDVALIDITY (RFC 3501, 2.3.1.1). The first time, and when the server numbered its
letters anew, what nobody has read yet counts as new; a letter that we know by its Message-ID is never taken twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
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
            age_seconds=age, detail=self._fault or stuck, required=False,
        )  # fmt: skip

    async def _run(self) -> None:
        wait = self.box.poll
        while True:
            self._now.clear()
            try:
                await self.round()
                self._told(None)
                wait = self.box.poll
            except MailboxAway as error:
                self._told(str(error))
                wait = min(MOST_SECONDS, 2 * wait)
            except Exception as error:  # our own database
                self._told(f"letters cannot be kept: {type(error).__name__}")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._now.wait()

    def _told(self, fault: str | None) -> None:
        if fault != self._fault:
            self._fault, self._since = fault, self._wall()
            level = logging.INFO if fault is None else logging.WARNING
            log.log(level, "mailbox %s: %s", self.box.name, fault or "is read")

    async def round(self) -> None:
        """Take what is new. Raises ``MailboxAway``, and the database's errors."""
        box = self.open()
        try:
            await asyncio.to_thread(box.__enter__)
            await self._read(box)
        except asyncio.CancelledError:
            box.abort()  # the thread that waits for the server ends with that
            raise
        except BaseException:
            await asyncio.to_thread(box.close)
            raise
        await asyncio.to_thread(box.close)

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
