"""``cti replay``: recorded AMI byte streams in, interactions out, through stops 2 and 3, without any network."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from cti_gateway.ami.codec import NOISE, Codec, CodecError, Message
from cti_gateway.calls import CallTracker, PbxProfile
from interaction_log import events as e

CHUNK = 1 << 16


def messages(data: bytes) -> Iterator[Message]:
    """The messages of one recorded segment; raises ``CodecError`` when it is no AMI stream."""
    codec = Codec(NOISE - {"VarSet"})  # it may name the file of a recording
    for start in range(0, len(data), CHUNK):
        yield from codec.feed(data[start : start + CHUNK])
    if codec.banner is None and not codec.messages:
        raise CodecError("no AMI stream: the banner 'Asterisk Call Manager/…' is missing")


def replay(segments: Iterable[bytes], profile: PbxProfile) -> tuple[CallTracker, list[e.Event]]:
    """All segments of one recording in order; between two of them the link was lost."""
    streams = [list(messages(data)) for data in segments]
    tracker = CallTracker(profile)
    for message in (m for stream in streams for m in stream):
        if message.name in ("QueueMember", "AgentCalled", "QueueMemberStatus"):
            tracker.parties.learn((message.get("StateInterface"), message.get("Interface")))
    found: list[e.Event] = []
    for index, stream in enumerate(streams):
        if index:
            found += tracker.link_lost(None, "")
        for message in stream:
            found += tracker.feed(message)
        found += tracker.flush()
    return tracker, found


def interactions(segments: Iterable[bytes], profile: PbxProfile) -> tuple[list[dict[str, Any]], CallTracker]:
    """The public objects (DESIGN 6.1), in order of start."""
    tracker, found = replay(segments, profile)
    known: dict[str, Any] = {}
    for event in found:
        if isinstance(event, e.InteractionEvent) and event.interaction_id not in known:
            known[event.interaction_id] = tracker.interactions[event.interaction_id]
    ordered = sorted(known.values(), key=lambda i: (i.started_at is None, i.started_at or 0.0))
    return [i.public() for i in ordered], tracker


def run(files: Iterable[Path], profile: PbxProfile, out: TextIO = sys.stdout, err: TextIO = sys.stderr) -> int:
    """Print one JSON object a line. 0, or 2 with a plain message for a file that is no AMI stream."""
    segments = []
    for path in files:
        try:
            data = path.read_bytes()
            for _ in messages(data):
                break
        except OSError as error:
            print(f"cti replay: {path}: {error.strerror}", file=err)
            return 2
        except CodecError as error:
            print(f"cti replay: {path}: {error}", file=err)
            return 2
        segments.append(data)
    try:
        objects, tracker = interactions(segments, profile)
    except CodecError as error:
        print(f"cti replay: {error}", file=err)
        return 2
    for item in objects:
        print(json.dumps(item, ensure_ascii=False), file=out)
    if tracker.suspicious:
        print(f"cti replay: {tracker.suspicious} blocks did not fit any known channel and were not believed", file=err)
    return 0
