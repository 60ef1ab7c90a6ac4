"""The widget on the pages of another origin, the whole program behind it, agents at their sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, FilePayload, Locator, Page, WebSocketRoute, expect

from cti_gateway.simulator.server import SECRET, Simulator, SimulatorServer
from tests.fakes.axe import violations
from tests.fakes.browser import ARTEFACTS, Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import Desk, Program, prepare
from tests.fakes.proxy import Proxy
from tests.fakes.shop_page import ShopPage
from tests.fakes.smtp import SmtpServer

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(180)]


KEY = "a secret of the shop that is long enough"
SITE = """
[mail]
host = "127.0.0.1"
port = {smtp}
tls = "none"
sender = "help@shop.example"
[[site]]
key = "shop"
origins = ["{shop}"]
queues = ["support"]
callback = true
trail = true
cobrowse = true
proof_bits = 8
[site.consent]
version = "7"
text = {{ en = "Kept for 90 days.", "zh-CN" = "保存 90 天。" }}
[[site.form]]
code = "name"
label = {{ en = "Name", "zh-CN" = "称呼" }}
required = true
[[site.user_key]]
kid = "k1"
alg = "HS256"
secret = "{key}"
[site.limits]
line_burst = 200
lines_per_minute = 6000
"""


class Shop:
    """The program, the shop's pages, the post; and what agents at sockets do."""

    def __init__(self, program: Program, proxy: Proxy, pages: ShopPage, post: SmtpServer) -> None:
        self.program, self.proxy, self.pages, self.post = program, proxy, pages, post

    async def restart(self) -> None:
        """kill -9, and start again."""
        await self.program.kill()
        await self.program.start()
        self.proxy.target = int(self.program.url.rpartition(":")[2])


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    simulator = SimulatorServer(Simulator())
    async with SmtpServer() as post, ShopPage() as pages, Proxy(0) as proxy:
        pages.chat = f"http://127.0.0.1:{proxy.port}"
        more = SITE.format(smtp=post.port, shop=pages.url, key=KEY)
        config = await prepare(tmp_path, port=await simulator.start(), secret=SECRET, more=more)
        try:
            async with Program(tmp_path, "--config", str(config)) as program:
                proxy.target = int(program.url.rpartition(":")[2])
                yield Shop(program, proxy, pages, post)
        finally:
            await simulator.stop()


class Visitor:
    """Somebody in the shop."""

    def __init__(self, page: Page, name: str = "") -> None:
        self.page, self.name = page, name
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", lambda said: self.wrong.append(said.text) if "Security Policy" in said.text else None)

    def see(self, test: str) -> Locator:
        return self.page.locator(f'[data-test="{test}"]')

    async def press(self, test: str) -> None:
        await self.see(test).click()

    async def begin(self, name: str = "Wang") -> None:
        await self.press("launcher")
        field, anyway = self.page.locator("#field-name"), self.see("offer-chat")
        await expect(field.or_(anyway)).to_be_visible()
        if await anyway.is_visible():  # nobody is signed in yet
            await anyway.click()
        await self.agree(name)
        await self.press("start")
        await expect(self.see("write")).to_be_visible(timeout=15_000)

    async def agree(self, name: str = "Wang") -> None:
        """What is asked before a chat, a message and a call."""
        await self.page.locator("#field-name").fill(name)
        await self.page.locator("[name=consent]").check()

    async def say(self, text: str) -> None:
        await self.see("write").fill(text)
        await self.page.keyboard.press("Enter")

    async def reads(self, *texts: str, seconds: float = 20) -> None:
        """Just these lines, in this order, all of them confirmed."""
        said = self.page.locator('[data-test="own"] .bubble, [data-test="other"] .bubble')
        await expect(said).to_have_text([re.compile(re.escape(text)) for text in texts], timeout=seconds * 1000)
        await expect(self.see("pending")).to_have_count(0, timeout=seconds * 1000)

    async def photograph(self, name: str) -> None:
        ARTEFACTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=ARTEFACTS / f"widget-real-{name}.png")


@contextlib.asynccontextmanager
async def visiting(browser: Browser, url: str, size: tuple[int, int] = (1280, 720)) -> AsyncIterator[Visitor]:
    context: BrowserContext = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, locale="en", reduced_motion="reduce"
    )
    try:
        visitor = Visitor(await context.new_page())
        await visitor.page.goto(url)
        await expect(visitor.see("launcher").or_(visitor.see("panel")).first).to_be_visible(timeout=15_000)
        yield visitor
        assert visitor.wrong == []
    finally:
        await context.close()


@contextlib.asynccontextmanager
async def at_work(shop: Shop, name: str = "anna") -> AsyncIterator[Desk]:
    async with Desk(shop.program, name) as desk:
        assert (await desk.done("set_state", state="READY"))["ok"]
        yield desk


