"""``cti run``: everything put together in order, served until a signal or another leader ends it."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import replace
from typing import Final

from agent_console.consoles import Consoles
from config.settings import Settings
from cti_gateway import __version__, logs
from cti_gateway.composition.chats import chats
from cti_gateway.composition.console import console_deps, listen, tell_followers
from cti_gateway.composition.demo import furnish, greeting, refuse_accounts
from cti_gateway.composition.failures import CannotStart
from cti_gateway.composition.recordings import recordings
from cti_gateway.composition.records import audit, identities, imports, keep_records, privacy_work, reports
from cti_gateway.composition.resuming import take_over
from cti_gateway.composition.rules import name_queues, set_routing, set_rules
from cti_gateway.composition.stores import LogNews, open_stores
from cti_gateway.composition.voice import add_pbxs, call_entry, console_callbacks, mailboxes
from cti_gateway.gateway import Gateway
from cti_gateway.hub import Hub
from cti_gateway.lines import Lines
from cti_gateway.memory import Looks, spare_collections
from cti_gateway.pbx import Pbx
from interaction_log.store import EventLog, Store
from routing.distributor import Distributor
from routing.distributor import Settings as Rules

log = logging.getLogger(__name__)

DONE: Final = 0
AGAIN: Final = -1
"""Not an exit code: the process lost the lead and begins anew."""
READY_SECONDS: Final = 20.0
"""How long the demo waits for its own simulator before it says that something is wrong."""


async def serve(settings: Settings, *, demo: bool, simulated: bool) -> int:
    """Start everything, wait for SIGTERM or SIGINT, stop everything."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    logs.set_up(settings.log.level, settings.log.format, settings.log.personal)
    deposed = asyncio.Event()
    gateway = await open_gateway(settings, stop, deposed, demo=demo, simulated=simulated)
    if gateway is None:
        return DONE
    try:
        gateway.start_links()
        await _announce(gateway, settings, demo, stop)
        spare_collections()
        looks = Looks()
        looks.start()
        gateway.extras.append(looks)
        await _first(stop, deposed)
    finally:
        log.info("another process leads: stepping back" if deposed.is_set() else "stopping")
        await gateway.stop(deposed=deposed.is_set())
    return AGAIN if deposed.is_set() and not stop.is_set() else DONE


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    waits = [asyncio.create_task(one.wait()) for one in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in waits:
        one.cancel()


async def open_gateway(
    settings: Settings, stop: asyncio.Event, deposed: asyncio.Event, *, demo: bool, simulated: bool
) -> Gateway | None:
    """Stores, hub, consoles: ready to serve, not yet connected to a PBX. ``None``: it shall end before it leads."""
    news = LogNews(asyncio.get_running_loop(), deposed)
    opened = await open_stores(settings, news, stop, wait=not demo)
    if opened is None:
        return None
    gateway = _gateway(*opened, news)
    try:
        if demo:
            settings = await furnish(gateway, settings, simulated=simulated)
        else:
            await refuse_accounts(gateway)
        await _put_together(gateway, settings, demo)
    except BaseException:
        await gateway.stop()
        raise
    return gateway


def _gateway(event_log: EventLog, store: Store, news: LogNews) -> Gateway:
    hub = Hub(Distributor(Rules()), event_log, store.customers, store.users, store.catalogue)
    news.hub = hub
    return Gateway(event_log, store, hub)


async def _put_together(gateway: Gateway, settings: Settings, demo: bool) -> None:
    """Everything between the stores and the sockets, in the order in which one needs the other."""
    hub, store = gateway.hub, gateway.store
    await name_queues(store, settings)
    set_rules(hub, settings)
    consoles = _attach(gateway)
    audit(gateway)
    heard, places = recordings(gateway, settings)
    boxes = mailboxes(settings)
    privacy = privacy_work(gateway, settings, places, boxes)
    add_pbxs(gateway, settings, boxes)
    await hub.load()
    identity = identities(gateway, settings)  # who calls is weighed from the first look-up on
    set_routing(hub, settings)
    await take_over(gateway, settings, absent=demo)
    lines = Lines(hub, store.callbacks)
    lines.region = settings.phone.default_region
    lines.own = await console_callbacks(gateway, settings)
    calendars = keep_records(gateway, settings, consoles)
    deps = replace(
        console_deps(gateway, settings, consoles),
        calendars=calendars,
        imports=imports(gateway, settings),
        identity=identity,
        reports=reports(gateway, settings),
        lines=lines,
        voicemail=boxes.folder,
        recordings=heard,
        privacy=privacy,
    )
    visitors, chat_access = await chats(gateway, settings, demo=demo)
    await listen(gateway, settings, replace(deps, visitors=visitors, chats=chat_access))
    tell_followers(gateway, settings)
    store.feed.start()
    privacy.start()
    gateway.extras += [store.feed, privacy]
    entry = await call_entry(gateway, settings)
    if entry is not None:
        lines.callbacks = entry.callbacks


def _attach(gateway: Gateway) -> Consoles:
    """The consoles at the hub, and what the hub asks of the log and the stores."""
    hub, store = gateway.hub, gateway.store
    consoles = Consoles(gateway.log.next_seq)
    hub.attach(consoles)
    hub.log_health = lambda: gateway.log.state
    hub.supervision.audit = store.audit
    hub.memberships.teams = store.teams.teams
    return consoles


async def _announce(gateway: Gateway, settings: Settings, demo: bool, stop: asyncio.Event) -> None:
    """Say where we are, once it is true. The demo is ready when its calls can come."""
    if demo:
        await _connected(list(gateway.hub.pbxs.values()), stop)
    if stop.is_set() or gateway.server is None:
        return
    host = "127.0.0.1" if settings.http.host in ("0.0.0.0", "::") else settings.http.host  # noqa: S104
    scheme = "http" if settings.http.certificate is None else "https"
    origin = f"{scheme}://{host}:{gateway.server.port}"
    lines = [f"Callweave {__version__} is ready: {settings.http.public_url or f'{origin}/'}"]
    if demo:
        lines += greeting(origin, shop=gateway.shop)
    print("\n".join(lines), flush=True)


async def _connected(pbxs: list[Pbx], stop: asyncio.Event) -> None:
    """Wait for every PBX. Raises ``CannotStart`` after ``READY_SECONDS``."""
    loop = asyncio.get_running_loop()
    waiting = loop.time() + READY_SECONDS
    while not all(pbx.ready_since for pbx in pbxs) and not stop.is_set():
        if loop.time() > waiting:
            raise CannotStart("the PBX cannot be reached: " + "; ".join(map(_unreached, pbxs)))
        await asyncio.sleep(0.02)


def _unreached(pbx: Pbx) -> str:
    state = pbx.states.get("events")
    return f"{pbx.name}: {state.reason or state.name}" if state is not None else pbx.name
