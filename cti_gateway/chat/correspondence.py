"""What goes out as a mail: transcripts, and what agents write in contacts by mail; each as it stands in the store."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agent_console.chats import is_private
from cti_gateway.chat.letters import Letter, mail_of
from cti_gateway.mail_rules import MailBox, box_for
from email_channel import compose
from email_channel.tokens import Sign, token_of
from interaction_log.chats import StoredConversation, StoredLine
from interaction_log.mails import MailContact, Outgoing

if TYPE_CHECKING:
    from interaction_log.store.chats import StoredChats
    from interaction_log.store.mails import StoredMails

log = logging.getLogger(__name__)
AT_ITS_END: Final = "end"
"""A transcript that is sent when the conversation is over; all others have the number of their wish."""


class Correspondence:
    """``sender``: for conversations of no mailbox. ``label``: a queue's name for people. ``content``: of a file."""

    def __init__(
        self,
        chats: StoredChats,
        mails: StoredMails,
        sign: Sign,
        boxes: Sequence[MailBox],
        sender: str,
        label: Callable[[str], str],
    ) -> None:
        self._chats, self._mails, self._sign = chats, mails, sign
        self._boxes, self._sender, self._label = tuple(boxes), sender, label
        self.place: Callable[[Any], tuple[Path, str]] | None = None
        """Folder and name of a file's content."""

    # --- transcripts -----------------------------------------------------------------------------------

    @staticmethod
    def wish_of(one: StoredConversation, key: str) -> Mapping[str, Any] | None:
        """What was wished: of all that are sent at the end, the last."""
        told: Mapping[str, Any] = one.transcript or {}
        if key == AT_ITS_END:
            return told if "address" in told else None
        later: Mapping[str, Any] = told.get("later", {})
        return {"address": later[key]} if key in later else None

    async def transcript(self, outgoing: Outgoing) -> EmailMessage | None:
        """Everything that was said, once it is over. Raises ``NotFound``, ``ValueError``."""
        one = await self._chats.conversation(outgoing.conversation)
        if one.state != "ended":
            return None
        wish = self.wish_of(one, outgoing.id.rpartition(":")[2])
        if wish is None:
            raise ValueError("nobody wishes it")
        box = box_for(self._boxes, one.queue)
        token = token_of(one.id, self._sign)
        letter = Letter(
            token=token, own_id=f"{token}.{outgoing.id.rpartition(':')[2]}", queue=self._label(one.queue),
            language=one.language, address=str(wish["address"]), at=one.opened_at,
            reply_to=box.reply_to(token) if box is not None else self._sender if wish.get("go_on") else "",
        )  # fmt: skip
        return mail_of(letter, await self.whole(one.id), box.address if box is not None else self._sender)

    async def whole(self, conversation: str) -> list[StoredLine]:
        """All lines of it."""
        found: list[StoredLine] = []
        while page := await self._chats.lines(conversation, found[-1].number if found else 0):
            found += page
        return found

    # --- answers ---------------------------------------------------------------------------------------

    async def line(self, outgoing: Outgoing) -> EmailMessage | None:
        """A line that an agent wrote in a contact by mail. Raises ``NotFound``, ``ValueError``."""
        contact = await self._mails.contact(outgoing.contact or "")
        line = await self._mails.line(outgoing.conversation, outgoing.id)
        if line is None:
            return None
        if is_private(line) or line.by != "agent" or not contact.address:
            raise ValueError("nobody can be written to")
        box = next((one for one in self._boxes if one.name == contact.box), None) or box_for(self._boxes, contact.queue)
        mail = self._answer(contact, line, box)
        if line.file is not None:
            await self._attach(mail, line)
        return mail

    def _answer(self, contact: MailContact, line: StoredLine, box: MailBox | None) -> EmailMessage:
        token = token_of(contact.conversation, self._sign)
        sender = box.address if box is not None else self._sender
        text = line.text if line.file is None else line.file.name
        first = f"<{token}.{AT_ITS_END}@{compose.domain_of(sender)}>"
        mail = compose.mail_of(
            compose.Answer(
                sender=sender,
                address=contact.address,
                subject=contact.subject,
                token=token,
                own_id=f"{token}.{line.id.replace('-', '')[:16]}",
                answers=contact.answers or (first,),
                at=line.at,
                text=f"{text}\n\n{line.name}" if line.name else text,
                name=(box.label if box is not None else "") or self._label(contact.queue),
            )
        )
        if box is not None and box.plus:
            del mail["Reply-To"]
            mail["Reply-To"] = box.reply_to(token)
        return mail

    async def _attach(self, mail: EmailMessage, line: StoredLine) -> None:
        assert line.file is not None
        if self.place is None:
            raise ValueError("there is no folder of files")
        folder, name = self.place(line.file)
        content = await asyncio.to_thread((folder / name).read_bytes)
        main, _, sub = line.file.type.partition("/")
        mail.add_attachment(
            content, maintype=main or "application", subtype=sub or "octet-stream", filename=line.file.name
        )
