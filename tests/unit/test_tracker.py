"""Corners of following calls that no recording holds."""

from __future__ import annotations

import pytest

from cti_gateway.ami.codec import Message
from cti_gateway.calls import CallTracker, PbxProfile
from cti_gateway.replay import messages
from cti_gateway.tracking.lifecycle import plain_name
from cti_gateway.tracking.mend import Mender
from cti_gateway.tracking.parties import Parties, device_of, is_announcer, local_peer
from interaction_log import events as e
from interaction_log.identity import caller_address, interaction_id, parse_phone
from tests.golden.story import HERE

PROFILE = PbxProfile(name="lab", devices=("PJSIP/10??",), trunks=("PJSIP/pstn",), outbound_prefix="9")
ANSWERED = list(messages((HERE / "answered.ami").read_bytes()))


def block(name: str, **headers: str) -> Message:
    return Message.of([("Event", name), ("Privilege", "call,all"), *headers.items()])


def until(name: str) -> CallTracker:
    """A tracker that has read the answered call up to (and with) the first message of this name."""
    tracker = CallTracker(PROFILE)
    for message in ANSWERED:
        tracker.feed(message)
        if message.name == name:
            return tracker
    raise AssertionError(name)


def only(tracker: CallTracker) -> e.Outcome | None:
    [interaction] = tracker.interactions.values()
    return interaction.outcome


@pytest.mark.parametrize("name", ["Hangup", "BridgeLeave", "BridgeEnter", "HangupRequest"])
def test_a_block_that_names_no_known_pair_is_not_believed(name: str) -> None:
    tracker = until("BridgeEnter")
    [contact] = tracker.contacts.values()
    assert contact.customer is not None
    lie = block(name, Channel="PJSIP/pstn-0badf00d", Uniqueid=contact.customer.unique_id, Cause="16")
    [seen] = tracker.feed(lie)
    assert isinstance(seen, e.SuspiciousBlockSeen)
    assert tracker.suspicious == 1
    assert contact.interaction.outcome is None


def test_a_pause_without_its_full_set_is_reported() -> None:
    tracker = CallTracker(PROFILE)
    [seen] = tracker.feed(block("QueueMemberPause", Interface="PJSIP/1001", Paused="1"))
    assert isinstance(seen, e.SuspiciousBlockSeen)


def test_a_torn_block_is_whole_again_and_the_lie_in_it_is_gone() -> None:
    head = Message(b"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/pstn-00000001\r\nCallerIDNum: 1")
    rest = Message(b"Event: Hangup\r\nUniqueid: 7.7\r\nCallerIDName: x\r\nExten: 800\r\nUniqueid: 1.1\r\nLinkedid: 1.1")
    mender = Mender()
    assert mender.take(head) == []
    assert mender.take(rest) == []
    [whole] = mender.flush()
    assert (whole.name, whole.get("Uniqueid"), whole.get("Exten")) == ("Newchannel", "1.1", "800")


def test_a_torn_block_does_not_eat_the_next_real_one() -> None:
    head = Message(b"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/pstn-00000001\r\nCallerIDNum: 1")
    real = block("Newstate", Channel="PJSIP/pstn-00000002", Uniqueid="2.2")
    mender = Mender()
    assert mender.take(head) == []
    assert [m.name for m in mender.take(real)] == ["Newchannel", "Newstate"]


def test_a_restarted_pbx_loses_the_waiting_and_keeps_the_answered() -> None:
    for name, outcome in (("QueueCallerJoin", "pbx_lost"), ("BridgeEnter", None)):
        tracker = until(name)
        tracker.feed(block("FullyBooted", Uptime="3600"))
        last = tracker.last_at
        [lost] = tracker.link_lost(None, "connection reset")
        assert isinstance(lost, e.LinkLost)
        tracker.feed(block("FullyBooted", Uptime="2"))
        if outcome is not None:
            assert only(tracker) == outcome
            [interaction] = tracker.interactions.values()
            assert (interaction.ended_at, interaction.ended_by, interaction.inferred) == (last, "system", True)


def test_the_gap_becomes_a_record() -> None:
    tracker = until("QueueCallerJoin")
    tracker.link_lost(1795295000.0, "reset")
    tracker.begin_resync(1795295009.0)
    tracker.feed(Message.of([("Response", "Success"), ("EventList", "start"), ("Message", "Channels will follow")]))
    tracker.feed(block("CoreShowChannelsComplete"))
    [restored] = tracker.end_resync(1795295010.0)
    assert isinstance(restored, e.LinkRestored)
    assert (restored.gap_seconds, restored.closed, restored.restarted) == (10.0, 1, False)


