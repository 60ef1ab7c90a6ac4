"""A filter finds the same customers in SQL as in plain Python; a case keeps to its table of states."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interaction_log.cases import AroundTheClock, Case, CaseState, CaseType, check_type, moved, opened
from interaction_log.records import Conflict, Customer, CustomField, FieldChoice, Refused
from interaction_log.segments import DAY_SECONDS, FIELDS, OPERATORS, Facts, matches, parse
from interaction_log.store import upgrade_to_head
from interaction_log.store.custom_fields import defined
from interaction_log.store.customer_rows import add
from interaction_log.store.engine import open_engine
from interaction_log.store.fields import check
from interaction_log.store.records_tables import cases, custom_fields, customer_values
from interaction_log.store.schema import customer_emails, customer_phones, customers, interactions
from interaction_log.store.segments import condition
from interaction_log.tasks import TaskRule, at_wall, due_day, next_run, zone
from routing.hours import hours
from routing.working_time import CalendarTime
from tests.fakes.postgres import Postgres, shared_postgres

NOW = 1_795_293_080.0
SITE = [
    CustomField(code="t", labels={"en": "T"}, type="text"),
    CustomField(code="n", labels={"en": "N"}, type="number"),
    CustomField(code="d", labels={"en": "D"}, type="date"),
    CustomField(code="f", labels={"en": "F"}, type="flag"),
    CustomField(
        code="c", labels={"en": "C"}, type="choice", choices=[FieldChoice(code=x, labels={"en": x}) for x in "xyz"]
    ),
]
WORDS = st.sampled_from(
    ["Anna", "anna", "ÄRGER", "ärger", "Straße", "STRASSE", "100%", "a_b", "a\\b", "王小明", "İx", "x"]
)
NUMBERS = st.sampled_from([0, 1, 2.5, 10])
DATES = st.sampled_from(["1990-01-31", "2000-02-29", "2026-11-22"])
CHOICES = st.sampled_from(["x", "y", "z"])
LANGUAGES = st.sampled_from(["en", "zh-CN"])
_VALUES: dict[str, Any] = {"t": WORDS, "n": NUMBERS, "d": DATES, "f": st.booleans(), "c": CHOICES}
FIELD_VALUES = st.fixed_dictionaries({}, optional=_VALUES)
PEOPLE = st.lists(
    st.fixed_dictionaries(
        {"name": WORDS},
        optional={
            "organisation": WORDS,
            "language": LANGUAGES,
            "vip": st.booleans(),
            "value": NUMBERS,
            "kind": st.sampled_from(["person", "organisation"]),
            "channel": st.sampled_from(["voice", "email"]),
            "phones": st.just(["13800138000"]),
            "emails": st.just(["a@example.com"]),
            "fields": FIELD_VALUES,
            "contact": st.sampled_from([1.0, 5.0, 30.0]),
            "cases": st.integers(0, 2),
        },
    ),
    max_size=6,
)


def conditions() -> st.SearchStrategy[dict[str, Any]]:
    kinds = dict(FIELDS) | {f"fields.{one.code}": one.type for one in SITE}
    kinds.pop("agent")
    values: dict[str, Any] = {
        "text": WORDS,
        "number": NUMBERS,
        "date": DATES,
        "choice": st.lists(st.sampled_from(["x", "y", "en", "zh-CN", "person", "voice"]), min_size=1, max_size=3),
        "flag": st.none(),
        "moment": st.sampled_from([0, 2, 20, 100]),
    }

    def one(name: str) -> st.SearchStrategy[dict[str, Any]]:
        kind = kinds[name]
        return st.fixed_dictionaries(
            {"field": st.just(name), "is": st.sampled_from(OPERATORS[kind]), "value": values[kind]}
        )

    return st.sampled_from(sorted(kinds)).flatmap(one)


FILTERS = st.recursive(
    conditions(),
    lambda parts: st.fixed_dictionaries(
        {"match": st.sampled_from(["all", "any"]), "parts": st.lists(parts, max_size=4)}
    ),
    max_leaves=6,
)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    yield from shared_postgres()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real("postgresql"))])
def engine(request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    with tempfile.TemporaryDirectory() as folder:
        if request.param == "sqlite":
            url = f"sqlite:///{folder}/log.db"
            upgrade_to_head(url)
        else:
            url = request.getfixturevalue("postgres").migrated_database()
        one = open_engine(url)
        yield one
        one.dispose()


def fill(connection: sa.Connection, people: list[dict[str, Any]]) -> dict[str, Facts]:
    """Put them in; the same as plain facts."""
    for table in (customers, customer_phones, customer_emails, customer_values, interactions, cases, custom_fields):
        connection.execute(sa.delete(table))
    for field in SITE:
        choices = '[{"code": "x", "labels": {}}]' if field.choices else "[]"
        row = {
            "code": field.code,
            "labels": "{}",
            "type": field.type,
            "of": "any",
            "required": False,
            "sensitive": False,
        }
        connection.execute(
            sa.insert(custom_fields).values({**row, "choices": choices, "position": 0, "retired": False})
        )
    return {f"c{n}": _person(connection, f"c{n}", dict(one)) for n, one in enumerate(people)}


def _person(connection: sa.Connection, of: str, given: dict[str, Any]) -> Facts:
    contact, open_cases = given.pop("contact", None), given.pop("cases", 0)
    checked = check(Customer(id=of, name=""), given, "CN", SITE)
    add(connection, [checked])
    for n in range(open_cases):
        row = {"id": f"{of}/{n}", "number": hash((of, n)) % 2**31, "type": "order", "state": "new", "title": "x"}
        times = {"opened_at": NOW, "opened_by": "a", "changed_at": NOW, "version": 1, "customer_id": of}
        connection.execute(sa.insert(cases).values({**row, **times, "phase": "open" if n == 0 else "waiting"}))
    at = None if contact is None else NOW - contact * DAY_SECONDS
    if at is not None:
        row = {"id": of, "began": 1, "pbx": "m", "channel": "voice", "direction": "inbound", "sorted_at": at}
        more = {"ended": True, "talk_seconds": 0.0, "hold_seconds": 0.0, "public": "{}", "customer_id": of}
        connection.execute(sa.insert(interactions).values({**row, **more}))
    c = checked.customer
    own = {name: getattr(c, name) for name in ("name", "organisation", "kind", "language", "channel", "vip", "value")}
    values = {**own, "phone": bool(c.phones), "email": bool(c.emails), "open_cases": open_cases}
    return Facts(values=values | {f"fields.{code}": value for code, value in c.fields.items()}, last_contact=at)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(people=PEOPLE, filters=st.lists(FILTERS, min_size=1, max_size=5))
def test_sql_and_plain_python_agree(engine: sa.Engine, people: list[dict[str, Any]], filters: list[Any]) -> None:
    with engine.connect() as connection:
        facts = fill(connection, people)
        site = defined(connection)
        for raw in filters:
            node = parse(raw, site)
            query = sa.select(customers.c.id).where(condition(node, NOW))
            found = set(connection.execute(query).scalars())
            assert found == {of for of, one in facts.items() if matches(node, one, NOW)}, raw
        connection.rollback()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["field", "is", "value", "parts", "match"]), inner, max_size=4)
    ),
    max_leaves=15,
)


@given(raw=JSON | FILTERS)
def test_any_json_is_a_filter_or_refused(raw: object) -> None:
    try:
        parse(raw, SITE)
    except Refused as error:
        assert error.field.startswith("filter")


# --- states of cases ---------------------------------------------------------------------------------

CODES = ["a", "b", "c", "d"]
STATES = st.lists(
    st.builds(
        lambda phase, following: (phase, following),
        st.sampled_from(["open", "waiting", "closed"]),
        st.lists(st.sampled_from(CODES), unique=True, max_size=3),
    ),
    min_size=1,
    max_size=4,
)


def _type(rows: list[Any]) -> CaseType | None:
    states = [
        CaseState(code=code, labels={"en": code}, phase=phase, next=[n for n in following if n != code])
        for code, (phase, following) in zip(CODES, rows, strict=False)
    ]
    try:
        return check_type(CaseType(code="t", labels={"en": "T"}, states=states, due_minutes=60))
    except Refused:
        return None


@given(rows=STATES, steps=st.lists(st.tuples(st.sampled_from(CODES), st.floats(0, 5_000)), max_size=12))
def test_a_case_keeps_to_its_table(rows: list[Any], steps: list[tuple[str, float]]) -> None:
    kind = _type(rows)
    if kind is None:
        return
    hours_ = AroundTheClock()
    blank = Case(
        id="i", number=1, type="t", state="", phase="open", title="x", opened_at=0, opened_by="a", changed_at=0
    )
    now, case = 0.0, opened(blank, kind, 0.0, hours_)
    worked = 0.0  # how long its clock ran
    for to, seconds in steps:
        now += seconds
        worked += seconds if case.phase != "waiting" else 0.0
        before = kind.state(case.state)
        assert before is not None and before.phase == case.phase
        try:
            case = moved(case, kind, to, now, hours_)
        except (Conflict, Refused):
            assert to not in before.next and to != before.code
            continue
        assert to in before.next or to == before.code
        assert (case.closed_at is not None) == (case.phase == "closed")
        assert (case.due_at is None) != (case.left_seconds is None)
        if case.phase == "open" and "closed" not in {kind.state(code).phase for code, _ in steps if kind.state(code)}:  # type: ignore[union-attr]
            assert case.due_at == pytest.approx(now + 3600 - worked, abs=1e-3)


OFFICE = CalendarTime(
    {"o": hours("Europe/Berlin", ["mon-fri 09:00-12:00", "mon-thu 13:00-17:00"], ["2026-12-24 closed"])}
)


@settings(deadline=None, max_examples=60)
@given(start=st.floats(1_790_000_000, 1_800_000_000), seconds=st.floats(1, 200_000))
def test_working_time_counted_forth_is_counted_back(start: float, seconds: float) -> None:
    end = OFFICE.after("o", start, seconds)
    assert end >= start + seconds - 1e-3
    assert OFFICE.between("o", start, end) == pytest.approx(seconds, abs=1e-3)
    assert OFFICE.between("o", end, start) == 0.0


@given(
    now=st.floats(1_700_000_000, 1_900_000_000),
    minute=st.integers(0, 1439),
    place=st.sampled_from(["Europe/Berlin", "Asia/Shanghai", "America/New_York", "UTC", "Australia/Lord_Howe"]),
)
def test_a_rule_runs_once_for_each_day(now: float, minute: int, place: str) -> None:
    rule = TaskRule(id="r", segment_id="s", title="t", owner=None, at_minute=minute, zone=place)
    day = due_day(rule, now)
    assert day is not None
    done = TaskRule(
        id="r", segment_id="s", title="t", owner=None, at_minute=minute, zone=place, last_day=day.isoformat()
    )
    assert due_day(done, now) is None
    following = next_run(done, now)
    assert following is not None and now < following <= now + 26 * 3600
    assert due_day(done, following) is not None and due_day(done, following - 2) is None


def test_times_of_the_wall_on_nights_when_the_clocks_are_changed() -> None:
    berlin = zone("Europe/Berlin")
    assert at_wall("2026-11-27T10:00", zone("Asia/Shanghai")) == 1_795_744_800
    assert at_wall("2026-03-29T02:30", berlin) == 1_774_746_000  # it does not exist: 03:00, when the gap is over
    assert at_wall("2026-10-25T02:30", berlin) == 1_792_888_200  # it comes twice: the first
