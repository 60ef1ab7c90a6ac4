"""A letter becomes a line: of the conversation that its token names, else of a new one.

Each step may be done again: the line has the letter's id, the contact an id made of it, and that the letter was taken
is noted last. So whenever we die, the mailbox gives it to us again and nothing is lost or doubled.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cti_gateway.chat.room import Room
from cti_gateway.chat.speech import clean
from cti_gateway.mail_desk import MailDesk, contact_id
from cti_gateway.mail_gate import Gate
from cti_gateway.mail_rules import MailBox
from email_channel import letter as letters
from email_channel.imap import Fetched
from email_channel.letter import Letter
from email_channel.tokens import Sign, begin_of, speaks_for
from interaction_log.chats import NewConversation, NewLine, StoredConversation
from interaction_log.mails import LetterKind, MailContact
from interaction_log.masking import mask_cards
from interaction_log.records import Conflict, NotFound, Refused
from interaction_log.store.chat_folder import ChatFolder, FileRefused, safe_name

if TYPE_CHECKING:
    from interaction_log.store.chats import StoredChats

log = logging.getLogger(__name__)
_CHUNK: Final = 64 * 1024
MOST_TOKENS: Final = 20
"""So many tokens of one letter are looked up."""
EVENTS: Final[dict[LetterKind, str]] = {"bounce": "mail_bounced", "auto": "mail_auto"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a letter. ``contact`` empty: nobody is asked to answer it; ``held``: nobody is asked yet."""

    kind: LetterKind
    conversation: str | None = None
    contact: str | None = None
    again: bool = False
    held: bool = False