def test_a_pbx_that_never_comes_back_leaves_nothing_open() -> None:
    tracker = until("BridgeEnter")
    tracker.link_lost(1795295000.0, "reset")
    tracker.give_up(1795309400.0)
    assert not tracker.contacts


def test_channels_are_found_for_call_control() -> None:
    tracker = until("BridgeEnter")
    for message in ANSWERED[: next(i for i, m in enumerate(ANSWERED) if m.name == "BridgeLeave")]:
        tracker.feed(message)
    [contact] = tracker.contacts.values()
    assert str(tracker.channel_of(contact.id, "PJSIP/1001")).startswith("PJSIP/1001-")
    assert str(tracker.customer_channel(contact.id)).startswith("PJSIP/pstn-")
    assert tracker.channel_of(contact.id, "PJSIP/1002") is None
    assert tracker.channel_of("nobody", "PJSIP/1001") is None


def test_names_of_channels() -> None:
    assert device_of("PJSIP/1001-0000002a") == "PJSIP/1001"
    assert device_of("Local/1001@from-queue-00000003;1") == "Local/1001@from-queue"
    assert local_peer("Local/1001@from-queue-00000003;1") == "Local/1001@from-queue-00000003;2"
    assert local_peer("PJSIP/1001-0000002a") is None
    assert is_announcer("CBAnn/770-00000001;2")


def test_without_configuration_short_numbers_and_members_are_agents() -> None:
    parties = Parties(PbxProfile())
    assert parties.is_agent("SIP/204")
    assert not parties.is_agent("PJSIP/provider")
    parties.learn(["PJSIP/anna", "Local/5@from-queue/n"])
    assert parties.is_agent("PJSIP/anna")
    assert not Parties(PbxProfile(devices=("PJSIP/10??",))).is_agent("SIP/204")
    assert not Parties(PbxProfile(trunks=("SIP/204",))).is_agent("SIP/204")


def test_names_are_read_as_a_person_reads_them() -> None:
    assert plain_name(r"O\'Brien \"Pat\"") == 'O\'Brien "Pat"'
    assert plain_name("<unknown>") is None


@pytest.mark.parametrize(
    ("presented", "address"),
    [
        ("13800138000", "+8613800138000"),
        ("+86 138", "+86 138"),
        ("02150888888", "+862150888888"),
        ("anonymous", None),
        ("<unknown>", None),
        ("1001", "1001"),
        ("١٣٨٠٠١٣٨٠٠٠", "١٣٨٠٠١٣٨٠٠٠"),
        ("1\r\nEvent: Hangup", "1\r\nEvent: Hangup"),
    ],
)
def test_addresses(presented: str, address: str | None) -> None:
    assert caller_address(presented, "CN") == address


def test_ids_are_stable_and_say_that_they_are_ours() -> None:
    one = interaction_id("main", "2026-11-21 22:00:00", "1795293080.15")
    assert one == interaction_id("main", "2026-11-21 22:00:00", "1795293080.15")
    assert one != interaction_id("other", "2026-11-21 22:00:00", "1795293080.15")
    assert one[14] == "8"
    assert one[19] in "89ab"


def test_extensions_are_kept() -> None:
    number = parse_phone("+862150888888 ext. 12", "CN")
    assert number is not None
    assert (number.e164, number.extension) == ("+862150888888", "12")


def heard(*changes: tuple[str, str], of: str = "timeout-voicemail") -> list[e.MessageLeft]:
    """What the call that left a message tells of it, the block about the mailbox changed so."""
    tracker, found = CallTracker(PROFILE), []
    for message in messages((HERE / f"{of}.ami").read_bytes()):
        told = message
        if message.name == "MessageWaiting":
            named = ("Event", "Channel", "Uniqueid", "Linkedid", "Mailbox", "New", "Timestamp")
            fields = {name: message.get(name) for name in named} | dict(changes)
            told = Message.of([(key, value) for key, value in fields.items() if value])
        found += [one for one in tracker.feed(told) if isinstance(one, e.MessageLeft)]
    return found


@pytest.mark.parametrize("of", ["timeout-voicemail", "v16-timeout-voicemail"])
def test_a_message_names_its_mailbox_and_its_channel(of: str) -> None:
    (one,) = heard(of=of)
    assert (one.mailbox, one.channel) == ("500@default", "PJSIP/pstn-00000000")
    assert heard(of=of) == [one], "the same recording gives the same id"


@pytest.mark.parametrize(
    "changes",
    [
        [("Channel", "PJSIP/pstn-0badf00d")],
        [("Uniqueid", "1.1")],
        [("New", "0")],
        [("Channel", ""), ("Uniqueid", "")],
    ],
)
def test_a_mailbox_that_nobody_of_ours_spoke_into_is_no_message(changes: list[tuple[str, str]]) -> None:
    assert heard(*changes) == []
