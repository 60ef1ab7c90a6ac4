"""What a browser may say to the PBX."""

from __future__ import annotations

import pytest

from agent_console.phones import BrowserPhones, account_of
from agent_console.sip_frames import MAX_MESSAGE, Refused, check

LINES = (
    "Via: SIP/2.0/WS x.invalid;branch=z9hG4bK1",
    "From: <sip:1101@callweave.invalid>;tag=abc",
    "To: <sip:1101@callweave.invalid>",
    "Call-ID: 1",
    "CSeq: 1 REGISTER",
)


def frame(*lines: str, first: str = "REGISTER sip:callweave.invalid SIP/2.0", body: str = "") -> str:
    length = f"Content-Length: {len(body.encode())}"
    return "\r\n".join([first, *lines, length]) + "\r\n\r\n" + body


def with_line(number: int, line: str) -> tuple[str, ...]:
    return (*LINES[:number], line, *LINES[number + 1 :])


DIGEST = 'Authorization: Digest algorithm=MD5, username="{}", realm="asterisk", nonce="1", uri="sip:x", response="0"'
GOOD = {
    "register": frame(*LINES),
    "its own name in the digest": frame(*LINES, DIGEST.format("1101")),
    "a display name": frame(*with_line(1, 'From: "Anna" <sip:1101@callweave.invalid>;tag=abc')),
    "compact headers": frame(*with_line(1, "f: <sip:1101@callweave.invalid>;tag=abc")),
    "within a call the PBX gave the name": frame(
        LINES[0],
        "From: <sip:k3f9@192.0.2.1;transport=ws>;tag=x",
        "To: <sip:13800138000@pbx>;tag=y",
        first="BYE sip:asterisk@pbx SIP/2.0",
    ),
    "a body": frame(*LINES, first="INVITE sip:1102@callweave.invalid SIP/2.0", body="v=0\r\ns=é\r\n"),
    "a response": frame(LINES[0], "From: <sip:13800138000@pbx>;tag=y", first="SIP/2.0 180 Ringing"),
    "keep-alive": "\r\n\r\n",
    "keep-alive answer": "\r\n",
}
BAD = {
    "another one's name": frame(*with_line(1, "From: <sip:1102@callweave.invalid>;tag=abc")),
    "an escaped name": frame(*with_line(1, "From: <sip:%31101@callweave.invalid>;tag=abc")),
    "two names": frame(*with_line(1, 'From: "sip:1101@x" <sip:1102@callweave.invalid>;tag=abc')),
    "no name": frame(*with_line(1, "X-From: <sip:1101@callweave.invalid>")),
    "from twice": frame(*LINES, "f: <sip:1102@callweave.invalid>;tag=abc"),
    "another one's digest": frame(*LINES, DIGEST.format("1102")),
    "another one's digest, within a call": frame(
        *with_line(2, "To: <sip:1102@callweave.invalid>;tag=y"), DIGEST.format("1102")
    ),
    "two users in the digest": frame(*LINES, DIGEST.format("1101") + ', username="1102"'),
    "no quotes in the digest": frame(*LINES, "Authorization: Digest username=1102"),
    "digest twice": frame(*LINES, DIGEST.format("1101"), DIGEST.format("1102")),
    "two messages in one": frame(*LINES) + frame(*with_line(1, "From: <sip:1102@callweave.invalid>;tag=abc")),
    "a length too short": frame(*LINES).replace("Content-Length: 0", "Content-Length: 0") + "REGISTER x SIP/2.0",
    "a folded line": frame(*LINES, "Subject: a\r\n From: <sip:1102@x>"),
    "a lone line feed": frame(*LINES, "Subject: a\nFrom: <sip:1102@x>"),
    "a lone return": frame(*LINES, "Subject: a\rFrom: <sip:1102@x>"),
    "a zero": frame(*LINES, "Subject: a\0"),
    "a line that is none": frame(*LINES, "nonsense"),
    "no end": "REGISTER sip:x SIP/2.0\r\nFrom: <sip:1101@x>\r\n",
    "no SIP": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "nothing but the end": "\r\n\r\n\r\n",
    "too long": frame(*LINES, body="x" * MAX_MESSAGE),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_passed_on(text: str) -> None:
    check(text, "1101")


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        check(text, "1101")
    assert "110" not in str(refused.value)


def test_accounts() -> None:
    phones = BrowserPhones(
        pbx="a b", websocket_url="ws://pbx/ws", devices=["PJSIP/11??"], secrets={"1101": "own"}, secret="common"
    )
    account = account_of([phones], ["PJSIP/1001", "PJSIP/1101"])
    assert account is not None
    assert (account.username, account.password, account.sip_uri) == ("1101", "own", "sip:1101@callweave.invalid")
    assert account.ws_path == "/sip/a%20b"
    assert "own" not in repr(account) and "common" not in repr(phones)
    other = phones.account("PJSIP/1102")
    assert other is not None and other.password == "common"
    assert account_of([phones], ["PJSIP/1001"]) is None
    assert account_of([phones], ["PJSIP/1101"], "elsewhere") is None
    assert BrowserPhones(pbx="x", websocket_url="", devices=["PJSIP/11??"]).account("PJSIP/1101") is None