class Intake:
    """Takes letters, one after the other. ``folder`` ``None``: files are not taken, only named."""

    def __init__(self, mail: MailDesk, sign: Sign, folder: ChatFolder | None) -> None:
        self._mail, self._sign, self._folder = mail, sign, folder
        self._mails, self._hub, self._rooms = mail.mails, mail.hub, mail.rooms
        self._chats: StoredChats = mail.desk.store
        self._speech = mail.desk.speech
        self.gate = Gate(mail, sign)

    async def take(self, box: MailBox, fetched: Fetched) -> Taken:
        """On the disk when it returns. Raises the database's errors; then it may be tried again."""
        own = [one.address for one in self._mail.boxes]
        letter = await asyncio.to_thread(letters.read, fetched.raw, own, box.authserv)
        async with self._mail.turn:
            known = await self._mails.letter(letter.id)
            if known is not None:
                return Taken(kind=known.kind, conversation=known.conversation, contact=known.contact, again=True)
            taken = await self._take(box, letter, fetched.whole)
            at = self._hub.wall()
            await self._mails.keep(letter.id, taken.kind, at, taken.conversation, taken.contact)
            return taken

    async def _take(self, box: MailBox, letter: Letter, whole: bool) -> Taken:
        if letter.kind == "own":
            return Taken(kind="own")
        stored = await self._conversation(letter)
        if letter.kind in EVENTS:
            return await self._machine(letter, stored)
        at = self._hub.wall()  # before its lines are written
        if stored is None:
            stored = await self._chats.open(self._new(box, letter))
        room = self._mail.open.get(stored.id)
        if room is None or room.state == "ended":
            before = await self._before(stored.id)
            contact = before if before is not None and before.held else self._contact(box, letter, stored, before, at)
            room = await self._mail.room_of(stored, contact)
        await self._say(room, box, letter, whole)
        if room.id in self._rooms.all and room.state != "ended":
            await self._mail.said(room, letter)
            return Taken(kind="letter", conversation=stored.id, contact=room.id)
        return await self._begun(room, box, letter, stored, at)

    async def _begun(self, room: Room, box: MailBox, letter: Letter, stored: StoredConversation, at: float) -> Taken:
        """Somebody is to answer it: a contact begins, or a new one where the last was closed while we wrote."""
        before = await self._before(stored.id)
        if before is not None and before.held and before.id == room.id:
            await self._mail.said(room, letter)  # with the others that wait
            return Taken(kind="letter", conversation=stored.id, contact=before.id, held=True)
        contact = self._contact(box, letter, stored, before, at)
        if room.state == "ended":
            room = await self._mail.room_of(await self._chats.conversation(stored.id), contact)
        kept = await self.gate.begun(contact, box, answers=stored.client_id != letter.id)
        if not kept.held:
            await self._mail.begin(room, kept, await self._mail.last_agent(stored.id, room.last))
            await self._mail.identify(room, kept)
        return Taken(kind="letter", conversation=stored.id, contact=kept.id, held=kept.held)

    # --- which conversation ----------------------------------------------------------------------------

    async def _conversation(self, letter: Letter) -> StoredConversation | None:
        """That of the first token that is ours. An address alone joins nothing."""
        for token in letter.tokens[:MOST_TOKENS]:
            for of in await self._mails.conversations(begin_of(token)):
                if speaks_for(token, of, self._sign):
                    return await self._found(of)
        return None

    async def _found(self, of: str) -> StoredConversation | None:
        try:
            return await self._chats.conversation(of)
        except NotFound:  # erased just now
            return None

    def _new(self, box: MailBox, letter: Letter) -> NewConversation:
        """One that begins with this letter. For chats it is over: who works it sees it as a contact by mail."""
        of = contact_id(box.name, letter.id)
        form = {"email": letter.address} if letter.address else {}
        return NewConversation(
            id=of, client_id=letter.id, visitor=f"mail:{letter.id}", site="", queue=box.queue, at=self._hub.wall(),
            name=clean(letter.name) or None, form=form, state="ended", ended_by="mail",
        )  # fmt: skip

    def _contact(
        self, box: MailBox, letter: Letter, stored: StoredConversation, before: MailContact | None, at: float
    ) -> MailContact:
        """Answers go to the address that was given, or has been written to before; a new sender's to his own."""
        new = stored.client_id == letter.id
        given = str((stored.transcript or {}).get("address", "")) or stored.form.get("email", "")
        earlier = before.answers if before is not None else ()
        return MailContact(
            id=stored.id if new else contact_id(stored.id, letter.id),
            conversation=stored.id,
            box=box.name,
            queue=stored.queue,
            opened_at=at,
            address=letter.answer_to if new else before.address if before is not None and before.address else given,
            name=clean(letter.name)[:80] or (stored.name or ""),
            subject=clean(letter.subject),
            answers=(*earlier, *((letter.message_id,) if letter.message_id else ()))[-20:],
            wrote=letter.address,
            proved={True: "pass", False: "fail", None: ""}[letter.authenticated],
        )

    async def _before(self, conversation: str) -> MailContact | None:
        """The one that is held back in it, else the last contact by mail."""
        found = await self._mails.contacts(conversation)
        return next((one for one in found if one.held), found[0] if found else None)

    # --- what is written -------------------------------------------------------------------------------

    async def _say(self, room: Room, box: MailBox, letter: Letter, whole: bool) -> None:
        shown = letter.text or ("" if letter.files else letter.subject)
        kept = mask_cards(clean(letter.whole)).text
        mail = {"address": letter.address, "subject": mask_cards(clean(letter.subject)).text}
        if kept != mask_cards(clean(shown)).text:
            mail["whole"] = kept
        await self._speech.say(room, "visitor", letter.id, shown, name=clean(letter.name) or letter.address, mail=mail)
        for number, file in enumerate(letter.files):
            await self._file(room, box, letter, number, file)
        for number, name in enumerate(letter.left_out):
            await self._event(room, letter, f"left-{number}", "mail_file_left", safe_name(name))
        if not whole:
            await self._event(room, letter, "cut", "mail_cut")

    async def _file(self, room: Room, box: MailBox, letter: Letter, number: int, file: letters.Attached) -> None:
        line = _derived(letter.id, f"file-{number}")
        if await self._mails.line(room.conversation, line) is not None:
            return  # before we died
        name = safe_name(file.name)
        try:
            if self._folder is None:
                raise FileRefused("no_folder")
            got = await self._folder.receive(_pieces(file.content), box.file_bytes)
        except (FileRefused, OSError) as error:
            if isinstance(error, FileRefused) and error.code == "scan_unavailable":
                log.warning("a file of a letter was not scanned and is not taken")
            await self._event(room, letter, f"file-{number}-left", "mail_file_left", name)
            return
        try:
            await self._chats.put_file(
                room.conversation, id=got.id, name=name, type=file.type, size=got.size, sha256=got.sha256,
                by="visitor", at=self._hub.wall(), scan="clean",
            )  # fmt: skip
            await self._speech.say(
                room, "visitor", line, "", name=clean(letter.name) or letter.address, file=got.id,
                mail={"address": letter.address, "subject": ""},
            )  # fmt: skip
        except BaseException:
            await self._folder.remove(got.id)
            raise

    async def _event(self, room: Room, letter: Letter, which: str, code: str, name: str | None = None) -> None:
        """Something that stands in the transcript, once."""
        await self._mail.desk.speech.note(room, _derived(letter.id, which), code, name)

    async def _machine(self, letter: Letter, stored: StoredConversation | None) -> Taken:
        """No line of his, and nobody is asked: who looks into the conversation sees that it came."""
        if stored is None:
            return Taken(kind=letter.kind)
        room = self._mail.open.get(stored.id)
        try:
            if room is not None:
                await self._event(room, letter, "machine", EVENTS[letter.kind], letter.subject[:200] or None)
            else:
                line = NewLine(
                    id=_derived(letter.id, "machine"), by="system", at=self._hub.wall(), text=EVENTS[letter.kind],
                    kind="event", name=clean(letter.subject)[:200] or None,
                )  # fmt: skip
                await self._chats.say(stored.id, line)
        except (NotFound, Conflict, Refused) as error:
            log.warning("a notice of a mail server could not be kept: %s", type(error).__name__)
        return Taken(kind=letter.kind, conversation=stored.id)


def _derived(letter: str, which: str) -> str:
    return str(uuid.uuid5(uuid.UUID(letter), which))


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(content), _CHUNK):
        yield content[at : at + _CHUNK]
