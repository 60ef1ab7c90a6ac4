"""Messages that callers leave: found on the disk when the PBX tells of them, and told to those who work the queue.

``MessageWaiting`` names the caller's channel and the mailbox (16 and 22 alike), and the file is whole by then. Which
file it is, ``VM_MESSAGEFILE`` alone tells, which a site may filter away. So it is looked for by the channel's name in
the texts that Asterisk writes beside the messages.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, Protocol

from agent_console.mailbox import CLOCK_SECONDS, Filed, find, left_between
from cti_gateway.hub import Hub
from interaction_log import events as e
from interaction_log.identity import caller_address, interaction_id
from interaction_log.interaction import Interaction
from routing import commands as c

log = logging.getLogger(__name__)

WAITS: Final = (0.0, 0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between the looks: a folder over the network shows a file late."""


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """The voicemail folder of each PBX, whose messages may be heard here, and which queue works a mailbox.

    ``shared``: globs over ``MAILBOX@CONTEXT``; the messages of others are on the list, but nobody hears them here.
    """

    folders: Mapping[str, Path] = field(default_factory=dict)
    shared: Sequence[str] = ("*",)
    queues: Mapping[str, str] = field(default_factory=dict)

    def folder(self, pbx: str, mailbox: str) -> Path | None:
        """Where the messages of this mailbox are, if people may hear them."""
        may = any(fnmatchcase(mailbox, one) for one in self.shared)
        return self.folders.get(pbx) if may else None


class Known(Protocol):
    """What is needed of ``store.missed``."""

    async def known_messages(self, pbx: str, since: float) -> set[str]:
        """What the PBX calls the messages that are on the list and were left since then."""
        ...


class Voicemail:
    """Stands between a PBX and the hub: sees the messages that are left, and after a gap those of the gap."""

    def __init__(self, hub: Hub, boxes: Mailboxes, known: Known, *, waits: Sequence[float] = WAITS) -> None:
        self._hub, self._boxes, self._known, self._waits = hub, boxes, known, waits
        self._filed: set[str] = set()
        """Those of this life of the program, which may not be in the store yet."""

    def take(self, events: Iterable[e.Event], received_at: float | None = None) -> int:
        """Give the events to the hub, and look for the messages that they tell of."""
        every = list(events)
        seq = self._hub.take(every, received_at)
        for event in every:
            if isinstance(event, e.MessageLeft):
                self._hub.spawn(self._file(event))
            elif isinstance(event, e.LinkRestored) and event.gap_seconds is not None and event.at is not None:
                self._hub.spawn(self._catch_up(event.pbx, event.at - event.gap_seconds, event.at))
        return seq

    async def _file(self, event: e.MessageLeft) -> None:
        one = self._hub.distributor.interactions.get(event.interaction_id)
        pbx = one.pbx if one is not None else ""
        found = await self._found(event, pbx, one)
        if found is not None and found.pbx_id is not None:
            self._filed.add(found.pbx_id)
        self._enter(event, found, one)

    def _enter(self, event: e.MessageLeft, found: Filed | None, one: Interaction | None) -> None:
        filed = e.MessageFiled(
            at=self._hub.wall(), interaction_id=event.interaction_id, message_id=event.message_id,
            file=found.name if found is not None else None, pbx_id=found.pbx_id if found is not None else None,
            seconds=found.seconds if found is not None else None, queue=self._boxes.queues.get(event.mailbox),
        )  # fmt: skip
        self._hub.take([filed])
        if one is not None:
            self._tell(one, one.queue or filed.queue)

    async def _found(self, event: e.MessageLeft, pbx: str, one: Interaction | None) -> Filed | None:
        folder = self._boxes.folder(pbx, event.mailbox)
        if folder is None:
            return None
        since = (one.started_at if one is not None else None) or (event.at or 0.0) - 3600.0
        for wait in self._waits:
            await asyncio.sleep(wait)
            found = await asyncio.to_thread(find, folder, event.mailbox, event.channel, since)
            if found is not None:
                return found
        log.warning("PBX %s: the message in %s is not in the voicemail folder", pbx, event.mailbox)
        return None

    async def _catch_up(self, pbx: str, since: float, until: float) -> None:
        """Messages that were left while nobody told us: we were down, or the link was."""
        folder = self._boxes.folders.get(pbx)
        if folder is None:
            return
        left = await asyncio.to_thread(left_between, folder, since - CLOCK_SECONDS, until)
        known = await self._known.known_messages(pbx, since - 60.0) | self._filed if left else set()
        for found in left:
            if found.pbx_id is not None and found.pbx_id not in known and self._boxes.folder(pbx, found.mailbox):
                self._filed.add(found.pbx_id)
                self._add(pbx, found, found.pbx_id)

    def _add(self, pbx: str, found: Filed, pbx_id: str) -> None:
        """A call of which we know nothing but its message, or the end of one that we lost."""
        address = caller_address(found.number, self._hub.pbxs[pbx].profile.default_region)
        ended = found.at + (found.seconds or 0.0)
        lost = self._lost(pbx, address, found.at)
        of = lost.id if lost is not None else interaction_id(pbx, "voicemail", pbx_id)
        told: list[e.Event] = []
        if lost is None:
            told += [e.InteractionStarted(
                at=found.at, interaction_id=of, pbx=pbx, channel="voice", direction="inbound", customer_address=address,
                customer_name=None, dialled=None, unique_id=pbx_id, linked_id=pbx_id, inferred=True,
            )]  # fmt: skip
        left = e.MessageLeft(
            at=ended, interaction_id=of, message_id=str(uuid.uuid5(uuid.UUID(of), pbx_id)), mailbox=found.mailbox,
            channel=found.channel, inferred=True,
        )  # fmt: skip
        told.append(left)
        if lost is None:
            told.append(
                e.InteractionEnded(at=ended, interaction_id=of, outcome="voicemail", ended_by="customer", inferred=True)
            )
        self._hub.take(told)
        self._enter(left, found, self._hub.distributor.interactions.get(of))

    def _lost(self, pbx: str, address: str | None, at: float) -> Interaction | None:
        """The call in which it was left, where we saw its beginning."""
        every = self._hub.distributor.interactions.values()
        same = (one for one in every if (one.pbx, one.customer_address) == (pbx, address) and address is not None)
        return next((one for one in same if one.inferred and (one.started_at or at) <= at and not one.messages), None)

    def _tell(self, one: Interaction, queue: str | None) -> None:
        """Those who work the queue; without one everybody who is here."""
        who = self._hub.windows.interaction(one.id)
        name = (who and (who["customer_name_known"] or who["customer_name"])) or one.customer_address or ""
        for agent in self._hub.windows.agents():
            if agent["state"] != "LOGGED_OUT" and (queue is None or queue in agent["queues"]):
                told = {"from": name, "queue": queue or ""}
                self._hub.carry_out(c.Notify(agent["agent"], "info", "voicemail_left", told))
