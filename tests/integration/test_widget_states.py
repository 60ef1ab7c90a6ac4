"""The widget in every state: nothing that axe-core finds, nothing that a strict policy reports, all by keyboard.

The server's side is directed by the test (tests/fakes/chat_room.py); the same against the program is in
test_widget_real.py.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, FilePayload, Locator, Page, expect

from tests.fakes.axe import violations
from tests.fakes.browser import ARTEFACTS, chromium  # noqa: F401 (fixture)
from tests.fakes.chat_room import ChatRoom, chat_room
from tests.fakes.patience import PATIENCE

pytestmark = [pytest.mark.real("chromium"), pytest.mark.timeout(180)]


FORM = [
    {"code": "name", "label": {"en": "Your name", "zh-CN": "您的称呼"}, "kind": "text", "required": True},
    {"code": "email", "label": {"en": "Mail address", "zh-CN": "邮箱"}, "kind": "email", "required": False},
    {
        "code": "topic",
        "label": {"en": "What is it about?", "zh-CN": "咨询内容"},
        "kind": "choice",
        "required": True,
        "choices": ["Order", "Tea"],
    },
]
CONSENT = {
    "version": "2026-11",
    "text": {
        "en": "I agree that this chat is kept for 90 days: https://shop.example/privacy",
        "zh-CN": "我同意聊天记录保存 90 天：https://shop.example/privacy",
    },
}


class Visitor:
    """Somebody on a page with the widget."""

    def __init__(self, room: ChatRoom, page: Page, name: str) -> None:
        self.room, self.page, self.name = room, page, name
        self.wrong: list[str] = []
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("console", self._said)

    def _said(self, said: ConsoleMessage) -> None:
        # Where a test takes the network away, the browser says so.
        if said.type == "error" and "ERR_INTERNET_DISCONNECTED" not in said.text:
            self.wrong.append(said.text)

    async def time_passes(self, seconds: float, so: Callable[[], Awaitable[bool]]) -> None:
        """So long, again and again, until it is so: a clock may only just have begun. Its clock is installed."""
        async with asyncio.timeout(PATIENCE):
            while not await so():
                await self.page.clock.fast_forward(int(seconds * 1_000))

    def see(self, test: str) -> Locator:
        return self.page.locator(f'[data-test="{test}"]')

    async def press(self, test: str) -> None:
        await self.see(test).click()

    async def check(self, state: str) -> None:
        """No violation here; and a picture to be looked at."""
        ARTEFACTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=ARTEFACTS / f"widget-{self.name}-{state}.png")
        assert await violations(self.page) == [], state

    async def fill(self) -> None:
        """The form of the queue, and the consent."""
        await self.page.locator("#field-name").fill("李雷")
        await self.page.locator("#field-topic").select_option("Tea")
        await self.page.locator("[name=consent]").check()

    async def begin(self) -> None:
        """Fill in the form and start."""
        await self.press("launcher")
        await self.fill()
        await self.press("start")
        await expect(self.see("waiting")).to_be_visible()

    async def say(self, text: str) -> None:
        await self.see("write").fill(text)
        await self.page.keyboard.press("Enter")


@asynccontextmanager
async def visiting(
    browser: Browser,
    room: ChatRoom,
    address: str = "/page",
    *,
    name: str = "",
    size: tuple[int, int] = (1280, 720),
    **options: Any,
) -> AsyncIterator[Visitor]:
    context: BrowserContext = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce", **options
    )
    try:
        page = await context.new_page()
        visitor = Visitor(room, page, name)
        await page.goto(room.url + address)
        await expect(visitor.see("launcher").or_(visitor.see("panel")).first).to_be_visible()
        yield visitor
        assert visitor.wrong == []
    finally:
        await context.close()


LOOKS = [
    ("en", "light", (1280, 720)),
    ("en", "dark", (390, 844)),
    ("zh-CN", "light", (390, 844)),
    ("zh-CN", "dark", (1280, 720)),
    ("ar", "light", (390, 844)),
    ("ar", "dark", (1280, 720)),
]


@pytest.mark.parametrize(("language", "theme", "size"), LOOKS, ids=str)
async def test_no_state_has_a_violation(
    chromium: Browser,  # noqa: F811
    language: str,
    theme: str,
    size: tuple[int, int],
) -> None:
    address = f"/page?language={language}&theme={theme}" + ("&texts=/texts.json" if language == "ar" else "")
    name = f"{language}-{theme}-{size[0]}"
    async with (
        chat_room(form=FORM, consent=CONSENT, trail=True) as room,
        visiting(chromium, room, address, name=name, size=size, locale="en") as visitor,
    ):
        await visitor.check("1-launcher")
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.page.locator("#consent-error")).to_be_visible()
        await visitor.check("2-form-with-faults")
        await visitor.press("close")
        await visitor.begin()
        await room.turn(position=3, estimate=240)
        await visitor.check("3-waiting")
        await _talk(visitor)
        await _end(visitor)


async def test_right_to_left_all_is_on_the_other_side(chromium: Browser) -> None:  # noqa: F811
    address = "/page?language=ar&texts=/texts.json"
    async with chat_room() as room, visiting(chromium, room, address, locale="en") as visitor:
        launcher = await visitor.see("launcher").bounding_box()
        assert launcher is not None and launcher["x"] < 100, "at the end of the line, which is on the left"
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        await room.turn(state="talking", position=None, agent="Anna")
        await visitor.say("كم السعر؟")
        await room.write("128")
        await expect(visitor.see("other")).to_be_visible()
        assert await visitor.see("panel").evaluate("panel => getComputedStyle(panel).direction") == "rtl"
        own, other, panel, send = [await visitor.see(name).bounding_box() for name in ("own", "other", "panel", "send")]
        assert own and other and panel and send
        bubbles = [await visitor.see(name).locator(".bubble").bounding_box() for name in ("own", "other")]
        assert bubbles[0] and bubbles[1] and bubbles[0]["x"] < bubbles[1]["x"], "one's own are on the left"
        assert panel["x"] < 100 and send["x"] < panel["x"] + panel["width"] / 2
        # A name in Latin letters turns nothing of what stands beside it.
        assert await visitor.see("agent").inner_text() == "أنت تتحدث مع \u2068Anna\u2069."


async def _talk(visitor: Visitor) -> None:
    room, page = visitor.room, visitor.page
    await visitor.say("Is https://shop.example/longjing?size=100 in stock?")
    await room.turn(state="talking", position=None, estimate=None, agent="Anna")
    await room.write("joined", by="system", kind="event")
    await room.write("Of course. 当然有货。\nTwo tins are left.")
    await room.turn(seen=1)
    await room.typing(120)
    await expect(visitor.see("typing")).to_be_visible()
    await visitor.check("4-talking")
    await visitor.press("emoji")
    await expect(visitor.see("emojis")).to_be_visible()
    await visitor.check("5-emojis")
    await page.keyboard.press("Escape")
    picture = FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"100 g")
    large = FilePayload(name="film.mp4", mimeType="video/mp4", buffer=b"0" * 2_100_000)
    await visitor.see("chooser").set_input_files([picture, large])
    await expect(visitor.see("file")).to_have_count(1)
    await expect(visitor.see("upload")).to_have_count(1)
    await visitor.check("6-files")
    await visitor.see("upload").get_by_role("button").click()
    await room.turn(cobrowse="asked")
    await expect(visitor.see("cobrowse-asked")).to_be_visible()
    await visitor.check("7-asked-to-show")
    await visitor.press("cobrowse-yes")
    await expect(visitor.see("cobrowse-banner")).to_be_visible()
    await visitor.check("8-showing")
    await visitor.press("cobrowse-stop")
    await visitor.press("menu")
    await visitor.check("9-menu")
    await visitor.press("menu-mail")
    await visitor.see("mail-send").click()
    await visitor.check("10-mail-with-fault")
    room.refuse = lambda name, body: {"code": "too_many", "message": "Slow.", "wait": 60} if name == "say" else None
    await visitor.say("Quick!")
    await expect(visitor.page.get_by_role("alert").last).to_be_visible()
    await visitor.check("11-not-sent-yet")
    room.refuse = lambda name, body: None


async def _end(visitor: Visitor) -> None:
    room = visitor.room
    await room.turn(state="ended", ended_by="agent", cobrowse="off")
    await expect(visitor.see("ended")).to_be_visible()
    await visitor.page.locator("[name=score]").nth(3).check()
    await visitor.check("12-ended")
    await visitor.press("rate")
    await expect(visitor.see("rating")).to_have_count(0)
    room.site |= {"open": False, "staffed": False, "opens_at": 1_800_000_000.0}
    await visitor.press("new-chat")
    await expect(visitor.see("offer-message")).to_be_visible()
    await visitor.check("13-closed")
    await visitor.press("offer-callback")
    await visitor.press("submit")
    await visitor.check("14-callback-with-fault")
    await visitor.page.locator("#field-phone").fill("138 0013 8000")
    await visitor.fill()
    await visitor.press("submit")
    await expect(visitor.see("callback-state")).to_have_attribute("data-state", "waiting")
    await visitor.check("15-callback")
    await visitor.press("new-chat")
    await visitor.press("offer-message")
    await visitor.page.locator("#field-message").fill("Please write to me.")
    await visitor.fill()
    await visitor.page.locator("#field-email").fill("li@example.com")
    await visitor.check("16-message")
    await visitor.press("submit")
    await expect(visitor.see("ended")).to_be_visible()
    asked = dict(room.asked)
    given = {"name": "李雷", "topic": "Tea"}
    assert (asked["request_callback"]["form"], asked["request_callback"]["consent"]) == (given, "2026-11")
    told = asked["leave_message"]
    assert (told["form"], told["consent"]) == (given | {"email": "li@example.com"}, "2026-11")
    assert (told["reply_to"], told["queue"]) == ("li@example.com", room.site["queue"])
    await visitor.check("17-message-left")


async def test_the_shop_of_the_demo_has_no_violation(chromium: Browser) -> None:  # noqa: F811
    async with chat_room() as room:
        for shop in ("", "/tea.html", "/checkout.html", "/zh", "/zh/tea.html", "/zh/checkout.html"):
            for scheme in ("light", "dark"):
                async with visiting(chromium, room, f"/chat/demo{shop}", color_scheme=scheme) as visitor:
                    visitor.name = f"shop{shop.replace('/', '-')}-{scheme}"
                    await visitor.check("page")


async def test_everything_by_keyboard(chromium: Browser) -> None:  # noqa: F811
    async with chat_room(form=FORM, consent=CONSENT) as room, visiting(chromium, room) as visitor:
        keys, page = visitor.page.keyboard, visitor.page

        async def to(test: str) -> None:
            for _ in range(40):
                if await page.evaluate(FOCUSED) == test:
                    return
                await keys.press("Tab")
            raise AssertionError(f"the Tab key never came to {test}")

        await to("launcher")
        await keys.press("Enter")
        await expect(visitor.see("panel")).to_be_visible()
        await to("field-name")
        await keys.type("Fang")
        await keys.press("Tab")
        await keys.press("Tab")
        await keys.press("ArrowDown")
        await to("consent")
        await keys.press("Space")
        await to("start")
        await keys.press("Enter")
        await expect(visitor.see("waiting")).to_be_visible()
        await room.turn(state="talking", position=None, agent="Anna")
        await to("write")
        await keys.type("first line")
        await keys.press("Shift+Enter")
        await keys.type("second line")
        await keys.press("Enter")
        await expect(visitor.see("own")).to_contain_text("first line\nsecond line")
        await to("emoji")
        await keys.press("Enter")
        await keys.press("ArrowRight")
        await keys.press("ArrowDown")
        await keys.press("Enter")
        await expect(visitor.see("write")).to_be_focused()
        await keys.press("Enter")
        await expect(visitor.see("own")).to_have_count(2)
        await keys.press("Escape")
        await expect(visitor.see("panel")).to_have_count(0)
        await expect(visitor.see("launcher")).to_be_focused()
        await keys.press("Enter")
        await expect(visitor.see("write")).to_be_focused()
        await to("menu")
        await keys.press("Enter")
        await keys.press("Escape")
        await expect(visitor.see("items")).to_have_count(0)
        await expect(visitor.see("panel")).to_be_visible()
        await keys.press("Enter")
        await to("leave")
        await keys.press("Enter")
        await to("leave-yes")
        await keys.press("Enter")
        await expect(visitor.see("ended")).to_be_visible()
        await to("score")
        await keys.press("ArrowRight")
        await keys.press("ArrowRight")
        await to("rate")
        await keys.press("Enter")
        await room.until(lambda: room.of("rate"))
        assert room.of("rate")[0]["score"] == 3


FOCUSED = """() => {
  const at = document.querySelector('callweave-chat').shadowRoot.activeElement
  return at && (at.dataset.test || at.id || at.name)
}"""


async def test_on_a_phone_the_keyboard_stays_in_the_chat_and_targets_are_large(chromium: Browser) -> None:  # noqa: F811
    async with chat_room() as room, visiting(chromium, room, size=(390, 844), has_touch=True) as visitor:
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        box = await visitor.see("panel").bounding_box()
        assert box == {"x": 0, "y": 0, "width": 390, "height": 844}
        assert await visitor.see("panel").get_attribute("aria-modal") == "true"
        await visitor.see("close").focus()
        for _ in range(30):
            await visitor.page.keyboard.press("Tab")
            assert await visitor.page.evaluate(FOCUSED) is not None
        small = await visitor.page.evaluate(SMALL)
        assert small == []
        # What is left of the screen when the on-screen keyboard is there.
        await visitor.page.set_viewport_size({"width": 390, "height": 420})
        await visitor.page.wait_for_function(WRITE_IS_SEEN_ABOVE, arg=420)


WRITE_IS_SEEN_ABOVE = """(bottom) => {
  const room = document.querySelector('callweave-chat').shadowRoot
  const box = room.querySelector('[data-test="write"]').getBoundingClientRect()
  return box.height > 0 && box.top >= 0 && box.bottom <= bottom
}"""
SMALL = """() => [...document.querySelector('callweave-chat').shadowRoot.querySelectorAll('button, input, a, select')]
  .filter((one) => one.offsetParent && !one.closest('p'))
  .map((one) => [one.outerHTML.slice(0, 80), one.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([text]) => text)"""


async def test_the_conversation_goes_on_after_cuts_reloads_and_in_a_second_tab(chromium: Browser) -> None:  # noqa: F811
    async with chat_room() as room, visiting(chromium, room) as visitor:
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        await room.turn(state="talking", position=None, agent="Anna")
        room.lose_answers = True
        await visitor.say("one")
        await room.until(lambda: room.of("say"))
        room.lose_answers = False
        await visitor.say("two")
        await expect(visitor.see("own")).to_have_text([re.compile("one"), re.compile("two")])
        await expect(visitor.see("pending")).to_have_count(0)
        assert [line["text"] for line in room.lines] == ["one", "two"]
        await visitor.page.context.set_offline(True)
        await room.cut()
        await expect(visitor.see("link")).to_have_attribute("data-link", "reconnecting")
        await visitor.say("three, offline")
        await expect(visitor.see("pending")).to_contain_text("three, offline")
        await visitor.page.context.set_offline(False)
        await expect(visitor.see("pending")).to_have_count(0)
        await visitor.page.reload()
        await expect(visitor.see("own")).to_have_count(3)
        other = await visitor.page.context.new_page()
        await other.goto(room.url + "/page")
        await other.locator('[data-test="launcher"]').click()
        await other.locator('[data-test="write"]').fill("four, from the second tab")
        await other.keyboard.press("Enter")
        await room.write("five")
        wanted = [re.compile(word) for word in ("one", "two", "three", "four", "five")]
        for page in (visitor.page, other):
            await expect(page.locator('[data-test="own"], [data-test="other"]')).to_have_text(wanted)
        assert [line["text"] for line in room.lines][2:4] == ["three, offline", "four, from the second tab"]


async def test_links_are_safe_and_markup_is_text(chromium: Browser) -> None:  # noqa: F811
    async with chat_room() as room, visiting(chromium, room) as visitor:
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        await room.turn(state="talking", position=None, agent="<b>Anna</b>")
        nasty = "<img src=x onerror=alert(1)> javascript:alert(1) https://shop.example/a?b=<script> \u202eexe.txt"
        await room.write(nasty, name="<i>Anna</i>")
        line = visitor.see("other")
        await expect(line).to_contain_text("<img src=x onerror=alert(1)> javascript:alert(1)")
        links = line.locator("a")
        await expect(links).to_have_count(1)
        await expect(links).to_have_text("https://shop.example/a?b=")
        for name, value in {"rel": "noopener noreferrer nofollow", "target": "_blank"}.items():
            await expect(links).to_have_attribute(name, value)
        await expect(visitor.page.locator("callweave-chat img, callweave-chat b, callweave-chat i")).to_have_count(0)


async def test_badge_announcement_and_seen(chromium: Browser) -> None:  # noqa: F811
    async with chat_room() as room, visiting(chromium, room) as visitor:
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        await room.turn(state="talking", position=None, agent="Anna")
        await visitor.press("close")
        await room.write("Are you there?")
        await room.write("Hello?")
        await expect(visitor.see("badge")).to_have_text("2")
        await expect(visitor.see("launcher")).to_have_accessible_name(re.compile("2 new messages"))
        await expect(visitor.page.get_by_role("status").filter(has_text="New message from Anna")).to_have_count(1)
        assert room.of("seen") == []
        await visitor.press("launcher")
        await room.until(lambda: room.of("seen"))
        assert room.of("seen")[-1] == {"number": 2}
        await expect(visitor.see("badge")).to_have_count(0)


async def test_what_came_during_ten_minutes_of_sleep_is_there(chromium: Browser) -> None:  # noqa: F811
    """The computer sleeps: no clock of the page runs, its connection is dead; then all of it goes on at once."""
    async with chat_room() as room, visiting(chromium, room) as visitor:
        page = visitor.page
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        await room.turn(state="talking", position=None, agent="Anna")
        await visitor.say("before")
        await expect(visitor.see("mark")).to_be_visible()
        before = room.conversation["id"] if room.conversation else ""
        await page.clock.install()
        await page.clock.pause_at(time.time() + 120)
        await room.cut()
        for number in range(250):
            await room.write(f"line {number}")
        await page.clock.fast_forward(600_000)
        await page.clock.resume()
        await expect(visitor.see("other")).to_have_count(250)
        await visitor.say("after")
        await room.until(lambda: room.lines[-1]["text"] == "after")
        texts = [line["text"] for line in room.lines]
        assert texts == ["before", *(f"line {number}" for number in range(250)), "after"]
        said = page.locator('[data-test="own"] .bubble, [data-test="other"] .bubble')
        await expect(said).to_have_text([re.compile(f"^{text}$") for text in texts])
        assert room.conversation and room.conversation["id"] == before and len(room.of("open")) == 1


async def test_a_picture_that_is_drawn_late_does_not_hide_the_end(chromium: Browser) -> None:  # noqa: F811
    async with chat_room() as room, visiting(chromium, room) as visitor:
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        await room.turn(state="talking", position=None, agent="Anna")
        for number in range(20):
            await room.write(f"line {number}")
        room.files["p"] = await visitor.page.screenshot()
        await room.write(
            "", kind="file", file={"id": "p", "name": "p.png", "type": "image/png", "size": len(room.files["p"])}
        )
        await expect(visitor.page.locator("canvas.picture")).to_be_visible()
        await expect(visitor.see("file")).to_be_in_viewport(ratio=1)


async def test_nobody_is_there_until_somebody_comes(chromium: Browser) -> None:  # noqa: F811
    async with chat_room(staffed=False, estimate=None) as room, visiting(chromium, room) as visitor:
        await visitor.page.clock.install()
        await visitor.press("launcher")
        await expect(visitor.see("offer-message")).to_be_visible()
        room.site |= {"staffed": True, "estimate": 240.0}
        await visitor.time_passes(31, visitor.see("start").is_visible)
        await expect(visitor.see("estimate")).to_contain_text("4 minutes")


async def test_a_text_that_was_changed_meanwhile_is_agreed_to_anew(chromium: Browser) -> None:  # noqa: F811
    def asks(name: str, body: dict[str, Any]) -> dict[str, Any] | None:
        if name == "open" and body["consent"] != "2027-01":
            return {"code": "consent", "message": "Your consent is needed.", "field": "consent"}
        return None

    async with chat_room(consent=CONSENT) as room, visiting(chromium, room) as visitor:
        await visitor.press("launcher")
        await visitor.page.locator("[name=consent]").check()
        room.refuse = asks
        room.site["consent"] = {"version": "2027-01", "text": {"en": "We keep it for a year."}}
        await visitor.press("start")
        await expect(visitor.page.locator("#consent-error")).to_be_visible()
        await expect(visitor.page.get_by_text("We keep it for a year.")).to_be_visible()
        await expect(visitor.page.locator("[name=consent]")).not_to_be_checked()
        await visitor.page.locator("[name=consent]").check()
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        assert [one["consent"] for one in room.of("open")] == ["2026-11", "2027-01"]


async def test_a_call_is_wished_for_when_somebody_calls(chromium: Browser) -> None:  # noqa: F811
    """The server's times, not ours; and what is not offered is not shown."""
    begins = 4_000_000_000.0
    times = [{"from": begins, "to": begins + 10_800}, {"from": begins + 86_400, "to": begins + 90_000}]
    async with (
        chat_room(open=False, staffed=False, call_times=times, mail=False) as room,
        visiting(chromium, room) as visitor,
    ):
        await visitor.press("launcher")
        await visitor.press("offer-callback")
        when = visitor.page.locator("#field-when")
        await expect(when.locator("option")).to_have_count(3)
        await when.select_option(index=1)
        await visitor.page.locator("#field-phone").fill("138 0013 8000")
        await visitor.press("submit")
        await expect(visitor.see("callback-state")).to_have_attribute("data-state", "waiting")
        wish = room.of("request_callback")[0]
        assert (wish["since"], wish["until"]) == (begins, begins + 10_800)
        await expect(visitor.see("mail")).to_have_count(0)


async def test_it_goes_on_by_mail_when_the_visitor_leaves(chromium: Browser) -> None:  # noqa: F811
    async with chat_room() as room, visiting(chromium, room) as visitor:
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        await room.turn(state="talking", position=None, agent="Anna")
        await visitor.press("menu")
        await visitor.press("menu-mail")
        await visitor.page.locator("#field-mail").fill("li@example.com")
        await visitor.page.locator("[name=onward]").check()
        await visitor.press("mail-send")
        await room.until(lambda: room.of("mail_transcript"))
        assert room.of("mail_transcript")[0] == {"address": "li@example.com", "go_on": True}
        await expect(visitor.see("write")).to_be_visible()  # he has not left
        await room.turn(state="ended", ended_by="mail")
        await expect(visitor.see("ended")).to_contain_text("We go on by mail")
        await visitor.press("mail")
        await expect(visitor.page.locator("[name=onward]")).to_have_count(0)  # he left already


async def test_nobody_is_invited_when_nobody_is_there_any_more(chromium: Browser) -> None:  # noqa: F811
    rules = [
        {"path": "/chat/demo/tea.html", "after": 900, "text": {"en": "Do you like tea?"}},
        {"path": "/chat/demo/later", "after": 900, "text": {"en": "Still there?"}},
    ]
    async with chat_room(invitations=rules) as room, visiting(chromium, room, "/chat/demo/tea.html") as visitor:
        await visitor.page.clock.install()
        await visitor.page.reload()
        await expect(visitor.see("launcher")).to_be_visible()
        room.site["staffed"] = False
        before = room.looks

        async def asked() -> bool:
            return room.looks > before

        async with visitor.page.expect_response("**/chat/api/site*") as answer:
            await visitor.time_passes(901, asked)
        await (await answer.value).finished()
        await visitor.page.evaluate("() => new Promise(done => setTimeout(done, 50))")
        await expect(visitor.see("invitation")).to_have_count(0)
        room.site["staffed"] = True
        # A site that goes from page to page by itself: the rules of the new page count.
        await visitor.page.evaluate("history.pushState(null, '', '/chat/demo/later')")
        await visitor.time_passes(901, visitor.see("invitation").is_visible)
        await expect(visitor.see("invitation")).to_contain_text("Still there?")


async def test_what_happens_is_said(chromium: Browser) -> None:  # noqa: F811
    """Who comes and goes, the warning before it closes by itself, and that one may not chat here any more."""
    async with chat_room() as room, visiting(chromium, room) as visitor:
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        await room.turn(state="talking", position=None, agent="Anna")
        for code, name in (("joined", "Anna"), ("transferred", "Sales"), ("left", "Anna"), ("idle_warning", "120")):
            await room.write(code, by="system", kind="event", name=name)
        await expect(visitor.see("event")).to_have_text(
            [
                "Anna has joined.",
                "You are being connected with Sales.",
                "Anna has left.",
                "Are you still there? The chat will end soon.",
            ]
        )
        room.banned = True
        await room.cut()
        await expect(visitor.see("link")).to_have_text("You cannot chat here.")


async def test_an_invitation_comes_once(chromium: Browser) -> None:  # noqa: F811
    rule = {"path": "/chat/demo/tea*", "after": 0.2, "text": {"en": "Do you have a question about the Longjing?"}}
    async with chat_room(invitations=[rule]) as room, visiting(chromium, room, "/chat/demo/tea.html") as visitor:
        visitor.name = "invited"
        await expect(visitor.see("invitation")).to_contain_text("Longjing")
        await visitor.check("invitation")
        await visitor.press("invitation-dismiss")
        await expect(visitor.see("invitation")).to_have_count(0)
        await visitor.page.reload()
        await expect(visitor.see("launcher")).to_be_visible()
        shown = visitor.page.wait_for_selector('[data-test="invitation"]', timeout=1_000)
        with pytest.raises(Exception, match="Timeout"):
            await shown


async def test_pages_are_told_only_with_consent(chromium: Browser) -> None:  # noqa: F811
    for agreed in (False, True):
        async with chat_room(trail=True) as room, visiting(chromium, room, "/chat/demo") as visitor:
            await visitor.press("launcher")
            if agreed:
                await visitor.page.locator("[name=trail]").check()
            await visitor.press("start")
            await expect(visitor.see("waiting")).to_be_visible()
            assert (room.of("open")[0]["page"] is not None) == agreed
            await visitor.page.goto(f"{room.url}/chat/demo/tea.html")
            await expect(visitor.see("waiting")).to_be_visible()
            await visitor.page.goto(f"{room.url}/chat/demo/checkout.html")
            await expect(visitor.see("waiting")).to_be_visible()
            if agreed:
                await room.until(lambda: len(room.of("page")) >= 2)
            told = [page["url"].rpartition("/")[2] for page in room.of("page")]
            assert ("tea.html" in told and "checkout.html" in told) if agreed else told == []


async def test_the_page_that_is_shown_hides_what_is_typed(chromium: Browser) -> None:  # noqa: F811
    async with chat_room() as room, visiting(chromium, room, "/chat/demo/checkout.html") as visitor:
        page = visitor.page
        await page.locator("[autocomplete=cc-number]").fill("4111111111111111")
        await visitor.press("launcher")
        await visitor.press("start")
        await expect(visitor.see("waiting")).to_be_visible()
        await room.turn(state="talking", position=None, agent="Anna")
        assert room.of("cobrowse_frame") == []
        await room.turn(cobrowse="asked")
        await visitor.press("cobrowse-yes")
        await room.until(lambda: '"t":"page"' in _shown(room))
        await page.locator("[autocomplete=name]").fill("Han Meimei")
        await page.evaluate("document.querySelector('h1').textContent = 'Checkout, step 2'")
        await room.until(lambda: "step 2" in _shown(room))
        await page.evaluate(
            "document.querySelector('main').insertAdjacentHTML('beforeend', '<p>One more</p><script>1</script>')"
        )
        await room.until(lambda: "One more" in _shown(room))
        shown = _shown(room)
        for secret in ("4111", "Han Meimei", "CL-20417", "<script", "widget.js"):
            assert secret not in shown, secret
        assert "•••••" in shown and "cc-number" not in shown
        assert [frame["n"] for frame in room.of("cobrowse_frame")] == list(range(1, len(room.of("cobrowse_frame")) + 1))
        await page.goto(f"{room.url}/chat/demo/tea.html")
        await expect(visitor.see("cobrowse-banner")).to_be_visible()
        await room.until(lambda: "Longjing before the rain" in _shown(room))
        await visitor.press("cobrowse-stop")
        await expect(visitor.see("cobrowse-banner")).to_have_count(0)
        await room.until(lambda: room.of("cobrowse")[-1] == {"on": False})


def _shown(room: ChatRoom) -> str:
    return "\n".join(frame["data"] for frame in room.of("cobrowse_frame"))
