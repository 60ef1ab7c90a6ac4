"""What every number of a report means: one value each, with its name, unit, formula and source. Pure.

A report adds up *sums* (whole numbers: counts, and durations in milliseconds) by SQL, each in exactly one period and
group; a metric is computed from sums alone, so that the metric of a day is computed from the day's sums and never from
the metrics of its hours. ``docs/metrics.md`` is made from this module (``python -m interaction_log.metrics``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

Sums = Mapping[str, int]
Unit = Literal["count", "seconds", "percent", "score"]
Report = Literal["queues", "contacts", "agents"]
REPORTS: Final[tuple[Report, ...]] = ("queues", "contacts", "agents")

SHORT_ABANDON_SECONDS: Final = 5.0
REPEAT_DAYS: Final = 7.0
SERVICE_LEVEL_SECONDS: Final = 20.0

OUTCOMES: Final = (
    "answered",
    "abandoned",
    "abandoned_short",
    "timed_out",
    "overflowed",
    "callback",
    "no_agent",
    "voicemail",
    "busy",
    "no_answer",
    "left",
    "lost",
    "failed",
    "waiting",
)
"""What becomes of what is offered: each is exactly one of these, else the conservation check names it."""
STATES: Final = ("READY", "OFFERED", "BUSY", "WRAP_UP", "NOT_READY")
"""The states of a signed-in agent; in LOGGED_OUT she is not."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number. ``listed``: the sum whose interactions are behind it (``None``: seconds of states have none)."""

    name: str
    unit: Unit
    formula: str
    source: str
    reports: tuple[Report, ...]
    value: Callable[[Sums], float | None]
    listed: str | None


_CALLS: Final[tuple[Report, ...]] = ("queues", "contacts")
_ALL: Final[tuple[Report, ...]] = REPORTS
_AGENTS: Final[tuple[Report, ...]] = ("agents",)


def _total(name: str) -> Callable[[Sums], float | None]:
    return lambda sums: sums.get(name, 0)


def _seconds(name: str) -> Callable[[Sums], float | None]:
    return lambda sums: round(sums.get(name, 0) / 1000, 3)


def _mean(total: Iterable[str], count: str) -> Callable[[Sums], float | None]:
    names = tuple(total)

    def value(sums: Sums) -> float | None:
        n = sums.get(count, 0)
        return round(sum(sums.get(name, 0) for name in names) / 1000 / n, 3) if n else None

    return value


def _share(part: Iterable[str], whole: Iterable[str], minus: Iterable[str] = ()) -> Callable[[Sums], float | None]:
    """Percent, two digits; ``None`` of nothing."""
    parts, wholes, less = tuple(part), tuple(whole), tuple(minus)

    def value(sums: Sums) -> float | None:
        n = sum(sums.get(name, 0) for name in wholes) - sum(sums.get(name, 0) for name in less)
        return round(100 * sum(sums.get(name, 0) for name in parts) / n, 2) if n else None

    return value


def _nps(sums: Sums) -> float | None:
    n = sums.get("nps_answers", 0)
    return round(100 * (sums.get("nps_promoters", 0) - sums.get("nps_detractors", 0)) / n, 1) if n else None


def _csat_mean(sums: Sums) -> float | None:
    n = sums.get("csat_answers", 0)
    return round(sums.get("csat_score", 0) / n, 2) if n else None


def _unaccounted(sums: Sums) -> float | None:
    return sums.get("offered", 0) - sum(sums.get(name, 0) for name in OUTCOMES)


def _count(name: str, formula: str, source: str, reports: tuple[Report, ...] = _CALLS) -> Metric:
    return Metric(name, "count", formula, source, reports, _total(name), name)


_VISIT: Final = "queue_visits.result"
_ISO: Final = "ISO 18295-1; COPC"
_FINISHED: Final = ("offered",)

