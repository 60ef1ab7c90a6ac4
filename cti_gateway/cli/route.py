"""`cti route replay`: a period of the log through the distributor once more, with other people, hours or skills."""

from __future__ import annotations

import argparse
import time
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from cti_gateway.cli.output import complain, say, say_json
from interaction_log.periods import moment
from interaction_log.records import QueueSettings
from interaction_log.store.catalogue import StoredCatalogue
from interaction_log.store.told import StoredTold
from routing.acd.compare import Difference, Sums, differences, sums
from routing.acd.model import QueueRule, Seat
from routing.acd.replay import Change, Fate, Record, Shift, exact, played
from routing.hours import HoursError, hours

PARTS: Final = ("told", "catalogue")
_DAY: Final = 86_400.0
SHOWN: Final = 40
"""Contacts that differ, as people see them; ``--json`` has all."""


def add_parser(commands: Any) -> None:
    """`cti route replay [--from --to] [--staff FILE] [--without NAME] [--hours QUEUE=PERIODS] [--skills …]`."""
    one: argparse.ArgumentParser = commands.add_parser("route", help="how chats, mails and callbacks are distributed")
    verbs = one.add_subparsers(dest="verb", required=True, metavar="VERB")
    again = verbs.add_parser("replay", help="what would have been with other people, hours, skills or rules")
    text = "a day (2026-11-01) or an RFC 3339 time"
    again.add_argument("--from", dest="start", metavar="TIME", help=f"{text} (default: a day ago)")
    again.add_argument("--to", dest="end", metavar="TIME", help=f"{text}, not included (default: now)")
    again.add_argument("--tz", default="UTC", metavar="ZONE", help="of days and of --hours (default UTC)")
    again.add_argument("--staff", type=Path, metavar="FILE", help="TOML: without = [...], [[agent]] name, from, to …")
    again.add_argument("--without", action="append", default=[], metavar="NAME", help="as if she had not been there")
    again.add_argument("--hours", action="append", default=[], metavar="QUEUE=PERIODS", help="mon-fri 09:00-18:00; …")
    again.add_argument("--skills", action="append", default=[], metavar="NAME:SKILL=LEVEL")
    again.add_argument("--json", action="store_true")


