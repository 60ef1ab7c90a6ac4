"""The PBXs with their links and mailboxes, the call entry, and callbacks that agents make."""

from __future__ import annotations

from agent_console.phones import BrowserPhones
from config.settings import Pbx as PbxSettings
from config.settings import Settings
from cti_gateway.callbacks import may_call
from cti_gateway.composition.failures import CannotStart
from cti_gateway.console_callbacks import ConsoleCallbacks
from cti_gateway.entry_setup import CallEntry, callback_rules, open_entry
from cti_gateway.gateway import Gateway
from cti_gateway.hub import Hub
from cti_gateway.pbx import Pbx
from cti_gateway.service import AmiLink, LinkSettings, PbxLink
from cti_gateway.tracking.parties import PbxProfile
from cti_gateway.voicemail import Mailboxes, Voicemail
from routing.hours import HoursError


def mailboxes(settings: Settings) -> Mailboxes:
    """Where the messages are, and who works them."""
    found = {pbx.name: settings.voicemail.folder_of(pbx.name) for pbx in settings.pbx}
    return Mailboxes(
        folders={name: folder for name, folder in found.items() if folder is not None},
        shared=settings.voicemail.mailboxes,
        queues=settings.voicemail.queues,
    )


def add_pbxs(gateway: Gateway, settings: Settings, boxes: Mailboxes) -> None:
    """Every PBX with its links; not connected yet."""
    hub = gateway.hub
    voicemail = Voicemail(hub, boxes, gateway.store.missed)
    for pbx in settings.pbx:
        hub.add(_pbx(pbx, settings.phone.default_region, hub, voicemail))


def _pbx(settings: PbxSettings, region: str, hub: Hub, voicemail: Voicemail) -> Pbx:
    """One PBX with its links."""
    from twisted.internet import reactor  # noqa: PLC0415

    pbx = Pbx(_profile(settings, region), voicemail.take, hub.spawn, context=settings.context)
    where = _link_settings(settings, settings.username, settings.secret.get_secret_value())
    link = PbxLink.to(where, reactor, on_messages=pbx.on_messages, on_state=pbx.on_state)
    system = None
    if settings.system_username is not None and settings.system_secret is not None:
        secret = settings.system_secret.get_secret_value()
        system = AmiLink(_link_settings(settings, settings.system_username, secret), reactor, role="actions")
    pbx.attach(link, system)
    return pbx


def _profile(settings: PbxSettings, region: str) -> PbxProfile:
    return PbxProfile(
        name=settings.name,
        devices=settings.devices,
        trunks=settings.trunks,
        outbound_prefix=settings.outbound_prefix,
        default_region=region,
        queue_extensions=tuple(settings.queue_extensions.items()),
    )


def _link_settings(settings: PbxSettings, username: str, secret: str) -> LinkSettings:
    return LinkSettings(
        name=settings.name,
        host=settings.host,
        port=settings.port,
        username=username,
        secret=secret,
        tls=settings.tls,
        tls_verify=settings.tls_verify,
        tls_ca=str(settings.tls_ca) if settings.tls_ca is not None else None,
        auth=settings.auth,
    )


def browser_phones(settings: PbxSettings) -> BrowserPhones:
    """The telephones in the browser of one PBX."""
    return BrowserPhones(
        pbx=settings.name,
        websocket_url=settings.websocket_url or "",
        devices=settings.browser_devices,
        secrets={user: secret.get_secret_value() for user, secret in settings.browser_secrets.items()},
        secret=settings.browser_secret.get_secret_value() if settings.browser_secret is not None else None,
    )


async def console_callbacks(gateway: Gateway, settings: Settings) -> ConsoleCallbacks:
    """Callbacks that agents are asked to take at their consoles."""
    hub, entry = gateway.hub, settings.entry
    abroad = entry is not None and entry.callback_abroad
    own = ConsoleCallbacks(
        hub,
        gateway.store.callbacks,
        lambda address: may_call(address, settings.phone.default_region, abroad),
        callback_rules(entry),
    )
    hub.dispatch.callbacks = own
    hub.listen(own.noted, own.hears)
    await own.start()
    return own


async def call_entry(gateway: Gateway, settings: Settings) -> CallEntry | None:
    """Who answers the dialplan's questions, where that is wanted. Raises ``CannotStart``."""
    from twisted.internet import reactor  # noqa: PLC0415
    from twisted.internet.error import CannotListenError  # noqa: PLC0415

    if settings.entry is None:
        return None
    region, store = settings.phone.default_region, gateway.store
    try:
        entry = await open_entry(gateway.hub, store.callbacks, settings.entry, region, reactor, store.surveys)
    except HoursError as error:
        raise CannotStart(str(error)) from error
    except (CannotListenError, OSError) as error:
        raise CannotStart("[entry] socket cannot be listened on") from error
    gateway.extras.append(entry)
    return entry
