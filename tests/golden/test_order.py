"""Orders that a real Asterisk sent besides those in the recordings: what is told must not depend on them."""

from __future__ import annotations

import pytest

from cti_gateway.replay import interactions
from tests.golden.story import Story

END = b"\r\n\r\n"


def later(data: bytes, event: str, *, behind: str, times: int) -> bytes:
    """The stream with the only block of ``event`` behind the ``times``-th block of another kind that follows it."""
    blocks = data.split(END)
    (at,) = (n for n, block in enumerate(blocks) if block.startswith(f"Event: {event}\r\n".encode()))
    following = [n for n in range(at, len(blocks)) if blocks[n].startswith(f"Event: {behind}\r\n".encode())]
    blocks.insert(following[times - 1], blocks.pop(at))
    return END.join(blocks)


@pytest.mark.parametrize("name", ["park-and-retrieve", "park-action-and-retrieve", "v16-park-and-retrieve"])
def test_a_call_retrieved_by_who_parked_it_when_both_are_in_their_bridge_already(name: str) -> None:
    """``UnParkedCall`` after the two ``BridgeEnter``: seen on 22.10, one retrieval of eight."""
    story = Story(name)
    (data,) = story.variants["main"]
    ((told,), _) = interactions([data], story.configured)
    parker, other = (segment["agent"] for segment in told["segments"])
    hers = later(data, "UnParkedCall", behind="BridgeEnter", times=2).replace(other.encode(), parker.encode())
    ((got,), _) = interactions([hers], story.configured)
    assert [one["agent"] for one in got["segments"]] == [parker, parker]
    assert got["talk_seconds"] == pytest.approx(told["talk_seconds"], abs=0.01)
