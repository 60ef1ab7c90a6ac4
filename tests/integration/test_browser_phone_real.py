"""The telephone in the browser: two Chromiums, a real Asterisk, our relay between; sound is proved by its pitch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from interaction_log.records import User
from tests.fakes import program as programs
from tests.fakes.browser import need_app
from tests.fakes.browser_phone import Talker, launch
from tests.fakes.program import PASSWORD, Program, prepare
from tests.fakes.proxy import Proxy
from tests.fakes.tone_phone import TonePhone
from tests.pbx.asterisk import UNHURRIED
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.phone import Call
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.real("chromium"), pytest.mark.timeout(120)]
TIMING = UNHURRIED
CUSTOMER, ANNA, BEN = 1000, 700, 1300
"""Hertz of what each of them says; music on hold is 440."""
PEOPLE = (
    User(name="anna", display_name="Anna", role="agent", devices=["PJSIP/1101"]),
    User(name="ben", display_name="Ben", role="agent", devices=["PJSIP/1102"]),
    User(name="emil", display_name="Emil", role="agent", devices=["PJSIP/1005"]),
    User(name="sofia", display_name="Sofia", role="supervisor"),
)


@dataclass
class Site:
    """All that a test needs."""

    stage: Stage
    program: Program
    wires: Proxy
    ear: TonePhone
    browsers: dict[str, Browser]

    def customer(self, dialled: str = "800") -> Call:
        """Somebody outside calls, playing a tone."""
        return self.stage.customer("13800138000", dialled)

    @asynccontextmanager
    async def at(self, name: str, *, ready: bool = True, microphone: bool = True) -> AsyncIterator[Talker]:
        """Somebody signs in at her browser."""
        person = await Talker.arrive(self.browsers[name], self.program.url, microphone=microphone)
        try:
            await person.sign_in(name, PASSWORD)
            await person.expect("desk")
            if ready:
                await person.ready()
            yield person
            assert person.errors == []
        finally:
            await person.context.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browsers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Browser]]:
    """One for each of the two tones."""
    need_app()
    folder = tmp_path_factory.mktemp("tones")
    async with async_playwright() as playwright:
        anna, ben = await launch(playwright, folder, ANNA), await launch(playwright, folder, BEN)
        try:
            yield {"anna": anna, "ben": ben, "emil": ben}
        finally:
            await asyncio.gather(anna.close(), ben.close())


@pytest_asyncio.fixture
async def site(
    stage: Stage,  # noqa: F811
    browsers: dict[str, Browser],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Site]:
    monkeypatch.setattr(programs, "PEOPLE", PEOPLE)
    await stage.nobody_free("1001", "1002")  # the desk phones come before the browsers in the queue
    await stage.outside.close()
    ear = TonePhone("pstn", stage.pbx.ports.pstn, stage.pbx.ports.sip, host="127.0.0.2", hertz=CUSTOMER)
    stage.outside = await ear.open()
    async with Proxy(stage.pbx.ports.http) as wires:
        more = (
            f'websocket_url = "ws://127.0.0.1:{wires.port}/ws"\n'
            f'browser_devices = ["PJSIP/11??"]\nbrowser_secret = "{stage.pbx.secret}"'
        )
        config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=stage.pbx.secret, more=more)
        config.write_text(config.read_text().replace('["PJSIP/10??"]', '["PJSIP/10??", "PJSIP/11??"]'))
        async with Program(tmp_path, "--config", str(config)) as program:
            yield Site(stage, program, wires, ear, browsers)
            assert stage.pbx.secret not in program.errors()


async def answered(site: Site, agent: Talker) -> Call:
    """A customer in the queue, answered with the console's button; they hear each other."""
    customer = site.customer()
    await agent.expect("pop")
    await agent.press("answer")
    await agent.expect("call-card")
    await agent.until_it_hears(CUSTOMER)
    return customer


