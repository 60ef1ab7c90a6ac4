"""The live counters beside the hub: they hear its events, and become the figures that screens and alarms see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from agent_console.wire import ChannelView, QueueView, WindowView
from interaction_log import events as e
from interaction_log.devices import at_console
from interaction_log.interaction import Interaction
from interaction_log.metrics import SERVICE_LEVEL_SECONDS
from interaction_log.periods import midnight
from interaction_log.store.live import StoredVisit
from routing import commands as c
from routing.alarms import Reading
from routing.figures import QueueFigures, member_figures
from routing.live import HOUR, LiveCounts
from routing.live_window import Key, Visit, percent

if TYPE_CHECKING:
    from cti_gateway.hub import Hub

Place = tuple[str, str]
"""PBX (empty: none) and queue."""
_KNOWN: Final = ("offered", "answered", "abandoned", "abandoned_short", "answered_in", "waiting")


class LiveFigures:
    """Figures of all queues and channels. Everything runs on the event loop; a step takes microseconds."""

    HEARS: Final = (
        e.QueueEntered,
        e.QueueLeft,
        e.InteractionEnded,
        e.InteractionAmended,
        e.AgentConnected,
        e.AgentDisconnected,
        e.CallbackRequested,
    )

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.counts = LiveCounts("UTC", self._level)
        self._levels: dict[Place, float] = {}

    def oldest(self, zone: str) -> float:
        """From when on visits count in this time zone: the last midnight, or an hour ago (Unix seconds)."""
        now, place = self._hub.wall(), ZoneInfo(zone)
        return min(float(midnight(datetime.fromtimestamp(now, place).date(), place)), now - HOUR)

    def begin(self, zone: str, stored: Iterable[StoredVisit]) -> None:
        """The site's time zone (IANA), and what the log says of today. Before any event."""
        found: dict[str, tuple[Visit, ...]] = {}
        for one in stored:
            key = (one.pbx, one.queue, one.channel)
            visit = Visit(key, one.entered_at, one.result, one.wait, one.later, one.running, one.promised)
            found[one.interaction_id] = (*found.get(one.interaction_id, ()), visit)
        self._levels = self._now_levels()
        self.counts = LiveCounts(zone, self._level)
        self.counts.restore(found, self._hub.wall())

    def restore(self, interactions: Iterable[Interaction]) -> None:
        """The open interactions of before."""
        for one in interactions:
            self.counts.changed(one, self._hub.wall())

    def noted(self, event: e.Event) -> None:
        """One of these events, after it was taken in."""
        hub = self._hub
        if isinstance(event, e.InteractionEvent):
            one = hub.distributor.interactions.get(event.interaction_id)
            if one is not None and one.queue_visits and self.counts.changed(one, hub.wall()):
                hub.board.changed()
            if isinstance(event, (e.AgentConnected, e.AgentDisconnected)):
                self._in_hand(at_console(event.device))
        elif isinstance(event, e.CallbackRequested) and event.requested_in is not None:
            self.counts.promised(event.requested_in, hub.wall())
            hub.board.changed()

    def _in_hand(self, agent: str | None) -> None:
        """A chat more or less in hand changes no state, and is shown all the same."""
        if agent is not None and agent in self._hub.distributor.agents:
            self._hub.carry_out(c.ShowAgent(agent))

    # --- thresholds ------------------------------------------------------------------------------------

    def _level(self, pbx: str, queue: str) -> float:
        return self._levels.get((pbx, queue), SERVICE_LEVEL_SECONDS)

    def _now_levels(self) -> dict[Place, float]:
        queues = self._hub.distributor.settings.queues
        return {place: float(queue.service_level_seconds) for place, queue in queues.items()}

    async def queues_changed(self) -> None:
        """An administrator may have changed a threshold: what is counted by it is counted anew."""
        before, self._levels = self._levels, self._now_levels()
        for place in before.keys() | self._levels.keys():
            if before.get(place, SERVICE_LEVEL_SECONDS) != self._level(*place):
                for _ in self.counts.relevel(*place):
                    await asyncio.sleep(0)
        self._hub.board.changed()

    # --- figures ---------------------------------------------------------------------------------------

    def _channels(self) -> dict[Place, list[Key]]:
        found: dict[Place, list[Key]] = {}
        for key in sorted(self.counts.known()):
            found.setdefault(key[:2], []).append(key)
        return found

    def queues(self) -> list[QueueView]:
        """Every queue with its channels, by PBX and name."""
        self.counts.advance(self._hub.wall())
        channels = self._channels()
        attached = {*self._hub.pbxs, ""}  # settings may still name a PBX that is no longer attached
        found = [one for one in self._places(channels) if one.pbx in attached]
        return [self._queue(one, channels.get((one.pbx, one.queue), [])) for one in found]

    def _places(self, channels: Mapping[Place, list[Key]]) -> list[QueueFigures]:
        known = {(one.pbx, one.queue): one for one in member_figures(self._hub.distributor)}
        for place in channels.keys() - known.keys():
            known[place] = QueueFigures(*place, place[1])
        for place, figures in known.items():
            if not place[0]:
                self._count_desks(figures)
        return [known[place] for place in sorted(known)]

    def _count_desks(self, figures: QueueFigures) -> None:
        """Of a queue that belongs to no PBX: those whom the distributor would ask."""
        dispatch = self._hub.dispatch
        dispatch.settle()
        for seat in dispatch.engine.crew.seats.values():
            if figures.queue not in seat.queues:
                continue
            if not seat.ready:
                figures.not_ready += 1
            elif seat.in_hand or seat.offered is not None or seat.beside:
                figures.busy += 1
            else:
                figures.ready += 1

    def _queue(self, figures: QueueFigures, keys: list[Key]) -> QueueView:
        each = [self._channel(key) for key in keys]
        since = [one["longest_wait_since"] for one in each if one["longest_wait_since"] is not None]
        return {
            "pbx": figures.pbx,
            "queue": figures.queue,
            "label": figures.label,
            "waiting": sum(one["waiting"] for one in each),
            "longest_wait_since": min(since, default=None),
            "ready": figures.ready,
            "busy": figures.busy,
            "not_ready": figures.not_ready,
            "channels": each,
            "level_seconds": self._level(figures.pbx, figures.queue),
        }

    def _channel(self, key: Key) -> ChannelView:
        figures = self.counts.figures(key)
        return {
            "channel": key[2],
            "waiting": figures.waiting,
            "longest_wait_since": figures.longest_wait_since,
            "talking": figures.talking,
            "today": window_view(figures.today),
            "hour": window_view(figures.hour),
            "half_hour": window_view(figures.half_hour),
        }

    def readings(self, views: Iterable[QueueView]) -> list[Reading]:
        """The same for alarms; a queue in which nothing was yet is one too."""
        found = []
        for view in views:
            usual: Key = (view["pbx"], view["queue"], "voice" if view["pbx"] else "chat")
            keys: list[Key] = [(view["pbx"], view["queue"], one["channel"]) for one in view.get("channels", ())]
            found += [Reading(key, self.counts.figures(key), view["ready"]) for key in keys or [usual]]
        return found


def window_view(sums: Mapping[str, int]) -> WindowView:
    """Sums of a stretch of time as screens show them."""
    of = {name: sums.get(name, 0) for name in _KNOWN}
    return {
        "offered": of["offered"],
        "answered": of["answered"],
        "abandoned": of["abandoned"],
        "abandoned_short": of["abandoned_short"],
        "other": of["offered"] - of["answered"] - of["abandoned"] - of["abandoned_short"] - of["waiting"],
        "answered_in": of["answered_in"],
        "counted": of["offered"] - of["abandoned_short"] - of["waiting"],
        "service_level": percent("service_level", sums),
        "abandon_rate": percent("abandon_rate", sums),
    }
