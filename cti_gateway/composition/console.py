"""The console server: what it stands on, and where it listens."""

from __future__ import annotations

from collections import Counter
from typing import Any

from agent_console.alarms import AlarmAccess
from agent_console.app import build_app
from agent_console.consoles import Consoles
from agent_console.deps import ConsoleDeps
from agent_console.describing import warm
from agent_console.ports import Part
from agent_console.server import serve, tls_context
from config.settings import Settings
from cti_gateway import __version__
from cti_gateway.bus import Bus
from cti_gateway.composition.failures import CannotStart, cause
from cti_gateway.composition.voice import browser_phones
from cti_gateway.gateway import Gateway


def console_deps(gateway: Gateway, settings: Settings, consoles: Consoles) -> ConsoleDeps:
    """What the console server stands on: stores and settings. Parts that run are put in by their makers."""
    store, http = gateway.store, settings.http
    return ConsoleDeps(
        users=store.users,
        customers=store.customers,
        interactions=store.interactions,
        catalogue=store.catalogue,
        missed=store.missed,
        knowledge=store.knowledge,
        surveys=store.surveys,
        search=store.search,
        history=store.history,
        records=store.records,
        teams=store.teams,
        trail=store.audit,
        alarms=AlarmAccess(store.alarms, gateway.hub.alarms.rules_changed),
        crm=settings.crm.pages() if settings.crm is not None else (),
        live=gateway.hub,
        consoles=consoles,
        version=__version__,
        public_url=http.public_url,
        tls=http.certificate is not None,
        trusted_proxies=http.trusted_proxies,
        browser_phones=[browser_phones(pbx) for pbx in settings.pbx if pbx.websocket_url is not None],
    )


async def listen(gateway: Gateway, settings: Settings, deps: ConsoleDeps) -> None:
    """Serve the consoles. Raises ``CannotStart``."""
    http = settings.http
    try:
        tls = tls_context(http.certificate, http.key) if http.certificate is not None else None
    except (OSError, ValueError) as error:
        raise CannotStart(f"[http] certificate or key cannot be used: {cause(error)}") from error
    app = build_app(deps)
    await warm(app.api)
    try:
        gateway.server = await serve(app, http.host, http.port, tls)
    except OSError as error:
        raise CannotStart(f"{http.host}:{http.port} cannot be listened on: {error.strerror}") from error


def tell_followers(gateway: Gateway, settings: Settings) -> None:
    """With Redis, followers show the live figures and hear at once when this leader goes."""
    if settings.redis is None:
        return
    hub = gateway.hub

    def figures() -> dict[str, Any]:
        return {"queues": hub.board.views, "agents": Counter(one.state for one in hub.distributor.agents.values())}

    def part() -> Part:
        state, age = bus.state, max(0.0, hub.wall() - bus.state.since)
        word = "up" if state.up else "lost"
        return Part(name="redis", ok=state.up, state=word, age_seconds=age, detail=state.reason, required=False)

    bus = Bus(settings.redis.url.get_secret_value(), figures, hub.wall)
    bus.start()
    hub.parts.append(part)
    gateway.extras.append(bus)
    gateway.farewells.append(bus.farewell)
