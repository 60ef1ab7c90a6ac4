"""Call entry put together from its configuration: rules, the two listeners, the process in front."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from cti_gateway.agi.lines import Question, Variables
from cti_gateway.bridge import MonotonicClock
from cti_gateway.callbacks import Callbacks, Policy, Stored
from cti_gateway.entry import Entry
from cti_gateway.fastagi import EntryServer
from cti_gateway.front_child import FrontChild
from cti_gateway.hub import Hub
from cti_gateway.seating import line_of
from cti_gateway.survey_keys import ANSWER, SurveyKeys, Surveys
from routing.callbacks import CallbackRules
from routing.entry import EntryRules
from routing.hours import Hours, HoursError, hours
from routing.ical import holidays

if TYPE_CHECKING:
    from config.entry import Entry as EntryConfig
    from config.entry import EntryHours


class CallEntry:
    """All of it, as one part of the program that starts and stops."""

    def __init__(self, entry: Entry, callbacks: Callbacks, server: EntryServer, front: FrontChild | None) -> None:
        self.entry, self.callbacks, self.server, self.front = entry, callbacks, server, front

    async def stop(self) -> None:
        """Call nobody back any more, end the process in front and close."""
        await self.callbacks.stop()
        if self.front is not None:
            await self.front.stop()
        else:
            await self.server.stop()


async def open_entry(
    hub: Hub, stored: Stored, config: EntryConfig, region: str, reactor: Any, surveys: Surveys | None = None
) -> CallEntry:
    """Listen, and start the process in front where wanted. Raises ``HoursError`` and ``OSError``'s like of Twisted."""
    entry = Entry(hub, rules_of(config, list(hub.pbxs)), region=region)
    callbacks = Callbacks(hub, entry, stored, _policy(config, region))
    callbacks.line = hub.dispatch.callbacks
    tell_hours(hub, entry)
    entry.find_callback, entry.stand_ins = callbacks.find, callbacks.stand_ins
    entry.promised = callbacks.promised
    await callbacks.start()

    keys = SurveyKeys(entry, surveys) if surveys is not None else None

    async def ask(question: Question) -> Variables:
        if question.kind == "survey":
            return await keys.take(question) if keys is not None else [(ANSWER, "unavailable")]
        return await (callbacks.request(question) if question.kind == "callback" else entry.route(question))

    server = EntryServer(ask, hub.spawn, reactor, MonotonicClock())
    server.listen_unix(config.socket)
    front = None
    if config.front:
        patience = config.patience_milliseconds / 1000
        front = FrontChild(server, config.socket, config.host, config.port, patience, config.allowed)
        front.start()
    return CallEntry(entry, callbacks, server, front)


def tell_hours(hub: Hub, entry: Entry) -> None:
    """Callbacks that are made at consoles are made within the hours of call entry, where their queue has no others."""
    for (pbx, queue), rules in entry.rules.items():
        if rules.callback and rules.hours is not None:
            line = line_of(pbx, queue)
            hub.dispatch.know(line)
            hub.dispatch.engine.rules[line] = replace(hub.dispatch.engine.rules[line], callback_hours=rules.hours)


def _policy(config: EntryConfig, region: str) -> Policy:
    return Policy(region, config.callback_abroad, callback_rules(config))


def callback_rules(config: EntryConfig | None) -> CallbackRules:
    """How often a callback is tried, and when it is given up; the usual rules without a call entry."""
    if config is None:
        return CallbackRules()
    return CallbackRules(
        max_attempts=config.callback_attempts,
        retry_seconds=config.callback_retry_seconds,
        expire_seconds=config.callback_expire_hours * 3600.0,
    )


def rules_of(config: EntryConfig, pbxs: list[str]) -> dict[tuple[str, str], EntryRules]:
    """The rules by PBX and queue; a queue without ``pbx`` is that of every PBX. Raises ``HoursError``."""
    times = {one.name: hours_of(one) for one in config.hours}
    found = {}
    for queue in config.queue:
        for pbx in [queue.pbx] if queue.pbx else pbxs:
            taken = queue.model_dump(exclude={"name", "pbx", "hours"})
            found[pbx, queue.name] = EntryRules(queue=queue.name, hours=times.get(queue.hours), **taken)
    return found


def hours_of(config: EntryHours) -> Hours:
    """Hours with the holidays of their files. Raises ``HoursError`` that names the hours and the file."""
    try:
        made = hours(config.timezone, config.periods, config.exceptions)
        days = [day for path in config.holidays for day in _read(path, made.zone)]
        return Hours(made.zone, made.week, made.exceptions, tuple(days))
    except HoursError as error:
        raise HoursError(f"entry.hours {config.name}: {error}") from None


def _read(path: Path, zone: ZoneInfo) -> list[Any]:
    try:
        return holidays(path.read_bytes(), zone)
    except OSError as error:
        raise HoursError(f"{path.name}: {error.strerror}") from None
    except HoursError as error:
        raise HoursError(f"{path.name}: {error}") from None
