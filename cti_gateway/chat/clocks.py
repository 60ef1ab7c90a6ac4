"""The clocks of conversations: closed after silence with a warning, or when the visitor is gone for long; what changes
often is shown and kept at intervals. Timers are monotonic; times in rooms are Unix seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from cti_gateway.chat.ending import Ending
from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from cti_gateway.chat.rules import Closing, SiteRules
from cti_gateway.chat.speech import Speech
from cti_gateway.timers import Timers
from interaction_log.chats import ChatChanges, StoredLine
from webchat.wire import Ending as EndedBy

if TYPE_CHECKING:
    from interaction_log.store.chats import StoredChats

log = logging.getLogger(__name__)
SHOW_SECONDS: Final = 0.5
"""What the visitor has seen, whether he is there and where: shown to agents at most so often."""
KEEP_SECONDS: Final = 5.0
"""The same is written at most so often; a crash costs no line, only these."""
CHOOSE_SECONDS: Final = 180.0
"""So long who waited too long may choose what to do instead."""
AGAIN_SECONDS: Final = 30.0
FORGET_SECONDS: Final = 1_800.0
"""So long after its end a conversation stays at hand."""


class Clocks:
    """One timer for each purpose and room."""

    def __init__(
        self, rooms: Rooms, speech: Speech, ending: Ending, store: StoredChats, sites: Mapping[str, SiteRules]
    ) -> None:
        self._rooms, self._speech, self._ending, self._store, self._sites = rooms, speech, ending, store, sites
        self._wall = rooms.hub.wall
        self.timers = Timers(self.fired)
        self._methods: dict[str, Callable[[Room], None]] = {
            "show": rooms.show,
            "keep": self._keep,
            "idle": self._idle,
            "gone": self._gone,
            "choose": self._chose_nothing,
            "forget": rooms.forget,
        }
        self.leave: Callable[[Room, EndedBy], Awaitable[None]] = self._end
        """Ends it for who went away; he may want to go on by mail."""
        rooms.show_soon = self.changed_often
        rooms.on_end.append(self.ended)
        rooms.on_taken.append(self.taken)
        speech.heard.append(self.heard)

    def fired(self, key: str) -> None:
        """A timer ran out."""
        kind, _, of = key.partition(":")
        room = self._rooms.all.get(of)
        if room is not None:
            self._methods[kind](room)

    def _closing(self, room: Room) -> Closing:
        """When it closes by itself: by the queue that it is in now."""
        rules = self._sites.get(room.site)
        return rules.closing_in(room.queue) if rules is not None else Closing()

    async def _end(self, room: Room, by: EndedBy) -> None:
        self._ending.end(room, by)

    # --- what changes often --------------------------------------------------------------------------------

    def changed_often(self, room: Room) -> None:
        """Show it soon, keep it a little later; and see whether he is there."""
        for kind, seconds in (("show", SHOW_SECONDS), ("keep", KEEP_SECONDS)):
            if not self.timers.running(f"{kind}:{room.id}"):
                self.timers.start(f"{kind}:{room.id}", seconds)
        self.watch_presence(room)

    def _keep(self, room: Room) -> None:
        pages: list[Mapping[str, Any]] = [{"at": p.at, "url": p.url, "title": p.title} for p in room.trail]
        changes = ChatChanges(
            seen_by_visitor=room.seen, seen_by_agent=room.answered, page=room.page, pages=pages, queue=room.queue
        )
        self._rooms.hub.spawn(self._kept(room, changes))

    async def _kept(self, room: Room, changes: ChatChanges) -> None:
        if room.by_mail:
            return
        try:
            await self._store.update(room.id, **changes)
        except Exception as error:  # it comes with the next change
            log.warning("what changed in a chat could not be kept: %s", type(error).__name__)

    def taken(self, room: Room) -> None:
        """An agent has it: who, and since then in which state."""
        first = next(iter(room.members), None)
        name = self._rooms.label(first) if first is not None else None
        self._rooms.hub.spawn(self._kept(room, ChatChanges(state=room.state, agent=name, queue=room.queue)))

    # --- silence ----------------------------------------------------------------------------------------------

    def heard(self, room: Room, line: StoredLine) -> None:
        """A line was written: the silence begins anew, or ends."""
        if line.by == "system":
            return
        room.spoke_at, room.spoke_by = line.at, line.by
        self.listen(room)

    def listen(self, room: Room) -> None:
        """An agent wrote last, and now it is the visitor's turn: count."""
        closing = self._closing(room)
        seconds = closing.idle
        room.warned, key = False, f"idle:{room.id}"
        if room.by_mail or room.spoke_by != "agent" or room.state != "talking" or seconds <= 0:
            room.idle_at = None
            self.timers.cancel(key)
            return
        left = max(0.0, room.spoke_at + seconds - self._wall())
        room.idle_at = self._wall() + left + closing.warning
        self.timers.start(key, left)

    def _idle(self, room: Room) -> None:
        if room.state != "talking":
            return
        if room.warned:
            self._let_go(room, f"idle:{room.id}")
            return
        room.warned, seconds = True, self._closing(room).warning
        room.idle_at = self._wall() + seconds
        self._speech.happened(room, "idle_warning", str(round(seconds)))
        self._rooms.show(room)
        self.timers.start(f"idle:{room.id}", seconds)

    # --- presence ---------------------------------------------------------------------------------------------

    def watch_presence(self, room: Room) -> None:
        """He went away, or is here again."""
        key, seconds = f"gone:{room.id}", self._closing(room).gone
        if room.online or room.by_mail or room.state == "ended" or seconds <= 0:
            self.timers.cancel(key)
        elif not self.timers.running(key):
            since = room.gone_at if room.gone_at is not None else self._wall()
            self.timers.start(key, max(0.0, since + seconds - self._wall()))

    def _gone(self, room: Room) -> None:
        if not room.online:
            self._let_go(room, f"gone:{room.id}")

    def _let_go(self, room: Room, key: str) -> None:
        """He is not here any more."""
        if room.goes_on is None:
            self._ending.end(room, "idle")
        else:
            self._rooms.hub.spawn(self._left(room, key))

    async def _left(self, room: Room, key: str) -> None:
        """It goes on by mail; while the database is away, later."""
        try:
            await self.leave(room, "idle")
        except Exception as error:
            log.warning("a chat could not go on by mail yet: %s", type(error).__name__)
            self.timers.start(key, AGAIN_SECONDS)

    # --- out of line ------------------------------------------------------------------------------------------

    def let_choose(self, room: Room) -> None:
        """He waited as long as his queue allows, and may leave a message or be called instead."""
        self.timers.start(f"choose:{room.id}", CHOOSE_SECONDS)

    def _chose_nothing(self, room: Room) -> None:
        if room.state == "waiting":
            self._ending.end(room, "closed", "timeout")

    def ended(self, room: Room) -> None:
        """No clock of it runs any more, but that which forgets it."""
        for kind in ("show", "keep", "idle", "gone", "choose"):
            self.timers.cancel(f"{kind}:{room.id}")
        room.idle_at = None
        self.timers.start(f"forget:{room.id}", FORGET_SECONDS)

    def stop(self) -> None:
        """No clock runs any more."""
        self.timers.cancel_all()
