"""The log and the stores opened, as leader or, where another process leads, once this one does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from agent_console.server import Server, listen, tls_context
from agent_console.standby import StandbyApp
from config.settings import Http, Settings
from cti_gateway.bus import Ear, prometheus
from cti_gateway.composition.database import master_key, not_opened, open_store
from cti_gateway.composition.failures import CannotStart
from cti_gateway.hub import Hub
from cti_gateway.standby import Standby
from interaction_log.store import EventLog, LeaseHeld, LogState, SchemaTooNew, Store, lease
from interaction_log.store.engine import open_engine
from interaction_log.store.master_key import load
from interaction_log.store.writer import LED_BY_ANOTHER

log = logging.getLogger(__name__)


class LogNews:
    """What the log says of its own state, told to our log, to the hub, and to whoever waits for the end of our lead.

    Called from the log's threads.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, deposed: asyncio.Event) -> None:
        self._loop, self._deposed = loop, deposed
        self.hub: Hub | None = None
        """Told from then on."""

    def __call__(self, state: LogState) -> None:
        """Tell them."""
        level = logging.INFO if state.name == "ok" else logging.ERROR
        log.log(level, "the log is %s%s", state.name, f": {state.reason}" if state.reason else "")
        if state.reason == LED_BY_ANOTHER:
            self._loop.call_soon_threadsafe(self._deposed.set)
        if self.hub is not None:
            self.hub.log_changed(state)


async def open_stores(
    settings: Settings, news: LogNews, stop: asyncio.Event, *, wait: bool
) -> tuple[EventLog, Store] | None:
    """The log, whose lead we have, and the stores; ``None``: the program shall end before it leads.

    ``wait``: where another process leads, follow it. Raises ``CannotStart``.
    """
    try:
        key = await asyncio.to_thread(master_key, settings)
        event_log = await _open_log(settings, key, news, stop, wait=wait)
        if event_log is None:
            return None
        return event_log, await asyncio.to_thread(open_store, settings, key)
    except (LeaseHeld, SchemaTooNew, ValueError) as error:
        raise CannotStart(str(error)) from error
    except Exception as error:
        raise CannotStart(not_opened(settings.database.url, error)) from error


async def _open_log(
    settings: Settings, key: Path, news: LogNews, stop: asyncio.Event, *, wait: bool
) -> EventLog | None:
    database = settings.database
    open_log = partial(
        EventLog.open,
        database.url,
        database.journal / "events.journal",
        on_state=news,
        journal_bytes=database.journal_megabytes * 1024 * 1024,
        master=load(key),
    )
    try:
        return await asyncio.to_thread(open_log)
    except LeaseHeld:
        if not wait:
            raise
        return await _lead(settings, open_log, stop)


async def _lead(settings: Settings, open_log: Callable[[], EventLog], stop: asyncio.Event) -> EventLog | None:
    """Follow whoever leads, and say so at our address, until this process leads; ``None``: it shall end before."""
    engine = open_engine(settings.database.url, writes=False, size=1)
    standby = Standby(partial(lease.look, engine), open_log, time.time)
    ear = Ear(settings.redis.url.get_secret_value(), standby.news.set) if settings.redis is not None else None
    if ear is not None:
        standby.live = lambda: ear.heard.figures
        ear.start()
    page = await _say_who_leads(settings.http, standby)
    try:
        return await standby.lead(stop)
    finally:
        engine.dispose()
        if ear is not None:
            await ear.stop()
        if page is not None:
            await page.stop()


async def _say_who_leads(http: Http, standby: Standby) -> Server | None:
    """A page at our own address; ``None`` where the leader, on this host, has it."""
    page: Server | None = None
    try:
        tls = tls_context(http.certificate, http.key) if http.certificate is not None else None
        app = StandbyApp(standby.view, lambda: prometheus(standby.live() or {}))
        page = Server(app, listen(http.host, http.port), tls)
        await page.start()
        log.info("this follower answers on %s:%d", http.host, page.port)
    except OSError as error:  # the leader of this host has it, and leaves it to us when he goes
        log.info("this follower answers nobody: %s:%d: %s", http.host, http.port, error.strerror)
    return page
