"""A conversation's states, what it keeps of its lines, what is asked before it, what is said by mail."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_console.feed import AgentFeed
from cti_gateway.chat.letters import Letter, language_of, mail_of
from cti_gateway.chat.room import NEWEST, TABLE, Room, Trigger
from cti_gateway.chat.rules import form_fault, name_in
from cti_gateway.chat.speech import clean
from cti_gateway.chat.views import visitor_line
from interaction_log.chats import StoredLine
from webchat.wire import FormField


def room() -> Room:
    return Room(id="c1", visitor="v1", site="shop", pbx="", queue="web")


def line(number: int, **more: object) -> StoredLine:
    values: dict[str, object] = {"by": "visitor", "at": float(number), "kind": "text", "text": f"t{number}"} | more
    return StoredLine(conversation="c1", number=number, id=f"l{number}", **values)  # type: ignore[arg-type]


TRIGGERS: tuple[Trigger, ...] = ("offered", "offer_over", "connected", "alone", "ended")


@given(st.lists(st.sampled_from(TRIGGERS)))
def test_what_ended_stays_ended_and_every_state_is_one_of_the_table(triggers: list[Trigger]) -> None:
    one, over = room(), False
    for trigger in triggers:
        before = one.state
        moved = one.move(trigger)
        assert one.state in TABLE and moved == (one.state != before)
        assert not (over and moved)
        over = over or trigger == "ended"
        assert (one.state == "ended") == over


@given(st.permutations(range(1, 61)), st.integers(0, 1_000))
def test_lines_in_any_order_and_again_are_heard_once_and_the_newest_are_kept(order: list[int], seed: int) -> None:
    one, heard = room(), []
    again = [*order, *random.Random(seed).sample(order, 20)]
    for number in again:
        if one.keep(line(number)):
            heard.append(number)
    kept = [found.number for found in one.lines]
    assert kept == sorted(kept) and len(kept) == NEWEST and one.last == 60
    assert kept == list(range(31, 61))
    assert len([n for n in heard if n > 30]) == 30


def test_who_sees_it() -> None:
    one = room()
    one.members["anna"], one.joined["sofia"], one.asked["ben"] = None, True, None
    assert one.people == ["anna", "sofia"] and one.audience == ["anna", "sofia", "ben"]


NAME: FormField = {"code": "name", "label": {"en": "Name"}, "kind": "text", "required": True}
TOPIC: FormField = {
    "code": "topic", "label": {"en": "Topic"}, "kind": "choice", "required": False, "choices": ["order", "other"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ({"name": "Li"}, None),
        ({"name": " "}, "name"),
        ({}, "name"),
        ({"name": "Li", "topic": "order"}, None),
        ({"name": "Li", "topic": "war"}, "topic"),
    ],
)
def test_the_form(answers: dict[str, str], fault: str | None) -> None:
    assert form_fault((NAME, TOPIC), answers) == fault
    assert name_in((TOPIC,), {"name": "Li"}) is None and name_in((NAME,), {"name": " Li "}) == "Li"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("  hi\r\nthere\x07 ", "hi\nthere"),
        ("\ud800x", "x"),
        ("👩‍👩‍👧 好", "👩‍👩‍👧 好"),
        ("\t\n ", ""),
        ("a\x00b", "ab"),
    ],
)
def test_what_is_kept_of_a_text(text: str, kept: str) -> None:
    assert clean(text) == kept


def test_a_private_line_leaves_its_number_and_nothing_else() -> None:
    secret = line(3, by="agent", kind="event", text="he is rude", name="Anna", author="anna")
    shown = visitor_line(secret)
    assert shown["number"] == 3 and "rude" not in str(shown) and "Anna" not in str(shown)


def test_the_mail_has_no_line_break_in_its_headers() -> None:
    letter = Letter(
        token="chat-1", own_id="chat-1.end", queue="Shop\nBcc: x@y", language="fr", address="li@example.com", at=0.0,
        reply_to="help@shop.example",
    )  # fmt: skip
    mail = mail_of(letter, [line(1), line(2, by="system", kind="event", text="joined")], "help@shop.example")
    assert "\n" not in mail["Subject"] and mail["Bcc"] is None and "[chat-1]" in mail["Subject"]
    assert (mail["Message-ID"], mail["Reply-To"]) == ("<chat-1.end@shop.example>", "help@shop.example")
    body = mail.get_content()
    assert "You: t1" in body and "joined" not in body and language_of("zh-TW") == "zh-CN"


def test_signs_push_nothing_out_of_what_is_kept() -> None:
    feed = AgentFeed(keep_messages=3)
    feed.append(1, "chat_line", "}", 0.0)
    for seq in range(2, 100):
        assert feed.pass_over(seq, 0.0) == seq - 1
    assert feed.resume(99, 0.0) == []
    after = feed.append(100, "chat", "}", 0.0)
    assert after.prev == 99
    assert [m.seq for m in feed.resume(1, 0.0) or ()] == [100] and feed.resume(50, 0.0) is None
