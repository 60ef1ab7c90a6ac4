"""Customers, interactions, users and catalogue: the same tests on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from interaction_log import demo
from interaction_log import events as e
from interaction_log.records import Campaign, Choice, Conflict, Customer, NotFound, QueueSettings, Refused, User
from interaction_log.store import EventLog, Store
from interaction_log.store import schema as s
from interaction_log.store.users import StoredUsers
from tests import quick
from tests.fakes.call_events import call
from tests.fakes.postgres import Postgres, shared_postgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/log.db"
    server: Postgres = request.getfixturevalue("postgres")
    return server.migrated_database()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    one = Store.open(url, default_region="CN")
    yield one
    one.close()


@pytest.fixture
def log(url: str, tmp_path: Path) -> Iterator[EventLog]:
    one = EventLog.open(url, tmp_path / "journal", on_state=print, journal_bytes=1_000_000)
    yield one
    one.close()


async def tell(log: EventLog, *told: e.Event) -> None:
    for event in told:
        seq = log.next_seq()
        log.append(e.Recorded(seq, event))
    await log.durable(seq)
    deadline = time.monotonic() + 10
    while log.behind:  # after a flood the projections follow
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


# --- customers ---------------------------------------------------------------------------------------


async def test_a_customer_is_created_changed_and_deleted(store: Store) -> None:
    made = await store.customers.create(
        {
            "name": "  王  小明 ",
            "phones": ["138 0013 8000", "+86 10 5088 1234 ext. 12", "13800138000"],
            "emails": ["Wang@Example.com"],
            "organisation": "京华",
            "language": "zh-CN",
            "vip": True,
            "notes": "第一行\n第二行",
        }
    )
    assert made == Customer(
        id=made.id,
        name="王 小明",
        phones=["+8613800138000", "+861050881234;ext=12"],
        emails=["Wang@Example.com"],
        organisation="京华",
        language="zh-CN",
        vip=True,
        notes="第一行\n第二行",
    )
    assert await store.customers.get(made.id) == made
    changed = await store.customers.update(made.id, {"phones": made.phones[:1], "vip": False, "notes": None})
    assert changed == replace(made, phones=made.phones[:1], vip=False, notes=None)
    assert await store.customers.get(made.id) == changed
    await store.customers.delete(made.id)
    for gone in (store.customers.get, store.customers.delete, store.customers.match_of):
        with pytest.raises(NotFound):
            await gone(made.id)
    assert (await store.customers.find_caller("+8613800138000")).strength == "unknown"


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [
        ({}, "name"),
        ({"name": " "}, "name"),
        ({"name": 3}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "a\ud800"}, "name"),
        ({"name": "A", "colour": "red"}, "colour"),
        ({"name": "A", "id": "1"}, "id"),
        ({"name": "A", "phones": "+8613800138000"}, "phones"),
        ({"name": "A", "phones": ["+8613800138000", "12"]}, "phones.1"),
        ({"name": "A", "phones": ["1.38E+10"]}, "phones.0"),
        ({"name": "A", "phones": ["13800138000.0"]}, "phones.0"),
        ({"name": "A", "phones": ["call 13800138000"]}, "phones.0"),
        ({"name": "A", "phones": ["1-800-FLOWERS"]}, "phones.0"),
        ({"name": "A", "phones": ["+8613800138000"] * 21}, "phones"),
        ({"name": "A", "emails": ["a@b"]}, "emails.0"),
        ({"name": "A", "emails": ["a@b.de\r\nBcc: c@d.de"]}, "emails.0"),
        ({"name": "A", "language": "not a tag"}, "language"),
        ({"name": "A", "vip": "yes"}, "vip"),
        ({"name": "A", "vip": None}, "vip"),
        ({"name": "A", "notes": "x" * 20_001}, "notes"),
        ({"name": "A", "notes": "\x1b[31m"}, "notes"),
    ],
)
async def test_a_wrong_field_is_refused_by_name(store: Store, fields: dict[str, object], at_fault: str) -> None:
    with pytest.raises(Refused) as refused:
        await store.customers.create(fields)
    assert refused.value.field == at_fault


async def test_who_calls(store: Store, log: EventLog) -> None:
    wang = await store.customers.create({"name": "王小明", "phones": ["13800138000"]})
    emily = await store.customers.create({"name": "Emily", "phones": ["+442079460018"]})
    for name in ("陈", "刘"):
        await store.customers.create({"name": name, "phones": ["021 5088 8888"]})

    async def who(address: str) -> tuple[str, list[str]]:
        match = await store.customers.find_caller(address)
        people = [match.customer] if match.customer else match.candidates
        return match.strength, sorted(str(one["name"]) for one in people)

    assert await who("+8613800138000") == ("known", ["王小明"])
    assert await who("+442079460018") == ("known", ["Emily"])
    assert await who("02079460018") == ("maybe", ["Emily"])  # the trunk presents a foreign national number
    assert await who("+862150888888") == ("candidates", ["刘", "陈"])
    assert await who("+12025550147") == ("unknown", [])
    assert await who("1001") == ("unknown", [])
    assert await who("anonymous") == ("unknown", [])
    assert await who("' OR 1=1 --") == ("unknown", [])
    assert await who("\0\ud800") == ("unknown", [])

    await store.customers.update(emily.id, {"phones": ["+12025550147"]})  # the cache must not hide it
    assert await who("+442079460018") == ("unknown", [])
    assert await who("+12025550147") == ("known", ["Emily"])
    match = await store.customers.find_caller("+8613800138000")
    assert match.customer == {
        "id": wang.id,
        "name": "王小明",
        "phones": ["+8613800138000"],
        "emails": [],
        "organisation": None,
        "language": None,
        "vip": False,
        "notes": None,
        "agent": None,
        "kind": "person",
        "channel": None,
        "value": None,
        "fields": {},
    }
    assert match.timeline == [] and match.open_cases == []


async def test_the_pop_shows_the_last_five_interactions(store: Store, log: EventLog) -> None:
    wang = await store.customers.create({"name": "王小明", "phones": ["13800138000"]})
    told: list[e.Event] = [e.AgentSignedIn(at=1.0, agent="agent3", name="A", devices=["PJSIP/1004"])]
    for n in range(7):
        one = list(call(n, at=1_000_000.0 + 1_000 * n))
        identified = e.CustomerIdentified(
            at=1.0,
            interaction_id=one[0].interaction_id,  # type: ignore[attr-defined]
            customer_id=wang.id,
            agent=None,
        )
        told += [one[0], identified, *(o for o in one[1:] if not isinstance(o, e.CallerFound))]
    await tell(log, *told)
    for match in (await store.customers.find_caller("+8613800138000"), await store.customers.match_of(wang.id)):
        assert match.strength == "known"
        assert [line["at"] for line in match.timeline] == [1_006_000.0 - 1_000 * n for n in range(5)]
    line = match.timeline[3]
    assert line["agent"] == "agent3" and line["queue"] == "support" and line["outcome"] == "answered"
    assert line["talk_seconds"] == 55.0 and line["disposition"] == "resolved" and line["notes"] == "好"
    assert line["channel"] == "voice" and line["direction"] == "inbound" and line["interaction_id"]
    older = await store.customers.timeline(wang.id, 10, 1_002_000.0)
    assert [one["at"] for one in older] == [1_001_000.0, 1_000_000.0]
    await store.customers.update(wang.id, {"name": "王大明"})
    shown = await store.interactions.get(line["interaction_id"])
    assert (shown["customer_id"], shown["customer_name_known"]) == (wang.id, "王大明")
    everything = dict.fromkeys(("start", "end", "queue", "agent", "cursor")) | {"customer_id": wang.id, "limit": 2}
    page = await store.interactions.page(**everything)  # type: ignore[arg-type]
    assert [item["customer_name_known"] for item in page.items] == ["王大明"] * 2
    await store.customers.delete(wang.id)
    assert (await store.interactions.get(line["interaction_id"]))["customer_name_known"] is None


async def test_search_finds_parts_and_pages(store: Store) -> None:
    names = ["Ärzte GmbH", "anna", "Bert", "王小明", "王大力", "100% Sure", "under_score"]
    for n, name in enumerate(names):
        await store.customers.create(
            {"name": name, "phones": [f"1380013800{n}"], "organisation": "ACME", "emails": [f"Mail{n}@example.com"]}
        )

    async def found(text: str) -> list[str]:
        return [c.name for c in (await store.customers.search(text, 50, None))[0]]

    assert await found("王") == ["王大力", "王小明"]
    assert await found("ÄRZTE") == ["Ärzte GmbH"]
    assert await found("138 0013-8003") == ["王小明"]
    assert await found("mail2@EXAMPLE") == ["Bert"]
    assert await found("%") == ["100% Sure"] and await found("r_s") == ["under_score"]
    assert await found("'; DROP TABLE customers; --") == []
    assert len(await found("acme")) == len(names) == len(await found(""))
    seen, cursor = [], None
    while True:
        page, cursor = await store.customers.search("", 3, cursor)
        seen += [c.name for c in page]
        if cursor is None:
            break
    assert seen == sorted(names, key=str.casefold)
    for bad in ("", "x", "WzFd", "ÿ", "W10", "A" * 5_000):
        with pytest.raises(Refused, match="cursor"):
            await store.customers.search("", 3, bad)
    assert len((await store.customers.search("", -1, None))[0]) == 1
    assert len((await store.customers.search("", 10**9, None))[0]) == len(names)


async def test_who_is_shown_masks_finds_by_names_only(store: Store) -> None:
    """What a part of a number finds tells the rest of it, one question after the other."""
    one = await store.customers.create(
        {"name": "Li Wei", "organisation": "Nord 4711", "phones": ["+8613800138009"], "emails": ["li.wei@example.com"]}
    )
    await store.customers.create({"name": "+49 30 901820", "phones": ["+4930901820"]})

    async def found(text: str, names: bool) -> list[str]:
        return [c.name for c in (await store.customers.search(text, 50, None, names=names))[0]]

    for text in ("+86138", "0138009", "8009", "138 0013 8009", "li.wei", "example.com"):
        assert await found(text, names=False) == [one.name], text
        assert await found(text, names=True) == [], text
    assert await found("wei", names=True) == await found("4711", names=True) == [one.name]
    assert await found("3090", names=False) and not await found("3090", names=True)
    assert not await found("30 90", names=True) and not await found("9018", names=True)


# --- interactions ------------------------------------------------------------------------------------


async def test_interactions_are_filtered_and_paged(store: Store, log: EventLog) -> None:
    told: list[e.Event] = [e.AgentSignedIn(at=1.0, agent="anna", name="Anna", devices=["PJSIP/1001"])]
    for n in range(25):
        told += call(n, at=1_000_000.0 + n // 2)  # pairs begin at the same time
    of = told[1].interaction_id  # type: ignore[attr-defined]
    told += [e.QueueEntered(at=1.0, interaction_id=of, queue="sales")]
    await tell(log, *told)

    async def ids(**filters: object) -> list[str]:
        given = dict.fromkeys(("start", "end", "queue", "agent", "customer_id", "cursor"))
        found: list[str] = []
        while True:
            page = await store.interactions.page(**{**given, "limit": 4, **filters})  # type: ignore[arg-type]
            found += [item["id"] for item in page.items]
            if page.next is None:
                return found
            filters["cursor"] = page.next

    everything = await ids()
    assert len(everything) == len(set(everything)) == 25
    items = [await store.interactions.get(one) for one in everything]
    starts = [item["started_at"] for item in items]
    assert starts == sorted(starts, reverse=True)
    assert set(items[0]) >= {"id", "pbx", "customer_id", "disposition", "notes", "queue_visits", "outcome"}
    assert len(await ids(start=1_000_003.0, end=1_000_005.0)) == 4
    assert await ids(queue="sales") == [of] and len(await ids(queue="support")) == 25 and await ids(queue="x") == []
    assert len(await ids(agent="anna")) == 3 and len(await ids(agent="PJSIP/1002")) == 3
    assert len(await ids(customer_id="c7")) == 1
    with pytest.raises(NotFound):
        await store.interactions.get("nothing")
    with pytest.raises(Refused):
        await ids(cursor="eyJ9")
    with pytest.raises(Refused):
        await ids(start=float("nan"))
    recent = await store.interactions.recent_of_agent(["PJSIP/1001"], "anna", 2)
    assert [one["started_at"] for one in recent] == [1_000_010.0, 1_000_005.0]
    assert await store.interactions.recent_of_agent([], "nobody", 5) == []
    assert len(await store.interactions.recent_of_agent(["PJSIP/1002"], "ben", 5)) == 3


# --- users -------------------------------------------------------------------------------------------

ANNA = User(name="anna", display_name="Anna Berg", role="agent", devices=["PJSIP/1002", "PJSIP/1001"], language="en")


async def test_a_user_signs_in_and_out(store: Store) -> None:
    assert await store.users.create(ANNA, "correct horse") == ANNA
    assert await store.users.get("anna") == ANNA and await store.users.all() == [ANNA]
    assert await store.users.check_password("anna", "correct horse") == ANNA
    for name, password in [("anna", "wrong"), ("Anna", "correct horse"), ("аnna", "correct horse"), ("", "")]:
        assert await store.users.check_password(name, password) is None
    assert await store.users.check_password("anna", "x" * 1_000_000) is None
    assert await store.users.check_password("anna", "\ud800") is None
    token = await store.users.open_session("anna", 3600)
    assert len(token) >= 43
    assert await store.users.session_user(token) == ANNA
    for wrong in ("", "x", token[:-1], token + "x", "é", "x" * 100_000):
        assert await store.users.session_user(wrong) is None
    await store.users.close_session(token)
    assert await store.users.session_user(token) is None


async def test_only_hashes_are_stored(store: Store) -> None:
    await store.users.create(ANNA, "correct horse")
    token = await store.users.open_session("anna", 3600)

    def everything(connection: sa.Connection) -> str:
        return repr([connection.execute(sa.select(table)).all() for table in (s.users, s.sessions)])

    stored = await store._reading(everything)
    assert "$argon2id$" in stored and "correct" not in stored and token not in stored


@pytest.mark.parametrize(
    ("user", "password", "at_fault"),
    [
        (ANNA, "1234567", "password"),
        (ANNA, "x" * 257, "password"),
        (ANNA, "demo", "password"),
        (replace(ANNA, name="Anna"), "long enough", "name"),
        (replace(ANNA, name="аnna"), "long enough", "name"),
        (replace(ANNA, name="x" * 65), "long enough", "name"),
        (replace(ANNA, display_name="\x1b[31m"), "long enough", "display_name"),
        (replace(ANNA, role="root"), "long enough", "role"),  # type: ignore[arg-type]
        (replace(ANNA, devices=["1001"]), "long enough", "devices.0"),
        (replace(ANNA, devices=["PJSIP/1&SIP/2"]), "long enough", "devices.0"),
        (replace(ANNA, devices=["PJSIP/1", "PJSIP/1"]), "long enough", "devices"),
    ],
)
async def test_a_wrong_user_is_refused(store: Store, user: User, password: str, at_fault: str) -> None:
    with pytest.raises(Refused) as refused:
        await store.users.create(user, password)
    assert refused.value.field == at_fault and password not in str(refused.value)


async def test_changes_of_a_user_and_their_version(store: Store) -> None:
    await store.users.create(ANNA, "correct horse")
    with pytest.raises(Conflict):
        await store.users.create(ANNA, "correct horse")
    token = await store.users.open_session("anna", 3600)
    await store.users.session_user(token)
    changed = await store.users.update("anna", {"role": "supervisor", "devices": [], "version": 1})
    assert changed == replace(ANNA, role="supervisor", devices=[], version=2)
    assert await store.users.session_user(token) == changed  # at once here
    with pytest.raises(Conflict):
        await store.users.update("anna", {"role": "agent", "version": 1})
    with pytest.raises(Refused):
        await store.users.update("anna", {"name": "bea"})
    with pytest.raises(Refused):
        await store.users.update("anna", {"password": "x"})
    with pytest.raises(NotFound):
        await store.users.update("bea", {"role": "agent"})
    await store.users.update("anna", {"disabled": True})
    assert await store.users.session_user(token) is None
    assert await store.users.check_password("anna", "correct horse") is None


async def test_a_new_password_and_a_revocation_end_the_sessions(store: Store) -> None:
    await store.users.create(ANNA, "correct horse")
    tokens = [await store.users.open_session("anna", 3600) for _ in range(3)]
    assert all([await store.users.session_user(token) for token in tokens])
    await store.users.set_password("anna", "battery staple")
    assert not any([await store.users.session_user(token) for token in tokens])
    assert await store.users.check_password("anna", "correct horse") is None
    assert await store.users.check_password("anna", "battery staple")
    token = await store.users.open_session("anna", 3600)
    await store.users.session_user(token)
    await store.users.close_sessions_of("anna")
    assert await store.users.session_user(token) is None


async def test_a_revocation_in_another_process_counts_within_seconds(store: Store, url: str) -> None:
    await store.users.create(ANNA, "correct horse")
    token = await store.users.open_session("anna", 3600)
    assert await store.users.session_user(token)
    other = Store.open(url, default_region="CN")
    await other.users.update("anna", {"disabled": True})
    other.close()
    began = time.monotonic()
    while await store.users.session_user(token) is not None:
        assert time.monotonic() - began < 5.0
        await asyncio.sleep(0.05)


async def test_a_session_slides_and_ends(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("interaction_log.store.users._CACHE_SECONDS", 0.0)
    now = [1_000_000.0]
    users = StoredUsers(store._reading, store._writing, clock=lambda: now[0])
    await users.create(ANNA, "correct horse")
    token = await users.open_session("anna", 100.0)
    for _ in range(5):
        now[0] += 99.0
        assert await users.session_user(token)
    now[0] += 101.0
    assert await users.session_user(token) is None
    users.close()


async def test_a_sign_in_takes_as_long_for_unknown_names(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    quick.real_passwords(monkeypatch)
    await store.users.create(ANNA, "correct horse")

    async def seconds(name: str) -> float:
        took = []
        for _ in range(5):
            began = time.perf_counter()
            await store.users.check_password(name, "wrong password")
            took.append(time.perf_counter() - began)
        return statistics.median(took)

    known, unknown = await seconds("anna"), await seconds("bea")
    assert 0.4 < known / unknown < 2.5 and unknown > 0.01


# --- catalogue ---------------------------------------------------------------------------------------


async def test_campaigns_are_kept_and_name_contacts(store: Store, log: EventLog) -> None:
    spring = Campaign(code="spring", labels={"en": "Spring"}, queues=["sales"], caller_id="+8621", numbers=["800"])
    await store.catalogue.put_campaign(replace(spring, caller_id=""))
    await store.catalogue.put_campaign(spring)
    assert await store.catalogue.campaigns() == [spring]
    for field, bad in (("caller_id", "anna"), ("caller_id", "1\r\nX: y")):
        with pytest.raises(Refused, match=field):
            await store.catalogue.put_campaign(replace(spring, **{field: bad}))
    with pytest.raises(Refused, match=r"numbers\.1"):
        await store.catalogue.put_campaign(replace(spring, numbers=["800", "call us"]))
    told = list(call(1))
    of = told[0].interaction_id  # type: ignore[attr-defined]
    await tell(log, *told, e.CampaignNamed(at=1.0, interaction_id=of, campaign="spring"))
    assert (await store.interactions.get(of))["campaign"] == "spring"


async def test_the_catalogue_begins_filled_and_can_be_changed(store: Store) -> None:
    reasons, dispositions = await store.catalogue.pause_reasons(), await store.catalogue.dispositions()
    assert {"break", "lunch", "meeting", "training", "back_office"} <= {one.code for one in reasons}
    assert all(set(one.labels) == {"en", "zh-CN"} for one in [*reasons, *dispositions]) and len(dispositions) >= 5
    await store.catalogue.put_pause_reason(replace(reasons[0], retired=True))
    await store.catalogue.put_disposition(Choice(code="sale", labels={"en": "Sale"}, queues=["sales"], position=99))
    assert (await store.catalogue.pause_reasons())[0].retired
    assert (await store.catalogue.dispositions())[-1].queues == ["sales"]
    for bad in (
        Choice(code="A b", labels={"en": "x"}),
        Choice(code="a", labels={}),
        Choice(code="a", labels={"en": " "}),
    ):
        with pytest.raises(Refused):
            await store.catalogue.put_disposition(bad)
    queue = QueueSettings(name="support", pbx="main", label="Support")
    await store.catalogue.put_queue(queue)
    await store.catalogue.put_queue(replace(queue, wrap_up_seconds=5))
    assert await store.catalogue.queues() == [replace(queue, wrap_up_seconds=5)]
    with pytest.raises(Refused, match="wrap_up_seconds"):
        await store.catalogue.put_queue(replace(queue, wrap_up_seconds=-1))


# --- the demo ----------------------------------------------------------------------------------------


async def test_the_demo_s_first_caller_is_known_with_a_history(store: Store, log: EventLog) -> None:
    assert await demo.seed(store, log, now=time.time())
    assert not await demo.seed(store, log, now=time.time())
    strengths = [(await store.customers.find_caller(number)).strength for number, _ in demo.DEMO_CALLERS]
    assert strengths[:6] == ["known", "known", "candidates", "unknown", "known", "unknown"]
    first = await store.customers.find_caller(demo.DEMO_CALLERS[0][0])
    assert first.customer is not None and first.customer["vip"] and first.customer["name"] == "王小明"
    assert len(first.timeline) == 5 and {line["agent"] for line in first.timeline} == {"anna", "ben", None}
    assert sum(1 for line in first.timeline if line["notes"]) >= 3
    for user in demo.USERS:
        assert await store.users.check_password(user.name, demo.PASSWORD)
    assert len((await store.customers.search("", 100, None))[0]) == 41  # 40 people and a company
    assert await store.teams.teams() == sorted(demo.TEAMS, key=lambda one: one.code)


async def test_who_looks_after_a_customer_must_be_a_user(store: Store) -> None:
    await store.users.create(User(name="ben", display_name="Ben", role="agent"), "correct horse battery")
    made = await store.customers.create({"name": "Lin", "phones": ["13800138000"], "agent": "ben"})
    assert made.agent == "ben"
    match = await store.customers.find_caller("+8613800138000")
    assert match.customer is not None and match.customer["agent"] == "ben"
    with pytest.raises(Refused) as refused:
        await store.customers.update(made.id, {"agent": "nobody"})
    assert refused.value.field == "agent"
    await store.users.update("ben", {"disabled": True})
    assert (await store.customers.update(made.id, {"vip": True})).agent == "ben"  # he left; the rest can be changed
    assert (await store.customers.update(made.id, {"agent": None})).agent is None
    with pytest.raises(Refused):
        await store.customers.create({"name": "Wu", "agent": "ben"})


async def test_a_file_may_name_who_looks_after_a_customer(store: Store) -> None:
    await store.users.create(User(name="ben", display_name="Ben", role="agent"), "correct horse battery")
    file = "姓名,电话,负责人\n林,13800138000,ben\n吴,13800138001,nobody\n".encode()
    report = await store.customers.import_csv(file, False)
    assert (report.created, [(row.line, row.field) for row in report.refused]) == (1, [(3, "agent")])
    again = await store.customers.import_csv("name,phone\n林,13800138000\n".encode(), False)
    assert again.updated == 1
    match = await store.customers.find_caller("+8613800138000")
    assert match.customer is not None and match.customer["agent"] == "ben"
