"""Messages that callers leave: found on the disk when the PBX tells of them, and told to those who work the queue.

``MessageWaiting`` names the caller's channel and the mailbox (16 and 22 alike), and the file is whole by then. Which
file it is, ``VM_MESSAGEFILE`` alone tells, which a site may filter away. So it is looked for by the channel's name in
the texts that Asterisk writes beside the messages.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from agent_console.mailbox import Filed, find
from cti_gateway.hub import Hub
from interaction_log import events as e
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


class Voicemail:
    """Stands between a PBX and the hub: sees the messages that are left."""

    def __init__(self, hub: Hub, boxes: Mailboxes, *, waits: Sequence[float] = WAITS) -> None:
        self._hub, self._boxes, self._waits = hub, boxes, waits

    def take(self, events: Iterable[e.Event], received_at: float | None = None) -> int:
        """Give the events to the hub, and look for the messages that they tell of."""
        every = list(events)
        seq = self._hub.take(every, received_at)
        for event in every:
            if isinstance(event, e.MessageLeft):
                self._hub.spawn(self._file(event))
        return seq

    async def _file(self, event: e.MessageLeft) -> None:
        one = self._hub.distributor.interactions.get(event.interaction_id)
        pbx = one.pbx if one is not None else ""
        found = await self._found(event, pbx, one)
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

    def _tell(self, one: Interaction, queue: str | None) -> None:
        """Those who work the queue; without one everybody who is here."""
        who = self._hub.windows.interaction(one.id)
        name = (who and (who["customer_name_known"] or who["customer_name"])) or one.customer_address or ""
        for agent in self._hub.windows.agents():
            if agent["state"] != "LOGGED_OUT" and (queue is None or queue in agent["queues"]):
                told = {"from": name, "queue": queue or ""}
                self._hub.carry_out(c.Notify(agent["agent"], "info", "voicemail_left", told))
