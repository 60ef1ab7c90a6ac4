"""Hours in every zone and night, and decisions that hold whatever the facts are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from routing.callbacks import OPEN, TABLE, Callback, CallbackRules, moved, turns
from routing.entry import EntryFacts, EntryQuestion, EntryRules, LastTalk, Person, decide, place_of
from routing.hours import DAYS, Hours, hours

# Half an hour's change, changes at midnight, a day that was skipped, none at all.
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia", "Asia/Shanghai"]
minutes = st.integers(0, 1439)


@st.composite
def periods(draw: st.DrawFn) -> str:
    first, last = draw(st.sampled_from(DAYS)), draw(st.sampled_from(DAYS))
    start, end = draw(minutes), draw(st.integers(1, 1440))
    return f"{first}-{last} {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"


offices = st.builds(hours, st.sampled_from(ZONES), st.lists(periods(), max_size=4))
# Around the nights when clocks are changed, and the day that Apia skipped (30 December 2011).
nights = st.sampled_from(
    ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-04-24", "2011-12-30", "2026-04-05"]
)
moments = st.builds(
    lambda day, offset: datetime.fromisoformat(day + "T00:00:00+00:00").timestamp() + offset,
    nights,
    st.integers(-30 * 3600, 30 * 3600),
)


@settings(deadline=None, max_examples=150)
@given(offices, moments)
def test_nothing_changes_before_the_next_change(office: Hours, now: float) -> None:
    change = office.next_change(now)
    until = now + 30 * 3600 if change is None else min(change, now + 30 * 3600)
    step = now
    while step < until:
        assert office.is_open(step) == office.is_open(now)
        step += 293  # a prime: every minute of the hour is hit by some run
    if change is not None:
        assert change > now and office.is_open(change) != office.is_open(now)
        assert office.is_open(change - 1) == office.is_open(now) or change - 1 < now


@settings(deadline=None, max_examples=100)
@given(offices, moments)
def test_open_is_what_the_clock_on_the_wall_says(office: Hours, now: float) -> None:
    wall = datetime.fromtimestamp(now, office.zone)
    spans = office.week[wall.weekday()]
    assert office.is_open(now) == any(s.start <= wall.hour * 60 + wall.minute < s.end for s in spans)


times = st.floats(0, 2e9)
people = st.none() | st.builds(
    Person,
    name=st.text(max_size=5),
    sure=st.booleans(),
    vip=st.booleans(),
    language=st.none() | st.just("zh"),
    own_agent=st.none() | st.sampled_from(["anna", "ben"]),
)
all_facts = st.builds(
    EntryFacts,
    rules=st.builds(
        EntryRules,
        queue=st.just("support"),
        overflow=st.sampled_from(["", "sales"]),
        overflow_waiting=st.integers(0, 3),
        overflow_without_agents=st.booleans(),
        last_agent_days=st.sampled_from([0.0, 30.0]),
        callback=st.booleans(),
        hours=st.sampled_from([None, hours("UTC", []), hours("UTC", ["mon-sun 00:00-24:00"])]),
    ),
    person=people,
    last_talk=st.none() | st.builds(LastTalk, agent=st.sampled_from(["anna", "ben"]), at=times),
    ready=st.dictionaries(st.sampled_from(["anna", "ben"]), st.just("PJSIP/1001")),
    agents=st.integers(0, 3),
    entered=st.lists(times, max_size=4).map(tuple),
    callback_since=st.none() | times,
    overflow_open=st.booleans(),
)


@given(all_facts, st.text(), st.none() | st.text(min_size=1), times)
def test_every_decision_holds_together(facts: EntryFacts, dialled: str, address: str | None, now: float) -> None:
    answer = decide(EntryQuestion(dialled=dialled, address=address, name=dialled), facts, now)
    rules = facts.rules
    assert answer.queue == rules.queue  # nothing a caller wrote becomes a queue
    assert (answer.target != "") <= (answer.result != "queue")
    assert answer.result != "closed" or (rules.hours is not None and not rules.hours.is_open(now))
    assert answer.result != "overflow" or rules.overflow
    assert not answer.agent or answer.agent in facts.ready
    assert bool(answer.agent) == bool(answer.agent_queue) == (answer.agent_seconds > 0)
    assert answer.keeps_place == (answer.position > 0)
    assert 0 <= answer.position <= len(facts.entered) + 1
    assert not (answer.offer_callback and (address is None or answer.result != "queue"))


@given(times, st.lists(times, max_size=6).map(tuple))
def test_a_place_is_between_those_who_came_before_and_after(since: float, entered: tuple[float, ...]) -> None:
    line = sorted(entered)
    place = place_of(since, entered)
    assert all(one <= since for one in line[: place - 1]) and all(one > since for one in line[place - 1 :])


triggers = st.sampled_from(sorted({trigger for row in TABLE.values() for trigger in row}))


@given(st.lists(st.tuples(triggers, st.floats(0, 1000)), max_size=12))
def test_a_callback_ends_once_and_keeps_its_place(steps: list[tuple[Any, float]]) -> None:
    rules = CallbackRules(max_attempts=2)
    one = Callback(id="c", pbx="p", queue="q", address="+1", name="", since=5.0, requested_at=9.0, expires_at=900.0)
    for trigger, now in steps:
        before, one = one, moved(one, trigger, now, rules)
        assert one.state in TABLE and one.since == 5.0 and 0 <= one.attempts <= rules.max_attempts + 1
        assert before.state in OPEN or one is before


callbacks = st.lists(st.tuples(st.sampled_from(["waiting", "dialling", "done"]), st.integers(0, 50)), max_size=5)


@given(callbacks, st.lists(st.integers(0, 50), max_size=4), st.integers(0, 4))
def test_turns_never_overtake_a_caller(line: list[tuple[Any, int]], entered: list[int], free: int) -> None:
    many = [
        Callback(
            id=str(n), pbx="p", queue="q", address="", name="", since=s, requested_at=s, expires_at=99.0, state=state
        )
        for n, (state, s) in enumerate(line)
    ]
    chosen = turns(many, entered, free, 60.0)
    assert len(chosen) <= max(1, free) and all(one.state == "waiting" for one in chosen)
    for one in chosen:
        ahead = sum(at <= one.since for at in entered) + sum(c.open and c.since < one.since for c in many)
        assert ahead < max(1, free)
