"""Every use case of the store, with its Nth statement failing, for N = 1, 2, 3 … until it goes through (F17).

After a failure the database must be as it was before: no half of a change, in any table. The table below has one line
for each method of the stores that writes; a method without a line fails the last test, which says what to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from interaction_log import events as e
from interaction_log.alarms import Alarm, StaffMessage
from interaction_log.callback import Callback
from interaction_log.canned import CannedReply
from interaction_log.cases import CaseState, CaseType
from interaction_log.chats import Ban, NewConversation, NewLine
from interaction_log.knowledge import Draft, Text
from interaction_log.mails import MailContact, Outgoing, Position
from interaction_log.missed import Work
from interaction_log.privacy.stored import Hold
from interaction_log.recordings import RecordingFile
from interaction_log.records import AuditEntry, Campaign, Choice, CustomField, NotFound, Purpose, QueueSettings, User
from interaction_log.rights import OwnRole, Team
from interaction_log.store import EventLog, Store
from interaction_log.store import schema as s
from interaction_log.store.backup import tables_in
from interaction_log.store.engine import open_engine
from tests.contract.test_store import postgres, url  # noqa: F401 (fixtures)
from tests.fakes.call_events import call

AT = 1_795_293_080.0
NUMBER = "+8613800138000"
MOST = 200
"""Statements of one use case; more is a loop without an end."""


class Injected(Exception):
    """The statement that fails."""


class Fault:
    """Lets the Nth statement from now on fail, once."""

    def __init__(self) -> None:
        self.left = 0
        self.happened = False
        self._lock = threading.Lock()

    def arm(self, n: int) -> None:
        self.left, self.happened = n, False

    def disarm(self) -> None:
        self.left = 0

    def __call__(self, *_: object) -> None:
        with self._lock:
            if self.left == 0:
                return
            self.left -= 1
            if self.left == 0:
                self.happened = True
                raise Injected


@pytest.fixture(scope="module")
def fault() -> Iterator[Fault]:
    one = Fault()
    sa.event.listen(sa.Engine, "before_cursor_execute", one)
    sa.event.listen(sa.Engine, "commit", one)
    yield one
    sa.event.remove(sa.Engine, "before_cursor_execute", one)
    sa.event.remove(sa.Engine, "commit", one)


@dataclass
class Site:
    """The store, and what earlier use cases have made."""

    store: Store
    engine: sa.Engine
    ids: dict[str, Any] = field(default_factory=dict)

    def rows(self) -> dict[str, list[str]]:
        """Everything that is in the database."""
        with self.engine.connect() as connection:
            return {
                name: sorted(map(repr, connection.execute(sa.select(sa.text("*")).select_from(sa.table(name)))))
                for name in tables_in(connection)
            }


@pytest_asyncio.fixture
async def site(url: str, tmp_path: Path) -> AsyncIterator[Site]:  # noqa: F811
    """Three calls (one of them abandoned), two customers, an agent."""
    store = await asyncio.to_thread(Store.open, url, default_region="CN", master_key=_key(tmp_path))
    log = await asyncio.to_thread(EventLog.open, url, tmp_path / "journal", on_state=print, journal_bytes=1_000_000)
    told = [event for n in range(2) for event in call(n, AT + n)]
    lost = [one for one in call(2, AT + 2, "+8613900139000") if isinstance(one, e.InteractionStarted | e.QueueEntered)]
    of = lost[0].interaction_id  # type: ignore[union-attr]
    lost += [
        e.QueueLeft(at=AT + 9, interaction_id=of, queue="support", result="abandoned"),  # type: ignore[list-item]
        e.InteractionEnded(at=AT + 9, interaction_id=of, outcome="abandoned", ended_by="customer"),  # type: ignore[list-item]
    ]
    for event in [*told, *lost]:
        log.append(e.Recorded(log.next_seq(), event))
    await log.shown()
    await asyncio.to_thread(log.close)
    found = Site(store, open_engine(url, writes=False, size=1))
    found.ids |= {"call": told[0].interaction_id, "other_call": told[14].interaction_id, "lost": of}  # type: ignore[attr-defined]
    yield found
    found.engine.dispose()
    await asyncio.to_thread(store.close)


def _key(folder: Path) -> Path:
    from interaction_log.store.master_key import load_or_make

    load_or_make(folder / "master.key")
    return folder / "master.key"


def _canned(of: str) -> CannedReply:
    return CannedReply(id=of, shortcut="hi", texts={"en": "Good morning {visitor}"})


def _chat() -> NewConversation:
    return NewConversation(id="c1", client_id="k1", visitor="v1", site="s", queue="support", at=AT, name="Li")


def _mail_contact() -> MailContact:
    return MailContact(
        id="m1", conversation="c1", box="help", queue="support", opened_at=AT, address="li@example.com", subject="x"
    )


def _outgoing(of: str) -> Outgoing:
    return Outgoing(id=of, conversation="c1", kind="line", made_at=AT, next_at=AT, contact="m1")


THRESHOLD = {"name": "Long line", "measure": "waiting", "limit": 5.0}


def _message(of: str, reply_to: str | None = None, by: str = "sofia") -> StaffMessage:
    readers: dict[str, float | None] = {} if reply_to else {"anna": None, "ben": None}
    return StaffMessage(id=of, at=AT, by=by, to="all", text="Hello", reply_to=reply_to, readers=readers)


def _file() -> dict[str, Any]:
    return {
        "id": "f1", "name": "a.pdf", "type": "t", "size": 1, "sha256": "", "by": "visitor", "at": AT, "scan": "waiting",
    }  # fmt: skip


Step = Callable[[Site], Awaitable[Any]]


@dataclass(frozen=True)
class UseCase:
    """``name``: ``part.method`` of the store. ``keeps``: the name under which what it gives is remembered.

    ``repeats``: works in several small transactions on purpose; asking again must finish it and make nothing twice.
    """

    name: str
    run: Step
    keeps: str = ""
    repeats: bool = False
    leaves: str = ""
    """What a failure leaves behind for now, in plain words."""


def _user(name: str, **more: Any) -> User:
    return User(name=name, display_name=name.title(), role="agent", devices=["PJSIP/1001"], skills={"en": 3}, **more)


def _role(version: int) -> OwnRole:
    return OwnRole(code="clerk", labels={"en": "Clerk"}, base="agent", rights=("customers.read",), version=version)


def _hold(one: Site) -> Hold:
    return Hold(
        id="h1",
        kind="customer",
        subject=one.ids["anna"].id,
        from_at=None,
        to_at=None,
        reason="court",
        set_by="admin",
        set_at=AT,
        lifted_by=None,
        lifted_at=None,
    )


def _callback() -> Callback:
    return Callback(
        id="cb1", pbx="main", queue="support", address=NUMBER, name="", since=AT, requested_at=AT, expires_at=AT + 60
    )


ORDER = CaseType(
    code="order",
    labels={"en": "Order"},
    states=[
        CaseState(code="new", labels={"en": "New"}, next=["closed"]),
        CaseState(code="closed", labels={"en": "Closed"}, phase="closed"),
    ],
)
FILTER = {"match": "all", "parts": [{"field": "vip", "is": "yes"}]}
ARTICLE = Draft(kind="article", texts={"en": Text(title="Refunds", body="Within 14 days.")})

SCHEDULE = {
    "name": "X",
    "question": {"grain": "day"},
    "every": "day",
    "at_minute": 480,
    "zone": "UTC",
    "recipients": ["a@example.com"],
}


async def _drop_import(one: Site) -> None:
    with contextlib.suppress(NotFound):  # dropped already
        await one.store.imports.drop(one.ids["import"])


async def _work_missed(one: Site) -> Any:
    entry = await one.store.missed.get(one.ids["lost"])
    work = Work(by="anna", at=AT + 20, state="calling", version=entry.version)
    return await one.store.missed.work(entry.id, work)


async def _no_pause() -> None:
    """Between the steps of what works in steps."""


async def _run_rule(one: Site) -> int:
    rule = next(rule for rule in await one.store.records.tasks.rules() if rule.id == one.ids["rule"].id)
    return await one.store.records.tasks.run_rule(rule, date(2026, 11, 22), AT)


USE_CASES: list[UseCase] = [
    # people
    UseCase("teams.put_role", lambda o: o.store.teams.put_role(_role(1))),
    UseCase("teams.put_role", lambda o: o.store.teams.put_role(_role(1))),
    UseCase("users.create", lambda o: o.store.users.create(_user("anna"), "long enough")),
    UseCase("users.create_demo", lambda o: o.store.users.create_demo(_user("ben"), "demo")),
    UseCase("teams.put_team", lambda o: o.store.teams.put_team(Team(code="red", label="R", members=("anna", "ben")))),
    UseCase("users.update", lambda o: o.store.users.update("anna", {"own_role": "clerk", "devices": ["PJSIP/1"]})),
    UseCase("users.set_password", lambda o: o.store.users.set_password("ben", "longer than before")),
    UseCase("users.open_session", lambda o: o.store.users.open_session("anna", 60.0), "token"),
    UseCase("users.session_user", lambda o: o.store.users.session_user(o.ids["token"])),
    UseCase("users.session_users", lambda o: o.store.users.session_users([o.ids["token"]])),
    UseCase("users.close_session", lambda o: o.store.users.close_session(o.ids["token"])),
    UseCase("users.close_sessions_of", lambda o: o.store.users.close_sessions_of("anna")),
    # catalogue
    UseCase("catalogue.put_queue", lambda o: o.store.catalogue.put_queue(QueueSettings(name="a", pbx="m", label="A"))),
    UseCase(
        "catalogue.put_pause_reason", lambda o: o.store.catalogue.put_pause_reason(Choice(code="x", labels={"en": "X"}))
    ),
    UseCase(
        "catalogue.put_disposition", lambda o: o.store.catalogue.put_disposition(Choice(code="x", labels={"en": "X"}))
    ),
    UseCase(
        "catalogue.put_campaign",
        lambda o: o.store.catalogue.put_campaign(Campaign(code="en", labels={"en": "E"}, numbers=["800"])),
    ),
    UseCase("catalogue.put_skill", lambda o: o.store.catalogue.put_skill(Choice(code="en", labels={"en": "E"}))),
    # customers
    UseCase(
        "records.fields.put",
        lambda o: o.store.records.fields.put(CustomField(code="tier", labels={"en": "T"}, type="text")),
    ),
    UseCase(
        "records.fields.put_purpose",
        lambda o: o.store.records.fields.put_purpose(Purpose(code="ads", labels={"en": "Ads"})),
    ),
    UseCase(
        "customers.create",
        lambda o: o.store.customers.create(
            {"name": "Anna", "phones": [NUMBER], "emails": ["a@example.com"], "fields": {"tier": "gold"}}
        ),
        "anna",
    ),
    UseCase(
        "customers.create", lambda o: o.store.customers.create({"name": "Ann", "emails": ["a@example.com"]}), "ann"
    ),
    UseCase("customers.create", lambda o: o.store.customers.create({"name": "Old"}), "old"),
    UseCase(
        "customers.update",
        lambda o: o.store.customers.update(o.ids["anna"].id, {"phones": ["+8613800138002"], "notes": "n", "vip": True}),
    ),
    UseCase("customers.import_csv", lambda o: o.store.customers.import_csv(b"name,phone\nZoe,+8613800138009\n", False)),
    UseCase("customers.delete", lambda o: o.store.customers.delete(o.ids["old"].id)),
    UseCase(
        "records.consents.say",
        lambda o: o.store.records.consents.say(
            o.ids["anna"].id, {"purpose": "marketing", "state": "given", "source": "call"}, "anna", AT
        ),
    ),
    UseCase(
        "records.relations.add",
        lambda o: o.store.records.relations.add(o.ids["anna"].id, "family", o.ids["ann"].id, "anna", AT),
        "relation",
    ),
    UseCase(
        "records.relations.remove", lambda o: o.store.records.relations.remove(o.ids["anna"].id, o.ids["relation"].id)
    ),
    UseCase("records.segments.create", lambda o: o.store.records.segments.create("V", FILTER, "admin", AT), "segment"),
    UseCase(
        "records.segments.change",
        lambda o: o.store.records.segments.change(o.ids["segment"].id, AT, version=1, name="W"),
    ),
    # work
    UseCase(
        "records.tasks.create",
        lambda o: o.store.records.tasks.create(
            {"title": "T", "customer_id": o.ids["anna"].id, "due_at": AT}, "anna", AT
        ),
        "task",
    ),
    UseCase("records.tasks.change", lambda o: o.store.records.tasks.change(o.ids["task"].id, {"title": "U"}, AT)),
    UseCase("records.tasks.claim", lambda o: o.store.records.tasks.claim(o.ids["task"].id, AT + 1)),
    UseCase(
        "records.tasks.create_rule",
        lambda o: o.store.records.tasks.create_rule(
            {
                "title": "R",
                "segment_id": o.ids["segment"].id,
                "owner": "anna",
                "at_minute": 540,
                "zone": "Asia/Shanghai",
            },
            AT,
        ),
        "rule",
    ),
    UseCase("records.tasks.change_rule", lambda o: o.store.records.tasks.change_rule(o.ids["rule"].id, {"title": "S"})),
    UseCase("records.tasks.run_rule", _run_rule, repeats=True),
    UseCase("records.tasks.delete_rule", lambda o: o.store.records.tasks.delete_rule(o.ids["rule"].id)),
    UseCase("records.segments.delete", lambda o: o.store.records.segments.delete(o.ids["segment"].id)),
    UseCase("records.cases.put_type", lambda o: o.store.records.cases.put_type(ORDER)),
    UseCase(
        "records.cases.create",
        lambda o: o.store.records.cases.create(
            {"type": "order", "title": "O", "customer_id": o.ids["anna"].id, "interaction_id": o.ids["call"]},
            "anna",
            AT,
        ),
        "case",
    ),
    UseCase(
        "records.cases.change", lambda o: o.store.records.cases.change(o.ids["case"]["id"], {"title": "P"}, "anna", AT)
    ),
    UseCase(
        "records.cases.link", lambda o: o.store.records.cases.link(o.ids["case"]["id"], o.ids["other_call"], "anna", AT)
    ),
    UseCase(
        "records.cases.unlink",
        lambda o: o.store.records.cases.unlink(o.ids["case"]["id"], o.ids["other_call"], "anna", AT),
    ),
    # identity
    UseCase(
        "identity.claims.confirm",
        lambda o: o.store.identity.claims.confirm(o.ids["anna"].id, "email", "w@example.com", by="anna", at=AT),
        "claim",
    ),
    UseCase("identity.claims.withdraw", lambda o: o.store.identity.claims.withdraw(o.ids["claim"].id)),
    UseCase(
        "identity.claims.share",
        lambda o: o.store.identity.claims.share("phone", "010 5088 1234", by="sofia", at=AT),
        "shared",
    ),
    UseCase("identity.claims.unshare", lambda o: o.store.identity.claims.unshare(o.ids["shared"].value)),
    UseCase(
        "identity.suggestions.refresh", lambda o: o.store.identity.suggestions.refresh(AT, _no_pause), repeats=True
    ),
    UseCase(
        "identity.suggestions.dismiss",
        lambda o: o.store.identity.suggestions.dismiss(o.ids["anna"].id, o.ids["ann"].id, by="sofia", at=AT),
    ),
    UseCase(
        "identity.merges.merge",
        lambda o: o.store.identity.merges.merge(o.ids["anna"].id, o.ids["ann"].id, at=AT, by="sofia", take=["name"]),
        "merge",
    ),
    UseCase("identity.merges.undo", lambda o: o.store.identity.merges.undo(o.ids["merge"].id, at=AT, by="sofia")),
    # missed, callbacks, recordings
    UseCase("callbacks.put", lambda o: o.store.callbacks.put(_callback())),
    UseCase("missed.work", _work_missed),
    UseCase("missed.heard", lambda o: o.store.missed.heard(o.ids["message"], "anna", AT)),
    UseCase("recording_keys.make", lambda o: o.store.recording_keys.make(_recording(o)), repeats=True),
    UseCase("recording_keys.sealed", lambda o: o.store.recording_keys.sealed("ab" * 16)),
    UseCase("recordings.deleted", lambda o: o.store.recordings.deleted(o.ids["recording"], AT)),
    # files, knowledge, surveys
    UseCase(
        "imports.put_file",
        lambda o: o.store.imports.put_file("p.csv", b"name,phone\nZoe,13800138009\n", "anna"),
        "import",
    ),
    UseCase("imports.scrub", lambda o: o.store.imports.scrub()),
    UseCase("imports.drop", _drop_import, repeats=True),
    UseCase("knowledge.write", lambda o: o.store.knowledge.write(None, ARTICLE, "sofia"), "article"),
    UseCase("knowledge.publish", lambda o: o.store.knowledge.publish(o.ids["article"].id, 1, "sofia")),
    UseCase("knowledge.retire", lambda o: o.store.knowledge.retire(o.ids["article"].id)),
    UseCase("surveys.answer", lambda o: o.store.surveys.answer(o.ids["call"], "csat", 4, channel="voice")),
    UseCase("surveys.link", lambda o: o.store.surveys.link(o.ids["other_call"], "nps"), "link"),
    UseCase("surveys.answer_link", lambda o: o.store.surveys.answer_link(o.ids["link"], 9, "good")),
    # reports by mail
    UseCase("schedules.create", lambda o: o.store.schedules.create(SCHEDULE, "sofia", AT), "schedule"),
    UseCase("schedules.update", lambda o: o.store.schedules.update(o.ids["schedule"].id, {"name": "Y"}, 1)),
    UseCase("schedules.plan", lambda o: o.store.schedules.plan(AT + 2 * 86_400), "runs"),
    UseCase("schedules.claim", lambda o: o.store.schedules.claim(o.ids["runs"][0], AT + 3 * 86_400)),
    UseCase("schedules.finished", lambda o: o.store.schedules.finished(o.ids["runs"][0], AT + 3 * 86_400)),
    UseCase("schedules.adopt", lambda o: o.store.schedules.adopt(AT + 3 * 86_400)),
    UseCase("schedules.again", lambda o: o.store.schedules.again(o.ids["schedule"].id, o.ids["runs"][0].due_at, AT)),
    UseCase("schedules.delete", lambda o: o.store.schedules.delete(o.ids["schedule"].id)),
    UseCase("alarms.make_rule", lambda o: o.store.alarms.make_rule(THRESHOLD, "sofia", AT), "threshold"),
    UseCase(
        "alarms.change_rule",
        lambda o: o.store.alarms.change_rule(o.ids["threshold"].id, THRESHOLD | {"limit": 9.0}, 1, "sofia", AT),
    ),
    UseCase("alarms.put", lambda o: o.store.alarms.put(Alarm(id="a1", code="threshold", raised_at=AT))),
    UseCase("alarms.remove_rule", lambda o: o.store.alarms.remove_rule(o.ids["threshold"].id)),
    UseCase("messages.put", lambda o: o.store.messages.put(_message("m1"))),
    UseCase("messages.put", lambda o: o.store.messages.put(_message("m2", reply_to="m1", by="anna"))),
    UseCase("messages.read", lambda o: o.store.messages.read("m1", "ben", AT + 2)),
    UseCase("messages.forget", lambda o: o.store.messages.forget(AT + 60)),
    # chats
    UseCase(
        "chats.make_visitor",
        lambda o: o.store.chats.make_visitor("s", "h", at=AT, expires_at=AT + 9, subject="x"),
        "visitor",
    ),
    UseCase("canned.create", lambda o: o.store.canned.create(_canned("")), "canned"),
    UseCase("canned.put", lambda o: o.store.canned.put(_canned(o.ids["canned"].id))),
    UseCase("chats.prolong", lambda o: o.store.chats.prolong("h", AT + 10)),
    UseCase("chats.attest", lambda o: o.store.chats.attest(o.ids["visitor"].id, {"name": "Li"})),
    UseCase("chats.open", lambda o: o.store.chats.open(_chat())),
    UseCase("chats.say", lambda o: o.store.chats.say("c1", NewLine(id="l1", by="visitor", at=AT, text="x"))),
    UseCase("chats.update", lambda o: o.store.chats.update("c1", state="ended", comment="x")),
    UseCase("chats.put_file", lambda o: o.store.chats.put_file("c1", **_file())),
    UseCase("mails.move", lambda o: o.store.mails.move("help", Position(7, 1), AT)),
    UseCase("mails.move", lambda o: o.store.mails.move("help", Position(7, 2), AT)),
    UseCase("mails.open", lambda o: o.store.mails.open(_mail_contact())),
    UseCase("mails.open", lambda o: o.store.mails.open(replace(_mail_contact(), id="m2", sender="s", held_at=AT))),
    UseCase("mails.let_in", lambda o: o.store.mails.let_in("m2", AT + 1)),
    UseCase("mails.change", lambda o: o.store.mails.change(replace(_mail_contact(), subject="y"))),
    UseCase("mails.keep", lambda o: o.store.mails.keep("letter", "letter", AT, "c1", "m1")),
    UseCase("mails.keep", lambda o: o.store.mails.keep("letter", "auto", AT)),
    UseCase("mails.put", lambda o: o.store.mails.put(_outgoing("o1"))),
    UseCase("mails.put", lambda o: o.store.mails.put(_outgoing("o2"))),
    UseCase("mails.later", lambda o: o.store.mails.later("o1", AT + 9)),
    UseCase("mails.put_off", lambda o: o.store.mails.put_off("o1", AT + 10)),
    UseCase("mails.sent", lambda o: o.store.mails.sent("o1", AT + 11)),
    UseCase("mails.failed", lambda o: o.store.mails.failed("o2", "refused")),
    UseCase("mails.end", lambda o: o.store.mails.end("m1", AT + 12)),
    UseCase("chats.scanned", lambda o: o.store.chats.scanned("f1", "clean")),
    UseCase("chats.ban", lambda o: o.store.chats.ban(Ban(kind="visitor", value="v", until=AT, by="sofia", at=AT))),
    UseCase("chats.lift_ban", lambda o: o.store.chats.lift_ban("visitor", "v")),
    UseCase("chats.make_visitor", lambda o: o.store.chats.make_visitor("s", "h2", at=AT, expires_at=AT + 9), "guest"),
    UseCase(
        "chats.open", lambda o: o.store.chats.open(replace(_chat(), id="c2", client_id="u2", visitor=o.ids["guest"].id))
    ),
    UseCase(
        "chats.sign_in",
        lambda o: o.store.chats.sign_in("s", "h2", at=AT, expires_at=AT + 9, subject="y", attributes={}),
    ),
    UseCase("chats.keep_consent", lambda o: o.store.chats.keep_consent("s", "1", {"en": "We keep it."}, AT)),
    UseCase("chats.use_token", lambda o: o.store.chats.use_token("s", "1", "p", until=AT + 9, now=AT)),
    UseCase("chats.expire", lambda o: o.store.chats.expire(AT + 11)),
    # privacy, audit, what is left of people
    UseCase("privacy.hold", lambda o: o.store.privacy.hold(_hold(o))),  # type: ignore[union-attr]
    UseCase("privacy.lift", lambda o: o.store.privacy.lift("h1", "admin", AT + 1)),  # type: ignore[union-attr]
    UseCase("privacy.request", lambda o: o.store.privacy.request(o.ids["ann"].id, "admin", AT)),  # type: ignore[union-attr]
    UseCase("audit.append", lambda o: o.store.audit.append(AuditEntry(at=AT, actor="a", action="b", subject="c"))),
    UseCase("teams.remove_team", lambda o: o.store.teams.remove_team("red")),
    UseCase("users.update", lambda o: o.store.users.update("anna", {"own_role": None, "disabled": True})),
    UseCase("teams.remove_role", lambda o: o.store.teams.remove_role("clerk")),
]

SEVERAL_TRANSACTIONS = {
    "feed.step": "indexes in small steps on purpose; the next step goes on (test_search_index)",
    "feed.stop": "no statement of its own",
    "identity.claims.saw": "part of the log's own writing (test_identity)",
    "imports.choose": "needs a file that a child process has read (test_imports)",
    "imports.suggest": "needs a file that a child process has read (test_imports)",
    "imports.begin": "a child process works (test_imports: cut off at every step)",
    "imports.remember": "needs a chosen mapping (test_imports)",
    "imports.forget": "needs a remembered mapping (test_imports)",
    "privacy.run": "erases in steps on purpose (test_privacy_markers: an erasure that was cut off goes on)",
}
"""Methods that write and have no line above, each with the place where its faults are tested."""


def _recording(one: Site) -> RecordingFile:
    return RecordingFile(
        id="ab" * 16, interaction_id=one.ids["call"], pbx="main", queue=None, started_at=AT, ended_at=AT,
        running=False, file="a.wav", deleted_at=None,
    )  # fmt: skip


def _prepare(one: Site, use: UseCase) -> None:
    """Rows that only the PBX would make."""
    rows: dict[str, tuple[str, dict[str, Any]]] = {
        "missed.heard": (
            "voicemails",
            {"id": "vm1", "interaction_id": one.ids["lost"], "pbx": "main", "mailbox": "500@default", "at": AT},
        ),
        "recordings.deleted": (
            "recordings",
            {"id": "ab" * 16, "interaction_id": one.ids["call"], "pbx": "main", "running": False, "file": "a.wav"},
        ),
    }
    if use.name not in rows:
        return
    table, values = rows[use.name]
    known = s.metadata.tables[table]
    needed = {c.name: 0 if isinstance(c.type, sa.Integer | sa.Double) else "" for c in known.c if not c.nullable}
    given = {name: value for name, value in (needed | values).items() if name in known.c}
    one.store._writing.now(lambda connection: connection.execute(sa.insert(known).values(given)))
    one.ids |= {"message": "vm1", "recording": "ab" * 16}


@pytest.mark.timeout(600)
async def test_no_failing_statement_leaves_half_a_change(site: Site, fault: Fault) -> None:
    broken: list[str] = []
    for use in USE_CASES:
        _prepare(site, use)
        before = site.rows()
        for n in range(1, MOST):
            fault.arm(n)
            try:
                made = await use.run(site)
            except Exception as error:
                happened = fault.happened
                fault.disarm()
                if not happened:
                    broken.append(f"{use.name}: {error!r}")
                    break
                left = {} if use.repeats or use.leaves else _difference(before, site.rows())
                assert left == {}, f"{use.name}: statement {n} failed, and this was left"
                continue
            happened = fault.happened
            fault.disarm()
            assert not happened, f"{use.name} says that all is well, though statement {n} failed"
            if use.repeats:
                done = site.rows()
                await use.run(site)
                assert _difference(done, site.rows()) == {}, f"{use.name}: asked again, it did something again"
            if use.keeps:
                site.ids[use.keeps] = made
            break
        else:
            raise AssertionError(f"{use.name} does not end")
    assert broken == [], "these lines of USE_CASES do not work any more, without any fault"


def _difference(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, Any]:
    return {
        name: (sorted(set(before[name]) - set(after[name])), sorted(set(after[name]) - set(before[name])))
        for name in before
        if before[name] != after[name]
    }


def _writers(cls: type, prefix: str) -> Iterator[str]:
    """Methods that write, of a store and of the stores in it."""
    for name, method in inspect.getmembers(cls, inspect.iscoroutinefunction):
        source = inspect.getsource(method) if not name.startswith("_") else ""
        if any(word in source for word in ("_writing(", "self._write(", "self.writer(")):
            yield f"{prefix}.{name}"


def _parts(value: Any, prefix: str) -> Iterator[tuple[Any, str]]:
    yield value, prefix
    if is_dataclass(value):
        for one in fields(value):
            inner = getattr(value, one.name, None)
            if not one.name.startswith("_") and type(inner).__module__.startswith("interaction_log."):
                yield inner, f"{prefix}.{one.name}"


def test_every_method_that_writes_has_a_line(site: Site) -> None:
    there = {
        name
        for one in fields(Store)
        if not one.name.startswith("_")
        for part, prefix in _parts(getattr(site.store, one.name), one.name)
        for name in _writers(type(part), prefix)
    }
    missing = there - {use.name for use in USE_CASES} - set(SEVERAL_TRANSACTIONS)
    assert not missing, (
        "these methods write and have no line in USE_CASES of tests/contract/test_failing_statements.py; add one that "
        f"calls it with what earlier lines made: {sorted(missing)}"
    )
