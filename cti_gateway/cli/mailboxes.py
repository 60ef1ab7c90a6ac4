"""What `cti doctor` says of the mailboxes: whether each can be read, and whether the mail server answers. Blocks."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from typing import Any, Final

from cti_gateway.diagnosis import Finding
from email_channel.imap import Account, Box, MailboxAway

SECONDS: Final = 8.0


def findings(settings: Any) -> list[Finding]:
    """Nothing where no mailbox is configured."""
    boxes = getattr(settings, "mailbox", ())
    found = [finding for table in boxes for finding in _box(table)]
    return [*found, _server(settings.mail)] if boxes and settings.mail is not None else found


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