async def taken(desk: Desk) -> str:
    """The chat that is offered, taken."""
    offered = await desk.wait("chat", lambda m: m["chat"]["state"] == "offered", 30)
    chat = str(offered["chat"]["interaction_id"])
    assert (await desk.command("answer", interaction_id=chat))["ok"]
    await desk.wait("chat", lambda m: m["chat"]["interaction_id"] == chat and desk.name in m["chat"]["members"], 30)
    return chat


async def said(desk: Desk, chat: str, text: str) -> None:
    body = {"id": str(uuid.uuid4()), "interaction_id": chat, "text": text}
    ack = await desk._client.call("chat_send", body, namespace="/agent", timeout=10)
    assert ack["ok"], ack


async def test_a_whole_chat(shop: Shop, chromium: Browser, tmp_path: Path) -> None:  # noqa: F811
    async with visiting(chromium, f"{shop.pages.url}/kettles") as visitor:
        await visitor.begin()
        await expect(visitor.see("position")).to_contain_text("next", timeout=15_000)
        await visitor.say("My kettle leaks: https://shop.example/kettles/7")
        assert await violations(visitor.page) == []
        await visitor.photograph("1-waiting")
        async with at_work(shop) as anna:
            chat = await taken(anna)
            await expect(visitor.see("agent")).to_contain_text("Anna")
            assert (await anna.command("chat_seen", interaction_id=chat, number=1))["ok"]
            await expect(visitor.see("mark")).to_have_text("Seen")
            await anna.command("chat_typing", interaction_id=chat, on=True)
            await expect(visitor.see("typing")).to_contain_text("Anna")
            await visitor.see("write").press_sequentially("It")
            await anna.wait("chat_typing", lambda m: m["interaction_id"] == chat)
            await visitor.see("write").fill("")
            await said(anna, chat, "I am sorry. 请稍候。\nA new one comes tomorrow.")
            await visitor.reads("My kettle leaks", "I am sorry.")
            await _files(visitor, anna, chat, shop, tmp_path)
            await visitor.photograph("2-talking")
            assert await violations(visitor.page) == []
            await visitor.press("menu")
            await visitor.press("leave")
            await visitor.press("leave-yes")
            await expect(visitor.see("ended")).to_be_visible()
        await visitor.page.locator("[name=score]").nth(4).check()
        await visitor.press("rate")
        await expect(visitor.see("rating")).to_have_count(0)
        await visitor.press("mail")
        await visitor.page.locator("#field-mail").fill("wang@example.com")
        await visitor.press("mail-send")
        await expect(visitor.see("ended")).to_contain_text("wang@example.com")
        await visitor.photograph("3-ended")
        async with asyncio.timeout(15):
            while not shop.post.mails:  # noqa: ASYNC110 (the mail server has no news)
                await asyncio.sleep(0.02)
        await visitor.press("new-chat")
        await expect(visitor.page.locator("#field-name")).to_be_visible()
    assert shop.post.mails[0].recipients == ["wang@example.com"]
    one = await shop.program.only()
    assert (one["channel"], one["outcome"], one["ended_by"]) == ("chat", "answered", "customer")


async def _files(visitor: Visitor, anna: Desk, chat: str, shop: Shop, folder: Path) -> None:
    bill = FilePayload(name="bill 账单.txt", mimeType="text/plain", buffer=b"12 kettles")
    await visitor.see("chooser").set_input_files([bill])
    shown = await anna.wait("chat_line", lambda m: m["line"].get("file"))
    assert shown["line"]["file"]["name"] == "bill 账单.txt"
    async with shop.program.http(anna.token) as http:
        sent = await http.post(f"/api/chats/{chat}/files", files={"file": ("offer.txt", b"20 % off", "text/plain")})
        assert sent.status_code == 201, sent.text
    body = {"id": str(uuid.uuid4()), "interaction_id": chat, "file": sent.json()["id"]}
    assert (await anna._client.call("chat_send_file", body, namespace="/agent", timeout=10))["ok"]
    button = visitor.see("other").locator('[data-test="file"]')
    await expect(button).to_contain_text("offer.txt")
    async with visitor.page.expect_download() as download:
        await button.click()
    assert (await (await download.value).path()).read_bytes() == b"20 % off"


