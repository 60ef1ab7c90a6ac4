"""Letters as they come: broken, foreign, automatic, quoted; and the answers that we write."""

from __future__ import annotations

import hashlib
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from email_channel.compose import Answer, mail_of, subject_of
from email_channel.html_text import text_of_html
from email_channel.letter import MOST_FILES, MOST_TEXT, read
from email_channel.quotes import new_text
from email_channel.tokens import begin_of, speaks_for, token_of, tokens_in

CHAT = "01234567-89ab-8def-8123-456789abcdef"


def sign(text: str) -> str:
    return hashlib.sha256(b"key" + text.encode()).hexdigest()[:32]


TOKEN = token_of(CHAT, sign)


def mail(body: bytes = b"hello", *headers: str, sender: str = "Li Lei <li@example.com>") -> bytes:
    lines = [f"From: {sender}", "To: help@shop.example", "Message-ID: <m1@example.com>", *headers]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


# --- tokens ------------------------------------------------------------------------------------------------


def test_a_token_speaks_for_one_conversation_and_cannot_be_made_by_others() -> None:
    assert len(TOKEN) == 5 + 32 and begin_of(TOKEN) == CHAT[:18]
    assert speaks_for(TOKEN, CHAT, sign) and speaks_for(TOKEN.upper(), CHAT, sign)
    assert not speaks_for(TOKEN, CHAT[:-1] + "0", sign), "the hash is of the whole id"
    assert not speaks_for(TOKEN[:-1] + ("0" if TOKEN[-1] != "0" else "1"), CHAT, sign)
    assert not speaks_for(TOKEN, CHAT, lambda text: "0" * 32)


def test_tokens_are_found_wherever_they_stand() -> None:
    assert tokens_in([f"<{TOKEN}.x@shop.example>", f"Re: [{TOKEN.upper()}]"]) == [TOKEN]
    assert tokens_in([TOKEN + "0", "chat-0123", "chat-" + "g" * 32]) == []


@pytest.mark.parametrize(
    "headers",
    [
        (f"References: <a@b> <{TOKEN}.l1@shop.example>",),
        (f"In-Reply-To: <{TOKEN}.l1@shop.example>",),
        (f"References: <a@b>\r\n <{TOKEN}.l1@shop.example>",),
        (f"Subject: AW: Your conversation [{TOKEN}]",),
        ("Subject: =?utf-8?q?Re=3A_=5B" + TOKEN.replace("-", "=2D") + "=5D?=",),
        (f"Delivered-To: help+{TOKEN}@shop.example",),
    ],
)
def test_an_answer_names_its_conversation(headers: tuple[str, ...]) -> None:
    assert read(mail(b"yes", *headers)).tokens == (TOKEN,)


# --- what a letter says ------------------------------------------------------------------------------------

