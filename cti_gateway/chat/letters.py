"""The conversation as a mail, in the visitor's language. Pure but for the sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate
from typing import Final, Literal

from agent_console.chats import is_private
from cti_gateway.mail_outbox import Send
from cti_gateway.schedules import MailServer
from email_channel.compose import domain_of
from interaction_log.chats import StoredLine

Language = Literal["en", "zh-CN"]

TEXTS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "subject": "Your conversation with {queue} [{token}]",
        "begin": "This is the conversation that you had on our site on {day}.",
        "go_on": "You can go on by answering this mail; please leave the subject as it is.",
        "you": "You",
        "file": "File: {name}",
        "system": "—",
        "end": "You get this mail because this address was given in the chat.",
    },
    "zh-CN": {
        "subject": "您与{queue}的对话记录 [{token}]",
        "begin": "以下是您于 {day} 在我们网站上的对话记录。",
        "go_on": "您可以直接回复本邮件继续沟通；请保留邮件主题。",
        "you": "您",
        "file": "文件：{name}",
        "system": "——",
        "end": "您收到本邮件，是因为有人在对话中填写了此邮箱地址。",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is written into one mail. ``at``: Unix seconds of the conversation's begin. ``token``: by which an answer
    finds its conversation; ``own_id`` begins the ``Message-ID``. ``reply_to``: where answers are read."""

    token: str
    own_id: str
    queue: str
    language: str
    address: str
    at: float
    reply_to: str


def language_of(tag: str) -> Language:
    """The nearest language that there is a text in."""
    return "zh-CN" if tag.lower().startswith("zh") else "en"


def text_of(letter: Letter, lines: Sequence[StoredLine]) -> str:
    """The body. What colleagues wrote to each other is not in it, nor what only the screen shows."""
    words = TEXTS[language_of(letter.language)]
    day = datetime.fromtimestamp(letter.at, UTC).strftime("%Y-%m-%d")
    said = [_line(words, one) for one in lines if not is_private(one) and one.kind != "event"]
    parts = [words["begin"].format(day=day), *((words["go_on"],) if letter.reply_to else ()), "\n".join(said)]
    return "\n\n".join([*parts, words["end"]]) + "\n"


def _line(words: dict[str, str], line: StoredLine) -> str:
    who = words["you"] if line.by == "visitor" else line.name or words["system"]
    clock = datetime.fromtimestamp(line.at, UTC).strftime("%H:%M")
    text = words["file"].format(name=line.file.name) if line.file is not None else line.text
    return f"[{clock} UTC] {who}: {text}"


def mail_of(letter: Letter, lines: Sequence[StoredLine], sender: str) -> EmailMessage:
    """The mail. Raises ``ValueError`` for an address that is none."""
    words = TEXTS[language_of(letter.language)]
    mail = EmailMessage()
    queue = " ".join(letter.queue.split())
    mail["From"], mail["To"] = sender, letter.address
    mail["Subject"] = words["subject"].format(queue=queue, token=letter.token)
    mail["Message-ID"], mail["Date"] = f"<{letter.own_id}@{domain_of(sender)}>", formatdate()
    mail["Auto-Submitted"] = "auto-generated"
    if letter.reply_to:
        mail["Reply-To"] = letter.reply_to
    mail.set_content(text_of(letter, lines))
    return mail


def sending(server: MailServer) -> Send:
    """By SMTP; raises what went wrong."""

    return server.take
