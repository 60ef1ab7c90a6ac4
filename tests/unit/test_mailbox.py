"""Messages in Asterisk's voicemail folder: found by the caller's channel, and again wherever they were moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_console.mailbox import audio, find, parse

TEXT = """;
; Message Information file
;
[message]
origmailbox=500
context=from-pstn
exten=809
rdnis=unknown
priority=2
callerchan={channel}
callerid={caller}
origdate=Sun Nov 22 01:32:26 AM UTC 2026
origtime={at}
category=
msg_id={pbx_id}
flag=
duration=4
"""
AT = 1_795_311_146


def put(folder: Path, place: str, channel: str = "PJSIP/pstn-00000000", at: int = AT, pbx_id: str = "") -> None:
    """A message as Asterisk writes it."""
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    text = TEXT.format(channel=channel, caller="13800138000", at=at, pbx_id=pbx_id or f"{at}-00000000")
    path.with_suffix(".txt").write_text(text)
    path.with_suffix(".wav").write_bytes(b"RIFF")


def test_a_message_is_found_by_its_channel(tmp_path: Path) -> None:
    put(tmp_path, "default/500/INBOX/msg0000")
    put(tmp_path, "default/500/INBOX/msg0001", "PJSIP/pstn-00000001", AT + 9)
    put(tmp_path, "default/501/INBOX/msg0000", "PJSIP/pstn-00000002", AT + 9)
    found = find(tmp_path, "500@default", "PJSIP/pstn-00000000", AT - 3)
    assert found is not None
    assert (found.name, found.pbx_id, found.seconds) == ("default/500/INBOX/msg0000", f"{AT}-00000000", 4.0)
    assert find(tmp_path, "500@default", "PJSIP/pstn-00000002", AT) is None


def test_after_a_restart_of_the_pbx_the_newer_of_two_with_one_name_is_meant(tmp_path: Path) -> None:
    put(tmp_path, "default/500/INBOX/msg0000", at=AT - 86_400)
    assert find(tmp_path, "500@default", "PJSIP/pstn-00000000", AT - 3) is None
    put(tmp_path, "default/500/INBOX/msg0001")
    found = find(tmp_path, "500@default", "PJSIP/pstn-00000000", AT - 3)
    assert found is not None and found.name.endswith("msg0001")


@pytest.mark.parametrize(
    "mailbox", ["500", "@default", "../500@default", "500@..", "a/b@default", "500@a/b", ".@default", "5\n@default", ""]
)
def test_what_is_no_mailbox_is_not_looked_for(tmp_path: Path, mailbox: str) -> None:
    put(tmp_path, "default/500/INBOX/msg0000")
    assert find(tmp_path, mailbox, "PJSIP/pstn-00000000", 0.0) is None
    assert audio(tmp_path, mailbox, "default/500/INBOX/msg0000", f"{AT}-00000000") is None


def test_the_sound_is_found_where_the_message_was_moved(tmp_path: Path) -> None:
    put(tmp_path, "default/500/INBOX/msg0003", pbx_id="mine")
    assert audio(tmp_path, "500@default", "default/500/INBOX/msg0003", "mine") == "default/500/INBOX/msg0003.wav"
    put(tmp_path, "default/500/INBOX/msg0003", pbx_id="another")  # renumbered: this one took its name
    put(tmp_path, "default/500/Old/msg0000", pbx_id="mine")
    assert audio(tmp_path, "500@default", "default/500/INBOX/msg0003", "mine") == "default/500/Old/msg0000.wav"
    assert audio(tmp_path, "500@default", "default/500/INBOX/msg0003", "gone") is None


def test_the_sound_of_another_mailbox_is_never_given(tmp_path: Path) -> None:
    put(tmp_path, "default/501/INBOX/msg0000", pbx_id="theirs")
    assert audio(tmp_path, "500@default", "default/501/INBOX/msg0000", "theirs") is None
    assert audio(tmp_path, "500@default", "default/500/../501/INBOX/msg0000", "theirs") is None


def test_a_link_is_no_sound(tmp_path: Path) -> None:
    put(tmp_path, "default/500/INBOX/msg0000", pbx_id="mine")
    sound = tmp_path / "default/500/INBOX/msg0000.wav"
    sound.unlink()
    sound.symlink_to("/etc/passwd")
    assert audio(tmp_path, "500@default", "default/500/INBOX/msg0000", "mine") is None


def test_what_a_caller_writes_into_his_name_is_not_believed() -> None:
    lies = "x\nmsg_id=evil\ncallerchan=PJSIP/b\norigtime=9\nduration=9999"
    one = parse("m", TEXT.format(channel="PJSIP/a", caller=lies, at=AT, pbx_id="right"))
    assert one is not None
    assert (one.channel, one.pbx_id, one.at, one.seconds) == ("PJSIP/a", "right", AT, 4.0)


@pytest.mark.parametrize("text", ["", "origtime=1", "callerchan=a\norigtime=x", "callerchan=a\norigtime=١٢", "\0"])
def test_a_text_that_says_nothing(text: str) -> None:
    assert parse("m", text) is None
