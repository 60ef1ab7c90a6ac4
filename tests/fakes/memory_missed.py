"""``routing.ports.Missed`` in memory, for tests of what stands on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from interaction_log.messages import StoredMessage
from interaction_log.missed import MissedCall, MissedPage, MissedState, Work, refusal
from interaction_log.records import Conflict, NotFound


def missed_call(entry_id: str, at: float, number: str = "+8613800138000") -> MissedCall:
    """An entry that nobody has touched."""
    return MissedCall(
        id=entry_id,
        number=number,
        pbx="main",
        queue="support",
        name=None,
        customer_id=None,
        first_at=at,
        last_at=at,
        waited_seconds=31.0,
        outcome="abandoned",
    )


@dataclass
class MemoryMissed:
    """No paging: tests of that are the store's."""

    records: dict[str, MissedCall] = field(default_factory=dict)
    messages: dict[str, StoredMessage] = field(default_factory=dict)

    async def page(
        self, *, state: MissedState | None, queue: str | None, limit: int, cursor: str | None, now: float
    ) -> MissedPage:
        wanted = ("open", "calling") if state is None else (state,)
        found = [one for one in self.records.values() if one.state in wanted and queue in (None, one.queue)]
        found.sort(key=lambda one: (one.last_at, one.id), reverse=True)
        states = [one.state for one in self.records.values()]
        return MissedPage(found[:limit], None, states.count("open"), states.count("calling"))

    async def get(self, entry_id: str) -> MissedCall:
        if entry_id not in self.records:
            raise NotFound(entry_id)
        return self.records[entry_id]

    async def work(self, entry_id: str, work: Work) -> MissedCall:
        entry = await self.get(entry_id)
        why = refusal(entry, work)
        if why is not None:
            raise Conflict(why)
        changed = replace(
            entry,
            state=work.state,
            worked_by=None if work.state == "open" else work.by,
            changed_at=work.at,
            result=work.result or entry.result,
            note=work.note or entry.note,
            version=entry.version + 1,
        )
        self.records[entry_id] = changed
        return changed

    async def message(self, message_id: str) -> StoredMessage:
        if message_id not in self.messages:
            raise NotFound(message_id)
        return self.messages[message_id]

    async def heard(self, message_id: str, by: str, at: float) -> StoredMessage:
        one = await self.message(message_id)
        if one.heard_at is None:
            self.messages[message_id] = replace(one, heard_by=by, heard_at=at)
        return self.messages[message_id]
