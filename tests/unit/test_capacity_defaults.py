"""What docs/routing.md says of the defaults of ``[agents.capacity]`` is what they do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.settings import Settings
from cti_gateway.composition.rules import capacity
from interaction_log.events import Channel

PAGE = (Path(__file__).parents[2] / "docs" / "routing.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| ((?:nothing|\d|a call).*?) \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.M)
WORDS: dict[str, Channel] = {"chat": "chat", "mail": "email", "call": "voice"}


def made(**table: object) -> Settings:
    return Settings.model_validate({"agents": {"capacity": table}})


def in_hand(words: str) -> list[Channel]:
    """``1 chat and 2 mails``."""
    found = re.findall(r"(\d|a) (chat|mail|call)", words)
    return [WORDS[what] for count, what in found for _ in range(1 if count == "a" else int(count))]


def test_the_table_is_there() -> None:
    assert [row[0] for row in ROWS] == [
        "nothing", "1 chat", "2 chats", "3 chats", "1 mail", "2 mails", "1 chat and 1 mail", "a call",
    ]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_of_the_table(row: tuple[str, str, str, str]) -> None:
    rule = capacity(made())
    channels: list[Channel] = ["voice", "chat", "email"]
    for channel, said in zip(channels, row[1:], strict=True):
        assert rule.room_for(channel, in_hand(row[0])) == said.strip("*").startswith("yes"), (row[0], channel)


def test_how_to_have_it_otherwise() -> None:
    """Each line of the second table."""
    assert capacity(made(call_interrupts=["email", "chat"])).room_for("voice", ["chat"] * 3)
    beside = capacity(made(voice=60, chat=40))
    assert beside.room_for("voice", ["chat"]) and beside.room_for("chat", ["voice"])
    assert not beside.room_for("chat", ["voice", "chat"])
    most_one = capacity(made(voice=67))
    assert most_one.room_for("voice", ["chat"]) and not most_one.room_for("voice", ["chat"] * 2)
    five = capacity(made(chat=20))
    assert five.room_for("chat", ["chat"] * 4) and not five.room_for("chat", ["chat"] * 5)
    alone = capacity(made(chat=100))
    assert alone.room_for("chat", []) and not alone.room_for("chat", ["email"])
    between = capacity(made(interrupts={"chat": ["email"]}))
    assert between.room_for("chat", ["email", "email"])
    assert capacity(made(wrap_up="weight")).wrap_up == "weight" and capacity(made()).wrap_up == "everything"
