"""Recording at the card: dot, pause by a key with its countdown, and the player of the supervisor; a real Asterisk."""

# ruff: noqa: F811 (fixtures)
from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.fakes.browser import Person, chromium  # noqa: F401
from tests.fakes.program import PASSWORD, Program, prepare
from tests.integration.test_recording_real import MORE, monitor
from tests.pbx.fixtures import pbx, stage  # noqa: F401
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.real("chromium"), pytest.mark.timeout(180)]


async def program_with(folder: Path, stage: Stage, queue: str, more: str = MORE) -> Program:
    lab = stage.pbx
    more = more.format(secret=lab.secret, folder=monitor(lab), inner=lab.inner)
    config = await prepare(folder, port=lab.ports.ami, secret=lab.secret, more=more)
    with config.open("a") as file:
        file.write(queue)
    return Program(folder, "--config", str(config))


async def sit(browser: Browser, program: Program, name: str, locale: str = "en") -> Person:
    person = await Person.sit_down(browser, program.url, locale=locale, height=800)
    await person.sign_in(name, PASSWORD)
    return person


async def test_pause_by_key_and_listen(stage: Stage, tmp_path: Path, chromium: Browser) -> None:
    async with await program_with(tmp_path, stage, 'recording = "always"\nconsent = "auth-thankyou"\n') as program:
        anna = await sit(chromium, program, "anna")
        await anna.press("state-ready")
        customer = stage.customer("13800138000", "830")
        await (await stage.anna.rings()).answer()
        await anna.expect("recording", "Recording")
        stop = await anna.expect("recording-stop")
        await expect(stop).to_have_attribute("aria-disabled", "true")
        await expect(stop).to_have_attribute("title", re.compile("always"))
        await anna.page.keyboard.press("b")
        await anna.expect("recording", re.compile(r"Paused for card data, [12]:\d\d left"))
        await anna.photograph("recording-1-paused")
        await anna.page.keyboard.press("b")
        await expect(anna.see("recording")).to_have_text("Recording")
        await anna.photograph("recording-2-on")
        await customer.hang_up()
        await stage.pbx.no_channels()
        (one,) = await program.interactions()
        sofia = await sit(chromium, program, "sofia")
        await sofia.expect("nav-live")
        await sofia.page.goto(f"{program.url}/interactions")
        await sofia.press(f"interaction-{one['id']}")
        await sofia.expect("recording-gaps", "card data")
        player = await sofia.expect("recording-player")
        seconds = await player.evaluate(
            """async (audio) => {
                audio.muted = true
                await audio.play()
                return audio.duration
            }"""
        )
        assert seconds > 0.2
        await sofia.photograph("recording-3-player")
        for person in (anna, sofia):
            await person.get_up()


async def test_what_cannot_be_recorded_says_why(stage: Stage, tmp_path: Path, chromium: Browser) -> None:
    folder = MORE[MORE.index("[recording]") :]  # no second manager user
    async with await program_with(tmp_path, stage, "", folder) as program:
        anna = await sit(chromium, program, "anna", "zh-CN")
        await anna.press("state-ready")
        customer = stage.customer("13800138000", "800")
        await (await stage.anna.rings()).answer()
        start = await anna.expect("recording-start")
        await expect(start).to_have_attribute("aria-disabled", "true")
        await anna.expect("recording-why", re.compile("权限"))
        await anna.gone("recording")
        await anna.photograph("recording-4-why")
        await customer.hang_up()
        await stage.pbx.no_channels()
        await anna.get_up()
