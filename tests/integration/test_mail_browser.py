"""The whole program with a real mailbox: from the widget by mail to the desk and back; and killed amid letters."""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage, Message
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from email_channel.tokens import token_of
from interaction_log.store import Store
from interaction_log.store.master_key import load
from tests.fakes.axe import violations
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.dovecot import PASSWORD as IMAP_PASSWORD
from tests.fakes.dovecot import USER, Dovecot
from tests.fakes.program import PASSWORD, Program, prepare
from tests.fakes.shop_page import ShopPage
from tests.fakes.smtp import SmtpServer

pytestmark = [pytest.mark.real("chromium"), pytest.mark.real("dovecot"), pytest.mark.timeout(240)]
PATIENCE = 30_000
"""Milliseconds that what is expected may take a busy machine."""
HELP, LI, HAN = "help@shop.example", "li@example.com", "han@example.com"
MORE = """
[mail]
host = "127.0.0.1"
port = {smtp}
tls = "none"
sender = "help@shop.example"
[[mailbox]]
name = "help"
host = "127.0.0.1"
port = {imap}
tls = "none"
user = "{user}"
password = "{password}"
address = "help@shop.example"
queue = "support"
poll_seconds = 1
results_of = "mx.shop.example"
[[site]]
key = "shop"
origins = ["{shop}"]
queues = ["support"]
[[site.form]]
code = "name"
label = {{ en = "Name" }}
"""


@dataclass
class Shop:
    """The program, its mailbox, and where its mails go."""

    program: Program
    imap: Dovecot
    post: SmtpServer
    pages: ShopPage
    token: str = ""

    async def sent(self, count: int) -> Message:
        """The mail that makes it so many."""
        async with asyncio.timeout(60):
            while len(self.post.mails) < count:  # noqa: ASYNC110 (the mail server has no news)
                await asyncio.sleep(0.05)
        return self.post.mails[count - 1].mail

    async def came(self, letter: EmailMessage) -> None:
        await asyncio.to_thread(self.imap.deliver, letter)

    async def lines(self, contact: str) -> list[str]:
        """What people wrote in it."""
        self.token = self.token or await self.program.sign_in("sofia")
        async with self.program.http(self.token) as http:
            found = await http.get(f"/api/chats/{contact}/lines", params={"limit": 200})
            return [one["text"] for one in found.json()["items"] if one["kind"] == "text"]


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    simulator = SimulatorServer(Simulator())
    async with Dovecot() as imap, SmtpServer() as post, ShopPage() as pages:
        more = MORE.format(smtp=post.port, imap=imap.port, user=USER, password=IMAP_PASSWORD, shop=pages.url)
        config = await prepare(tmp_path, port=await simulator.start(), secret=SECRET, more=more)
        store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'callweave.db'}", default_region="CN")
        await store.customers.create({"name": "韩梅梅", "emails": [HAN]})
        await asyncio.to_thread(store.close)
        try:
            async with Program(tmp_path, "--config", str(config)) as program:
                pages.chat = program.url
                yield Shop(program, imap, post, pages)
        finally:
            await simulator.stop()


def said(mail: Message, header: str) -> str:
    """A header on one line."""
    return " ".join(str(mail[header] or "").split())


