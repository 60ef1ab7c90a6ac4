"""The codec on what a PBX, a caller and a wrong port can send."""

from __future__ import annotations

import tracemalloc

import pytest

from cti_gateway.ami.codec import MAX_HEADERS, MAX_LINE, MAX_MESSAGE, Codec, CodecError, Message

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
NEXT = b"Event: Next\r\nKey: value\r\n\r\n"


def read(*parts: bytes, drop: frozenset[str] = frozenset()) -> tuple[Codec, list[Message]]:
    codec = Codec(drop)
    found = codec.feed(BANNER)
    for part in parts:
        found += codec.feed(part)
    return codec, found


def one(block: bytes) -> Message:
    _, found = read(block + b"\r\n\r\n" + NEXT)
    assert [m.name for m in found[1:]] == ["Next"]
    return found[0]


def test_banner_and_version():
    codec, found = read()
    assert (codec.banner, codec.version, found) == ("Asterisk Call Manager/11.0.0", "11.0.0", [])


def test_event_and_response():
    event = one(b"Event: Hangup\r\nPrivilege: call,all\r\nTimestamp: 1795293080.157000\r\nCause: 16")
    assert (event.kind, event.name, event.get("cause"), event.timestamp) == ("event", "Hangup", "16", 1795293080.157)
    response = one(b"Response: Success\r\nActionID: 7\r\nMessage: Pong")
    assert (response.kind, response.name, response.action_id) == ("response", "Success", "7")
    assert response.timestamp is None


def test_header_names_have_no_case():
    event = one(b"event: Hangup\r\nLINKEDID: 1.2")
    assert (event.kind, event.name, event.get("Linkedid"), "linkedID" in event) == ("event", "Hangup", "1.2", True)


@pytest.mark.parametrize("asked", [1, 20])
def test_values(asked: int):
    event = one(b"Event: X\r\nA: one: two\r\nB:three\r\nC:\r\nD: \r\nE:  two blanks\r\nno header\r\nF: a\nb\r\nAB: x:y")
    for _ in range(asked):  # the first answers come from a search, later ones from the parsed block
        got = [event.get(key, "-") for key in ("A", "B", "C", "D", "E", "F", "AB", "no header", "G")]
    assert got == ["one: two", "three", "", "", " two blanks", "a\nb", "x:y", "-", "-"]
    assert ("B", "three") in event.headers()
    assert all(key != "no header" for key, _ in event.headers())


@pytest.mark.parametrize("raw", [b"\xd6\xd0", b"\xff", b"caf\xc3", "王".encode()[:2], b"\xe7\x8e\xed\xa0\x80"])
def test_n1_bytes_that_are_no_utf8_survive(raw: bytes):
    event = one(b"Event: Newchannel\r\nCallerIDName: " + raw + b"\r\nUniqueid: 1.2")
    assert event.get_bytes("CallerIDName") == raw
    assert "\ufffd" in event.get("CallerIDName")
    assert event.get("Uniqueid") == "1.2"
    assert dict(event.headers())["CallerIDName"] == event.get("CallerIDName")


def test_n2_long_lines_up_to_the_limit_are_kept():
    for size in (20_000, MAX_LINE - 5):
        assert len(one(b"Event: X\r\nA: " + b"v" * size).get("A")) == size


@pytest.mark.parametrize("step", [1 << 20, 65_536, 4_099])
@pytest.mark.parametrize("size", [MAX_LINE, MAX_MESSAGE + 1, 5 << 20])
def test_n2_longer_lines_are_dropped_and_counted(size: int, step: int):
    block = b"Event: X\r\nA: " + b"v" * size
    stream = NEXT + block + b"\r\n\r\n" + NEXT
    codec, found = read(*(stream[i : i + step] for i in range(0, len(stream), step)))
    assert [m.name for m in found] == ["Next", "Next"]
    assert (codec.dropped_messages, codec.dropped_bytes, codec.oversized_lines) == (1, len(block), 1)


def test_n2_a_line_without_end_holds_less_than_2_mb():
    codec, _ = read()
    part = b"v" * 65_536
    tracemalloc.start()
    for _ in range(160):
        codec.feed(part)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 2_000_000
    assert peak < 6_000_000
    assert [m.name for m in codec.feed(b"\r\n\r\n" + NEXT)] == ["Next"]
    assert codec.oversized_lines == 1


def test_n3_many_headers():
    assert len(one(b"Event: X" + b"\r\nVariable: a=1" * 5_000).get_all("Variable")) == 5_000
    codec, found = read(b"Event: X" + b"\r\nVariable: a=1" * MAX_HEADERS + b"\r\n\r\n" + NEXT)
    assert [m.name for m in found] == ["Next"]
    assert (codec.dropped_messages, codec.oversized_lines) == (1, 0)


def test_n4_blocks_that_are_no_messages():
    codec, found = read(b"--END SMS EVENT--\r\n\r\n" + NEXT, b"\r\n", NEXT, b"\x00\x01\xff\r\n\r\n" + NEXT)
    assert [m.name for m in found] == ["Next"] * 3
    assert codec.dropped_messages == 2


