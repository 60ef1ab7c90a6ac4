"""A caller speaks a tone into a mailbox of a real Asterisk: it is on the list with his name, and can be heard."""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import struct
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Expect

from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import PASSWORD, Desk, Program, prepare
from tests.fakes.tone_phone import LOUD, WINDOW, TonePhone, loudness, share
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.timeout(240)]
expect = Expect()
expect.set_options(timeout=20_000)  # other tests run beside this one

TONE = 700.0
LI = "13800138000"
MORE = """
[voicemail]
folder = "{folder}"
mailboxes = ["500@default"]
[voicemail.queues]
"500@default" = "support"
"""


def spool(stage: Stage) -> Path:  # noqa: F811
    return stage.pbx.folder / "spool" / "voicemail"


@pytest_asyncio.fixture
async def program(stage: Stage, tmp_path: Path) -> AsyncIterator[Program]:  # noqa: F811
    shutil.rmtree(spool(stage) / "default", ignore_errors=True)  # what others said in this session
    config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=stage.pbx.secret, wrap_up=0)
    config.write_text(config.read_text() + MORE.format(folder=spool(stage)))
    async with Program(tmp_path, "--config", str(config)) as running:
        yield running
        assert "Traceback" not in running.errors()


def sounds(stage: Stage) -> dict[Path, int]:  # noqa: F811
    """What is written in the mailboxes now, with the sizes in bytes."""
    found: dict[Path, int] = {}
    for path in spool(stage).rglob("*.wav"):
        with contextlib.suppress(FileNotFoundError):  # moved meanwhile
            found[path] = path.stat().st_size
    return found


async def speak(stage: Stage, number: str, seconds: float = 2.5, dialled: str = "809") -> Call:  # noqa: F811
    """A customer reaches the mailbox and says a tone until so much of it is written."""
    await stage.outside.close()
    ports = stage.pbx.ports
    stage.outside = TonePhone("pstn", ports.pstn, ports.sip, host="127.0.0.2", hertz=TONE)
    await stage.outside.open()
    before = sounds(stage)
    call = await stage.customer(number, dialled).up()
    async with asyncio.timeout(60):
        while not any(size > seconds * 16_000 for path, size in sounds(stage).items() if path not in before):  # noqa: ASYNC110 (files)
            await asyncio.sleep(0.05)
    await call.hang_up()
    return call


async def entry(http: httpx.AsyncClient, seconds: float = 30.0, **wanted: Any) -> dict[str, Any]:
    """Wait for an entry with these fields, its messages filed."""
    async with asyncio.timeout(seconds):
        while True:
            for state in ("open", "calling", "done"):
                for one in (await http.get("/api/missed", params={"state": state})).json()["items"]:
                    if wanted.items() <= one.items() and all(m["audio"] for m in one["messages"]):
                        return dict(one)
            await asyncio.sleep(0.1)


def sung(sound: bytes) -> bool:
    """Whether a quarter of a second in the middle of this WAV file is the tone."""
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        frames = file.readframes(file.getnframes())
    samples = list(struct.unpack(f"<{len(frames) // 2}h", frames))
    middle = samples[len(samples) // 2 - WINDOW // 2 : len(samples) // 2 + WINDOW // 2]
    return loudness(middle) > LOUD and share(middle, TONE) > 0.5


async def test_a_message_is_an_item_with_its_sound(stage: Stage, program: Program, tmp_path: Path) -> None:  # noqa: F811
    async with program.http(await program.sign_in("ben")) as http, Desk(program, "anna") as anna:
        await speak(stage, LI)
        one = await entry(http, number=f"+86{LI}", kind="voicemail")
        assert (one["customer_name"], one["outcome"], one["queue"], one["state"]) == (
            "李雷",
            "voicemail",
            "support",
            "open",
        )
        (message,) = one["messages"]
        assert message["mailbox"] == "500@default" and 1.0 <= message["seconds"] < 60.0
        assert message["heard_by"] is None and "file" not in message
        notice = await anna.wait("notice", lambda m: m["code"] == "voicemail_left")
        assert notice["params"] == {"from": "李雷", "queue": "support"}

        audio = f"/api/voicemail/{message['id']}/audio"
        whole = await http.get(audio)
        assert whole.status_code == 200 and whole.headers["content-type"] == "audio/wav" and sung(whole.content)
        part = await http.get(audio, headers={"Range": "bytes=1000-1999"})
        assert part.status_code == 206 and part.content == whole.content[1000:2000]
        assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole.content)}"
        assert (await http.get(audio, headers={"Range": "bytes=99999999-"})).status_code == 416
        assert (await httpx.AsyncClient(base_url=program.url, trust_env=False).get(audio)).status_code == 401
        for foreign in ("..%2f..%2fetc%2fpasswd", "msg0000.wav", "0" * 36):
            assert (await http.get(f"/api/voicemail/{foreign}/audio")).status_code == 404

        heard = (await http.post(f"/api/voicemail/{message['id']}/heard")).json()
        assert heard["heard_by"] == "ben"
        body = {"state": "calling", "version": one["version"]}
        taken = (await http.post(f"/api/missed/{one['id']}", json=body)).json()
        assert (taken["worked_by"], taken["messages"][0]["heard_by"]) == ("ben", "ben")
        body = {"state": "done", "version": taken["version"], "result": "not_needed", "note": "答复了"}
        assert (await http.post(f"/api/missed/{one['id']}", json=body)).json()["state"] == "done"

        (log,) = await program.interactions()
        assert log["outcome"] == "voicemail" and log["messages"][0]["id"] == message["id"]
        await moved_and_gone(stage, http, audio, whole.content)


