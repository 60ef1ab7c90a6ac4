"""Before and while a visitor waits: hours, who is there, and his place in line with an honest estimate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from cti_gateway.chat.call_times import call_times
from cti_gateway.chat.room import Room
from cti_gateway.chat.rooms import Rooms
from cti_gateway.chat.rules import SiteRules
from cti_gateway.seating import line_of
from cti_gateway.timers import Timers
from routing.hours import Hours
from webchat.wire import CallTime, SiteView

if TYPE_CHECKING:
    from cti_gateway.dispatch import Dispatch

PUSH_SECONDS: Final = 3.0
"""Who waits is told of his place at most so often."""
AT_ONCE: Final = 250
"""So many places are looked at in one round; of more, the others in the next ones."""
STEP: Final = 25
"""So many at once: 250 kept the lines of others waiting for milliseconds."""
STEP_SECONDS: Final = 0.05
CALL_TIMES_SECONDS: Final = 60.0
COARSE: Final = 0.2
"""An estimate is told again when it changed by this share."""
FINE_SECONDS: Final = 15.0
"""… and by this much."""


class Places:
    """``hours`` by PBX and queue; a queue without any is always open."""

    def __init__(self, rooms: Rooms, dispatch: Dispatch | None, hours: Mapping[tuple[str, str], Hours]) -> None:
        self._rooms, self._dispatch, self._hours = rooms, dispatch, hours
        self._wall = rooms.hub.wall
        self._timer = Timers(lambda key: self.push())
        self.callback: Callable[[str, str], bool] = lambda pbx, queue: False
        """Whether this queue calls back."""
        self.mail = False
        """Whether transcripts can be sent."""
        self._call_times: dict[tuple[str, str], tuple[float, list[CallTime]]] = {}
        """What was found last, and when."""
        self._next = 0
        self._round: list[Room] = []
        """Who is still to be looked at in this round."""

    # --- before --------------------------------------------------------------------------------------------

    def is_open(self, rules: SiteRules, queue: str) -> bool:
        """By the queue's hours."""
        hours = self._hours.get((rules.queues[queue], queue))
        return hours is None or hours.is_open(self._wall())

    def site(self, rules: SiteRules, queue: str) -> SiteView:
        """What the widget shows."""
        pbx = rules.queues[queue]
        hours, is_open = self._hours.get((pbx, queue)), self.is_open(rules, queue)
        opens = None if is_open or hours is None else hours.next_opening(self._wall())
        staffed = self._dispatch is not None and self._dispatch.attended(pbx, queue)
        calls = rules.callback and self.callback(pbx, queue)
        return {
            "site": rules.key,
            "queue": queue,
            "open": is_open,
            "opens_at": opens,
            "staffed": staffed,
            "estimate": self._dispatch.wait_of(pbx, queue) if staffed and self._dispatch is not None else None,
            "form": list(rules.form_of(queue)),
            "consent": rules.consent,
            "message": rules.message,
            "callback": calls,
            "call_times": self._times(pbx, queue) if calls else None,
            "mail": self.mail and rules.transcripts > 0,
            "files": rules.files,
            "file_bytes": rules.file_bytes,
            "trail": rules.trail,
            "invitations": list(rules.invitations),
            "theme": dict(rules.theme),
            "proof_bits": rules.proof_bits,
        }

    def call_hours(self, pbx: str, queue: str) -> Hours | None:
        """When callbacks of this queue are made; ``None``: always."""
        rule = self._dispatch.engine.rules.get(line_of(pbx, queue)) if self._dispatch is not None else None
        own = self._hours.get((pbx, queue))
        return own if own is not None or rule is None else rule.hours or rule.callback_hours

    def _times(self, pbx: str, queue: str) -> list[CallTime] | None:
        """Looked for once a minute: it is some hundred looks into a calendar."""
        hours, now = self.call_hours(pbx, queue), self._wall()
        if hours is None:
            return None
        known = self._call_times.get((pbx, queue))
        if known is None or not 0 <= now - known[0] < CALL_TIMES_SECONDS:
            known = self._call_times[pbx, queue] = now, call_times(hours, now)
        return known[1]

    # --- while he waits ------------------------------------------------------------------------------------

    def look(self, room: Room) -> bool:
        """His place as it is now; whether it is worth telling."""
        if self._dispatch is None or room.state not in ("waiting", "offered"):
            return False
        position, estimate = self._dispatch.place(room.id)
        told = position or None, estimate
        if not _news(room.shown, told):
            return False
        room.shown = told
        return True

    def begin(self) -> None:
        """Somebody waits: look from time to time."""
        if not self._timer.running("push"):
            self._timer.start("push", PUSH_SECONDS)

    def push(self) -> None:
        """Tell some of those whose place changed; go on while somebody waits."""
        if not self._round and not self._begin_round():
            return
        some, self._round = self._round[:STEP], self._round[STEP:]
        for room in some:
            if self.look(room):
                self._rooms.tell_visitor(room)
        if self._round:
            self._timer.start("push", STEP_SECONDS)
        else:
            self.begin()

    def _begin_round(self) -> bool:
        """Who is looked at now; whether anybody waits."""
        waiting = [room for room in self._rooms.all.values() if room.state in ("waiting", "offered")]
        if waiting:
            start = self._next % len(waiting)
            self._round = (waiting[start:] + waiting[:start])[:AT_ONCE]
            self._next = (start + AT_ONCE) % len(waiting) if len(waiting) > AT_ONCE else 0
        return bool(waiting)

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel_all()


def _news(old: tuple[int | None, float | None], new: tuple[int | None, float | None]) -> bool:
    if old[0] != new[0] or (old[1] is None) != (new[1] is None):
        return True
    if old[1] is None or new[1] is None:
        return False
    difference = abs(new[1] - old[1])
    return difference >= FINE_SECONDS and difference >= COARSE * old[1]
