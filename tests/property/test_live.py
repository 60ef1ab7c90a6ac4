"""Live counters against the log: at any moment of random days they say what counting everything anew says, and what
a report over the stored log says; over restarts, midnight and the days on which the clocks are moved."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from interaction_log import events as e
from interaction_log import metrics
from interaction_log.callback import Callback
from interaction_log.interaction import Interaction
from interaction_log.periods import Step, midnight
from interaction_log.records import QueueSettings
from interaction_log.reports import Question
from interaction_log.store import EventLog, Store
from interaction_log.store.live import visits_since
from routing.live import LiveCounts, Visit, visits_of
from tests.fakes.days import LEVELS, QUEUES, Contact, Stay, contacts, happenings

ZONES = ("UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")
MOVED = (date(2026, 3, 28), date(2026, 10, 24), date(2026, 3, 7), date(2026, 10, 31), date(2026, 6, 1))
"""Two days from each of these: the clocks move in Berlin, or in New York, or do not."""
CHANNELS: tuple[e.Channel, ...] = ("voice", "chat", "email")
Figures = dict[tuple[str, str], Counter[str]]


def level(_pbx: str, queue: str) -> float:
    return LEVELS[queue]


class World:
    """Everything that happened, folded; and the counters that were told of it."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.all: dict[str, Interaction] = {}
        self.promised: set[str] = set()
        self.live = LiveCounts(zone, level)

    def take(self, event: e.Event, now: float) -> None:
        if isinstance(event, e.CallbackRequested) and event.requested_in is not None:
            self.promised.add(event.requested_in)
            self.live.promised(event.requested_in, now)
        elif isinstance(event, e.InteractionEvent):
            one = self.all.setdefault(event.interaction_id, Interaction(event.interaction_id))
            one.apply(event)
            self.live.changed(one, now)

    def restart(self, now: float) -> None:
        """The counters of a new process, from what is stored and from the open interactions."""
        self.live = LiveCounts(self.zone, level)
        stored = {of: visits_of(one, of in self.promised) for of, one in self.all.items()}
        self.live.restore(stored, now)
        for one in self.all.values():
            if not one.ended:
                self.live.changed(one, now)

    def counted(self, name: str, now: float) -> Figures:
        """What the counters say of a window."""
        self.live.advance(now)
        found: Figures = {}
        for key in self.live.known():
            sums = getattr(self.live.figures(key), name)
            found[key[1], key[2]] = Counter({what: n for what, n in sums.items() if n})
        return {key: sums for key, sums in found.items() if sums}

    def recounted(self, since: float) -> Figures:
        """The same by going through everything."""
        found: Figures = {}
        for one in self.all.values():
            for n, visit in enumerate(one.queue_visits):
                if visit.entered_at is None or visit.entered_at < since:
                    continue
                sums = found.setdefault((visit.queue, one.channel), Counter())
                sums["offered"] += 1
                sums[self._what(one, n)] += 1
                waited = visit.left_at - visit.entered_at if visit.left_at is not None else None
                sums["answered_in"] += visit.result == "answered" and (waited or 0.0) <= LEVELS[visit.queue]
        return {key: +sums for key, sums in found.items()}

    def _what(self, one: Interaction, n: int) -> str:
        visit, last = one.queue_visits[n], n == len(one.queue_visits) - 1
        if visit.result in ("answered", None):
            return visit.result or ("waiting" if last and not one.ended else "unaccounted")
        if visit.result == "pbx_lost":
            return "lost"
        if not last and visit.result != "abandoned":
            return "overflowed"
        if one.id in self.promised:
            return "callback"
        if visit.result != "abandoned":
            return "timed_out" if visit.result == "timeout" else visit.result
        assert visit.left_at is not None and visit.entered_at is not None
        return "abandoned_short" if visit.left_at - visit.entered_at < 5 else "abandoned"

    def check(self, now: float) -> None:
        """Every figure of this moment."""
        place = ZoneInfo(self.zone)
        today = midnight(datetime.fromtimestamp(now, place).date(), place)
        assert self.counted("today", now) == self.recounted(today)
        assert self.counted("hour", now) == self.recounted(now - 3_600)
        assert self.counted("half_hour", now) == self.recounted(now - 1_800)
        for queue in QUEUES:
            for channel in CHANNELS:
                self._check_now(queue, channel)

    def _check_now(self, queue: str, channel: e.Channel) -> None:
        figures = self.live.figures(("main", queue, channel))
        here = [one for one in self.all.values() if one.channel == channel and not one.ended]
        waits = [v.entered_at for one in here if (v := one.waiting_in()) is not None and v.queue == queue]
        assert figures.waiting == len(waits)
        assert figures.longest_wait_since == min((at for at in waits if at is not None), default=None)
        served = [one for one in here if one.queue == queue and any(segment.open for segment in one.segments)]
        assert figures.talking == len(served)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(contacts, min_size=1, max_size=12),
    st.sampled_from(ZONES),
    st.sampled_from(MOVED),
    st.lists(st.integers(0, 3 * 86_400), max_size=12),
    st.data(),
)
def test_the_counters_say_what_counting_anew_says(
    many: list[Contact], zone: str, day: date, looks: list[int], data: DataObject
) -> None:
    begin = float(midnight(day, ZoneInfo(zone)))
    world = World(zone)
    moments: list[tuple[float, e.Event | None]] = [*happenings(many, begin), *((begin + at, None) for at in looks)]
    for at, event in sorted(moments, key=lambda item: item[0]):
        if event is not None:
            world.take(event, at)
        elif data.draw(st.booleans(), label="restart"):
            world.restart(at)
        world.check(at)
    last = max(at for at, _ in moments)
    world.check(last + 3_601)
    world.restart(last + 86_400 * 3)
    world.check(last + 86_400 * 3)


