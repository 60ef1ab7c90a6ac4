"""The encoder refuses whatever Asterisk would take for something else."""

from __future__ import annotations

import pytest

from cti_gateway.ami.encode import MAX_HEADERS, MAX_LINE, EncodeError, encode_action


def test_bytes_of_an_action():
    assert (
        encode_action("Ping", [("Note", "Zoë 王")], "a-1")
        == "Action: Ping\r\nActionID: a-1\r\nNote: Zoë 王\r\n\r\n".encode()
    )


@pytest.mark.parametrize("sign", ["\r\n", "\n", "\r", "\0", "\x1b", "\x7f", "\x85", "\u2028", "\u2029", "\ud800"])
def test_control_characters(sign: str):
    for name, headers, action_id, field in [
        ("Originate", [("Channel", f"x{sign}Action: Ping")], "1", "Channel"),
        (f"Pi{sign}ng", [], "1", "Action"),
        ("Ping", [], f"1{sign}", "ActionID"),
        ("Ping", [(f"A{sign}", "hush")], "1", "header name"),
    ]:
        with pytest.raises(EncodeError) as refused:
            encode_action(name, headers, action_id)
        assert refused.value.field == field
        assert sign not in str(refused.value)


def test_text_of_all_writings_passes():
    for value in ("", "a: b", "=1+1;x", "\u00a0", "🙂", "\u200b", "نص"):
        assert f"V: {value}\r\n".encode() in encode_action("UserEvent", [("V", value)], "1")


def test_line_and_header_limits():
    room = MAX_LINE - len("Secret: \r\n")
    assert encode_action("Login", [("Secret", "s" * room)], "1")
    with pytest.raises(EncodeError, match=r"^Secret: is longer than 1024 bytes a line$"):
        encode_action("Login", [("Secret", "s" * (room + 1))], "1")
    with pytest.raises(EncodeError):
        encode_action("Login", [("Secret", "é" * (room // 2 + 1))], "1")
    assert encode_action("X", [("Variable", "a=1")] * (MAX_HEADERS - 2), "1").count(b"\r\n") == MAX_HEADERS + 1
    with pytest.raises(EncodeError, match="Variable"):
        encode_action("X", [("Variable", "a=1")] * (MAX_HEADERS - 1), "1")


@pytest.mark.parametrize("name", ["", "a b", "a:", "ключ", "-a", "a" * 65])
def test_header_names(name: str):
    with pytest.raises(EncodeError, match="header name"):
        encode_action("X", [(name, "v")], "1")


def test_nothing_twice_nothing_empty():
    for name, headers, action_id in [
        ("X", [("actionid", "2")], "1"),
        ("X", [("ACTION", "Y")], "1"),
        ("", [], "1"),
        ("X", [], ""),
    ]:
        with pytest.raises(EncodeError):
            encode_action(name, headers, action_id)
