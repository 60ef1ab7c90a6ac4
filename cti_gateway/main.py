"""The command ``cti`` and the only composition root: nobody else reads the configuration or imports everything.

The event loop comes first (uvloop with Twisted's reactor on it), before anything can import
``twisted.internet.reactor``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import inspect
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from cti_gateway import __version__, compiled
from cti_gateway.memory import spare_collections

if TYPE_CHECKING:
    from pathlib import Path

    from agent_console.chats import ChatAccess
    from agent_console.consoles import Consoles
    from agent_console.deps import ConsoleDeps, Visitors
    from agent_console.imports import ImportAccess
    from agent_console.phones import BrowserPhones
    from agent_console.recordings import RecordingAccess, RecordingPlaces
    from agent_console.reports import ReportAccess
    from config.settings import Pbx as PbxSettings
    from config.settings import Settings
    from config.sites import Site as SiteSettings
    from cti_gateway.console_callbacks import ConsoleCallbacks
    from cti_gateway.entry_setup import CallEntry
    from cti_gateway.gateway import Gateway
    from cti_gateway.hub import Hub
    from cti_gateway.pbx import Pbx
    from cti_gateway.retention import PrivacyWork
    from cti_gateway.schedules import MailServer
    from cti_gateway.voicemail import Mailboxes, Voicemail
    from interaction_log.store import EventLog, LogState, Store
    from routing.acd.model import QueueRule
    from routing.capacity import Capacity
    from routing.hours import Hours
    from routing.identity_ports import Identity

log = logging.getLogger(__name__)

DONE, FAILED, WRONG_USE = 0, 1, 2
AGAIN: Final = -1
"""Not an exit code: the process lost the lead and begins anew."""
_STORE_PARTS: Final = {
    "customers": ("imports", "audit"),
    "user": ("users", "audit"),
    "audit": ("audit",),
    "reports": ("reports", "interactions", "orders"),
    "route": ("told", "catalogue"),
}
DEMO_DATABASE: Final = "sqlite:///var/demo.db"
READY_SECONDS: Final = 20.0
"""How long the demo waits for its own simulator before it says that something is wrong."""


SWITCH_SECONDS: Final = 0.0005
"""How long a thread that computes (a look-up, the log's writer) may keep the loop waiting; Python's default is 5 ms."""


class CannotStart(Exception):
    """The program cannot start; the text says why, in plain words and without secrets."""


# --- the command line ------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 failed, 2 wrong use."""
    compiled.use()  # before anything imports what is compiled
    from config.settings import ConfigError  # noqa: PLC0415
    from cti_gateway.cli import commands as cli  # noqa: PLC0415

    arguments = cli.parser().parse_args(argv)
    try:
        return _run(arguments) if arguments.command == "run" else _command(arguments)
    except ConfigError as error:
        print("\n".join(f"cti {arguments.command}: {line}" for line in error.lines), file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:  # whoever read our output went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _command(arguments: argparse.Namespace) -> int:
    """Any command but ``run``: it gets the settings, or the part of the store that it works on."""
    from config.settings import load, load_offline  # noqa: PLC0415
    from cti_gateway.cli import commands as cli  # noqa: PLC0415

    module = importlib.import_module(f"cti_gateway.cli.{arguments.command.replace('-', '_')}")
    if arguments.command == "init":  # it makes the configuration
        return int(module.run(arguments))
    path = cli.config_path(arguments, os.environ)
    if arguments.command == "replay":  # it connects to nothing
        return int(module.run(arguments, load_offline(path) if path is not None else None))
    settings = load(path, os.environ)
    parts = _STORE_PARTS.get(arguments.command)
    if parts is not None and settings is not None:
        if arguments.command == "reports":
            trunks = [glob for pbx in settings.pbx for glob in pbx.trunks]
            arguments.region, arguments.trunk = (
                settings.phone.default_region,
                getattr(arguments, "trunk", None) or trunks,
            )
        if arguments.command == "route":
            arguments.rules, arguments.capacity = _routing_rules(settings), _capacity(settings)
        work = partial(_on_parts, module.run, arguments, parts)
        return asyncio.run(_with_store(settings, work))
    result = module.run(arguments, settings)
    return int(asyncio.run(result) if inspect.iscoroutine(result) else result)


async def _on_parts(run: Any, arguments: argparse.Namespace, parts: Sequence[str], store: Any) -> int:
    return int(await run(arguments, *(getattr(store, part) for part in parts)))


async def _with_store(settings: Settings, work: Callable[[Any], Awaitable[int]]) -> int:
    from interaction_log.store import SchemaTooNew, Store  # noqa: PLC0415

    try:
        key, region = _master_key(settings), settings.phone.default_region
        store = await asyncio.to_thread(Store.open, settings.database.url, default_region=region, master_key=key)
    except (SchemaTooNew, ValueError) as error:
        print(f"cti: {error}", file=sys.stderr)
        return FAILED
    except Exception as error:
        print(f"cti: {_not_opened(settings.database.url, error)}", file=sys.stderr)
        return FAILED
    try:
        return await work(store)
    finally:
        await asyncio.to_thread(store.close)


def _run(arguments: argparse.Namespace) -> int:
    """``cti run``: without a ``[[pbx]]`` the demo brings its own, simulated one."""
    from config.settings import load  # noqa: PLC0415
    from cti_gateway.cli import commands as cli  # noqa: PLC0415

    demo = bool(arguments.demo)
    path = None if demo and arguments.config is None else cli.config_path(arguments, os.environ)
    environ = _environ(os.environ, getattr(arguments, "port", None), demo and path is None)
    settings = load(path, environ)
    wanted = getattr(arguments, "pbx", None)
    if not settings.pbx and (not demo or wanted == "real"):
        print("cti run: the configuration names no [[pbx]]; `cti init` makes one", file=sys.stderr)
        return WRONG_USE
    code = run_loop(_serve(settings, demo=demo, simulated=demo and (not settings.pbx or wanted == "sim")))
    if code == AGAIN:  # with a clean memory, as the follower that it is now
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    return code


def _environ(environ: Mapping[str, str], port: int | None, own_database: bool) -> dict[str, str]:
    """What the command line says, as the environment would say it."""
    found = dict(environ)
    if own_database:
        found.setdefault("CTI_DATABASE__URL", DEMO_DATABASE)
        found.setdefault("CTI_DATABASE__JOURNAL", "var/demo-journal")
    if port is not None:
        found["CTI_HTTP__PORT"] = str(port)
    return found


# --- the loop --------------------------------------------------------------------------------------------


def run_loop(work: Coroutine[Any, Any, int]) -> int:
    """Run ``work`` on uvloop with Twisted's reactor; returns its result, 1 if it fails."""
    import uvloop  # noqa: PLC0415
    from twisted.internet import asyncioreactor  # noqa: PLC0415

    sys.setswitchinterval(SWITCH_SECONDS)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    from twisted.internet import reactor as installed  # noqa: PLC0415

    reactor: Any = installed
    code = [FAILED]

    async def whole() -> None:
        try:
            code[0] = await work
        except CannotStart as error:
            print(f"cti: {error}", file=sys.stderr)
        except Exception:
            log.exception("the program failed")
        finally:
            reactor.stop()

    tasks: list[asyncio.Task[None]] = []
    reactor.callWhenRunning(lambda: tasks.append(loop.create_task(whole())))
    reactor.run(installSignalHandlers=False)
    _clean_up(loop)
    return code[0]


def _clean_up(loop: asyncio.AbstractEventLoop) -> None:
    """engine.io leaves its ping sleepers behind."""
    rest = asyncio.all_tasks(loop)
    for task in rest:
        task.cancel()
    with contextlib.suppress(Exception):
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


# --- the program -----------------------------------------------------------------------------------------


async def _serve(settings: Settings, *, demo: bool, simulated: bool) -> int:
    """Start everything, wait for SIGTERM or SIGINT, stop everything."""
    from cti_gateway import logs  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    logs.set_up(settings.log.level, settings.log.format, settings.log.personal)
    deposed = asyncio.Event()
    gateway = await _open(settings, stop, deposed, demo=demo, simulated=simulated)
    if gateway is None:
        return DONE
    try:
        gateway.start_links()
        await _announce(gateway, settings, demo, stop)
        spare_collections()
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


async def _lead(settings: Settings, open_log: Callable[[], EventLog], stop: asyncio.Event) -> EventLog | None:
    """Follow whoever leads, and say so at our address, until this process leads; ``None``: it shall end before."""
    from agent_console.server import Server, listen, tls_context  # noqa: PLC0415
    from agent_console.standby import StandbyApp  # noqa: PLC0415
    from cti_gateway.bus import Ear, prometheus  # noqa: PLC0415
    from cti_gateway.standby import Standby  # noqa: PLC0415
    from interaction_log.store import lease  # noqa: PLC0415
    from interaction_log.store.engine import open_engine  # noqa: PLC0415

    http, engine = settings.http, open_engine(settings.database.url, writes=False, size=1)
    standby = Standby(partial(lease.look, engine), open_log, time.time)
    ear = Ear(settings.redis.url.get_secret_value(), standby.news.set) if settings.redis is not None else None
    page: Server | None = None
    if ear is not None:
        standby.live = lambda: ear.heard.figures
        ear.start()
    try:
        tls = tls_context(http.certificate, http.key) if http.certificate is not None else None
        app = StandbyApp(standby.view, lambda: prometheus(standby.live() or {}))
        page = Server(app, listen(http.host, http.port), tls)
        await page.start()
        log.info("this follower answers on %s:%d", http.host, page.port)
    except OSError as error:  # the leader of this host has it, and leaves it to us when he goes
        log.info("this follower answers nobody: %s:%d: %s", http.host, http.port, error.strerror)
    try:
        return await standby.lead(stop)
    finally:
        engine.dispose()
        if ear is not None:
            await ear.stop()
        if page is not None:
            await page.stop()


async def _open(
    settings: Settings, stop: asyncio.Event, deposed: asyncio.Event, *, demo: bool, simulated: bool
) -> Gateway | None:
    """Stores, hub, consoles: ready to serve, not yet connected to a PBX. ``None``: it shall end before it leads."""
    from cti_gateway.gateway import Gateway  # noqa: PLC0415
    from cti_gateway.hub import Hub  # noqa: PLC0415
    from interaction_log.store import EventLog, LeaseHeld, SchemaTooNew, Store  # noqa: PLC0415
    from interaction_log.store.master_key import load  # noqa: PLC0415
    from interaction_log.store.writer import LED_BY_ANOTHER  # noqa: PLC0415
    from routing.distributor import Distributor  # noqa: PLC0415
    from routing.distributor import Settings as Rules  # noqa: PLC0415

    told: list[Hub] = []

    def log_state(state: LogState) -> None:
        level = logging.INFO if state.name == "ok" else logging.ERROR
        log.log(level, "the log is %s%s", state.name, f": {state.reason}" if state.reason else "")
        if state.reason == LED_BY_ANOTHER:
            loop.call_soon_threadsafe(deposed.set)
        for hub in told:
            hub.log_changed(state)

    loop = asyncio.get_running_loop()
    url, journal = settings.database.url, settings.database.journal / "events.journal"
    size = settings.database.journal_megabytes * 1024 * 1024
    try:
        key = await asyncio.to_thread(_master_key, settings)
        open_log = partial(EventLog.open, url, journal, on_state=log_state, journal_bytes=size, master=load(key))
        try:
            event_log: EventLog | None = await asyncio.to_thread(open_log)
        except LeaseHeld:
            if demo:
                raise
            event_log = await _lead(settings, open_log, stop)
        if event_log is None:
            return None
        region = settings.phone.default_region
        store = await asyncio.to_thread(Store.open, url, default_region=region, master_key=key)
    except (LeaseHeld, SchemaTooNew, ValueError) as error:
        raise CannotStart(str(error)) from error
    except Exception as error:
        raise CannotStart(_not_opened(url, error)) from error
    hub = Hub(Distributor(Rules()), event_log, store.customers, store.users, store.catalogue)
    told.append(hub)
    gateway = Gateway(event_log, store, hub)
    try:
        settings = await _demo(gateway, settings, simulated) if demo else settings
        if not demo:
            await _refuse_demo_accounts(gateway)
        await _put_together(gateway, settings, demo)
    except BaseException:
        await gateway.stop()
        raise
    return gateway


def _master_key(settings: Settings) -> Path:
    """Where the key is; one is made at the first start, unless the configuration names a file. Raises ``KeyFault``."""
    from interaction_log.store.master_key import KeyFault, load_or_make  # noqa: PLC0415

    path = settings.privacy.key_file
    assert path is not None  # the settings have made it whole
    if settings.privacy.given and not path.exists():
        raise KeyFault(f"[privacy] key_file {path} is not there; cti privacy key makes one")
    load_or_make(path)
    return path


async def _put_together(gateway: Gateway, settings: Settings, demo: bool) -> None:
    """Everything between the stores and the sockets. What a topic needs is in a function of its own below."""
    from agent_console.consoles import Consoles  # noqa: PLC0415
    from cti_gateway.lines import Lines  # noqa: PLC0415
    from cti_gateway.trail_head import HeadLog  # noqa: PLC0415

    hub, store = gateway.hub, gateway.store
    await _seed_queues(store, settings)
    _set_rules(hub, settings)
    consoles = Consoles(gateway.log.next_seq)
    hub.attach(consoles)
    hub.log_health = lambda: gateway.log.state
    hub.supervision.audit = store.audit
    hub.memberships.teams = store.teams.teams
    heads = HeadLog(store.audit.head)
    heads.start()
    gateway.extras.append(heads)
    heard, places = _recordings(gateway, settings)
    boxes = _mailboxes(settings)
    privacy = _privacy(gateway, settings, places, boxes)
    _add_pbxs(gateway, settings, boxes)
    await hub.load()
    identity = _identity(gateway, settings)  # who calls is weighed from the first look-up on
    _set_routing(hub, settings)
    await _take_over(gateway, settings, absent=demo)
    lines = Lines(hub, store.callbacks)
    lines.region = settings.phone.default_region
    lines.own = await _console_callbacks(gateway, settings)
    deps = replace(_console_deps(gateway, settings, consoles), records=store.records)
    deps = replace(deps, calendars=_keep_records(gateway, settings, consoles))
    deps = replace(deps, imports=_imports(gateway, settings))
    deps = replace(deps, identity=identity, reports=_reports(gateway, settings))
    visitors, chats = await _chats(gateway, settings, demo)
    deps = replace(deps, visitors=visitors, chats=chats)
    await _listen(
        gateway, settings, replace(deps, lines=lines, voicemail=boxes.folder, recordings=heard, privacy=privacy)
    )
    _tell_followers(gateway, settings)
    store.feed.start()
    gateway.extras.append(store.feed)
    privacy.start()
    gateway.extras.append(privacy)
    if settings.entry is not None:
        entry = await _call_entry(settings, gateway)
        gateway.extras.append(entry)
        lines.callbacks = entry.callbacks


def _tell_followers(gateway: Gateway, settings: Settings) -> None:
    """With Redis, followers show the live figures and hear at once when this leader goes."""
    from collections import Counter  # noqa: PLC0415

    from agent_console.ports import Part  # noqa: PLC0415
    from cti_gateway.bus import Bus  # noqa: PLC0415

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


async def _chats(gateway: Gateway, settings: Settings, demo: bool) -> tuple[Visitors | None, ChatAccess]:
    """Conversations with visitors of the configured sites: the server for them, and what agents' pages need."""
    from agent_console.chats import ChatAccess  # noqa: PLC0415
    from cti_gateway.chat.letters import sending  # noqa: PLC0415
    from cti_gateway.chat.setup import ChatDesk, ChatParts  # noqa: PLC0415
    from cti_gateway.chat_setup import AgentFiles, rules_of, site_of  # noqa: PLC0415
    from interaction_log.store.chat_folder import ChatFolder  # noqa: PLC0415
    from webchat.app import visitor_app  # noqa: PLC0415
    from webchat.demo import DemoShop  # noqa: PLC0415
    from webchat.deps import VisitorDeps  # noqa: PLC0415

    hub, store = gateway.hub, gateway.store
    if not settings.site:
        return None, ChatAccess(stored=store.chats, canned=store.canned, concerned=lambda user, of: False)
    queues = {one.name: one.pbx for one in reversed(settings.queue)}
    try:
        sites = {one.key: site_of(one) for one in settings.site}
    except ValueError as error:
        raise CannotStart(str(error)) from error
    folder = ChatFolder(settings.chat.folder, settings.chat.scanner)
    fault = await asyncio.to_thread(folder.fault)
    if fault is not None and any(site.files for site in sites.values()):
        raise CannotStart(f"[chat] folder {settings.chat.folder}: {fault}")
    mail = _mail_server(settings)
    parts = ChatParts(
        sites={one.key: rules_of(one, queues) for one in settings.site},
        region=settings.phone.default_region,
        hours=_queue_hours(settings),
        claims=store.identity.claims,
        surveys=store.surveys,
        sender=mail.sender if mail is not None else "",
        send=sending(mail) if mail is not None else None,
        ended=store.interactions.ended,
        tell_agents=settings.supervision.tell_agent,
    )
    desk = ChatDesk(hub, store.chats, parts)
    http = settings.http
    app = visitor_app(
        VisitorDeps(
            chats=desk.chats,
            store=store.chats,
            sites=sites,
            folder=folder,
            public_url=http.public_url,
            trusted_proxies=http.trusted_proxies,
            wall=hub.wall,
            shop=DemoShop() if demo else None,
        )
    )
    desk.attach(app.screens)
    await desk.start()
    gateway.extras.append(desk)
    files = AgentFiles(folder, store.chats, list(sites.values()), hub.wall)

    def concerned(user: str, conversation: str) -> bool:
        room = desk.rooms.all.get(conversation)
        return room is not None and user in room.audience

    return app, ChatAccess(stored=store.chats, canned=store.canned, concerned=concerned, files=files)


def _keep_records(gateway: Gateway, settings: Settings, consoles: Consoles) -> list[str]:
    """Due times count in the hours of the call entry, whose names are returned; owners are told of what is due."""
    from cti_gateway.entry_setup import hours_of  # noqa: PLC0415
    from cti_gateway.reminders import Reminders, told  # noqa: PLC0415
    from routing.commands import Notify  # noqa: PLC0415
    from routing.hours import HoursError  # noqa: PLC0415
    from routing.working_time import CalendarTime  # noqa: PLC0415

    hub, records = gateway.hub, gateway.store.records
    try:
        named = {one.name: hours_of(one) for one in (settings.entry.hours if settings.entry is not None else ())}
    except HoursError as error:
        raise CannotStart(str(error)) from error
    records.cases.hours = calendars = CalendarTime(named)
    reminders = Reminders(
        records.tasks, consoles, hub.wall, lambda who, task: hub.carry_out(Notify(who, "info", "task_due", told(task)))
    )
    reminders.start()
    gateway.extras.append(reminders)
    return calendars.names


def _reports(gateway: Gateway, settings: Settings) -> ReportAccess:
    """Reports, orders, and with a mail server the schedules by mail."""
    from agent_console.reports import ReportAccess  # noqa: PLC0415
    from cti_gateway.schedules import ReportPost, posting  # noqa: PLC0415

    store, server = gateway.store, _mail_server(settings)
    if server is not None:
        domain = server.sender.rpartition("@")[2]
        post = ReportPost(store.schedules, store.reports, posting(server), gateway.hub.wall, domain)
        post.start()
        gateway.extras.append(post)
    return ReportAccess(
        reports=store.reports,
        customers=store.customer_views,
        orders=store.orders(settings.phone.default_region),
        shifts=store.shifts(),
        schedules=store.schedules,
        mail=server is not None,
    )


def _mail_server(settings: Settings) -> MailServer | None:
    """Where mails are handed over."""
    from cti_gateway.schedules import MailServer  # noqa: PLC0415

    mail = settings.mail
    if mail is None:
        return None
    return MailServer(
        host=mail.host,
        port=mail.port,
        sender=mail.sender,
        tls=mail.tls,
        user=mail.user,
        password=mail.password.get_secret_value() if mail.password is not None else None,
    )


def _imports(gateway: Gateway, settings: Settings) -> ImportAccess:
    """Files of customers are worked at in a process beside this one; what a crash left is taken up again."""
    from agent_console.imports import ImportAccess  # noqa: PLC0415
    from interaction_log.store.imports_runner import ImportRunner  # noqa: PLC0415

    store, url = gateway.store, settings.database.url

    def changed() -> None:
        store.customers.forget_recent()
        gateway.hub.changed("customers", "*")

    runner = ImportRunner(store.imports, url, settings.phone.default_region, changed)
    runner.start()
    gateway.extras.append(runner)
    return ImportAccess(store.imports, runner.peek, runner.wake, store.imports.export)


def _identity(gateway: Gateway, settings: Settings) -> Identity:
    """Claims are kept from now on; who may be one person is looked for beside the calls."""
    from cti_gateway.identity_upkeep import IdentityUpkeep  # noqa: PLC0415
    from cti_gateway.witness import Witness  # noqa: PLC0415
    from interaction_log.evidence import Policy  # noqa: PLC0415
    from routing.identity_ports import Identity  # noqa: PLC0415

    hub, stored, rules = gateway.hub, gateway.store.identity, settings.identity
    witness = Witness(hub, stored.claims, Policy(unattested=rules.unattested))
    upkeep = IdentityUpkeep(
        stored, gateway.store.audit, hub.wall, rules.merge_automatically, lambda of: hub.changed("customers", of)
    )
    witness.start()
    upkeep.start()
    gateway.extras += [witness, upkeep]
    return Identity(
        merges=stored.merges,
        claims=stored.claims,
        suggestions=stored.suggestions,
        upkeep=upkeep,
        shared_from=rules.shared_from,
    )


def _set_routing(hub: Hub, settings: Settings) -> None:
    """How each queue's chats, mails and callbacks are distributed."""
    from cti_gateway.routing_setup import lists_of  # noqa: PLC0415

    hub.dispatch.configure(_routing_rules(settings), lists_of(settings.queue))


def _routing_rules(settings: Settings) -> list[QueueRule]:
    """The rule of each queue's line."""
    from cti_gateway.routing_setup import rules_of  # noqa: PLC0415

    return rules_of(settings.queue, _queue_hours(settings))


async def _console_callbacks(gateway: Gateway, settings: Settings) -> ConsoleCallbacks:
    """Callbacks that agents are asked to take at their consoles."""
    from cti_gateway.callbacks import may_call  # noqa: PLC0415
    from cti_gateway.console_callbacks import ConsoleCallbacks  # noqa: PLC0415
    from cti_gateway.entry_setup import callback_rules  # noqa: PLC0415

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


def _queue_hours(settings: Settings) -> dict[tuple[str, str], Hours]:
    """Business hours by PBX and queue."""
    from cti_gateway.routing_setup import queue_hours  # noqa: PLC0415
    from routing.hours import HoursError  # noqa: PLC0415

    try:
        return queue_hours(
            settings.queue, [*settings.hours, *(settings.entry.hours if settings.entry is not None else ())]
        )
    except HoursError as error:
        raise CannotStart(str(error)) from error


async def _seed_queues(store: Store, settings: Settings) -> None:
    """The queues that the configuration names."""
    from cti_gateway.gateway import seed_queues  # noqa: PLC0415
    from interaction_log.records import QueueSettings  # noqa: PLC0415

    known = set(QueueSettings.__dataclass_fields__)
    queues = [QueueSettings(**(q.model_dump(include=known) | {"label": q.label or q.name})) for q in settings.queue]
    await seed_queues(store, queues)


async def _take_over(gateway: Gateway, settings: Settings, *, absent: bool) -> None:
    """The state of before, out of the database."""
    from interaction_log.store.seats import last_states, last_word  # noqa: PLC0415

    url = settings.database.url
    states, spoke = await asyncio.to_thread(last_states, url), await asyncio.to_thread(last_word, url)
    await _live_figures(gateway, settings)
    await gateway.restore(states, spoke, absent=absent)
    await gateway.store.customers.rehearse()


async def _live_figures(gateway: Gateway, settings: Settings) -> None:
    """Counters of today out of the log, alarms that are raised still, messages that nobody has read."""
    from interaction_log.store.live import visits_since  # noqa: PLC0415

    hub, store = gateway.hub, gateway.store
    zone = settings.supervision.timezone or next(
        (one.timezone for one in (settings.entry.hours if settings.entry is not None else ())), "UTC"
    )
    since = hub.live.oldest(zone)
    hub.live.begin(zone, await asyncio.to_thread(visits_since, settings.database.url, since))
    hub.supervision.hands.sight = store.teams.sight
    await hub.alarms.load(store.alarms)
    await hub.messages.load(store.messages)


def _console_deps(gateway: Gateway, settings: Settings, consoles: Consoles) -> ConsoleDeps:
    """What the console server stands on: stores and settings. Parts that run are put in by their makers."""
    from agent_console.alarms import AlarmAccess  # noqa: PLC0415
    from agent_console.deps import ConsoleDeps  # noqa: PLC0415

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
        browser_phones=[_browser_phones(pbx) for pbx in settings.pbx if pbx.websocket_url is not None],
    )


def _add_pbxs(gateway: Gateway, settings: Settings, boxes: Mailboxes) -> None:
    """Every PBX with its links; not connected yet."""
    from cti_gateway.voicemail import Voicemail  # noqa: PLC0415

    hub = gateway.hub
    voicemail = Voicemail(hub, boxes, gateway.store.missed)
    for pbx in settings.pbx:
        hub.add(_pbx(pbx, settings.phone.default_region, hub, voicemail))


async def _listen(gateway: Gateway, settings: Settings, deps: ConsoleDeps) -> None:
    """Serve the consoles."""
    from agent_console.app import build_app  # noqa: PLC0415
    from agent_console.server import serve, tls_context  # noqa: PLC0415

    http = settings.http
    try:
        tls = tls_context(http.certificate, http.key) if http.certificate is not None else None
    except (OSError, ValueError) as error:
        raise CannotStart(f"[http] certificate or key cannot be used: {_cause(error)}") from error
    try:
        gateway.server = await serve(build_app(deps), http.host, http.port, tls)
    except OSError as error:
        raise CannotStart(f"{http.host}:{http.port} cannot be listened on: {error.strerror}") from error


async def _call_entry(settings: Settings, gateway: Gateway) -> CallEntry:
    """Who answers the dialplan's questions."""
    from twisted.internet import reactor  # noqa: PLC0415
    from twisted.internet.error import CannotListenError  # noqa: PLC0415

    from cti_gateway.entry_setup import open_entry  # noqa: PLC0415
    from routing.hours import HoursError  # noqa: PLC0415

    assert settings.entry is not None
    region = settings.phone.default_region
    try:
        return await open_entry(
            gateway.hub, gateway.store.callbacks, settings.entry, region, reactor, gateway.store.surveys
        )
    except HoursError as error:
        raise CannotStart(str(error)) from error
    except (CannotListenError, OSError) as error:
        raise CannotStart("[entry] socket cannot be listened on") from error


def _capacity(settings: Settings) -> Capacity:
    """One budget over all channels."""
    from routing.capacity import Capacity  # noqa: PLC0415

    share = settings.agents.capacity
    return Capacity(
        budget=share.budget,
        weights={"voice": share.voice, "chat": share.chat, "email": share.email, "callback": share.voice},
        interrupts={
            "voice": frozenset(share.call_interrupts),
            **{c: frozenset(w) for c, w in share.interrupts.items()},
        },
    )


def _set_rules(hub: Hub, settings: Settings) -> None:
    """How wrap-ups end, by queue; the limits of agents; what supervisors may do silently."""
    from routing.limits import LimitRules, PauseLimit  # noqa: PLC0415
    from routing.wrap_up import WrapUpRule  # noqa: PLC0415

    agents = settings.agents
    hub.limits.rules = LimitRules(
        missed_offers=agents.missed_offers,
        offered_seconds=agents.offered_alarm_seconds,
        wrap_up_seconds=agents.wrap_up_alarm_seconds,
        dead_call_seconds=agents.dead_call_alarm_seconds,
        pauses={one.reason: PauseLimit(seconds=one.seconds, action=one.action) for one in agents.pause},
    )
    hub.distributor.settings.capacity = _capacity(settings)
    hub.supervision.tell_agent = settings.supervision.tell_agent
    for queue in settings.queue:
        rule = WrapUpRule(
            mode=queue.wrap_up_mode,
            disposition=queue.wrap_up_disposition or None,
            alarm_seconds=queue.wrap_up_alarm_seconds,
        )
        hub.distributor.settings.wrap_up[queue.pbx, queue.name] = rule
        hub.desk.caller_ids[queue.pbx, queue.name] = queue.caller_id


def _privacy(gateway: Gateway, settings: Settings, places: RecordingPlaces | None, boxes: Mailboxes) -> PrivacyWork:
    """Erasures, exports, and what is too old: from now on and daily."""
    from cti_gateway.retention import PrivacyWork, SiteFiles, rules_of  # noqa: PLC0415
    from interaction_log.store.chat_folder import ChatFolder  # noqa: PLC0415

    assert gateway.store.privacy is not None
    gateway.store.privacy.forget = gateway.log.forget
    gateway.store.privacy.erased = gateway.store.customers.forget_recent
    kept = settings.recording.retention_days if settings.recording is not None else None
    told = [one.model_dump() for one in settings.retention]
    rules = rules_of(told, settings.database.keep_events_days, kept)
    files = SiteFiles(places, boxes.folders, gateway.store.recording_keys, ChatFolder(settings.chat.folder))
    return PrivacyWork(gateway.hub, gateway.store, files, rules)


def _recordings(gateway: Gateway, settings: Settings) -> tuple[RecordingAccess | None, RecordingPlaces | None]:
    """The policies, and where the files are."""
    from agent_console.recordings import RecordingAccess, RecordingPlaces  # noqa: PLC0415
    from routing.recording import RecordingRule, RecordingRules  # noqa: PLC0415

    hub, store, kept = gateway.hub, gateway.store, settings.recording
    queues = {(q.pbx, q.name): RecordingRule(q.recording, q.consent) for q in settings.queue}
    if kept is None:
        hub.recording.rules = RecordingRules(queues=queues)
        return None, None
    hub.recording.rules = RecordingRules(
        configured=True,
        direct=RecordingRule(kept.direct),
        queues=queues,
        card_pause_seconds=kept.card_pause_seconds,
        agents_may_listen=kept.agents_may_listen,
    )
    places = RecordingPlaces(str(kept.folder), kept.pbx_folder or str(kept.folder))
    hub.recording.folder = places.pbx_folder
    if kept.encrypt:
        _seal_recordings(gateway, places)
    keys = store.recording_keys
    return RecordingAccess(store.recordings, store.audit, places, kept.agents_may_listen, keys), places


def _seal_recordings(gateway: Gateway, places: RecordingPlaces) -> None:
    """From now on, and those that are there."""
    from cti_gateway.recording_seals import RecordingSeals  # noqa: PLC0415
    from routing.commands import NotifySupervisors  # noqa: PLC0415

    def failed(count: int) -> None:
        if count:
            gateway.hub.carry_out(NotifySupervisors("error", "recordings_not_sealed", {"count": str(count)}))

    seals = RecordingSeals(gateway.store.recording_keys, places, gateway.hub.wall, failed)
    seals.start()
    gateway.extras.append(seals)


def _browser_phones(settings: PbxSettings) -> BrowserPhones:
    """The telephones in the browser of one PBX."""
    from agent_console.phones import BrowserPhones  # noqa: PLC0415

    return BrowserPhones(
        pbx=settings.name,
        websocket_url=settings.websocket_url or "",
        devices=settings.browser_devices,
        secrets={user: secret.get_secret_value() for user, secret in settings.browser_secrets.items()},
        secret=settings.browser_secret.get_secret_value() if settings.browser_secret is not None else None,
    )


def _mailboxes(settings: Settings) -> Mailboxes:
    """Where the messages are, and who works them."""
    from cti_gateway.voicemail import Mailboxes  # noqa: PLC0415

    found = {pbx.name: settings.voicemail.folder_of(pbx.name) for pbx in settings.pbx}
    return Mailboxes(
        folders={name: folder for name, folder in found.items() if folder is not None},
        shared=settings.voicemail.mailboxes,
        queues=settings.voicemail.queues,
    )


def _pbx(settings: PbxSettings, region: str, hub: Hub, voicemail: Voicemail) -> Pbx:
    """One PBX with its links."""
    from twisted.internet import reactor  # noqa: PLC0415

    from cti_gateway.pbx import Pbx  # noqa: PLC0415
    from cti_gateway.service import AmiLink, PbxLink  # noqa: PLC0415
    from cti_gateway.tracking.parties import PbxProfile  # noqa: PLC0415

    profile = PbxProfile(
        name=settings.name,
        devices=settings.devices,
        trunks=settings.trunks,
        outbound_prefix=settings.outbound_prefix,
        default_region=region,
        queue_extensions=tuple(settings.queue_extensions.items()),
    )
    pbx = Pbx(profile, voicemail.take, hub.spawn, context=settings.context)
    where = _link_settings(settings, settings.username, settings.secret.get_secret_value())
    link = PbxLink.to(where, reactor, on_messages=pbx.on_messages, on_state=pbx.on_state)
    system = None
    if settings.system_username is not None and settings.system_secret is not None:
        secret = settings.system_secret.get_secret_value()
        system = AmiLink(_link_settings(settings, settings.system_username, secret), reactor, role="actions")
    pbx.attach(link, system)
    return pbx


def _link_settings(settings: PbxSettings, username: str, secret: str) -> Any:
    from cti_gateway.service import LinkSettings  # noqa: PLC0415

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


# --- the demo --------------------------------------------------------------------------------------------


async def _demo(gateway: Gateway, settings: Settings, simulated: bool) -> Settings:
    """Demo customers and accounts; with ``simulated`` also a PBX, in this process, over real TCP."""
    from interaction_log import demo  # noqa: PLC0415

    names = {user.name for user in await gateway.store.users.all()}
    if names and not names >= {user.name for user in demo.USERS}:
        raise CannotStart("--demo fills an empty database or one of its own; this one has other users")
    await demo.seed(gateway.store, gateway.log, now=time.time())
    if not simulated:
        return settings
    from pydantic import SecretStr  # noqa: PLC0415

    from config.settings import Pbx as PbxSettings  # noqa: PLC0415
    from config.settings import Queue as QueueConfig  # noqa: PLC0415
    from cti_gateway.simulator.server import SECRET, USERNAME, Simulator, SimulatorServer  # noqa: PLC0415
    from cti_gateway.simulator.traffic import DemoTraffic  # noqa: PLC0415

    simulator = Simulator()
    traffic = DemoTraffic(simulator, demo.DEMO_CALLERS)
    simulator.answers.customer = traffic.customer
    server = SimulatorServer(simulator)
    port = await server.start()
    gateway.extras.append(server)
    traffic.start()
    pbx = PbxSettings(
        name=demo.PBX,
        port=port,
        username=USERNAME,
        secret=SecretStr(SECRET),
        devices=("PJSIP/10??",),
        trunks=("PJSIP/pstn",),
        outbound_prefix="9",
        queue_extensions={demo.QUEUE: "800"},
        system_username=USERNAME,
        system_secret=SecretStr(SECRET),
    )
    queue = QueueConfig(name=demo.QUEUE, pbx=demo.PBX, label="Support")
    return settings.model_copy(update={"pbx": (pbx,), "queue": (queue,), "site": (_demo_site(demo.QUEUE),)})


def _demo_site(queue: str) -> SiteSettings:
    """The shop of ``/chat/demo/``."""
    from config.sites import Consent, FormField, Site  # noqa: PLC0415

    name = FormField(code="name", label={"en": "Your name", "zh-CN": "您的姓名"})
    text = {
        "en": "What you write is kept for 90 days, so that we can help you.",
        "zh-CN": "为了向您提供帮助，您所写的内容将保存 90 天。",
    }
    consent = Consent(version="1", text=text)
    return Site(key="demo", queues=(queue,), form=(name,), consent=consent, callback=True, trail=True, cobrowse=True)


async def _refuse_demo_accounts(gateway: Gateway) -> None:
    """Accounts whose password everybody knows are for the demo only."""
    from interaction_log import demo  # noqa: PLC0415

    for user in demo.USERS:
        if await gateway.store.users.check_password(user.name, demo.PASSWORD) is not None:
            raise CannotStart(
                f"this database has the demo account {user.name!r} with its well-known password; "
                "use another database, or set passwords with `cti user`"
            )


async def _announce(gateway: Gateway, settings: Settings, demo: bool, stop: asyncio.Event) -> None:
    """Say where we are, once it is true. The demo is ready when its calls can come."""
    pbxs = gateway.hub.pbxs.values()
    if demo:
        waiting = asyncio.get_running_loop().time() + READY_SECONDS
        while not all(pbx.ready_since for pbx in pbxs) and not stop.is_set():
            if asyncio.get_running_loop().time() > waiting:
                raise CannotStart("the PBX cannot be reached: " + "; ".join(_why(pbx) for pbx in pbxs))
            await asyncio.sleep(0.02)
    if stop.is_set() or gateway.server is None:
        return
    host = "127.0.0.1" if settings.http.host in ("0.0.0.0", "::") else settings.http.host  # noqa: S104
    scheme = "http" if settings.http.certificate is None else "https"
    lines = [
        f"Callweave {__version__} is ready: {settings.http.public_url or f'{scheme}://{host}:{gateway.server.port}/'}"
    ]
    if demo:
        from interaction_log.demo import PASSWORD, USERS  # noqa: PLC0415

        people = ", ".join(f"{user.name} ({user.role})" for user in USERS)
        shop = f"{scheme}://{host}:{gateway.server.port}/chat/demo/"
        lines += [f"sign in as {people}; password {PASSWORD}", f"a shop with a chat: {shop}", "Ctrl-C stops it"]
    print("\n".join(lines), flush=True)


def _not_opened(url: str, error: Exception) -> str:
    """Which database or journal, and why not; without its password."""
    from sqlalchemy.engine import make_url  # noqa: PLC0415

    from interaction_log.store.failures import in_words  # noqa: PLC0415

    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be opened: {error.strerror}; it holds the database or its journal ([database])"
    where = make_url(url)
    shown = where.database if where.get_backend_name() == "sqlite" else where.render_as_string(hide_password=True)
    return f"the database {shown} cannot be opened: {in_words(error)}"


def _cause(error: Exception) -> str:
    """In words, without a path or a value."""
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)


def _why(pbx: Pbx) -> str:
    state = pbx.states.get("events")
    return f"{pbx.name}: {state.reason or state.name}" if state is not None else pbx.name


if __name__ == "__main__":
    sys.exit(main())
