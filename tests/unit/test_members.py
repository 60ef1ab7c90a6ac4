"""Queue members and device states out of AMI messages, and what a site dials."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cti_gateway.ami.actions import ActionError
from cti_gateway.ami.codec import Message
from cti_gateway.dialling import dial_string
from cti_gateway.members import Members
from cti_gateway.tracking.parties import PbxProfile
from interaction_log import events as e

PROFILE = PbxProfile(name="main", devices=("PJSIP/10??",), outbound_prefix="9", default_region="CN")


def member(name: str = "QueueMemberPause", **more: str) -> Message:
    usual = {
        "Event": name,
        "Queue": "support",
        "MemberName": "Anna",
        "Interface": "PJSIP/1001",
        "StateInterface": "PJSIP/1001",
        "Membership": "static",
        "Penalty": "0",
        "CallsTaken": "0",
        "LastCall": "0",
        "LastPause": "0",
        "LoginTime": "1",
        "InCall": "0",
        "Status": "1",
        "Paused": "0",
        "PausedReason": "",
        "Ringinuse": "0",
        "Wrapuptime": "0",
    }
    return Message.of({**usual, **more}.items())


def test_only_changes_become_events() -> None:
    members = Members(PROFILE)
    queue, first = members.feed(member("QueueMember"), 1.0)
    assert queue == e.QueueSeen(at=1.0, pbx="main", queue="support")
    assert isinstance(first, e.MemberChanged) and not first.paused and first.device == "PJSIP/1001"
    assert not members.feed(member("QueueMemberStatus", Status="2"), 2.0)
    (paused,) = members.feed(member(Paused="1", PausedReason="callweave:lunch"), 3.0)
    assert isinstance(paused, e.MemberChanged) and paused.paused_reason == "callweave:lunch"
    assert not members.feed(member("QueueMemberStatus", Paused="1", PausedReason="callweave:lunch"), 4.0)
    (released,) = members.feed(member("QueueMemberStatus"), 5.0)
    assert isinstance(released, e.MemberChanged) and not released.paused


def test_asterisk_16_says_reason_and_status_lists_say_location() -> None:
    members = Members(PROFILE)
    block = dict(member(Paused="1", Reason="tea").headers())
    del block["PausedReason"]
    found = members.feed(Message.of(block.items()), 1.0)[-1]
    assert isinstance(found, e.MemberChanged) and found.paused_reason == "tea"
    listed = Message.of(
        [("Event", "QueueMember"), ("Queue", "vip"), ("Name", "Ben"), ("Location", "PJSIP/1002"), ("Paused", "0")]
    )
    found = members.feed(listed, 1.0)[-1]
    assert isinstance(found, e.MemberChanged) and (found.interface, found.member_name) == ("PJSIP/1002", "Ben")


def test_an_injected_pause_is_not_believed() -> None:
    members = Members(PROFILE)
    members.feed(member("QueueMember"), 1.0)
    fake = Message.of(
        [("Event", "QueueMemberPause"), ("Queue", "support"), ("Interface", "PJSIP/1001"), ("Paused", "1")]
    )
    assert not members.feed(fake, 2.0)
    assert not members.members["support", "PJSIP/1001"].paused


@pytest.mark.parametrize(
    ("interface", "state_interface", "device"),
    [
        ("PJSIP/1001", "PJSIP/1001", "PJSIP/1001"),
        ("Local/1001@from-queue/n", "PJSIP/1001", "PJSIP/1001"),
        ("Local/1001@from-queue/n", "hint:1001@ext-local", "PJSIP/1001"),
        ("Local/1001@from-queue/n", "", "PJSIP/1001"),
        ("Local/7001@from-queue/n", "", "PJSIP/7001"),
        ("Agent/7", "", "Agent/7"),
    ],
)
def test_the_phone_behind_a_member(interface: str, state_interface: str, device: str) -> None:
    assert Members(PROFILE).device_of(interface, state_interface) == device


def test_a_complete_list_shows_who_is_gone() -> None:
    members = Members(PROFILE)
    members.feed(member("QueueMember"), 1.0)
    members.feed(member("QueueMember", Interface="PJSIP/1002", StateInterface="PJSIP/1002"), 1.0)
    members.begin_resync()
    members.feed(member("QueueMember"), 2.0)
    (gone,) = members.end_resync(3.0)
    assert isinstance(gone, e.MemberChanged) and gone.removed and gone.inferred and gone.interface == "PJSIP/1002"
    members.begin_resync()
    members.forget_listing()
    assert not members.end_resync(4.0) and members.of_device("PJSIP/1001")
    (removed,) = members.feed(member("QueueMemberRemoved"), 5.0)
    assert isinstance(removed, e.MemberChanged) and removed.removed


def test_device_states() -> None:
    members = Members(PROFILE)

    def state(device: str, text: str) -> list[e.Event]:
        return members.feed(Message.of([("Event", "DeviceStateChange"), ("Device", device), ("State", text)]), 1.0)

    assert state("PJSIP/1001", "INUSE") == [
        e.DeviceStateChanged(at=1.0, pbx="main", device="PJSIP/1001", state="INUSE")
    ]
    assert not state("PJSIP/1001", "INUSE")
    assert not state("Queue:support_avail", "INUSE") and not state("PJSIP/1001", "DANCING")
    assert not state("Local/1001@from-queue", "INUSE")
    assert members.knows("PJSIP/1001") and not members.knows("PJSIP/1002")


def test_a_trunk_is_no_telephone_unless_it_serves_a_queue() -> None:
    members = Members(replace(PROFILE, trunks=("PJSIP/pstn*",)))

    def states() -> list[str]:
        told = [("PJSIP/pstn", "INUSE"), ("PJSIP/1001", "INUSE"), ("PJSIP/pstn", "NOT_INUSE")]
        blocks = [Message.of([("Event", "DeviceStateChange"), ("Device", d), ("State", s)]) for d, s in told]
        return [one.device for m in blocks for one in members.feed(m, 1.0) if isinstance(one, e.DeviceStateChanged)]

    assert states() == ["PJSIP/1001"] and not members.knows("PJSIP/pstn")
    members.feed(member("QueueMemberAdded", Interface="PJSIP/pstn", StateInterface="PJSIP/pstn"), 2.0)
    assert states() == ["PJSIP/pstn", "PJSIP/pstn"] and members.device_states["PJSIP/pstn"] == "NOT_INUSE"
    members.feed(member("QueueMemberRemoved", Interface="PJSIP/pstn", StateInterface="PJSIP/pstn"), 3.0)
    assert states() == ["PJSIP/pstn", "PJSIP/pstn"], "what is shown must not stand still"


@pytest.mark.parametrize(
    ("typed", "dialled"),
    [
        ("1002", "1002"),
        ("*97", "*97"),
        ("+86 138-0013-8000", "913800138000"),
        ("13800138000", "913800138000"),
        ("(021) 5000 1000", "902150001000"),
        ("+1 650 253 0000", "90016502530000"),
        ("+44 20 7031 3000", "900442070313000"),
        ("12345678", "912345678"),
    ],
)
def test_what_a_phone_of_the_site_dials(typed: str, dialled: str) -> None:
    assert dial_string(typed, PROFILE) == dialled


@pytest.mark.parametrize(
    "typed", ["", "1\r\nApplication: System", "1&PJSIP/x", "${SHELL(id)}", "٣٣٣٣٣٣٣٣", "1" * 300, "+", "PJSIP/1001"]
)
def test_what_nobody_dials(typed: str) -> None:
    with pytest.raises(ActionError):
        dial_string(typed, PROFILE)
