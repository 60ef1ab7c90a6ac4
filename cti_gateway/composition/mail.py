"""Mail: letters that come into the configured mailboxes, and what the desk needs to answer them."""

from __future__ import annotations

from functools import partial
from typing import Any

from agent_console.ports import Part
from config.mail import Mailbox
from config.settings import Settings
from cti_gateway.chat.setup import ChatDesk
from cti_gateway.chat_setup import AgentFiles
from cti_gateway.gateway import Gateway
from cti_gateway.mail_fetch import Postman
from cti_gateway.mail_gate import Gate
from cti_gateway.mail_intake import Intake
from cti_gateway.mail_rules import MEGABYTE, MailBox
from cti_gateway.mail_survey import Asking
from email_channel.imap import Account
from email_channel.tokens import Sign
from interaction_log.records import NotFound
from interaction_log.store import Store
from interaction_log.store.chat_folder import ChatFolder


def mail_parts(gateway: Gateway, settings: Settings) -> dict[str, Any]:
    """What ``ChatParts`` needs for mail."""
    store = gateway.store
    customer_of = partial(_customer_of, store)
    boxes = tuple(box_of(one, settings) for one in settings.mailbox)
    return {"mails": store.mails, "sign": _sign(store), "boxes": boxes, "customer_of": customer_of}


async def _customer_of(store: Store, interaction: str) -> str | None:
    try:
        found = (await store.interactions.get(interaction))["customer_id"]
    except NotFound:
        return None
    return str(found) if found else None


def ask_by_mail(gateway: Gateway, settings: Settings, desk: ChatDesk) -> None:
    """Customers are asked how it was, where a mailbox says so."""
    mail, outbox, store = desk.mail, desk.outbox, gateway.store
    if mail is None or outbox is None:
        return

    async def may(contact: str, box: MailBox) -> bool:
        if not box.survey_purpose:
            return True
        customer = await _customer_of(store, contact)
        said = await store.records.consents.of(customer) if customer is not None else []
        newest = (one for one in said if one.purpose == box.survey_purpose and one.channel in ("email", "any"))
        return next((one.state == "given" for one in newest), False)  # silence is no consent

    address = (settings.http.public_url or "").rstrip("/")
    Asking(mail, outbox, store.surveys, address).may = may


def _sign(store: Store) -> Sign:
    """By the site's master key."""
    assert store.privacy is not None
    return partial(store.privacy.master.pseudonym, "mail")


def box_of(table: Mailbox, settings: Settings) -> MailBox:
    """A mailbox of the configuration."""
    queue = next(one for one in settings.queue if one.name == table.queue)
    return MailBox(
        name=table.name,
        account=account_of(table),
        address=table.address,
        queue=table.queue,
        pbx=queue.pbx,
        label=queue.label or "",
        authserv=table.results_of,
        poll=float(table.poll_seconds),
        idle=table.idle,
        letter_bytes=table.letter_megabytes * MEGABYTE,
        file_bytes=table.file_megabytes * MEGABYTE,
        plus=table.plus,
        sender_hour=table.sender_per_hour,
        sender_day=table.sender_per_day,
        box_hour=table.all_per_hour,
        survey=table.survey,
        survey_purpose=table.survey_purpose,
    )


def account_of(table: Mailbox) -> Account:
    """Where its letters lie."""
    return Account(
        host=table.host,
        port=table.where,
        tls=table.tls,
        user=table.user,
        password=table.password.get_secret_value(),
        folder=table.folder,
        done=table.done,
        ca=str(table.tls_ca) if table.tls_ca is not None else None,
    )


def letters_with_files(desk: ChatDesk, files: AgentFiles) -> None:
    """Files that agents send in contacts by mail are attached."""
    if desk.letters is not None:
        desk.letters.place = files.place


def fetch_mail(gateway: Gateway, desk: ChatDesk, folder: ChatFolder) -> Gate | None:
    """Read the mailboxes from now on; what is held back of it. ``None``: there is no mailbox."""
    mail, outbox, sign = desk.mail, desk.outbox, desk.parts.sign
    if mail is None or outbox is None or sign is None or not mail.boxes:
        return None
    intake = Intake(mail, sign, folder)
    gate = intake.gate
    gate.start()
    gateway.hub.parts.append(gate.part)
    gateway.extras.append(gate)
    for box in mail.boxes:
        postman = Postman(box, mail.mails, intake.take, gateway.hub.wall)
        postman.start()
        gateway.hub.parts.append(postman.part)
        gateway.extras.append(postman)

    def sending() -> Part:
        word = "up" if outbox.fault is None else "lost"
        return Part(
            name="mail out", ok=outbox.fault is None, state=word, age_seconds=0.0, detail=outbox.fault, required=False
        )

    gateway.hub.parts.append(sending)
    return gate
