"""What works on the records beside the calls: tasks, reports, imports, identities, retention, the audit trail."""

from __future__ import annotations

from agent_console.consoles import Consoles
from agent_console.imports import ImportAccess
from agent_console.recordings import RecordingPlaces
from agent_console.reports import ReportAccess
from config.settings import Settings
from cti_gateway.composition.failures import CannotStart
from cti_gateway.entry_setup import hours_of
from cti_gateway.gateway import Gateway
from cti_gateway.identity_upkeep import IdentityUpkeep
from cti_gateway.reminders import Reminders, told
from cti_gateway.retention import PrivacyWork, SiteFiles, rules_of
from cti_gateway.schedules import MailServer, ReportPost, posting
from cti_gateway.trail_head import HeadLog
from cti_gateway.voicemail import Mailboxes
from cti_gateway.witness import Witness
from interaction_log.evidence import Policy
from interaction_log.store.chat_folder import ChatFolder
from interaction_log.store.imports_runner import ImportRunner
from routing.commands import Notify
from routing.hours import HoursError
from routing.identity_ports import Identity
from routing.working_time import CalendarTime


def audit(gateway: Gateway) -> None:
    """The head of the audit trail goes into our log, where nobody who changes the table can change it."""
    heads = HeadLog(gateway.store.audit.head)
    heads.start()
    gateway.extras.append(heads)


def keep_records(gateway: Gateway, settings: Settings, consoles: Consoles) -> list[str]:
    """Due times count in the hours of the call entry, whose names are returned; owners are told of what is due."""
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


def reports(gateway: Gateway, settings: Settings) -> ReportAccess:
    """Reports, orders, and with a mail server the schedules by mail."""
    store, server = gateway.store, mail_server(settings)
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


def mail_server(settings: Settings) -> MailServer | None:
    """Where mails are handed over."""
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


def imports(gateway: Gateway, settings: Settings) -> ImportAccess:
    """Files of customers are worked at in a process beside this one; what a crash left is taken up again."""
    store, url = gateway.store, settings.database.url

    def changed() -> None:
        store.customers.forget_recent()
        gateway.hub.changed("customers", "*")

    runner = ImportRunner(store.imports, url, settings.phone.default_region, changed)
    runner.start()
    gateway.extras.append(runner)
    return ImportAccess(store.imports, runner.peek, runner.wake, store.imports.export)


def identities(gateway: Gateway, settings: Settings) -> Identity:
    """Claims are kept from now on; who may be one person is looked for beside the calls."""
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


def privacy_work(gateway: Gateway, settings: Settings, places: RecordingPlaces | None, boxes: Mailboxes) -> PrivacyWork:
    """Erasures, exports, and what is too old; not started yet."""
    assert gateway.store.privacy is not None
    gateway.store.privacy.forget = gateway.log.forget
    gateway.store.privacy.erased = gateway.store.customers.forget_recent
    kept = settings.recording.retention_days if settings.recording is not None else None
    table = [one.model_dump() for one in settings.retention]
    rules = rules_of(table, settings.database.keep_events_days, kept)
    files = SiteFiles(places, boxes.folders, gateway.store.recording_keys, ChatFolder(settings.chat.folder))
    return PrivacyWork(gateway.hub, gateway.store, files, rules)
