"""An agent's answer as a mail that stands in the right thread. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from typing import Final

MOST_REFERENCES: Final = 20
"""Of the thread's ids: the first and the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One mail. ``own_id`` without brackets and domain; ``answers``: the Message-IDs of the thread, the oldest first.

    ``token`` stands in the subject too, for programs that forget the thread. ``at``: Unix seconds.
    """

    sender: str
    address: str
    subject: str
    token: str
    own_id: str
    answers: Sequence[str]
    text: str
    name: str
    at: float


def mail_of(answer: Answer) -> EmailMessage:
    """The mail. Raises ``ValueError`` for an address that is none."""
    mail = EmailMessage()
    mail["From"] = sender_of(answer.name, answer.sender)
    mail["To"] = answer.address
    mail["Subject"] = subject_of(answer.subject, answer.token)
    mail["Message-ID"] = f"<{answer.own_id}@{domain_of(answer.sender)}>"
    mail["Date"] = format_datetime(datetime.fromtimestamp(answer.at, UTC))
    mail["Reply-To"] = answer.sender
    known = [one for one in answer.answers if one.isascii()]
    if known:
        mail["In-Reply-To"] = known[-1]
        shown = known if len(known) <= MOST_REFERENCES else [known[0], *known[1 - MOST_REFERENCES :]]
        mail["References"] = " ".join(shown)
    mail.set_content(answer.text + "\n")
    return mail


def sender_of(name: str, address: str) -> str:
    """For From."""
    return formataddr((name, address)) if name else address


def subject_of(subject: str, token: str) -> str:
    """``Re:`` once, and the token once."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in subject).split())[:300]
    answered = plain if plain[:3].lower() == "re:" else f"Re: {plain}".rstrip()
    return answered if token in answered.lower() else f"{answered} [{token}]"


def domain_of(address: str) -> str:
    """What is behind the sign."""
    return address.rpartition("@")[2].strip("<> ") or "callweave.invalid"
