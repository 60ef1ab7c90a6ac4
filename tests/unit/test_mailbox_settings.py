"""``[[mailbox]]``: what is taken, what stops the start, and what the doctor says of it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from config.settings import ConfigError, load
from cti_gateway.cli import mailboxes
from cti_gateway.composition.mail import box_of
from cti_gateway.mail_rules import box_for
from interaction_log.chats import NewConversation
from interaction_log.mails import MailContact
from interaction_log.store import Store
from tests.fakes.dovecot import PASSWORD, USER, Dovecot
from tests.fakes.smtp import SmtpServer

BASE = """
[mail]
host = "127.0.0.1"
port = {smtp}
tls = "none"
sender = "desk@shop.example"
[[queue]]
name = "support"
pbx = ""
label = "Help"
[[mailbox]]
name = "help"
host = "{host}"
user = "{user}"
address = "help@shop.example"
queue = "support"
{more}
"""


def settings(folder: Path, more: str = 'password = "secret"', **told: Any) -> Any:
    path = folder / "callweave.toml"
    path.touch(mode=0o600)
    values = {"smtp": 25, "host": "127.0.0.1", "user": USER} | told
    path.write_text(BASE.format(more=more, **values))
    return load(path, {})


def test_what_is_said_and_what_is_usual(tmp_path: Path) -> None:
    (tmp_path / "box.password").touch(mode=0o600)
    (tmp_path / "box.password").write_text("from a file\n")
    found = settings(tmp_path, 'password_file = "box.password"\ntls_ca = "ca.pem"\nplus = true')
    box = box_of(found.mailbox[0], found)
    assert (box.account.port, box.account.tls, box.account.password) == (993, "tls", "from a file")
    assert (box.account.ca, box.queue, box.label) == (str(tmp_path / "ca.pem"), "support", "Help")
    assert box.reply_to("chat-1") == "help+chat-1@shop.example"
    assert box_for([box], "another") is box and box_for([], "support") is None
    assert "from a file" not in repr(found.mailbox)
    assert (box.sender_hour, box.sender_day, box.box_hour, box.idle, box.survey) == (10, 30, 300, True, "")
    more = 'password = "x"\nsender_per_hour = 2\nsender_per_day = 3\nall_per_hour = 4\nidle = false'
    box = box_of((other := settings(tmp_path, more)).mailbox[0], other)
    assert (box.sender_hour, box.sender_day, box.box_hour, box.idle) == (2, 3, 4, False)


@pytest.mark.parametrize(
    ("more", "told", "why"),
    [
        ('password = "x"\ntls = "none"', {"host": "mail.example.com"}, "without tls"),
        ("", {}, "mailbox.*password"),
        ('password = "x"\npassword_file = "y"', {}, "one of them must go"),
        ('password_file = "nothing"', {}, "password_file"),
        ('password = "x"\ncolour = "red"', {}, "colour"),
        ('password = "x"\n[[mailbox]]\nname = "help"\nhost = "h"\nuser = "u"\npassword = "p"\naddress = "a@b"\n'
         'queue = "support"', {}, "same name"),
        ('password = "x"\n[[mailbox]]\nname = "two"\nhost = "h"\nuser = "u"\npassword = "p"\naddress = "a@b"\n'
         'queue = "nobody"', {}, r"names no \[\[queue"),
        ('password = "x"\nsurvey = "csat"', {}, "public_url is needed"),
        ('password = "x"\nsurvey = "stars"', {}, "survey"),
        ('password = "x"\nsender_per_hour = 0', {}, "sender_per_hour"),
    ],
)  # fmt: skip
def test_what_stops_the_start(tmp_path: Path, more: str, told: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        settings(tmp_path, more, **told)


def test_a_password_is_not_for_everybody(tmp_path: Path) -> None:
    settings(tmp_path)
    (tmp_path / "callweave.toml").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod"):
        load(tmp_path / "callweave.toml", {})


@pytest.mark.real("dovecot")
async def test_the_doctor_looks_into_the_mailbox(tmp_path: Path) -> None:
    async with Dovecot() as imap, SmtpServer() as post:
        more = f'port = {imap.port}\ntls = "none"\npassword = '
        await asyncio.to_thread(imap.deliver, b"From: a@b.example\n\nx")

        async def look(rest: str, **told: Any) -> list[tuple[str, str]]:
            found = settings(tmp_path, more + rest, **({"smtp": post.port} | told))
            return [(one.severity, one.text) for one in await asyncio.to_thread(mailboxes.findings, found)]

        good = await look(f'"{PASSWORD}"\ndone = "Done"')
        assert [kind for kind, _ in good] == ["ok", "hint", "ok"] and "1 unread" in good[0][1]
        store = await asyncio.to_thread(Store.open, f"sqlite:///{tmp_path}/held.db", default_region="CN")
        try:
            more_held = f'"{PASSWORD}"\n[database]\nurl = "sqlite:///{tmp_path}/held.db"'
            assert ("ok", "No letter is held back.") in await look(more_held)
            await store.chats.open(
                NewConversation(id="c1", client_id="c1", visitor="v1", site="", queue="q", at=1.0, state="ended")
            )
            await store.mails.open(
                MailContact(id="c1", conversation="c1", box="help", queue="q", opened_at=1.0, held_at=1.0)
            )
            [held] = [text for kind, text in await look(more_held) if "held back" in text and kind == "warning"]
            assert held.startswith("1 contacts by mail")
        finally:
            await asyncio.to_thread(store.close)
        wrong = await look('"wrong-one"')
        assert wrong[0][0] == "error" and "user and password" in wrong[0][1] and "wrong-one" not in str(wrong)
        assert [kind for kind, _ in await look(f'"{PASSWORD}"\ndone = "Nothing"')][:2] == ["error", "ok"]
        assert (await look(f'"{PASSWORD}"', smtp=1))[-1][0] == "error"
    assert (await look(f'"{PASSWORD}"'))[0][0] == "error"
