"""What an agent's skills make of her memberships."""

from __future__ import annotations

import pytest

from interaction_log.events import MemberChanged
from interaction_log.records import QueueSettings
from routing.skills import Change, changes, penalty_for

TABLE = {"mandarin": {"5": 0, "3": 2, "1": 4}}
BOTH = {**TABLE, "billing": {"5": 1, "0": 9}}
PHONES = {"main": ["PJSIP/1001", "PJSIP/1101"]}


def queue(**more: object) -> QueueSettings:
    return QueueSettings(**({"name": "support", "pbx": "main", "label": "Support", "skills": TABLE} | more))  # type: ignore[arg-type]


def member(penalty: int, queue: str = "support", pbx: str = "main") -> MemberChanged:
    return MemberChanged(
        at=None,
        pbx=pbx,
        queue=queue,
        interface="PJSIP/1001",
        device="PJSIP/1001",
        member_name="Anna",
        paused=False,
        paused_reason="",
        penalty=penalty,
    )


@pytest.mark.parametrize(
    ("levels", "asked", "penalty"),
    [
        ({"mandarin": 5}, TABLE, 0),
        ({"mandarin": 3}, TABLE, 2),
        ({"mandarin": 4}, TABLE, None),  # the table leaves it out
        ({}, TABLE, None),
        ({"mandarin": 5}, BOTH, 9),
        ({"mandarin": 1, "billing": 5}, BOTH, 4),
        ({"billing": 5}, BOTH, None),
        ({"juggling": 5}, {}, 0),
    ],
)
def test_the_worst_skill_counts(levels: dict[str, int], asked: dict[str, dict[str, int]], penalty: int | None) -> None:
    assert penalty_for(levels, queue(skills=asked)) == penalty


def test_a_penalty_is_changed_only_where_it_differs() -> None:
    wanted = Change("penalty", "main", "support", "PJSIP/1001", 2)
    assert changes({"mandarin": 3}, [queue()], [member(0)], PHONES) == [wanted]
    assert changes({"mandarin": 3}, [queue()], [member(2)], PHONES) == []
    assert changes({"mandarin": 3}, [queue()], [member(0, pbx="other")], PHONES) == []


def test_members_follow_where_the_queue_says_so() -> None:
    follow = queue(skill_members=True)
    assert changes({"mandarin": 3}, [follow], [], PHONES) == [Change("add", "main", "support", "PJSIP/1001", 2)]
    assert changes({}, [follow], [member(0)], PHONES) == [Change("remove", "main", "support", "PJSIP/1001")]
    assert changes({"mandarin": 3}, [queue()], [], PHONES) == []
    assert changes({}, [queue()], [member(0)], PHONES) == []


def test_what_asks_for_nothing_or_was_decided_by_hand_is_left_alone() -> None:
    assert changes({"mandarin": 3}, [queue(skills={})], [member(7)], PHONES) == []
    assert changes({"mandarin": 3}, [queue()], [member(7)], PHONES, {("main", "support")}) == []
    assert changes({"mandarin": 3}, [queue(skill_members=True)], [], {"main": []}) == []
