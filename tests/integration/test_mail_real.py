"""Conversations that go on by mail: a real IMAP server (Dovecot), SMTP over TCP, hub, store and desk."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from email.message import EmailMessage, Message
from pathlib import Path
from typing import Any

import pytest

from cti_gateway.chat.letters import sending
from cti_gateway.mail_fetch import TRIES, Postman
from cti_gateway.mail_intake import Intake
from cti_gateway.mail_rules import MailBox
from cti_gateway.schedules import MailServer
from email_channel.imap import Account, Box, MailboxAway
from email_channel.tokens import token_of, tokens_in
from interaction_log import events as e
from interaction_log.chats import StoredLine
from interaction_log.records import NotFound
from interaction_log.store import Store
from interaction_log.store.chat_folder import ChatFolder
from tests.fakes.certificate import self_signed
from tests.fakes.chat_floor import QUEUE, ChatFloor, new_database, sign
from tests.fakes.dovecot import PASSWORD, USER, Dovecot
from tests.fakes.patience import PATIENCE
from tests.fakes.smtp import SmtpServer
from webchat import wire as visitors

pytestmark = [pytest.mark.real("dovecot"), pytest.mark.timeout(120)]
HELP = "help@shop.example"
LI = "li@example.com"


class Site:
    """Desk, mailbox and post; ``again`` is what a new start of the program does."""

    def __init__(self, folder: Path, imap: Dovecot, post: SmtpServer, store: Store, **more: Any) -> None:
        self.imap, self.post, self.store, self._folder = imap, post, store, folder
        account = Account(host="127.0.0.1", port=imap.port, tls="none", user=USER, password=PASSWORD)
        box = MailBox(name="help", account=account, address=HELP, queue=QUEUE, label="Shop", poll=3_600)
        self.box = replace(box, **more)
        self.floor = ChatFloor(store)

    async def start(self, floor: ChatFloor | None = None) -> None:
        self.floor = floor or self.floor
        server = MailServer(host="127.0.0.1", port=self.post.port, sender=HELP, tls="none")
        claims = self.store.identity.claims
        await self.floor.start(send=sending(server), sender=HELP, boxes=(self.box,), claims=claims)
        assert self.floor.desk.mail is not None
        self.mail = self.floor.desk.mail
        self.intake = Intake(self.mail, sign, ChatFolder(self._folder / "files"))
        self.postman = Postman(self.box, self.store.mails, self.intake.take, self.floor.hub.wall)

    async def again(self) -> None:
        """The process died, and another one begins with the same database and log."""
        floor = ChatFloor(self.store, self.floor.log)
        floor.now = self.floor.now
        interactions = [one for one in self.floor.hub.distributor.interactions.values() if not one.ended]
        await self.floor.stop()
        await floor.hub.load()
        await floor.hub.restore(interactions, [])
        await self.start(floor)

    async def came(self, letter: EmailMessage | bytes) -> None:
        """A letter arrives, and is fetched."""
        await asyncio.to_thread(self.imap.deliver, letter)
        await self.fetched()

    async def fetched(self) -> None:
        await self.postman.round()
        await self.floor.settled()

    async def sent(self, count: int) -> Message:
        """The mail that makes it so many at the server."""
        async with asyncio.timeout(PATIENCE):
            while len(self.post.mails) < count:  # noqa: ASYNC110 (the server has no event)
                await asyncio.sleep(0.02)
        return self.post.mails[count - 1].mail

    async def lines(self, chat: str) -> list[StoredLine]:
        return [line for line in await self.store.chats.lines(chat) if line.kind != "event"]

    async def events(self, chat: str) -> list[tuple[str, str | None]]:
        return [(one.text, one.name) for one in await self.store.chats.lines(chat) if one.text.startswith("mail_")]

    async def left(self, question: str = "") -> tuple[str, Message]:
        """A chat that goes on by mail, and the letter that the visitor got."""
        visitor = await self.floor.visitor()
        chat = await self.floor.talking(visitor)
        await self.floor.send(chat, "what is it?")
        if question:
            await self.floor.say(visitor, question)
        wish = visitors.MailTranscript(address=LI, go_on=True)
        assert await self.floor.chats.mail_transcript(visitor, wish) == {"ok": True}
        assert (await self.floor.chats.leave(visitor))["conversation"]["ended_by"] == "mail"
        await self.floor.settled()
        letter = await self.sent(1)
        await self.floor.command("anna", "wrap_up", _wrap_up(chat))
        return chat, letter


def said(mail: Message, header: str) -> str:
    """A header on one line."""
    return " ".join(str(mail[header] or "").split())


def _wrap_up(chat: str) -> Any:
    from agent_console import wire

    return wire.WrapUp(id=str(uuid.uuid4()), interaction_id=chat, disposition=None, notes="")


@contextlib.asynccontextmanager
async def site(folder: Path, **more: Any) -> AsyncIterator[Site]:
    """``more``: of its mailbox."""
    store = await asyncio.to_thread(Store.open, await asyncio.to_thread(new_database, folder), default_region="CN")
    try:
        async with Dovecot() as imap, SmtpServer() as post:
            one = Site(folder, imap, post, store, **more)
            await one.start()
            try:
                yield one
            finally:
                await one.floor.stop()
    finally:
        await asyncio.to_thread(store.close)


def answer(to: Message, text: str, sender: str = f"Li Lei <{LI}>", **headers: str) -> EmailMessage:
    """As a mail program answers: in the thread, with the letter quoted below."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, said(to, "Reply-To")
    mail["Subject"], mail["Message-ID"] = "Re: " + said(to, "Subject"), f"<{uuid.uuid4()}@example.com>"
    mail["In-Reply-To"] = said(to, "Message-ID")
    mail["References"] = f"{said(to, 'References')} {said(to, 'Message-ID')}".strip()
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(f"{text}\n\nOn Mon, 23 Nov 2026, Shop <{HELP}> wrote:\n> what is it?\n")
    return mail