async def moved_and_gone(stage: Stage, http: httpx.AsyncClient, audio: str, sound: bytes) -> None:  # noqa: F811
    """Somebody listened by telephone: another folder, another number. A link in its place leads nowhere."""
    box = spool(stage) / "default" / "500"
    (box / "Old").mkdir(exist_ok=True)
    for suffix in ("txt", "wav"):
        (box / "INBOX" / f"msg0000.{suffix}").rename(box / "Old" / f"msg0007.{suffix}")
    assert (await http.get(audio)).content == sound
    (box / "Old" / "msg0007.wav").unlink()
    (box / "Old" / "msg0007.wav").symlink_to("/etc/passwd")
    assert (await http.get(audio)).status_code == 404
    for path in (box / "Old").iterdir():
        path.unlink()


async def test_a_message_that_nobody_heard_stays_when_he_calls_again(stage: Stage, program: Program) -> None:  # noqa: F811
    async with program.http(await program.sign_in("ben")) as http, Desk(program, "anna") as anna:
        await speak(stage, LI)
        one = await entry(http, number=f"+86{LI}")
        await anna.done("set_state", state="READY")
        await anna.state("READY")
        again = stage.customer(LI, "800")
        mine = await (await stage.anna.rings()).answer(0.2)
        await again.up()
        await stage.talk(0.5)
        await again.hang_up()
        await mine.ended()
        still = await entry(http, id=one["id"], call_outcome="answered")
        assert still["state"] == "open" and still["messages"][0]["heard_by"] is None


async def test_a_message_that_was_left_while_we_were_down(stage: Stage, program: Program) -> None:  # noqa: F811
    await speak(stage, "13911112222")
    async with program.http(await program.sign_in("ben")) as http:
        before = await entry(http, number="+8613911112222")
    await program.kill()
    await speak(stage, LI)
    await program.start(within=90)
    async with program.http(await program.sign_in("ben")) as http:
        one = await entry(http, number=f"+86{LI}", customer_name="李雷")
        assert (one["outcome"], one["queue"], one["tries"]) == ("voicemail", "support", 1)
        (message,) = one["messages"]
        assert sung((await http.get(f"/api/voicemail/{message['id']}/audio")).content)
        assert len((await entry(http, id=before["id"]))["messages"]) == 1, "known ones are not taken twice"
        await program.kill()
        await program.start(within=90)
    async with program.http(await program.sign_in("ben")) as http:
        await entry(http, id=one["id"])
        items = (await http.get("/api/missed")).json()["items"]
        assert sorted(len(one["messages"]) for one in items) == [1, 1]


async def test_a_personal_mailbox_is_not_heard_here(stage: Stage, tmp_path: Path) -> None:  # noqa: F811
    config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=stage.pbx.secret, wrap_up=0)
    config.write_text(
        config.read_text() + MORE.format(folder=spool(stage)).replace('["500@default"]', '["6*@default"]')
    )
    async with (
        Program(tmp_path, "--config", str(config)) as program,
        program.http(await program.sign_in("ben")) as http,
    ):
        await speak(stage, LI)
        async with asyncio.timeout(30):
            while not (items := (await http.get("/api/missed")).json()["items"]):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        (message,) = items[0]["messages"]
        assert (items[0]["kind"], message["audio"]) == ("voicemail", False)
        assert (await http.get(f"/api/voicemail/{message['id']}/audio")).status_code == 404


async def test_an_agent_hears_it_and_closes_it_by_keyboard(
    stage: Stage,  # noqa: F811
    program: Program,
    chromium: Browser,  # noqa: F811
) -> None:
    async with program.http(await program.sign_in("ben")) as http:
        await speak(stage, LI)
        one = await entry(http, number=f"+86{LI}")
        anna = await Person.sit_down(chromium, program.url)
        await anna.sign_in("anna", PASSWORD)
        await anna.press("nav-missed")
        row = anna.see(f"missed-{one['id']}")
        await expect(row).to_have_attribute("data-kind", "voicemail")
        await expect(row).to_contain_text("李雷")
        player = anna.see(f"message-{one['messages'][0]['id']}")
        await expect(player).to_contain_text("not heard yet")
        await anna.photograph("voicemail-1-en")
        await row.focus()
        await anna.page.keyboard.press("l")
        await expect(player).to_contain_text("heard by Anna", timeout=60_000)
        await expect(row.locator("audio")).to_have_js_property("ended", True)
        await anna.photograph("voicemail-2-heard")
        await anna.page.set_viewport_size({"width": 390, "height": 780})
        await expect(row).to_be_visible()
        await anna.photograph("voicemail-3-phone")
        await anna.page.set_viewport_size({"width": 1280, "height": 720})
        await row.focus()
        await anna.page.keyboard.press("c")
        await anna.see("missed-result").select_option("not_needed")
        await anna.press("missed-save")
        closed = await entry(http, id=one["id"], state="done")
        assert (closed["result"], closed["worked_by"]) == ("not_needed", "anna")
        await anna.press("missed-done")
        await expect(row).to_contain_text("Not needed")
        await anna.get_up()

        await speak(stage, "13911112222")
        other = await entry(http, number="+8613911112222")
        ben = await Person.sit_down(chromium, program.url, locale="zh-CN", dark=True)
        await ben.sign_in("ben", PASSWORD)
        await ben.press("nav-missed")
        await expect(ben.see(f"missed-{other['id']}")).to_contain_text("留言")
        await ben.photograph("voicemail-4-zh-dark")
        await ben.get_up()