METRICS: Final[tuple[Metric, ...]] = (
    _count(
        "offered",
        "queues: visits of a queue (a contact that goes on to a second queue is offered to each once); contacts: "
        "inbound interactions, each once. Both by when the waiting or the contact began",
        "queue_visits; interactions",
    ),
    _count("answered", "those that an agent took", _VISIT + " = answered; interactions.outcome = answered"),
    _count(
        "abandoned",
        "the caller left while waiting, after at least the threshold of a short abandon (5 s unless asked otherwise)",
        _VISIT + " = abandoned (queue_log ABANDON)",
    ),
    _count("abandoned_short", "the caller left before the threshold of a short abandon", _VISIT + " = abandoned"),
    _count(
        "timed_out",
        "taken out of the queue by time, and not sent on to another queue",
        _VISIT + " = timeout (queue_log EXITWITHTIMEOUT)",
    ),
    _count(
        "overflowed",
        "queues only: left this queue unanswered and went on waiting in another one",
        "queue_visits: a later visit of the same interaction",
        ("queues",),
    ),
    _count(
        "callback",
        "left the queue unanswered with the promise of a callback",
        "callbacks.requested_in = the interaction, its last visit",
    ),
    _count("no_agent", "turned away because no agent was there (JOINEMPTY, EXITEMPTY)", _VISIT + " = no_agent"),
    _count("voicemail", "contacts only: ended in voicemail", "interactions.outcome = voicemail", ("contacts",)),
    _count("busy", "contacts only: a direct call to a busy agent", "interactions.outcome = busy", ("contacts",)),
    _count(
        "no_answer", "contacts only: a direct call that nobody took", "interactions.outcome = no_answer", ("contacts",)
    ),
    _count("left", "left the queue by a key, a transfer or a withdrawal, to no other queue", _VISIT + " = left"),
    _count("lost", "ended with the PBX or the link to it", _VISIT + " = pbx_lost"),
    _count(
        "failed",
        "contacts only: could not be put through",
        "interactions.outcome = failed or cancelled",
        ("contacts",),
    ),
    _count("waiting", "still waiting or running now", "queue_visits.result is null and the interaction is open"),
    Metric(
        "unaccounted",
        "count",
        "offered − (answered + abandoned + abandoned_short + timed_out + overflowed + callback + no_agent + voicemail "
        "+ busy + no_answer + left + lost + failed + waiting); the conservation check wants 0 everywhere",
        "computed",
        _CALLS,
        _unaccounted,
        "unaccounted",
    ),
    Metric(
        "abandon_rate",
        "percent",
        "abandoned ÷ (offered − abandoned_short − waiting)",
        _ISO,
        _CALLS,
        _share(("abandoned",), _FINISHED, ("abandoned_short", "waiting")),
        "abandoned",
    ),
    Metric(
        "asa",
        "seconds",
        "sum of the waiting times of answered ÷ answered (average speed of answer)",
        "queue_visits.wait_seconds; interactions.wait_seconds",
        _CALLS,
        _mean(("answer_wait",), "answered"),
        "answered",
    ),
    Metric(
        "abandon_wait",
        "seconds",
        "sum of the waiting times of abandoned ÷ abandoned (without the short ones)",
        "queue_visits.wait_seconds",
        _CALLS,
        _mean(("abandon_wait",), "abandoned"),
        "abandoned",
    ),
    Metric(
        "service_level",
        "percent",
        "answered within the threshold ÷ (offered − abandoned_short − waiting): the usual one; every caller who was "
        "not answered in time counts against it, but for short abandons",
        _ISO,
        _CALLS,
        _share(("answered_in",), _FINISHED, ("abandoned_short", "waiting")),
        "answered_in",
    ),
    Metric(
        "service_level_asterisk",
        "percent",
        "answered within the threshold ÷ answered: ServicelevelPerf of Asterisk (callscompletedinsl ÷ callscompleted); "
        "callers who gave up do not count at all",
        "Asterisk app_queue.c, QueueParams",
        ("queues",),
        _share(("answered_in",), ("answered",)),
        "answered_in",
    ),
    Metric(
        "service_level_asterisk2",
        "percent",
        "(answered within the threshold + given up or taken out within it) ÷ (answered + all that gave up or were "
        "taken out): ServicelevelPerf2 of Asterisk ((callsabandonedinsl + callscompletedinsl) ÷ (callsabandoned + "
        "callscompleted)); its callsabandoned has time-outs and empty queues too. Asterisk counts in whole seconds "
        "and since its last restart, we in milliseconds and in the period",
        "Asterisk app_queue.c, QueueParams (record_abandoned)",
        ("queues",),
        _share(("answered_in", "given_up_in"), ("answered", "given_up")),
        "answered_in",
    ),
    _count(
        "handled",
        "queues, contacts: answered contacts, each once, with the queue that answered first; agents: contacts that "
        "she talked to, each once",
        "interactions.talk_seconds; legs",
        _ALL,
    ),
    Metric(
        "aht",
        "seconds",
        "(talk + hold + wrap-up) ÷ handled (average handle time)",
        _ISO,
        _ALL,
        _mean(("talk", "acw"), "handled"),
        "handled",
    ),
    Metric(
        "talk",
        "seconds",
        "(stretches with an agent − hold) ÷ handled",
        "interactions.talk_seconds − hold_seconds; legs",
        _ALL,
        lambda sums: (
            round((sums.get("talk", 0) - sums.get("hold", 0)) / 1000 / sums["handled"], 3)
            if sums.get("handled")
            else None
        ),
        "handled",
    ),
    Metric(
        "hold",
        "seconds",
        "holds of the phones ÷ handled",
        "interactions.hold_seconds; of an agent: the holds of her telephone",
        _ALL,
        _mean(("hold",), "handled"),
        "handled",
    ),
    Metric(
        "acw",
        "seconds",
        "queues, contacts: wrap-up of the agents after the contact ÷ handled; agents: seconds in WRAP_UP in the "
        "period ÷ handled",
        "agent_states.state = WRAP_UP",
        _ALL,
        _mean(("acw",), "handled"),
        "handled",
    ),
    _count(
        "transfers",
        "stretches with an agent that ended with a completed transfer",
        "legs.result = transferred",
        _ALL,
    ),
    _count(
        "repeats",
        "inbound contacts of somebody who made another one in the window before (7 days unless asked otherwise), on "
        "whichever channel; who it is: the customer (merged ones are one), else the address",
        "interactions.customer_id, customer_address",
    ),
    Metric(
        "repeat_rate",
        "percent",
        "repeats ÷ inbound contacts of which we know who it was",
        "computed",
        _CALLS,
        _share(("repeats",), ("identified",)),
        "repeats",
    ),
    Metric(
        "fcr",
        "percent",
        "answered contacts after which the same person made no other one in the window ÷ answered contacts of which "
        "we know who it was, and whose window is over (first-contact resolution, as seen from outside)",
        "computed; SQM's external definition",
        _CALLS,
        _share(("resolved",), ("resolvable",)),
        "resolved",
    ),
    Metric(
        "complaint_rate",
        "percent",
        "handled contacts that are in a case of the type complaint ÷ handled; empty where no cases are kept",
        "cases.type = complaint",
        _CALLS,
        lambda sums: _share(("complaints",), ("handled",))(sums) if "complaints" in sums else None,
        "complaints",
    ),
    Metric(
        "csat",
        "percent",
        "answers of 4 or 5 ÷ answers to the question of satisfaction (1 to 5); empty without surveys",
        "surveys.kind = csat; ISO 10004",
        _ALL,
        _share(("csat_satisfied",), ("csat_answers",)),
        "csat_answers",
    ),
    Metric(
        "csat_mean", "score", "mean of the answers (1 to 5)", "surveys.kind = csat", _ALL, _csat_mean, "csat_answers"
    ),
    Metric(
        "nps",
        "score",
        "percent of 9 and 10 − percent of 0 to 6 (net promoter score, −100 to 100); empty without surveys",
        "surveys.kind = nps; Reichheld 2003",
        _ALL,
        _nps,
        "nps_answers",
    ),
    _count("offers", "how often her telephone rang for a contact", "legs.kind = offer", _AGENTS),
    _count("offers_answered", "rings that she took", "legs.result = answered", _AGENTS),
    _count("offers_missed", "rings that she let ring", "legs.result = no_answer", _AGENTS),
    _count("offers_declined", "rings that she refused", "legs.result = declined", _AGENTS),
    _count(
        "offers_withdrawn",
        "the caller gave up, a colleague was faster, or the ring failed",
        "legs.result = cancelled, failed or none yet",
        _AGENTS,
    ),
    Metric(
        "signed_in",
        "seconds",
        "seconds in any state but LOGGED_OUT; the check computes it a second time, from sign-in to sign-out",
        "agent_states",
        _AGENTS,
        _seconds("signed_in"),
        None,
    ),
    *(
        Metric(
            f"in_{state.lower()}",
            "seconds",
            f"seconds in {state}, cut at the edges of the period",
            "agent_states",
            _AGENTS,
            _seconds(f"in_{state.lower()}"),
            None,
        )
        for state in STATES
    ),
    Metric(
        "occupancy",
        "percent",
        "(BUSY + WRAP_UP) ÷ (READY + OFFERED + BUSY + WRAP_UP)",
        _ISO,
        _AGENTS,
        _share(("in_busy", "in_wrap_up"), ("in_ready", "in_offered", "in_busy", "in_wrap_up")),
        None,
    ),
    Metric(
        "planned",
        "seconds",
        "what was planned for the agent in the period, until now (work and breaks)",
        "planned_shifts",
        _AGENTS,
        _seconds("planned"),
        None,
    ),
    Metric(
        "adherence",
        "percent",
        "planned seconds in a state that fits ÷ planned seconds. Work is kept in READY, OFFERED, BUSY and WRAP_UP, a "
        "break in NOT_READY or signed out; empty without a plan",
        "planned_shifts; agent_states",
        _AGENTS,
        _share(("adhered",), ("planned",)),
        None,
    ),
    Metric(
        "availability",
        "percent",
        "(READY + OFFERED + BUSY + WRAP_UP) ÷ signed in: the share of the signed-in time at work or ready for it",
        "agent_states",
        _AGENTS,
        _share(("in_ready", "in_offered", "in_busy", "in_wrap_up"), ("signed_in",)),
        None,
    ),
)

