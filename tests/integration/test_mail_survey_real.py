"""After a contact by mail its customer is asked how it was, if the mailbox says so: Dovecot, SMTP, the real log."""

from __future__ import annotations

import asyncio
import re
import uuid
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from cti_gateway.mail_survey import Asking
from interaction_log.records import NotFound
from interaction_log.store import EventLog
from tests.contract.test_store import tell
from tests.fakes.patience import PATIENCE
from tests.integration.test_mail_real import Site, answer, letter_of, said, site

pytestmark = [pytest.mark.real("dovecot"), pytest.mark.timeout(120)]
DESK = "https://desk.example"


def text_of(mail: Message) -> str:
    return mail.get_payload(decode=True).decode()  # type: ignore[union-attr]


async def told(one: Site, folder: Path) -> None:
    """What the floor's log in memory knows stands in the database too, where surveys look."""
    log = EventLog.open(f"sqlite:///{folder}/chats.db", folder / "journal", on_state=print, journal_bytes=1_000_000)
    try:
        await tell(log, *(each.event for each in one.floor.log.recorded))
    finally:
        await asyncio.to_thread(log.close)


async def worked(one: Site, text: str | None = "we are on it") -> str:
    """Anna takes the only contact, writes, and ends it."""
    [room] = one.mail.open.values()
    assert await one.floor.answer(room.id) == {"ok": True}
    if text is not None:
        assert (await one.floor.send(room.id, text))["ok"]
    await one.floor.close(room.id)
    await one.floor.settled()
    return room.id


async def asked(one: Site) -> None:
    """The outbox looks again, as it does every few seconds."""
    assert one.floor.desk.outbox is not None
    one.floor.now += 60
    one.floor.desk.outbox.wake()


async def test_he_is_asked_once_when_the_contact_is_over(tmp_path: Path) -> None:
    async with site(tmp_path, survey="csat") as one:
        assert one.floor.desk.outbox is not None
        Asking(one.mail, one.floor.desk.outbox, one.store.surveys, DESK)
        await one.floor.sign_in()
        mail = letter_of(1, "wang@example.com")
        del mail["Subject"]
        mail["Subject"] = "发票"
        await one.came(mail)
        contact = await worked(one)
        reply = await one.sent(1)
        assert "we are on it" in text_of(reply)
        await told(one, tmp_path)
        await asked(one)
        question = await one.sent(2)
        assert (said(question, "To"), said(question, "Auto-Submitted")) == ("wang@example.com", "auto-generated")
        text = text_of(question)
        assert "发票" in text and "满意" in text, "in the language of his letter"
        [token] = re.findall(rf"{DESK}/survey/(\S+)", text)
        survey = await one.store.surveys.asked(token)
        assert (survey.interaction_id, survey.kind, survey.channel) == (contact, "csat", "email")
        done = await one.store.surveys.answer_link(token, 5, "谢谢")
        assert done.score == 5 and (await one.store.surveys.of_interaction(contact)) == done
        with pytest.raises(NotFound):
            await one.store.surveys.asked(token)
        await one.came(answer(reply, "another thing", sender="wang@example.com"))
        await one.floor.command("anna", "wrap_up", _wrap_up(contact))
        await worked(one, "done too")
        await one.sent(3)
        await asked(one)
        async with asyncio.timeout(PATIENCE):
            while (await one.store.mails.waiting())[0]:  # noqa: ASYNC110 (the database must be asked)
                await asyncio.sleep(0.02)
        assert len(one.post.mails) == 3, "once in a conversation"


@pytest.mark.parametrize("why", ["the mailbox does not say so", "nobody wrote to him", "he does not want to"])
async def test_nobody_is_asked_without_a_reason(tmp_path: Path, why: str) -> None:
    limits: dict[str, Any] = {} if why.startswith("the mailbox") else {"survey": "nps"}
    async with site(tmp_path, **limits) as one:
        outbox = one.floor.desk.outbox
        assert outbox is not None
        asking = Asking(one.mail, outbox, one.store.surveys, DESK)
        asked_of = list[str]()

        async def may(contact: str, box: Any) -> bool:
            asked_of.append(contact)
            return False

        asking.may = may
        await one.floor.sign_in()
        await one.came(letter_of(1))
        written = None if why.startswith("nobody") else "an answer"
        contact = await worked(one, written)
        async with asyncio.timeout(PATIENCE):
            while (await one.store.mails.waiting())[0]:
                outbox.wake()
                await asyncio.sleep(0.02)
        assert len(one.post.mails) == (written is not None)
        assert asked_of == ([contact] if why.startswith("he") else [])
        assert "mail_not_sent" not in [code for code, _ in await one.events(contact)]


async def test_the_answer_goes_out_before_the_question(tmp_path: Path) -> None:
    async with site(tmp_path, survey="nps") as one:
        assert one.floor.desk.outbox is not None
        Asking(one.mail, one.floor.desk.outbox, one.store.surveys, DESK)
        await one.floor.sign_in()
        one.post.refuse = 1
        await one.came(letter_of(1))
        await worked(one, "the answer")
        await told(one, tmp_path)
        async with asyncio.timeout(PATIENCE):
            while len(one.post.mails) < 2:
                await asked(one)
                await asyncio.sleep(0.05)
        first, second = (text_of(each.mail) for each in one.post.mails)
        assert "the answer" in first and "/survey/" in second


def _wrap_up(contact: str) -> Any:
    from agent_console import wire

    return wire.WrapUp(id=str(uuid.uuid4()), interaction_id=contact, disposition=None, notes="")