async def test_answer_hold_mute_keys_hang_up(site: Site) -> None:
    async with site.at("anna") as anna:
        customer = await answered(site, anna)
        await site.ear.until_it_hears(ANNA)
        await anna.photograph("phone-1-talking")
        await anna.press("phone-hold")
        await anna.expect("hold")
        await site.ear.until_it_hears_no(ANNA)
        await anna.until_it_hears_no(CUSTOMER)
        await anna.press("phone-hold")
        await site.ear.until_it_hears(ANNA)
        await anna.until_it_hears(CUSTOMER)
        await anna.press("phone-mute")
        await site.ear.until_it_hears_no(ANNA)
        await anna.until_it_hears(CUSTOMER)
        await anna.press("phone-mute")
        await site.ear.until_it_hears(ANNA)
        await anna.press("phone-keys")
        for key in "15#":
            mark = len(site.stage.pbx.ami.events)
            await anna.press(f"phone-key-{key}")
            await site.stage.pbx.ami.wait(
                lambda b, key=key: b.get("Event") == "DTMFEnd" and b.get("Digit") == key and "1101" in b["Channel"],
                since=mark,
            )
        await anna.photograph("phone-2-keys")
        await anna.press("hang-up")
        await customer.ended()
        await anna.expect("wrap-up")
        await site.stage.pbx.no_channels()
        logged = await site.program.only()
        assert (logged["outcome"], logged["ended_by"]) == ("answered", "agent")
        assert len(logged["holds"]) == 1


async def test_ten_calls_one_after_the_other(site: Site) -> None:
    async with site.at("anna") as anna:
        for number in range(10):
            customer = await answered(site, anna)
            await site.ear.until_it_hears(ANNA)
            if number % 2:
                await customer.hang_up()
            else:
                await anna.press("hang-up")
                await customer.ended()
            await site.stage.pbx.no_channels()
            await anna.press("finish")
            await anna.expect("state", "Ready")


async def test_attended_transfer_and_a_consultation_that_is_cancelled(site: Site) -> None:
    async with site.at("anna") as anna, site.at("ben", ready=False) as ben:
        customer = await answered(site, anna)
        await ben.line("ready")
        for last in (False, True):
            await anna.press("phone-transfer")
            await anna.see("phone-transfer-to").fill("1102")
            await anna.press("phone-consult")
            await ben.press("loose-answer")  # a consultation is nobody's interaction: the telephone alone rings
            await anna.until_it_hears(BEN)
            await ben.until_it_hears(ANNA)
            await anna.until_it_hears_no(CUSTOMER)
            if not last:
                await anna.press("phone-cancel")
                await anna.until_it_hears(CUSTOMER)
                await site.ear.until_it_hears(ANNA)
                await ben.gone("loose-call")
        await anna.press("phone-swap")
        await anna.until_it_hears(CUSTOMER)
        await anna.press("phone-swap")
        await anna.until_it_hears(BEN)
        await anna.photograph("phone-3-consulting")
        await anna.press("phone-complete")
        await ben.until_it_hears(CUSTOMER)
        await site.ear.until_it_hears(BEN)
        await anna.expect("wrap-up")
        assert len(await site.stage.pbx.channels()) == 2
        await customer.hang_up()
        await site.stage.pbx.no_channels()
        await ben.gone("phone-controls")
        logged = await site.program.only()
        assert [(one["kind"], one["completed"]) for one in logged["transfers"]] == [("attended", True)]
        assert [one["agent"] for one in logged["segments"]] == ["PJSIP/1101", "PJSIP/1102"]


async def test_blind_transfer_and_one_that_is_refused(site: Site) -> None:
    async with site.at("anna") as anna, site.at("ben", ready=False) as ben:
        customer = await answered(site, anna)
        await ben.line("ready")
        await anna.press("phone-transfer")
        await anna.see("phone-transfer-to").fill("3999")  # nobody has it
        await anna.press("phone-blind")
        await anna.expect("phone-error")
        await site.ear.until_it_hears(ANNA)
        await anna.see("phone-transfer-to").fill("1102")
        await anna.press("phone-blind")
        await ben.expect("pop")
        await ben.press("answer")
        await ben.until_it_hears(CUSTOMER)
        await site.ear.until_it_hears(BEN)
        await anna.expect("wrap-up")
        await ben.press("hang-up")
        await customer.ended()
        await site.stage.pbx.no_channels()
        logged = await site.program.only()
        assert [(one["kind"], one["completed"]) for one in logged["transfers"]] == [("blind", True)]


