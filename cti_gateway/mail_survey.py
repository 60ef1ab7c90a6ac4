"""After a contact by mail: the customer is asked how it was, by the link that surveys have, if the mailbox says so.

He is asked once in a conversation, only where somebody answered him, and not before the last answer has gone out.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import TYPE_CHECKING, Final, Protocol

from cti_gateway.chat.letters import Language, language_of
from cti_gateway.chat.room import Room
from cti_gateway.mail_outbox import Outbox
from cti_gateway.mail_rules import MailBox
from email_channel import compose
from interaction_log.chats import StoredConversation
from interaction_log.mails import MailContact, Outgoing
from interaction_log.records import Conflict, NotFound

if TYPE_CHECKING:
    from cti_gateway.mail_desk import MailDesk

log = logging.getLogger(__name__)
TEXTS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "subject": "How was it?",
        "text": "Good day,\n\nyou wrote to us about “{subject}”. How satisfied are you with our help? One click and a "
        "number are enough:\n\n{link}\n\nThe link is good for 14 days and for one answer. Thank you!\n\n{name}",
    },
    "zh-CN": {
        "subject": "服务评价",
        "text": "您好！\n\n您曾就“{subject}”与我们联系。您对我们的服务满意吗？点击以下链接，选择一个分数即可：\n\n"
        "{link}\n\n链接 14 天内有效，仅可评价一次。感谢您的反馈！\n\n{name}",
    },
}


class Links(Protocol):
    """What is needed of ``store.surveys``."""

    async def link(self, interaction_id: str, kind: str, *, channel: str = "email") -> str:
        """The token of a link that asks. Raises ``NotFound``, ``Conflict`` (answered)."""
        ...


class Asking:
    """``address``: where our pages are, without a slash at the end. ``may``: whether this customer may be asked."""

    def __init__(self, mail: MailDesk, outbox: Outbox, surveys: Links, address: str) -> None:
        self._mail, self._outbox, self._surveys, self._address = mail, outbox, surveys, address
        self._boxes = {one.name: one for one in mail.boxes}
        self.may: Callable[[str, MailBox], Awaitable[bool]] = _always
        outbox.compose["survey"] = self.compose
        mail.rooms.on_end.append(self._ended)

    def _ended(self, room: Room) -> None:
        one = self._mail.hub.distributor.interactions.get(room.id)
        if room.by_mail and one is not None and one.answered:
            self._mail.hub.spawn(self._ask(room))

    async def _ask(self, room: Room) -> None:
        """What is asked twice in a conversation has the same id, and is sent once."""
        try:
            contact = await self._mail.mails.contact(room.id)
            box = self._boxes.get(contact.box)
            if box is None or not box.survey or not contact.address or not await self._answered(contact):
                return
            at, of = self._mail.hub.wall(), contact.conversation
            wish = Outgoing(id=f"{of}:survey", conversation=of, kind="survey", made_at=at, next_at=at, contact=room.id)
            await self._outbox.put(wish)
        except Exception as error:  # he is not asked; everything else goes on
            log.warning("a customer could not be asked how it was: %s", type(error).__name__)
        else:
            self._outbox.wake()

    async def _answered(self, contact: MailContact) -> bool:
        """Whether anybody wrote to him in this contact; taking and closing it is no answer."""
        stored = await self._mail.desk.store.conversation(contact.conversation)
        lines = await self._mail.desk.store.lines(stored.id, max(0, stored.last - 200))
        return any(one.by == "agent" and one.kind != "event" and one.at >= contact.opened_at for one in lines)

    async def compose(self, outgoing: Outgoing) -> EmailMessage | None:
        """The mail; ``None``: an answer has to go out before it, or the log does not know the contact yet. Raises
        ``NotFound`` (erased), ``ValueError``: he is not to be asked."""
        contact = await self._mail.mails.contact(outgoing.contact or "")
        box = self._boxes.get(contact.box)
        if box is None or not box.survey or not await self.may(contact.id, box):
            raise ValueError("nobody is to be asked")
        if await self._mail.mails.unsent(contact.conversation):
            return None
        try:
            token = await self._surveys.link(contact.id, box.survey)
        except NotFound:
            return None
        except Conflict as answered:
            raise ValueError("it was answered") from answered
        stored = await self._mail.desk.store.conversation(contact.conversation)
        return self._letter(contact, stored, box, f"{self._address}/survey/{token}")

    def _letter(self, contact: MailContact, stored: StoredConversation, box: MailBox, link: str) -> EmailMessage:
        texts = TEXTS[_language(contact, stored)]
        name = box.label or self._mail.label(contact.queue)
        letter = EmailMessage()
        letter["From"], letter["To"] = compose.sender_of(name, box.address), contact.address
        letter["Subject"] = texts["subject"]
        letter["Message-ID"] = f"<survey.{contact.id}@{compose.domain_of(box.address)}>"
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine answers it
        letter["X-Auto-Response-Suppress"] = "All"
        subject = " ".join(contact.subject.split()) or name
        letter.set_content(texts["text"].format(subject=subject, link=link, name=name) + "\n")
        return letter


def _language(contact: MailContact, stored: StoredConversation) -> Language:
    """That of the chat; of a letter there is none, so what it is written in speaks for it."""
    if stored.site:
        return language_of(stored.language)
    written = contact.subject + contact.name
    return "zh-CN" if any("\u4e00" <= one <= "\u9fff" for one in written) else "en"


async def _always(contact: str, box: MailBox) -> bool:
    return True
