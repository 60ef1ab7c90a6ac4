"""The pictures of docs/agents.md and docs/supervisors.md, taken anew: `python -m tests.pictures`.

It needs the built app, Chromium and Asterisk: a real one with telephones that are driven, the demo's people and
customers, and browsers that are photographed.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import tempfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, Playwright, async_playwright, expect

from interaction_log.store import Store
from tests.fakes.browser import FLAGS, Person, chromium_path, need_app
from tests.fakes.browser_phone import Talker, launch
from tests.fakes.chat_visitor import VisitorClient
from tests.fakes.program import Program
from tests.pbx.asterisk import Pbx
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "img"
LANGUAGES: Final = {"en": "", "zh-CN": ".zh-CN"}
LARGEST: Final = 150_000
"""Bytes of one picture."""
CUSTOMER, EMILY = "13800138000", "00442079460018"
PASSWORD: Final = "demo"
NOTES: Final = {"en": "Second parcel is missing; wants a call back.", "zh-CN": "第二个包裹没有到，希望回电。"}
TOML: Final = """
[http]
port = 0
[database]
url = "sqlite:///{folder}/pictures.db"
journal = "{folder}/journal"
[[pbx]]
name = "lab"
port = {port}
username = "callweave"
secret = "{secret}"
system_username = "callweave-system"
system_secret = "{secret}"
devices = ["PJSIP/10??", "PJSIP/11??"]
trunks = ["PJSIP/pstn"]
outbound_prefix = "9"
queue_extensions = {{ support = "800", sales = "801" }}
websocket_url = "ws://127.0.0.1:{http}/ws"
browser_devices = ["PJSIP/11??"]
browser_secret = "{secret}"
[[queue]]
name = "support"
label = "Support"
wrap_up_seconds = 30
[[queue]]
name = "sales"
label = "Sales"
[[site]]
key = "demo"
queues = ["support"]
form = [{{ code = "name", label = {{ en = "Your name", "zh-CN" = "您的姓名" }} }}]
consent = {{ version = "1", text = {{ en = "Kept for 90 days.", "zh-CN" = "内容将保存 90 天。" }} }}
callback = true
trail = true
cobrowse = true
"""


def smaller(png: bytes) -> bytes:
    """The same picture, packed as well as zlib can: browsers pack for speed."""
    head, chunks, rest = png[:8], [], png[8:]
    while rest:
        length = struct.unpack(">I", rest[:4])[0]
        chunks.append((rest[4:8], rest[8 : 8 + length]))
        rest = rest[12 + length :]
    pixels = zlib.compress(zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT")), 9)
    kept = [(kind, body) for kind, body in chunks if kind in (b"IHDR", b"PLTE")]
    return head + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in [*kept, (b"IDAT", pixels), (b"IEND", b"")]
    )


class Album:
    """Where one language's pictures go."""

    def __init__(self, stage: Stage, program: Program, browser: Browser, language: str) -> None:
        self.stage, self.program, self.browser, self.language = stage, program, browser, language

    async def take(self, person: Person, name: str, of: str = "agent") -> None:
        """One picture, when nothing moves any more."""
        path = FOLDER / f"{of}-{name}{LANGUAGES[self.language]}.png"
        await person.page.mouse.move(2, 2)
        await person.page.wait_for_timeout(400)  # colours fade in
        path.write_bytes(smaller(await person.page.screenshot(animations="disabled", caret="hide")))
        print(f"{path.name:34} {path.stat().st_size // 1024 + 1} KiB", flush=True)
        if path.stat().st_size > LARGEST:
            raise RuntimeError(f"{path.name} is too large")

    async def sit(self, name: str) -> Person:
        """Somebody signs in."""
        person = await Person.sit_down(self.browser, self.program.url, locale=self.language, width=1024, height=720)
        if name == "anna":
            await person.expect("sign-in-submit")
            await self.take(person, "sign-in")
        await person.sign_in(name, PASSWORD)
        await person.expect("desk")
        return person

    async def talk(self, anna: Person) -> tuple[Call, Call]:
        """The known customer calls; Anna lifts."""
        customer = self.stage.customer(CUSTOMER, "800", name="Wang Xiaoming")
        rings = await self.stage.anna.rings(30)
        await anna.expect("pop")
        await self.take(anna, "ringing")
        mine = await rings.answer()
        await anna.expect("call-control")
        return customer, mine