async def test_a_conversation_goes_on_by_mail_to_and_fro(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left()
        assert token_of(chat, sign) in said(letter, "Message-ID") and said(letter, "Reply-To") == HELP
        first = answer(letter, "my order is broken")
        await one.came(first)
        room = one.mail.open[chat]
        assert room.id != chat and room.asked == {"anna": None}, "whoever had him is asked first"
        contact = one.floor.hub.distributor.interactions[room.id]
        assert (contact.channel, contact.queue, contact.customer_name) == ("email", QUEUE, "Li Lei")
        line = (await one.lines(chat))[-1]
        assert (line.text, line.by, line.name) == ("my order is broken", "visitor", "Li Lei")
        assert line.mail is not None and line.mail["address"] == LI and "> what is it?" in line.mail["whole"]
        shown = next(m for m in one.floor.screens.of("anna", "chat") if m["chat"]["interaction_id"] == room.id)
        assert shown["chat"]["by_mail"] and [each["text"] for each in shown["chat"]["lines"]][-1] == line.text
        assert await one.floor.answer(room.id) == {"ok": True}
        assert (await one.floor.send(room.id, "for colleagues", private=True))["ok"]
        assert (await one.floor.send(room.id, "we send a new one"))["ok"]
        reply = await one.sent(2)
        assert (reply["To"], said(reply, "In-Reply-To")) == (LI, said(first, "Message-ID"))
        assert said(first, "Message-ID") in said(reply, "References")
        text = reply.get_payload(decode=True).decode()  # type: ignore[union-attr]
        assert "we send a new one" in text and "colleagues" not in text and "Anna" in text
        await one.came(answer(reply, "thank you"))
        assert one.mail.open[chat] is room, "a further letter while it is open is the same contact"
        assert [each.text for each in await one.lines(chat)][-2:] == ["we send a new one", "thank you"]
        assert await one.floor.close(room.id) == {"ok": True}
        await one.floor.settled()
        over = one.floor.hub.distributor.interactions[room.id]
        assert (over.outcome, over.ended_by) == ("answered", "agent") and chat not in one.mail.open
        contacts = await one.store.mails.contacts(chat)
        assert [c.ended_at is not None for c in contacts] == [True]
        assert len(one.floor.log.of(e.InteractionStarted)) == 2 and len(one.post.mails) == 2
        await one.came(answer(reply, "one more thing"))
        assert one.mail.open[chat].id not in (room.id, chat), "after its end a letter is a new contact"


async def test_a_question_that_was_left_is_answered_by_mail(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left("can you write me when it is sent?")
        room = one.mail.open[chat]
        assert await one.floor.answer(room.id) == {"ok": True}
        assert (await one.floor.send(room.id, "it was sent today"))["ok"]
        reply = await one.sent(2)
        assert said(reply, "To") == LI and said(reply, "In-Reply-To") == said(letter, "Message-ID")
        await one.came(answer(reply, "thanks"))
        assert (await one.lines(chat))[-1].text == "thanks" and one.mail.open[chat] is room


async def test_an_address_alone_joins_nothing_and_a_token_does_from_wherever(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left()
        stranger = EmailMessage()
        stranger["From"], stranger["To"], stranger["Subject"] = LI, HELP, "another matter"
        stranger["Message-ID"] = "<other@example.com>"
        stranger.set_content("no token here")
        await one.came(stranger)
        assert len(await one.lines(chat)) == 1 and chat not in one.mail.open
        [new] = one.mail.open.values()
        assert new.id == new.conversation != chat and (await one.lines(new.id))[0].text == "no token here"
        forged = answer(letter, "forged")
        for name in ("In-Reply-To", "References", "Subject"):
            text = said(forged, name)
            del forged[name]
            forged[name] = text.replace(tokens_in([text])[0], tokens_in([text])[0][:-4] + "0000")
        await one.came(forged)
        assert "forged" not in [each.text for each in await one.lines(chat)]
        await one.came(answer(letter, "from my office", sender="Li <li@office.example>"))
        line = (await one.lines(chat))[-1]
        assert line.text == "from my office" and line.mail is not None and line.mail["address"] == "li@office.example"
        room = one.mail.open[chat]
        assert (await one.store.mails.contact(room.id)).address == LI, "answers go to the address that was given"


async def test_a_new_letter_is_a_new_contact_with_an_answer(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        await one.floor.sign_in()
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = "王芳 <wang@example.com>", HELP, "发票"
        mail["Message-ID"] = "<m1@example.com>"
        mail.set_content("请寄发票。")
        mail.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="账单.pdf")
        mail.add_attachment(b"x" * 6_000_000, maintype="application", subtype="zip", filename="huge.zip")
        await one.came(mail)
        [room] = one.mail.open.values()
        lines = await one.lines(room.id)
        assert [(each.text, each.file.name if each.file else None) for each in lines] == [
            ("请寄发票。", None),
            ("", "账单.pdf"),
        ]
        assert await one.events(room.id) == [("mail_file_left", "huge.zip")]
        assert await one.floor.answer(room.id) == {"ok": True}
        await one.floor.send(room.id, "好的")
        reply = await one.sent(1)
        assert (reply["To"], said(reply, "In-Reply-To")) == ("wang@example.com", "<m1@example.com>")
        await one.came(answer(reply, "谢谢", sender="wang@example.com"))
        assert (await one.lines(room.id))[-1].text == "谢谢" and len(one.mail.open) == 1


async def test_machines_make_no_lines_and_no_contacts(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left()
        await one.came(answer(letter, "I am away", Auto_Submitted="auto-replied"))
        bounce = EmailMessage()
        bounce["From"], bounce["Message-ID"] = "MAILER-DAEMON@mx.example.com", "<b@mx.example.com>"
        bounce["Return-Path"] = "<>"
        bounce.set_content("it did not arrive")
        inner = EmailMessage()
        inner["Message-ID"] = said(letter, "Message-ID")
        inner.set_content("x")
        bounce.add_attachment(inner)
        await one.came(bounce)
        ours = answer(letter, "ourselves", sender=HELP)
        await one.came(ours)
        spam = EmailMessage()
        spam["From"], spam["List-Id"] = "news@example.com", "<news.example.com>"
        spam.set_content("buy")
        await one.came(spam)
        assert [code for code, _ in await one.events(chat)] == ["mail_auto", "mail_bounced"]
        assert len(await one.lines(chat)) == 1 and not one.mail.open and len(one.post.mails) == 1
        assert dict(one.postman.taken) == {"auto": 2, "bounce": 1, "own": 1}
        assert await asyncio.to_thread(lambda: [("Seen" in each) for each in one.imap.flags()]) == [True] * 4


class Died(Exception):
    """The process died here."""


@pytest.mark.parametrize("at", ["conversations", "say", "open", "keep", "move", "taken"])
async def test_whenever_it_dies_a_letter_is_taken_once(tmp_path: Path, at: str, monkeypatch: Any) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left()
        await asyncio.to_thread(one.imap.deliver, answer(letter, "only once"))
        await asyncio.to_thread(one.imap.deliver, answer(letter, "and another"))
        owner: Any = {"say": one.store.chats, "taken": Box}.get(at, one.store.mails)
        real = getattr(owner, at)

        def dies(*_: Any, **__: Any) -> Any:
            raise Died

        async def dies_after(*args: Any, **more: Any) -> Any:
            await real(*args, **more)
            raise Died

        for how in (dies, dies_after) if at != "taken" else (dies,):
            with monkeypatch.context() as patch:
                patch.setattr(owner, at, how)
                with contextlib.suppress(Died):
                    await one.postman.round()
                await one.floor.settled()
            await one.again()
        await one.fetched()
        assert [each.text for each in await one.lines(chat)] == ["what is it?", "only once", "and another"]
        started = [each for each in one.floor.log.of(e.InteractionStarted) if each.channel == "email"]
        assert len({each.interaction_id for each in started}) == len(started) == 1
        assert list(one.mail.open) == [chat] and len(await one.store.mails.contacts(chat)) == 1


async def test_numbers_given_anew_bring_nothing_twice_and_lose_nothing(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left()
        await one.came(answer(letter, "first"))
        before = await one.store.mails.position("help")
        assert before is not None
        await asyncio.to_thread(one.imap.deliver, answer(letter, "second"))
        validity = before.validity
        async with asyncio.timeout(PATIENCE):
            while validity == before.validity:  # made of the time in seconds
                await one.imap.stop()
                one.imap.renumber()
                await one.imap.start()
                with await asyncio.to_thread(one.postman.open().__enter__) as box:
                    validity = box.validity
        await one.fetched()
        assert [each.text for each in await one.lines(chat)][1:] == ["first", "second"]
        await one.fetched()
        after = await one.store.mails.position("help")
        assert after is not None and after.validity == validity
        assert len(await one.lines(chat)) == 3


async def test_an_answer_is_sent_once_when_the_server_takes_it(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left()
        await one.came(answer(letter, "hello"))
        room = one.mail.open[chat]
        await one.floor.answer(room.id)
        one.post.refuse = 2
        line = str(uuid.uuid4())
        for _ in range(3):  # her console sends it again until it is acknowledged
            assert (await one.floor.send(room.id, "an answer", id=line))["ok"]
        async with asyncio.timeout(PATIENCE):
            while one.post.refuse:
                one.floor.now += 60
                assert one.floor.desk.outbox is not None
                one.floor.desk.outbox.wake()
                await asyncio.sleep(0.02)
        assert len(one.post.mails) == 1 and (await one.store.mails.waiting())[0] == 1
        await one.again()  # what waits is sent after a start too
        one.floor.now += 600
        assert one.floor.desk.outbox is not None
        one.floor.desk.outbox.wake()
        reply = await one.sent(2)
        assert line.replace("-", "")[:16] in said(reply, "Message-ID")
        async with asyncio.timeout(PATIENCE):
            while (await one.store.mails.waiting())[0]:  # noqa: ASYNC110 (the database must be asked)
                await asyncio.sleep(0.02)
        one.floor.now += 6_000
        await one.floor.desk.outbox.round()
        assert len(one.post.mails) == 2


async def test_a_letter_above_the_limit_is_cut_and_a_broken_one_is_read(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left()
        huge = answer(letter, "the beginning")
        huge.add_attachment(b"x" * 11_000_000, maintype="application", subtype="zip", filename="huge.zip")
        await one.came(huge)
        assert (await one.lines(chat))[1].text == "the beginning"
        assert "mail_cut" in [code for code, _ in await one.events(chat)]
        await one.came(b"From: \xff\xfe <li@example.com>\nContent-Type: multipart/mixed\nReferences: "
                       + said(letter, "Message-ID").encode() + b"\n\n\x80\x81 broken")  # fmt: skip
        assert "broken" in (await one.lines(chat))[-1].text


async def test_tls_and_who_is_not_let_in(tmp_path: Path) -> None:
    pem, key = await asyncio.to_thread(self_signed, tmp_path, "localhost")
    async with Dovecot(pem, key) as imap:
        await asyncio.to_thread(imap.deliver, b"From: a@b.example\n\nx")
        ports: list[tuple[Any, int]] = [("tls", imap.tls_port), ("starttls", imap.port)]
        for tls, port in ports:
            told: dict[str, Any] = {"host": "localhost", "port": port, "tls": tls, "user": USER, "password": PASSWORD}

            def look(**more: Any) -> list[int]:
                with Box(Account(**(told | more))) as box:  # noqa: B023 (called at once)
                    return box.unseen()

            assert await asyncio.to_thread(look, ca=str(pem)) == [1]
            with pytest.raises(MailboxAway, match="connect"):
                await asyncio.to_thread(look)
            with pytest.raises(MailboxAway, match="user and password") as refused:
                await asyncio.to_thread(look, ca=str(pem), password="wrong-one")
            assert "wrong-one" not in str(refused.value)
            with pytest.raises(MailboxAway, match="folder"):
                await asyncio.to_thread(look, ca=str(pem), folder="Nothing")


async def test_a_letter_that_cannot_be_taken_is_left_marked_and_the_next_comes(
    tmp_path: Path, monkeypatch: Any
) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left()
        await asyncio.to_thread(one.imap.deliver, answer(letter, "poison"))
        await asyncio.to_thread(one.imap.deliver, answer(letter, "wholesome"))
        real = one.intake._take

        async def stumbles(box: MailBox, read: Any, whole: bool) -> Any:
            if read.text == "poison":
                raise RuntimeError("cannot")
            return await real(box, read, whole)

        monkeypatch.setattr(one.intake, "_take", stumbles)
        for _ in range(TRIES - 1):
            with pytest.raises(RuntimeError):
                await one.postman.round()
        await one.fetched()
        assert [each.text for each in await one.lines(chat)][1:] == ["wholesome"]
        flags = await asyncio.to_thread(one.imap.flags)
        assert "Flagged" in flags[0] and "Seen" not in flags[0] and "Seen" in flags[1]
        assert one.postman.taken == {"letter": 1, "stuck": 1}


async def test_a_mailbox_that_is_away_is_shown_and_read_when_it_is_back(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left()
        await asyncio.to_thread(one.imap.deliver, answer(letter, "patience"))
        await one.imap.stop()
        one.postman.start()
        try:
            await _until(lambda: "cannot connect" in (one.postman.part().detail or ""))
            assert (one.postman.part().ok, one.postman.part().required) == (False, False)
            await one.imap.start()
            one.postman.look()
            await _until(lambda: one.postman.part().ok)
            assert [each.text for each in await one.lines(chat)][1:] == ["patience"]
        finally:
            await one.postman.stop()


async def test_a_server_that_falls_silent_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    came = asyncio.Event()
    silent = await asyncio.start_server(lambda *_: came.set(), "127.0.0.1", 0)
    try:
        async with site(tmp_path) as one:
            port = silent.sockets[0].getsockname()[1]
            one.postman.open = lambda: Box(replace(one.box.account, port=port))
            one.postman.start()
            async with asyncio.timeout(PATIENCE):
                await came.wait()
                await one.postman.stop()
    finally:
        silent.close()


async def test_mails_and_chats_stand_in_one_line_and_take_one_budget(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        mail = EmailMessage()
        mail["From"], mail["Message-ID"] = LI, "<m1@example.com>"
        mail.set_content("the older")
        await one.came(mail)
        [room] = one.mail.open.values()
        one.floor.now += 10
        chat = (await one.floor.open(await one.floor.visitor()))["conversation"]["id"]
        other = EmailMessage()
        other["From"], other["Message-ID"] = LI, "<m2@example.com>"
        other.set_content("the youngest")
        one.floor.now += 10
        await one.came(other)
        youngest = next(each for each in one.mail.open.values() if each is not room)
        assert [one.floor.hub.dispatch.place(of)[0] for of in (room.id, chat, youngest.id)] == [1, 2, 3]
        await one.floor.sign_in()
        assert room.asked == {"anna": None}, "the oldest first, whatever its channel"
        assert await one.floor.answer(room.id) == {"ok": True}
        assert await one.floor.answer(chat) == {"ok": True}, "50 and 33 of 100"
        await one.floor.settled()
        assert not youngest.asked and one.floor.hub.dispatch.place(youngest.id)[0] == 1, "133 of 100 fit nowhere"
        await one.floor.close(chat)
        await one.floor.command("anna", "wrap_up", _wrap_up(chat))
        assert youngest.asked == {"anna": None}


def letter_of(number: int, sender: str = "eve@example.com") -> EmailMessage:
    """One that belongs to no conversation."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"Eve <{sender}>", HELP, f"matter {number}"
    mail["Message-ID"] = f"<{number}.{sender}>"
    mail.set_content(f"text {number}")
    return mail


async def test_of_a_flood_of_one_sender_a_bounded_part_goes_to_the_desk_and_nothing_is_lost(tmp_path: Path) -> None:
    async with site(tmp_path, sender_hour=3, sender_day=5) as one:
        senders = ["eve@example.com", "Eve@example.com", "eve+one@example.com"]
        for number in range(9):
            one.floor.now += 1
            await one.came(letter_of(number, senders[number % 3]))
        await one.came(letter_of(99, LI))
        assert [room.name for room in one.mail.open.values()] == ["Eve"] * 3 + ["Eve"], "three of hers, and his"
        assert one.postman.taken == {"letter": 4, "held": 6} and one.floor.hub.counts["mail_held"] == 6
        held = await one.store.mails.held()
        assert [each.subject for each in held] == [f"matter {number}" for number in range(3, 9)]
        for number, each in enumerate(held, 3):
            [line] = await one.lines(each.conversation)
            assert line.text == f"text {number}" and await one.events(each.conversation) == [("mail_held", None)]
        assert (one.intake.gate.part().detail or "").startswith("6 held back")
        await one.again()
        assert len(one.mail.open) == 4 and await one.store.mails.held() == held, "a start lets nobody in"
        await one.intake.gate.round()
        assert len(one.mail.open) == 4
        one.floor.now += 3_601
        await one.intake.gate.round()
        assert len(one.mail.open) == 6, "three in an hour, but five in a day"
        assert held[0].conversation in one.mail.open, "the oldest first"
        await one.intake.gate.let_in(held[2].id, "sofia")
        assert one.mail.open[held[2].id].name == "Eve", "a supervisor lets in whom she wants"
        assert await one.events(held[2].conversation) == [("mail_held", None), ("mail_let_in", "sofia")]
        await one.intake.gate.dismiss(held[3].id)
        with pytest.raises(NotFound):
            await one.intake.gate.dismiss(held[3].id)
        one.floor.now += 86_401
        await one.intake.gate.round()
        assert await one.store.mails.held() == [] and len(one.mail.open) == 9
        assert one.intake.gate.part().detail is None
        started = [each for each in one.floor.log.of(e.InteractionStarted) if each.channel == "email"]
        assert len({each.interaction_id for each in started}) == len(started) == 9


async def test_what_follows_a_letter_that_is_held_stands_with_it(tmp_path: Path) -> None:
    async with site(tmp_path, sender_hour=1) as one:
        chat, letter = await one.left()
        await one.came(answer(letter, "first"))
        room = one.mail.open[chat]
        await one.came(answer(letter, "more of it"))
        assert await one.floor.answer(room.id) == {"ok": True} and not await one.store.mails.held()
        await one.floor.close(room.id)
        await one.floor.settled()
        for text in ("second", "third"):
            await one.came(answer(letter, text))
        assert chat not in one.mail.open and len(await one.store.mails.held()) == 1
        assert [each.text for each in await one.lines(chat)][1:] == ["first", "more of it", "second", "third"]
        one.floor.now += 3_601
        await one.intake.gate.round()
        again = one.mail.open[chat]
        assert [each.text for each in again.lines if each.kind == "text"][-2:] == ["second", "third"]
        await one.came(answer(letter, "fourth"))
        assert again.lines[-1].text == "fourth" and one.mail.open[chat] is again


async def test_invented_senders_do_not_keep_out_who_answers(tmp_path: Path) -> None:
    async with site(tmp_path, box_hour=2) as one:
        chat, letter = await one.left()
        for number in range(4):
            await one.came(letter_of(number, f"x{number}@example.com"))
        assert len(one.mail.open) == 2 and len(await one.store.mails.held()) == 2
        await one.came(answer(letter, "it is me"))
        assert (await one.lines(chat))[-1].text == "it is me" and chat in one.mail.open


@pytest.mark.parametrize("at", ["open", "keep", "move"])
async def test_whenever_it_dies_a_letter_that_is_held_is_held_once(tmp_path: Path, at: str, monkeypatch: Any) -> None:
    async with site(tmp_path, sender_hour=1) as one:
        await one.came(letter_of(1))
        await asyncio.to_thread(one.imap.deliver, letter_of(2))
        real = getattr(one.store.mails, at)

        async def dies_after(*args: Any, **more: Any) -> Any:
            await real(*args, **more)
            raise Died

        with monkeypatch.context() as patch:
            patch.setattr(one.store.mails, at, dies_after)
            with contextlib.suppress(Died):
                await one.postman.round()
        await one.again()
        await one.fetched()
        [held] = await one.store.mails.held()
        assert [each.text for each in await one.lines(held.conversation)] == ["text 2"] and len(one.mail.open) == 1


async def test_what_we_sent_and_what_comes_back_begins_nothing(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        chat, letter = await one.left()
        back = EmailMessage()
        back["From"], back["Message-ID"] = "forwarder@list.example", said(letter, "Message-ID")
        back.set_content("what we wrote ourselves, through somebody's forwarding")
        await one.came(back)
        assert not one.mail.open and len(await one.lines(chat)) == 1 and one.postman.taken == {"own": 1}


async def test_a_supervisor_who_is_seen_writes_mails_too(tmp_path: Path) -> None:
    from agent_console import wire

    async with site(tmp_path) as one:
        chat, letter = await one.left("a question")
        room = one.mail.open[chat]
        room.joined["sofia"] = False
        command = wire.ChatSend(id=str(uuid.uuid4()), interaction_id=room.id, text="I am looking into it")
        told = await one.floor.oversee("sofia", "chat_send", command)
        assert told["ok"], told
        reply = await one.sent(2)
        assert "looking into it" in reply.get_payload(decode=True).decode()  # type: ignore[union-attr]
        assert said(reply, "In-Reply-To") == said(letter, "Message-ID")


async def _until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():  # noqa: ASYNC110 (the mailbox has no event)
            await asyncio.sleep(0.02)
