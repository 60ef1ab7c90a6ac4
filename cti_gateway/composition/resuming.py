"""What was before the start, out of the database."""

from __future__ import annotations

import asyncio

from config.settings import Settings
from cti_gateway.gateway import Gateway
from interaction_log.store.live import visits_since
from interaction_log.store.seats import last_states, last_word


async def take_over(gateway: Gateway, settings: Settings, *, absent: bool) -> None:
    """The state of before. ``absent``: see ``Gateway.restore``."""
    url = settings.database.url
    states, spoke = await asyncio.to_thread(last_states, url), await asyncio.to_thread(last_word, url)
    await _live_figures(gateway, settings)
    await gateway.restore(states, None if gateway.seeded else spoke, absent=absent)
    await gateway.store.customers.rehearse()


async def _live_figures(gateway: Gateway, settings: Settings) -> None:
    """Counters of today out of the log, alarms that are raised still, messages that nobody has read."""
    hub, store = gateway.hub, gateway.store
    zone = settings.supervision.timezone or next(
        (one.timezone for one in (settings.entry.hours if settings.entry is not None else ())), "UTC"
    )
    since = hub.live.oldest(zone)
    hub.live.begin(zone, await asyncio.to_thread(visits_since, settings.database.url, since))
    hub.supervision.hands.sight = store.teams.sight
    await hub.alarms.load(store.alarms)
    await hub.messages.load(store.messages)