def test_empty_blocks_are_skipped():
    codec, found = read(b"Event: TestEvent\r\nA: b\r\n\r\n\r\n" + NEXT, b"\r\n\r\n\r\n\r\n", NEXT)
    assert [m.name for m in found] == ["TestEvent", "Next", "Next"]
    assert codec.dropped_messages == 0


def test_n5_repeated_headers_are_kept():
    event = one(
        b"Event: X\r\nChanVariable: a=1\r\nChanVariable: b=2\r\nVariable: c\r\nDestChanVariable: d\r\nVariable: e"
    )
    assert event.get_all("chanvariable") == ["a=1", "b=2"]
    assert event.get_all("Variable") == ["c", "e"]
    assert event.get("ChanVariable") == "a=1"
    assert event.get_all("Missing") == []
    assert event.duplicates == []


def test_smuggled_headers_lose_and_show():
    event = one(
        b"Event: Newchannel\r\nCallerIDNum: 1\r\nEvent: Hangup\r\nUniqueid: 9.9\r\nCallerIDName: x\r\nUniqueid: 1.2"
    )
    assert event.name == "Newchannel"
    assert event.get("Event") == "Newchannel"
    assert event.duplicates == ["Event", "Uniqueid"]
    torn = one(b"ConnectedLineNum: 2\r\nEvent: Hangup\r\nUniqueid: 1.2")
    assert (torn.kind, torn.name) == ("other", "")


def test_n7_unknown_events_pass():
    assert one(b"Event: BrandNewThing\r\nNewField: 1").name == "BrandNewThing"
    assert one(b"Event:\r\nA: b").name == ""


def test_noise_is_counted_and_not_handed_out():
    block = b"Event: VarSet\r\nVariable: x\r\n\r\n"
    codec, found = read(block + NEXT + block, b"event:VarSet\r\nVariable: x\r\n\r\n", drop=frozenset({"VarSet"}))
    assert [m.name for m in found] == ["Next"]
    assert (codec.noise_dropped, codec.dropped_messages) == (3, 0)


def test_command_output_both_styles():
    new = one(
        b"Response: Success\r\nActionID: 1\r\nMessage: Command output follows\r\nOutput: a: b\r\nOutput: \r\nOutput: c"
    )
    assert new.output == ["a: b", "", "c"]
    old = one(b"Response: Follows\r\nPrivilege: Command\r\nActionID: 1\r\na: b\n\nMessage: c\n--END COMMAND--")
    assert old.output == ["a: b", "", "Message: c"]
    assert old.action_id == "1"


@pytest.mark.parametrize(
    "first",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\r\n",
        b"\x16\x03\x01\n",
        b"x" * 300,
        b"Server: y\r\n",
    ],
)
@pytest.mark.parametrize("step", [1, 1000])
def test_n11_another_service_on_the_port(first: bytes, step: int):
    codec = Codec()
    with pytest.raises(CodecError, match="no Asterisk manager interface"):
        for i in range(0, len(first), step):
            codec.feed(first[i : i + step])


def test_a_recording_without_banner():
    codec = Codec()
    assert [m.name for m in codec.feed(NEXT)] == ["Next"]
    assert codec.banner is None


def test_a_recording_whose_line_ends_were_converted():
    codec = Codec()
    found = codec.feed((BANNER + NEXT + NEXT).replace(b"\r\n", b"\n"))
    assert [(m.name, m.get("Key")) for m in found] == [("Next", "value")] * 2


def test_message_of_refuses_what_would_not_come_back():
    assert Message.of([("Event", "X"), ("A", " b")]).get("A") == " b"
    for pair in (("A", "x\r\ny"), ("A:", "x"), ("", "x"), ("A\n", "x")):
        with pytest.raises(ValueError, match="not a header"):
            Message.of([("Event", "X"), pair])


@pytest.mark.parametrize("value", [b"nan", b"inf", b"", b"yesterday"])
def test_odd_timestamps(value: bytes):
    assert one(b"Event: X\r\nTimestamp: " + value).timestamp is None


def test_repr_shows_no_values():
    assert repr(one(b"Event: X\r\nSecret: abc")) == "<Message event 'X' 21 bytes>"


def test_noise_that_a_caller_cut_in_two_is_handed_out_so_that_its_rest_is_known():
    codec = Codec()
    whole = b"Event: VarSet\r\nPrivilege: all\r\nCallerIDNum: 139\r\nCallerIDName: x\r\nValue: b\r\n\r\n"
    torn = b"Event: VarSet\r\nPrivilege: dialplan,all\r\nCallerIDNum: 139\r\n\r\n"
    found = codec.feed(BANNER + whole + torn + b"Event: Hangup\r\nChannel: PJSIP/1001-1\r\nUniqueid: 1.1\r\n\r\n")
    assert [message.name for message in found] == ["VarSet", "Hangup"]
    assert codec.noise_dropped == 1


def test_a_name_spelled_as_asked_for_goes_before_another_spelling():
    event = one(b"Event: X\r\nuniqueid: forged\r\nUniqueid: 1.2")
    assert (event.get("Uniqueid"), event.get_bytes("Uniqueid"), event.get("UNIQUEID")) == ("1.2", b"1.2", "forged")