async def test_a_reload_in_the_call_frees_it_at_once(site: Site) -> None:
    async with site.at("anna") as anna:
        customer = await answered(site, anna)
        await anna.page.reload()
        await customer.ended(3)
        await site.stage.pbx.no_channels(3)
        await anna.line("ready")
        await anna.expect("wrap-up")
        await anna.press("finish")
        await anna.expect("state", "Ready")
        await answered(site, anna)
        await anna.press("hang-up")


async def test_a_dead_browser_frees_the_call(site: Site) -> None:
    async with site.at("anna") as anna:
        customer = await answered(site, anna)
        await anna.page.evaluate("window.__ears.forEach((ear) => ear.pc.close())")  # no audio any more, no BYE
        await customer.ended()  # rtp_timeout = 5
        await anna.expect("wrap-up")


async def test_a_cut_websocket_loses_nothing(site: Site) -> None:
    async with site.at("anna") as anna:
        for who_ends in ("customer", "agent"):
            customer = await answered(site, anna)
            site.wires.reset()
            await anna.line("lost")
            await site.ear.until_it_hears(ANNA)
            await anna.until_it_hears(CUSTOMER)
            await anna.line("ready")
            await site.ear.until_it_hears(ANNA)
            if who_ends == "customer":
                await customer.hang_up()  # the PBX's BYE finds the new connection
            else:
                await anna.press("hang-up")
                await customer.ended(5)
            await anna.gone("phone-controls")
            await anna.expect("wrap-up")
            await anna.press("finish")
            await anna.expect("state", "Ready")


async def test_a_call_that_ends_while_nobody_can_be_told_is_no_call_of_the_browser_either(site: Site) -> None:
    """The PBX's BYE goes into a dead connection: at once after the cut it answers a refresh all the same."""
    async with site.at("anna") as anna:
        for back in ("at once", "later"):
            customer = await answered(site, anna)
            site.wires.refuse = back == "later"
            site.wires.reset()
            await customer.hang_up()
            await site.stage.pbx.no_channels()
            site.wires.refuse = False
            await anna.expect("wrap-up")
            await anna.gone("phone-controls")
            await anna.line("ready")
            await anna.press("finish")
            await anna.expect("state", "Ready")


async def test_a_caller_who_gives_up_while_nobody_can_be_told_rings_no_more(site: Site) -> None:
    async with site.at("anna") as anna:
        customer = site.customer()
        await anna.expect("pop")
        rings = anna.page.locator('[data-test="loose-call"], [data-test="pop"]')
        site.wires.reset()
        await customer.hang_up()
        await expect(rings).to_have_count(0)
        await anna.line("ready")
        await anna.expect("state", "Ready")
        await answered(site, anna)
        await anna.press("hang-up")


async def take_back(person: Talker) -> None:
    """A tab that is still hanging up says that it is busy: then one asks again."""
    ready = person.page.locator('[data-test="phone"][data-line="ready"]')
    async with asyncio.timeout(20):
        while not await ready.is_visible():
            if await person.see("phone-take").count():
                await person.press("phone-take")
            await asyncio.sleep(0.2)


async def test_a_second_tab_does_not_evict_the_first(site: Site) -> None:
    async with site.at("anna") as anna:
        page = await anna.context.new_page()
        await page.goto(f"{site.program.url}/")
        tab = Talker(page, anna.context, site.program.url)
        await tab.line("elsewhere")
        await anna.line("ready")
        customer = site.customer()
        await anna.expect("pop")
        await tab.expect("pop")
        await tab.press("answer")  # the tab that is the telephone lifts
        await anna.until_it_hears(CUSTOMER)
        await tab.press("phone-take")
        await tab.expect("phone-busy")
        await anna.line("ready")
        await tab.photograph("phone-4-other-tab")
        await tab.press("hang-up")
        await customer.ended()
        await tab.press("finish")
        await tab.press("phone-take")
        await tab.line("ready")
        await anna.line("elsewhere")
        await answered(site, tab)
        await tab.press("hang-up")
        await tab.expect("wrap-up")
        await tab.page.close()
        await take_back(anna)


async def test_another_computer_asks_before_it_takes_the_telephone(site: Site) -> None:
    async with site.at("anna") as anna:
        other = await Talker.arrive(site.browsers["ben"], site.program.url)
        await other.sign_in("anna", PASSWORD)
        await other.line("elsewhere")
        await anna.line("ready")
        await other.press("phone-take")
        await other.line("ready")
        await anna.line("elsewhere")
        await other.context.close()


