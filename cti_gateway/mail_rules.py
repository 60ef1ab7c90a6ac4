"""What the runtime needs to know of a mailbox. Pure; made of the configuration elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from email_channel.imap import Account

MEGABYTE: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MailBox:
    """A mailbox. ``address``: what stands in From; ``queue`` (of ``pbx``) takes letters that belong to no conversation.

    ``authserv``: the name of the mail server whose results are believed (RFC 8601), empty: none. ``poll``: seconds,
    where the server does not say when letters come, or is not to be asked for it (``idle``).
    ``plus``: answers to ``user+token@domain`` arrive in it. ``sender_hour``, ``sender_day``, ``box_hour``: so many
    contacts may begin by letters of one sender and of all; what is above waits (``mail_gate``).
    """

    name: str
    account: Account
    address: str
    queue: str
    pbx: str = ""
    label: str = ""
    authserv: str = ""
    poll: float = 30.0
    idle: bool = True
    letter_bytes: int = 10 * MEGABYTE
    file_bytes: int = 5 * MEGABYTE
    plus: bool = False
    sender_hour: int = 10
    sender_day: int = 30
    box_hour: int = 300
    survey: Literal["", "csat", "nps"] = ""
    """What the customer is asked when a contact is over."""
    survey_purpose: str = ""
    """The purpose to which he must have agreed for that; empty: none."""

    def reply_to(self, token: str) -> str:
        """Where an answer is to go."""
        local, _, domain = self.address.rpartition("@")
        return f"{local}+{token}@{domain}" if self.plus else self.address


def box_for(boxes: Sequence[MailBox], queue: str) -> MailBox | None:
    """The mailbox of a queue; the first one speaks for queues without."""
    return next((one for one in boxes if one.queue == queue), boxes[0] if boxes else None)
