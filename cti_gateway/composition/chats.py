"""Conversations with visitors of the configured sites: the server for them, and what agents' pages need."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from agent_console.chat_bans import ChatBans
from agent_console.chat_sites import ChatSites
from agent_console.chats import ChatAccess
from agent_console.deps import Visitors
from config.settings import Settings
from cti_gateway.chat.letters import sending
from cti_gateway.chat.setup import ChatDesk, ChatParts
from cti_gateway.chat_setup import AgentFiles, rules_of, shown_of, site_of
from cti_gateway.composition.failures import CannotStart
from cti_gateway.composition.mail import ask_by_mail, fetch_mail, letters_with_files, mail_parts
from cti_gateway.composition.records import mail_server
from cti_gateway.composition.rules import hours_by_queue
from cti_gateway.gateway import Gateway
from interaction_log.chats import Ban
from interaction_log.store.chat_folder import ChatFolder
from webchat.app import visitor_app
from webchat.demo import DemoShop
from webchat.deps import VisitorDeps
from webchat.gate import ban_place
from webchat.sites import Site


async def chats(gateway: Gateway, settings: Settings, *, demo: bool) -> tuple[Visitors | None, ChatAccess]:
    """Started. Without a site there is no server for visitors. ``demo``: with the demo's shop.

    Raises ``CannotStart``.
    """
    store = gateway.store
    if not (settings.site or settings.mailbox):
        nobody = lambda user, of: False  # noqa: E731
        return None, ChatAccess(stored=store.chats, canned=store.canned, concerned=nobody, place=store.mails)
    sites = _sites(settings)
    folder = await _folder(settings, sites)
    desk = ChatDesk(gateway.hub, store.chats, _parts(gateway, settings))
    app = visitor_app(_visitor_deps(gateway, settings, desk, sites, folder, DemoShop() if demo else None))
    desk.attach(app.screens)
    files = AgentFiles(folder, store.chats, list(sites.values()), gateway.hub.wall)
    letters_with_files(desk, files)
    ask_by_mail(gateway, settings, desk)
    await desk.start()
    gateway.extras.append(desk)
    held = fetch_mail(gateway, desk, folder)

    def concerned(user: str, of: str) -> bool:
        rooms = (desk.rooms.all.get(of), desk.mail.open.get(of) if desk.mail is not None else None)
        return any(room is not None and user in room.audience for room in rooms)

    def banned(ban: Ban | None) -> None:
        room = desk.rooms.open_of(ban.value) if ban is not None and ban.kind == "visitor" else None
        if room is not None:
            desk.ending.end(room, "closed")
        app.deps.bans_changed(ban)

    shown = [shown_of(site, desk.parts.sites[key]) for key, site in sites.items()]
    access = ChatAccess(
        stored=store.chats,
        canned=store.canned,
        concerned=concerned,
        files=files,
        bans=ChatBans(place=ban_place, changed=banned) if settings.site else None,
        sites=ChatSites(stored=store.chats, sites=shown, connected=app.deps.tabs.by_site),
        place=store.mails,
        held=held,
    )
    return (app if settings.site else None), access


def _sites(settings: Settings) -> dict[str, Site]:
    """By key."""
    try:
        return {one.key: site_of(one) for one in settings.site}
    except ValueError as error:
        raise CannotStart(str(error)) from error


async def _folder(settings: Settings, sites: Mapping[str, Site]) -> ChatFolder:
    """Where the files of chats are; it must be usable where a site takes files."""
    folder = ChatFolder(settings.chat.folder, settings.chat.scanner)
    fault = await asyncio.to_thread(folder.fault)
    if fault is not None and any(site.files for site in sites.values()):
        raise CannotStart(f"[chat] folder {settings.chat.folder}: {fault}")
    return folder


def _parts(gateway: Gateway, settings: Settings) -> ChatParts:
    store, mail = gateway.store, mail_server(settings)
    queues = {one.name: one.pbx for one in reversed(settings.queue)}
    return ChatParts(
        sites={one.key: rules_of(one, queues) for one in settings.site},
        region=settings.phone.default_region,
        hours=hours_by_queue(settings),
        claims=store.identity.claims,
        surveys=store.surveys,
        sender=mail.sender if mail is not None else "",
        send=sending(mail) if mail is not None else None,
        ended=store.interactions.ended,
        **mail_parts(gateway, settings),
        tell_agents=settings.supervision.tell_agent,
    )


def _visitor_deps(
    gateway: Gateway,
    settings: Settings,
    desk: ChatDesk,
    sites: Mapping[str, Site],
    folder: ChatFolder,
    shop: DemoShop | None,
) -> VisitorDeps:
    return VisitorDeps(
        chats=desk.chats,
        store=gateway.store.chats,
        sites=sites,
        folder=folder,
        public_url=settings.http.public_url,
        trusted_proxies=settings.http.trusted_proxies,
        wall=gateway.hub.wall,
        shop=shop,
    )