async def test_without_a_microphone_nobody_becomes_ready(site: Site) -> None:
    async with site.at("anna", ready=False, microphone=False) as anna:
        await anna.page.wait_for_function("() => document.querySelector('[data-test=state-ready]')")
        await anna.press("state-ready")
        await anna.microphone("denied")
        await anna.expect("phone-mic", "does not allow")
        await anna.expect("state", "Not ready")
        await anna.photograph("phone-5-no-microphone")
        customer = site.customer()
        await site.program.log(lambda log: log and log[0]["queue_visits"])
        assert customer.status == 0
        assert await anna.see("pop").count() == 0
        await anna.context.grant_permissions(["microphone"])
        await anna.press("phone-test")
        await anna.microphone("good")
        await anna.press("state-ready")
        await anna.expect("pop")
        await anna.press("answer")
        await anna.until_it_hears(CUSTOMER)


async def test_a_microphone_that_goes_away_takes_the_agent_out(site: Site) -> None:
    async with site.at("anna") as anna:
        await anna.page.evaluate(
            "() => { const gone = new DOMException('', 'NotFoundError')\n"
            "navigator.mediaDevices.getUserMedia = () => Promise.reject(gone) }"
        )
        await anna.press("phone-setup")
        await anna.see("phone-clean").click()  # asks for it again
        await anna.microphone("missing")
        await anna.expect("state", "Not ready")
        await anna.expect("state-reason", "Telephone")


async def test_dial_from_the_console_lifts_by_itself(site: Site) -> None:
    async with site.at("anna") as anna:
        await anna.see("dial-number").fill("13700001234")
        await anna.press("dial")
        rings = await site.ear.rings()
        await rings.answer()
        await anna.until_it_hears(CUSTOMER)
        await site.ear.until_it_hears(ANNA)
        await anna.press("hang-up")
        await rings.ended()


async def test_dial_a_customer_by_name(site: Site) -> None:
    async with site.at("anna") as anna:
        await anna.see("dial-number").fill("李雷")
        await anna.expect("dial-list", "李雷")
        await anna.see("dial-number").press("Enter")
        rings = await site.ear.rings()
        assert rings.dialled == "13800138000"  # as this trunk wants numbers of its own country
        await rings.answer()
        await anna.until_it_hears(CUSTOMER)
        await anna.press("hang-up")
        await rings.ended()


@pytest.mark.parametrize(("number", "hertz"), [("690", ANNA), ("691", 1004)])
async def test_try_the_headset(site: Site, number: str, hertz: int) -> None:
    async with site.at("anna", ready=False) as anna:
        await anna.line("ready")
        await anna.see("dial-number").fill(number)
        await anna.press("dial")
        await anna.until_it_hears(hertz)
        await anna.page.close(run_before_unload=False)
    await site.stage.pbx.no_channels()


async def test_signing_out_closes_the_telephone(site: Site) -> None:
    async with site.at("anna") as anna:
        contact = "1101/sip:"
        assert contact in await site.stage.pbx.cli("pjsip show contacts")
        async with site.program.http() as http:
            cookies = {one["name"]: one["value"] for one in await anna.context.cookies()}
            headers = {"Origin": site.program.url}
            http.cookies.update(cookies)
            (await http.delete("/api/session", headers=headers)).raise_for_status()
        async with asyncio.timeout(6):
            while contact in await site.stage.pbx.cli("pjsip show contacts"):  # noqa: ASYNC110
                await asyncio.sleep(0.1)


async def test_a_desk_phone_never_loads_it(site: Site) -> None:
    loaded: list[str] = []
    async with site.at("emil", ready=False) as emil:
        emil.page.on("request", lambda request: loaded.append(request.url))
        await emil.page.reload()
        await emil.expect("desk")
        await emil.press("state-ready")
        await emil.expect("state", "Ready")
        assert await emil.see("phone").count() == 0
        assert any("/api/phone" in url for url in loaded)
        assert not any("/sip/" in url for url in loaded)
        for script in (url for url in loaded if url.endswith(".js")):
            assert "JsSIP" not in await (await emil.page.request.get(script)).text(), script
