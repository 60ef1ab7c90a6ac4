"""One conversation as the people in it see it: a state by one table, who is in it, who has read what. Pure.

The interaction's events move it (``rooms``); what is written stands in the store, and only the newest lines are kept
here, for consoles that open.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from interaction_log.chats import StoredLine
from webchat.wire import Ending, State

Trigger = Literal[
    "offered",  # an agent is asked
    "offer_over",  # nobody is asked any more
    "connected",  # an agent took it
    "alone",  # the last agent left, and somebody else is to come
    "ended",
]
TABLE: Final[dict[State, dict[Trigger, State]]] = {
    "waiting": {"offered": "offered", "connected": "talking", "ended": "ended"},
    "offered": {"offer_over": "waiting", "connected": "talking", "ended": "ended"},
    # A colleague who is asked while the first agent is still there (a transfer) changes nothing for the visitor.
    "talking": {"alone": "waiting", "ended": "ended"},
    "ended": {},
}
NEWEST: Final = 30
"""Lines kept for consoles that open; the others are in the store."""
MOST_PAGES: Final = 50
"""Pages of a trail kept at hand."""
Cobrowsing = Literal["off", "asked", "on"]


@dataclass(frozen=True, slots=True)
class Page:
    """A page that the visitor looked at, told with his consent. ``at``: Unix seconds."""

    at: float
    url: str
    title: str


@dataclass(slots=True)
class Room:
    """A conversation that is not over, or was over just now. Times: Unix seconds; ``read`` by agent's name."""

    id: str
    """Of the conversation and of its interaction."""
    visitor: str
    site: str
    pbx: str
    queue: str
    language: str = "en"
    name: str | None = None
    verified: bool = False
    login: str | None = None
    """As which user the site vouches for him, with the site's key in front."""
    stored: str | None = None
    """The conversation in the store, where this is a contact by mail in one that began otherwise."""
    by_mail: bool = False
    """Nobody is at a browser: what an agent writes goes out as a mail, and nothing closes by itself."""
    form: dict[str, str] = field(default_factory=dict)
    state: State = "waiting"
    members: dict[str, None] = field(default_factory=dict)
    asked: dict[str, None] = field(default_factory=dict)
    joined: dict[str, bool] = field(default_factory=dict)
    """Supervisors in it; whether silently."""
    sent_on_by: str | None = None
    """Who is passing it on."""
    last: int = 0
    seen: int = 0
    """The highest number that the visitor saw."""
    answered: int = 0
    """The highest number that an agent saw."""
    read: dict[str, int] = field(default_factory=dict)
    online: bool = True
    gone_at: float | None = None
    """When his last connection went away."""
    page: str | None = None
    trail: deque[Page] = field(default_factory=lambda: deque(maxlen=MOST_PAGES))
    lines: deque[StoredLine] = field(default_factory=lambda: deque(maxlen=NEWEST))
    cobrowse: Cobrowsing = "off"
    spoke_at: float = 0.0
    """When anybody wrote last."""
    spoke_by: Literal["visitor", "agent", "system"] = "visitor"
    warned: bool = False
    """He was told that it will close by itself."""
    idle_at: float | None = None
    """When it closes by itself, unless he writes."""
    ended_by: Ending | None = None
    goes_on: str | None = None
    """The mail address at which he wants to go on when he leaves."""
    rating: int | None = None
    shown: tuple[int | None, float | None] = (None, None)
    """Position and estimate that the visitor was told last."""

    @property
    def conversation(self) -> str:
        """Where what is written stands in the store."""
        return self.stored or self.id

    def move(self, trigger: Trigger) -> bool:
        """Take a trigger by the table; whether the state changed."""
        state = TABLE[self.state].get(trigger)
        if state is None or state == self.state:
            return False
        self.state = state
        return True

    @property
    def people(self) -> list[str]:
        """Agents and supervisors who see what is written."""
        return [*self.members, *(one for one in self.joined if one not in self.members)]

    @property
    def audience(self) -> list[str]:
        """The same, and who is asked to take it."""
        return list(dict.fromkeys([*self.members, *self.joined, *self.asked]))

    def keep(self, line: StoredLine) -> bool:
        """Take a written line in; whether it is new here. Lines may come in any order and again."""
        if any(one.number == line.number for one in self.lines):
            return False
        if line.number <= self.last and len(self.lines) == NEWEST and line.number < self.lines[0].number:
            return False
        behind = not self.lines or line.number > self.lines[-1].number
        self.lines.append(line)
        if not behind:
            self._sort(self.lines)
        self.last = max(self.last, line.number)
        return True

    def _sort(self, lines: Iterable[StoredLine]) -> None:
        ordered = sorted(lines, key=lambda one: one.number)
        self.lines.clear()
        self.lines.extend(ordered)