def test_a_day_is_forgotten_at_midnight_but_for_its_last_hour() -> None:
    world = World("Asia/Shanghai")
    begin = float(midnight(date(2026, 6, 1), ZoneInfo("Asia/Shanghai")))
    early = [Contact(n * 60_000, "voice", (Stay("support", 1_000, "answered"),), 1_000) for n in range(1_000)]
    late = Contact(86_400_000 - 600_000, "voice", (Stay("support", 1_000, "answered"),), 1_000)
    for at, event in happenings([*early, late], begin):
        world.take(event, at)
    assert len(world.live) == 1_001
    world.live.advance(begin + 86_400)
    assert len(world.live) == 1
    assert not world.counted("today", begin + 86_400)
    assert world.counted("hour", begin + 86_400)["support", "voice"]["offered"] == 1
    world.check(begin + 86_400 + 1)


def test_a_new_threshold_counts_what_there_is_anew() -> None:
    levels = {"support": 20.0}
    live = LiveCounts("UTC", lambda pbx, queue: levels[queue])
    visit = Visit(("main", "support", "voice"), 1_000.0, "answered", 30.0, running=False)
    live.restore({f"i{n}": (visit,) for n in range(500)}, 2_000.0)
    assert live.figures(visit.key).today.get("answered_in", 0) == 0
    levels["support"] = 30.0
    steps = sum(1 for _ in live.relevel("main", "support"))
    assert steps == 2 and live.figures(visit.key).today["answered_in"] == 500


async def test_the_counters_say_what_reports_over_the_log_say(tmp_path: Path) -> None:
    """Three pairs of days through the real log: at quarters of an hour against the report, with restarts out of SQL."""
    url = f"sqlite:///{tmp_path}/log.db"
    log = await asyncio.to_thread(EventLog.open, url, tmp_path / "journal", on_state=lambda state: None)
    store = await asyncio.to_thread(Store.open, url, default_region="CN")
    store.follow(log.shown)
    for queue in QUEUES:
        await store.catalogue.put_queue(
            QueueSettings(name=queue, pbx="main", label=queue, service_level_seconds=int(LEVELS[queue]))
        )
    dice = random.Random(7)
    days = ((MOVED[0], "Europe/Berlin"), (MOVED[4], "Asia/Shanghai"), (MOVED[3], "America/New_York"))
    for number, (day, zone) in enumerate(days):
        begin = float(midnight(day, ZoneInfo(zone)))
        await a_day(log, store, url, World(zone), begin, f"{number}-", dice)
    await asyncio.to_thread(log.close)
    await asyncio.to_thread(store.close)


