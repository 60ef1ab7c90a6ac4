"""A supervisor at the live page, with a real Asterisk and a real browser. Pictures go to test-artefacts."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from interaction_log.records import User
from interaction_log.store import Store
from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.program import PASSWORD, Desk, Program, prepare
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.real("chromium")]


async def people(url: str) -> None:
    """Sofia has a telephone, and there are some more colleagues."""
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    await store.users.update("sofia", {"devices": ["PJSIP/1010"]})
    for name, device in (("chen", "PJSIP/1003"), ("dora", "PJSIP/1004"), ("emil", "PJSIP/1005")):
        await store.users.create(User(name=name, display_name=name.title(), role="agent", devices=[device]), PASSWORD)
    await asyncio.to_thread(store.close)


async def test_a_supervisor_at_work(stage: Stage, tmp_path: Path, chromium: Browser) -> None:  # noqa: F811
    config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=stage.pbx.secret)
    config.write_text(config.read_text() + '[[agents.pause]]\nreason = "lunch"\nseconds = 1\n')
    await people(f"sqlite:///{tmp_path / 'callweave.db'}")
    async with (
        Program(tmp_path, "--config", str(config)) as program,
        Desk(program, "anna") as anna,
        Desk(program, "ben") as ben,
        Desk(program, "chen") as chen,
        Desk(program, "dora"),
    ):
        await anna.done("set_state", state="READY")
        await ben.done("set_state", state="NOT_READY", reason="lunch")
        await chen.done("set_state", state="READY")
        sofia = await Person.sit_down(chromium, program.url, width=1360, height=900)
        await sofia.sign_in("sofia", PASSWORD)
        await sofia.press("nav-live")
        await expect(sofia.see("live-agent-ben")).to_have_attribute("data-state", "NOT_READY")
        customer = stage.customer("13800138000", "800")
        call = await (await stage.anna.rings()).answer()
        await expect(sofia.see("live-agent-anna")).to_have_attribute("data-state", "BUSY")
        await expect(sofia.see("live-calls")).to_contain_text("李雷")
        await sofia.press("live-agent-anna")
        await sofia.press("oversee-whisper")
        await sofia.expect("oversee-missing")  # nothing without a reason
        await sofia.see("oversee-why").fill("helps a new colleague")
        await sofia.press("oversee-whisper")
        mine = await stage.jan.rings()
        await sofia.expect("oversee-tap", "rings")
        await mine.answer()
        await sofia.expect("oversee-tap", "in the call")
        await sofia.expect("tap-sofia", "Whisper")
        await sofia.photograph("supervisor-1-whisper")
        await sofia.press("oversee-stop")
        await mine.ended()
        await sofia.gone("oversee-tap")
        # the alarm of a pause that lasts too long came to those who were there
        await ben.done("set_state", state="READY")
        await ben.done("set_state", state="NOT_READY", reason="lunch")
        await sofia.expect("alarm-pause_too_long", "Ben")
        await sofia.press("live-agent-ben")
        await sofia.expect("why-not_ready", "Lunch")
        await sofia.see("oversee-why").fill("many calls")
        await sofia.see("join-queue").select_option("sales")
        await sofia.see("join-penalty").fill("2")
        await sofia.press("join")
        await sofia.expect("member-sales")
        await sofia.press("force-ready")
        assert (await ben.state("READY"))["queues"].count("sales") == 1
        await sofia.photograph("supervisor-2-agent")
        await sofia.press("leave-sales")
        await sofia.gone("member-sales")
        await sofia.press("live-agent-anna")
        await sofia.see("oversee-why").fill("complaint")
        await sofia.press("oversee-take-over")
        taken = await (await stage.jan.rings()).answer()
        await call.ended()
        await anna.state("WRAP_UP")
        await sofia.expect("why-wrap_up")
        await sofia.press("language")
        await sofia.press("language-zh-CN")
        await sofia.page.emulate_media(color_scheme="dark")
        await sofia.expect("agent-panel", re.compile("为什么没有来电"))
        await asyncio.sleep(0.3)  # colours fade in
        await sofia.photograph("supervisor-3-zh-dark")
        await sofia.page.set_viewport_size({"width": 390, "height": 844})
        await sofia.photograph("supervisor-4-phone-width")
        await customer.hang_up()
        await taken.ended()
        herself = await Person.sit_down(chromium, program.url)
        await herself.sign_in("anna", PASSWORD)
        await herself.press("why-button")
        await herself.expect("why")
        await herself.photograph("supervisor-5-why-at-her-desk")
        await sofia.get_up()
        await herself.get_up()
        assert await program.end() == 0
        assert "Traceback" not in program.errors()
