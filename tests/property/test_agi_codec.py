"""The codec of FastAGI on everything a caller, a wrong port and a network can do to it."""

from __future__ import annotations

import itertools
import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from cti_gateway.agi import lines
from cti_gateway.agi.codec import (
    MAX_LINE,
    MAX_LINES,
    MAX_VALUE,
    NAME_BYTES,
    AgiError,
    Conversation,
    plain,
    set_variable,
    set_variables,
)
from tests.fakes.agi import environment, obey

HARMLESS = re.compile(r'[^"\\$`{}\[\]<>|,;\x00-\x1f\x7f]*')


def talk(*parts: bytes) -> Conversation:
    one = Conversation()
    for part in parts:
        one.receive(part)
    return one


@given(st.lists(st.integers(1, 600)))
def test_cut_anywhere_it_is_the_same(cuts: list[int]) -> None:
    data = environment("route?queue=support&pbx=lab", calleridname="李雷")
    edges = sorted({min(c, len(data)) for c in cuts} | {0, len(data)})
    one = talk(*(data[a:b] for a, b in itertools.pairwise(edges)))
    assert one.asked is not None and not one.asked.torn
    assert (one.asked.path, one.asked.query) == ("route", {"queue": "support", "pbx": "lab"})
    assert (one.asked.get("callerid"), one.asked.get("calleridname")) == ("13800138000", "李雷")


@given(st.binary(max_size=400))
def test_whatever_a_number_smuggles_the_question_stays_the_dialplans(smuggled: bytes) -> None:
    data = environment().replace(b"13800138000", smuggled)
    one = talk(data)
    assert one.asked is not None
    assert (one.asked.path, one.asked.query) == ("route", {"queue": "support"})
    assert one.asked.get("uniqueid") == "1795293080.1"
    if not one.asked.torn:
        assert one.asked.get("extension") == "820"
    question = lines.question_of(one.asked, 1, 0.0)
    assert question is not None and question.queue == "support"
    for name, value in lines.default_answer(one.asked):
        assert (name, value) in {("CALLWEAVE_RESULT", "default"), ("CALLWEAVE_QUEUE", "support")}


@pytest.mark.parametrize(
    "number",
    [
        "1\nagi_extension: 999",
        "1\r\nagi_network_script: route?queue=evil",
        "1\n\n200 result=1\nHANGUP",
        "1\nagi_context",
        "1\n",
    ],
)
def test_a_torn_environment_is_noticed(number: str) -> None:
    one = talk(environment(callerid=number))
    assert one.asked is not None and one.asked.torn
    assert one.asked.get("callerid") == one.asked.get("extension") == ""


@given(st.text(), st.integers(4, 200))
def test_plain_text_is_plain_and_short(text: str, most: int) -> None:
    made = plain(text, most)
    assert HARMLESS.fullmatch(made) and made.isprintable() and len(made.encode()) <= most
    command = set_variable("CALLWEAVE_QUEUE", text)
    assert command.count(b"\n") == 1 and command.count(b'"') == 2 and len(command) < 320


@given(st.lists(st.tuples(st.sampled_from(["CALLWEAVE_A", "__CALLWEAVE_B", "CALLERID(name)"]), st.text()), max_size=20))
def test_all_at_once_is_the_same_as_one_by_one(pairs: list[tuple[str, str]]) -> None:
    found: dict[str, str] = {}
    for command in set_variables(pairs):
        assert len(command) < 2_000 and command.count(b"\n") == 1 and obey(command.decode(), found)
    assert found.keys() == dict(pairs).keys()
    for name, value in dict(pairs).items():
        most = NAME_BYTES if "(" in name else MAX_VALUE
        assert (
            found[name].split() == plain(value, most).translate(str.maketrans("()", "  ") if most > 80 else {}).split()
        )


@pytest.mark.parametrize("name", ["QUEUE_PRIO", "CALLWEAVE_X Y", "CALLWEAVE_A\n", "SHELL(id)", "", "CALLERID(all)"])
def test_other_variables_are_not_set(name: str) -> None:
    with pytest.raises(AgiError):
        set_variable(name, "x")


@given(st.binary(max_size=2000))
def test_garbage_does_no_more_than_end_the_call(data: bytes) -> None:
    one = Conversation()
    try:
        one.receive(data)
        one.receive(environment())
    except AgiError:
        return
    if one.asked is not None:
        one.answer([b"a\n", b"b\n"])


def test_limits() -> None:
    for data in (b"a" * (MAX_LINE + 1), b"agi_a: b\n" * (MAX_LINES + 1), b"agi_a: " + b"x" * MAX_LINE + b"\n"):
        with pytest.raises(AgiError):
            Conversation().receive(data)
    one = talk(environment())
    one.answer([b"a\n"])
    with pytest.raises(AgiError):
        one.receive(b"520-usage\n" * 1000)


def test_one_command_after_the_other_and_what_is_refused_is_noted() -> None:
    one = talk(environment())
    assert one.answer([b"one\n", b"two\n", b"three\n", b"four\n"]) == b"one\n"
    assert one.receive(b"200 result=1\n") == b"two\n"
    assert one.receive(b"520-Invalid command syntax.  Proper usage follows:\nUsage: SET\n") == b""
    assert one.receive(b"520 End of proper usage.\n") == b"three\n"
    assert one.receive(b"510 Invalid or unknown command\n") == b"four\n"
    assert not one.over
    assert one.receive(b"511 Command Not Permitted on a dead channel\n") == b""
    assert one.over and one.refused == [520, 510, 511]


def test_a_hang_up_ends_it_before_and_after_the_answer() -> None:
    for answered in (False, True):
        one = talk(environment())
        if answered:
            one.answer([b"a\n", b"b\n"])
        one.receive(b"HANGUP\n200 result=1\n")
        assert one.over and one.hung_up
    with pytest.raises(AgiError):
        Conversation().answer([])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_lines_of_the_socket_are_questions_or_refused(value: object) -> None:
    import json

    try:
        data = lines.decode(json.dumps(value).encode())
    except lines.LineError:
        return
    for read in (lines.question_from, lines.variables_from):
        try:
            read(data)
        except lines.LineError:
            continue


def test_a_question_survives_the_socket() -> None:
    asked = talk(environment("callback?queue=support&pbx=lab")).asked
    assert asked is not None
    question = lines.question_of(asked, 7, 12.5)
    assert question is not None and question.kind == "callback"
    assert lines.question_from(lines.decode(lines.encode(question))) == question
    assert lines.question_of(talk(environment("nonsense")).asked or asked, 1, 1.0) is None
