"""The demo: its customers and accounts, which no other database may have."""

from __future__ import annotations

import time

from config.settings import Settings
from cti_gateway.composition.failures import CannotStart
from cti_gateway.gateway import Gateway
from interaction_log import demo


async def furnish(gateway: Gateway, settings: Settings, *, simulated: bool) -> Settings:
    """Demo customers, accounts and, unless the configuration has sites, a shop; with ``simulated`` also a PBX, in this
    process, over real TCP."""
    names = {user.name for user in await gateway.store.users.all()}
    if names and not names >= {user.name for user in demo.USERS}:
        raise CannotStart("--demo fills an empty database or one of its own; this one has other users")
    gateway.seeded = await demo.seed(gateway.store, gateway.log, now=time.time())
    from cti_gateway.composition.demo_pbx import SHOP, shop, simulated_site  # noqa: PLC0415 (others need no simulator)

    if simulated:
        settings = settings.model_copy(update=await simulated_site(gateway))
    elif settings.queue and not settings.site:
        settings = settings.model_copy(update={"site": (shop(settings.queue[0].name),)})
    gateway.shop = any(site.key == SHOP for site in settings.site)
    return settings


async def refuse_accounts(gateway: Gateway) -> None:
    """Accounts whose password everybody knows are for the demo only."""
    there = {user.name for user in await gateway.store.users.all()}  # checking a password costs a fifth of a second
    for user in demo.USERS:
        if user.name in there and await gateway.store.users.check_password(user.name, demo.PASSWORD) is not None:
            raise CannotStart(
                f"this database has the demo account {user.name!r} with its well-known password; "
                "use another database, or set passwords with `cti user`"
            )


def greeting(origin: str, *, shop: bool) -> list[str]:
    """Who may sign in, and where the ``shop`` is."""
    people = ", ".join(f"{user.name} ({user.role})" for user in demo.USERS)
    return [
        f"sign in as {people}; password {demo.PASSWORD}",
        *([f"a shop with a chat: {origin}/chat/demo/"] if shop else []),
        "Ctrl-C stops it",
    ]
