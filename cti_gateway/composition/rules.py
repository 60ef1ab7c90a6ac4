"""The site's rules out of the configuration: queues, their hours and lines, wrap-ups, limits, supervisors."""

from __future__ import annotations

from config.settings import Settings
from cti_gateway.composition.failures import CannotStart
from cti_gateway.gateway import seed_queues
from cti_gateway.hub import Hub
from cti_gateway.routing_setup import lists_of, queue_hours, rules_of
from interaction_log.records import QueueSettings
from interaction_log.store import Store
from routing.acd.model import QueueRule
from routing.capacity import Capacity
from routing.hours import Hours, HoursError
from routing.limits import LimitRules, PauseLimit
from routing.wrap_up import WrapUpRule


async def name_queues(store: Store, settings: Settings) -> None:
    """The queues that the configuration names."""
    known = set(QueueSettings.__dataclass_fields__)
    queues = [QueueSettings(**(q.model_dump(include=known) | {"label": q.label or q.name})) for q in settings.queue]
    await seed_queues(store, queues)


def set_rules(hub: Hub, settings: Settings) -> None:
    """How wrap-ups end, by queue; the limits of agents; what supervisors may do silently."""
    hub.limits.rules = _limits(settings)
    hub.distributor.settings.capacity = capacity(settings)
    hub.supervision.tell_agent = settings.supervision.tell_agent
    for queue in settings.queue:
        rule = WrapUpRule(
            mode=queue.wrap_up_mode,
            disposition=queue.wrap_up_disposition or None,
            alarm_seconds=queue.wrap_up_alarm_seconds,
        )
        hub.distributor.settings.wrap_up[queue.pbx, queue.name] = rule
        hub.desk.caller_ids[queue.pbx, queue.name] = queue.caller_id


def _limits(settings: Settings) -> LimitRules:
    agents = settings.agents
    return LimitRules(
        missed_offers=agents.missed_offers,
        offered_seconds=agents.offered_alarm_seconds,
        wrap_up_seconds=agents.wrap_up_alarm_seconds,
        dead_call_seconds=agents.dead_call_alarm_seconds,
        pauses={one.reason: PauseLimit(seconds=one.seconds, action=one.action) for one in agents.pause},
    )


def capacity(settings: Settings) -> Capacity:
    """One budget over all channels."""
    share = settings.agents.capacity
    return Capacity(
        budget=share.budget,
        weights={"voice": share.voice, "chat": share.chat, "email": share.email, "callback": share.voice},
        interrupts={
            "voice": frozenset(share.call_interrupts),
            **{c: frozenset(w) for c, w in share.interrupts.items()},
        },
        wrap_up=share.wrap_up,
    )


def set_routing(hub: Hub, settings: Settings) -> None:
    """How each queue's chats, mails and callbacks are distributed."""
    hub.dispatch.configure(routing_rules(settings), lists_of(settings.queue))
    hub.dispatch.attendance.voice.seconds = settings.agents.voice_first_seconds


def routing_rules(settings: Settings) -> list[QueueRule]:
    """The rule of each queue's line."""
    return rules_of(settings.queue, hours_by_queue(settings))


def hours_by_queue(settings: Settings) -> dict[tuple[str, str], Hours]:
    """Business hours by PBX and queue. Raises ``CannotStart``."""
    try:
        return queue_hours(
            settings.queue, [*settings.hours, *(settings.entry.hours if settings.entry is not None else ())]
        )
    except HoursError as error:
        raise CannotStart(str(error)) from error