BY_NAME: Final[Mapping[str, Metric]] = {one.name: one for one in METRICS}


def of(report: Report) -> tuple[Metric, ...]:
    """The metrics of a report, in the order of its columns."""
    return tuple(one for one in METRICS if report in one.reports)


def values(report: Report, sums: Sums) -> dict[str, float | None]:
    """All metrics of a report from its sums."""
    return {one.name: one.value(sums) for one in of(report)}


def added(many: Iterable[Sums]) -> dict[str, int]:
    """Sums of several periods or groups together."""
    total: dict[str, int] = {}
    for sums in many:
        for name, value in sums.items():
            total[name] = total.get(name, 0) + value
    return total


# --- the page ------------------------------------------------------------------------------------

_UNITS: Final[Mapping[Unit, str]] = {"count": "number", "seconds": "seconds", "percent": "%", "score": "score"}
_HEAD: Final = """# What the numbers mean

Made from `interaction_log/metrics.py` and `interaction_log/analytics.py` by `python -m interaction_log.metrics`; a test
holds this page to them. Change a definition there, not here.

- **Periods** are half-open stretches of the clock on the wall in the report's time zone (IANA names): the day on which
  the clocks go forward has 23 hours, the one on which they go back 25. A week begins on Monday. A visit counts when the
  waiting began, a contact when it began, a ring and a stretch when they began; seconds of a state are cut at the edges.
- **Exactness**: durations are added up in whole milliseconds; SQLite and PostgreSQL give the same sums. A metric of a
  day is computed from the day's sums, never from the metrics of its hours. What is not defined (a share of nothing) is
  empty, not 0.
- **Threshold of the service level**: each queue's own (`service_level_seconds`), or what is asked for (`level`).
- **Segments**: the saved segments, a customer of several in the first by name; without any, VIP and others.
- **Campaigns**: a contact is of the campaign for which an agent made the call, or whose number the caller dialled.
- Every number but seconds of states opens the list of the interactions behind it.
- **Live figures** (the page Live, the wallboard, thresholds) are counted as contacts happen, by the same rules: `today`
  from the site's midnight, the last 30 and the last 60 minutes to the second; a visit counts when the waiting began.
  **Service level now** is `service_level` of that time: answered within the queue's threshold ÷ (offered −
  abandoned_short − still waiting). At any moment they equal the report over the same time; a test compares them.

## Conservation check

`cti reports check`, `GET /api/reports/check`, and the page Reports, Check. For each queue and hour:
offered = answered + abandoned + timeout + no_agent + left + pbx_lost + still waiting, each counted by a condition of
its own; and for each agent, signed-in time from sign-in to sign-out = sum of the seconds in the states, each state
beginning where the one before ended. `cti reports reconcile --queue-log FILE --cdr FILE` compares call by call with
what Asterisk wrote. It writes whole seconds, and ours are read off the clock in the same way: nearly all durations are
equal; one second is allowed where the second changed between what Asterisk wrote down and what it told us.
"""


def page() -> str:
    """``docs/metrics.md``."""
    from interaction_log.analytics import DEFINITIONS  # noqa: PLC0415 (beside this module, for the page alone)

    parts = [_HEAD, "## Metrics\n", "| Metric | Reports | Unit | Formula | Source |", "|---|---|---|---|---|"]
    for one in METRICS:
        formula, source = (text.replace("|", "\\|") for text in (one.formula, one.source))
        parts.append(f"| `{one.name}` | {', '.join(one.reports)} | {_UNITS[one.unit]} | {formula} | {source} |")
    parts += ["\n## Views of customers\n", "| Figure | Definition | Source |", "|---|---|---|"]
    parts += [f"| `{one.name}` | {one.formula} | {one.source} |" for one in DEFINITIONS]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    print(page(), end="")