HTML = b"<html><head><style>p{}</style></head><body><p>Hello &amp; <b>thanks</b></p><script>alert(1)</script>"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (mail(b"plain"), "plain"),
        (mail("你好".encode("gbk"), "Content-Type: text/plain; charset=gb2312"), "你好"),
        (mail("朱镕基".encode("gbk"), 'Content-Type: text/plain; charset="GB2312"'), "朱镕基"),
        (mail("你好，订单".encode("gbk")), "你好，订单"),
        (mail("你好".encode(), "Content-Type: text/plain; charset=x-no-such-thing"), "你好"),
        (mail("schöne Grüße".encode("latin-1"), "Content-Type: text/plain; charset=utf-8"), "schöne Grüße"),
        (mail(b"\xff\xfe\x00broken \x80", "Content-Type: text/plain; charset=utf-8"), None),
        (mail(b"SGVsbG8=!!!", "Content-Transfer-Encoding: base64"), "Hello"),
        (mail(b"not base64 at all", "Content-Transfer-Encoding: base64"), None),
        (mail(b"caf=E9=", "Content-Type: text/plain; charset=latin-1", "Content-Transfer-Encoding: quoted-printable"),
         "café"),
        (mail(b"x", "Content-Transfer-Encoding: what-is-this"), "x"),
        (mail(HTML, "Content-Type: text/html"), "Hello & thanks"),
        (mail(b"<p>a<p>b<br>c<table><tr><td>1<td>2", "Content-Type: text/html"), "a\nb\nc\n1 2"),
        (mail(b"<a href='https://shop.example/x'>here</a>", "Content-Type: text/html"), "here (https://shop.example/x)"),
        (mail(b"<![if !vml]><![CDATA[ <!-- x", "Content-Type: text/html"), None),
        (mail(b"--b\r\n\r\nno end", "Content-Type: multipart/mixed; boundary=b"), "no end"),
        (mail(b"no boundary here", "Content-Type: multipart/mixed"), "no boundary here"),
        (mail(b"", "Content-Type: multipart/mixed; boundary=b"), ""),
        (mail(b"--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--b\r\n\r\nplain\r\n--b--",
              "Content-Type: multipart/alternative; boundary=b"), "plain"),
        (mail(b"--b\r\n\r\n  \r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--b--",
              "Content-Type: multipart/alternative; boundary=b"), "html"),
        (b"", ""),
        (b"\r\n\r\n", ""),
        (b"no header at all", None),
        (b"From li@example.com\r\n\x00\x01\x02: \xff\r\n\r\nbody", None),
    ],
)  # fmt: skip
def test_the_text_of_a_letter(raw: bytes, text: str | None) -> None:
    letter = read(raw)
    assert text is None or letter.text == text
    letter.whole.encode()


def test_nested_without_end_and_enormous() -> None:
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(80))
    assert read(b"From: a@b.example\r\n" + deep + b"\r\nfound").text in ("", "found")
    assert len(read(mail(b"x" * 300_000)).text) == MOST_TEXT
    quoted = read(mail(b"<blockquote>" * 5_000 + b"x", "Content-Type: text/html"))
    assert "x" in quoted.whole


@pytest.mark.parametrize(
    ("headers", "name", "address", "subject"),
    [
        (("From: =?gb2312?B?wO7A1w==?= <li@example.com>", "Subject: =?utf-8?B?6K6i5Y2V?="), "李雷",
         "li@example.com", "订单"),
        (("From: =?utf-8?Q?a?=\r\n =?utf-8?Q?b?= <li@example.com>", "Subject: =?utf-8?Q?a?= =?utf-8?Q?b?="), "ab",
         "li@example.com", "ab"),
        (("From: li@example.com (Li)", "Subject: =?bad?B?????="), "Li", "li@example.com", ""),
        (("From: not an address", "Subject:"), "not an address", "", ""),
        (('From: "Lei, Li" <li@example.com>, other@example.com',), "Lei, Li", "li@example.com", ""),
        (("From: <li@@example.com>",), None, "", ""),
        (("From: Li <li@例子.example>",), None, "", ""),
        ((), "", "", ""),
    ],
)  # fmt: skip
def test_who_wrote(headers: tuple[str, ...], name: str | None, address: str, subject: str) -> None:
    letter = read("\r\n".join(headers).encode() + b"\r\n\r\nx")
    assert (letter.address, letter.subject) == (address, subject)
    assert name is None or letter.name == name


def test_eight_bit_headers_without_a_charset() -> None:
    raw = b"From: " + "李雷".encode("gbk") + b" <li@example.com>\r\nSubject: " + "订单".encode() + b"\r\n\r\nx"
    letter = read(raw)
    assert (letter.name, letter.address, letter.subject) == ("李雷", "li@example.com", "订单")


def test_the_same_letter_has_the_same_id() -> None:
    assert read(mail(b"a")).id == read(mail(b"another body, the same Message-ID")).id
    bare = b"From: li@example.com\r\n\r\nx"
    assert read(bare).id == read(bare).id != read(bare + b"y").id


# --- quotes ------------------------------------------------------------------------------------------------

NEW = "Yes, please.\n\nLi"