async def _key(person: Person, key: str) -> None:
    await person.page.locator("body").click(position={"x": 5, "y": 5})
    await person.page.keyboard.press(key)


async def a_call(album: Album) -> None:
    """From signing in to the work after the call."""
    anna, ben = await album.sit("anna"), await album.sit("ben")
    await album.take(anna, "desk")
    await anna.press("state-ready")
    customer, mine = await album.talk(anna)
    notes = anna.see("notes").locator("textarea").or_(anna.see("notes")).first
    await notes.fill(NOTES[album.language])
    await anna.page.wait_for_timeout(4000)  # a call that has just begun shows nothing but zeros
    await album.take(anna, "talking")
    if album.language == "en":  # docs/supervisors.md is in English alone
        await supervised(album)
    await _key(anna, "o")
    await anna.expect("hold")
    await album.take(anna, "hold")
    await _key(anna, "o")
    await anna.gone("hold")
    await _key(anna, "x")
    await anna.expect("transfer-dialog")
    await anna.see("transfer-find").fill("be")
    await anna.expect("transfer-to-agent:ben")
    await album.take(anna, "transfer")
    await anna.press("transfer-go")
    at_ben = await album.stage.ben.rings()
    await at_ben.answer(0.3)
    await expect(anna.see("transfer-bar")).to_have_attribute("data-state", "consulting")
    await expect(ben.page.locator('[data-phase="asked"]')).to_be_visible()
    await album.take(anna, "consulting")
    await album.take(ben, "asked")
    await _key(anna, "x")
    await mine.ended(8)
    await expect(anna.page.locator('[data-phase="wrap_up"]')).to_be_visible()
    await album.take(anna, "wrap-up")
    await customer.hang_up()
    await at_ben.ended()
    await album.stage.pbx.no_channels()
    for person in (anna, ben):
        await person.get_up()


async def supervised(album: Album) -> None:
    """What Sofia sees of it: the live page with Anna's panel, and the wallboard."""
    sofia = await Person.sit_down(album.browser, album.program.url, locale=album.language)
    await sofia.sign_in("sofia", PASSWORD)
    await sofia.expect("live-queue-support")
    await sofia.press("live-agent-anna")
    await expect(sofia.see("live-agent-anna")).to_have_attribute("data-state", "BUSY")
    await sofia.expect("hand-voice")
    await album.take(sofia, "live", of="supervisor")
    await sofia.page.goto(f"{album.program.url}/wallboard")
    await sofia.expect("wall-support")
    await album.take(sofia, "wallboard", of="supervisor")
    await sofia.get_up()


async def missed(album: Album) -> None:
    """Two callers who gave up, on the list that people work."""
    await album.stage.nobody_free("1001", "1002")
    for number, name in ((EMILY, "Emily Carter"), ("13712345678", "")):
        caller = await album.stage.customer(number, "800", name=name).up()
        await asyncio.sleep(2)  # so long they wait: the picture shows it
        await caller.hang_up()
    anna = await Person.sit_down(album.browser, album.program.url, locale=album.language, width=1024, height=720)
    await anna.sign_in("anna", PASSWORD)
    await anna.expect("desk")
    await anna.page.goto(f"{album.program.url}/missed")
    await anna.expect("missed-page")
    await expect(anna.page.locator('[data-test^="missed-"] button').first).to_be_visible()
    await album.take(anna, "missed")
    await anna.get_up()


