"""Telephones of equal names at two PBXs: who sits where, whose pause is meant, who is popped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agent_console.phones import BrowserPhones, account_of
from interaction_log import events as e
from interaction_log.devices import at, split
from interaction_log.store.keys import Keys
from interaction_log.store.master_key import MasterKey
from interaction_log.store.projection import Projection
from routing import commands as c
from routing.distributor import Distributor, Settings
from tests.fakes.call_events import call

PHONE = "PJSIP/1001"


@pytest.mark.parametrize(
    ("seat", "parts"),
    [
        ("PJSIP/1001", (None, "PJSIP/1001")),
        ("berlin:PJSIP/1001", ("berlin", "PJSIP/1001")),
        ("site-2.b:Local/s@x/n", ("site-2.b", "Local/s@x/n")),
        ("PJSIP/a:b", (None, "PJSIP/a:b")),  # no telephone's name; left as it is
        ("", (None, "")),
    ],
)
def test_a_seat_is_read(seat: str, parts: tuple[str | None, str]) -> None:
    assert split(seat) == parts
    assert parts[0] is None or at(parts[0], parts[1]) == seat


def live(**seats: list[str]) -> Distributor:
    """Agents who are ready at their seats."""
    found = Distributor(Settings())
    for name, devices in seats.items():
        found.handle(e.AgentSignedIn(at=1.0, agent=name, name=name, devices=devices), 1.0)
        found.handle(e.StateChosen(at=1.0, agent=name, state="READY"), 1.0)
    return found


def ring(on: Distributor, pbx: str) -> list[c.Command]:
    started, _entered, _found, offer, *_ = call(1, at=2.0, pbx=pbx)
    on.handle(started, 2.0)
    assert isinstance(offer, e.InteractionOffered)
    return on.handle(replace(offer, device=PHONE), 3.0)


def popped(commands: list[c.Command]) -> set[str]:
    return {one.agent for one in commands if isinstance(one, c.PopScreen | c.ShowInteraction)}


def test_each_pbx_rings_its_own_agent() -> None:
    on = live(anna=[f"new:{PHONE}"], ben=[f"old:{PHONE}"])
    assert popped(ring(on, "new")) == {"anna"}
    assert popped(ring(on, "old")) == {"ben"}
    assert popped(ring(on, "third")) == set()
    assert on.agents["anna"].state == on.agents["ben"].state == "OFFERED"


def test_a_seat_without_a_pbx_is_everywhere_but_where_somebody_sits_by_the_full_name() -> None:
    on = live(anna=[PHONE], ben=[f"old:{PHONE}"])
    assert on.devices_of(on.agents["anna"], "new") == [PHONE]
    assert on.devices_of(on.agents["anna"], "old") == []
    assert on.devices_of(on.agents["ben"], "old") == [PHONE]
    assert popped(ring(on, "new")) == {"anna"}
    assert popped(ring(on, "old")) == {"ben"}


def member(pbx: str, **more: object) -> e.MemberChanged:
    usual: dict[str, Any] = {"paused": False, "paused_reason": "", "member_name": "", "penalty": 0}
    return e.MemberChanged(at=1.0, pbx=pbx, queue="q", device=PHONE, interface=PHONE, **(usual | more))


@pytest.mark.parametrize("seats", [("new:", "old:"), ("", "old:")])
def test_only_her_own_phone_is_paused(seats: tuple[str, str]) -> None:
    on = live(anna=[seats[0] + PHONE], ben=[seats[1] + PHONE])
    on.handle(member("new"), 1.0)
    on.handle(member("old"), 1.0)
    told = on.handle(e.StateChosen(at=2.0, agent="anna", state="NOT_READY", reason="lunch"), 2.0)
    assert [one for one in told if isinstance(one, c.PauseMember)] == [c.PauseMember("new", PHONE, "callweave:lunch")]
    told = on.handle(e.StateChosen(at=2.0, agent="ben", state="NOT_READY", reason="tea"), 2.0)
    assert [one for one in told if isinstance(one, c.PauseMember)] == [c.PauseMember("old", PHONE, "callweave:tea")]


def test_a_leftover_of_ours_at_the_other_pbx_is_released_without_touching_hers() -> None:
    on = live(anna=[f"new:{PHONE}"])
    on.handle(member("new"), 1.0)
    on.handle(e.StateChosen(at=2.0, agent="anna", state="NOT_READY", reason="lunch"), 2.0)
    told = on.handle(member("old", paused=True, paused_reason="callweave:wrapup"), 3.0)
    assert [one for one in told if isinstance(one, c.PauseMember | c.ReleaseMember)] == [c.ReleaseMember("old", PHONE)]


def test_the_log_knows_who_sat_there() -> None:
    kept = Projection(Keys(MasterKey(bytes(32))))
    for seq, (name, seat) in enumerate([("anna", PHONE), ("ben", f"old:{PHONE}")], 1):
        kept.take(seq, e.AgentSignedIn(at=1.0, agent=name, name=name, devices=[seat]))
    assert (kept._sat_at("new", PHONE), kept._sat_at("old", PHONE)) == ("anna", "ben")


def test_the_telephone_in_the_browser_is_that_pbxs() -> None:
    phones = [BrowserPhones(p, "ws://127.0.0.1:1/ws", ["PJSIP/11??"], secret="s") for p in ("new", "old")]
    found = account_of(phones, ["old:PJSIP/1101"])
    assert found is not None and (found.pbx, found.device) == ("old", "PJSIP/1101")
