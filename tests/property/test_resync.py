"""A link cut, or our own end, between any two messages of any recorded call: the rest comes out the same."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cti_gateway.ami.codec import Message
from cti_gateway.calls import CallTracker, PbxProfile
from interaction_log import events as e
from interaction_log.interaction import Interaction, fold
from tests.property.test_tracker import PROFILE, TRACES

# Recordings that hold a gap or a lie themselves.
CUT_ALREADY = {n for n in TRACES if "pbx-" in n or "connected-late" in n or "injected" in n or n == "reload"}
PROFILES = {n: PbxProfile(name="lab", outbound_prefix="9") if "chansip" in n else PROFILE for n in TRACES}


def snapshot_of(tracker: CallTracker) -> list[Message]:
    """What a real PBX would answer to CoreShowChannels and QueueStatus at this moment."""
    lines = [Message.of([("Response", "Success"), ("EventList", "start"), ("Message", "Channels will follow")])]
    waiting = []
    for channel in tracker.topology.by_id.values():
        contact = channel.contact
        visit = contact.interaction.waiting_in() if contact is not None else None
        is_customer = contact is not None and channel is contact.customer
        in_queue = is_customer and contact is not None and (visit is not None or _through_queue(contact.interaction))
        lines.append(
            Message.of(
                [
                    ("Event", "CoreShowChannel"),
                    ("Channel", channel.name),
                    ("ChannelState", "6" if channel.up else "5" if channel.dialled_by else "4"),
                    ("CallerIDNum", channel.number),
                    ("Exten", channel.exten),
                    ("Uniqueid", channel.unique_id),
                    ("Linkedid", channel.linked_id),
                    ("Application", "Queue" if in_queue else "Dial"),
                    ("ApplicationData", visit.queue if visit is not None else ""),
                    ("BridgeId", channel.bridge or ""),
                ]
            )
        )
        if is_customer and visit is not None and tracker.last_at is not None and visit.entered_at is not None:
            wait = str(int(tracker.last_at - visit.entered_at))
            waiting.append(
                Message.of(
                    [("Event", "QueueEntry"), ("Queue", visit.queue), ("Uniqueid", channel.unique_id), ("Wait", wait)]
                )
            )
    lines.append(Message.of([("Event", "CoreShowChannelsComplete"), ("EventList", "Complete")]))
    return [*lines, *waiting, Message.of([("Event", "QueueStatusComplete")])]


def _through_queue(interaction: Interaction) -> bool:
    return bool(interaction.queue_visits)


def told(found: list[e.Event]) -> list[dict[str, Any]]:
    """What must not depend on the cut."""
    interactions = fold([x for x in found if isinstance(x, e.InteractionEvent)]).values()
    return [
        {
            "direction": i.direction,
            "outcome": i.outcome,
            "customer": i.customer_address,
            "segments": [s.agent for s in i.segments],
            "queues": i.queues,
            "talk": round(i.talk_seconds),
            "ended_at": None if i.ended_at is None else round(i.ended_at, 1),
        }
        for i in sorted(interactions, key=lambda i: (i.started_at or 0.0, i.id))
    ]


def run(tracker: CallTracker, stream: list[Message]) -> list[e.Event]:
    return [event for m in stream for event in tracker.feed(m)]


def cuts(stream: list[Message], step: int = 1) -> range:
    """Before each message. (A cut within one is the same: ``test_ami_codec.py`` reads all recordings byte by byte, and
    what is not whole is no message.) With a ``step``: all kinds of moments are met, and the suite stays quick."""
    return range(2, len(stream), step)


def is_between_two_messages_of_one_step(tracker: CallTracker) -> bool:
    """Something was asked for or announced that no snapshot shows, and follows within milliseconds."""
    contacts = tracker.contacts.values()
    announced = any(c.pending or c.leave_pending or (c.abandon_seen and c.interaction.waiting_in()) for c in contacts)
    channels = tracker.topology.by_id.values()
    let_go = {c.let_go for c in contacts}
    leaving = any(c.hangup_requested or (c.unique_id in let_go and c.bridge is not None) for c in channels)
    leaving = leaving or any(leg.away and leg.channel.bridge is None for c in contacts for leg in c.legs.values())
    # The customer has gone, and the one outside whom he talked to goes now: alone he would look like a new caller.
    return announced or leaving or any(c.contact is not None and c.contact.interaction.ended for c in channels)


UNREACHED = {"busy": "not reached", "no_answer": "not reached", "failed": "not reached", "cancelled": "not reached"}


def outlines(objects: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Without what only the lost memory knew: why an outside number was not reached."""
    return sorted(
        (
            o["direction"],
            UNREACHED.get(o["outcome"], o["outcome"]) if o["direction"] == "outbound" else o["outcome"],
            o["segments"],
        )
        for o in objects
    )


@pytest.mark.parametrize("name", sorted(TRACES.keys() - CUT_ALREADY))
def test_a_cut_link_changes_nothing(name: str) -> None:
    stream = TRACES[name]
    whole = CallTracker(PROFILES[name])
    expected = told(run(whole, stream) + whole.flush())
    for at in cuts(stream):
        tracker = CallTracker(PROFILES[name])
        found = run(tracker, stream[:at])
        found += tracker.link_lost(None, "")
        found += run(tracker, snapshot_of(tracker)) + run(tracker, stream[at:]) + tracker.flush()
        assert told(found) == expected, f"cut before message {at}: {stream[at].name}"


# Who was able to take calls is not part of the snapshot of channels: a queue that ran empty looks like a time-out.
@pytest.mark.parametrize("name", sorted(TRACES.keys() - CUT_ALREADY - {"leave-empty"}))
def test_our_own_end_changes_nothing(name: str) -> None:
    stream = TRACES[name]
    whole = CallTracker(PROFILES[name])
    expected = outlines(told(run(whole, stream) + whole.flush()))
    for at in cuts(stream, 3):
        before = CallTracker(PROFILES[name])
        found = run(before, stream[:at])
        if is_between_two_messages_of_one_step(before):
            continue
        snapshot = snapshot_of(before)
        after = CallTracker(PROFILES[name])
        after.restore([copy.deepcopy(c.interaction) for c in before.contacts.values()], before.last_at)
        found += run(after, snapshot) + run(after, stream[at:]) + after.flush()
        got = outlines(told(found))
        assert got == expected, f"end before message {at}: {stream[at].name}"
