"""Messages from supervisors to agents and back: shown until they are read, with receipts."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from agent_console import wire
from agent_console.wire import Ack, ClientCommand, StaffMessageView
from cti_gateway.desk import OK, Answer, no
from cti_gateway.pbx import Outcome
from interaction_log.alarms import StaffMessage
from interaction_log.records import User
from interaction_log.rights import Sight

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

log = logging.getLogger(__name__)

ALL: Final = "all"
QUEUE: Final = "queue:"
SUPERVISORS: Final = "supervisors"
SHOWN: Final = 50
"""So many of the last messages a supervisor's page begins with."""
DAY: Final = 86_400.0
KEPT_SECONDS: Final = 90 * DAY
UNREAD_SECONDS: Final = 7 * DAY
"""What nobody read within a week is not shown any more."""
NO_MESSAGE: Final = no("unknown_message", "There is no such message for you.", "message")
NOT_ANSWERED: Final = no("unknown_message", "There is no such message for you.", "reply_to")


class Kept(Protocol):
    """Where messages are: ``store.messages``."""

    async def put(self, one: StaffMessage) -> None:
        """A new one."""
        ...

    async def read(self, message_id: str, agent: str, at: float) -> bool:
        """She has read it."""
        ...

    async def unread(self, since: float) -> list[StaffMessage]:
        """What somebody has not read."""
        ...

    async def recent(self, limit: int = 50) -> list[StaffMessage]:
        """The last ones, oldest first."""
        ...

    async def forget(self, before: float) -> int:
        """Delete old ones."""
        ...


class StaffMessages:
    """Who is told what, and who has read it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._kept: Kept | None = None
        self._known: dict[str, StaffMessage] = {}
        """The last ones, and those that somebody has not read, by id and in order."""
        self.methods: dict[str, Callable[[str, Any], Answer]] = {
            "read_message": self._read,
            "send_message": self._tell_supervisors,
        }

    async def load(self, kept: Kept) -> None:
        """What is to be shown still; what is too old goes."""
        self._kept, now = kept, self._hub.wall()
        found = {one.id: one for one in [*await kept.unread(now - UNREAD_SECONDS), *await kept.recent(SHOWN)]}
        self._known = {one.id: one for one in sorted(found.values(), key=lambda one: (one.at, one.id))}
        while await kept.forget(now - KEPT_SECONDS):
            pass

    # --- supervisors -----------------------------------------------------------------------------------

    async def send(self, user: User, command: wire.SendMessage, sight: Sight) -> Outcome:
        """To whom it may concern, of those whom this supervisor sees."""
        readers = self._recipients(command.to, sight)
        if not readers:
            return Outcome(False, "nobody_there", "There is nobody who would get this message.")
        now = self._hub.wall()
        one = StaffMessage(
            id=str(uuid.uuid4()),
            at=now,
            by=user.name,
            to=command.to,
            text=command.text.strip(),
            urgent=command.urgent,
            readers=dict.fromkeys(readers),
        )
        await self._take(one)
        for agent in readers:
            self._hub.screens.publish(agent, "staff_message", {"message": self._view(one)})
        return Outcome(True)

    def _recipients(self, to: str, sight: Sight) -> list[str]:
        live = self._hub.distributor
        if to == ALL:
            return [one.name for one in live.agents.values() if one.signed_in and sight.sees_agent(one.name)]
        if to.startswith(QUEUE):
            queue = to.removeprefix(QUEUE)
            here = [one.name for one in live.agents.values() if one.signed_in and sight.sees_agent(one.name)]
            return [name for name in here if queue in self._hub.windows.queues_of(name)]
        user = self._hub.people.get(to)
        return [to] if user is not None and not user.disabled and sight.sees_agent(to) else []

    # --- agents ----------------------------------------------------------------------------------------

    def _read(self, agent: str, command: wire.ReadMessage) -> Answer:
        one = self._known.get(command.message)
        if one is None or agent not in one.readers:
            return NO_MESSAGE
        return self._was_read(agent, command, one)

    async def _was_read(self, agent: str, command: ClientCommand, one: StaffMessage) -> Ack:
        if one.readers[agent] is None:
            now = self._hub.wall()
            if self._kept is not None:
                await self._kept.read(one.id, agent, now)
            one.readers[agent] = now
            self._publish(one)
        self._hub.desk.tell(agent, command.id, Outcome(True))
        return OK

    def _tell_supervisors(self, agent: str, command: wire.TellSupervisors) -> Answer:
        first = self._known.get(command.reply_to or "")
        if command.reply_to is not None and (first is None or agent not in first.readers):
            return NOT_ANSWERED
        return self._told(agent, command, first)

    async def _told(self, agent: str, command: wire.TellSupervisors, first: StaffMessage | None) -> Ack:
        now = self._hub.wall()
        one = StaffMessage(
            id=str(uuid.uuid4()),
            at=now,
            by=agent,
            to=SUPERVISORS,
            text=command.text.strip(),
            reply_to=first.id if first is not None else None,
        )
        await self._take(one)
        if first is not None and first.readers[agent] is None:
            first.readers[agent] = now
            self._publish(first)
        self._hub.desk.tell(agent, command.id, Outcome(True))
        return OK

    # --- what is shown ---------------------------------------------------------------------------------

    async def _take(self, one: StaffMessage) -> None:
        """Accepted means on disk."""
        if self._kept is not None:
            await self._kept.put(one)
        self._known[one.id] = one
        self._forget()
        self._publish(one)

    def _forget(self) -> None:
        """Of those that everybody has read, only the last ones."""
        done = [one.id for one in self._known.values() if all(at is not None for at in one.readers.values())]
        for message_id in done[:-SHOWN]:
            del self._known[message_id]

    def _publish(self, one: StaffMessage) -> None:
        self._hub.screens.publish_supervisors("staff_message", {"message": self._view(one, receipts=True)})

    def of_agent(self, agent: str) -> list[StaffMessageView]:
        """What she has not read, oldest first."""
        since = self._hub.wall() - UNREAD_SECONDS
        mine = (one for one in self._known.values() if agent in one.readers and one.readers[agent] is None)
        return [self._view(one) for one in mine if one.at >= since]

    def recent(self) -> list[StaffMessageView]:
        """The last ones, oldest first, with who read them: for supervisors."""
        return [self._view(one, receipts=True) for one in list(self._known.values())[-SHOWN:]]

    def _view(self, one: StaffMessage, receipts: bool = False) -> StaffMessageView:
        shown: StaffMessageView = {
            "id": one.id,
            "at": one.at,
            "by": one.by,
            "by_name": self._name(one.by),
            "to": one.to,
            "text": one.text,
            "urgent": one.urgent,
            "reply_to": one.reply_to,
        }
        if receipts:
            shown["readers"] = [
                {"agent": agent, "name": self._name(agent), "read_at": at} for agent, at in one.readers.items()
            ]
        return shown

    def _name(self, user: str) -> str:
        people: Mapping[str, User] = self._hub.people
        return people[user].display_name if user in people else user
