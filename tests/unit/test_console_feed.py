"""The numbered messages of an agent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_console.feed import AgentFeed


def names(messages: list | None) -> list[str] | None:  # type: ignore[type-arg]
    return None if messages is None else [m.name for m in messages]


def test_prev_is_the_number_before() -> None:
    feed = AgentFeed()
    chain = [feed.append(seq, "notice", "}", 0.0) for seq in (3, 7, 8)]
    assert [(m.prev, m.seq) for m in chain] == [(0, 3), (3, 7), (7, 8)]


def test_a_number_must_grow() -> None:
    feed = AgentFeed()
    feed.append(5, "notice", "}", 0.0)
    for seq in (5, 4, 0, -1):
        with pytest.raises(ValueError, match="number"):
            feed.append(seq, "notice", "}", 0.0)


def test_resume_gives_what_came_after() -> None:
    feed = AgentFeed()
    for seq in (3, 7, 8):
        feed.append(seq, f"n{seq}", "}", 0.0)
    assert names(feed.resume(3, 0.0)) == ["n7", "n8"]
    assert names(feed.resume(8, 0.0)) == []
    for unknown in (-1, 0, 1, 4, 9, 10**30):
        assert feed.resume(unknown, 0.0) is None


def test_a_snapshot_has_a_number_too() -> None:
    feed = AgentFeed()
    feed.append(3, "a", "}", 0.0)
    assert feed.mark(5, 0.0) == 3
    feed.append(6, "b", "}", 0.0)
    assert names(feed.resume(5, 0.0)) == ["b"]
    assert names(feed.resume(3, 0.0)) == ["b"]


def test_only_so_many_are_kept() -> None:
    feed = AgentFeed(keep_messages=3)
    for seq in range(1, 6):
        feed.append(seq, f"n{seq}", "}", 0.0)
    assert names(feed.resume(2, 0.0)) == ["n3", "n4", "n5"]
    assert feed.resume(1, 0.0) is None


def test_only_so_long_are_they_kept() -> None:
    feed = AgentFeed(keep_seconds=60.0)
    feed.append(1, "a", "}", 0.0)
    feed.append(2, "b", "}", 50.0)
    assert names(feed.resume(1, 70.0)) == ["b"]
    assert feed.resume(1, 111.0) is None
    assert names(feed.resume(2, 111.0)) == []
    assert feed.resume(-1, 111.0) is None


def test_without_history_nothing_can_be_resumed() -> None:
    for after in (-1, 0, 1):
        assert AgentFeed().resume(after, 0.0) is None


@given(
    steps=st.lists(st.tuples(st.integers(1, 3), st.booleans()), max_size=60),
    keep=st.integers(1, 20),
    back=st.integers(0, 60),
)
def test_a_console_that_resumes_has_exactly_what_one_has_that_stayed(
    steps: list[tuple[int, bool]], keep: int, back: int
) -> None:
    feed, seq, all_numbers = AgentFeed(keep_messages=keep), 0, []
    for step, is_message in steps:
        seq += step
        if is_message:
            feed.append(seq, str(seq), "}", 0.0)
        else:
            feed.mark(seq, 0.0)
        all_numbers.append((seq, is_message))
    position = len(all_numbers) - 1 - back
    if position < 0:
        return
    missed = names(feed.resume(all_numbers[position][0], 0.0))
    expected = [str(number) for number, is_message in all_numbers[position + 1 :] if is_message]
    assert missed == (expected if back <= keep else None)