@pytest.mark.parametrize(
    "history",
    [
        "On Mon, 23 Nov 2026 at 10:00, Shop <help@shop.example> wrote:\n> old\n> older",
        "On Mon, 23 Nov 2026 at 10:00,\nShop <help@shop.example>\nwrote:\n> old",
        "On Mon, 23 Nov 2026, Shop wrote:\n\nold without marks",
        "Am 23.11.2026 um 10:00 schrieb Shop <help@shop.example>:\n> alt",
        "Le lun. 23 nov. 2026 à 10:00, Shop <help@shop.example> a écrit :\n> vieux",
        "-----Original Message-----\nFrom: Shop\nSent: Monday\n\nold",
        "------------------ 原始邮件 ------------------\n发件人: \"Shop\"\n\nold",
        "________________________________\nFrom: Shop <help@shop.example>\nSent: Monday\nTo: Li\nSubject: x\n\nold",
        "发件人：Shop\n发送时间：2026年11月23日\n收件人：李雷\n主题：订单\n\n旧",
        "Shop <help@shop.example> 于2026年11月23日周一 10:00写道：\n> 旧",
        "在 2026年11月23日，Shop <help@shop.example> 写道：\n\n> 旧",
        "> old\n> older\n",
    ],
)  # fmt: skip
def test_what_was_quoted_is_cut_off_and_kept(history: str) -> None:
    letter = read(mail(f"{NEW}\n\n{history}".encode(), "Content-Type: text/plain; charset=utf-8"))
    assert letter.text == NEW
    assert letter.whole == f"{NEW}\n\n{history}".strip()


@pytest.mark.parametrize(
    "text",
    [
        "> is it blue?\nyes\n> and large?\nno",
        "On Monday somebody wrote:\n> is it blue?\nyes",
        "> only a quote",
        "I read it on the site: from here on, ok",
        "On Monday I wrote to you: no answer came.\nPlease do answer.",
        "From: here\nto there",
        "",
    ],
)
def test_what_is_no_history_stays(text: str) -> None:
    assert new_text(text) == text


def test_quotes_of_html() -> None:
    quoted = "<div class=gmail_quote>On Mon, Shop &lt;a@b.c&gt; wrote:<br><blockquote>old<br>older</blockquote></div>"
    html = f"<div>Yes{quoted}"
    assert new_text(text_of_html(html)) == "Yes"


# --- machines ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "kind"),
    [
        ((), "letter"),
        (("Auto-Submitted: no",), "letter"),
        (("Return-Path: <li@example.com>",), "letter"),
        (("Auto-Submitted: auto-replied",), "auto"),
        (("Auto-Submitted: auto-generated; x=y",), "auto"),
        (("Precedence: bulk",), "auto"),
        (("Precedence: auto_reply",), "auto"),
        (("X-Autoreply: yes",), "auto"),
        (("List-Id: <news.example.com>",), "auto"),
        (("Return-Path: <>", "Auto-Submitted: auto-replied"), "auto"),
        (("Return-Path: <>",), "bounce"),
        (("Content-Type: multipart/report; report-type=delivery-status; boundary=b",), "bounce"),
    ],
)
def test_who_or_what_wrote(headers: tuple[str, ...], kind: str) -> None:
    assert read(mail(b"x", *headers)).kind == kind


def test_servers_and_ourselves() -> None:
    assert read(mail(sender="MAILER-DAEMON@mx.example.com")).kind == "bounce"
    assert read(mail(sender="Postmaster <postmaster@mx.example.com>")).kind == "bounce"
    assert read(mail(sender="Help <Help@shop.example>"), own=["help@shop.example"]).kind == "own"


def test_a_bounce_names_the_letter_that_did_not_arrive() -> None:
    inner = f"Message-ID: <{TOKEN}.l1@shop.example>\r\nSubject: x\r\n\r\nhello"
    body = f"--b\r\n\r\nfailed\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--".encode()
    letter = read(mail(body, "Content-Type: multipart/report; boundary=b", sender="mailer-daemon@mx.example.com"))
    assert (letter.kind, letter.tokens) == ("bounce", (TOKEN,))


