"""The distributor's promises, whatever happens in whatever order."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from interaction_log.events import Channel
from routing.acd.engine import Engine
from routing.acd.model import Command, Contact, Divert, Need, Offer, Overflow, QueueRule, Ring, Seat, Withdraw
from routing.acd.why import why_not
from routing.capacity import Capacity
from routing.hours import hours

CAPACITY = Capacity(weights={"voice": 100, "chat": 40, "email": 60})
RULES = (
    QueueRule(
        name="sales",
        order="most_skilled",
        rings=(Ring(0, (Need("wine", 3),)), Ring(30, (Need("wine", 1),)), Ring(60)),
    ),
    QueueRule(name="help", overflow=(Overflow(40, "sales"),), longest_wait=200, offer_seconds=15),
    QueueRule(name="vip", head_start=120, teams=frozenset({"gold"}), order="least_occupied", again_seconds=5),
)
QUEUES = st.sampled_from(["sales", "help", "vip"])
AGENTS = st.sampled_from(["anna", "ben", "carl", "dora"])
CHANNELS: st.SearchStrategy[Channel] = st.sampled_from(["chat", "email"])


@settings(max_examples=100, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck))
class Floor(RuleBasedStateMachine):
    """Contacts and agents come and go; offers are answered or not; time passes."""

    @initialize()
    def open(self) -> None:
        self.engine = Engine(RULES, CAPACITY)
        self.now = 1000.0
        self.n = 0
        self.offers: dict[str, str] = {}
        self.alive: set[str] = set()

    def carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Offer):
                seat = self.engine.crew.seats[command.agent]
                assert seat.ready and command.contact not in self.offers and command.agent not in self.offers.values()
                one = self.engine.lines.waiting.get(command.contact)
                if one is not None and one.offered == command.agent:  # else something of the same moment ended it
                    assert not why_not(self.engine, command.contact, command.agent, self.now)
                self.offers[command.contact] = command.agent
            elif isinstance(command, Withdraw):
                assert self.offers.pop(command.contact) == command.agent
            elif isinstance(command, Divert):
                self.alive.discard(command.contact)

    # --- what happens --------------------------------------------------------------------------------

    @rule(queue=QUEUES, channel=CHANNELS, own=st.none() | AGENTS, head=st.sampled_from([0.0, 0.0, 50.0]))
    def comes(self, queue: str, channel: Channel, own: str | None, head: float) -> None:
        self.n += 1
        contact = Contact(
            id=f"c{self.n}", queue=queue, channel=channel, due_at=self.now, own=own, head_start=head
        )  # fmt: skip
        self.alive.add(contact.id)
        self.carry_out(self.engine.due(contact, self.now))

    @precondition(lambda self: self.alive)
    @rule(data=st.data())
    def leaves(self, data: st.DataObject) -> None:
        contact = data.draw(st.sampled_from(sorted(self.alive)))
        self.alive.discard(contact)
        self.carry_out(self.engine.left(contact, self.now))

    @precondition(lambda self: self.alive)
    @rule(data=st.data(), queue=QUEUES, channel=CHANNELS)
    def moves(self, data: st.DataObject, queue: str, channel: Channel) -> None:
        contact = data.draw(st.sampled_from(sorted(self.alive)))
        self.carry_out(self.engine.move(contact, queue, self.now, channel))
        assert self.engine.lines.waiting[contact].place[1] <= self.now

    @rule(
        name=AGENTS,
        ready=st.booleans(),
        queues=st.sets(QUEUES),
        wine=st.integers(0, 5),
        team=st.sampled_from(["gold", "grey"]),
    )
    def agent_changes(self, name: str, ready: bool, queues: set[str], wine: int, team: str) -> None:
        seat = Seat(name, ready, frozenset(queues), {"wine": wine}, frozenset({team}), idle_since=self.now)
        self.carry_out(self.engine.agent(seat, self.now))

    @rule(name=AGENTS)
    def agent_vanishes(self, name: str) -> None:
        self.carry_out(self.engine.gone(name, self.now))
        assert name not in {who for _, who in self.engine.held.values()}

    @precondition(lambda self: self.offers)
    @rule(data=st.data(), takes=st.booleans())
    def answers(self, data: st.DataObject, takes: bool) -> None:
        contact = data.draw(st.sampled_from(sorted(self.offers)))
        agent = self.offers.pop(contact)
        if takes:
            assert self.engine.accepted(contact, agent, self.now)
            self.carry_out(self.engine.next_for(agent, self.now))
        else:
            self.carry_out(self.engine.declined(contact, agent, self.now))

    @rule(seconds=st.sampled_from([1.0, 7.0, 16.0, 35.0, 90.0]))
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        while self.engine.next_at is not None and self.engine.next_at <= until:
            self.now = max(self.now, self.engine.next_at)
            self.carry_out(self.engine.advance(self.now))
        self.now = until

    # --- what holds ----------------------------------------------------------------------------------

    @invariant()
    def each_contact_is_in_exactly_one_place(self) -> None:
        waiting, held = set(self.engine.lines.waiting), set(self.engine.held)
        assert not waiting & held and waiting | held == self.alive
        offered = {i: one.offered for i, one in self.engine.lines.waiting.items() if one.offered is not None}
        assert offered == self.offers

    @invariant()
    def nobody_has_more_than_fits(self) -> None:
        for seat in self.engine.crew.seats.values():
            assert CAPACITY.used(seat.in_hand.values()) <= CAPACITY.budget
            hers = {i for i, (_, who) in self.engine.held.items() if who == seat.name}
            assert set(seat.in_hand) == hers | ({seat.offered} if seat.offered else set())

    @invariant()
    def nobody_waits_for_whom_somebody_is_free(self) -> None:
        for contact, one in self.engine.lines.waiting.items():
            if one.offered is None:
                for agent in self.engine.crew.seats:
                    reasons = [reason.code for reason in why_not(self.engine, contact, agent, self.now)]
                    assert reasons and reasons != ["others_first"], (contact, agent)


TestFloor = Floor.TestCase


# --- the order of the line ---------------------------------------------------------------------------


def offered(commands: list[Command]) -> list[tuple[str, str]]:
    return [(one.contact, one.agent) for one in commands if isinstance(one, Offer)]


def contact(i: str, at: float, queue: str = "a", channel: Channel = "chat", **more: object) -> Contact:
    return Contact(id=i, queue=queue, channel=channel, due_at=at, **more)  # type: ignore[arg-type]


def seat(name: str, *queues: str, idle: float = 0.0, **skills: int) -> Seat:
    return Seat(name, True, frozenset(queues), skills, idle_since=idle)


def test_the_oldest_first_over_media_and_queues() -> None:
    engine = Engine([QueueRule(name="a"), QueueRule(name="b")], Capacity())
    for i, at, queue, channel in (("c2", 12, "b", "email"), ("c3", 13, "a", "chat"), ("c1", 11, "a", "email")):
        assert engine.due(contact(i, at, queue, channel), 20.0) == []  # type: ignore[arg-type]
    taken = []
    commands = engine.agent(seat("anna", "a", "b"), 20.0)
    while commands:
        ((one, agent),) = offered(commands)
        taken.append(one)
        engine.accepted(one, agent, 20.0)
        commands = engine.left(one, 20.0)
    assert taken == ["c1", "c2", "c3"]


def test_a_head_start_ages() -> None:
    engine = Engine([QueueRule(name="a")], Capacity())
    engine.due(contact("plain", 0.0), 0.0)
    engine.due(contact("vip", 59.0, head_start=60.0), 59.0)
    engine.due(contact("late vip", 61.0, head_start=60.0), 61.0)
    order = sorted(engine.lines, key=lambda one: one.place)
    assert [one.contact.id for one in order] == ["vip", "plain", "late vip"]


def test_the_own_agent_is_waited_for_and_not_for_ever() -> None:
    engine = Engine([QueueRule(name="a", patience=30)], Capacity())
    engine.agent(seat("ben", "a"), 0.0)
    engine.agent(Seat("anna", False, frozenset({"a"})), 0.0)
    assert engine.due(contact("c", 0.0, own="anna"), 0.0) == []
    assert [r.code for r in why_not(engine, "c", "ben", 1.0)] == ["waits_for_own"]
    assert engine.next_at == 30.0
    assert offered(engine.advance(30.0)) == [("c", "ben")]


def test_rings_open_with_time_and_the_best_is_asked_first() -> None:
    rings = (Ring(0, (Need("fr", 4),)), Ring(20, (Need("fr", 1),)))
    engine = Engine([QueueRule(name="a", rings=rings, order="most_skilled")], Capacity())
    engine.agent(seat("two", "a", fr=2), 0.0)
    engine.agent(seat("three", "a", fr=3), 0.0)
    assert engine.due(contact("c", 0.0), 0.0) == []
    assert [r.code for r in why_not(engine, "c", "two", 0.0)] == ["lacks_skill"]
    assert offered(engine.advance(20.0)) == [("c", "three")]


def test_an_offer_that_nobody_answers_goes_on_and_keeps_its_place() -> None:
    engine = Engine([QueueRule(name="a", offer_seconds=10)], Capacity())
    engine.agent(seat("anna", "a", idle=0.0), 0.0)
    engine.agent(seat("ben", "a", idle=1.0), 1.0)
    assert offered(engine.due(contact("c", 1.0), 1.0)) == [("c", "anna")]
    commands = engine.advance(11.0)
    assert commands[0] == Withdraw("c", "anna", "timeout") and offered(commands) == [("c", "ben")]
    assert not engine.accepted("c", "anna", 11.0) and engine.accepted("c", "ben", 11.0)


def test_what_a_vanished_agent_had_is_ahead_of_who_came_later() -> None:
    engine = Engine([QueueRule(name="a")], Capacity())
    engine.agent(seat("anna", "a"), 0.0)
    engine.due(contact("first", 0.0), 0.0)
    engine.accepted("first", "anna", 1.0)
    engine.agent(Seat("anna", False, frozenset({"a"})), 1.0)
    engine.due(contact("second", 5.0), 5.0)
    assert engine.gone("anna", 9.0) == []
    assert offered(engine.agent(seat("ben", "a"), 10.0)) == [("first", "ben")]


def test_it_waits_as_long_as_the_queue_allows() -> None:
    engine = Engine([QueueRule(name="a", longest_wait=60, then="callback")], Capacity())
    engine.due(contact("c", 0.0), 0.0)
    assert engine.advance(60.0) == [Divert("c", "a", "callback")] and not engine.lines.waiting


# --- business hours, hand-overs, whose own -----------------------------------------------------------

HOURS = hours("UTC", ["mon-sun 09:00-17:00"])
NIGHT, MORNING = 3 * 3600.0, 9 * 3600.0


def test_outside_the_hours_a_chat_is_diverted_and_what_can_wait_waits_for_the_opening() -> None:
    engine = Engine([QueueRule(name="a", hours=HOURS, then="callback", longest_wait=60)], Capacity())
    engine.agent(seat("anna", "a"), NIGHT)
    assert engine.due(contact("chat", NIGHT), NIGHT) == [Divert("chat", "a", "callback")]
    assert engine.due(contact("mail", NIGHT, channel="email"), NIGHT) == []
    assert [r.code for r in why_not(engine, "mail", "anna", NIGHT)] == ["closed"]
    assert engine.advance(MORNING - 1) == [] and engine.next_at == MORNING
    assert offered(engine.advance(MORNING)) == [("mail", "anna")]


def test_what_comes_back_after_closing_time_still_stands_in_line() -> None:
    engine = Engine([QueueRule(name="a", hours=HOURS)], Capacity())
    engine.agent(seat("anna", "a"), MORNING)
    evening = 17 * 3600.0
    engine.due(contact("c", evening - 1), evening - 1)
    engine.accepted("c", "anna", evening - 1)
    assert engine.gone("anna", evening + 60) == []
    assert offered(engine.agent(seat("ben", "a"), evening + 61)) == [("c", "ben")]


def test_who_comes_back_into_line_has_the_longest_wait_anew() -> None:
    engine = Engine([QueueRule(name="a", longest_wait=60), QueueRule(name="b", longest_wait=60)], Capacity())
    engine.agent(seat("anna", "a"), 0.0)
    engine.due(contact("c", 0.0), 0.0)
    engine.accepted("c", "anna", 1.0)
    assert engine.move("c", "b", 500.0) == [] and engine.advance(559.0) == []
    assert engine.advance(560.0) == [Divert("c", "b", "message")]


def test_a_colleague_who_is_chosen_is_asked_whatever_her_queues_and_then_who_sent_it() -> None:
    engine = Engine([QueueRule(name="a", rings=(Ring(0, (Need("fr", 3),)),))], Capacity())
    engine.agent(seat("anna", "a", fr=3), 0.0)
    engine.agent(seat("ben"), 0.0)
    engine.due(contact("c", 0.0), 0.0)
    engine.accepted("c", "anna", 1.0)
    assert engine.hand("c", "carl", 2.0) is None and engine.hand("c", "anna", 2.0) is None
    ((one,),) = [engine.hand("c", "ben", 2.0, back_to="anna")]  # type: ignore[misc]
    assert isinstance(one, Offer) and one.agent == "ben" and one.because.sent
    assert offered(engine.declined("c", "ben", 3.0)) == [("c", "anna")]


def test_who_is_asked_already_is_asked_no_more_when_another_is_chosen() -> None:
    engine = Engine([QueueRule(name="a")], Capacity())
    engine.agent(seat("anna", "a"), 0.0)
    engine.agent(seat("ben", "a", idle=1.0), 1.0)
    engine.due(contact("c", 1.0), 1.0)
    engine.due(contact("d", 1.0), 1.0)
    commands = engine.hand("c", "ben", 2.0)
    assert commands is None  # he is asked for another
    engine.declined("d", "ben", 2.0)
    commands = engine.hand("c", "ben", 2.0)
    assert commands is not None and commands[0] == Withdraw("c", "anna", "sent_on")
    assert offered(commands) == [("c", "ben"), ("d", "anna")]


def test_a_call_takes_its_part_of_the_budget_and_withdraws_what_is_offered() -> None:
    engine = Engine([QueueRule(name="a")], Capacity())
    engine.agent(seat("anna", "a"), 0.0)
    assert offered(engine.due(contact("c", 0.0), 0.0)) == [("c", "anna")]
    rings = seat("anna", "a")
    rings.beside = ("voice",)
    assert engine.agent(rings, 1.0) == [Withdraw("c", "anna", "agent_gone")]
    assert [r.code for r in why_not(engine, "c", "anna", 1.0)] == ["no_room"]
    assert offered(engine.agent(seat("anna", "a"), 2.0)) == [("c", "anna")]


def test_more_known_of_him_moves_him_forward_and_to_his_own() -> None:
    engine = Engine([QueueRule(name="a")], Capacity())
    engine.agent(Seat("anna", False, frozenset({"a"})), 0.0)
    engine.due(contact("one", 0.0), 0.0)
    engine.due(contact("vip", 5.0), 5.0)
    assert engine.known("vip", "anna", 60.0, 6.0) == []
    assert [one.contact.id for one in sorted(engine.lines, key=lambda one: one.place)] == ["vip", "one"]
    assert offered(engine.agent(seat("ben", "a"), 7.0)) == [("one", "ben")]
    assert offered(engine.agent(seat("anna", "a"), 8.0)) == [("vip", "anna")]


def test_of_what_waited_for_the_opening_the_oldest_comes_first_whenever_it_came() -> None:
    """The younger slept first: a contact of another queue is sent here later, with the age that it has."""
    engine = Engine([QueueRule(name="a", hours=HOURS), QueueRule(name="b")], Capacity(weights={"email": 100}))
    engine.due(contact("old", NIGHT - 100, channel="email", queue="b"), NIGHT)
    engine.due(contact("young", NIGHT - 50, channel="email"), NIGHT)
    engine.move("old", "a", NIGHT)
    engine.agent(seat("anna", "a"), NIGHT)
    assert offered(engine.advance(MORNING)) == [("old", "anna")]


def test_of_what_a_vanished_agent_had_the_oldest_is_offered_again_first() -> None:
    """She took the younger first; there is room for one of them at a colleague's."""
    engine = Engine([QueueRule(name="a")], Capacity(weights={"chat": 50}))
    engine.agent(seat("anna", "a"), 0.0)
    for one, due in (("young", 9.0), ("old", 5.0)):
        engine.due(contact(one, due), 10.0)
        assert engine.accepted(one, "anna", 10.0)
    engine.agent(seat("ben", "a"), 11.0)
    assert offered(engine.gone("anna", 12.0)) == [("old", "ben")]


def test_who_wraps_up_is_given_nothing_before_she_is_told_of_anew() -> None:
    for holds, then in (("everything", False), ("weight", True)):
        engine = Engine([QueueRule(name="a")], Capacity(weights={"chat": 50}, wrap_up=holds))  # type: ignore[arg-type]
        engine.agent(seat("anna", "a"), 0.0)
        for n in range(3):
            engine.due(contact(f"c{n}", float(n)), 2.0)
            engine.accepted(f"c{n}", "anna", 2.0)
            engine.next_for("anna", 2.0)
        assert engine.left("c0", 3.0, work=True) == []  # its weight stays hers: there is no room for the third
        assert engine.crew.seats["anna"].ready is then and engine.crew.percent(engine.crew.seats["anna"]) == 100
        assert offered(engine.agent(seat("anna", "a"), 4.0)) == [("c2", "anna")]