async def a_chat(album: Album) -> None:
    """Two visitors of the demo's shop at Anna's desk."""
    anna = await Person.sit_down(album.browser, album.program.url, locale=album.language, width=1180, height=720)
    await anna.sign_in("anna", PASSWORD)
    await anna.expect("desk")
    await anna.press("state-ready")
    english = album.language == "en"
    async with VisitorClient(album.program.url, "demo") as first, VisitorClient(album.program.url, "demo") as second:
        name, asks = ("Emily Carter", "My tea has not arrived yet.") if english else ("王芳", "我的茶叶还没有收到。")
        await first.open(form={"name": name}, language=album.language, consent="1")
        await first.say(asks)
        await anna.expect("offer-lines", asks)
        await album.take(anna, "chat-offer")
        await anna.press("chat-accept")
        for text in (
            ("Good morning, let me look.", "It left us yesterday.")
            if english
            else ("您好，我查一下。", "包裹昨天已发出。")
        ):
            await anna.see("chat-text").fill(text)
            await anna.see("chat-text").press("Enter")
            await first.line(text)
        await first.call("seen", number=4)
        await first.say("Thank you!" if english else "谢谢！")
        taken = await second.open(form={"name": "Li Na" if english else "李娜"}, language=album.language, consent="1")
        await anna.press("chat-accept")
        await expect(anna.see("chat-card")).to_have_attribute("data-interaction-id", taken["id"])
        await anna.page.keyboard.press("Alt+1")
        await second.say("Is the Longjing fresh?" if english else "龙井是新茶吗？")
        await anna.expect("unread")
        await album.take(anna, "chat")
    await anna.get_up()


async def browser_phone(album: Album, talker: Browser) -> None:
    """Ben's telephone is the browser."""
    ben = await Talker.arrive(talker, album.program.url, locale=album.language)
    await ben.page.set_viewport_size({"width": 1024, "height": 720})
    await ben.sign_in("ben", PASSWORD)
    await ben.expect("desk")
    await ben.line("ready")
    await ben.press("state-ready")
    customer = album.stage.customer(CUSTOMER, "800", name="Wang Xiaoming")
    await ben.expect("pop", seconds=30)
    await ben.press("answer")
    await ben.expect("phone-controls")
    await album.take(ben, "browser-phone")
    await customer.hang_up()
    await album.stage.pbx.no_channels()
    await ben.context.close()


@contextlib.asynccontextmanager
async def program(folder: Path, pbx: Pbx) -> AsyncIterator[Program]:
    """The demo on this PBX."""
    config = folder / "callweave.toml"
    config.touch(mode=0o600)
    config.write_text(TOML.format(folder=folder, port=pbx.ports.ami, http=pbx.ports.http, secret=pbx.secret))
    running = Program(folder, "--demo", "--pbx", "real", "--config", str(config))
    try:
        await running.start(90.0)
        yield running
    except BaseException:
        print(running.errors()[-3000:])
        raise
    finally:
        await running.kill()


async def give_ben_a_browser(folder: Path, pbx: Pbx) -> None:
    """A second demo, in which nobody was here yet."""
    await asyncio.to_thread(folder.mkdir)
    async with program(folder, pbx):
        pass
    store = await asyncio.to_thread(Store.open, f"sqlite:///{folder}/pictures.db", default_region="CN")
    await store.users.update("ben", {"devices": ["PJSIP/1102"]})
    await asyncio.to_thread(store.close)


async def one_language(playwright: Playwright, language: str) -> None:
    """All pictures in one language, on a PBX and a database of its own."""
    async with Pbx() as pbx:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            stage = Stage(pbx, folder, "pictures")
            await stage.open()
            stage.anna.obeys = True
            browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
            talker = await launch(playwright, folder, 700)
            try:
                async with program(folder, pbx) as running:
                    album = Album(stage, running, browser, language)
                    await a_call(album)
                    await missed(album)
                    await a_chat(album)
                again = folder / "again"
                await give_ben_a_browser(again, pbx)
                async with program(again, pbx) as running:
                    await browser_phone(Album(stage, running, browser, language), talker)
            finally:
                await asyncio.gather(browser.close(), talker.close())
                await stage.close()


async def main() -> None:
    """Both languages."""
    need_app()
    FOLDER.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        for language in LANGUAGES:
            await one_language(playwright, language)


if __name__ == "__main__":
    asyncio.run(main())
