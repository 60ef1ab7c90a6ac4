"""Calls for a campaign show its number and belong to it; who dials its number belongs to it too."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from agent_console import wire
from interaction_log import events as e
from interaction_log.records import Campaign
from tests.protocol.test_hub import Floor
from tests.protocol.test_hub import floor as floor  # noqa: PLC0414 (the fixture)

SPRING = Campaign(code="spring", labels={"en": "Spring"}, caller_id="+862150009999", numbers=["800"])


@pytest.fixture
async def campaigning(floor: Floor) -> AsyncIterator[Floor]:
    floor.hub.campaigns.set([SPRING, Campaign(code="old", labels={"en": "Old"}, retired=True)])
    await floor.sign_in()
    yield floor


async def test_a_call_for_a_campaign_belongs_to_it(campaigning: Floor) -> None:
    floor = campaigning
    await floor.exchange.command("anna", "dial", wire.Dial(id="d", to="13911112222", campaign="spring"))
    await floor.exchange.until(lambda: floor.simulator.pbx.ringing_at("PJSIP/1001"))
    ringing = floor.simulator.pbx.ringing_at("PJSIP/1001")
    assert ringing is not None
    floor.simulator.pbx.calls[ringing].answer(ringing)
    await floor.exchange.until(lambda: floor.log.of(e.CampaignNamed))
    [named], [started] = floor.log.of(e.CampaignNamed), floor.log.of(e.InteractionStarted)
    assert (named.interaction_id, named.campaign, named.agent) == (started.interaction_id, "spring", "anna")
    shown = await floor.screens.wait("anna", "interaction", lambda m: "campaign" in m["interaction"])
    assert shown["interaction"]["campaign"] == "spring"


async def test_who_dials_the_campaigns_number_belongs_to_it(campaigning: Floor) -> None:
    await campaigning.talk()  # dials 800
    [named] = campaigning.log.of(e.CampaignNamed)
    assert (named.campaign, named.agent) == ("spring", None)


@pytest.mark.parametrize("code", ["old", "none"])
async def test_nobody_calls_for_a_campaign_that_is_not(campaigning: Floor, code: str) -> None:
    answer = await campaigning.exchange.command("anna", "dial", wire.Dial(id="d", to="13911112222", campaign=code))
    assert (answer["error"]["code"], answer["error"]["field"]) == ("unknown_campaign", "campaign")


async def test_an_expected_call_that_never_came_names_no_later_one(campaigning: Floor) -> None:
    floor = campaigning
    floor.hub.campaigns.expect("PJSIP/1001", "spring", "anna")
    floor.hub.campaigns.expect("PJSIP/1001", "spring", "anna")  # asked twice: still one call
    floor.hub.campaigns._expected["PJSIP/1001"] = ("spring", "anna", floor.hub.wall() - 1)
    await floor.exchange.command("anna", "dial", wire.Dial(id="d", to="13911112222"))
    await floor.exchange.until(lambda: floor.simulator.pbx.ringing_at("PJSIP/1001"))
    ringing = floor.simulator.pbx.ringing_at("PJSIP/1001")
    assert ringing is not None
    floor.simulator.pbx.calls[ringing].answer(ringing)
    await floor.exchange.until(lambda: floor.log.of(e.InteractionStarted))
    assert not floor.log.of(e.CampaignNamed)