def answer(to: Message, text: str) -> EmailMessage:
    """As a mail program answers."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"Li Lei <{LI}>", said(to, "Reply-To"), "Re: " + said(to, "Subject")
    mail["Message-ID"], mail["In-Reply-To"] = f"<{uuid.uuid4()}@example.com>", said(to, "Message-ID")
    mail["References"] = f"{said(to, 'References')} {said(to, 'Message-ID')}".strip()
    mail.set_content(f"{text}\n\nOn Mon, 23 Nov 2026, Shop <{HELP}> wrote:\n> what did you order?\n")
    return mail


def bubbles(person: Person) -> Locator:
    return person.see("chat-line").locator(".bubble")


async def reads(person: Person, *texts: str) -> None:
    """Just these lines, in this order."""
    await expect(bubbles(person)).to_contain_text(list(texts), timeout=PATIENCE)
    await expect(bubbles(person)).to_have_count(len(texts))


async def write(person: Person, text: str) -> None:
    await person.see("chat-text").fill(text)
    await person.see("chat-text").press("Enter")
    await expect(bubbles(person).last).to_contain_text(text, timeout=PATIENCE)


@contextlib.asynccontextmanager
async def at_work(browser: Browser, shop: Shop) -> AsyncIterator[Person]:
    anna = await Person.sit_down(browser, shop.program.url)
    try:
        await anna.sign_in("anna", PASSWORD)
        await anna.expect("desk", seconds=30)
        await anna.press("state-ready")
        await expect(anna.see("state")).to_have_attribute("data-state", "READY", timeout=PATIENCE)
        yield anna
    finally:
        await anna.get_up()


async def leaves_by_mail(browser: Browser, shop: Shop, anna: Person) -> None:
    """A visitor asks, hears something, asks again and leaves with his address."""
    context = await browser.new_context(locale="en", reduced_motion="reduce")
    try:
        page = await context.new_page()
        await page.goto(f"{shop.pages.url}/kettles")

        def see(test: str) -> Locator:
            return page.locator(f'[data-test="{test}"]')

        await see("launcher").click(timeout=PATIENCE)
        await page.locator("#field-name").fill("Li Lei", timeout=PATIENCE)
        await see("start").click()
        await see("write").fill("My tea has not come.", timeout=PATIENCE)
        await page.keyboard.press("Enter")
        await anna.see("chat-accept").click(timeout=PATIENCE)
        await write(anna, "What did you order?")
        await expect(see("other").locator(".bubble")).to_have_count(1, timeout=PATIENCE)
        await see("write").fill("Longjing. I must leave, please write to me.")
        await page.keyboard.press("Enter")
        await reads(anna, "My tea", "What did you order?", "Longjing.")
        await see("menu").click()
        await see("menu-mail").click()
        await page.locator("#field-mail").fill(LI)
        await page.get_by_label("Go on by mail when I leave").check()
        await see("mail-send").click()
        await expect(see("mail-send")).to_have_count(0, timeout=PATIENCE)
        await see("menu").click(timeout=PATIENCE)
        await see("leave").click(timeout=PATIENCE)  # until then he may go on writing here
        await see("leave-yes").click(timeout=PATIENCE)
        await expect(see("ended")).to_be_visible(timeout=PATIENCE)
    finally:
        await context.close()


async def test_a_chat_goes_on_by_mail_and_the_answer_comes_back_to_the_desk(
    shop: Shop,
    chromium: Browser,  # noqa: F811
) -> None:
    async with at_work(chromium, shop) as anna:
        await leaves_by_mail(chromium, shop, anna)
        letter = await shop.sent(1)
        assert shop.post.mails[0].recipients == [LI] and "chat-" in said(letter, "Message-ID")
        await anna.see("chat-accept").click(timeout=PATIENCE)  # his question waits, as a contact by mail
        await anna.expect("by-mail", seconds=30)
        await reads(anna, "My tea", "What did you order?", "Longjing.")
        await write(anna, "It was sent today.")
        reply = await shop.sent(2)
        assert shop.post.mails[1].recipients == [LI] and said(reply, "In-Reply-To") == said(letter, "Message-ID")
        await shop.came(answer(reply, "It has come, thank you."))
        await reads(anna, "My tea", "What did you order?", "Longjing.", "It was sent today.", "It has come, thank you.")
        await anna.expect("line-by-mail", LI)
        await anna.press("mail-show")
        await anna.expect("mail-whole", "> what did you order?")
        await anna.photograph("mail-1-desk")
        assert await violations(anna.page) == []
        await write(anna, "Enjoy it.")
        third = await shop.sent(3)
        assert third.get_payload(decode=True).decode().startswith("Enjoy it.")  # type: ignore[union-attr]
        contact = await anna.see("contact-strip").locator("[aria-current=true]").get_attribute("data-test")
        await anna.press("chat-close")
        await anna.press("chat-close")
        await anna.expect("chat-over", re.compile("further letter"), seconds=30)
        assert contact is not None
        lines = await shop.lines(contact.removeprefix("contact-"))
        assert lines[-2:] == ["It has come, thank you.", "Enjoy it."] and len(lines) == 6
    async with asyncio.timeout(60):
        while not all(one["ended_at"] for one in await shop.program.interactions()):  # noqa: ASYNC110 (asked by REST)
            await asyncio.sleep(0.1)
    found = {one["channel"]: one for one in await shop.program.interactions()}
    assert found["chat"]["outcome"] == found["email"]["outcome"] == "answered"


async def test_killed_while_it_takes_letters_it_loses_and_doubles_none(shop: Shop) -> None:
    first = EmailMessage()
    first["From"], first["To"], first["Message-ID"] = HAN, HELP, "<first@example.com>"
    first["Authentication-Results"] = "mx.shop.example; dmarc=pass header.from=example.com"
    first.set_content("letter 0")
    await shop.came(first)
    async with asyncio.timeout(60):
        while not (found := await shop.program.interactions()):  # noqa: ASYNC110 (asked by REST)
            await asyncio.sleep(0.05)
    contact = str(found[0]["id"])
    token = token_of(contact, partial(load(shop.program.folder / "journal" / "master.key").pseudonym, "mail"))
    many = 15
    for number in range(1, many + 1):
        letter = EmailMessage()
        letter["From"], letter["Message-ID"] = LI, f"<{number}@example.com>"
        letter["References"] = f"<{token}.x@shop.example>"
        letter.set_content(f"letter {number}")
        await shop.came(letter)
        if number in (4, 8, 12):  # in the middle of what it does
            await shop.program.kill()
            await shop.program.start()
    async with asyncio.timeout(90):
        while len(lines := await shop.lines(contact)) <= many:  # noqa: ASYNC110 (asked by REST)
            await asyncio.sleep(0.1)
    assert lines == [f"letter {number}" for number in range(many + 1)]
    [one] = await shop.program.interactions()
    assert (one["id"], one["channel"]) == (contact, "email") and one["customer_id"], "her server vouches for her"
    async with shop.program.http(shop.token) as http:
        entries = (await http.get(f"/api/customers/{one['customer_id']}/history")).json()["items"]
    assert [(each["kind"], each["ref"]) for each in entries] == [("email", contact)], "her timeline shows it"