async def a_day(
    log: EventLog, store: Store, url: str, world: World, begin: float, prefix: str, dice: random.Random
) -> None:
    many = [some_contact(dice) for _ in range(120)]
    looks = [begin + 900 * quarter for quarter in sorted(dice.sample(range(4, 2 * 96 + 12), 4))]
    seq, moments = 0, [*happenings(many, begin, prefix), *((at, None) for at in looks)]
    for at, event in sorted(moments, key=lambda item: (item[0], item[1] is not None)):
        if event is not None:
            seq = log.next_seq()
            log.append(e.Recorded(seq, event))
            world.take(event, at)
            if isinstance(event, e.CallbackRequested):
                await store.callbacks.put(a_callback(event))
            continue
        if seq:
            async with asyncio.timeout(60):
                await log.durable(seq)
                await log.shown()  # a reader waits a second for it at most
        await compare(store, world, at)
        if dice.random() < 0.5:
            await restart_out_of_sql(url, world, at)
            await compare(store, world, at)


def a_callback(event: e.CallbackRequested) -> Callback:
    return Callback(
        id=event.callback_id, pbx=event.pbx, queue=event.queue, address=event.address, name="", since=event.since,
        requested_at=event.since, expires_at=event.expires_at, requested_in=event.requested_in,
    )  # fmt: skip


def some_contact(dice: random.Random) -> Contact:
    stays = [
        Stay(
            dice.choice(QUEUES),
            dice.choice([dice.randint(0, 30_000), dice.randint(0, 3_000_000)]),
            dice.choice(["answered", "answered", "abandoned", "timeout", "no_agent", "left", "pbx_lost", None]),
        )
        for _ in range(dice.choice([1, 1, 2]))
    ]
    talk = dice.choice([None, dice.randint(0, 3_000_000)])
    return Contact(dice.randint(0, 2 * 86_400_000), dice.choice(CHANNELS), tuple(stays), talk, dice.random() < 0.3)


async def restart_out_of_sql(url: str, world: World, now: float) -> None:
    place = ZoneInfo(world.zone)
    today = midnight(datetime.fromtimestamp(now, place).date(), place)
    found: dict[str, list[Visit]] = {}
    for row in await asyncio.to_thread(visits_since, url, min(today, now - 3_600)):
        key = (row.pbx, row.queue, row.channel)
        visit = Visit(key, row.entered_at, row.result, row.wait, row.later, row.running, row.promised)
        found.setdefault(row.interaction_id, []).append(visit)
    world.live = LiveCounts(world.zone, level)
    world.live.restore({of: tuple(visits) for of, visits in found.items()}, now)
    for one in world.all.values():
        if not one.ended:
            world.live.changed(one, now)


async def compare(store: Store, world: World, now: float) -> None:
    place = ZoneInfo(world.zone)
    today = float(midnight(datetime.fromtimestamp(now, place).date(), place))
    windows: list[tuple[str, float, Step]] = [("today", today, "whole")]
    windows += [("hour", now - 3_600, "15min"), ("half_hour", now - 1_800, "15min")]
    for name, since, step in windows:
        live = world.counted(name, now)
        for channel in CHANNELS:
            question = Question(
                report="queues",
                start=since,
                end=now + 900,
                step=step,
                zone=world.zone,
                channel=channel,
            )
            table = await store.reports.table(question, now)
            for queue in QUEUES:
                sums = table.of_key(queue)
                mine = live.get((queue, channel), Counter())
                for what in (*metrics.OUTCOMES, "offered", "answered_in"):
                    assert mine[what] == sums.get(what, 0), (name, queue, channel, what)
