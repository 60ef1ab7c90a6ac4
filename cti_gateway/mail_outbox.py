"""Letters on their way out: on the disk before they are handed over, tried until the mail server takes them.

The same letter always has the same ``Message-ID``. If we die between the server's answer and our note of it, it is
handed over again under that id; in no other case.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import TYPE_CHECKING, Final

import aiosmtplib

from interaction_log.mails import Outgoing
from interaction_log.records import NotFound

if TYPE_CHECKING:
    from interaction_log.store.mails import StoredMails

log = logging.getLogger(__name__)
Send = Callable[[EmailMessage], Awaitable[None]]
Compose = Callable[[Outgoing], Awaitable[EmailMessage | None]]
"""The letter as it is to be sent; ``None``: not yet. Raises ``NotFound`` (erased), ``ValueError`` (no address)."""
FIRST_SECONDS: Final = 15.0
MOST_SECONDS: Final = 3_600.0
"""Between two tries: twice as long each time, up to this."""
GIVE_UP_SECONDS: Final = 3 * 86_400.0
WAIT_SECONDS: Final = 20.0
"""Until what is not yet to be sent is looked at again, and at least so often it is looked."""


class Outbox:
    """``lost`` is told of what could not be sent. ``wall``: Unix seconds."""

    def __init__(self, mails: StoredMails, send: Send, wall: Callable[[], float]) -> None:
        self._mails, self._send, self._wall = mails, send, wall
        self.compose: dict[str, Compose] = {}
        self.lost: Callable[[Outgoing, str], Awaitable[None]] = _nobody
        self.fault: str | None = None
        """Why the last try failed, if it did."""
        self._ready: set[str] = set()
        """What became ready to be sent since a round began: it may have been looked at just before."""
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def put(self, one: Outgoing) -> None:
        """On the disk when it returns; ``wake`` has it sent."""
        await self._mails.put(one)

    async def hurry(self, one: str) -> None:
        """It can be sent now, if it is there."""
        self._ready.add(one)
        await self._mails.put_off(one, self._wall())
        self.wake()

    def wake(self) -> None:
        """There may be something to be sent."""
        self._news.set()

    def start(self) -> None:
        """Send from now on, first what was left."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Send no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            self._news.clear()
            try:
                await self.round()
                wait = await self._pause()
            except Exception as error:  # the database is away
                log.warning("what is to be sent could not be read: %s", type(error).__name__)
                wait = WAIT_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._news.wait()

    async def _pause(self) -> float:
        due = await self._mails.next_due()
        return WAIT_SECONDS if due is None else min(WAIT_SECONDS, max(0.05, due - self._wall()))

    async def round(self) -> None:
        """Try all that is due, each once."""
        self._ready.clear()  # what is read from here on is as it is now
        for one in await self._mails.due(self._wall()):
            await self._try(one)

    async def _try(self, one: Outgoing) -> None:
        try:
            letter = await self.compose[one.kind](one)
        except NotFound:
            await self._mails.failed(one.id, "erased")
            return
        except ValueError:
            await self._give_up(one, "no_address")
            return
        if letter is None:
            await self._not_yet(one)
        else:
            await self._hand_over(one, letter)

    async def _not_yet(self, one: Outgoing) -> None:
        if self._wall() - one.made_at > GIVE_UP_SECONDS:
            await self._mails.failed(one.id, "never_written")
            return
        if one.id not in self._ready:
            await self._mails.put_off(one.id, self._wall() + WAIT_SECONDS)
        if one.id in self._ready:  # it was written while we looked: not at the next look but now
            await self._mails.put_off(one.id, self._wall())
            self.wake()

    async def _hand_over(self, one: Outgoing, letter: EmailMessage) -> None:
        try:
            await self._send(letter)
        except ValueError:
            await self._give_up(one, "no_address")
        except Exception as error:
            self.fault = type(error).__name__
            if _for_ever(error):
                await self._give_up(one, "refused")
            elif self._wall() - one.made_at > GIVE_UP_SECONDS:
                await self._give_up(one, "gave_up")
            else:
                log.warning("a letter could not be handed over and is tried again: %s", type(error).__name__)
                wait = min(MOST_SECONDS, FIRST_SECONDS * 2 ** min(one.tries, 10))
                await self._mails.later(one.id, self._wall() + wait)
        else:
            self.fault = None
            await self._mails.sent(one.id, self._wall())

    async def _give_up(self, one: Outgoing, why: str) -> None:
        log.error("a letter is not sent: %s", why)
        await self._mails.failed(one.id, why)
        await self.lost(one, why)


async def _nobody(one: Outgoing, why: str) -> None:
    """Nobody is told."""


def _for_ever(error: Exception) -> bool:
    """The server will never take this letter (RFC 5321, 4.2.1); who may not sign in is another matter."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(_for_ever(one) for one in error.recipients)
    kinds = (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPDataError, aiosmtplib.SMTPSenderRefused)
    return isinstance(error, kinds) and error.code >= 500