RESULT = "Authentication-Results: mx.shop.example; spf=pass; dmarc={} header.from=example.com"


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ((RESULT.format("pass"),), True),
        ((RESULT.format("fail"),), False),
        ((RESULT.format("none"),), None),
        (("Authentication-Results: mx.shop.example; spf=pass",), None),
        (("Authentication-Results: evil.example; dmarc=pass",), None),
        ((RESULT.format("fail"), RESULT.format("pass")), False),
        ((RESULT.format("pass").replace("; spf", " 1; spf"),), True),
        ((), None),
    ],
)
def test_what_our_server_says_of_the_sender(headers: tuple[str, ...], found: bool | None) -> None:
    assert read(mail(b"x", *headers), authserv="mx.shop.example").authenticated is found
    assert read(mail(b"x", *headers)).authenticated is None, "without a name nobody is believed"


# --- files -------------------------------------------------------------------------------------------------


def test_files_and_a_letter_in_a_letter() -> None:
    one = EmailMessage()
    one["From"] = "li@example.com"
    one.set_content("see the files")
    one.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="账单.pdf")
    one.add_attachment("notes", filename="../../notes.txt")
    inner = EmailMessage()
    inner.set_content("inner text")
    one.add_attachment(inner)
    letter = read(one.as_bytes())
    assert letter.text == "see the files"
    assert [(file.name, file.type) for file in letter.files[:2]] == [
        ("账单.pdf", "application/pdf"),
        ("../../notes.txt", "text/plain"),
    ]
    assert letter.files[2].type == "message/rfc822" and b"inner text" in letter.files[2].content


def test_too_many_files_are_named() -> None:
    one = EmailMessage()
    one.set_content("x")
    for number in range(MOST_FILES + 2):
        one.add_attachment(b"x", maintype="image", subtype="png", filename=f"{number}.png")
    letter = read(one.as_bytes())
    assert len(letter.files) == MOST_FILES and letter.left_out == ("20.png", "21.png")


# --- our answers -------------------------------------------------------------------------------------------


def answer(**more: object) -> Answer:
    told: dict[str, object] = {
        "sender": "help@shop.example", "address": "li@example.com", "subject": "Order 7", "token": TOKEN,
        "own_id": f"{TOKEN}.l1", "answers": ["<m0@example.com>", "<m1@example.com>"], "text": "你好", "name": "Shop",
        "at": 1_795_293_080.0,
    }  # fmt: skip
    return Answer(**(told | more))  # type: ignore[arg-type]


def test_an_answer_stands_in_its_thread() -> None:
    sent = mail_of(answer())
    assert sent["In-Reply-To"] == "<m1@example.com>" and sent["References"] == "<m0@example.com> <m1@example.com>"
    assert sent["Message-ID"] == f"<{TOKEN}.l1@shop.example>" and sent["Reply-To"] == "help@shop.example"
    back = message_from_bytes(sent.as_bytes(), policy=default)
    assert back["Subject"] == f"Re: Order 7 [{TOKEN}]" and back.get_content() == "你好\n"  # type: ignore[attr-defined]
    assert "Auto-Submitted" not in sent


def test_subjects_and_long_threads() -> None:
    assert subject_of(f"RE: x [{TOKEN}]", TOKEN) == f"RE: x [{TOKEN}]"
    assert subject_of("a\r\nBcc: x@y", TOKEN) == f"Re: a Bcc: x@y [{TOKEN}]"
    sent = mail_of(answer(answers=[f"<{n}@x>" for n in range(50)]))
    assert sent["References"].split()[0] == "<0@x>" and len(sent["References"].split()) == 20
    with pytest.raises(ValueError, match=r"."):
        mail_of(answer(address="a@b\nBcc: c@d"))


def test_our_own_answer_comes_back_as_ours() -> None:
    raw = mail_of(answer()).as_bytes()
    assert read(raw, own=["help@shop.example"]).kind == "own"
