"""On a real Asterisk: who waits raises an alarm, a supervisor gives a caller to an agent, the figures are the log's."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Expect

from tests.fakes.browser import Person, chromium  # noqa: F401 (fixture)
from tests.fakes.overseer import Overseer
from tests.fakes.program import PASSWORD, Desk, Program, prepare
from tests.pbx.fixtures import pbx, stage  # noqa: F401 (fixtures)
from tests.pbx.stage import Stage

pytestmark = [pytest.mark.real("asterisk"), pytest.mark.real("chromium"), pytest.mark.timeout(300)]
expect = Expect()
expect.set_options(timeout=30_000)  # other tests run beside this one
SECONDS = 30.0
RULE = {"name": "Long line", "measure": "waiting", "limit": 2, "clear_after": 0}


async def by_keyboard(boss: Person, interaction_id: str) -> None:
    """Give this caller to anna; not without a reason."""
    row = boss.see(f"waiting-{interaction_id}")
    await row.locator("[data-test=assign]").focus()
    await boss.page.keyboard.press("Enter")
    await expect(boss.see("assign-agent")).to_be_focused()
    await boss.see("assign-agent").select_option("anna")
    await boss.see("assign-do").press("Enter")
    await expect(row).to_contain_text("say why")
    await boss.see("assign-why").fill("she knows him")
    await boss.photograph("live-6-assign")
    await boss.page.keyboard.press("Enter")


async def test_a_waiting_caller_is_given_to_an_agent(
    stage: Stage,  # noqa: F811
    tmp_path: Path,
    chromium: Browser,  # noqa: F811
) -> None:
    config = await prepare(tmp_path, port=stage.pbx.ports.ami, secret=stage.pbx.secret, wrap_up=0)
    program = Program(tmp_path, "--config", str(config))
    try:
        await program.start(within=90.0)
        async with Desk(program, "anna") as anna, Overseer(program, "sofia") as sofia:
            await anna.done("set_state", state="NOT_READY", reason="lunch")
            await stage.nobody_free("1002")
            async with program.http(sofia.token) as http:
                assert (await http.post("/api/alarm-rules", json=RULE)).status_code == 201
            boss = await Person.sit_down(chromium, program.url, width=1440, height=900)
            await boss.sign_in("sofia", PASSWORD)
            await boss.expect("nav-live", seconds=SECONDS)
            await boss.press("nav-live")
            first = await stage.customer("13800138000", "800").up()
            second = await stage.customer("13911112222", "800").up()
            raised = await sofia.wait("alarms", lambda m: m.get("raised"), SECONDS)
            assert raised["alarms"][0]["value"] == 2 and raised["alarms"][0]["queue"] == "support"
            async with Overseer(program, "sofia") as late:
                assert (await late.wait("snapshot"))["alarms"] == raised["alarms"]
            waiting = await sofia.wait(
                "interaction", lambda m: m["interaction"]["customer_address"] == "+8613800138000", SECONDS
            )
            i = waiting["interaction"]["id"]
            await by_keyboard(boss, i)
            mine = await (await stage.anna.rings()).answer()
            told = await anna.wait("notice", lambda m: m["code"] == "assigned", SECONDS)
            assert told["params"] == {"by": "Sofia", "queue": "support"}
            assert (await sofia.wait("command_result", seconds=SECONDS))["ok"]
            await anna.state("BUSY", SECONDS)
            await sofia.wait("alarms", lambda m: m.get("cleared"), SECONDS)

            def served(message: dict[str, object]) -> bool:
                support = next(one for one in message["queues"] if one["queue"] == "support")  # type: ignore[attr-defined]
                calls = next((one for one in support["channels"] if one["channel"] == "voice"), None)
                return calls is not None and (calls["waiting"], calls["talking"], calls["today"]["answered"]) == (
                    1,
                    1,
                    1,
                )

            await sofia.wait("queues", served, SECONDS)
            row = boss.see("live-queue-support")
            await expect(row.locator("[data-test=talking]")).to_have_text("1")
            await expect(boss.see("live-agent-anna").locator("[data-test=hand-voice]")).to_have_text("1")
            await boss.photograph("live-7-assigned")
            await boss.get_up()
            await mine.hang_up()
            await first.ended()
            await second.hang_up()
            log = await program.log(seconds=SECONDS)
            outcomes = {one["customer_address"]: one["outcome"] for one in log}
            assert outcomes == {"+8613800138000": "answered", "+8613911112222": "abandoned"}
        assert "Traceback" not in program.errors()
    finally:
        await program.kill()
