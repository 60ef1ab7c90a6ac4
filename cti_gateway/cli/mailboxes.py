"""What `cti doctor` says of the mailboxes: whether each can be read, and whether the mail server answers. Blocks."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cti_gateway.diagnosis import Finding
from email_channel.imap import Account, Box, MailboxAway
from interaction_log.store.engine import database_url, open_engine
from interaction_log.store.mail_tables import mail_contacts

SECONDS: Final = 8.0


def findings(settings: Any) -> list[Finding]:
    """Nothing where no mailbox is configured."""
    boxes = getattr(settings, "mailbox", ())
    found = [finding for table in boxes for finding in _box(table)]
    if boxes:
        found += _held(settings.database.url)
    return [*found, _server(settings.mail)] if boxes and settings.mail is not None else found


def _held(url: str) -> list[Finding]:
    """How many letters are held back; nothing where the database cannot be asked, which others say."""
    parsed = database_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return []
    c = mail_contacts.c
    query = sa.select(sa.func.count()).select_from(mail_contacts).where(c.held_at.is_not(None), c.ended_at.is_(None))
    engine = open_engine(url, busy_seconds=SECONDS, size=1)
    try:
        with engine.connect() as connection:
            many = int(connection.execute(query).scalar_one())
    except (SQLAlchemyError, OSError):
        return []
    finally:
        engine.dispose()
    if many == 0:
        return [Finding("ok", "mail-held", "No letter is held back.")]
    text = f"{many} contacts by mail are held back, because their senders began too many."
    return [Finding("warning", "mail-held", text, "Look at Held letters in the console; see docs/mail.md.")]


def _box(table: Any) -> Iterator[Finding]:
    code = f"mailbox-{table.name}"
    account = Account(
        host=table.host, port=table.where, tls=table.tls, user=table.user,
        password=table.password.get_secret_value(), folder=table.folder,
        ca=str(table.tls_ca) if table.tls_ca is not None else None,
    )  # fmt: skip
    try:
        with Box(account) as box:
            unread, newest = len(box.unseen()), box.newest()
            if table.done and not box.has(table.done):
                yield Finding(
                    "error", code, f"Mailbox {table.name}: there is no folder {table.done}.", "Make it, or change done."
                )
    except MailboxAway as error:
        yield Finding(
            "error", code, f"Mailbox {table.name} at {table.host}:{table.where}: {error}.", "See docs/mail.md."
        )
        return
    yield Finding("ok", code, f"Mailbox {table.name} can be read: {unread} unread, the newest is number {newest}.")
    if not table.results_of:
        yield Finding(
            "hint", f"{code}-senders", f"Mailbox {table.name} believes no mail server's checks: senders of new letters "
            "are suggestions only.", "Set results_of to the name in your server's Authentication-Results.",
        )  # fmt: skip


def _server(mail: Any) -> Finding:
    """Whether letters can be handed over. Nobody signs in."""
    where = f"{mail.host}:{mail.port}"
    try:
        kind = smtplib.SMTP_SSL if mail.tls == "tls" else smtplib.SMTP
        with kind(mail.host, mail.port, timeout=SECONDS) as server:
            server.ehlo()
    except (OSError, smtplib.SMTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return Finding("error", "mail-server", f"The mail server {where} does not answer: {why}.", "Correct [mail].")
    return Finding("ok", "mail-server", f"The mail server {where} answers.")
