"""What waits to be sent, when it becomes ready while it is being looked at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from email.message import EmailMessage
from typing import Any

import pytest

from cti_gateway.mail_outbox import WAIT_SECONDS, Outbox
from interaction_log.mails import Outgoing
from tests.fakes.patience import PATIENCE

NOW = 1_790_000_000.0


class Waiting:
    """The store's rows, in memory. ``before``: called before a row is put off, as another task may be."""

    def __init__(self) -> None:
        self.rows: dict[str, Outgoing] = {}
        self.before: list[Any] = []

    async def put(self, one: Outgoing) -> None:
        self.rows.setdefault(one.id, one)

    async def due(self, now: float) -> list[Outgoing]:
        return [one for one in self.rows.values() if one.next_at <= now]

    async def next_due(self) -> float | None:
        return min((one.next_at for one in self.rows.values()), default=None)

    async def put_off(self, of: str, next_at: float) -> None:
        while self.before:
            await self.before.pop()()
        if of in self.rows:
            self.rows[of] = replace(self.rows[of], next_at=next_at)

    async def sent(self, of: str, at: float) -> None:
        del self.rows[of]


@pytest.mark.parametrize("when", ["while it is read", "before it is put off"])
async def test_what_becomes_ready_while_it_is_looked_at_is_sent_at_once(when: str) -> None:
    mails: Any = Waiting()
    written, gone = list[str](), asyncio.Event()
    letter = Outgoing(id="line", conversation="c", kind="line", made_at=NOW, next_at=NOW)

    async def send(mail: EmailMessage) -> None:
        gone.set()

    outbox = Outbox(mails, send, lambda: NOW)

    async def is_written() -> None:
        written.append("line")
        await outbox.hurry("line")

    async def compose(one: Outgoing) -> EmailMessage | None:
        if written:
            return EmailMessage()
        if when == "while it is read":
            await is_written()
        else:
            mails.before.append(is_written)
        return None

    outbox.compose = {"line": compose}
    await outbox.put(letter)
    outbox.start()
    try:
        async with asyncio.timeout(PATIENCE):
            await gone.wait()
        assert written == ["line"]
    finally:
        await outbox.stop()


async def test_what_is_not_written_yet_is_looked_at_again_later_and_not_all_the_time() -> None:
    mails: Any = Waiting()

    async def nothing(one: Outgoing) -> None:
        return None

    async def send(mail: EmailMessage) -> None:
        raise AssertionError("there is nothing to send")

    outbox = Outbox(mails, send, lambda: NOW)
    outbox.compose = {"line": nothing}
    await outbox.put(Outgoing(id="line", conversation="c", kind="line", made_at=NOW, next_at=NOW))
    await outbox.round()
    assert mails.rows["line"].next_at == NOW + WAIT_SECONDS
