"""What holds for every stream and every way of cutting it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_gateway.ami.codec import Codec, CodecError, Message
from cti_gateway.ami.encode import EncodeError, encode_action

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.ami"))
BANNER = b"Asterisk Call Manager/11.0.0\r\n"

names = st.sampled_from(["Hangup", "VarSet", "DialBegin", "Neu", ""])
keys = st.sampled_from(["Uniqueid", "ChanVariable", "Variable", "Channel", "X"])
values = st.binary(max_size=12) | st.sampled_from(
    [b"a: b", b"", b" x", b"\xd6\xd0", b"\r", b"\n", b"\n\n", b"Event: Hangup"]
)
lines = st.builds(lambda key, gap, value: key.encode() + b":" + gap + value, keys, st.sampled_from([b"", b" "]), values)
blocks = st.builds(
    lambda first, name, rest: b"\r\n".join([first + name.encode(), *rest]) + b"\r\n\r\n",
    st.sampled_from([b"Event: ", b"Response: ", b"Other: ", b"event:", b""]),
    names,
    st.lists(lines, max_size=6),
)
noise = st.sampled_from([b"\r\n", b"\r\n\r\n", b"--END SMS EVENT--\r\n\r\n", b"\0\xff\r\n\r\n", b"\r", b"\n"])
streams = st.lists(blocks | noise | st.binary(max_size=20), max_size=8).map(lambda parts: BANNER + b"".join(parts))


def counters(codec: Codec) -> tuple[object, ...]:
    return codec.banner, codec.dropped_messages, codec.dropped_bytes, codec.noise_dropped, codec.messages


@given(streams, st.data())
@settings(max_examples=300, deadline=None)
def test_any_split_gives_the_same_messages(stream: bytes, data: st.DataObject):
    whole = Codec()
    expected = whole.feed(stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    for step in (cuts, list(range(len(stream)))):
        codec = Codec()
        found = []
        for begin, end in zip([0, *step], [*step, len(stream)], strict=True):
            found += codec.feed(stream[begin:end])
        assert found == expected
        assert counters(codec) == counters(whole)


@given(st.lists(st.binary(max_size=200), max_size=6), st.booleans())
@settings(max_examples=300, deadline=None)
def test_garbage_raises_nothing_but_its_own_error(parts: list[bytes], banner: bool):
    codec = Codec()
    try:
        for part in [BANNER, *parts] if banner else parts:
            for message in codec.feed(part):
                repr(message), message.headers(), message.duplicates, message.timestamp, message.output
                for key, _ in message.headers():
                    assert isinstance(message.get(key), str)
    except CodecError:
        assert not banner


@given(streams)
@settings(max_examples=200, deadline=None)
def test_a_search_and_the_parsed_block_agree(stream: bytes):
    for message in Codec().feed(stream):
        searched = {key: Message(message.raw).get(key, "-") for key, _ in message.headers() if key.isascii()}
        for _ in range(20):
            parsed = {key: message.get(key, "-") for key in searched}
        assert parsed == searched
        for key, value in reversed(message.headers()):
            assert not key.isascii() or value in message.get_all(key)
        for key, found in searched.items():
            assert found == next(v for k, v in message.headers() if k.lower() == key.lower())
            assert message.get_bytes(key).decode("utf-8", "replace") == found


@given(
    st.lists(st.tuples(st.sampled_from(["Channel", "Variable", "CallerID", "Note"]), st.text(max_size=40)), max_size=10)
)
@settings(max_examples=300, deadline=None)
def test_what_is_encoded_is_decoded(headers: list[tuple[str, str]]):
    try:
        sent = encode_action("Originate", headers, "id-1")
    except EncodeError:
        assert any(not value.isprintable() for _, value in headers)
        return
    codec = Codec()
    codec.feed(BANNER)
    (message,) = codec.feed(sent)
    assert message.headers() == [("Action", "Originate"), ("ActionID", "id-1"), *headers]
    assert sent.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_recorded_calls_read_whole_and_byte_by_byte(file: Path):
    data = file.read_bytes()
    whole, slow = Codec(), Codec()
    expected = whole.feed(data)
    assert expected
    assert [m for at in range(len(data)) for m in slow.feed(data[at : at + 1])] == expected
    assert counters(slow) == counters(whole)
    if "injected" not in file.name:
        assert whole.dropped_messages == 0
        assert all(m.kind != "other" and not m.duplicates for m in expected)
