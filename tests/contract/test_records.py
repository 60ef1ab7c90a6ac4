"""Typed fields, consents, relations, segments, tasks and cases on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from cti_gateway.reminders import Reminders
from interaction_log import events as e
from interaction_log.cases import CaseState, CaseType
from interaction_log.records import Conflict, Customer, CustomField, FieldChoice, NotFound, Purpose, Refused, User
from interaction_log.store import EventLog, Store
from interaction_log.store import consents as consents_module
from interaction_log.store import schema as s
from interaction_log.store.engine import open_engine
from interaction_log.store.records_tables import CASE_NUMBER, customer_values
from interaction_log.store.site_records import SiteRecords
from interaction_log.store.typed import values_of
from interaction_log.tasks import Task
from routing.hours import hours
from routing.working_time import CalendarTime
from tests.contract.test_store import log, postgres, store, tell, url  # noqa: F401 (fixtures)
from tests.fakes.call_events import call

AT = 1_795_293_080.0  # Saturday, 21 November 2026
DAY = 86_400.0
TEXT = CustomField(code="contract", labels={"en": "Contract", "zh-CN": "合同号"}, type="text", of="organisation")
NUMBER = CustomField(code="seats", labels={"en": "Seats"}, type="number")
BIRTH = CustomField(code="birthday", labels={"en": "Birthday"}, type="date", of="person")
FLAG = CustomField(code="newsletter", labels={"en": "Newsletter"}, type="flag")
LEVEL = CustomField(
    code="level",
    labels={"en": "Level", "zh-CN": "级别"},
    type="choice",
    choices=[FieldChoice(code="gold", labels={"en": "Gold"}), FieldChoice(code="silver", labels={"en": "Silver"})],
)
SECRET = CustomField(code="passport", labels={"en": "Passport"}, type="text", sensitive=True)
USERS = [User(name=name, display_name=name.title(), role="agent") for name in ("anna", "ben")]


@pytest.fixture
def records(store: Store) -> SiteRecords:  # noqa: F811
    return store.records


async def people(store: Store) -> None:  # noqa: F811
    for user in USERS:
        await store.users.create(user, "a password")


async def fields(records: SiteRecords, *some: CustomField) -> None:
    for one in some or (TEXT, NUMBER, BIRTH, FLAG, LEVEL, SECRET):
        await records.fields.put(one)


async def refused(work: Any) -> str:
    with pytest.raises(Refused) as found:
        await work
    return str(found.value.field)


# --- typed fields ------------------------------------------------------------------------------------


async def test_a_record_keeps_the_fields_of_the_site_with_their_types(store: Store, records: SiteRecords) -> None:  # noqa: F811
    await fields(records)
    given = {"seats": 12, "birthday": "1990-02-01", "newsletter": True, "level": "gold", "passport": "E123"}
    made = await store.customers.create(
        {"name": "王小明", "vip": True, "value": 1200.5, "channel": "email", "fields": given}
    )
    assert made.fields == {**given, "seats": 12.0} and made.kind == "person" and made.value == 1200.5
    assert await store.customers.get(made.id) == made
    changed = await store.customers.update(made.id, {"fields": {"seats": None, "level": "silver"}})
    assert changed.fields == {"birthday": "1990-02-01", "newsletter": True, "level": "silver", "passport": "E123"}
    assert await records.fields.all() == sorted((TEXT, NUMBER, BIRTH, FLAG, LEVEL, SECRET), key=lambda one: one.code)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"fields": {"unknown": 1}}, "fields.unknown"),
        ({"fields": {"seats": "many"}}, "fields.seats"),
        ({"fields": {"seats": True}}, "fields.seats"),
        ({"fields": {"birthday": "yesterday"}}, "fields.birthday"),
        ({"fields": {"birthday": "2026-02-30"}}, "fields.birthday"),
        ({"fields": {"level": "bronze"}}, "fields.level"),
        ({"fields": {"newsletter": "yes"}}, "fields.newsletter"),
        ({"fields": {"contract": "a\0b"}}, "fields.contract"),
        ({"fields": []}, "fields"),
        ({"kind": "robot"}, "kind"),
        ({"channel": "pigeon"}, "channel"),
        ({"value": -1}, "value"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
async def test_what_is_wrong_is_named(store: Store, records: SiteRecords, given: Any, field: str) -> None:  # noqa: F811
    await fields(records)
    made = await store.customers.create({"name": "A"})
    assert await refused(store.customers.update(made.id, given)) == field
    assert await refused(store.customers.create({"name": "B", **given})) == field
    assert await store.customers.get(made.id) == made


async def test_a_required_field_is_asked_of_whom_it_concerns(store: Store, records: SiteRecords) -> None:  # noqa: F811
    before = await store.customers.create({"name": "Old GmbH", "kind": "organisation"})
    needed = CustomField(code="contract", labels={"en": "C"}, type="text", of="organisation", required=True)
    await fields(records, needed)
    assert await refused(store.customers.create({"name": "X Ltd", "kind": "organisation"})) == "fields.contract"
    await store.customers.create({"name": "Person"})
    await store.customers.create({"name": "Y Ltd", "kind": "organisation", "fields": {"contract": "7"}})
    await store.customers.update(before.id, {"vip": True})  # one of before the field: other changes go on
    assert await refused(store.customers.update(before.id, {"fields": {"contract": None}})) == "fields.contract"


async def test_a_field_keeps_its_type_and_a_sensitive_one_is_not_searched(
    store: Store,  # noqa: F811
    records: SiteRecords,
    url: str,  # noqa: F811
) -> None:
    await fields(records)
    assert await refused(records.fields.put(CustomField(code="seats", labels={"en": "S"}, type="text"))) == "type"
    assert await refused(records.fields.put(CustomField(code="x", labels={}, type="text"))) == "labels"
    assert await refused(records.fields.put(CustomField(code="x", labels={"en": "X"}, type="choice"))) == "choices"
    made = await store.customers.create({"name": "A", "fields": {"passport": "E77", "seats": 3}})
    engine = open_engine(url, writes=False)
    rows = sa.select(customer_values.c.field).where(customer_values.c.customer_id == made.id)
    with engine.connect() as connection:
        assert set(connection.execute(rows).scalars()) == {"seats"}
        found = connection.execute(sa.text("SELECT count(*) FROM search_docs WHERE text LIKE '%E77%'")).scalar()
        assert found == 0
    await records.fields.put(CustomField(code="passport", labels={"en": "P"}, type="text"))  # no secret any more
    with engine.connect() as connection:
        assert set(connection.execute(rows).scalars()) == {"seats", "passport"}
    engine.dispose()
    assert (await refused(records.segments.count({"parts": [{"field": "fields.gone", "is": "filled"}]}, AT))).endswith(
        "field"
    )


async def test_other_writers_leave_the_fields_as_they_are(store: Store, records: SiteRecords) -> None:  # noqa: F811
    await fields(records)
    made = await store.customers.create({"name": "A", "phones": ["13800138000"], "fields": {"seats": 3}})
    data = b"name,phone,vip\nA,13800138000,yes\n"
    await store.customers.import_csv(data, False)
    assert (await store.customers.get(made.id)).fields == {"seats": 3.0}
    assert await records.segments.count({"parts": [{"field": "fields.seats", "is": "equals", "value": 3}]}, AT) == 1


# --- consents and relations --------------------------------------------------------------------------


async def test_the_newest_word_of_a_purpose_and_channel_counts(
    store: Store,  # noqa: F811
    records: SiteRecords,
    url: str,  # noqa: F811
) -> None:
    made = await store.customers.create({"name": "A"})
    say = records.consents.say

    async def allowed(channel: str) -> bool:
        work = lambda c: consents_module.allowed(c, made.id, "marketing", channel)  # noqa: E731
        return await store._reading(work)

    assert not await allowed("email")  # silence is no consent
    await say(made.id, {"purpose": "marketing", "state": "given", "source": "call"}, "anna", AT)
    assert await allowed("email") and await allowed("voice")
    await say(
        made.id, {"purpose": "marketing", "channel": "email", "state": "withdrawn", "source": "mail"}, None, AT + 1
    )
    assert not await allowed("email") and await allowed("voice")
    history = await records.consents.of(made.id)
    assert [(one.channel, one.state, one.by, one.version) for one in history] == [
        ("email", "withdrawn", None, "1"),
        ("any", "given", "anna", "1"),
    ]
    for wrong, field in (
        ({"purpose": "x"}, "purpose"),
        ({"channel": "pigeon"}, "channel"),
        ({"state": "maybe"}, "state"),
        ({"source": " "}, "source"),
    ):
        usual = {"purpose": "marketing", "state": "given", "source": "call"}
        assert await refused(say(made.id, usual | wrong, "anna", AT)) == field
    with pytest.raises(NotFound):
        await say("nobody", {"purpose": "marketing", "state": "given", "source": "call"}, "anna", AT)
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM timeline_items WHERE kind = 'consent'")).scalar() == 2
    engine.dispose()


async def test_another_text_needs_another_version(records: SiteRecords) -> None:
    one = Purpose(code="calls", labels={"en": "Calls"}, texts={"en": "May we call?"})
    await records.fields.put_purpose(one)
    other = Purpose(code="calls", labels={"en": "Calls"}, texts={"en": "May we ever call?"})
    assert await refused(records.fields.put_purpose(other)) == "version"
    newer = Purpose(code="calls", labels={"en": "Calls"}, texts={"en": "May we ever call?"}, version="2")
    await records.fields.put_purpose(newer)
    assert newer in await records.fields.purposes()


async def test_a_relation_is_read_from_both_ends(store: Store, records: SiteRecords) -> None:  # noqa: F811
    emily, firm = [await store.customers.create({"name": name}) for name in ("Emily", "Carter & Sons")]
    made = await records.relations.add(emily.id, "works_for", firm.id, "anna", AT, "since 2020")
    assert (made.kind, made.name, made.note) == ("works_for", "Carter & Sons", "since 2020")
    (seen,) = await records.relations.of(firm.id)
    assert (seen.kind, seen.name, seen.customer_id) == ("employs", "Emily", emily.id)
    with pytest.raises(Conflict):
        await records.relations.add(firm.id, "employs", emily.id, "anna", AT)
    assert await refused(records.relations.add(emily.id, "works_for", emily.id, "anna", AT)) == "other"
    assert await refused(records.relations.add(emily.id, "likes", firm.id, "anna", AT)) == "kind"
    assert await refused(records.relations.add(emily.id, "family", "nobody", "anna", AT)) == "other"
    await records.relations.remove(firm.id, seen.id)
    assert await records.relations.of(emily.id) == []
    with pytest.raises(NotFound):
        await records.relations.remove(firm.id, seen.id)


# --- segments ----------------------------------------------------------------------------------------


async def test_a_segment_is_a_filter_of_the_list(store: Store, records: SiteRecords) -> None:  # noqa: F811
    await fields(records)
    for n in range(5):
        await store.customers.create({"name": f"C{n}", "vip": n % 2 == 0, "fields": {"seats": n}})
    raw = {
        "match": "all",
        "parts": [{"field": "vip", "is": "yes"}, {"field": "fields.seats", "is": "at_least", "value": 2}],
    }
    one = await records.segments.create("Large", raw, "admin", AT)
    assert await records.segments.count(raw, AT) == 2
    page, following = await store.customers.search("", 1, None, one.id)
    rest, end = await store.customers.search("", 5, following, one.id)
    assert [c.name for c in page + rest] == ["C2", "C4"] and end is None
    assert [c.name for c in (await store.customers.search("c4", 5, None, one.id))[0]] == ["C4"]
    with pytest.raises(NotFound):
        await store.customers.search("", 5, None, "nothing")
    with pytest.raises(Conflict):
        await records.segments.create("Large", raw, "admin", AT)
    assert await refused(records.segments.create("X", {"parts": [{"field": "vip", "is": "maybe"}]}, "a", AT)) == (
        "filter.parts.0.is"
    )
    changed = await records.segments.change(one.id, AT + 1, version=1, name="Huge")
    assert changed.name == "Huge" and changed.filter == raw
    with pytest.raises(Conflict):
        await records.segments.change(one.id, AT + 1, version=1, name="Small")
    await records.segments.delete(one.id)
    assert await records.segments.all() == []


# --- tasks -------------------------------------------------------------------------------------------


class Consoles:
    def __init__(self, *here: str) -> None:
        self.here = set(here)

    def audience(self) -> list[str]:
        return sorted(self.here)

    def connected(self, agent: str) -> int:
        return int(agent in self.here)


class Clocked:
    """Reminders with a clock that a test drives."""

    def __init__(self, records: SiteRecords, *here: str) -> None:
        self.now = AT
        self.told: list[tuple[str, str]] = []
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.consoles = Consoles(*here)
        self.reminders = Reminders(records.tasks, self.consoles, lambda: self.now, self.tell)

    def tell(self, who: str, task: Task) -> None:
        self.told.append((who, task.title))
        self.heard.put_nowait(task.title)


async def test_a_task_reminds_its_owner_once_at_its_time(store: Store, records: SiteRecords) -> None:  # noqa: F811
    await people(store)
    made = await store.customers.create({"name": "王小明"})
    task = await records.tasks.create(
        {"title": "Call back", "customer_id": made.id, "due": "2026-11-27T10:00", "zone": "Asia/Shanghai"}, "anna", AT
    )
    friday = datetime(2026, 11, 27, 10, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
    assert task.due_at == friday and task.owner == "anna" and task.customer_name == "王小明"
    site = Clocked(records, "ben")
    site.now = friday - 1
    assert 0 < await site.reminders.look() <= 1.0 and site.told == []
    site.now = friday
    await site.reminders.look()
    assert site.told == []  # her console is not open
    site.consoles.here = {"anna", "ben"}
    await site.reminders.look()
    await site.reminders.look()
    after = Clocked(records, "anna")  # the program starts again
    after.now = friday + 60
    await after.reminders.look()
    assert site.told == [("anna", "Call back")] and after.told == []
    assert await records.tasks.count_due("anna", friday) == 1

    moved = await records.tasks.change(task.id, {"due_at": friday + 3600, "owner": "ben", "version": 1}, friday)
    assert moved.version == 2
    after.now = friday + 3600
    after.consoles.here = {"ben"}
    await after.reminders.look()
    assert after.told == [("ben", "Call back")]  # another time is another reminder
    done = await records.tasks.change(task.id, {"state": "done"}, friday + 3700)
    assert done.state == "done" and done.closed_at == friday + 3700
    assert (await records.tasks.page(owner="ben"))[0] == []


async def test_what_was_due_while_nobody_ran_is_told_at_the_start(store: Store, records: SiteRecords) -> None:  # noqa: F811
    await people(store)
    for n in range(3):
        await records.tasks.create({"title": f"T{n}", "due_at": AT - 60 + n}, "anna", AT - 100)
    site = Clocked(records, "anna")
    site.reminders.start()
    async with asyncio.timeout(30):
        assert [await site.heard.get() for _ in range(3)] == ["T0", "T1", "T2"]
        await records.tasks.create({"title": "now", "due_at": AT}, "anna", AT)  # it wakes the reminders
        assert await site.heard.get() == "now"
    await site.reminders.stop()
    assert len(site.told) == 4


async def test_tasks_are_checked_and_paged(store: Store, records: SiteRecords) -> None:  # noqa: F811
    await people(store)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "title"),
        ({"title": " "}, "title"),
        ({"title": "a", "owner": "nobody"}, "owner"),
        ({"title": "a", "customer_id": "x"}, "customer_id"),
        ({"title": "a", "case_id": "x"}, "case_id"),
        ({"title": "a", "interaction_id": "x"}, "interaction_id"),
        ({"title": "a", "due": "2026-11-27T10:00"}, "zone"),
        ({"title": "a", "due": "soon", "zone": "UTC"}, "due"),
        ({"title": "a", "due": "2026-11-27T10:00", "zone": "Moon"}, "zone"),
    ]
    for given, field in wrong:
        assert await refused(records.tasks.create(given, "anna", AT)) == field
    for n in (3, 1, None, 2):
        await records.tasks.create({"title": f"T{n}", "due_at": None if n is None else AT + n}, "anna", AT)
    titles, cursor = [], None
    while True:
        page, cursor = await records.tasks.page(owner="anna", limit=1, cursor=cursor)
        titles += [task.title for task in page]
        if cursor is None:
            break
    assert titles == ["T1", "T2", "T3", "TNone"]
    assert [t.title for t in (await records.tasks.page(due_before=AT + 2))[0]] == ["T1", "T2"]
    first = (await records.tasks.page())[0][0]
    await records.tasks.change(first.id, {"title": "other", "version": 1}, AT)
    with pytest.raises(Conflict):
        await records.tasks.change(first.id, {"title": "late", "version": 1}, AT)
    with pytest.raises(NotFound):
        await records.tasks.change("nothing", {"title": "x"}, AT)


async def test_a_rule_makes_a_task_once_a_day_for_who_was_not_contacted(
    store: Store,  # noqa: F811
    records: SiteRecords,
    log: EventLog,  # noqa: F811
) -> None:
    await people(store)
    old, new, none = [
        await store.customers.create({"name": name, "vip": True, "agent": "ben"}) for name in ("Old", "New", "None")
    ]
    for n, (of, at) in enumerate(((old, AT - 61 * DAY), (new, AT - 59 * DAY))):
        one = list(call(n, at=at))
        await tell(
            log, *one, e.CustomerIdentified(at=at, interaction_id=one[0].interaction_id, customer_id=of.id, agent=None)
        )  # type: ignore[attr-defined]
    raw = {"parts": [{"field": "vip", "is": "yes"}, {"field": "last_contact", "is": "older", "value": 60}]}
    segment = await records.segments.create("Quiet", raw, "admin", AT)
    given = {
        "title": "Get in touch",
        "segment_id": segment.id,
        "owner": None,
        "at_minute": 540,
        "zone": "Asia/Shanghai",
    }
    rule = await records.tasks.create_rule(given, AT)
    site = Clocked(records, "ben")
    assert await site.reminders.run_rules() == 0  # its time comes tomorrow
    site.now = AT + DAY
    assert await site.reminders.run_rules() == 2
    assert await site.reminders.run_rules() == 0
    found, _ = await records.tasks.page(owner="ben")
    assert {task.customer_id for task in found} == {old.id, none.id} and found[0].created_by == f"rule:{rule.id}"
    site.now = AT + 2 * DAY
    assert await site.reminders.run_rules() == 1  # "New" is quiet by now; the others have a task still
    await records.tasks.change(found[0].id, {"state": "done"}, site.now)
    assert await site.reminders.run_rules() == 0
    site.now = AT + 3 * DAY
    assert await site.reminders.run_rules() == 1
    day = datetime.fromtimestamp(site.now, ZoneInfo("Asia/Shanghai")).date()
    assert await records.tasks.run_rule(rule, day, site.now) == 0  # the same day again makes none twice
    await site.reminders.look()
    assert len(site.told) == 4 - 1
    with pytest.raises(Conflict):
        await records.segments.delete(segment.id)
    await records.tasks.delete_rule(rule.id)
    await records.segments.delete(segment.id)


# --- cases -------------------------------------------------------------------------------------------

OFFICE = CalendarTime({"office": hours("Asia/Shanghai", ["mon-fri 09:00-17:00"])})


def shanghai(*wall: int) -> float:
    return datetime(*wall, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()  # type: ignore[arg-type, misc]


async def test_a_case_is_due_in_business_time_and_its_clock_stops(store: Store, records: SiteRecords) -> None:  # noqa: F811
    await people(store)
    records.cases.hours = OFFICE
    friday = shanghai(2026, 11, 20, 15, 0)
    made = await store.customers.create({"name": "王小明"})
    case = await records.cases.create(
        {"type": "complaint", "title": "Broken box", "customer_id": made.id}, "anna", friday
    )
    assert case["number"] == 1 and case["state"] == "new" and case["phase"] == "open"
    assert case["due_at"] == shanghai(2026, 11, 23, 15, 0)  # eight hours: two on Friday, six on Monday
    assert [one["what"] for one in case["history"]] == ["opened"]

    change = records.cases.change
    waits = await change(
        case["id"], {"state": "waiting", "version": 1, "note": "asked for a photo"}, "ben", friday + 3600
    )
    assert waits["phase"] == "waiting" and waits["due_at"] is None and waits["left_seconds"] == 7 * 3600
    assert [one["what"] for one in waits["history"]] == ["noted", "changed", "opened"]
    back = await change(case["id"], {"state": "in_progress", "owner": "ben"}, "anna", shanghai(2026, 11, 25, 10, 0))
    assert back["due_at"] == shanghai(2026, 11, 25, 17, 0) and back["left_seconds"] is None
    with pytest.raises(Conflict):
        await change(case["id"], {"state": "new"}, "anna", friday)
    with pytest.raises(Conflict):
        await change(case["id"], {"title": "late", "version": 1}, "anna", friday)
    assert await refused(change(case["id"], {"state": "nowhere"}, "anna", friday)) == "state"
    closed = await change(case["id"], {"state": "closed"}, "ben", friday)
    assert closed["phase"] == "closed" and closed["closed_at"] == friday


async def test_the_pop_shows_open_cases_of_the_whole_person(
    store: Store,  # noqa: F811
    records: SiteRecords,
    url: str,  # noqa: F811
) -> None:
    made = await store.customers.create({"name": "王小明", "phones": ["13800138000"]})
    twin = await store.customers.create({"name": "小明"})
    for n, of in enumerate((made, twin)):
        await records.cases.create({"type": "order", "title": f"Order {n}", "customer_id": of.id}, "anna", AT + n)
    done = await records.cases.create({"type": "order", "title": "Old", "customer_id": made.id}, "anna", AT)
    await records.cases.change(done["id"], {"state": "closed"}, "anna", AT)
    shown = (await store.customers.find_caller("+8613800138000")).open_cases
    assert [(one["title"], one["number"], one["type"], one["state"]) for one in shown] == [
        ("Order 0", 1, "order", "new")
    ]
    assert (await store.customers.match_of(made.id)).open_cases == shown
    engine = open_engine(url)
    with engine.begin() as connection:  # as a merge writes it
        connection.execute(
            sa.text("INSERT INTO customer_links (member, root) VALUES (:m, :r)"), {"m": twin.id, "r": made.id}
        )
    engine.dispose()
    assert [one["title"] for one in (await store.customers.find_caller("+8613800138000")).open_cases] == [
        "Order 1",
        "Order 0",
    ]
    assert [one["title"] for one in (await records.cases.page(customer_id=twin.id, phase="active"))[0]] == [
        "Order 0",
        "Order 1",
    ]
    raw = {"parts": [{"field": "open_cases", "is": "equals", "value": 2}]}
    assert await records.segments.count(raw, AT) == 1


async def test_interactions_of_any_channel_are_in_a_case(
    store: Store,  # noqa: F811
    records: SiteRecords,
    log: EventLog,  # noqa: F811
) -> None:
    made = await store.customers.create({"name": "王小明"})
    one = list(call(0, at=AT))
    of: str = one[0].interaction_id  # type: ignore[attr-defined]
    await tell(log, *one, e.CustomerIdentified(at=AT, interaction_id=of, customer_id=made.id, agent=None))
    case = await records.cases.create({"type": "return", "title": "Too large", "interaction_id": of}, "anna", AT)
    assert case["customer_id"] == made.id and case["customer_name"] == "王小明"
    assert [(i["interaction_id"], i["channel"]) for i in case["interactions"]] == [(of, "voice")]
    other = await records.cases.create({"type": "return", "title": "Too small"}, "anna", AT)
    linked = await records.cases.link(other["id"], of, "ben", AT + 1)
    assert linked["customer_id"] == made.id and linked["history"][0]["what"] == "linked"
    again = await records.cases.link(other["id"], of, "ben", AT + 2)
    assert again["history"] == linked["history"]
    assert {c["id"] for c in (await records.cases.page(interaction_id=of))[0]} == {case["id"], other["id"]}
    parted = await records.cases.unlink(other["id"], of, "ben", AT + 3)
    assert parted["interactions"] == [] and parted["history"][0]["what"] == "unlinked"
    with pytest.raises(NotFound):
        await records.cases.unlink(other["id"], of, "ben", AT + 3)
    with pytest.raises(NotFound):
        await records.cases.link(other["id"], "nothing", "ben", AT)
    assert await refused(records.cases.create({"type": "return", "title": "X", "interaction_id": "no"}, "a", AT)) == (
        "interaction_id"
    )


async def test_cases_are_found_by_all_filters(store: Store, records: SiteRecords) -> None:  # noqa: F811
    await people(store)
    for n in range(6):
        kind = "order" if n % 2 else "complaint"
        await records.cases.create(
            {"type": kind, "title": f"Case {n}", "owner": "anna" if n < 3 else None}, "ben", AT + n
        )
    page = records.cases.page

    async def titles(**which: Any) -> list[str]:
        return sorted(one["title"] for one in (await page(**which))[0])

    assert await titles(type="order") == ["Case 1", "Case 3", "Case 5"]
    assert await titles(owner="anna", type="complaint") == ["Case 0", "Case 2"]
    assert await titles(owner="") == ["Case 3", "Case 4", "Case 5"]
    assert await titles(text="#4") == ["Case 3"] and await titles(text="case 4") == ["Case 4"]
    assert await titles(due_before=AT + 8 * 3600 + 2) == ["Case 0", "Case 2"]
    assert await titles(phase="active", state="new") == [f"Case {n}" for n in range(6)]
    seen, cursor = [], None
    while True:
        some, cursor = await page(limit=2, cursor=cursor)
        seen += [one["number"] for one in some]
        if cursor is None:
            break
    assert seen == [1, 3, 5, 2, 4, 6]  # a complaint is due earlier
    assert await refused(records.cases.create({"type": "no", "title": "x"}, "a", AT)) == "type"
    assert await refused(records.cases.create({"type": "order", "title": ""}, "a", AT)) == "title"
    assert await refused(records.cases.create({"type": "order", "title": "x", "owner": "no"}, "a", AT)) == "owner"
    with pytest.raises(NotFound):
        await records.cases.get("nothing")


async def test_types_of_the_site(records: SiteRecords) -> None:
    states = [
        CaseState(code="draft", labels={"en": "Draft"}, next=["done"]),
        CaseState(code="done", labels={"en": "Done"}, phase="closed"),
    ]
    await records.cases.put_type(CaseType(code="warranty", labels={"en": "Warranty", "zh-CN": "保修"}, states=states))
    case = await records.cases.create({"type": "warranty", "title": "Drill"}, "anna", AT)
    assert case["state"] == "draft" and case["due_at"] is None
    lonely = CaseType(code="w", labels={"en": "W"}, states=[*states, CaseState(code="never", labels={"en": "N"})])
    assert await refused(records.cases.put_type(lonely)) == "states.2"
    moved = await records.cases.change(case["id"], {"type": "order"}, "anna", AT + 5)
    assert moved["state"] == "new" and moved["due_at"] == AT + 24 * 3600
    assert {one.code for one in await records.cases.types()} == {
        "service_request",
        "complaint",
        "order",
        "return",
        "warranty",
    }


async def test_numbers_have_no_gap_and_no_twin(store: Store, records: SiteRecords) -> None:  # noqa: F811
    made = await asyncio.gather(*(records.cases.create({"type": "order", "title": f"{n}"}, "a", AT) for n in range(12)))
    assert sorted(case["number"] for case in made) == list(range(1, 13))


# --- failures ----------------------------------------------------------------------------------------


class Failing:
    """Lets the nth statement of a writer fail."""

    def __init__(self, store: Store, n: int) -> None:  # noqa: F811
        self.engine: sa.Engine = store._writing._engine
        self.left = n

    def __call__(self, *_: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise RuntimeError("it fails here")

    def __enter__(self) -> None:
        sa.event.listen(self.engine, "before_cursor_execute", self)

    def __exit__(self, *_: object) -> None:
        sa.event.remove(self.engine, "before_cursor_execute", self)


def everything(url: str) -> dict[str, int]:  # noqa: F811
    """The number of rows of each table, and the last number of a case."""
    engine = open_engine(url, writes=False)
    with engine.connect() as connection:
        names = [table.name for table in s.metadata.sorted_tables if table.name in RECORDS]
        counts = {name: connection.execute(sa.text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}
        number = sa.select(s.meta.c.value).where(s.meta.c.key == CASE_NUMBER)
        found = counts | {CASE_NUMBER: connection.execute(number).scalar_one()}
    engine.dispose()
    return found


RECORDS = {
    "customers", "customer_values", "consents", "relations", "segments", "tasks", "task_rules", "cases",
    "case_history", "case_interactions", "timeline_items", "search_docs",
}  # fmt: skip


@pytest.mark.parametrize("what", ["customer", "consent", "relation", "segment", "task", "rule", "case", "change"])
async def test_a_write_that_fails_anywhere_leaves_nothing(
    store: Store,  # noqa: F811
    records: SiteRecords,
    url: str,  # noqa: F811
    what: str,
) -> None:
    await people(store)
    await fields(records)
    one, other = [await store.customers.create({"name": name}) for name in "AB"]
    old = await records.cases.create({"type": "order", "title": "Old", "customer_id": one.id}, "anna", AT)
    segment = await records.segments.create("All", {"parts": []}, "admin", AT)
    rule = {"title": "T", "segment_id": segment.id, "owner": "anna", "zone": "UTC"}
    said = {"purpose": "survey", "state": "given", "source": "call"}
    task = {"title": "T", "owner": "ben", "customer_id": one.id, "case_id": old["id"], "due_at": AT}
    work = {
        "customer": lambda: store.customers.create({"name": "C", "phones": ["13800138000"], "fields": {"seats": 1}}),
        "consent": lambda: records.consents.say(one.id, said, "anna", AT),
        "relation": lambda: records.relations.add(one.id, "family", other.id, "anna", AT),
        "segment": lambda: records.segments.create("New", {"parts": []}, "admin", AT),
        "task": lambda: records.tasks.create(task, "anna", AT),
        "rule": lambda: records.tasks.create_rule(rule, AT),
        "case": lambda: records.cases.create({"type": "order", "title": "N", "customer_id": one.id}, "anna", AT),
        "change": lambda: records.cases.change(old["id"], {"state": "closed", "note": "done"}, "anna", AT),
    }[what]
    before, n = everything(url), 0
    while True:
        try:
            with Failing(store, n):
                await work()
            break
        except RuntimeError:
            assert everything(url) == before, n
            n += 1
    assert n > 2 and everything(url) != before


# --- the migration -----------------------------------------------------------------------------------


async def test_the_migration_goes_down_and_up_with_records_in_it(
    store: Store,  # noqa: F811
    records: SiteRecords,
    url: str,  # noqa: F811
) -> None:
    await people(store)
    await fields(records)
    made = await store.customers.create(
        {"name": "王小明", "organisation": "ÄRGER", "agent": "anna", "fields": {"seats": 2}}
    )
    await records.cases.create({"type": "order", "title": "x", "customer_id": made.id}, "anna", AT)
    await records.tasks.create({"title": "x", "customer_id": made.id, "due_at": AT}, "anna", AT)
    await records.consents.say(made.id, {"purpose": "survey", "state": "given", "source": "call"}, "anna", AT)
    engine = open_engine(url)
    config = Config()
    folder = Path(s.__file__).parents[1] / "migrations"
    config.set_main_option("script_location", str(folder))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0008")
        tables = sa.inspect(connection).get_table_names()
        assert not {"cases", "tasks", "consents", "segments", "custom_fields"} & set(tables)
        old = json.loads(connection.execute(sa.text("SELECT public FROM customers")).scalar() or "")
        assert set(old) == {"id", "name", "phones", "emails", "organisation", "language", "vip", "notes", "agent"}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        row = connection.execute(sa.select(s.customers)).one()
        assert (row.sort_organisation, row.agent, row.kind) == ("ärger", "anna", "person")
    engine.dispose()
    again = await store.customers.get(made.id)
    assert again == Customer(id=made.id, name="王小明", organisation="ÄRGER", agent="anna")
    case = await records.cases.create({"type": "order", "title": "y", "customer_id": made.id}, "anna", AT)
    assert case["number"] == 1


def test_what_filters_compare_is_of_the_right_kind() -> None:
    site = [TEXT, NUMBER, FLAG, SECRET]
    found = values_of({"contract": "ÄB", "seats": 2.0, "newsletter": True, "passport": "x"}, site)
    assert found == {"contract": ("äb", None), "seats": (None, 2.0), "newsletter": (None, 1.0)}
