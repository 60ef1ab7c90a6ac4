"""Our reading of recorded calls beside that of pyst2 and asterisk-ami, which share no line with it.

Where they differ, it is known why: both let the last of two equal headers win, which is what a caller who smuggles
headers into a block counts on; we let the first win.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from asterisk.ami import Event as AsteriskAmiEvent
from asterisk.manager import ManagerMsg

from cti_gateway.ami.codec import Codec, Message

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.ami"))
# Where str.splitlines of asterisk-ami sees a line end and AMI does not.
OTHER_LINE_ENDS = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


def events(file: Path) -> list[Message]:
    return [m for m in Codec(drop=()).feed(file.read_bytes()) if m.kind == "event"]


def comparable(message: Message) -> dict[str, str]:
    """Headers that all three can give back: not repeated, and without line ends of their own."""
    pairs = [(key, value) for key, value in message.headers() if "Variable" not in key]
    keys = [key for key, _ in pairs]
    return {k: v.strip() for k, v in pairs if keys.count(k) == 1 and not OTHER_LINE_ENDS.search(v) and v.strip()}


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_asterisk_ami_reads_the_same(file: Path):
    for message in events(file):
        theirs = AsteriskAmiEvent.read(message.raw.decode("utf-8", "replace"))
        found = {key: value.strip() for key, value in theirs.keys.items() if isinstance(value, str)}
        ours = comparable(message)
        assert ours.pop("Event", theirs.name) == theirs.name
        assert {key: found.get(key) for key in ours} == ours


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_pyst2_reads_the_same(file: Path):
    for message in events(file):
        if "ChanVariable" in message:
            continue  # pyst2 0.5.1 calls dict.has_key there
        lines = [line + "\r\n" for line in message.raw.decode("utf-8", "ignore").split("\r\n")]
        theirs = ManagerMsg(lines).headers
        ours = {key: value for key, value in comparable(message).items() if "\ufffd" not in value}
        assert {key: theirs.get(key) for key in ours} == ours


def test_they_see_a_hangup_where_a_caller_wrote_one():
    raw = b"Event: Newchannel\r\nCallerIDNum: 1\r\nEvent: Hangup\r\nUniqueid: 1.2"
    text = raw.decode()
    assert ManagerMsg([line + "\r\n" for line in text.split("\r\n")]).headers["Event"] == "Hangup"
    assert AsteriskAmiEvent.read(text).keys["Event"] == "Hangup"
    ours = Message(raw)
    assert (ours.name, ours.get("Event"), ours.duplicates) == ("Newchannel", "Newchannel", ["Event"])