async def run(arguments: argparse.Namespace, told: StoredTold, catalogue: StoredCatalogue) -> int:
    """0 done; 2 wrong use. ``arguments`` has ``rules`` and ``capacity`` from the configuration."""
    try:
        start = moment(arguments.start, arguments.tz) if arguments.start else time.time() - _DAY
        end = moment(arguments.end, arguments.tz) if arguments.end else time.time()
        change = _change(arguments)
    except OSError as error:
        complain("route replay", f"{error.filename}: {error.strerror}")
        return 2
    except (ValueError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        complain("route replay", str(error))
        return 2
    heard = await told.of(start, end)
    record = exact(heard, arguments.rules, arguments.capacity)
    then = played(heard, record, change, arguments.capacity)
    was = {of: fate for of, fate in record.fates.items() if fate.due_at >= start}
    levels = _levels(await catalogue.queues())
    differ = differences(was, then)
    (_as_json if arguments.json else _as_text)(
        sums(was, levels), sums({of: then[of] for of in was}, levels), differ, record
    )
    return 0


def _levels(queues: list[QueueSettings]) -> dict[str, float]:
    return {f"{q.pbx}:{q.name}" if q.pbx else q.name: float(q.service_level_seconds) for q in queues}


# --- what is changed -----------------------------------------------------------------------------------


def _change(arguments: argparse.Namespace) -> Change:
    """Raises ``ValueError`` and its like for what cannot be understood."""
    staff = tomllib.loads(arguments.staff.read_text("utf-8")) if arguments.staff is not None else {}
    unknown = set(staff) - {"without", "agent"}
    if unknown:
        raise ValueError(f"{arguments.staff}: unknown key {sorted(unknown)[0]}")
    rules = {rule.name: rule for rule in arguments.rules}
    for text in arguments.hours:
        line, rule = _hours(text, rules, arguments.tz)
        rules[line] = rule
    return Change(
        rules=tuple(rules.values()),
        without=frozenset([*arguments.without, *staff.get("without", ())]),
        shifts=tuple(_shift(one, rules, arguments.tz) for one in staff.get("agent", ())),
        skills=_skills(arguments.skills),
    )


def _hours(text: str, rules: dict[str, QueueRule], zone: str) -> tuple[str, QueueRule]:
    queue, equals, periods = text.partition("=")
    if not equals:
        raise ValueError(f"--hours {text}: say QUEUE=PERIODS, as support=mon-fri 09:00-18:00")
    line = _line(queue, rules)
    try:
        made = hours(zone, [one.strip() for one in periods.split(";") if one.strip()])
    except HoursError as error:
        raise ValueError(f"--hours {text}: {error}") from None
    return line, replace(rules.get(line, QueueRule(name=line)), hours=made)


def _line(queue: str, rules: dict[str, QueueRule]) -> str:
    """A queue by its name, or as ``pbx:name``. Raises ``ValueError`` where several PBXs have one of this name."""
    found = [line for line in rules if line == queue or line.partition(":")[2] == queue]
    if len(found) > 1 and queue not in found:
        raise ValueError(f"{queue}: several PBXs have such a queue; say one of {', '.join(sorted(found))}")
    return queue if queue in found or not found else found[0]


def _skills(texts: list[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for text in texts:
        name, colon, rest = text.partition(":")
        skill, equals, level = rest.partition("=")
        if not (colon and equals and level.isdecimal() and int(level) <= 5):
            raise ValueError(f"--skills {text}: say NAME:SKILL=LEVEL, 0 to 5")
        found.setdefault(name, {})[skill] = int(level)
    return found


def _shift(one: dict[str, Any], rules: dict[str, QueueRule], zone: str) -> Shift:
    unknown = set(one) - {"name", "queues", "skills", "teams", "from", "to"}
    if unknown or not {"name", "queues", "from", "to"} <= set(one):
        raise ValueError(
            f"[[agent]]: needs name, queues, from and to{'; unknown: ' + ', '.join(unknown) if unknown else ''}"
        )
    seat = Seat(
        name=str(one["name"]),
        ready=True,
        queues=frozenset(_line(str(queue), rules) for queue in one["queues"]),
        skills={str(skill): int(level) for skill, level in one.get("skills", {}).items()},
        teams=frozenset(map(str, one.get("teams", ()))),
    )
    return Shift(seat=seat, start=moment(str(one["from"]), zone), end=moment(str(one["to"]), zone))


# --- what is printed -----------------------------------------------------------------------------------


def _as_json(was: dict[str, Sums], then: dict[str, Sums], differ: list[Difference], record: Record) -> None:
    say_json(
        {
            "queues": {line: {"recorded": asdict(was[line]), "replayed": asdict(then[line])} for line in sorted(was)},
            "contacts": [asdict(one) for one in differ],
            "decisions": len(record.decisions),
        }
    )


def _as_text(was: dict[str, Sums], then: dict[str, Sums], differ: list[Difference], record: Record) -> None:
    columns = ("contacts", "answered", "left", "diverted", "waiting")
    say(f"{'queue':<24}{'':<10}" + "".join(f"{name:>10}" for name in columns) + f"{'mean wait':>12}{'in time':>9}")
    for line in sorted(was):
        for word, one in (("recorded", was[line]), ("replayed", then[line])):
            numbers = "".join(f"{getattr(one, name):>10}" for name in columns)
            wait = "–" if one.mean_wait is None else f"{one.mean_wait:.1f} s"
            level = "–" if one.in_time is None else f"{one.in_time:.0%}"
            say(f"{line if word == 'recorded' else '':<24}{word:<10}{numbers}{wait:>12}{level:>9}")
    say(f"{len(differ)} of {sum(one.contacts for one in was.values())} contacts differ")
    for other in differ[:SHOWN]:
        say(f"  {other.contact}  {_said(other.recorded)}  →  {_said(other.replayed)}")
    if len(differ) > SHOWN:
        say(f"  … and {len(differ) - SHOWN} more (--json has all)")


def _said(fate: Fate) -> str:
    wait = "" if fate.waited is None else f" after {fate.waited:.1f} s"
    return f"{fate.result}{' by ' + fate.agent if fate.agent else ''}{wait}"
