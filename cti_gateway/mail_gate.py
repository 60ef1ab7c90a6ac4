"""How much of what one sender writes goes to the desk: the rest is kept, shown, and let in when there is room again.

A person rarely has more than a few matters in an hour; a program that answers ours without saying that it is one
(RFC 3834 asks it to), a form that is posted again and again, or somebody who means harm has hundreds. Nothing is lost
by it: a letter that is held back stands in its conversation like any other, only nobody is asked to answer it yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from agent_console.ports import Part
from cti_gateway.mail_rules import MailBox
from email_channel.tokens import Sign
from interaction_log.chats import NewLine
from interaction_log.mails import MailContact
from interaction_log.records import NotFound

if TYPE_CHECKING:
    from cti_gateway.mail_desk import MailDesk

log = logging.getLogger(__name__)
HOUR: Final = 3_600.0
DAY: Final = 86_400.0
LOOK_SECONDS: Final = 60.0
"""Between two looks at whether what is held back can be let in."""
NEWEST: Final = 30
MOST_SHOWN: Final = 300
"""Characters of a letter in the list."""
Why = Literal["sender_hour", "sender_day", "box_hour"]


class Gate:
    """One for all mailboxes. ``round`` is called by its own clock, or by hand."""

    def __init__(self, mail: MailDesk, sign: Sign) -> None:
        self.mail, self._sign, self._mails = mail, sign, mail.mails
        self._boxes = {one.name: one for one in mail.boxes}
        self._waiting: tuple[int, float | None] = (0, None)
        self._task: asyncio.Task[None] | None = None

    # --- the limits ------------------------------------------------------------------------------------

    def sender_of(self, address: str) -> str:
        """What contacts of a sender are counted by: ``li+one@`` and ``Li@`` are one, all without an address too."""
        local, _, domain = address.casefold().rpartition("@")
        return self._sign(f"sender:{local.partition('+')[0]}@{domain}")[:32]

    async def full(self, box: MailBox, sender: str, *, answers: bool) -> Why | None:
        """Why one more contact is too many now. ``answers``: the letter carries a token of ours, so that it was written
        by somebody whom we wrote to: the limit of the mailbox, which is against invented senders, is not for him."""
        now, begun = self.mail.hub.wall(), self._mails.begun
        if await begun(now - HOUR, sender=sender) >= box.sender_hour:
            return "sender_hour"
        if await begun(now - DAY, sender=sender) >= box.sender_day:
            return "sender_day"
        if not answers and await begun(now - HOUR, box=box.name) >= box.box_hour:
            return "box_hour"
        return None

    async def begun(self, contact: MailContact, box: MailBox, *, answers: bool) -> MailContact:
        """On the disk: as one that waits for an agent, or as one that is held back. One that was there stays."""
        sender = self.sender_of(contact.wrote)
        why = await self.full(box, sender, answers=answers)
        held_at = contact.opened_at if why is not None else None
        kept = await self._mails.open(replace(contact, sender=sender, held_at=held_at))
        if kept.held and why is not None:
            self.mail.hub.counts["mail_held"] = self.mail.hub.counts.get("mail_held", 0) + 1
            log.warning("a letter in the mailbox %s is held back: %s", box.name, why)
            await self._note(kept, "mail_held")
            await self.look()
        return kept

    # --- what is held back -----------------------------------------------------------------------------

    async def let_in(self, contact: str, by: str = "") -> None:
        """It waits for an agent from now on. ``by``: who says so; empty: there is room. Raises ``NotFound``."""
        async with self.mail.turn:
            one = await self._mails.let_in(contact, self.mail.hub.wall())
            await self._note(one, "mail_let_in" if by else "mail_came_in", by or None)
            stored = await self.mail.desk.store.conversation(one.conversation)
            room = await self.mail.room_of(stored, one)
            await self.mail.begin(room, one, await self.mail.last_agent(stored.id, stored.last))
            await self.mail.identify(room, one)
        await self.look()

    async def dismiss(self, contact: str) -> None:
        """Nobody is to answer it; it stays where it stands. Raises ``NotFound``: it is not held back (any more)."""
        async with self.mail.turn:
            if not (await self._mails.contact(contact)).held:
                raise NotFound(contact)
            await self._mails.end(contact, self.mail.hub.wall())
        await self.look()

    async def views(self) -> list[dict[str, Any]]:
        """As supervisors see them, the oldest first; ``text``: the beginning of the newest letter."""
        return [await self._view(one) for one in await self._mails.held()]

    async def _view(self, one: MailContact) -> dict[str, Any]:
        stored = await self.mail.desk.store.conversation(one.conversation)
        lines = await self.mail.desk.store.lines(stored.id, max(0, stored.last - NEWEST))
        said = [
            line.text for line in lines if line.mail is not None and line.kind == "text" and line.at >= one.opened_at
        ]
        told = {name: getattr(one, name) for name in ("id", "queue", "box", "name", "subject", "held_at")}
        return {**told, "address": one.wrote, "letters": len(said), "text": said[-1][:MOST_SHOWN] if said else ""}

    async def round(self) -> None:
        """Let in what there is room for, the oldest first."""
        closed: set[str] = set()
        for one in await self._mails.held():
            box = self._boxes.get(one.box)
            if one.sender in closed or box is None:
                continue
            if await self.full(box, one.sender, answers=one.id != one.conversation) is not None:
                closed.add(one.sender)
                continue
            with contextlib.suppress(NotFound):  # somebody let it in or erased it meanwhile
                await self.let_in(one.id)
        await self.look()

    async def _note(self, one: MailContact, code: str, name: str | None = None) -> None:
        line = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{code}:{one.id}"))
        told = NewLine(id=line, by="system", at=self.mail.hub.wall(), text=code, kind="event", name=name)
        await self.mail.desk.store.say(one.conversation, told)

    # --- its clock, and what the health page says --------------------------------------------------------

    def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self.round()
            except Exception as error:  # the database is away
                log.warning("letters that are held back could not be looked at: %s", type(error).__name__)
            await self.mail.pause(LOOK_SECONDS)

    async def look(self) -> None:
        """How many wait, for the health page."""
        self._waiting = await self._mails.held_count()

    def part(self) -> Part:
        """For the health page: how many letters are held back, and for how long."""
        many, since = self._waiting
        age = max(0.0, self.mail.hub.wall() - since) if since is not None else 0.0
        said = f"{many} held back: their senders write too much" if many else None
        return Part(
            name="mail held", ok=True, state="held" if many else "up", age_seconds=age, detail=said, required=False
        )
