"""Chats on an agent's desk in a real browser: visitors over the real protocol, a simulated PBX for the calls."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from cti_gateway.simulator.queue_call import QueueCall
from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from interaction_log.canned import CannedReply
from interaction_log.knowledge import Draft, Text
from interaction_log.records import Choice, User
from interaction_log.store import Store
from tests.fakes.axe import violations
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.chat_visitor import VisitorClient
from tests.fakes.program import PASSWORD, Program, prepare
from tests.fakes.shop_page import ShopPage

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(180)]
SITE = """
[agents]
capacity = {{ voice = 40, chat = 20 }}
[[site]]
key = "shop"
origins = ["{shop}"]
queues = ["support"]
trail = true
cobrowse = true
[[site.form]]
code = "name"
label = {{en = "Name", "zh-CN" = "姓名"}}
[site.limits]
line_burst = 500
lines_per_minute = 6000
"""
HELLO = CannedReply(
    id="",
    shortcut="hello",
    texts={"en": "Hello {visitor}, this is {agent}.", "zh-CN": "{visitor}您好，我是{agent}。"},
)


REFUNDS = Draft(
    kind="article",
    texts={
        "en": Text(title="Refunds", body="Within **14 days**."),
        "zh-CN": Text(title="退款", body="**14 天**内可退。"),
    },
    queues=["support"],
)


class Shop:
    """A program with a site, and a telephone system that rings when it is told to."""

    def __init__(self, simulator: Simulator, program: Program, pages: ShopPage) -> None:
        self.simulator, self.program, self.pages = simulator, program, pages

    def visitor(self, token: str = "") -> VisitorClient:
        return VisitorClient(self.program.url, "shop", token)

    async def call(self) -> QueueCall:
        """A caller, once the PBX knows that Anna is ready."""
        anna = self.simulator.pbx.queues["support"].member("PJSIP/1001")
        async with asyncio.timeout(30):
            while anna is None or anna.paused:  # noqa: ASYNC110 (the simulator has no news of its own)
                await asyncio.sleep(0.02)
        return QueueCall(self.simulator.pbx, self.simulator.pbx.queues["support"], "13800138000", "")


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    simulator = Simulator()
    server = SimulatorServer(simulator)
    pages = await ShopPage().__aenter__()
    config = await prepare(tmp_path, port=await server.start(), secret=SECRET, more=SITE.format(shop=pages.url))
    store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path / 'callweave.db'}", default_region="CN")
    await store.users.create(User(name="ada", display_name="Ada", role="admin"), PASSWORD)
    await store.canned.create(HELLO)
    await store.knowledge.publish((await store.knowledge.write(None, REFUNDS, "sofia")).id, 1, "ada")
    await store.catalogue.put_disposition(Choice(code="solved", labels={"en": "Solved", "zh-CN": "已解决"}))
    await asyncio.to_thread(store.close)
    try:
        async with Program(tmp_path, "--config", str(config)) as program:
            pages.chat = program.url
            yield Shop(simulator, program, pages)
    finally:
        await pages.__aexit__()
        await server.stop()


async def signed_in(browser: Browser, shop: Shop, name: str, **how: Any) -> Person:
    person = await Person.sit_down(browser, shop.program.url, **how)
    await person.sign_in(name, PASSWORD)
    await person.page.wait_for_url(lambda url: "sign-in" not in url)
    return person


async def at_work(browser: Browser, shop: Shop, name: str, **how: Any) -> Person:
    person = await signed_in(browser, shop, name, **how)
    await person.expect("desk")
    await person.press("state-ready")
    await expect(person.see("state")).to_have_attribute("data-state", re.compile("READY|OFFERED"), timeout=10_000)
    return person


def lines(person: Person) -> Locator:
    return person.see("chat-line")


async def reads(person: Person, *texts: str) -> None:
    """The transcript has just these lines, in this order."""
    await expect(lines(person).locator(".bubble")).to_contain_text(list(texts), timeout=15_000)
    await expect(lines(person)).to_have_count(len(texts))


async def write(person: Person, text: str) -> None:
    await person.see("chat-text").fill(text)
    await person.see("chat-text").press("Enter")


async def opened(visitor: VisitorClient, name: str = "Vera", **more: Any) -> str:
    return str((await visitor.open(form={"name": name}, **more))["id"])


async def test_from_the_offer_to_the_wrap_up(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    async with shop.visitor() as vera:
        await opened(vera)
        await vera.say("My tea has not come.")
        await anna.expect("offer-name", "Vera")
        await anna.expect("offer-lines", "My tea has not come.")
        await anna.expect("offer-left", re.compile(r"^\d+$"))
        await expect(anna.page).to_have_title(re.compile("Vera"))
        await anna.photograph("chat-1-offer")
        await anna.page.keyboard.press("a")
        await anna.expect("chat-card")
        await reads(anna, "My tea has not come.")
        await write(anna, "Hello, let me look.")
        await vera.line("Hello, let me look.")
        # Enter sends, Shift+Enter breaks the line
        await anna.see("chat-text").press_sequentially("one")
        await anna.see("chat-text").press("Shift+Enter")
        await anna.see("chat-text").press_sequentially("two")
        await anna.see("chat-text").press("Enter")
        await vera.line("one\ntwo")
        await vera.call("typing", on=True)
        await anna.expect("chat-typing", "Vera")
        await vera.say("See https://shop.example/orders/1.")
        link = lines(anna).locator("a").first
        await expect(link).to_have_attribute("href", "https://shop.example/orders/1")
        await expect(link).to_have_attribute("rel", re.compile("noopener"))
        await vera.call("seen", number=(await vera.line("one\ntwo"))["number"])
        await expect(lines(anna).nth(2)).to_have_attribute("data-state", "seen")
        await anna.see("chat-private").click()
        await write(anna, "The parcel is lost.")
        await reads(anna, "My tea", "Hello", "one", "See", "The parcel is lost.")
        assert "The parcel is lost." not in vera.texts()
        await anna.photograph("chat-2-talk")
        await anna.press("chat-close")
        await anna.press("chat-close")
        await vera.wait("conversation", lambda c: c["state"] == "ended")
        await anna.expect("wrap-up")
        await anna.see("notes").fill("A new parcel goes out.")
        await anna.press("disposition-solved")
        await anna.photograph("chat-3-wrap-up")
        await anna.press("chat-finish")
        await anna.gone("chat-card")
    await anna.get_up()


async def test_a_reload_in_mid_chat_loses_nothing(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    async with shop.visitor() as vera:
        await opened(vera)
        await vera.say("first")
        await anna.press("chat-accept")
        await reads(anna, "first")
        await anna.see("chat-text").fill("half a sentence")
        await anna.page.reload()
        await anna.expect("chat-card")
        await expect(anna.see("chat-text")).to_have_value("half a sentence")
        await vera.say("second")
        await reads(anna, "first", "second")
        # what is written while there is no connection is shown at once, sent later, and never twice
        await anna.context.set_offline(True)
        await write(anna, "from nowhere")
        await expect(lines(anna).last).to_have_attribute("data-state", "sending")
        await vera.say("while you were away")
        await anna.context.set_offline(False)
        await vera.line("from nowhere")
        await reads(anna, "first", "second", "while you were away", "from nowhere")
        assert vera.texts().count("from nowhere") == 1
        # many lines at once, in order, behind what is read
        for number in range(60):
            await vera.say(f"line {number}")
        await expect(lines(anna).last).to_contain_text("line 59", timeout=15_000)
        await anna.page.reload()
        await expect(lines(anna).last).to_contain_text("line 59", timeout=15_000)
        while await anna.see("chat-earlier").count():
            await anna.press("chat-earlier")
            await expect(anna.see("chat-earlier")).to_be_hidden(timeout=10_000)
        await reads(
            anna, "first", "second", "while you were away", "from nowhere", *(f"line {number}" for number in range(60))
        )
    await anna.get_up()


SCROLLED_UP = """box => new Promise(done => {
    box.addEventListener("scroll", () => requestAnimationFrame(done), { once: true })
    box.scrollTop = 40
})"""
"""The page hears of it a frame later than the script: a line that comes in between would scroll down."""


async def test_one_reads_on_while_lines_come(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    async with shop.visitor() as vera:
        await opened(vera)
        for number in range(25):
            await vera.say(f"line {number} " + "with many words " * 12)
        await anna.press("chat-accept")
        await expect(lines(anna)).to_have_count(25)
        log = anna.see("transcript")
        await expect(lines(anna).last).to_be_in_viewport()
        await log.evaluate(SCROLLED_UP)
        await vera.say("news")
        await anna.expect("chat-newer", "1")
        assert await log.evaluate("box => box.scrollTop") == 40
        await anna.press("chat-newer")
        await anna.gone("chat-newer")
        await expect(lines(anna).last).to_be_in_viewport()
    await anna.get_up()


async def test_two_chats_and_a_call_by_keyboard(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    async with shop.visitor() as vera, shop.visitor() as wang:
        first = await opened(vera)
        await anna.page.keyboard.press("a") if await anna.expect("chat-offer") else None
        await anna.expect("chat-card")
        await vera.say("hello")
        second = await opened(wang, "王伟", language="zh-CN")
        await anna.expect("chat-offer")
        await anna.photograph("chat-4-second-offer")
        await anna.page.keyboard.press("Alt+a")
        await expect(anna.see("chat-card")).to_have_attribute("data-interaction-id", second)
        await anna.page.keyboard.press("Alt+1")
        await expect(anna.see("chat-card")).to_have_attribute("data-interaction-id", first)
        await expect(anna.see("chat-text")).to_be_focused()
        await wang.say("在吗？")
        await expect(anna.see(f"contact-{second}").locator('[data-test="unread"]')).to_contain_text("1")
        await expect(anna.page).to_have_title(re.compile("王伟"))
        await anna.photograph("chat-5-two")
        await anna.page.keyboard.press("Alt+2")
        await expect(anna.see("unread")).to_have_count(0)
        # the reply speaks the visitor's language and names him
        await anna.see("chat-text").press_sequentially("/hel")
        await anna.expect("canned-preview", "王伟您好，我是Anna。")
        await anna.photograph("chat-6-canned")
        await anna.page.keyboard.press("Enter")
        await expect(anna.see("chat-text")).to_have_value("王伟您好，我是Anna。")
        await anna.page.keyboard.press("Enter")
        await wang.line("王伟您好，我是Anna。")
    await anna.get_up()


COUNT_SOUNDS = """() => {
    const start = AudioBufferSourceNode.prototype.start
    window.sounds = 0
    AudioBufferSourceNode.prototype.start = function (...when) {
        if (!this.loop) window.sounds++
        return start.apply(this, when)
    }
}"""
"""A ring is a loop; a line sounds once."""


async def test_a_line_of_a_chat_that_one_does_not_look_at_is_heard(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    await anna.page.evaluate(COUNT_SOUNDS)

    async def sounds(count: int) -> None:
        await anna.page.wait_for_function("count => window.sounds === count", arg=count)

    async with shop.visitor() as vera, shop.visitor() as wang:
        first = await opened(vera)
        await anna.press("chat-accept")
        await expect(anna.see("chat-card")).to_have_attribute("data-interaction-id", first)
        second = await opened(wang, "王伟")
        await anna.press("chat-accept")
        await expect(anna.see("chat-card")).to_have_attribute("data-interaction-id", second)
        await anna.page.keyboard.press("Alt+1")
        await vera.say("one that she looks at")
        await reads(anna, "one that she looks at")
        await wang.say("在吗？")
        await sounds(1)
        await expect(anna.page).to_have_title(re.compile(r"1.*王伟"))
        # each has a clock of its own: since when its visitor waits
        for chat in (first, second):
            await expect(anna.see(f"contact-{chat}").locator(".side .num")).to_have_text(re.compile(r"^\d+:\d\d$"))
        await anna.expect("chat-waits", re.compile(r"\d:\d\d"))
        await write(anna, "an answer")
        await vera.line("an answer")
        await anna.gone("chat-waits")
        await expect(anna.see(f"contact-{first}").locator(".side .num")).to_have_text("")
        await anna.see("chat-emoji").click()
        await anna.press("emoji-happy")
        await anna.see("chat-text").press("Enter")
        await vera.line("😊")
        await anna.page.keyboard.press("Alt+2")
        await expect(anna.see("unread")).to_have_count(0)
        assert await anna.page.evaluate("window.sounds") == 1
    await anna.get_up()


async def test_a_transfer_takes_the_whole_transcript_along(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    async with shop.visitor() as vera:
        await opened(vera)
        await vera.say("my order is late")
        await anna.press("chat-accept")
        await write(anna, "Ben knows more.")
        await vera.line("Ben knows more.")
        ben = await at_work(chromium, shop, "ben", locale="zh-CN", dark=True)
        await anna.press("chat-transfer")
        await anna.expect("transfer-to-agent:ben")
        await anna.photograph("chat-7-transfer")
        await anna.see("transfer-find").fill("ben")
        await anna.page.keyboard.press("Enter")
        await ben.expect("offer-lines", "my order is late")
        await ben.photograph("chat-8-offer-zh")
        await ben.press("chat-accept")
        await reads(ben, "my order is late", "Ben knows more.")
        await anna.gone("chat-card")
        await write(ben, "我是 Ben。")
        await vera.line("我是 Ben。")
        await ben.photograph("chat-9-zh")
    await anna.get_up()
    await ben.get_up()


async def test_declined_with_a_reason_it_goes_to_somebody_else(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    async with shop.visitor() as vera:
        await opened(vera)
        await anna.expect("chat-offer")
        await anna.press("chat-decline")
        await anna.press("decline-none")
        await anna.gone("chat-offer")
        ben = await at_work(chromium, shop, "ben")
        await ben.press("chat-accept")
        await ben.expect("chat-card")
    await anna.get_up()
    await ben.get_up()


async def test_files_go_both_ways(shop: Shop, chromium: Browser, tmp_path: Path) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    paper = tmp_path / "offer.txt"
    paper.write_text("20 % off")
    async with shop.visitor() as vera:
        await opened(vera)
        await anna.press("chat-accept")
        await anna.see("chat-file-input").set_input_files(paper)
        await expect(anna.see("contact-strip")).to_contain_text("offer.txt")
        told = (await vera.wait("line", lambda m: m["line"]["kind"] == "file"))["line"]
        assert told["file"]["name"] == "offer.txt"
        await expect(anna.see("chat-file")).to_contain_text("offer.txt")
        async with anna.page.expect_download() as download:
            await anna.press("chat-file")
        assert (await (await download.value).path()).read_text() == "20 % off"
    await anna.get_up()


async def test_at_the_size_of_a_phone(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna", width=390, height=844)
    async with shop.visitor() as vera:
        await opened(vera)
        await vera.say("hello from the road")
        await anna.expect("chat-offer")
        await anna.photograph("chat-10-phone-offer")
        await anna.press("chat-accept")
        await reads(anna, "hello from the road")
        await write(anna, "Hello!")
        await vera.line("Hello!")
        await anna.photograph("chat-11-phone")
        assert await anna.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        await anna.press("chat-beside")
        await anna.expect("visitor-panel")
        await anna.photograph("chat-12-phone-details")
    await anna.get_up()


async def test_a_call_rings_beside_what_one_writes(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    async with shop.visitor() as vera:
        chat = await opened(vera)
        await anna.press("chat-accept")
        await anna.see("chat-text").fill("I am just writing")
        await shop.call()
        await anna.expect("pop", "李雷", 20)
        await expect(anna.see("chat-text")).to_be_focused()
        await anna.photograph("chat-13-call-rings")
        await anna.page.keyboard.press("Alt+a")
        await expect(anna.see("call-card")).to_have_attribute("data-phase", "talking", timeout=20_000)
        await vera.say("and I am here")
        await expect(anna.see(f"contact-{chat}").locator('[data-test="unread"]')).to_contain_text("1")
        await anna.photograph("chat-14-call-and-chat")
        await anna.page.keyboard.press("Alt+1")
        await expect(anna.see("chat-text")).to_have_value("I am just writing")
        await anna.see("chat-text").press("Enter")
        await vera.line("I am just writing")
        await expect(anna.see("contact-strip").locator("button")).to_have_count(2)
    await anna.get_up()


async def test_a_supervisor_reads_along_and_coaches(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    sofia = await signed_in(chromium, shop, "sofia", width=1440, height=900)
    await sofia.expect("live-page")
    async with shop.visitor() as vera:
        chat = await opened(vera)
        await vera.say("this is the third time")
        await anna.press("chat-accept")
        await reads(anna, "this is the third time")
        await sofia.see(f"watch-{chat}").click(timeout=20_000)
        await sofia.press("watch-join")
        await sofia.expect("watch-error")  # nobody joins without a reason
        await sofia.see("watch-why").fill("a complaint")
        await sofia.press("watch-join")
        await reads(sofia, "this is the third time")
        await write(sofia, "Offer a voucher.")
        await reads(anna, "this is the third time", "Offer a voucher.")
        await write(anna, "I am sorry about that.")
        await vera.line("I am sorry about that.")
        await reads(sofia, "this is the third time", "Offer a voucher.", "I am sorry about that.")
        assert "Offer a voucher." not in vera.texts()
        await sofia.photograph("chat-15-supervisor")
        await sofia.press("watch-close")
        await sofia.gone("chat-watch")
        await anna.press("chat-close")
        await anna.press("chat-close")
        await anna.expect("wrap-up")
        await anna.press("chat-finish")
        await anna.gone("chat-card")
        # afterwards it is read where all contacts are
        await sofia.press("nav-interactions")
        await sofia.see(f"interaction-{chat}").click(timeout=20_000)
        await reads(sofia, "this is the third time", "Offer a voucher.", "I am sorry about that.")
        await sofia.photograph("chat-16-record")
    await anna.get_up()
    await sofia.get_up()


async def test_a_supervisor_bans_a_visitor_and_an_administrator_lifts_it(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    sofia = await signed_in(chromium, shop, "sofia", width=1440, height=900)
    async with shop.visitor() as vera:
        chat = await opened(vera)
        await vera.say("you are stupid")
        await anna.press("chat-accept")
        await reads(anna, "you are stupid")
        await expect(anna.see("ban-visitor")).to_have_count(0)  # agents ask a supervisor
        await sofia.see(f"watch-{chat}").click(timeout=20_000)
        await sofia.see("watch-why").fill("insults")
        await sofia.press("watch-join")
        await reads(sofia, "you are stupid")
        await sofia.page.get_by_text("Visitor", exact=True).click()
        await sofia.see("ban-visitor").locator("summary").click()
        await sofia.press("ban")
        await sofia.expect("ban-error")  # not without a reason
        await sofia.see("ban-why").fill("insults")
        assert await violations(sofia.page) == []
        await sofia.photograph("chat-19-ban")
        await sofia.press("ban")
        await vera.gone()
        await anna.expect("wrap-up")
        admin = await signed_in(chromium, shop, "ada")
        await admin.page.goto(f"{shop.program.url}/admin/chat-sites")
        await admin.expect("banned-visitor", "insults")
        await admin.page.get_by_text("Ban an address").click()
        await admin.see("ban-address").fill("the neighbour")
        await admin.see("ban-why").fill("a flood")
        await admin.press("ban")
        await admin.expect("ban-error")
        await admin.see("ban-address").fill("192.0.2.7")
        await admin.press("ban")
        await admin.expect("banned-address", "192.0.2.7")
        assert await violations(admin.page) == []
        await admin.photograph("chat-20-bans")
        await admin.see("banned-visitor").locator('[data-test="lift-ban"]').click()
        await admin.gone("banned-visitor")
    async with shop.visitor(vera.token) as again:
        await opened(again)
    for one in (anna, sofia, admin):
        await one.get_up()


async def test_the_visitors_page_is_seen_and_cannot_be_touched(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    context = await chromium.new_context(viewport={"width": 1100, "height": 700}, locale="en")
    page = await context.new_page()
    await page.goto(f"{shop.pages.url}/kettles")
    await page.locator('[data-test="launcher"]').click()
    await page.locator("#field-name").fill("Vera")
    await page.locator('[data-test="start"]').click()
    await anna.see("chat-accept").click(timeout=20_000)
    await anna.press("cobrowse-ask")
    await expect(anna.see("cobrowse")).to_have_attribute("data-state", "asked")
    await page.locator('[data-test="cobrowse-yes"]').click()
    copy = anna.page.frame_locator('[data-test="cobrowse-frame"]')
    await expect(copy.locator("h1")).to_have_text("/kettles", timeout=15_000)
    await page.locator("#card").fill("4111 1111 1111 1111")
    await page.evaluate("() => { document.querySelector('p').textContent = 'Finer kettles.' }")
    await expect(copy.locator("p").first).to_have_text("Finer kettles.")
    await expect(copy.locator("input").first).to_have_value(re.compile("^•+$"))
    assert await copy.locator("script, link, [src], [href^=http]").count() == 0
    await anna.photograph("chat-17-cobrowse")
    await anna.press("cobrowse-stop")
    await anna.gone("cobrowse")
    await expect(anna.see("chat-error")).to_have_count(0)
    await context.close()
    await anna.get_up()


async def test_an_article_is_put_into_the_chat_in_the_visitors_language(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    anna = await at_work(chromium, shop, "anna")
    async with shop.visitor() as wang:
        await opened(wang, "王伟", language="zh-CN")
        await anna.press("chat-accept")
        await anna.see("chat-text").fill("您好。")
        await anna.press("chat-tab-guide")
        await anna.see("guide-item").get_by_text("Refunds").click()
        await anna.expect("guide-title", "Refunds")
        await anna.press("guide-insert")
        await expect(anna.see("chat-text")).to_have_value(re.compile("您好。.*14 天内可退。", re.DOTALL))
        await anna.see("chat-text").press("Enter")
        await wang.wait("line", lambda m: "14 天内可退。" in m["line"]["text"] and "**" not in m["line"]["text"])
    await anna.get_up()


async def test_a_supervisor_writes_canned_replies(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    sofia = await signed_in(chromium, shop, "sofia", locale="zh-CN")
    await sofia.press("nav-knowledge")
    await sofia.press("open-canned")
    await sofia.expect("canned-row-hello")
    await sofia.press("canned-new")
    await sofia.see("canned-shortcut").fill("谢谢")
    await sofia.see("canned-text-zh-CN").fill("谢谢您，{visitor}！")
    await sofia.photograph("chat-18-canned")
    await sofia.press("canned-save")
    await sofia.expect("canned-row-谢谢", "谢谢您")
    await sofia.get_up()
