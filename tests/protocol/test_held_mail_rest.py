"""Letters that are held back, over REST: who sees them, lets them in, and says that they need no answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_console.chats import ChatAccess
from cti_gateway.mail_intake import Intake
from cti_gateway.mail_rules import MailBox
from email_channel.imap import Account, Fetched
from tests.fakes.chat_floor import QUEUE, chat_floor, sign
from tests.fakes.console_stage import stage

ACCOUNT = Account(host="127.0.0.1", port=1, tls="none", user="help", password="none")
BOX = MailBox(name="help", account=ACCOUNT, address="help@shop.example", queue=QUEUE, sender_hour=1)


def letter(number: int) -> Fetched:
    raw = f"From: Eve <eve@example.com>\nSubject: matter {number}\nMessage-ID: <{number}@example.com>\n\ntext {number}"
    return Fetched(number, raw.encode(), True)


@pytest.mark.parametrize("who", ["sofia", "admin"])
async def test_supervisors_decide_about_letters_that_are_held_back(tmp_path: Path, who: str) -> None:
    async with chat_floor(tmp_path, parts={"boxes": (BOX,)}) as floor:
        assert floor.desk.mail is not None
        intake = Intake(floor.desk.mail, sign, None)
        for number in range(4):
            floor.now += 1
            await intake.take(BOX, letter(number))
        chats = ChatAccess(
            stored=floor.store.chats, canned=floor.store.canned, concerned=lambda *_: False, held=intake.gate
        )
        async with stage(chats=chats) as on, on.http() as http:
            agent, headers = await on.headers("anna"), await on.headers(who)
            assert (await http.get("/api/held-mail", headers=agent)).status_code == 403
            items = (await http.get("/api/held-mail", headers=headers)).json()["items"]
            shown = [(one["name"], one["subject"], one["text"], one["letters"], one["queue"]) for one in items]
            assert shown == [("Eve", f"matter {n}", f"text {n}", 1, QUEUE) for n in (1, 2, 3)]
            assert {one["address"] for one in items} == {"eve@example.com"}
            first, second = items[0]["id"], items[1]["id"]
            for path, code in [
                (f"{first}/let-in", 204), (f"{first}/let-in", 404), (f"{second}/dismiss", 204),
                (f"{second}/dismiss", 404), ("nothing/let-in", 404), (f"{second}/else", 400),
            ]:  # fmt: skip
                assert (await http.post(f"/api/held-mail/{path}", headers=agent)).status_code == 403
                assert (await http.post(f"/api/held-mail/{path}", headers=headers)).status_code == code, path
            left = (await http.get("/api/held-mail", headers=headers)).json()["items"]
            assert [one["subject"] for one in left] == ["matter 3"]
        await floor.settled()
        assert first in floor.desk.mail.open and second not in floor.desk.mail.open


async def test_without_a_mailbox_there_is_no_such_thing(tmp_path: Path) -> None:
    async with stage() as on, on.http() as http:
        assert (await http.get("/api/held-mail", headers=await on.headers("sofia"))).status_code == 404