async def test_nothing_is_lost_over_breaks_a_kill_and_a_second_tab(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    async with visiting(chromium, f"{shop.pages.url}/") as visitor:
        await visitor.begin()
        async with at_work(shop) as anna:
            chat = await taken(anna)
            await visitor.say("line 1")
            await visitor.reads("line 1")
            for number in range(2, 8):  # each one meets a break
                await visitor.say(f"line {number}")
                shop.proxy.reset()
            await visitor.reads(*(f"line {number}" for number in range(1, 8)))
            shop.proxy.blackhole = True  # half open: nobody says that it is over
            await visitor.say("line 8")
            await said(anna, chat, "line 9")
            shop.proxy.reset()
            shop.proxy.blackhole = False
            wanted = [f"line {number}" for number in range(1, 8)]
            await expect(visitor.see("pending")).to_have_count(0, timeout=20_000)
            await visitor.reads(*wanted, "line 9", "line 8")
            hers = anna.token
        await visitor.see("write").fill("half a sentence")
        await shop.program.kill()
        await expect(visitor.see("link")).to_have_attribute("data-link", "reconnecting", timeout=20_000)
        await visitor.press("send")
        await visitor.photograph("4-reconnecting")
        await shop.restart()
        await visitor.reads(*wanted, "line 9", "line 8", "half a sentence", seconds=40)
        await visitor.page.reload()
        await visitor.reads(*wanted, "line 9", "line 8", "half a sentence")
        other = Visitor(await visitor.page.context.new_page())
        await other.page.goto(f"{shop.pages.url}/cart")
        await other.press("launcher")
        await other.say("from the second tab")
        await visitor.reads(*wanted, "line 9", "line 8", "half a sentence", "from the second tab")
        async with Desk(shop.program, "anna") as again:
            await again.close()
            await again.open(token=hers)
            snapshot = await again.wait("snapshot")
            [view] = snapshot["chats"]
            await said(again, view["interaction_id"], "to both tabs")
        for tab in (visitor, other):
            await tab.reads(*wanted, "line 9", "line 8", "half a sentence", "from the second tab", "to both tabs")
        async with shop.program.http(hers) as http:
            kept = (await http.get(f"/api/chats/{chat}/lines")).json()["items"]
        assert [line["number"] for line in kept] == list(range(1, len(kept) + 1))


async def test_over_long_polling_where_no_web_socket_comes_through(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    async def refuse(route: WebSocketRoute) -> None:
        await route.close()

    async with visiting(chromium, f"{shop.pages.url}/") as visitor:
        asked: list[str] = []
        visitor.page.on("request", lambda request: asked.append(request.url))
        await visitor.page.route_web_socket(re.compile("socket.io"), refuse)
        await visitor.page.reload()
        await visitor.begin()
        async with at_work(shop) as anna:
            chat = await taken(anna)
            for number in range(5):
                await visitor.say(f"line {number}")
            await visitor.reads(*(f"line {number}" for number in range(5)))
            await said(anna, chat, "an answer")
            await visitor.reads(*(f"line {number}" for number in range(5)), "an answer")
        assert any("transport=polling" in url for url in asked)


async def test_a_call_is_asked_for_and_taken_back(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    async with visiting(chromium, f"{shop.pages.url}/", (390, 844)) as visitor:
        await visitor.press("launcher")
        await visitor.press("offer-callback")
        await visitor.agree()
        await visitor.page.locator("#field-phone").fill("123")
        await visitor.press("submit")
        await expect(visitor.page.locator("#field-phone-error")).to_contain_text("cannot be called")
        await visitor.page.locator("#field-phone").fill("138 0013 8000")
        await visitor.photograph("5-callback")
        await visitor.press("submit")
        state = visitor.see("callback-state")
        await expect(state).to_have_attribute("data-state", "waiting", timeout=15_000)
        await expect(state).to_contain_text("000")
        assert await violations(visitor.page) == []
        await visitor.page.reload()
        await expect(state).to_have_attribute("data-state", "waiting", timeout=15_000)
        await state.get_by_role("button").click()
        await expect(state).to_have_attribute("data-state", "cancelled")


async def test_a_message_is_left_when_nobody_is_there(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    async with visiting(chromium, f"{shop.pages.url}/?language=zh-CN&theme=dark") as visitor:
        await visitor.press("launcher")
        await visitor.photograph("6-nobody-zh")
        await visitor.press("offer-message")
        await visitor.agree("王")
        await visitor.page.locator("#field-message").fill("请回信，谢谢。")
        await visitor.page.locator("#field-email").fill("wang@example.com")
        await visitor.press("submit")
        await expect(visitor.see("ended")).to_contain_text("我们已收到您的留言")
        await visitor.photograph("7-message-left-zh")
    token = await shop.program.sign_in("anna")
    async with shop.program.http(token) as http:
        [entry] = (await http.get("/api/missed")).json()["items"]
    assert (entry["kind"], entry["text"], entry["reply_to"]) == ("chat", "请回信，谢谢。", "wang@example.com")


async def test_the_site_vouches_for_its_user_and_talks_with_the_widget(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    now = int(time.time())
    claims = {"iss": "shop", "aud": "callweave", "sub": "u-7", "iat": now, "exp": now + 300, "name": "Han Meimei"}
    token = jwt.encode(claims | {"jti": str(uuid.uuid4())}, KEY, "HS256", {"kid": "k1"})
    async with visiting(chromium, f"{shop.pages.url}/") as visitor, at_work(shop) as anna:
        await visitor.page.evaluate(
            """async (token) => {
              window.heard = []
              for (const event of ['open', 'close', 'waiting', 'talking', 'line', 'ended'])
                Callweave.on(event, () => heard.push(event))
              await Callweave.identify(token)
              Callweave.open()
            }""",
            token,
        )
        await visitor.page.locator("#field-name").fill("somebody else")
        await visitor.page.locator("[name=consent]").check()
        await visitor.press("start")
        pop = await anna.wait("screen_pop")
        assert pop["interaction"]["customer_name"] == "Han Meimei"
        chat = await taken(anna)
        await said(anna, chat, "hello")
        await visitor.reads("hello")
        await visitor.page.evaluate("Callweave.close()")
        await expect(visitor.see("panel")).to_have_count(0)
        heard = await visitor.page.evaluate("heard")
        assert heard[0] == "open" and heard[-1] == "close" and {"talking", "line"} <= set(heard)


async def test_who_signs_in_while_he_talks_stays_in_his_conversation(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    now = int(time.time())
    claims = {"iss": "shop", "aud": "callweave", "sub": "u-8", "iat": now, "exp": now + 300, "name": "Li Lei"}
    token = jwt.encode(claims | {"jti": str(uuid.uuid4())}, KEY, "HS256", {"kid": "k1"})
    async with visiting(chromium, f"{shop.pages.url}/") as visitor, at_work(shop) as anna:
        await visitor.begin("somebody")
        chat = await taken(anna)
        await visitor.say("before")
        await said(anna, chat, "an answer")
        await visitor.reads("before", "an answer")
        await visitor.page.evaluate("(token) => Callweave.identify(token)", token)
        seen = await anna.wait("chat", lambda body: body["chat"]["visitor"]["verified"])
        assert (seen["chat"]["interaction_id"], seen["chat"]["visitor"]["name"]) == (chat, "Li Lei")
        await visitor.say("after")
        await visitor.reads("before", "an answer", "after")
        await said(anna, chat, "nice to see you")
        await visitor.reads("before", "an answer", "after", "nice to see you")


async def test_the_agent_sees_the_page_after_consent_only(shop: Shop, chromium: Browser) -> None:  # noqa: F811
    async with visiting(chromium, f"{shop.pages.url}/kettles") as visitor:
        await visitor.page.locator("#card").fill("4111 1111 1111 1111")
        await visitor.begin()
        async with at_work(shop) as anna:
            chat = await taken(anna)
            assert (await anna.command("chat_cobrowse", interaction_id=chat, on=True))["ok"]
            await expect(visitor.see("cobrowse-asked")).to_be_visible()
            assert anna.of("chat_frame") == []
            await visitor.press("cobrowse-yes")
            await expect(visitor.see("cobrowse-banner")).to_be_visible()
            first = await anna.wait("chat_frame")
            text = first["data"].partition(":")[2]
            page = json.loads(text)
            assert page["t"] == "page" and "Fine kettles." in text and "4111" not in text
            await visitor.photograph("8-showing")
            await visitor.page.evaluate("document.querySelector('p').textContent = 'Finer kettles.'")
            await anna.wait("chat_frame", lambda m: "Finer kettles." in m["data"])
            assert (await anna.command("chat_cobrowse", interaction_id=chat, on=False))["ok"]
            await expect(visitor.see("cobrowse-banner")).to_have_count(0)


async def test_the_shop_of_the_demo_with_an_agent_at_her_desk(tmp_path: Path, chromium: Browser) -> None:  # noqa: F811
    async with Program(tmp_path, "--demo") as program:
        anna = await Person.sit_down(chromium, program.url)
        await anna.sign_in("anna", "demo")
        await anna.expect("desk")
        await anna.press("state-ready")
        await expect(anna.see("state")).to_have_attribute("data-state", "READY", timeout=15_000)
        async with visiting(chromium, f"{program.url}/chat/demo/") as visitor:
            await visitor.begin("Vera")
            await visitor.say("Which tea is mild?")
            await anna.see("chat-accept").click(timeout=30_000)
            await anna.see("chat-text").fill("The Longjing is.")
            await anna.see("chat-text").press("Enter")
            await visitor.reads("Which tea is mild?", "The Longjing is.")
            await visitor.page.get_by_role("link", name="See the Longjing").click()
            await visitor.reads("Which tea is mild?", "The Longjing is.")
            await visitor.photograph("9-demo")
            await anna.photograph("widget-real-10-demo-desk")
        await anna.context.close()
