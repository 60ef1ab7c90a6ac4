"""The pages of the site's CRM reach the console with its snapshot, and are left out where there are none."""

from __future__ import annotations

from tests.fakes.console_stage import stage

PAGE = {"queue": None, "pbx": None, "url": "https://crm.example/c?tel={e164}", "open_on": "answer"}


async def test_the_rules_are_in_the_snapshot() -> None:
    async with stage(crm=[PAGE]) as on, on.console("anna") as anna:
        assert (await anna.wait("snapshot"))[0]["crm"] == [PAGE]
    async with stage() as on, on.console("anna") as anna:
        assert "crm" not in (await anna.wait("snapshot"))[0]
